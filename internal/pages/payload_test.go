package pages

import (
	"bytes"
	"flag"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
)

var update = flag.Bool("update", false, "write the goldens in testdata again")

var payloadTemplate = template.Must(template.ParseFiles("templates/payload.tmpl"))

func payloadHTML(t testing.TB, body []byte, judge bool) string {
	t.Helper()
	var report *conformance.Report
	if judge {
		r := conformance.Check(body)
		report = &r
	}
	p := payloadView(body, report)
	p.Download = "/whole"
	var b bytes.Buffer
	if err := payloadTemplate.ExecuteTemplate(&b, "payload", p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// completed returns a run_completed that conforms, with what JSON texts and lists are.
func completed(texts, lists string, nTexts, nLists int) []byte {
	return fmt.Appendf(nil, `{"event_type":"run_completed","timestamp":"2026-03-14T09:00:47.951Z","webhook_id":"w1","data":{`+
		`"robot_id":"r1","run_id":"x1","robot_name":"Job board","status":"success",`+
		`"started_at":"2026-03-14T08:59:12.004Z","finished_at":"2026-03-14T09:00:47.310Z",`+
		`"extracted_data":{"captured_texts":%s,"captured_lists":%s,"total_rows":%d,"captured_texts_count":%d,"captured_lists_count":%d,"screenshots_count":0},`+
		`"metadata":{"browser_id":"b1","user_id":41}}}`, texts, lists, nTexts+nLists, nTexts, nLists)
}

func TestPayloadGolden(t *testing.T) {
	vector := func(name string) []byte {
		t.Helper()
		body, err := os.ReadFile(filepath.Join("..", "..", "vectors", filepath.FromSlash(name)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	tests := map[string][]byte{
		"conforms":  completed(`[{"Title":"Bulletin"}]`, `{"Boats":[{"Name":"Aurora","Berth":"12"},{"Name":"Petrel","Berth":null}],"Empty":[]}`, 1, 2),
		"field":     vector("deviates/dialect.field-case"),
		"lists":     vector("deviates/dialect.lists-array"),
		"cut-short": []byte("{\n  \"event_type\": \"run_fa"),
		"hostile": completed(`[{"<script>alert(1)</script>":"\u001b[31mred\u202egnp.exe","Link":"javascript:alert(1)"}]`,
			"{\"\\u202e<img src=x onerror=alert(1)>\":[{\"a\":\"שלום, 12\",\"b\":\"\\\"><svg/onload=alert(1)>\"}]}", 1, 1),
		"bytes": []byte("\x00\x1b[2J\xff\xfe <b>{{.}}\u202eevil\u2066 שלום: 1, 2 \U000e0041\r\nnext\rline"),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			got := payloadHTML(t, body, true)
			checkHarmless(t, got)
			path := filepath.Join("testdata", "payload", name+".html")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the page differs from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

var (
	tag       = regexp.MustCompile(`<[^>]*>`)
	knownTag  = regexp.MustCompile(`^</?(div|p|span|bdi|ol|ul|li|code|pre|a|details|summary|table|caption|thead|tbody|tr|th|td|mark)[ >]`)
	attribute = regexp.MustCompile(` ([a-z-]+)(?:="([^"]*)")?`)
)

// checkHarmless fails if a page has an element, an attribute or a link that its template
// doesn't have, or a character that does not print.
func checkHarmless(t testing.TB, page string) {
	t.Helper()
	allowed := []string{"class", "id", "href", "data-words", "dir", "scope", "role", "tabindex", "aria-label", "data-label", "open", "download"}
	for _, element := range tag.FindAllString(page, -1) {
		if !knownTag.MatchString(element) {
			t.Fatalf("the page has %q", element)
		}
		for _, a := range attribute.FindAllStringSubmatch(element, -1) {
			if !slices.Contains(allowed, a[1]) {
				t.Fatalf("the page has the attribute %q in %q", a[1], element)
			}
			if a[1] == "href" && !strings.HasPrefix(a[2], "#") && a[2] != "/whole" {
				t.Fatalf("the page links to %q", a[2])
			}
		}
	}
	for _, r := range tag.ReplaceAllString(page, "") {
		if r != '\n' && r != '\r' && r != '\t' && !unicode.IsPrint(r) {
			t.Fatalf("the page has the character %U", r)
		}
	}
}

func TestPayloadText(t *testing.T) {
	odd := func(text string) textPart { return textPart{Text: text, Odd: true} }
	rtl := func(text string) textPart { return textPart{Text: text, RTL: true} }
	text := func(text string) textPart { return textPart{Text: text} }
	tests := []struct {
		name, body string
		want       []textPart
	}{
		{"plain", "a\tb\nc", []textPart{text("a\tb\nc")}},
		{"escape sequence", "a\x1b[1mb", []textPart{text("a"), odd(`\u001b`), text("[1mb")}},
		{"not UTF-8", "\xff\xfea", []textPart{odd(`\xff\xfe`), text("a")}},
		{"bidirectional control", "a\u202e\u2066b", []textPart{text("a"), odd(`\u202e\u2066`), text("b")}},
		{"a value from right to left", `"שלום, עולם!":1`, []textPart{text(`"`), rtl("שלום, עולם"), text(`!":1`)}},
		{"two values", `["א","ב"]`, []textPart{text(`["`), rtl("א"), text(`","`), rtl("ב"), text(`"]`)}},
		{"not UTF-8 between them", "א\xffב", []textPart{rtl("א"), odd(`\xff`), rtl("ב")}},
		{"Arabic digits", `"٣"`, []textPart{text(`"`), rtl("٣"), text(`"`)}},
		{"carriage return", "a\r\nb\rc", []textPart{text("a\r\nb"), odd(`\r`), text("c")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, size := partsOf(tt.body, 100)
			if diff := cmp.Diff(tt.want, got); diff != "" || size != len(tt.body) {
				t.Errorf("parts of %d of %d bytes (-want +got):\n%s", size, len(tt.body), diff)
			}
		})
	}
}

// TestPayloadMarks: marks are at the places of the findings, and none is in another.
func TestPayloadMarks(t *testing.T) {
	body := []byte(`{"a":"x\ud800y","b":{}}`)
	report := conformance.Report{Verdict: conformance.Invalid, Findings: []conformance.Finding{
		{Offset: 0, Severity: "info", Message: "the object"},
		{Offset: 5, Severity: "error", Message: "the text"},
		{Offset: 7, Severity: "error", Message: "the escape"},
		{Offset: 0, Severity: "warning", Message: "the object again"},
		{Offset: len(body), Severity: "error", Message: "the end"},
	}}
	type mark struct{ Text, Words, Severity string }
	var got []mark
	var whole strings.Builder
	for _, run := range payloadView(body, &report).Text {
		var text strings.Builder
		for _, part := range run.Parts {
			text.WriteString(part.Text)
		}
		whole.WriteString(text.String())
		if run.Mark != nil {
			got = append(got, mark{text.String(), run.Mark.Words, string(run.Mark.Severity)})
		}
	}
	want := []mark{
		{"{", "info: the object\nwarning: the object again", "warning"},
		{`"x`, "error: the text", "error"},
		{`\ud800`, "error: the escape", "error"},
		{"(end)", "error: the end", "error"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("marks (-want +got):\n%s", diff)
	}
	if want := string(body) + "(end)"; whole.String() != want {
		t.Errorf("the text is %s, want %s", whole.String(), want)
	}
}

// A finding that stands for more says how many, and which; and they count.
func TestPayloadAlike(t *testing.T) {
	one := conformance.Finding{Severity: "error", Message: "the first"}
	many := conformance.Finding{Offset: 5, Severity: "error", Message: "a cell", Count: 2000, Pattern: "/rows/*/Price"}
	findings := []conformance.Finding{one, many}
	p := payloadView([]byte(`{"a":null}`), &conformance.Report{Findings: findings})
	got := []string{p.Findings[0].Alike, p.Findings[1].Alike, findingCounts(findings)}
	if diff := cmp.Diff([]string{"", "and 1,999 more like it: /rows/*/Price", "2001 errors"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPayloadBounds: however large the payload, the page is not, and it says what it
// leaves out.
func TestPayloadBounds(t *testing.T) {
	row := `{"Name":"` + strings.Repeat("n", 90) + `","Berth":"12"}`
	rows := strings.Repeat(row+",", 99_999) + row
	wide := make([]string, 3000)
	for i := range wide {
		wide[i] = fmt.Sprintf(`"list %d":[{"c%d":"v"}]`, i, i)
	}
	tests := map[string][]byte{
		"rows":           completed("[]", `{"Boats":[`+rows+`]}`, 0, 100_000),
		"groups":         completed("[]", "{"+strings.Join(wide, ",")+"}", 0, 3000),
		"deep":           []byte(strings.Repeat(`{"a":[`, 400) + strings.Repeat("]}", 400)),
		"one long text":  completed(`[{"a":"`+strings.Repeat("x", 10<<20)+`"}]`, "{}", 1, 0),
		"findings":       completed("[]", `{"Boats":[`+strings.Repeat(`{"a":null},`, 50_000)+`{}]}`, 0, 50_001),
		"control":        bytes.Repeat([]byte{0x1b}, 1<<20),
		"odd every time": bytes.Repeat([]byte{0x1b, 'a'}, 1<<20),
		"right to left":  bytes.Repeat([]byte("א\""), 1<<20),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			page := payloadHTML(t, body, true)
			checkHarmless(t, page)
			if len(page) > 4<<20 {
				t.Errorf("the page has %d bytes", len(page))
			}
			if len(body) > maxPayloadText && !strings.Contains(page, `These are the first `) {
				t.Error("the page does not say that the text is cut")
			}
			p := payloadView(body, nil)
			if n := countNodes(p.Tree); n > maxTreeNodes {
				t.Errorf("the tree has %d nodes", n)
			}
			cells := 0
			for _, table := range p.Tables {
				cells += len(table.Columns) * len(table.Cells)
				if len(table.Cells) > maxTableRows || len(table.Cells)+table.MoreRows != table.Rows {
					t.Errorf("a table of %d rows shows %d, and %d more", table.Rows, len(table.Cells), table.MoreRows)
				}
			}
			if cells > maxTableCells {
				t.Errorf("the tables have %d cells", cells)
			}
		})
	}
}

func countNodes(n *treeNode) int {
	if n == nil {
		return 0
	}
	count := 1
	for i := range n.Children {
		count += countNodes(&n.Children[i])
	}
	return count
}

// TestPayloadExcerpt: a finding after the end of the text has an excerpt.
func TestPayloadExcerpt(t *testing.T) {
	body := completed(`[{"a":"`+strings.Repeat("x", 300<<10)+`"}]`, "{}", 7, 0)
	page := payloadHTML(t, body, true)
	const want = `captured_texts_count&#34;:<mark class="warn">7</mark>,`
	if !strings.Contains(page, want) {
		t.Errorf("the page has no excerpt with %s", want)
	}
	if marks, links := strings.Count(page, `id="at-`), strings.Count(page, `href="#at-`); marks != 1 || links != 1 {
		t.Errorf("the text has %d marks and there are %d links to it, want 1 of each", marks, links)
	}
}

func FuzzPayload(f *testing.F) {
	f.Add(completed(`[{"a":"b"}]`, `{"l":[{"a":null}]}`, 1, 1))
	f.Add([]byte(`{"event_type":"run_failed","data":{"a":[1,true,null,"\u202e"]}}`))
	f.Add([]byte("{\"\x1b<b>\xff\":\"\u202e שלום\",\"a\":"))
	f.Fuzz(func(t *testing.T, body []byte) {
		checkHarmless(t, payloadHTML(t, body, true))
		// Nothing of the text is lost or made up but what doesn't print.
		var shown strings.Builder
		for _, run := range payloadView(body, nil).Text {
			for _, part := range run.Parts {
				if !part.Odd {
					shown.WriteString(part.Text)
				}
			}
		}
		for _, r := range shown.String() {
			if r != '\n' && r != '\r' && r != '\t' && !unicode.IsPrint(r) {
				t.Fatalf("the text has the character %U", r)
			}
		}
		if len(body) < maxPayloadText && len(body) < maxPayloadParts {
			want := strings.Map(func(r rune) rune {
				if r == '\n' || r == '\r' || r == '\t' || unicode.IsPrint(r) {
					return r
				}
				return -1
			}, strings.ToValidUTF8(string(body), ""))
			if got := strings.ReplaceAll(shown.String(), "\r", ""); got != strings.ReplaceAll(want, "\r", "") {
				t.Errorf("the text is %q, want %q", got, want)
			}
		}
	})
}

// A crawl of 40 MiB keeps all others away for seconds, and not for half a minute.
func TestCharge(t *testing.T) {
	for size, want := range map[int]float64{0: 0, 64 << 10: 1, 1 << 20: 16, 40 << 20: maxCost} {
		i, err := newInspectors()
		if err != nil {
			t.Fatal(err)
		}
		before := i.all.left
		i.charge("ins_x", size)
		if got := before - i.all.left; got != want {
			t.Errorf("%d bytes cost %v, want %v", size, got, want)
		}
	}
}
