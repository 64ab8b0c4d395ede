package report

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A page has to open in a browser, so that what it details is bounded.
const (
	htmlPayloads = 500 // those with findings
	htmlNotes    = 100 // unreadable sources, and entries of a baseline
	htmlOpen     = 3   // payloads that are unfolded from the start
	htmlColumns  = 112 // of an excerpt
)

var (
	//go:embed html.tmpl
	htmlSource string
	//go:embed html.css
	htmlStyle string
	//go:embed html.js
	htmlScript string

	htmlPage = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("html").Parse(htmlSource))
	})

	// The page loads nothing and runs nothing but its own style and script,
	// whatever else may have found a way into it.
	htmlPolicy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'",
		cspHash(htmlStyle), cspHash(htmlScript))
)

func cspHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// htmlWriter writes a page that stands on its own.
type htmlWriter struct {
	out        *bufio.Writer
	opts       Options
	details    spool
	listed     int // payloads with something to say, detailed or not
	unreadable []htmlUnreadable
	codes      map[conformance.Code]*htmlCode
}

type (
	htmlUnreadable struct{ Source, Reason string }

	// htmlCode is a row of the table of codes.
	htmlCode struct {
		Code               conformance.Code
		Summary, HelpURI   string
		Severity           conformance.Severity
		Findings, Payloads int
		Share              int // findings in percent of those of the most frequent code
	}

	htmlPayload struct {
		Mark, Name, EventType string
		Verdict               conformance.Verdict
		Passed, Open          bool
		Counts                string
		Findings              []htmlFinding
		More                  int
	}

	htmlFinding struct {
		conformance.Finding
		Excerpt           bool
		Alike             string
		Decides           bool
		Before, At, After string
	}

	htmlReport struct {
		Policy           string
		Style            template.CSS
		Script           template.JS
		Version, Against string
		Title, Headline  string
		Good             bool
		Summary          Summary
		Bar              []htmlBar
		Verdicts         []htmlVerdict
		Counts           string
		Remarks          []string
		Unreadable       []htmlUnreadable
		MoreUnreadable   int
		Stale            []StaleEntry
		MoreStale        int
		Codes            []htmlCode
		// Listed payloads have findings; Detailed of them are shown with them.
		Listed, Detailed, MoreListed int
	}

	// htmlBar is a part of the bar of verdicts, in thousandths of its width.
	htmlBar struct {
		Verdict  conformance.Verdict
		X, Width int
	}

	htmlVerdict struct {
		Verdict conformance.Verdict
		Mark    string
		N       int
		Meaning string
	}
)

func (w *htmlWriter) Payload(p Payload) error {
	w.tally(p)
	if p.Passed && len(p.Findings) == 0 {
		return nil
	}
	if w.listed++; w.listed > htmlPayloads {
		return nil
	}
	mark, _ := Mark(p.Verdict)
	h := htmlPayload{
		Mark: mark, Name: Visible(p.name(), maxText), EventType: Visible(p.EventType, 40),
		Verdict: p.Verdict, Passed: p.Passed, Open: w.listed <= htmlOpen,
		Counts: htmlCounts(p), More: max(0, len(p.Findings)-maxFindings),
	}
	for _, f := range p.Findings[:min(len(p.Findings), maxFindings)] {
		hf := htmlFinding{Finding: f, Decides: p.marked(&f)}
		hf.Severity = p.level(&f)
		hf.Line = p.line(f)
		hf.Message, hf.Hint, hf.Pointer = Visible(f.Message, maxText), Visible(f.Hint, maxText), Visible(f.Pointer, maxText)
		hf.Alike = Visible(Alike(f), maxText)
		if p.Data != nil {
			hf.Excerpt = true
			hf.Before, hf.At, hf.After = excerptAt(p.Data, f.Offset, htmlColumns).text()
		}
		h.Findings = append(h.Findings, hf)
	}
	return htmlPage().ExecuteTemplate(&w.details, "payload", h)
}

// Flush writes nothing: the summary, which comes first, isn't known yet.
func (w *htmlWriter) Flush() error { return nil }

// tally counts the codes of a payload's findings.
func (w *htmlWriter) tally(p Payload) {
	if w.codes == nil {
		w.codes = map[conformance.Code]*htmlCode{}
	}
	seen := map[conformance.Code]bool{}
	for _, f := range p.Findings {
		c := w.codes[f.Code]
		level := p.level(&f)
		if c == nil {
			c = &htmlCode{Code: f.Code, Severity: level}
			c.Summary, c.HelpURI = w.opts.codeInfo(f.Code)
			w.codes[f.Code] = c
		}
		if rank(level) < rank(c.Severity) {
			c.Severity = level // the worst that occurred
		}
		c.Findings += Places(f)
		if !seen[f.Code] {
			seen[f.Code] = true
			c.Payloads++
		}
	}
}

// htmlCounts says how many findings of which severity the payload has.
func htmlCounts(p Payload) string {
	n := map[conformance.Severity]int{}
	for _, f := range p.Findings {
		n[p.level(&f)] += Places(f)
	}
	var parts []string
	for _, s := range []conformance.Severity{conformance.SeverityError, conformance.SeverityWarning, conformance.SeverityInfo, notice} {
		if n[s] > 0 {
			parts = append(parts, count(n[s], string(s)))
		}
	}
	if p.Known > 0 {
		parts = append(parts, fmt.Sprintf("%d known", p.Known))
	}
	return strings.Join(parts, ", ")
}

func (w *htmlWriter) Unreadable(source string, err error) error {
	if len(w.unreadable) < htmlNotes {
		w.unreadable = append(w.unreadable, htmlUnreadable{Visible(source, maxText), Visible(reason(source, err), maxText)})
	}
	return nil
}

func (w *htmlWriter) Close(s Summary) (err error) {
	defer closeSpools(&err, &w.details)
	r := w.report(s)
	if err := htmlPage().ExecuteTemplate(w.out, "head", r); err != nil {
		return err
	}
	if err := w.details.moveTo(w.out); err != nil {
		return err
	}
	if err := htmlPage().ExecuteTemplate(w.out, "foot", r); err != nil {
		return err
	}
	return w.out.Flush()
}

func (w *htmlWriter) report(s Summary) htmlReport {
	r := htmlReport{
		Policy: htmlPolicy, Style: template.CSS(htmlStyle), Script: template.JS(htmlScript),
		Version: w.opts.Version, Against: w.opts.against(), Summary: s,
		Headline: headline(s), Good: s.Failed == 0 && s.Unreadable == 0 && !s.Interrupted,
		Counts:     s.findings(),
		Remarks:    s.remarks(w.opts.Against),
		Unreadable: w.unreadable, MoreUnreadable: s.Unreadable - len(w.unreadable),
		Listed: w.listed, Detailed: min(w.listed, htmlPayloads), MoreListed: max(0, w.listed-htmlPayloads),
		MoreStale: max(0, len(s.Stale)-htmlNotes),
	}
	r.Title = "Runhooks: " + r.Headline
	for _, e := range s.Stale[:min(len(s.Stale), htmlNotes)] {
		e.Source, e.Code, e.Pointer = Visible(e.Source, maxText), Visible(e.Code, maxText), Visible(e.Pointer, maxText)
		r.Stale = append(r.Stale, e)
	}
	verdicts := []htmlVerdict{
		{Verdict: conformance.Conforms, N: s.Conforms, Meaning: "what the documented contract asks for"},
		{Verdict: conformance.Deviates, N: s.Deviates, Meaning: "known from the wild; receivers survive it"},
		{Verdict: conformance.Invalid, N: s.Invalid, Meaning: "not a payload of the contract"},
	}
	x, before := 0, 0
	for _, v := range verdicts {
		v.Mark, _ = Mark(v.Verdict)
		r.Verdicts = append(r.Verdicts, v)
		if before += v.N; v.N > 0 {
			end := 1000 * before / s.Payloads
			r.Bar = append(r.Bar, htmlBar{v.Verdict, x, end - x})
			x = end
		}
	}
	for _, c := range w.codes {
		r.Codes = append(r.Codes, *c)
	}
	slices.SortFunc(r.Codes, func(a, b htmlCode) int {
		return cmp.Or(cmp.Compare(b.Findings, a.Findings), cmp.Compare(a.Code, b.Code))
	})
	for i := range r.Codes {
		r.Codes[i].Share = max(1, 100*r.Codes[i].Findings/r.Codes[0].Findings)
	}
	return r
}

// headline is the outcome in a few words.
func headline(s Summary) string {
	switch {
	case s.Payloads == 0:
		return "No payload was checked"
	case s.Payloads == 1 && s.Failed == 0:
		return "The payload passes"
	case s.Payloads == 1:
		return "The payload does not pass"
	case s.Failed == 0:
		return "All " + thousands(s.Payloads) + " payloads pass"
	case s.Failed == s.Payloads:
		return "None of the " + thousands(s.Payloads) + " payloads passes"
	}
	return thousands(s.Payloads-s.Failed) + " of " + thousands(s.Payloads) + " payloads pass"
}
