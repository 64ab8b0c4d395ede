package intake

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

var (
	errNoMatch    = errors.New("no file matches")
	errNoPayloads = errors.New("no payload files in this directory")
)

// A Skipped is a file that a directory or a glob leads to and that is left out. It
// is read if it is named.
type Skipped struct {
	// Name is what to call the file: see [Source].
	Name string
	// Why it is left out, as the rest of a sentence about it.
	Why string
}

// Reasons to leave a file out.
const (
	leadsOut = "is a link that leads out of its directory"
	noFile   = "is not a regular file"
)

// Expand turns arguments into sources, in the order of the arguments; those of
// one directory or glob are sorted by name. A path that comes up twice is taken
// once. An argument is one of
//
//   - "-", standard input;
//   - a file, whatever its name;
//   - a directory: every file below it whose name tells a form (.json, .ndjson,
//     .jsonl and .har, also with .gz or .zst);
//   - a glob, as in the shell, where ** stands for any number of directories:
//     every file that matches.
//
// Directories and globs pass over names that start with a dot, and do not follow
// symbolic links to directories. They leave out what is not a regular file, since
// it may never end, and links to what is not below the directory, or the part of the
// glob before its first wildcard. An argument that leads to no source is an
// [*Error]; the others are still expanded.
//
// If ctx ends first, its error is the only result: a directory may be large, or on
// a file system that doesn't answer.
func Expand(ctx context.Context, args []string) ([]Source, []Skipped, []error) {
	done := make(chan expansion, 1)
	go func() { done <- expandAll(args) }()
	select {
	case e := <-done:
		return e.sources, e.skipped, e.errs
	case <-ctx.Done():
		return nil, nil, []error{ctx.Err()}
	}
}

// An expansion is what arguments lead to.
type expansion struct {
	sources []Source
	skipped []Skipped
	errs    []error
}

func expandAll(args []string) (all expansion) {
	seen := map[string]bool{}
	for _, arg := range args {
		e := expand(arg)
		all.errs = append(all.errs, e.errs...)
		all.skipped = append(all.skipped, e.skipped...)
		for _, src := range e.sources {
			key := src.Path
			if src != stdin {
				key = filepath.Clean(src.Path) + string(filepath.Separator) // never "-"
			}
			if !seen[key] {
				seen[key] = true
				all.sources = append(all.sources, src)
			}
		}
	}
	all.skipped = slices.DeleteFunc(all.skipped, func(s Skipped) bool { // and named besides
		return seen[filepath.Clean(filepath.FromSlash(s.Name))+string(filepath.Separator)]
	})
	return all
}

func expand(arg string) (e expansion) {
	if arg == stdin.Path {
		e.sources = []Source{stdin}
		return e
	}
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		e.dir(arg)
	case err == nil:
		e.sources = []Source{fileSource(arg, info)}
	case strings.ContainsAny(arg, "*?[{"): // what exists is taken at its word first
		e.glob(arg)
	default:
		e.errs = []error{unreadable(cmp.Or(arg, `""`), err)}
	}
	return e
}

func (e *expansion) dir(dir string) {
	// With a separator behind it, a link to a directory is that directory.
	root := dir + string(filepath.Separator)
	// Not fs.WalkDir, which refuses names that are not UTF-8.
	filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			e.errs = append(e.errs, unreadable(filepath.ToSlash(filepath.Clean(file)), err))
			return nil
		}
		if file != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if form, _ := formOf(entry.Name()); form != Auto && !entry.IsDir() {
			e.find(root, file)
		}
		return nil
	})
	if len(e.sources) == 0 && len(e.errs) == 0 {
		e.errs = append(e.errs, &Error{filepath.ToSlash(dir), errNoPayloads,
			"it takes .json, .ndjson, .jsonl and .har, also with .gz or .zst; name files of other names one by one"})
	}
	sortByName(e.sources)
}

func (e *expansion) glob(pattern string) {
	// NoFollow, because a link that leads upwards would be followed in circles.
	matches, err := doublestar.FilepathGlob(pattern,
		doublestar.WithFilesOnly(), doublestar.WithNoHidden(), doublestar.WithNoFollow())
	if err != nil {
		e.errs = []error{&Error{pattern, err, "check its brackets and braces, or write \\ before those that are meant literally"}}
		return
	}
	root, _ := doublestar.SplitPattern(filepath.ToSlash(pattern))
	for _, file := range matches {
		e.find(filepath.FromSlash(root), file)
	}
	if len(e.sources) == 0 && len(e.errs) == 0 {
		e.errs = append(e.errs, &Error{pattern, errNoMatch,
			"check the pattern; * stays within one directory, ** also goes into those below"})
	}
	sortByName(e.sources)
}

// find takes a file below root, or says why it is left out.
func (e *expansion) find(root, file string) {
	name := filepath.ToSlash(file)
	info, err := os.Stat(file)
	switch {
	case err != nil:
		e.errs = append(e.errs, unreadable(name, err))
	case leads(root, file):
		e.skipped = append(e.skipped, Skipped{name, leadsOut})
	case info.IsDir(): // by a link, and what it leads to is found without
	case !info.Mode().IsRegular():
		e.skipped = append(e.skipped, Skipped{name, noFile})
	default:
		src := fileSource(file, info)
		src.Found = true
		e.sources = append(e.sources, src)
	}
}

// leads reports whether file is a link that leads out of root.
func leads(root, file string) bool {
	if info, err := os.Lstat(file); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	root, rootErr := filepath.EvalSymlinks(root)
	file, err := filepath.EvalSymlinks(file)
	if rootErr != nil || err != nil {
		return true
	}
	below, err := filepath.Rel(root, file)
	return err != nil || !filepath.IsLocal(below)
}

func fileSource(file string, info fs.FileInfo) Source {
	src := Source{Name: filepath.ToSlash(file), Path: file, Size: -1}
	if info.Mode().IsRegular() { // a pipe or a device has no size to speak of
		src.Size = info.Size()
	}
	return src
}

func sortByName(sources []Source) {
	slices.SortFunc(sources, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
}
