package rowtable

import (
	"bufio"
	"cmp"
	"io"
	"strings"
	"unicode/utf8"
)

// excelCell is how many characters of a cell Excel keeps.
const excelCell = 32_767

// A Noted is what there is to say about a table that was written.
type Noted struct {
	Formulas int64 // cells that a spreadsheet takes for a formula
	Long     int64 // cells of which Excel keeps only the first 32,767 characters
}

// A writer writes CSV. It isn't encoding/csv's, which changes the ends of lines
// within cells.
type writer struct {
	Options
	out     *bufio.Writer
	started bool // the line has a cell
	noted   Noted
}

func newWriter(out io.Writer, o Options) *writer {
	o.Comma = cmp.Or(o.Comma, ',')
	w := &writer{Options: o, out: bufio.NewWriterSize(out, 64<<10)}
	if o.BOM {
		_, _ = w.out.WriteString("\ufeff") // an error stays until flush
	}
	return w
}

// cell writes one cell.
func (w *writer) cell(text string) {
	if w.started {
		_ = w.out.WriteByte(w.Comma)
	}
	w.started = true
	if isFormula(text) {
		w.noted.Formulas++
		if !w.Raw {
			text = "'" + text
		}
	}
	if len(text) > excelCell && utf8.RuneCountInString(text) > excelCell {
		w.noted.Long++
	}
	// Excel takes a semicolon or a tab for the end of a cell where the locale has it so.
	if !strings.ContainsAny(text, ",;\t\"\r\n") && strings.TrimSpace(text) == text {
		_, _ = w.out.WriteString(text)
		return
	}
	_ = w.out.WriteByte('"')
	_, _ = w.out.WriteString(strings.ReplaceAll(text, `"`, `""`))
	_ = w.out.WriteByte('"')
}

// end ends the line.
func (w *writer) end() {
	_, _ = w.out.WriteString("\r\n")
	w.started = false
}

func (w *writer) flush() error { return w.out.Flush() }

// isFormula reports whether a spreadsheet may take a cell for a formula, as OWASP lists
// them under "CSV Injection". A number with a sign is none, nor is a sign alone: they do
// nothing.
func isFormula(text string) bool {
	text = strings.TrimLeft(text, " ")
	if text == "" {
		return false
	}
	switch text[0] {
	case '=', '@', '\t', '\r', '\n':
		return true
	case '+', '-':
		return !isNumber(text[1:])
	}
	for _, wide := range []string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(text, wide) {
			return true
		}
	}
	return false
}

// isNumber reports whether there is no more in text than what a number may have.
func isNumber(text string) bool {
	return strings.Trim(strings.TrimSuffix(text, "%"), "0123456789.,") == ""
}
