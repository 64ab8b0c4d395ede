// Package baseline sets known findings aside, so that a check fails for new
// ones only, and reports those that no longer occur, so that the set shrinks.
//
// By place, a finding is known by its source, code and pointer, and by how often that
// occurs: a source of many payloads may have the same finding in each of them.
// Infos fail no check, and so are neither recorded nor set aside.
//
// By code, it is known by its code and the member that it is about, wherever that
// occurs. What is left is what a server has not sent before, infos too.
//
// Sources are relative to the file, so that it is the same from whatever directory a
// check is run.
package baseline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// version is the version of the format of a baseline file. In files of version 1, which
// are by place, sources are relative to the directory that a check is run from.
const version = 2

// By is what findings are known by.
type By string

// What findings may be known by.
const (
	Place By = "place"
	Code  By = "code"
)

// An Entry says how often a finding occurs.
type Entry struct {
	// Source is the path of the source, with forward slashes: in a file relative to
	// the directory of that, else to the working directory. By code, it is empty.
	Source string `json:"source"`
	// Code is that of the finding, and Pointer its pointer or, by code, the pattern of
	// its member.
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
	// Count is the number of occurrences, at least 1. By code, it is 1.
	Count int `json:"count"`
}

// key identifies a finding: an entry without its count. Its source is absolute, and its
// texts are as a file can hold them: JSON has no bytes that are not UTF-8.
type key struct{ source, code, pointer string }

// sourceKey returns the absolute path of a source in a directory.
func sourceKey(dir, source string) string {
	if source != stdin {
		source = filepath.FromSlash(source)
		if !filepath.IsAbs(source) {
			source = filepath.Join(dir, source)
		}
		source = filepath.ToSlash(filepath.Clean(source))
	}
	return strings.ToValidUTF8(source, "\ufffd")
}

// shown is the path of a source relative to a directory.
func shown(dir, source string) string {
	if source == stdin || source == "" {
		return source
	}
	if path, err := filepath.Rel(dir, filepath.FromSlash(source)); err == nil {
		return filepath.ToSlash(path)
	}
	return source // it is on another volume
}

// workingDir is where relative paths lead from.
func workingDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	return dir
}

// A File is a set of known findings. Its zero value is empty and ready to use, by place.
type File struct {
	// By is what findings are known by: Place, also where it is empty, or Code.
	By     By
	counts map[key]int
}

// key returns the key of a finding in the source of that [sourceKey], and whether it is
// one to know.
func (by By) key(source string, f *conformance.Finding) (k key, ok bool) {
	if by == Code {
		return key{code: string(f.Code), pointer: member(f)}, true
	}
	return key{source, string(f.Code), strings.ToValidUTF8(f.Pointer, "\ufffd")}, f.Severity != conformance.SeverityInfo
}

// Add records the findings of one payload; by place, its errors and warnings.
func (f *File) Add(source string, findings []conformance.Finding) {
	source = sourceKey(workingDir(), source)
	for i := range findings {
		if k, ok := f.By.key(source, &findings[i]); ok {
			f.add(k, 1)
		}
	}
}

// ByCode returns the same set by code.
func (f *File) ByCode() *File {
	byCode := &File{By: Code}
	for k := range f.counts {
		k.source = ""
		if f.By != Code {
			k.pointer = member(&conformance.Finding{Code: conformance.Code(k.code), Pointer: k.pointer})
		}
		byCode.add(k, 1)
	}
	return byCode
}

func (f *File) add(k key, n int) {
	if f.counts == nil {
		f.counts = map[key]int{}
	}
	if f.counts[k] += n; f.By == Code {
		f.counts[k] = 1
	}
}

// Entries returns the known findings by source, pointer and code.
func (f *File) Entries() []Entry { return entries(workingDir(), f.counts) }

// entries are those of counts, with sources relative to a directory.
func entries(dir string, counts map[key]int) []Entry {
	list := make([]Entry, 0, len(counts))
	for k, n := range counts {
		list = append(list, Entry{shown(dir, k.source), k.code, k.pointer, n})
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
		By       By      `json:"by"`
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
	case *content.Version < 1 || *content.Version > version:
		return broken("version %d, where this program knows version %d", *content.Version, version)
	case content.By != "" && content.By != Place && content.By != Code:
		return broken("it is by %q, where this program knows %s and %s", content.By, Place, Code)
	}
	dir := workingDir()
	if *content.Version > 1 {
		dir = dirOf(path)
	}
	f := &File{By: content.By}
	for i, e := range content.Findings {
		k := key{code: e.Code, pointer: e.Pointer}
		if f.By != Code {
			if k.source = sourceKey(dir, e.Source); e.Source == "" || e.Count < 1 {
				return broken("/findings/%d needs a source, a code and a count of at least 1", i)
			}
		}
		if e.Code == "" {
			return broken("/findings/%d needs a code", i)
		}
		f.add(k, e.Count)
	}
	return f, nil
}

// dirOf is the directory to which sources in the file at path are relative: that of the
// file itself, where a link leads to it. What is not a regular file has none.
func dirOf(path string) string {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return workingDir()
	}
	for range 40 { // links, at most, that lead to one another
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return "."
	}
	return dir
}

// A Matcher holds the findings of one run against a [File]. It is for one
// goroutine, which gives it the payloads in order, so that the same occurrences
// are set aside on every run.
type Matcher struct {
	by   By
	dir  string
	left map[key]int
	done map[string]bool
}

// Matcher returns a matcher for one run. Later changes of f do not affect it.
func (f *File) Matcher() *Matcher {
	return &Matcher{by: f.By, dir: workingDir(), left: maps.Clone(f.counts), done: map[string]bool{}}
}

// Filter returns the findings of a payload that are not known, in their order,
// and the number of those that are. By place, a known finding is set aside as often as
// the file counts it; what occurs beyond that is not known.
func (m *Matcher) Filter(source string, findings []conformance.Finding) (fresh []conformance.Finding, known int) {
	if len(m.left) == 0 { // as where there is no file
		return findings, 0
	}
	source = sourceKey(m.dir, source)
	for i := range findings {
		k, ok := m.by.key(source, &findings[i])
		if !ok || m.left[k] == 0 {
			fresh = append(fresh, findings[i])
			continue
		}
		if m.by != Code {
			m.left[k]--
		}
		known += max(findings[i].Count, 1)
	}
	return fresh, known
}

// Done says that all of a source has been through Filter, even if it had no
// payloads. It is not called for a source that was read in part.
func (m *Matcher) Done(source string) { m.done[sourceKey(m.dir, source)] = true }

// Stale returns the known findings that no longer occur, with the count that was
// left over: those of the sources that are done, and those of files that no
// longer exist. A source that exists, but was not part of the run, has no say. By code,
// there are none: what one run doesn't have, another may.
func (m *Matcher) Stale() []Entry {
	if m.by == Code {
		return nil
	}
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
	return entries(m.dir, left)
}

// stdin is what standard input is called. It is not a file that could be gone.
const stdin = "stdin"
