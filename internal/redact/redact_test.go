package redact

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// canary is what must be shown nowhere.
const canary = "Q0FOQVJZ"

func TestText(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"it starts with none of whsec_, whsk_ and whpk_", "it starts with none of whsec_, whsk_ and whpk_"},
		{`there is no event "whsec_aGk=": did you mean run_failed?`, `there is no event "whsec_***": did you mean run_failed?`},
		{"whpk_aGk= is public", "whpk_aGk= is public"},
		{"did you mean http://localhost:9000?", "did you mean http://localhost:9000?"},
		{"--to https://a:b@h/p?x=1&y: no", "--to https://***@h/p?x=***&***: no"},
		{`Post "https://h/?a=\"b": refused`, `Post "https://h/?a=***": refused`},
		{`(see https://h/a@b.)`, `(see https://h/a@b.)`},
		{`"Authorization: Digest a=\"b\"" for "--rate"`, `"Authorization: ***" for "--rate"`},
		{`{"authorization":"Bearer x","b":1}`, `{"authorization":"***","b":1}`},
		{"Cookie: a=b\nnext", "Cookie: ***\nnext"},
		{"Authorization: Digest a=\"b\", c=\"d\"\nnext", "Authorization: ***\nnext"},
		{`{"Authorization":["Bearer x"],"Host":["h"]}`, `{"Authorization":["***"],"Host":["h"]}`},
		{"{'X-Auth-Token': 'x', 'Host': 'h'}", "{'X-Auth-Token': ***"},
		{`"{\"authorization\":\"Bearer x\"}"`, `"{\"authorization\":\"***"`},
		{"map[Authorization:[Bearer x] Host:[h]]", "map[Authorization:[***"},
		{"[authorization] => Bearer x", "[authorization] => ***"},
		{"RUNHOOKS_SECRET: it starts with none", "RUNHOOKS_SECRET: it starts with none"},
		{"--secret: it starts with none", "--secret: it starts with none"},
		{"the header Authorization, which is missing", "the header Authorization, which is missing"},
		{`{"url":"https:\/\/a:b@h\/in?token=x"}`, `{"url":"https://***@h/in?token=***"}`},
		{`whsec_a\/b&#43;c\u003d, WHSEC%5Fa`, `whsec_***, WHSEC%5F***`},
		{"user%3Ap%40w%40h user:p%40w@h", "***@h ***@h"},
		{`{"code":"json.duplicate-key","severity":"error"}`, `{"code":"json.duplicate-key","severity":"error"}`},
		{"https://h/a#b-c8 https://h/a#B8c", "https://h/a#b-c8 https://h/a#***"},
	} {
		got := Text(tt.text)
		if got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.text, got, tt.want)
		}
		if again := Text(got); again != got {
			t.Errorf("twice: %s", again)
		}
	}
}

// TestEcho: nothing has to be known of the form in which an endpoint repeats
// what it got.
func TestEcho(t *testing.T) {
	const url = "https://example.invalid/in?token=a%2F" + canary + "&bare-" + canary
	header := http.Header{"Authorization": {"Bearer " + canary}, "X-Custom": {canary + "-" + canary + "/+" + canary}, "X-N": {"5"}}
	for _, form := range []string{
		"%s",
		`{"headers":[{"name":"Authorization","value":"Bearer %s"}],"n":5}`,
		`["Authorization","Bearer %s"] 5`,
		"<td>Authorization</td><td>Bearer %s</td> 5",
		`HTTP_X_CUSTOM=%[1]s-%[1]s\/+%[1]s`,
		`{"args":{"token":"a\u002f%s","5":5}}`,
		"bare-%s",
	} {
		answer := fmt.Sprintf(form, canary)
		got := Echo(answer, url, header)
		if strings.Contains(got, canary) || !strings.Contains(got, Hidden) || strings.Count(got, "5") != strings.Count(answer, "5") {
			t.Errorf("%s\nis shown as %s", answer, got)
		}
	}
	const other = "Authorization is missing: give a token"
	if got := Echo(other, "https://example.invalid/%zz", nil); got != other {
		t.Error(got)
	}
}

func TestURL(t *testing.T) {
	for raw, want := range map[string]string{
		"":                              "",
		"/in?x=1":                       "/in?x=***",
		"/users/@me":                    "/users/@me",
		"//a@h/x":                       "//***@h/x",
		"user:pw@h/x":                   "***@h/x",
		"http://h/a/@b/c":               "http://h/a/@b/c",
		"http://a@b@h":                  "http://***@h",
		"http://u:p/w@h":                "http://***",
		"http://h/%zz":                  "http://h/%zz",
		"http://h/?a=b=c&&d":            "http://h/?a=***&&***",
		"https://h/#access_token=x?y=z": "https://h/#access_token=***",
		"https://h/page#section":        "https://h/page#section",
	} {
		if got := URL(raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func TestAuthenticates(t *testing.T) {
	for name, want := range map[string]bool{
		"Authorization": true, "proxy-authorization": true, "Cookie": true, "X-Api-Key": true, "X-Auth-Token": true,
		"Webhook-Signature": false, "Content-Type": false, "Token": false,
	} {
		if got := Authenticates(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
