// Package baseline sets known findings aside, so that a check fails for new
// ones only, and reports those that no longer occur, so that the set shrinks.
//
// A finding is known by its source, code and pointer, and by how often that
// occurs: a source of many payloads may have the same finding in each of them.
// Infos fail no check, and so are neither recorded nor set aside.
package baseline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// version is the version of the format of a baseline file.
const version = 1

// An Entry says how often a finding occurs.
type Entry struct {
	// Source is the name of the source, as the command line led to it, with
	// forward slashes and without a leading ./.
	Source string `json:"source"`
	// Code and Pointer are those of the finding.
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
	// Count is the number of occurrences, at least 1.
	Count int `json:"count"`
}

// key identifies a finding: an entry without its count.
type key struct{ source, code, pointer string }

// newKey gives the key of a finding as a file can hold it: JSON has no bytes
// that are not UTF-8.
func newKey(source, code, pointer string) key {
	return key{sourceKey(source), code, strings.ToValidUTF8(pointer, "\ufffd")}
}

func sourceKey(source string) string {
	return strings.ToValidUTF8(path.Clean(source), "\ufffd")
}

// A File is a set of known findings. Its zero value is empty and ready to use.
type File struct {
	counts map[key]int
}

// Add records the errors and warnings among the findings of one payload.
func (f *File) Add(source string, findings []conformance.Finding) {
	for _, finding := range findings {
		if finding.Severity != conformance.SeverityInfo {
			f.add(newKey(source, string(finding.Code), finding.Pointer), 1)
		}
	}
}

func (f *File) add(k key, n int) {
	if f.counts == nil {
		f.counts = map[key]int{}
	}
	f.counts[k] += n
}

// Entries gives the known findings by source, pointer and code.
func (f *File) Entries() []Entry { return entries(f.counts) }

func entries(counts map[key]int) []Entry {
	list := make([]Entry, 0, len(counts))
	for k, n := range counts {
		list = append(list, Entry{k.source, k.code, k.pointer, n})
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Code, b.Code))
	})
	return list
}

// Load reads the file at path, as [File.Save] writes it.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("baseline %s does not exist; create it with --write-baseline", path)
	} else if err != nil {
		return nil, fmt.Errorf("baseline %w", err)
	}
	broken := func(format string, args ...any) (*File, error) {
		return nil, fmt.Errorf("baseline %s: %s; remove it and create it again with --write-baseline", path, fmt.Sprintf(format, args...))
	}

	var content struct {
		Version  *int    `json:"version"`
		Findings []Entry `json:"findings"`
	}
	if err := json.Unmarshal(data, &content); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return broken("byte %d: not JSON: %v", syntax.Offset, err)
		}
		return broken("not a baseline: %v", err)
	}
	switch {
	case content.Version == nil:
		return broken("not a baseline: it has no version")
	case *content.Version != version:
		return broken("version %d, where this program knows version %d", *content.Version, version)
	}
	f := new(File)
	for i, e := range content.Findings {
		if e.Source == "" || e.Code == "" || e.Count < 1 {
			return broken("/findings/%d needs a source, a code and a count of at least 1", i)
		}
		f.add(newKey(e.Source, e.Code, e.Pointer), e.Count)
	}
	return f, nil
}

// A Matcher holds the findings of one run against a [File]. It is for one
// goroutine, which gives it the payloads in order, so that the same occurrences
// are set aside on every run.
type Matcher struct {
	left map[key]int
	done map[string]bool
}

// Matcher gives a matcher for one run. Later changes of f do not affect it.
func (f *File) Matcher() *Matcher {
	return &Matcher{left: maps.Clone(f.counts), done: map[string]bool{}}
}

// Filter gives the findings of a payload that are not known, in their order,
// and the number of those that are. A known finding is set aside as often as
// the file counts it; what occurs beyond that is not known.
func (m *Matcher) Filter(source string, findings []conformance.Finding) (fresh []conformance.Finding, known int) {
	if len(m.left) == 0 { // as where there is no file
		return findings, 0
	}
	for _, finding := range findings {
		k := newKey(source, string(finding.Code), finding.Pointer)
		if finding.Severity == conformance.SeverityInfo || m.left[k] == 0 {
			fresh = append(fresh, finding)
			continue
		}
		m.left[k]--
		known++
	}
	return fresh, known
}

// Done says that all of a source has been through Filter, even if it had no
// payloads. It is not called for a source that was read in part.
func (m *Matcher) Done(source string) { m.done[sourceKey(source)] = true }

// Stale gives the known findings that no longer occur, with the count that was
// left over: those of the sources that are done, and those of files that no
// longer exist. A source that exists, but was not part of the run, has no say.
func (m *Matcher) Stale() []Entry {
	gone := map[string]bool{}
	left := maps.Clone(m.left)
	maps.DeleteFunc(left, func(k key, n int) bool {
		if n == 0 {
			return true
		}
		if m.done[k.source] {
			return false
		}
		missing, known := gone[k.source]
		if !known {
			_, err := os.Lstat(filepath.FromSlash(k.source))
			missing = errors.Is(err, fs.ErrNotExist) && k.source != stdin
			gone[k.source] = missing
		}
		return !missing
	})
	return entries(left)
}

// stdin is what standard input is called. It is no file that could be gone.
const stdin = "stdin"
