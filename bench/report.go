package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// markdown returns the results as tables.
func (r results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nMade by `make bench`; [bench/README.md](../README.md) says how to read it.\n\n")
	fmt.Fprintf(&b, "- Machine: %s\n", r.machine)
	fmt.Fprintf(&b, "- Medians of %s, in which all took turns. One thread each, but for whole processes.\n", count(r.rounds, "round"))
	fmt.Fprintf(&b, "- MB/s are millions of bytes of payload per second of CPU time. A ratio is how many times as fast runhooks is: it says more than the figures, which are of this machine.\n")

	r.writeTargets(&b)
	r.writeChanges(&b)
	for _, deviates := range []bool{false, true} {
		r.writeOverview(&b, deviates)
	}
	for _, c := range r.corpora {
		r.writeCorpus(&b, c)
	}
	r.writeCommands(&b)

	b.WriteString("\n## What each does\n\n")
	b.WriteString(r.legend())
	return b.String()
}

// writeOverview writes one table for all corpora that deviate, or all that don't.
func (r results) writeOverview(b *strings.Builder, deviates bool) {
	corpora := slices.DeleteFunc(slices.Clone(r.corpora), func(c corpusInfo) bool { return c.deviates != deviates })
	if len(corpora) == 0 {
		return
	}
	title, does, do := "Events as documented", "validates", "yes"
	if deviates {
		title, does, do = "Events as servers send them", "lists what is wrong", ""
	}
	fmt.Fprintf(b, "\n## %s, MB/s\n\n", title)
	head := []string{"", does}
	for _, c := range corpora {
		head = append(head, c.name)
	}
	lines := [][]string{head}
	for _, row := range r.rows {
		if !row.on.covers(deviates) {
			continue
		}
		line := []string{row.name, do}
		switch {
		case row.parses:
			line[1] = "parses only"
		case row.lists && deviates:
			line[1] = "yes"
		case deviates:
			line[1] = "accepts only"
		}
		for _, c := range corpora {
			line = append(line, row.speed(c.name))
		}
		lines = append(lines, line)
	}
	writeTable(b, lines)
}

// writeCorpus writes the table of one corpus.
func (r results) writeCorpus(b *strings.Builder, c corpusInfo) {
	fmt.Fprintf(b, "\n## %s\n\n%s: %s, %s.\n\n", c.name, capitalize(c.description), count(c.payloads, "payload"), bytesText(int64(c.bytes)))
	head := []string{"", "MB/s", "least–most", "ratio", "allocations a payload"}
	if c.deviates {
		head = append(head, "errors a payload")
	}
	lines := [][]string{head}
	for _, row := range r.rows {
		cell := row.cells[c.name]
		if cell == nil {
			continue
		}
		line := []string{row.name, cell.problem, "", "", "", ""}
		if cell.problem == "" {
			if cell.payloads < c.payloads {
				line[0] += fmt.Sprintf(" (the first %s)", count(cell.payloads, "payload"))
			}
			if cell.missed > 0 {
				line[0] += fmt.Sprintf(" (accepts %s)", count(cell.missed, "payload"))
			}
			line[1] = speedText(median(cell.speeds))
			line[2] = speedText(slices.Min(cell.speeds)) + "–" + speedText(slices.Max(cell.speeds))
			line[3] = r.ratio(row, c.name)
			line[4] = allocsText(cell.allocs)
			if cell.found > 0 {
				line[5] = strconv.FormatFloat(cell.found, 'f', 1, 64)
			}
		}
		lines = append(lines, line[:len(head)])
	}
	writeTable(b, lines)
}

// legend says what each row does, and what it doesn't.
func (r results) legend() string {
	var b strings.Builder
	lines := [][]string{{"", "does", "does not reject", "version"}}
	for _, row := range r.rows {
		lines = append(lines, []string{row.name, row.does, missesText(row.misses, row.unavailable), strings.Join(row.versions, ", ")})
	}
	for _, row := range r.commands {
		lines = append(lines, []string{row.name, row.does, missesText(row.misses, row.unavailable), row.version})
	}
	writeTable(&b, lines)
	return b.String()
}

func (r results) writeCommands(b *strings.Builder) {
	if len(r.commands) == 0 {
		return
	}
	for _, c := range r.corpora {
		lines := [][]string{{"", "seconds", "least–most", "MB/s", "CPU seconds", "memory", "output", "ratio"}}
		var ours *processCell
		for _, row := range r.commands {
			cell := row.cells[c.name]
			if cell == nil {
				continue
			}
			if cell.problem != "" {
				lines = append(lines, []string{row.name, cell.problem, "", "", "", "", "", ""})
				continue
			}
			ratio := ""
			wall := median(cell.walls)
			if row.name == ourCommand || row.name == ourListing {
				ours = cell
			} else if ours != nil {
				ratio = ratioText(float64(wall) / float64(median(ours.walls)))
			}
			lines = append(lines, []string{
				row.name, seconds(wall),
				seconds(slices.Min(cell.walls)) + "–" + seconds(slices.Max(cell.walls)),
				speedText(float64(c.bytes) / wall.Seconds()),
				seconds(median(cell.cpus)), bytesText(median(cell.memory)), outputText(cell.written), ratio,
			})
		}
		if len(lines) == 1 {
			continue
		}
		fmt.Fprintf(b, "\n## %s, whole processes\n\nFrom the start of the program to its exit, on the corpus as a file.\n\n", c.name)
		writeTable(b, lines)
	}
}

// speed is the text of a cell that has room for one figure.
func (r row) speed(corpus string) string {
	cell := r.cells[corpus]
	switch {
	case r.unavailable != "":
		return "not run"
	case cell == nil:
		return ""
	case cell.problem != "":
		return "rejects"
	}
	return speedText(median(cell.speeds))
}

// ratio says how many times as fast as row our own is on a corpus.
func (r results) ratio(other row, corpus string) string {
	ours := r.ours(corpus)
	if ratio := r.rate(ours, corpus) / r.rate(other.name, corpus); other.name != ours && !math.IsNaN(ratio) {
		return ratioText(ratio)
	}
	return ""
}

// ours is the row that others are compared with on a corpus.
func (r results) ours(corpus string) string {
	if slices.ContainsFunc(r.corpora, func(c corpusInfo) bool { return c.name == corpus && c.deviates }) {
		return ourChecker
	}
	return ourName
}

func ratioText(ratio float64) string {
	if ratio >= 10 {
		return strconv.FormatFloat(ratio, 'f', 0, 64) + "×"
	}
	return strconv.FormatFloat(ratio, 'g', 2, 64) + "×"
}

// speedText returns bytes per second as MB/s.
func speedText(speed float64) string {
	if speed < 100e6 {
		return strconv.FormatFloat(speed/1e6, 'f', 1, 64)
	}
	return thousands(int64(speed/1e6 + 0.5))
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func allocsText(allocs float64) string {
	if allocs == unknown {
		return ""
	}
	return thousands(int64(allocs)) // down, as the testing package does it
}

func bytesText(n int64) string {
	switch {
	case n >= 1e6:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	case n >= 1e3:
		return strconv.FormatFloat(float64(n)/1e3, 'f', 1, 64) + " KB"
	}
	return count(int(n), "byte")
}

func outputText(n int64) string {
	if n == 0 {
		return ""
	}
	return bytesText(n)
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(int64(n)) + " " + noun
}

func capitalize(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func missesText(misses []string, unavailable string) string {
	switch {
	case unavailable != "":
		return "was not run"
	case len(misses) == 0:
		return "–"
	}
	return strings.Join(misses, ", ")
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// writeTable writes lines, of which the first is the head, as Markdown. Columns
// are to the right where their first text is a figure.
func writeTable(b *strings.Builder, lines [][]string) {
	for i, line := range lines {
		b.WriteByte('|')
		for _, text := range line {
			text = strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
			b.WriteString(" " + text + " |")
		}
		b.WriteByte('\n')
		if i > 0 {
			continue
		}
		b.WriteByte('|')
		for column := range line {
			if isFigures(lines[1:], column) {
				b.WriteString("---:|")
			} else {
				b.WriteString("---|")
			}
		}
		b.WriteByte('\n')
	}
}

func isFigures(lines [][]string, column int) bool {
	for _, line := range lines {
		if text := line[column]; text != "" {
			return text[0] >= '0' && text[0] <= '9'
		}
	}
	return false
}
