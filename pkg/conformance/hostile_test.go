package conformance_test

import (
	"encoding/json"
	"regexp"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// jsonString matches a string of JSON, as far as it is one.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// TestMessagesAreHarmless puts what may do harm where it is shown into each place
// of each vector, as a name and as a value. No message and no hint holds any of it,
// whatever it is that they say.
func TestMessagesAreHarmless(t *testing.T) {
	const escapes = `\u001b]0;pwned\u0007\u001b[2J\u0000\u0085\u009b31m\u202a\u202e\u2066\u2069\u200e\u200f\u061c\u2028\u2029\ufeff`
	const raw = "\x7f\u0085\u009b31m\u202a\u202e\u2066\u2069\u200e\u200f\u061c\u2028\u2029\ufeff\U000e0041"
	long := strings.Repeat("\U0010ffff", 200)
	tokens := []string{
		`"` + escapes + long + `"`,
		`"` + raw + long + `"`,
		"\"\x9b2J\xff\xe2\x80\"",
	}
	seen := map[conformance.Code]bool{}
	check := func(name string, payload string) {
		t.Helper()
		findings := conformance.Checker{Strict: true}.Check([]byte(payload)).Findings
		if len(payload) < 1_000 { // for a receiver, only hints are others
			findings = append(findings, conformance.Checker{As: conformance.Receiver}.Check([]byte(payload)).Findings...)
		}
		for _, f := range findings {
			seen[f.Code] = true
			for _, text := range []string{f.Message, f.Hint} {
				if bad := harmful(text); bad != "" {
					t.Fatalf("%s: %s: %s\n%.300q\nof\n%.3000q", name, f.Code, bad, text, payload)
				}
			}
		}
	}
	for _, v := range vectors.All() {
		payload := string(v.Payload)
		check(v.Name, payload)
		if len(payload) > 3_000 {
			continue
		}
		for i, at := range jsonString.FindAllStringIndex(payload, -1) {
			if racetest.On && i%8 > 0 { // this is one goroutine
				continue
			}
			for _, token := range tokens {
				check(v.Name, payload[:at[0]]+token+payload[at[1]:])
			}
			check(v.Name, payload[:at[0]]+tokens[0])       // a name or a value, cut off
			check(v.Name, payload[:at[0]]+tokens[0]+`:[{`) // in what is not closed
		}
	}
	check("a long name", `{"event_type":"run_completed","data":{"`+strings.Repeat("n", 1<<20)+`\u001b":[`)
	check("not JSON", "\x1b[2J")
	check("not JSON either", "\u202e")
	check("a bad escape", `"\`+"\x1b\"")
	for _, f := range conformance.TooLarge(1<<40, 1<<20).Findings {
		seen[f.Code] = true
		if bad := harmful(f.Message + f.Hint); bad != "" {
			t.Error(bad)
		}
	}
	seen["schema.keyword"] = true // TestClosed sees to it
	for _, rule := range conformance.Rules() {
		if !seen[rule.Code] {
			t.Errorf("no vector here has %s; add one", rule.Code)
		}
	}
}

// TestAmplification: a report is not much longer than what it is about.
func TestAmplification(t *testing.T) {
	name := strings.Repeat("K", 9_800)
	for _, tt := range []struct{ name, payload string }{
		{"wrong elements below a long name", `{"event_type":"run_completed","data":{"status":"success","extracted_data":{"captured_lists":{"` +
			name + `":[` + strings.Repeat("0,", 5_000) + `0]}}}}`},
		{"the same, broken", `{"event_type":"run_completed","` + name + `":[` + strings.Repeat(`"\udead",`, 1_000) + `0]}`},
		{"a long name that is unknown, twice", `{"event_type":"run_completed","` + name + `":0,"` + name + `":0}`},
		{"long names in long names", `{"event_type":"run_completed","data":{"status":"success","extracted_data":{"captured_lists":{` +
			strings.Repeat(`"`+name+`":[{"`+name+`":0,"a":0,"b":0,"c":null}],`, 1) + `"a":[]}}}}`},
	} {
		for _, each := range []bool{false, true} {
			report := conformance.Checker{Each: each}.Check([]byte(tt.payload))
			text, err := json.Marshal(report)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 20*len(tt.payload) || len(report.Findings) == 0 {
				t.Errorf("%s, each %v: %d findings in %d bytes, of %d", tt.name, each, len(report.Findings), len(text), len(tt.payload))
			}
		}
	}
}

// TestMemory: a check of a payload takes a small multiple of its memory, whatever it
// is made of.
func TestMemory(t *testing.T) {
	if racetest.On {
		t.Skip("peak memory: the race detector takes several times as much")
	}
	const size = 32 << 20
	const before, after = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w","data":{"robot_id":"r",` +
		`"status":"success","extracted_data":{"captured_texts":[`, `]}}}`
	// What stands in the middle is repeated, with a number in place of #.
	for _, tt := range []struct{ name, start, middle, end string }{
		{"tiny members", `{`, `"#":0,`, `"event_type":"run_completed"}`},
		{"tiny members of data", `{"event_type":"run_completed","data":{`, `"#":0,`, `"status":"success"}}`},
		{"one member, again and again", `{`, `"a":0,`, `"a":0}`},
		{"tiny objects", `[`, `{},`, `{}]`},
		{"arrays", ``, `[`, ``},
		{"wrong cells", before, `{"a":0},`, `{}` + after},
		{"wrong cells of different names", before + `{`, `"#":0,`, `"a":0}` + after},
		{"one long name", `{"event_type":"run_completed","`, `~`, `":0}`},
		{"a long name above wrong items", `{"event_type":"run_completed","data":{"extracted_data":{"captured_lists":{"`, `~`,
			`":[` + strings.Repeat("0,", 20_000) + `0]}}}}`},
		{"a name that is just not too long", `{"event_type":"run_completed","` + strings.Repeat("~", 16<<20-2) + `":[`, `0,`, `0]}`},
		{"one long string", before + `"`, `\u001b`, `"` + after},
		{"one long event type", `{"event_type":"`, `\ud83d\ude00`, `"}`},
		{"lone surrogates", `[`, `"\udead",`, `0]`},
		{"bad UTF-8", `["`, "\xff", `"]`},
		{"bad UTF-8 in a name", `{"`, "\xff", `":"\xff"}`},
		{"one long wrong number", before, `1`, after},
		{"lines", ``, "\n", `]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := append(make([]byte, 0, size), tt.start...)
			left, right, numbered := strings.Cut(tt.middle, "#")
			for i := int64(0); len(payload) < size-len(tt.end)-len(tt.middle)-8; i++ {
				if payload = append(payload, left...); numbered {
					payload = append(strconv.AppendInt(payload, i, 36), right...)
				}
			}
			payload = append(payload, tt.end...)
			for _, each := range []bool{false, true} {
				if used := usedBy(func() { conformance.Checker{Each: each}.Check(payload) }); used > 4*size {
					t.Errorf("each %v: %d MB beside the %d MB of the payload", each, used>>20, len(payload)>>20)
				}
			}
		})
	}
}

// usedBy returns how many bytes of memory work takes from the system at most.
func usedBy(work func()) int {
	debug.FreeOSMemory()
	held := func() int {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		metrics.Read(sample)
		return int(sample[0].Value.Uint64() + sample[1].Value.Uint64())
	}
	start, most := held(), 0
	done, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				most = max(most, held())
			}
		}
	}()
	work()
	close(done)
	<-stopped
	return max(most, held()) - start
}

// harmful says what is wrong with text that is to be shown as it is.
func harmful(text string) string {
	switch i := strings.IndexFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }); {
	case len(text) > 2_000:
		return strconv.Itoa(len(text)) + " bytes"
	case !utf8.ValidString(text):
		return "it is not UTF-8"
	case i >= 0:
		return "it does not print at " + strconv.Itoa(i)
	}
	return ""
}
