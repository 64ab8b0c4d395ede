package module_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/module"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

type answer struct {
	Error     string                `json:"error"`
	Passes    *bool                 `json:"passes"`
	Verdict   conformance.Verdict   `json:"verdict"`
	EventType string                `json:"event_type"`
	Findings  []conformance.Finding `json:"findings"`
	Truncated bool                  `json:"truncated"`
	Event     json.RawMessage       `json:"event"`
}

func read(t *testing.T, text []byte) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return a
}

// TestVectors: what the module says of a payload is what package conformance does.
func TestVectors(t *testing.T) {
	for _, v := range vectors.All() {
		for as, options := range map[conformance.Role]string{
			conformance.Sender: ``, conformance.Receiver: `{"as":"receiver"}`,
		} {
			want := conformance.Checker{As: as}.Check(v.Payload)
			checked := read(t, module.Check([]byte(options), v.Payload))
			got := conformance.Report{EventType: checked.EventType, Verdict: checked.Verdict, Findings: checked.Findings, Truncated: checked.Truncated}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s as %s (-want +got):\n%s", v.Name, as, diff)
			}
			passes := v.Verdict == "conforms" || v.Verdict == "deviates" && as == conformance.Receiver
			if checked.Passes == nil || *checked.Passes != passes {
				t.Errorf("%s as %s: passes isn't %v", v.Name, as, passes)
			}
		}
		want := conformance.Checker{As: conformance.Receiver}.Check(v.Payload)
		parsed := read(t, module.Parse(nil, v.Payload))
		if diff := cmp.Diff(want.Findings, parsed.Findings); diff != "" || parsed.Verdict != want.Verdict {
			t.Errorf("%s: parse says %s (-want +got):\n%s", v.Name, parsed.Verdict, diff)
		}
		if e, err := event.Parse(v.Payload); err == nil {
			if want, err := e.MarshalJSON(); err != nil || string(parsed.Event) != string(want) {
				t.Errorf("%s: %v\ngot  %s\nwant %s", v.Name, err, parsed.Event, want)
			}
		} else if parsed.Event != nil {
			t.Errorf("%s is invalid, and an event: %s", v.Name, parsed.Event)
		}
	}
}

// TestDecides: of a payload that doesn't pass, what decides so is marked.
func TestDecides(t *testing.T) {
	var deviates, invalid []byte
	for _, v := range vectors.All() {
		switch v.Name {
		case "dialect.local-time":
			deviates = v.Payload
		case "schema.required":
			invalid = v.Payload
		}
	}
	for _, tt := range []struct {
		options string
		payload []byte
		want    string // which of its errors decide
	}{
		{``, deviates, "all"},
		{`{"against":"observed"}`, deviates, "none"},
		{`{"as":"receiver"}`, deviates, "none"},
		{`{"as":"receiver","against":"documented"}`, deviates, "all"},
		{`{"as":"sender"}`, invalid, "all"},
		{`{"as":"receiver"}`, invalid, "all but dialects"},
	} {
		var a struct {
			Findings []struct {
				Code, Severity string
				Decides        bool
			}
		}
		if err := json.Unmarshal(module.Check([]byte(tt.options), tt.payload), &a); err != nil || len(a.Findings) == 0 {
			t.Fatalf("%v, %d findings", err, len(a.Findings))
		}
		for _, f := range a.Findings {
			want := f.Severity == "error" && (tt.want == "all" || tt.want != "none" && !strings.HasPrefix(f.Code, "dialect."))
			if f.Decides != want {
				t.Errorf("%s: %s decides: %v, want %v", tt.options, f.Code, f.Decides, want)
			}
		}
	}
}

// TestErrors: options that can't be used say so, and what to do.
func TestErrors(t *testing.T) {
	key := signature.NewSecret().Text()
	for _, tt := range []struct {
		call    func(options, payload []byte) []byte
		options string
		want    string // begins so
	}{
		{module.Check, `{`, `the options can't be read: unexpected EOF`},
		{module.Check, `[]`, `the options can't be read: json: cannot unmarshal array`},
		{module.Check, `{"against":"observed"} {}`, `the options can't be read: there is more than one JSON value`},
		{module.Check, `{"agains":"observed"}`, `the options can't be read: json: unknown field "agains"`},
		{module.Check, `{"against":"v1"}`, `the option against is "v1"; it is documented or observed`},
		{module.Check, `{"as":"both"}`, `the option as is "both"; it is sender or receiver`},
		{module.Check, "{\"as\":\"\xff\"}", "the option as is \"\ufffd\"; it is sender or receiver"},
		{module.Parse, `{"as":"both"}`, `the option as is "both"; it is sender or receiver`},
		{module.Parse, `{"zone":"Europe/Atlantis"}`, `the option zone is "Europe/Atlantis"; it is a name of the IANA`},
		{module.Parse, `{"zone":"Local"}`, `the option zone is "Local"; it is a name of the IANA`},
		{module.Parse, `{"zone":"../../etc/passwd"}`, `the option zone is "../../etc/passwd"; it is a name of the IANA`},
		{module.Parse, `{"locale":"de_DE"}`, `the option locale: event: the locale "de_DE" is not known`},
		{module.Parse, `{"locale":"de-XX"}`, `the option locale: event: the locale "de-XX" is not known; of this language are`},
		{module.Parse, `{"layouts":"15:04"}`, `the options can't be read: json: cannot unmarshal string`},
		{module.Verify, ``, `the option secrets is empty: list at least one secret`},
		{module.Verify, `{"secrets":["hunter2"]}`, `the option secrets: number 1: signature: unusable secret`},
		{module.Verify, `{"secrets":["` + key + `","whsec_AA=="]}`, `the option secrets: number 2: signature: unusable secret`},
		{module.Verify, `{"headers":{"webhook-id":1}}`, `the options can't be read: the value of a header is a text, or a list of texts`},
		{module.Verify, `{"tolerance_seconds":0}`, `the option tolerance_seconds is 0; it is above 0 and at most 8589934592`},
		{module.Verify, `{"tolerance_seconds":1e300}`, `the option tolerance_seconds is 1e+300; it is above 0`},
		{module.Verify, `{"now":-1}`, `the option now is -1; it is in seconds since 1970`},
		{module.Verify, `{"now":1767225600000}`, `the option now is 1.7672256e+12; it is in seconds since 1970`},
	} {
		text := tt.call([]byte(tt.options), []byte("{}"))
		if a := read(t, text); !strings.HasPrefix(a.Error, tt.want) || a.Verdict != "" {
			t.Errorf("%s\ngot  %s\nwant %s", tt.options, text, tt.want)
		}
	}
}

// TestVerify: the reasons, and what is told of a request that is genuine.
func TestVerify(t *testing.T) {
	const payload = `{"event_type":"run_failed"}`
	at := time.Unix(1_767_225_600, 0)
	old, secret := signature.NewSecret(), signature.NewSecret()
	signed, err := signature.Sign("evt_1", at, []byte(payload), secret)
	if err != nil {
		t.Fatal(err)
	}
	headers := func(id, timestamp, signature string) string {
		return fmt.Sprintf(`{"Webhook-ID":%s,"webhook-timestamp":%s,"WEBHOOK-SIGNATURE":%s,"content-type":"application/json"}`, id, timestamp, signature)
	}
	const id, timestamp = `"evt_1"`, `"1767225600"`
	good := headers(id, timestamp, `["`+signed+`"]`)
	const genuine = `{"verified":true,"id":"evt_1","timestamp":1767225600}`
	for _, tt := range []struct {
		name, headers, more string
		payload             string
		want                string // begins so
	}{
		{"genuine", good, `"now":1767225600`, payload, genuine},
		{"a little later", good, `"now":1767225899.5`, payload, genuine},
		{"a wider tolerance", good, `"now":1767229199,"tolerance_seconds":3600`, payload, genuine},
		{"nothing of it", `{}`, `"now":1767225600`, payload, `{"verified":false,"reason":"header-missing","message":"signature: missing header: Webhook-Id"}`},
		{"twice", headers(id, timestamp, `["a","b"]`), `"now":1767225600`, payload, `{"verified":false,"reason":"header-malformed"`},
		{"in two spellings", strings.Replace(good, "{", `{"webhook-id":"evt_1",`, 1), `"now":1767225600`, payload, `{"verified":false,"reason":"header-malformed"`},
		{"no seconds", headers(id, `"now"`, `"`+signed+`"`), `"now":1767225600`, payload, `{"verified":false,"reason":"header-malformed"`},
		{"old", good, `"now":1767225901`, payload, `{"verified":false,"reason":"too-old"`},
		{"new", good, `"now":1767225299`, payload, `{"verified":false,"reason":"too-new"`},
		{"by today's clock", good, `"tolerance_seconds":1`, payload, `{"verified":false,"reason":"too-old"`},
		{"altered", good, `"now":1767225600`, payload + " ", `{"verified":false,"reason":"mismatch"`},
		{"of another id", strings.Replace(good, "evt_1", "evt_2", 1), `"now":1767225600`, payload, `{"verified":false,"reason":"mismatch"`},
	} {
		options := fmt.Sprintf(`{"headers":%s,"secrets":[%q,%q],%s}`, tt.headers, old.Text(), secret.Text(), tt.more)
		if got := string(module.Verify([]byte(options), []byte(tt.payload))); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// FuzzCalls: every call answers in JSON, whatever it is given, and says of a payload
// what package conformance does.
func FuzzCalls(f *testing.F) {
	f.Add(``, ``)
	f.Add(`{"zone":"Europe/Berlin","locale":"de-DE","layouts":["2.1.2006"],"as":"sender"}`, `{}`)
	f.Add(`{"headers":{"webhook-id":["a"]},"secrets":["whsec_`+strings.Repeat("A", 32)+`"],"now":1e9}`, `{}`)
	for _, v := range vectors.All() {
		if len(v.Payload) < 2000 {
			f.Add(`{"as":"receiver","each":true}`, string(v.Payload))
		}
	}
	f.Fuzz(func(t *testing.T, options, payload string) {
		for name, call := range map[string]func(options, payload []byte) []byte{
			"check": module.Check, "parse": module.Parse, "verify": module.Verify,
		} {
			text := call([]byte(options), []byte(payload))
			a := read(t, text)
			if strings.Contains(a.Error, "error in Runhooks") {
				t.Errorf("%s: %s", name, a.Error)
			}
			if name == "parse" && a.Error == "" && (a.Event == nil) != (a.Verdict == conformance.Invalid) {
				t.Errorf("the verdict is %s, and the event %s", a.Verdict, a.Event)
			}
			if want := conformance.Check([]byte(payload)).Verdict; name != "verify" && a.Error == "" && a.Verdict != want {
				t.Errorf("%s: %s, want %s", name, a.Verdict, want)
			}
		}
	})
}

// TestParse: the options are those of event.Parser.
func TestParse(t *testing.T) {
	var payload []byte
	for _, v := range vectors.All() {
		if v.Name == "dialect.local-time" {
			payload = v.Payload
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	american, err := event.LoadLocale("en-US")
	if err != nil {
		t.Fatal(err)
	}
	for options, parser := range map[string]event.Parser{
		`{}`:                  {},
		`{"provenance":true}`: {Provenance: true},
		`{"zone":"Europe/Berlin","locale":"en-US"}`:                                 {Zone: berlin, Locale: american},
		`{"zone":"Europe/Berlin","layouts":["1/2/2006, 3:04:05 PM"],"as":"sender"}`: {Zone: berlin, Layouts: []string{"1/2/2006, 3:04:05 PM"}},
	} {
		e, err := parser.Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.MarshalJSON()
		if got := read(t, module.Parse([]byte(options), payload)); err != nil || string(got.Event) != string(want) {
			t.Errorf("%s: %v %s\ngot  %s\nwant %s", options, err, got.Error, got.Event, want)
		}
		if known := e.Run.StartedAt.Instant.IsZero(); known == strings.Contains(options, "zone") {
			t.Errorf("%s: the instant is not known: %v", options, known)
		}
	}
}
