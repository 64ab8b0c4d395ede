package main

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// charted are the corpora that the chart shows, each in a panel of its own.
var charted = []string{"11 MB", "NDJSON", "wild"}

// Measures of the chart, in its own units: it is drawn for a width of 800 pixels.
const (
	chartWidth = 800
	margin     = 24
	labelWidth = 216
	valueWidth = 100
	barHeight  = 14
	barPitch   = 20
	gap        = 8 // between validators and floors
)

// chartStyle follows the reader's light or dark theme.
const chartStyle = `
  .back { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #59636e }
  .ours { fill: #0969da } .peer { fill: #8c959f } .floor { fill: none; stroke: #8c959f; stroke-dasharray: 3 2 }
  .axis { stroke: #d1d9e0 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } .text { fill: #f0f6fc } .faint { fill: #9198a1 }
    .ours { fill: #4493f8 } .peer { fill: #6e7681 } .floor { stroke: #6e7681 }
    .axis { stroke: #3d444d }
  }
  text { font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif }
  .title { font-size: 16px; font-weight: 600 } .strong { font-weight: 600 }
`

// chart draws the results as bars on a linear scale.
func (r results) chart() string {
	var b strings.Builder
	y := margin
	text := func(x, y int, class, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, escape(s))
	}
	y += 14
	text(margin, y, "text title", "start", "Validating webhook payloads, MB/s on one core")
	y += 20
	text(margin, y, "faint", "start", fmt.Sprintf("Medians of %s on %s. 2× means that runhooks is twice as fast.", count(r.rounds, "round"), r.machine.cpu))
	for _, name := range charted {
		at := slices.IndexFunc(r.corpora, func(c corpusInfo) bool { return c.name == name })
		if at < 0 {
			continue
		}
		bars := r.bars(name)
		if len(bars) == 0 {
			continue
		}
		corpus := r.corpora[at]
		y += 34
		title := "One event of " + bytesText(int64(corpus.bytes))
		if corpus.payloads > 1 {
			title = fmt.Sprintf("%s different events, %s", thousands(int64(corpus.payloads)), bytesText(int64(corpus.bytes)))
		}
		if corpus.deviates {
			title += ", as servers send them: listing all that is wrong"
		}
		text(margin, y, "text strong", "start", title)
		y += 10
		fastest := slices.MaxFunc(bars, func(a, b bar) int { return int(a.speed - b.speed) }).speed
		left, room := margin+labelWidth, chartWidth-2*margin-labelWidth-valueWidth
		height := len(bars) * barPitch
		if bars[len(bars)-1].parses {
			height += gap
		}
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" class="axis"/>`+"\n", left, y, left, y+height)
		for i, bar := range bars {
			if bar.parses && (i == 0 || !bars[i-1].parses) {
				y += gap
			}
			class, label := "peer", "text"
			switch {
			case bar.name == r.ours(name):
				class, label = "ours", "text strong"
			case bar.parses:
				class, label = "floor", "faint"
			}
			width := max(1, int(bar.speed/fastest*float64(room)+0.5))
			baseline := y + barPitch/2 + 5
			text(left-8, baseline, label, "end", bar.name)
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" class="%s"/>`+"\n", left, y+(barPitch-barHeight)/2, width, barHeight, class)
			value := speedText(bar.speed)
			if bar.ratio != "" && !bar.parses {
				value += " · " + bar.ratio
			}
			text(left+width+6, baseline, label, "start", value)
			y += barPitch
		}
	}
	y += 26
	fmt.Fprintf(&b, `<rect x="%d" y="%d" width="14" height="10" class="floor"/>`+"\n", margin, y-9)
	text(margin+20, y, "faint", "start", "parses only: what a validator that parses first can't be faster than")
	y += margin - 6
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">
<style>%s</style>
<rect width="%d" height="%d" rx="6" class="back"/>
%s</svg>
`, chartWidth, y, chartWidth, y, escape(r.summary()), chartStyle, chartWidth, y, b.String())
}

type bar struct {
	name   string
	speed  float64
	parses bool
	ratio  string
}

// bars returns the rows that have a figure, validators first, the fastest first. Those
// of two builds that are compared are left out.
func (r results) bars(corpus string) []bar {
	var bars []bar
	for _, row := range r.rows {
		cell := row.cells[corpus]
		if cell == nil || cell.problem != "" || strings.HasSuffix(row.name, atCommit) || strings.HasSuffix(row.name, thisBuild) {
			continue
		}
		bars = append(bars, bar{row.name, median(cell.speeds), row.parses, r.ratio(row, corpus)})
	}
	slices.SortStableFunc(bars, func(a, b bar) int {
		if a.parses != b.parses {
			if a.parses {
				return 1
			}
			return -1
		}
		return int(b.speed - a.speed)
	})
	return bars
}

// summary is what the chart says, for those who can't see it.
func (r results) summary() string {
	var parts []string
	for _, name := range charted {
		var figures []string
		for _, bar := range r.bars(name) {
			figures = append(figures, bar.name+" "+speedText(bar.speed))
		}
		if len(figures) > 0 {
			parts = append(parts, name+": "+strings.Join(figures, ", "))
		}
	}
	return "MB/s. " + strings.Join(parts, ". ")
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a strings.Builder takes all that is written to it
	}
	return b.String()
}
