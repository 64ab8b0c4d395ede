package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	projectURI  = "https://github.com/runhooks/runhooks"
)

// sarifLimit is how many results GitHub takes of a run; it refuses a file with more.
// Of those it shows the worst 5,000. So many, sarifFirsts, are for errors that are the
// first of their code and member, if they come after many others.
const (
	sarifLimit  = 25_000
	sarifFirsts = 5_000
)

// sarifWriter writes SARIF 2.1.0, with one run. Errors are written as they come, and
// kept are as many other results as there may be room for after them. The tool, with
// the rules that the results refer to, stands after the results.
type sarifWriter struct {
	out           *bufio.Writer
	opts          Options
	results       int
	all           [3]int // results of each level, whether or not there is room
	kept          [3]jsonLines
	firsts        members // of errors
	rules         []sarifRule
	ruleIndex     map[conformance.Code]int
	prints        map[[16]byte]int // how often each fingerprint would have been there
	notifications jsonList
}

// sarifLevels are what SARIF calls the levels, the worst first.
var sarifLevels = [...]string{"error", "warning", "note"}

type (
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifRule struct {
		ID               string        `json:"id"`
		ShortDescription *sarifMessage `json:"shortDescription,omitempty"`
		HelpURI          string        `json:"helpUri,omitempty"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Level               string            `json:"level"`
		Message             sarifMessage      `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		OccurrenceCount     int               `json:"occurrenceCount,omitempty"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysicalLocation  `json:"physicalLocation"`
		LogicalLocations []sarifLogicalLocation `json:"logicalLocations,omitempty"`
	}
	sarifPhysicalLocation struct {
		ArtifactLocation sarifArtifactLocation `json:"artifactLocation"`
		Region           *sarifRegion          `json:"region,omitempty"`
	}
	sarifArtifactLocation struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
	sarifLogicalLocation struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
)

func newSARIFWriter(out *bufio.Writer, opts Options) *sarifWriter {
	fmt.Fprintf(out, "{\"$schema\":%q,\n \"version\":\"2.1.0\",\n \"runs\":[{\"columnKind\":\"unicodeCodePoints\",\n \"results\":[", sarifSchema)
	return &sarifWriter{out: out, opts: opts, rules: []sarifRule{}, ruleIndex: map[conformance.Code]int{}, prints: map[[16]byte]int{}}
}

func (w *sarifWriter) Payload(p Payload) error {
	for _, f := range p.Findings {
		level := min(rank(p.level(&f)), 2)
		first := level == 0 && w.firsts.add(&f, sarifFirsts)
		if w.all[level]++; w.all[level] > sarifLimit && !first {
			continue
		}
		result, err := Marshal(w.result(p, f, sarifLevels[level]))
		if err != nil {
			return err
		}
		if level > 0 || !first && w.results >= sarifLimit-sarifFirsts {
			if err := w.kept[level].add(result); err != nil {
				return err
			}
			continue
		}
		w.add(result)
	}
	return nil
}

// add writes a result, if there is room.
func (w *sarifWriter) add(result []byte) {
	if w.results == sarifLimit {
		return
	}
	if w.results++; w.results > 1 {
		fmt.Fprint(w.out, ",")
	}
	fmt.Fprintf(w.out, "\n  %s", result) // its error stays, and Flush returns it
}

func (w *sarifWriter) Flush() error { return w.out.Flush() }

func (w *sarifWriter) result(p Payload, f conformance.Finding, level string) sarifResult {
	message, pointer, same := f.Message, f.Pointer, f.Pointer
	if f.Count > 1 {
		message += "\n" + Alike(f)
		same = f.Pattern // which of them comes first may change
	}
	if p.At != "" {
		message += fmt.Sprintf(" (at %d:%d of the request body)", f.Line, f.Column)
		pointer, same = p.At+"#"+pointer, p.At+"#"+same
	}
	if f.Hint != "" {
		message += "\nhint: " + f.Hint
	}
	line, column := p.place(f)
	location := sarifLocation{PhysicalLocation: sarifPhysicalLocation{
		ArtifactLocation: sarifArtifactLocation{sarifURI(p.Source)},
		Region:           &sarifRegion{line, column},
	}}
	if pointer != "" {
		location.LogicalLocations = []sarifLogicalLocation{{pointer}}
	}
	if p.marked(&f) {
		message = "decides: " + message
	}
	return sarifResult{
		RuleID: string(f.Code), RuleIndex: w.rule(f.Code), Level: level,
		Message: sarifText(message), Locations: []sarifLocation{location}, OccurrenceCount: f.Count,
		PartialFingerprints: map[string]string{"runhooks/v1": w.fingerprint(string(f.Code), p.Source, same)},
	}
}

// rule returns the index of the code's rule, a new one at its first result.
func (w *sarifWriter) rule(code conformance.Code) int {
	i, ok := w.ruleIndex[code]
	if !ok {
		i = len(w.rules)
		w.ruleIndex[code] = i
		summary, helpURI := w.opts.codeInfo(code)
		rule := sarifRule{ID: string(code), HelpURI: helpURI}
		if summary != "" {
			rule.ShortDescription = &sarifMessage{summary}
		}
		w.rules = append(w.rules, rule)
	}
	return i
}

// fingerprint is what a result is known by from run to run: by its parts, and where others
// in the run have the same, as in a source of many payloads, by its number among them.
func (w *sarifWriter) fingerprint(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	key := [16]byte(sum[:16])
	w.prints[key]++
	if n := w.prints[key]; n > 1 {
		return fmt.Sprintf("%x:%d", key, n)
	}
	return hex.EncodeToString(key[:])
}

// sarifText is s as a plain text message. In one, [text](target) is a link,
// which nothing here means to be (section 3.11.6).
func sarifText(s string) sarifMessage {
	return sarifMessage{strings.ReplaceAll(s, "](", `\](`)}
}

// sarifURI returns the path of a source as a URI reference (RFC 3986).
func sarifURI(source string) string {
	path := filepath.ToSlash(source)
	if !filepath.IsAbs(source) {
		return (&url.URL{Path: path}).String()
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive of Windows
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

func (w *sarifWriter) Unreadable(source string, err error) error {
	return w.notifications.add(sarifNotification{
		Level: "error", Message: sarifText("could not be read: " + reason(source, err)),
		Locations: []sarifLocation{{PhysicalLocation: sarifPhysicalLocation{ArtifactLocation: sarifArtifactLocation{sarifURI(source)}}}},
	})
}

func (w *sarifWriter) Close(s Summary) (err error) {
	defer closeSpools(&err, &w.notifications.spool, &w.kept[1].spool, &w.kept[2].spool)
	for i := range w.kept {
		if err := w.kept[i].each(w.add); err != nil {
			return err
		}
	}
	if all := w.all[0] + w.all[1] + w.all[2]; all > w.results {
		if err := w.notifications.add(sarifNotification{Level: "warning", Message: sarifText(fmt.Sprintf(
			"%s of %s are left out, the last ones of the lowest levels: GitHub takes no more than %s in a run. There are %s, %s and %s; --format json has all",
			thousands(all-w.results), count(all, "result"), thousands(sarifLimit),
			count(w.all[0], "error"), count(w.all[1], "warning"), count(w.all[2], "note")))}); err != nil {
			return err
		}
	}
	for _, e := range s.Stale {
		if err := w.notifications.add(sarifNotification{Level: "note", Message: sarifText(
			fmt.Sprintf("%s at %q of %s is in the baseline and no longer found", e.Code, e.Pointer, e.Source))}); err != nil {
			return err
		}
	}
	if s.Interrupted {
		if err := w.notifications.add(sarifNotification{Level: "error", Message: sarifMessage{"interrupted: the rest was not checked"}}); err != nil {
			return err
		}
	}
	fmt.Fprint(w.out, "],\n \"tool\":")
	type driver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	err = writeJSON(w.out, struct {
		Driver driver `json:"driver"`
	}{driver{"runhooks", w.opts.Version, projectURI, w.rules}})
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, ",\n \"invocations\":[{\"executionSuccessful\":%t", s.Unreadable == 0 && !s.Interrupted)
	if err := writeArray(w.out, "toolExecutionNotifications", &w.notifications); err != nil {
		return err
	}
	fmt.Fprint(w.out, "}]}]}\n")
	return w.out.Flush()
}
