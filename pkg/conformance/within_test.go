package conformance

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
)

// success returns a run_completed whose data has these members, too.
func success(members string) string {
	return `{"event_type":"run_completed","timestamp":"2026-03-14T09:00:47.951Z","webhook_id":"67060d5b-c084-4e2a-8b36-4afd68f04778","data":{` +
		`"robot_id":"a57e","run_id":"a799","robot_name":"Harbour watch","status":"success","started_at":"2026-03-14T08:59:12.004Z",` +
		`"finished_at":"2026-03-14T09:00:47.310Z","metadata":{"user_id":41}` + members + `}}`
}

// captured returns extracted_data with these captured_texts.
func captured(texts string) string {
	return `,"extracted_data":{"captured_texts":` + texts + `,"captured_lists":{},"total_rows":0,"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0}`
}

// found returns the findings of a code: their pointers, or patterns with counts.
func found(c Checker, payload string, code Code) (all []string) {
	for _, f := range c.Check([]byte(payload)).Findings {
		if f.Code != code {
			continue
		}
		place := f.Pointer
		if f.Count > 0 {
			place = fmt.Sprintf("%s ×%d", f.Pattern, f.Count)
		}
		all = append(all, place)
	}
	return all
}

// The hosts that not everybody reaches, as URLs name them, and others.
var urls = []struct {
	url     string
	private bool
}{
	{"http://localhost:9000/a", true},
	{"https://LOCALHOST", true},
	{"http://localhost./a", true},
	{"http://minio.localhost/a", true},
	{"http://user:p@ss@localhost/a", true},
	{"http://a.com:b@localhost/a", true},
	{"//localhost/a", true},
	{" http://localhost/a\n", true},
	{"http:\\\\localhost\\a", true},
	{"http://local\thost/a", true},
	{"http://minio:9000/a", true},
	{"http://nas.local/a", true},
	{"http://host.docker.internal:3000/a", true},
	{"http://printer.home.arpa/a", true},
	{"http://files.corp?x=1", true},
	{"http://127.0.0.1/a", true},
	{"http://127.1/a", true},
	{"http://2130706433/a", true},
	{"http://0x7f.1/a", true},
	{"http://0177.0.0.1/a", true},
	{"http://0/a", true},
	{"http://127.0.0.1./a", true},
	{"http://１２７.0.0.1/a", true},
	{"http://127。0。0。1/a", true},
	{"http://%6c%6fcalhost/a", true},
	{"http://%31%32%37.0.0.1/a", true},
	{"ftp://10.1.2.3/a", true},
	{"http://172.16.0.1/a", true},
	{"http://192.168.1.10:9000/a", true},
	{"http://169.254.169.254/latest", true},
	{"http://[::1]:9000/a", true},
	{"http://[::ffff:127.0.0.1]/a", true},
	{"http://[::ffff:7f00:1]/a", true},
	{"http://[64:ff9b::7f00:1]/a", true},
	{"http://[fe80::1]/a", true},
	{"http://[fd12:3456::1]/a", true},
	{"file:///srv/screenshots/a.png", true},
	{"File://files.example.com/a.png", true},
	{" //127.0.0.1/a", true},
	{"  http://127.0.0.1/a ", true},

	{"", false},
	{"https://example.com/a", false},
	{"https://example.com:8443/http://localhost/", false},
	{"https://example.com/?u=//localhost", false},
	{"https://localhost.example.com/a", false},
	{"https://local.example/a", false},
	{"https://example.com@example.org/", false},
	{"http://8.8.8.8/a", false},
	{"http://134744072/a", false},
	{"http://172.32.0.1/a", false},
	{"http://[2606:4700::1111]/a", false},
	{"http://1.2.3.4.5/a", false},
	{"http://256.0.0.1/a", false},
	{"http://1.1.1.1.in-addr.arpa/a", false},
	{"/screenshots/1.png", false},
	{"data:image/png;base64,//localhost/", false},
	{"mailto:root@localhost", false},
	{"see http://localhost/", false},
	{"http://", false},
	{"http://[::1/a", false},
}

func TestUnreachableURL(t *testing.T) {
	for _, test := range urls {
		text, _ := json.Marshal(test.url)
		for _, payload := range []string{
			success(`,"screenshot_visible":` + string(text)),
			success(`,"links":[{"url":"https://example.com/"},{"url":` + string(text) + `}]`),
			success(`,"extracted_data":{"links":[` + string(text) + `]}`),
		} {
			if got := found(Checker{}, payload, "data.unreachable-url"); len(got) > 0 != test.private {
				t.Errorf("%q: %v in %s", test.url, got, payload)
			}
		}
	}
}

// What the judge takes a quick look at is decided here, and it misses nothing.
func FuzzUnreachableURL(f *testing.F) {
	for _, test := range urls {
		f.Add(test.url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		text, err := json.Marshal(url)
		if err != nil {
			return
		}
		var plain string
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatal(err)
		}
		got := found(Checker{}, success(`,"screenshot_fullpage":`+string(text)), "data.unreachable-url")
		if why := unreachable(plain); why != "" != (len(got) == 1) {
			t.Errorf("%q: %q, and the findings are %q", url, why, got)
		}
	})
}

func TestUnsafeInteger(t *testing.T) {
	for raw, want := range map[string]bool{
		"0": false, "-0": false, "108": false, "5.0": false, "1e3": false,
		"9007199254740991": false, "-9007199254740991": false, "9007199254740990": false, "9007199254740991000e-3": false, "9007199254740991.5": false,
		"9007199254740992": true, "-9007199254740992": true, "9007199254740993": true, "9007199254740993.0": true, "9007199254740993.00": true,
		"90071992547409930e-1": true, "9.007199254740993e15": true, "9.007199254740993E+15": true,
		"10000000000000000": true, "18446744073709551615": true, "123456789012345678901234567890": true,
		"1e16": false, "1e300": false, "6.02214076e+23": false, "1.7976931348623157e308": false, "1.2345678901234568e+25": false,
		"1.2345678901234567e+25": true, "1.8e308": true, "1e400": true, "-1e999999999999": true,
		"0e999999": false, "1e-300": false, "0.12345678901234567890": false, "1234567890123456789.5": false,
	} {
		if got := unsafeInteger([]byte(raw)); got != want {
			t.Errorf("%s: %v", raw, got)
		}
		for _, member := range []string{`,"x":`, `,"extracted_data":{"crawl_data":{"a":[{"b":` + raw + `}]}},"y":`} {
			if got := found(Checker{}, success(member+raw), "data.unsafe-integer"); len(got) > 0 != want {
				t.Errorf("%s: %v", raw, got)
			}
		}
	}
}

// What is reported is beyond 2^53-1, and not what a double is written as.
func FuzzUnsafeInteger(f *testing.F) {
	f.Add("9007199254740993.0")
	f.Add("1.2345678901234567e+25")
	f.Add("-12e0016")
	f.Fuzz(func(t *testing.T, raw string) {
		if len(raw) > 40 || !json.Valid([]byte(raw)) || strings.Trim(raw, "-+.0123456789eE") != "" {
			return
		}
		double, err := strconv.ParseFloat(raw, 64)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(raw)
		if !ok { // an exponent too large for it: of 0, or of what is almost 0
			exact = new(big.Rat)
		}
		written, _ := new(big.Rat).SetString(strconv.FormatFloat(double, 'e', -1, 64))
		safe := big.NewInt(1<<53 - 1)
		want := exact.IsInt() && exact.Num().CmpAbs(safe) > 0 && (!strings.ContainsAny(raw, ".eE") || exact.Cmp(written) != 0)
		if got := found(Checker{}, success(`,"x":`+raw), "data.unsafe-integer"); len(got) > 0 != want {
			t.Errorf("%s: %v, want %v", raw, got, want)
		}
	})
}

func TestNUL(t *testing.T) {
	for _, test := range []struct {
		members, want string
		each          int
	}{
		{`,"x":"a\u0000b"`, "/data/x", 1},
		{`,"x":"a\\u0000b"`, "", 0},
		{`,"x":"a\\\u0000b"`, "/data/x", 1},
		{`,"x":"\u00000"`, "/data/x", 1},
		{`,"x":"\u0001\u00010000"`, "", 0},
		{`,"x":"é\u0000` + strings.Repeat("x", 100) + `"`, "/data/x", 1},
		{`,"x":"` + strings.Repeat(`\n`, 70) + `\u0000"`, "/data/x", 1},
		{`,"x":["\u0000",1,{"y":"\u0000"},"\u0000"]`, "/data/x/* ×2|/data/x/2/y", 3},
		{`,"x\u0000":1`, "/data/x\x00", 1},
		{`,"x\u0000":"\u0000"`, "/data/x\x00|/data/x\x00", 2},
		{captured(`[{"A":"1"},{"A":"\u0000"},{"A":"\u0000"}]`), "/data/extracted_data/captured_texts/*/A ×2", 2},
		{captured(`[{"A\u0000":"1"},{"A\u0000":"1"}]`), "/data/extracted_data/captured_texts/*/A\x00 ×2", 2},
		{`,"x":` + strings.Repeat(`[`, 900) + `"\u0000"` + strings.Repeat(`]`, 900), "/data/x" + strings.Repeat("/0", 900), 1},
	} {
		if got := strings.Join(found(Checker{}, success(test.members), "data.nul"), "|"); got != test.want {
			t.Errorf("%.80s: %q, want %q", test.members, got, test.want)
		}
		if got := found(Checker{Each: true}, success(test.members), "data.nul"); len(got) != test.each {
			t.Errorf("%.80s: each: %q", test.members, got)
		}
	}
}

func TestRepeatedRows(t *testing.T) {
	const a, b, c, d = `{"N":"a","P":"1"}`, `{"N":"b","P":"1"}`, `{"N":"c","P":"2"}`, `{"N":"d"}`
	list := func(rows ...string) string { return "[" + strings.Join(rows, ",") + "]" }
	for _, test := range []struct{ texts, want string }{
		{list(), ""},
		{list(a), ""},
		{list(a, a), ""},
		{list(a, a, b), ""},             // one row may be there twice
		{list(a, a, a, a, a, a, a), ""}, // equal rows
		{list(a, b, a, b, a, b), ""},    // in rounds
		{list(a, b, c, a, b), ""},       // nothing new
		{list(a, b, a, c, a, b, c), ""}, // another part than before
		{list(a, b, c, b, c, d), ""},    // not from the first
		{list(a, b, a, b, c), "from row 2 on, the 2 rows before it start again, and other rows follow them"},
		{list(a, a, b, a, b, c), "from row 3 on, the 2 rows before it start again, and other rows follow them"},
		{list(a, a, b, a, b, c, a, b, c, d), "from row 6 on, the 3 rows before it start again, and other rows follow them"},
		{list(a, b, a, b, c, a), ""},
		{`{}`, ""},
		{`{"A":[]}`, ""},
		{`{"A":[],"B":[` + a + `]}`, ""},
		{`{"A":` + list(a) + `,"B":` + list(b) + `}`, ""},
		{`{"A":` + list(d) + `,"B":` + list(d, b) + `}`, ""}, // one cell
		{`{"A":` + list(a) + `,"B":` + list(a, b) + `}`, `"B" starts with the row of "A"`},
		{`{"A":` + list(a) + `,"B":` + list(b, a) + `}`, ""},
		{`{"A":` + list(d, d) + `,"B":` + list(d, d, a) + `}`, `"B" starts with the 2 rows of "A"`},
		{`{"A":` + list(a, b, c) + `,"B":` + list(c) + `,"C":` + list(a, b) + `}`, `"A" starts with the 2 rows of "C"`},
		{`{"A":` + list(a, b) + `,"B":` + list(a, b) + `}`, `"A" holds the same 2 rows as "B"`},
		{`{"A":[{}],"B":[{},{}]}`, ""},
		{`{"A":[{"N":null,"P":"1"}],"B":[{"N":null,"P":"1"},{"N":"x","P":null}]}`, `"B" starts with the row of "A"`},
	} {
		got := ""
		for _, f := range Check([]byte(success(captured(test.texts)))).Findings {
			if f.Code == "data.repeated-rows" {
				got = f.Message
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.texts, got, test.want)
		}
	}
}

func TestEmptySuccess(t *testing.T) {
	const nothing = `"captured_texts":[],"captured_lists":{},"total_rows":0,"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":3`
	for members, want := range map[string]bool{
		``:                                    true,
		`,"extracted_data":{` + nothing + `}`: true,
		`,"extracted_data":{` + nothing + `,"crawl_data":{},"search_data":{}}`:                            true,
		`,"extracted_data":{` + nothing + `,"crawl_data":{"Crawl Results":[]}}`:                           true,
		`,"extracted_data":{` + nothing + `,"crawl_data":{"Crawl Results":[{"markdown":""}]}}`:            false,
		`,"extracted_data":{` + nothing + `,"search_data":{"Search Results":{"query":"a","results":[]}}}`: false,
		`,"extracted_data":{` + nothing + `,"products":"a"}`:                                              false,
		`,"extracted_data":{` + nothing + `,"markdown":"","html":null,"links":[],"summary":""}`:           true,
		`,"extracted_data":{` + nothing + `,"markdown":"# A"}`:                                            false,
		captured(`{}`):                                   true,
		captured(`{"A":[]}`):                             true,
		captured(`[{"A":null}]`):                         false,
		captured(`[{"A":""}]`):                           false,
		captured(`{"A":[{"A":"1"}]}`):                    false,
		`,"markdown":"","html":""`:                       true,
		`,"markdown":"# A"`:                              false,
		`,"text":"A"`:                                    false,
		`,"links":[]`:                                    true,
		`,"links":[""]`:                                  true,
		`,"links":[{"url":"https://example.com/"}]`:      false,
		`,"screenshot_visible":"https://example.com/1"`:  false,
		`,"screenshot_visible":null`:                     true,
		`,"workflow_run":"17","took":5,"robot":{"id":5}`: true,
		`,"results":[1]`:                                 false,
		`,"results":[[],null,""]`:                        true,
		`,"results":{"A":{"B":"c"}}`:                     false,
	} {
		if got := found(Checker{}, success(members), "data.empty-success"); len(got) > 0 != want {
			t.Errorf("%s: %v", members, got)
		}
		for _, status := range []string{"failed", "test"} {
			other := strings.Replace(success(members), `"status":"success"`, `"status":"`+status+`"`, 1)
			if got := found(Checker{}, other, "data.empty-success"); got != nil {
				t.Errorf("%s: with status %s: %v", members, status, got)
			}
		}
	}
}

// What is missing of an empty success isn't just to be added.
func TestHintOnAnEmptySuccess(t *testing.T) {
	for members, want := range map[string]string{
		``:              "fetch the run from the server's API before you believe it",
		`,"html":"<p>"`: "read what the run captured from beside it: markdown, html, summary, links, or screenshots; if there is nothing, fetch the run",
	} {
		for _, f := range (Checker{As: Receiver}).Check([]byte(success(members))).Findings {
			if f.Code == "dialect.member-absent" && f.Hint != want {
				t.Errorf("%s: %q, want %q", members, f.Hint, want)
			}
		}
	}
}
