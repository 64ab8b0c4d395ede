package matrix

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A trial is what was seen of a tool that no run has: it was tried by hand, once, as its
// language isn't installed where the runs are, nobody can compile what it makes, or it
// makes a page to look at.
type trial struct {
	// For is a language, or what else the tool is for.
	For     string `json:"for"`
	Tool    string `json:"tool"`
	Version string `json:"version"`
	// Date is the day of the trial: 2006-01-02.
	Date string `json:"date"`
	// Given are the files that the tool made the same of, from the root of the repository.
	Given []string `json:"given"`
	// Seen says what it made of them, and what was wrong with that.
	Seen string `json:"seen"`
	// Instead is how to get round what was wrong. It is empty where nothing was.
	Instead string `json:"instead,omitempty"`
}

//go:embed tried.json
var triedJSON []byte

// tried returns all trials, in the order of the page.
var tried = sync.OnceValue(func() (all []trial) {
	if err := json.Unmarshal(triedJSON, &all); err != nil {
		panic(err) // the embedded file is broken; a test reads it
	}
	return all
})

// versionTried returns the version of a tool that was tried, or "".
func versionTried(tool string) string {
	for _, t := range tried() {
		if t.Tool == tool {
			return t.Version
		}
	}
	return ""
}

// superseded lists the trials of what the runs have by now.
func superseded(reports []Report) (failures []string) {
	for _, t := range tried() {
		if slices.ContainsFunc(reports, func(r Report) bool {
			return r.Kind != Rule && r.Language == t.For && r.Tool == t.Tool && slices.Contains(t.Given, r.Input)
		}) {
			failures = append(failures, fmt.Sprintf("%s for %s, given %s, is run now: remove it from tried.json", t.Tool, t.For, strings.Join(t.Given, ", ")))
		}
	}
	return failures
}

const (
	triedTitle  = "Tried, not run on every change"
	triedAnchor = "tried-not-run-on-every-change"
)

// triedTable is the section of the trials.
func triedTable() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n## %s\n\n"+
		"These tools were tried by hand, with the files as they were on that day. Nothing repeats it, so\n"+
		"another version of a tool may do something else. A dash stands where nothing needs to be done. \"The\n"+
		"condition\" is that a `run_completed` has `error` if its status is failed, and `extracted_data` if not.\n\n"+
		"Redocly CLI and Spectral are not in the table: `make lint` runs both by their default rules, and fails\n"+
		"if they find something.\n\n"+
		"| for | tool | given | what was seen | what to do | tried |\n|---|---|---|---|---|---|\n", triedTitle)
	for _, t := range tried() {
		var files []string
		for _, file := range t.Given {
			files = append(files, given(file))
		}
		instead := t.Instead
		if instead == "" {
			instead = "–"
		}
		fmt.Fprintf(&out, "| %s | %s %s | %s | %s | %s | %s |\n",
			t.For, t.Tool, t.Version, strings.Join(files, "<br>"), escape(t.Seen), escape(instead), t.Date)
	}
	return out.String()
}
