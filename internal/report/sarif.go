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

// sarifWriter writes SARIF 2.1.0, with one run. Results are written as they
// come; the tool, with the rules that the results refer to, stands after them.
type sarifWriter struct {
	out           *bufio.Writer
	opts          Options
	results       int
	rules         []sarifRule
	ruleIndex     map[conformance.Code]int
	notifications jsonList
}

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
	return &sarifWriter{out: out, opts: opts, rules: []sarifRule{}, ruleIndex: map[conformance.Code]int{}}
}

func (w *sarifWriter) Payload(p Payload) error {
	for _, f := range p.Findings {
		if w.results++; w.results > 1 {
			fmt.Fprint(w.out, ",")
		}
		fmt.Fprint(w.out, "\n  ")
		if err := writeJSON(w.out, w.result(p, f)); err != nil {
			return err
		}
	}
	return nil
}

func (w *sarifWriter) Flush() error { return w.out.Flush() }

func (w *sarifWriter) result(p Payload, f conformance.Finding) sarifResult {
	message, pointer := f.Message, f.Pointer
	if p.At != "" {
		message += fmt.Sprintf(" (at %d:%d of the request body)", f.Line, f.Column)
		pointer = p.At + "#" + pointer
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
	sum := sha256.Sum256([]byte(strings.Join([]string{string(f.Code), p.Source, pointer}, "\x00")))
	return sarifResult{
		RuleID: string(f.Code), RuleIndex: w.rule(f.Code), Level: sarifLevel(f.Severity),
		Message: sarifText(message), Locations: []sarifLocation{location},
		PartialFingerprints: map[string]string{"runhooks/v1": hex.EncodeToString(sum[:16])},
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

func sarifLevel(s conformance.Severity) string {
	if s == conformance.SeverityInfo {
		return "note"
	}
	return string(s) // error and warning are called the same
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
	defer closeSpools(&err, &w.notifications.spool)
	for _, e := range s.Stale {
		if err := w.notifications.add(sarifNotification{Level: "note", Message: sarifText(
			fmt.Sprintf("%s at %q of %s is in the baseline and no longer found", e.Code, e.Pointer, e.Source))}); err != nil {
			return err
		}
	}
	if s.Interrupted {
		if err := w.notifications.add(sarifNotification{Level: "error", Message: sarifMessage{"interrupted: what is left was not checked"}}); err != nil {
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
