package matrix

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/runhooks/runhooks/internal/portability"
)

const preamble = `# What works in other languages

Does your tool work with the contract? Search this page for its name. To choose a tool, begin with
[what does best in each language](#in-short).

- [Packages](#packages) of this project judge, read and verify events.
- [Validators](#validators) tell whether a payload conforms.
- [Generators](#generators) make types of the events.
- [Receivers](#receivers) are the programs of [the guides](languages).
- [Mocks](#mocks) stand in for a receiver, and [fuzzers](#fuzzers) try one.
- [Clients](#clients-of-the-delivery-service) call [the delivery service](service.md).
- [More tools](#` + triedAnchor + `) were tried by hand: generators for other
  languages, viewers of OpenAPI, and others.
- [Limits](#limits) are where tools do something else than the contract, and whether that matters.
- [Idioms that break tools](#idioms-that-break-tools) are for authors of schemas: what
  ` + "`runhooks lint`" + ` warns of.

` + "`make interop`" + ` writes this page. CI runs it on every change, with all tools but those that were tried
by hand, in the versions that are named. It gives the tools the files of
[openapi/dist](../openapi/dist), has them decode, encode or judge the [vectors](../vectors), and
fails if a result is new and nothing here explains it. The vectors are hundreds of payloads, many
of them there to be difficult.

In a table, "given" is the file that a tool was given. What the other columns promise is said above
the table. "all" means that the promise is kept for all vectors, and "all but" that it is kept for all
except those at the limits that follow. A dash stands where nothing can be said, since a column before
it is a "no". A number in parentheses is that of a note below the table.
`

// Markdown makes the page.
func Markdown(lines []Line) string {
	var out strings.Builder
	out.WriteString(preamble)
	out.WriteString(toTake(lines))
	used := map[string]bool{}
	for _, kind := range []struct{ name, title string }{
		{Package, "Packages"}, {Validator, "Validators"}, {Generator, "Generators"}, {Receiver, "Receivers"},
		{Mock, "Mocks"}, {Fuzzer, "Fuzzers"}, {Client, "Clients of the delivery service"},
	} {
		fmt.Fprintf(&out, "\n## %s\n\n", kind.title)
		out.WriteString(introductions[kind.name])
		for _, c := range Checks[kind.name] {
			fmt.Fprintf(&out, "- **%s**: %s.\n", c.Title, c.Promise)
		}
		out.WriteByte('\n')
		table(&out, kind.name, lines, used)
	}
	out.WriteString(triedTable())
	out.WriteString("\n## Limits\n\nEach is linked from the tools that are at it.\n")
	for _, limit := range limits() {
		if !used[limit.ID] {
			continue
		}
		fmt.Fprintf(&out, "\n### %s\n\n%s\n", limit.Title, wrap(limit.Why))
	}
	out.WriteString(rules())
	return out.String()
}

// introductions are what a reader has to know of a kind before its checks.
var introductions = map[string]string{
	Package: `The judge, the canonical event and the verifier of Runhooks, in other languages: one WebAssembly
module, and a package over it. Each is packed as it is published, installed from the pack into an
empty project, and tested there.

`,
	Mock: "A mock is a receiver that a tool makes of the document, for senders to try.\n\n",
	Fuzzer: `A fuzzer is a sender that a tool makes of the document: it tries the receiver that you give it, in
whatever language that is.

`,
}

// table writes the lines of a kind, and the notes to them below.
func table(out *strings.Builder, kind string, lines []Line, used map[string]bool) {
	checks := Checks[kind]
	fmt.Fprintf(out, "| language | tool | given |")
	for _, c := range checks {
		fmt.Fprintf(out, " %s |", c.Title)
	}
	out.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(checks)) + "\n")
	var notes []string
	note := func(text string) string {
		if text == "" {
			return ""
		}
		text = strings.Join(strings.Fields(text), " ")
		n := slices.Index(notes, text)
		if n < 0 {
			n = len(notes)
			notes = append(notes, text)
		}
		return fmt.Sprintf(" (%d)", n+1)
	}
	// Rows that say the same of several files of one tool are one.
	type row struct{ tool, cells string }
	var rows []row
	inputs := map[row][]string{}
	for _, l := range lines {
		r := l.Report
		if r.Kind != kind {
			continue
		}
		this := row{tool: fmt.Sprintf("%s | %s%s", r.Language, strings.TrimSpace(r.Tool+" "+r.Version), note(r.Note))}
		for _, c := range l.Cells {
			this.cells += fmt.Sprintf(" %s%s |", c.text(used), note(c.Note))
		}
		if inputs[this] == nil {
			rows = append(rows, this)
		}
		inputs[this] = append(inputs[this], given(r.Input))
	}
	for _, r := range rows {
		fmt.Fprintf(out, "| %s | %s |%s\n", r.tool, strings.Join(inputs[r], "<br>"), r.cells)
	}
	if len(notes) > 0 {
		out.WriteByte('\n')
	}
	for i, text := range notes {
		fmt.Fprintf(out, "%d. %s\n", i+1, text)
	}
}

// given links a guide or a package, and quotes a file of dist.
func given(input string) string {
	if strings.HasPrefix(input, "bindings/") {
		return fmt.Sprintf("[%s](../%s)", input, input)
	}
	if guide, ok := strings.CutPrefix(input, "docs/"); ok {
		return fmt.Sprintf("[%s](%s)", guide, guide)
	}
	return "`" + strings.TrimPrefix(input, "openapi/dist/") + "`"
}

// text is without numbers of vectors, so that the page stays as it is when one is
// added that shows nothing new.
func (c Cell) text(used map[string]bool) string {
	switch {
	case c.Empty:
		return "–"
	case c.Of == 0 && c.OK:
		return "yes"
	case c.Of == 0:
		return "no"
	case c.Holds():
		return "all"
	}
	var but []string
	for _, limit := range limits() {
		if c.Limits[limit.ID] > 0 {
			used[limit.ID] = true
			but = append(but, fmt.Sprintf("[%s](#%s)", limit.Title, anchor(limit.Title)))
		}
	}
	if n := len(c.Unexplained); n > 0 {
		but = append(but, fmt.Sprintf("**unexplained** %d", n))
	}
	return "all but: " + strings.Join(but, ", ")
}

// anchor gives the fragment of a heading: its letters and digits, with hyphens for
// spaces.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, title)
}

// toTake names, for each language, the tools of which most holds, for documented events.
func toTake(lines []Line) string {
	var languages []string
	best := map[string]map[string]Line{} // by language and kind
	for _, l := range lines {
		r := l.Report
		if r.Kind == Mock || r.Kind == Fuzzer {
			continue // they are for receivers in all languages
		}
		if !slices.Contains(languages, r.Language) {
			languages = append(languages, r.Language)
			best[r.Language] = map[string]Line{}
		}
		if strings.Contains(r.Input, "observed") || strings.Contains(r.Input, "canonical") || slices.ContainsFunc(l.Cells, func(c Cell) bool { return c.Of == 0 && !c.OK }) {
			continue
		}
		if before, ok := best[r.Language][r.Kind]; !ok || l.differs() < before.differs() {
			best[r.Language][r.Kind] = l
		}
	}
	var out strings.Builder
	out.WriteString("\n## In short\n\n" +
		"In each language, the tool that has no \"no\" in the tables below, and the fewest vectors at a\n" +
		"limit. A dash stands where there is none.\n\n" +
		"| language | to validate | to generate types | to receive | to call the service |\n|---|---|---|---|---|\n")
	for _, language := range languages {
		if len(best[language]) == 0 {
			continue
		}
		fmt.Fprintf(&out, "| %s |", language)
		for _, kind := range []string{Validator, Generator, Receiver, Client} {
			l, ok := best[language][kind]
			if !ok {
				out.WriteString(" – |")
				continue
			}
			fmt.Fprintf(&out, " %s, %s |", l.Report.Tool, given(l.Report.Input))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func (l Line) differs() (n int) {
	for _, c := range l.Cells {
		n += c.differs()
	}
	return n
}

// rules lists what runhooks lint warns of.
func rules() string {
	var out strings.Builder
	out.WriteString("\n## Idioms that break tools\n\n" +
		"`runhooks lint` warns of these. For each there is a document in\n" +
		"[testdata](../internal/portability/testdata) that breaks the tool, and a fixed one that doesn't. Every\n" +
		"tool below has been given both, and has shown the difference: by the run, or by hand if it is one of\n" +
		"those that were [tried](#" + triedAnchor + ").\n\n" +
		"| rule | tool | what it does | write instead |\n|---|---|---|---|\n")
	for _, rule := range portability.Rules() {
		id, instead := "`"+rule.ID+"`", rule.Instead
		for _, b := range rule.Breaks {
			fmt.Fprintf(&out, "| %s | %s %s | %s | %s |\n", id, b.Tool, b.Version, escape(b.How), escape(instead))
			id, instead = "", ""
		}
	}
	return out.String()
}

// wrap breaks a text into lines as the rest of the page has them.
func wrap(text string) string {
	var out strings.Builder
	width := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case width+1+len(word) > 96:
			out.WriteByte('\n')
			width = 0
		default:
			out.WriteByte(' ')
			width++
		}
		out.WriteString(word)
		width += len(word)
	}
	return out.String()
}

// escape keeps a text within its cell.
func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
