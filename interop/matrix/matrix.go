// Package matrix is what the folders of interop report, and the page made of it.
package matrix

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The kinds of tools.
const (
	Validator = "validator"
	Generator = "generator"
	Receiver  = "receiver"
)

// A Row is one check of one tool. The programs of the folders print them as JSON,
// one a line.
type Row struct {
	Language string `json:"language"`
	Tool     string `json:"tool"`
	Version  string `json:"version"`
	Kind     string `json:"kind"`
	// Input is the file that the tool was given, from the root of the repository.
	Input string `json:"input"`
	// Check is one of those of the kind; see Checks.
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	// Passed of so many vectors or requests; 0 of 0 where nothing is counted.
	Passed int `json:"passed,omitempty"`
	Of     int `json:"of,omitempty"`
	// Note explains what doesn't hold, in a few words. Without it, it is
	// unexplained.
	Note string `json:"note,omitempty"`
}

// Checks are the checks of each kind, in their order, with what is promised where
// one holds.
var Checks = map[string][]struct{ Name, Title, Promise string }{
	Validator: {
		{"verdicts", "verdicts", "says of every vector what the documented layer says of it"},
	},
	Generator: {
		{"compiles", "compiles", "what it generates compiles, with warnings as errors where the language has them"},
		{"narrows", "narrows", "the two events are told apart by `event_type`"},
		{"decodes", "decodes", "every vector that conforms is decoded into the types"},
		{"round-trip", "round trip", "and encoded again is the same JSON"},
	},
	Receiver: {
		{"signed", "signed", "a signed event is accepted"},
		{"tampered", "tampered", "one that was changed on the way, or has another's signature, is refused"},
		{"deviating", "deviating", "one as servers really send it is survived"},
	},
}

// Read reads rows until the end of r. The error is that a line is none.
func Read(r io.Reader) (rows []Row, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var row Row
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.DisallowUnknownFields()
		if err := d.Decode(&row); err != nil {
			return rows, fmt.Errorf("not a row: %.200s: %w", lines.Text(), err)
		}
		if err := row.check(); err != nil {
			return rows, fmt.Errorf("%w: %.200s", err, lines.Text())
		}
		rows = append(rows, row)
	}
	return rows, lines.Err()
}

func (r Row) check() error {
	if r.Language == "" || r.Tool == "" || r.Version == "" || r.Input == "" {
		return fmt.Errorf("a row lacks language, tool, version or input")
	}
	for _, c := range Checks[r.Kind] {
		if c.Name == r.Check {
			return nil
		}
	}
	return fmt.Errorf("there is no check %q of a %q", r.Check, r.Kind)
}

// Unexplained gives the rows of what doesn't hold, and nobody says why.
func Unexplained(rows []Row) (all []Row) {
	for _, r := range rows {
		if !r.OK && r.Note == "" {
			all = append(all, r)
		}
	}
	return all
}

// Markdown makes the tables, a row a tool and input, in the order of rows.
func Markdown(rows []Row) string {
	var out strings.Builder
	for _, kind := range []struct{ name, title string }{
		{Validator, "Validators"}, {Generator, "Generators"}, {Receiver, "Receivers"},
	} {
		checks := Checks[kind.name]
		fmt.Fprintf(&out, "\n## %s\n\n| language | tool | given |", kind.title)
		for _, c := range checks {
			fmt.Fprintf(&out, " %s |", c.Title)
		}
		out.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(checks)) + "\n")
		type line struct{ language, tool, version, input string }
		var order []line
		cells := map[line]map[string]Row{}
		for _, r := range rows {
			if r.Kind != kind.name {
				continue
			}
			l := line{r.Language, r.Tool, r.Version, r.Input}
			if cells[l] == nil {
				order = append(order, l)
				cells[l] = map[string]Row{}
			}
			cells[l][r.Check] = r
		}
		var notes []string
		for _, l := range order {
			fmt.Fprintf(&out, "| %s | %s %s | `%s` |", l.language, l.tool, l.version, l.input)
			for _, c := range checks {
				r, ok := cells[l][c.Name]
				if !ok {
					out.WriteString(" – |")
					continue
				}
				fmt.Fprintf(&out, " %s", cell(r))
				if r.Note != "" {
					n := slices.Index(notes, r.Note)
					if n < 0 {
						n = len(notes)
						notes = append(notes, r.Note)
					}
					fmt.Fprintf(&out, " (%d)", n+1)
				}
				out.WriteString(" |")
			}
			out.WriteByte('\n')
		}
		if len(notes) > 0 {
			out.WriteByte('\n')
		}
		for i, note := range notes {
			fmt.Fprintf(&out, "%d. %s\n", i+1, strings.ReplaceAll(strings.TrimSpace(note), "\n", " "))
		}
	}
	return out.String()
}

func cell(r Row) string {
	mark := "no"
	if r.OK {
		mark = "yes"
	}
	if r.Of > 0 && !(r.OK && r.Passed == r.Of) {
		return fmt.Sprintf("%s: %d of %d", mark, r.Passed, r.Of)
	}
	return mark
}
