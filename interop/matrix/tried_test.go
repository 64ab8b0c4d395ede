package matrix

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/portability"
)

// Each row says what was tried, when, and what was seen, of files that are there, and
// all rows of a tool speak of one version.
func TestTried(t *testing.T) {
	version := regexp.MustCompile(`^\d+(\.\d+)+$`)
	seen := map[[3]string]bool{}
	for _, row := range tried() {
		name := row.Tool + " for " + row.For
		if row.For == "" || row.Tool == "" || row.Seen == "" || len(row.Given) == 0 {
			t.Errorf("%s lacks something: %+v", name, row)
		}
		if !version.MatchString(row.Version) {
			t.Errorf("%s: the version is %q", name, row.Version)
		}
		if first := versionTried(row.Tool); first != row.Version {
			t.Errorf("%s: the version is %s here, and %s before", name, row.Version, first)
		}
		if _, err := time.Parse(time.DateOnly, row.Date); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, file := range row.Given {
			if _, err := os.Stat(filepath.Join("../..", file)); err != nil || !strings.HasPrefix(file, "openapi/dist/") {
				t.Errorf("%s: %s is not a file of dist (%v)", name, file, err)
			}
			if key := [3]string{row.For, row.Tool, file}; seen[key] {
				t.Errorf("%s: %s is there twice", name, file)
			} else {
				seen[key] = true
			}
		}
		for _, text := range []string{row.Seen, row.Instead} {
			if text != "" && !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n\t") {
				t.Errorf("%s: %q is no sentence in one line", name, text)
			}
		}
	}
}

// Each row is on the page, and what links to their section finds it.
func TestTriedOnPage(t *testing.T) {
	page := Markdown(nil)
	if got := anchor(triedTitle); got != triedAnchor {
		t.Errorf("the section is at %q, and linked to at %q", got, triedAnchor)
	}
	for _, want := range []string{
		"| TypeScript | oazapfts 7.5.0 | `receiver-3.0.yaml` | The types and the client compile under strict, and event_type tells the two events apart. | – | 2026-11-29 |\n",
		"| comparing versions | oasdiff 1.37.0 | `webhooks.yaml`<br>`receiver.yaml` | ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, row := range tried() {
		if want := escape(row.Seen) + " | "; !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// A tool is either run or tried, not both with the same file.
func TestSuperseded(t *testing.T) {
	first := tried()[0]
	run := Report{Kind: Generator, Language: first.For, Tool: first.Tool, Version: "99.0", Input: first.Given[0]}
	failures := Confirm([]Report{run}, false)
	if len(failures) != 1 || !strings.HasPrefix(failures[0], first.Tool+" for "+first.For) || !strings.HasSuffix(failures[0], "remove it from tried.json") {
		t.Errorf("failures %q, want one of %s", failures, first.Tool)
	}
	for says, change := range map[string]func(*Report){
		"another language": func(r *Report) { r.Language = "COBOL" },
		"another tool":     func(r *Report) { r.Tool = "other" },
		"another file":     func(r *Report) { r.Input = "openapi/dist/service.yaml" },
	} {
		other := run
		change(&other)
		if failures := Confirm([]Report{other}, false); len(failures) > 0 {
			t.Errorf("%s: %q", says, failures)
		}
	}
}

// What runhooks lint says of a tool that no run has was seen when it was tried.
func TestConfirmByTrial(t *testing.T) {
	var reports []Report
	byTrial := 0
	for _, rule := range portability.Rules() {
		for _, b := range rule.Breaks {
			if versionTried(b.Tool) != "" {
				byTrial++
				continue
			}
			reports = append(reports, Report{Kind: Rule, Rule: rule.ID, Tool: b.Tool, Version: b.Version, Breaks: &Answer{OK: true}})
		}
	}
	if byTrial == 0 {
		t.Fatal("no tool of a rule was tried by hand")
	}
	if failures := Confirm(reports, true); len(failures) > 0 {
		t.Errorf("all is run or tried, and yet: %q", failures)
	}

	rows := tried()
	defer func(before func() []trial) { tried = before }(tried)
	newer := slices.Clone(rows)
	for i := range newer {
		newer[i].Version = "99.0"
	}
	tried = func() []trial { return newer }
	failures := Confirm(reports, true)
	if len(failures) != byTrial || !strings.Contains(failures[0], "and tried.json of 99.0") {
		t.Errorf("of newer versions: %q, want %d failures", failures, byTrial)
	}
	tried = func() []trial { return nil }
	failures = Confirm(reports, true)
	if len(failures) != byTrial || !strings.Contains(failures[0], "nothing confirms that") {
		t.Errorf("of nothing tried: %q, want %d failures", failures, byTrial)
	}
}
