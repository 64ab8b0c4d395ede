package matrix

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/portability"
	"github.com/runhooks/runhooks/vectors"
)

func TestRead(t *testing.T) {
	reports, err := Read(strings.NewReader(`{"kind":"validator","tool":"a","version":"1","input":"x.json","verdicts":{"page.run-failed":"valid"}}

{"kind":"generator","tool":"b","version":"2","input":"x.json","error":"it can't"}
`), "Go")
	if err != nil {
		t.Fatal(err)
	}
	want := []Report{
		{Language: "Go", Kind: Validator, Tool: "a", Version: "1", Input: "x.json", Verdicts: map[string]string{"page.run-failed": "valid"}},
		{Language: "Go", Kind: Generator, Tool: "b", Version: "2", Input: "x.json", Error: "it can't"},
	}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadErrors(t *testing.T) {
	tests := []struct{ line, want string }{
		{`x`, "report 1 of Go: invalid character"},
		{`{"kind":"validator","tool":"a","version":"1","input":"x","typo":1}`, "unknown field"},
		{`{"kind":"validator","version":"1","input":"x"}`, "it lacks tool or version"},
		{`{"kind":"validator","tool":"a","version":"1"}`, "of a: it lacks input"},
		{`{"kind":"other","tool":"a","version":"1","input":"x"}`, `there is no kind "other"`},
		{`{"kind":"validator","tool":"a","version":"1","input":"x"}`, "neither an error nor all that a validator reports"},
		{`{"kind":"generator","tool":"a","version":"1","input":"x","compiles":{"ok":true}}`, "all that a generator reports"},
		{`{"kind":"client","tool":"a","version":"1","input":"x"}`, "all that a client reports"},
		{`{"kind":"client","tool":"a","version":"1","input":"x","compiles":{"ok":true}}`, "all that a client reports"},
		{`{"kind":"mock","tool":"a","version":"1","input":"x","verdicts":{"page.run-failed":"valid"}}`, "all that a mock reports"},
		{`{"kind":"fuzzer","tool":"a","version":"1","input":"x","takes":{"ok":true},"refuses":{"ok":true}}`, "all that a fuzzer reports"},
		{`{"kind":"rule","tool":"a","version":"1","rule":"x"}`, "all that a rule reports"},
	}
	for _, tt := range tests {
		if _, err := Read(strings.NewReader(tt.line), "Go"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.line, err, tt.want)
		}
	}
}

// Each limit says what it is and why, is linked to, and is either of vectors that
// are there, or one that compare gives.
func TestLimits(t *testing.T) {
	told := []string{lenient, members, nulls, emptyObjects, times, fractions, nextSecond, overflow}
	for i, limit := range limits() {
		if limit.ID == "" || limit.Title == "" || limit.Why == "" {
			t.Errorf("%+v lacks something", limit)
		}
		for _, before := range limits()[:i] {
			if before.ID == limit.ID || anchor(before.Title) == anchor(limit.Title) {
				t.Errorf("%s is there twice", limit.ID)
			}
		}
		if (limit.Vectors == nil) != slices.Contains(told, limit.ID) {
			t.Errorf("%s: has vectors %q", limit.ID, limit.Vectors)
		}
		told = slices.DeleteFunc(told, func(id string) bool { return id == limit.ID })
		for _, pattern := range limit.Vectors {
			if !slices.ContainsFunc(vectors.All(), func(v vectors.Vector) bool {
				ok, err := path.Match(pattern, v.Name)
				return err == nil && ok
			}) {
				t.Errorf("%s: no vector is %s", limit.ID, pattern)
			}
		}
	}
	if len(told) > 0 {
		t.Errorf("%q are no limits", told)
	}
	for name, want := range map[string]string{
		"number.integer-with-fraction": "integers", "number.1e400": "numbers", "json.syntax": lenient, "page.run-failed": other,
	} {
		i := slices.IndexFunc(vectors.All(), func(v vectors.Vector) bool { return v.Name == name })
		if got := limitOf(vectors.All()[i]); got != want {
			t.Errorf("%s is at %q, want %q", name, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name, before, after string
		want                []string
	}{
		{"the same in another order", `{"a": 1, "b": [null, "x"]}`, `{"b":[null,"x"],"a":1}`, nil},
		{"numbers of one value", `[1, 1.0, 100, 0.1, 0]`, `[1.0, 1, 1e2, 1e-1, -0.0]`, nil},
		{"a number as a double", `12345678901234567890123`, `1.2345678901234568e22`, []string{numbers}},
		{"an infinite one", `1e400`, `null`, []string{numbers}},
		{"a tiny one", `1e-400`, `0`, []string{numbers}},
		{"beyond 64 bits, another number", `[9223372036854775808, -1e30]`, `[-9223372036854775808, -9223372036854775807]`, []string{overflow}},
		{"within 64 bits, another number", `[9223372036854774784, -9223372036854775808]`, `[9223372036854770000, 0]`, []string{other}},
		{"exponents of any length", `[1e999999999, -1.50E-99999999999999999999, 0e9]`, `[10.0e+999999998, -15e-100000000000000000000, 0]`, nil},
		{"another number", `1`, `2`, []string{other}},
		{"a finite number as null", `1`, `null`, []string{other}},
		{"a number as text", `1`, `"1"`, []string{other}},
		{"a lost member", `{"a": {"b": 1, "c": 2}}`, `{"a": {"b": 1}}`, []string{members}},
		{"a lost null", `{"a": null}`, `{}`, []string{nulls}},
		{"an added null", `{}`, `{"a": null}`, []string{nulls}},
		{"an added member", `{}`, `{"a": ""}`, []string{other}},
		{"an empty object as a list", `{"a": {}}`, `{"a": []}`, []string{emptyObjects}},
		{"an object as a list", `{"a": {"0": 1}}`, `{"a": [1]}`, []string{other}},
		{"an empty list as an object", `[]`, `{}`, []string{other}},
		{"a lost item", `[1, 2]`, `[1]`, []string{other}},
		{"another form of time", `["2026-03-14T09:00:47.310Z", "2026-03-14t09:00:47z", "2026-03-14T10:00:47+01:00"]`,
			`["2026-03-14T09:00:47.31Z", "2026-03-14T09:00:47Z", "2026-03-14T09:00:47Z"]`, []string{times}},
		{"a cut fraction", `"2026-03-14T09:00:47.123456789Z"`, `"2026-03-14T09:00:47.123456Z"`, []string{fractions}},
		{"a leap second in UTC", `"2016-12-31T15:59:60-08:00"`, `"2016-12-31T23:59:60Z"`, []string{times}},
		{"a lost leap second", `"2016-12-31T23:59:60Z"`, `"2016-12-31T23:59:59Z"`, []string{other}},
		{"a leap second a second later", `"2016-12-31T15:59:60.5-08:00"`, `"2017-01-01T00:00:00.50Z"`, []string{nextSecond}},
		{"and without its fraction", `"2016-12-31T23:59:60.5Z"`, `"2017-01-01T00:00:00Z"`, []string{other}},
		{"another time", `"2026-03-14T09:00:47Z"`, `"2026-03-14T10:00:47Z"`, []string{other}},
		{"a rounded fraction", `"2026-03-14T09:00:47.19Z"`, `"2026-03-14T09:00:47.2Z"`, []string{other}},
		{"another text", `"a"`, `"b"`, []string{other}},
		{"several", `{"a": null, "b": {"c": 1}, "d": "x"}`, `{"b": {}, "d": "y"}`, []string{other, members, nulls}},
	}
	for _, tt := range tests {
		losses, err := compare([]byte(tt.before), []byte(tt.after))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var got []string
		for loss := range losses {
			got = append(got, loss)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if _, err := compare([]byte(`1`), []byte(`{`)); err == nil {
		t.Error("half an object is no error")
	}
}

// A package has a line for each vector, whatever else a vector's event holds.
func TestPackage(t *testing.T) {
	var printed strings.Builder
	for _, v := range vectors.All() {
		line := map[string]any{"vector": v.Name, "verdict": v.Verdict, "codes": []string{}}
		for _, f := range v.Expectation.Findings {
			line["codes"] = append(line["codes"].([]string), f.Code)
		}
		if v.Canonical != nil {
			line["event"] = json.RawMessage(v.Canonical)
		}
		switch v.Name {
		case "page.run-completed":
			continue
		case "page.run-failed":
			line["verdict"], line["codes"], line["event"] = "deviates", []string{"x"}, json.RawMessage(`{"version":1}`)
		case "json.syntax":
			line["event"] = json.RawMessage(`null`)
		}
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(append(text, '\n'))
	}
	judged, err := ReadPackage(strings.NewReader(printed.String()))
	if err != nil {
		t.Fatal(err)
	}
	l := Judge(Report{Language: "Go", Kind: Package, Tool: "a", Input: "bindings/a", Judged: judged})
	want := []string{
		"Go, a, bindings/a: verdicts: page.run-completed: not reported, and should be conforms",
		"Go, a, bindings/a: verdicts: page.run-failed: deviates, and should be conforms",
		`Go, a, bindings/a: findings: page.run-completed: has [], and should have ["data.count-mismatch"]`,
		`Go, a, bindings/a: findings: page.run-failed: has ["x"], and should have []`,
		"Go, a, bindings/a: events: json.syntax: has an event, and should have none",
		"Go, a, bindings/a: events: page.run-completed: has no event",
		"Go, a, bindings/a: events: page.run-failed: has another event",
	}
	if diff := cmp.Diff(want, l.Unexplained()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if row := "| Go | a | [bindings/a](../bindings/a) |"; !strings.Contains(Markdown([]Line{l}), row) {
		t.Errorf("the page lacks %s", row)
	}
	for _, wrong := range []string{`{"vector":"a","extra":1}`, `{"verdict":"x"}`, `{"vector":"a"}{"vector":"a"}`, `x`} {
		if _, err := ReadPackage(strings.NewReader(wrong)); err == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}

// perfect is what a tool reports of which all holds.
func perfect() (validator, generator Report) {
	validator = Report{Language: "Go", Kind: Validator, Tool: "judge", Version: "1", Input: "run-event.json", Verdicts: map[string]string{}}
	generator = Report{Language: "Go", Kind: Generator, Tool: "maker", Version: "2", Input: "openapi/dist/receiver.yaml",
		Compiles: &Answer{OK: true}, Narrows: &Answer{OK: true}, Decoded: map[string]Decoded{}}
	for _, v := range vectors.All() {
		validator.Verdicts[v.Name] = "invalid"
		if v.Verdict == "conforms" {
			validator.Verdicts[v.Name] = "valid"
			generator.Decoded[v.Name] = Decoded{JSON: string(v.Payload)}
		}
	}
	return validator, generator
}

func TestJudge(t *testing.T) {
	validator, generator := perfect()
	for _, r := range []Report{validator, generator} {
		l := Judge(r)
		for i, c := range l.Cells {
			if !c.Holds() {
				t.Errorf("%s: %s doesn't hold: %+v", r.Kind, Checks[r.Kind][i].Title, c)
			}
		}
	}

	validator.Verdicts["number.1e400"] = "invalid"
	validator.Verdicts["page.run-failed"] = "invalid"
	validator.Verdicts["json.syntax"] = "valid"
	delete(validator.Verdicts, "page.run-completed")
	l := Judge(validator)
	if diff := cmp.Diff(map[string]int{numbers: 1}, l.Cells[0].Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{lenient: 1}, l.Cells[1].Limits); diff != "" {
		t.Errorf("of what is no JSON (-want +got):\n%s", diff)
	}
	want := []string{
		"Go, judge, run-event.json: verdicts: page.run-completed: no verdict was reported, and should be valid",
		"Go, judge, run-event.json: verdicts: page.run-failed: invalid, and should be valid",
	}
	if diff := cmp.Diff(want, l.Unexplained()); diff != "" {
		t.Errorf("unexplained (-want +got):\n%s", diff)
	}

	generator.Narrows = &Answer{}
	generator.Decoded["time.leap-second"] = Decoded{Error: "second out of range"}
	generator.Decoded["page.run-completed"] = Decoded{JSON: "{}"}
	generator.Decoded["page.run-failed"] = Decoded{Error: "no"}
	generator.Decoded["time.second"] = Decoded{}
	l = Judge(generator)
	want = []string{
		"Go, maker, openapi/dist/receiver.yaml: narrows: no, and no note says why",
		"Go, maker, openapi/dist/receiver.yaml: decodes: page.run-failed: no",
		"Go, maker, openapi/dist/receiver.yaml: decodes: time.second: nothing was reported",
	}
	if diff := cmp.Diff(want, l.Unexplained()); diff != "" {
		t.Errorf("unexplained (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{members: 1}, l.Cells[3].Limits); diff != "" {
		t.Errorf("losses (-want +got):\n%s", diff)
	}

	l = Judge(Report{Kind: Generator, Tool: "maker", Version: "2", Input: "x", Error: "can't read it"})
	if len(l.Unexplained()) != 0 || l.Cells[0].Note != "can't read it" || !l.Cells[3].Empty {
		t.Errorf("an error gives %+v", l)
	}
}

// mock is a report of a mock for which everything holds.
func mock() Report {
	validator, _ := perfect()
	return Report{Language: "any", Kind: Mock, Tool: "mocker", Version: "5", Input: "openapi/dist/receiver.yaml", Verdicts: validator.Verdicts,
		Statuses: map[string]string{"204": "204", "302": "302", "410": "410 410"}}
}

// A mock has to answer with the status that was asked for, and a problem with the same.
func TestJudgeMock(t *testing.T) {
	if got := Judge(mock()).Unexplained(); got != nil {
		t.Errorf("of a mock of which all holds: %q", got)
	}
	r := mock()
	r.Verdicts["page.run-failed"] = "invalid"
	r.Statuses = map[string]string{"204": "204 204", "302": "200", "410": "410 422", "429": "429"}
	want := []string{
		"any, mocker, openapi/dist/receiver.yaml: events: page.run-failed: invalid, and should be valid",
		`any, mocker, openapi/dist/receiver.yaml: statuses: 204: is answered with "204 204", and should be with "204"`,
		`any, mocker, openapi/dist/receiver.yaml: statuses: 302: is answered with "200", and should be with "302"`,
		`any, mocker, openapi/dist/receiver.yaml: statuses: 410: is answered with "410 422", and should be with "410 410"`,
		`any, mocker, openapi/dist/receiver.yaml: statuses: 429: is answered with "429", and should be with "429 429"`,
	}
	if diff := cmp.Diff(want, Judge(r).Unexplained()); diff != "" {
		t.Errorf("unexplained (-want +got):\n%s", diff)
	}
}

// fuzzer is a report of a fuzzer for which everything holds.
func fuzzer() Report {
	return Report{Language: "any", Kind: Fuzzer, Tool: "fuzz", Version: "6", Input: "openapi/dist/receiver.yaml",
		Takes: &Answer{OK: true}, Refuses: &Answer{OK: true}, Answers: &Answer{OK: true}}
}

// No note excuses what a fuzzer finds.
func TestJudgeFuzzer(t *testing.T) {
	if got := Judge(fuzzer()).Unexplained(); got != nil {
		t.Errorf("of a fuzzer of which all holds: %q", got)
	}
	r := fuzzer()
	r.Refuses = &Answer{Note: "204 for {}"}
	want := []string{"any, fuzz, openapi/dist/receiver.yaml: refuses: what it sends: 204 for {}"}
	if diff := cmp.Diff(want, Judge(r).Unexplained()); diff != "" {
		t.Errorf("unexplained (-want +got):\n%s", diff)
	}
}

// client is a report of a client for which everything holds.
func client() Report {
	r := Report{Language: "Go", Kind: Client, Tool: "caller", Version: "4", Input: "openapi/dist/service.yaml",
		Compiles: &Answer{OK: true}, Calls: map[string]string{}}
	for _, c := range conversation {
		r.Calls[c.step] = c.want
	}
	return r
}

// A client that sees anything but what it should is told the first of it.
func TestJudgeClient(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Report)
		want   []Cell
	}{
		{"all holds", func(*Report) {}, []Cell{{Answer: Answer{OK: true}}, {Answer: Answer{OK: true}}}},
		{"warnings don't keep it from calling", func(r *Report) { r.Compiles = &Answer{Note: "1 warning"} },
			[]Cell{{Answer: Answer{Note: "1 warning"}}, {Answer: Answer{OK: true}}}},
		{"it doesn't compile", func(r *Report) { r.Compiles, r.Calls = &Answer{Note: "1 error"}, nil },
			[]Cell{{Answer: Answer{Note: "1 error"}}, {Empty: true}}},
		{"another state, and no problem", func(r *Report) { r.Calls["delivery"] = "held"; delete(r.Calls, "problem") },
			[]Cell{{Answer: Answer{OK: true}}, {Answer: Answer{Note: `delivery: it sees "held", and should see "delivered"`}}}},
		{"a step is missing", func(r *Report) { delete(r.Calls, "finding") },
			[]Cell{{Answer: Answer{OK: true}}, {Answer: Answer{Note: `finding: it sees "", and should see "error schema.required /data/run_id"`}}}},
		{"it went no further", func(r *Report) { r.Calls = map[string]string{"endpoint": "active", "error": "no secret"} },
			[]Cell{{Answer: Answer{OK: true}}, {Answer: Answer{Note: "no secret"}}}},
		{"the tool can't take the document", func(r *Report) { r.Compiles, r.Calls, r.Error = nil, nil, "not 3.1" },
			[]Cell{{Answer: Answer{Note: "not 3.1"}}, {Empty: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := client()
			tt.change(&r)
			l := Judge(r)
			if diff := cmp.Diff(tt.want, l.Cells); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if all := l.Unexplained(); all != nil {
				t.Errorf("unexplained: %q", all)
			}
		})
	}
}

// Observed schemas have to accept what deviates, too.
func TestJudgeObserved(t *testing.T) {
	validator, _ := perfect()
	validator.Input = "observed-run-event.json"
	c := Judge(validator).Cells[0]
	deviating := 0
	for _, v := range vectors.All() {
		if v.Verdict == "deviates" {
			deviating++
		}
	}
	if c.differs() != deviating || deviating == 0 {
		t.Errorf("%d of %d deviating vectors are to be accepted", c.differs(), deviating)
	}
}

// canonical is a report of types of the canonical schema for which everything holds.
func canonical() Report {
	_, r := perfect()
	r.Input, r.Decoded = "openapi/dist/json-schema-2020-12/canonical-run-event.json", map[string]Decoded{}
	for _, v := range vectors.All() {
		if v.Canonical != nil {
			r.Decoded[v.Name] = Decoded{JSON: string(v.Canonical)}
		}
	}
	return r
}

// Types of the canonical schema have to take every canonical form, also of what deviates,
// and give back that, not the payload.
func TestJudgeCanonical(t *testing.T) {
	generator := canonical()
	forms := len(generator.Decoded)
	cells := Judge(generator).Cells
	if decodes, roundTrip := cells[2], cells[3]; !decodes.Holds() || !roundTrip.Holds() || decodes.Of != forms || roundTrip.Of != forms {
		t.Errorf("of %d canonical forms: %+v, %+v", forms, decodes, roundTrip)
	}

	for _, v := range vectors.All() {
		switch v.Name {
		case "page.run-completed":
			generator.Decoded[v.Name] = Decoded{JSON: string(v.Payload)}
		case "dialect.local-time":
			delete(generator.Decoded, v.Name)
		}
	}
	l := Judge(generator)
	want := []string{
		"Go, maker, " + generator.Input + ": decodes: dialect.local-time: nothing was reported",
		"Go, maker, " + generator.Input + ": round trip: page.run-completed: is another payload afterwards",
	}
	if diff := cmp.Diff(want, l.Unexplained()); diff != "" {
		t.Errorf("unexplained (-want +got):\n%s", diff)
	}
}

func TestConfirm(t *testing.T) {
	var reports []Report
	for _, rule := range portability.Rules() {
		for _, b := range rule.Breaks {
			reports = append(reports, Report{Kind: Rule, Rule: rule.ID, Tool: b.Tool, Version: b.Version,
				Breaks: &Answer{OK: true}, Helps: &Answer{OK: true}})
		}
	}
	if failures := Confirm(reports, true); len(failures) > 0 {
		t.Fatalf("all is confirmed, and yet: %q", failures)
	}
	first := reports[0].Rule + ": "
	for says, change := range map[string]func(*Report){
		"nothing confirms that":        func(r *Report) { r.Kind = Validator },
		"and this is 0.0.1":            func(r *Report) { r.Version = "0.0.1" },
		"it is no longer so":           func(r *Report) { r.Breaks = &Answer{} },
		"the fixed document doesn't":   func(r *Report) { r.Helps = &Answer{} },
		"can't be run":                 func(r *Report) { r.Breaks, r.Error = nil, "can't be run" },
		"rules.go doesn't speak of it": func(r *Report) { r.Tool = "other" },
	} {
		changed := slices.Clone(reports)
		change(&changed[0])
		failures := Confirm(changed, true)
		if !slices.ContainsFunc(failures, func(f string) bool {
			return strings.HasPrefix(f, first) && strings.Contains(f, says)
		}) {
			t.Errorf("no failure says %q: %q", says, failures)
		}
	}
	if failures := Confirm(nil, false); len(failures) > 0 {
		t.Errorf("of languages that weren't run: %q", failures)
	}
}

func TestMarkdown(t *testing.T) {
	validator, generator := perfect()
	validator.Verdicts["number.1e400"] = "invalid"
	generator.Note = "as it comes"
	broken := Report{Language: "Go", Kind: Generator, Tool: "other", Version: "3", Input: "openapi/dist/webhooks.yaml", Error: "no\npaths"}
	failing := client()
	failing.Tool, failing.Calls = "dialler", map[string]string{"error": "no answer"}
	page := Markdown([]Line{Judge(canonical()), Judge(validator), Judge(generator), Judge(broken), Judge(failing), Judge(client()), Judge(mock()), Judge(fuzzer())})
	for _, want := range []string{
		"| Go | judge, `run-event.json` | maker, `receiver.yaml` | – | caller, `service.yaml` |\n",
		"| Go | judge 1 | `run-event.json` | all but: [large and tiny numbers](#large-and-tiny-numbers) | all |\n",
		"| Go | maker 2 | `json-schema-2020-12/canonical-run-event.json` | yes | yes | all | all |\n" +
			"| Go | maker 2 (1) | `receiver.yaml` | yes | yes | all | all |\n",
		"| Go | other 3 | `webhooks.yaml` | no (2) | – | – | – |\n",
		"\n1. as it comes\n2. no paths\n",
		"| any | mocker 5 | `receiver.yaml` | all | all |\n",
		"| any | fuzz 6 | `receiver.yaml` | all | all | all |\n",
		"\n## Clients of the delivery service\n",
		"| Go | dialler 4 | `service.yaml` | yes | no (1) |\n| Go | caller 4 | `service.yaml` | yes | yes |\n\n1. no answer\n",
		"\n### large and tiny numbers\n",
		"| `const-without-type` | oapi-codegen ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "| any | –") {
		t.Error("the page says what mocks and fuzzers do best in a language")
	}
	if strings.Contains(page, "### depth") {
		t.Error("the page explains a limit that nothing is at")
	}
}
