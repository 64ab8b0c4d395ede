package intake

import (
	"cmp"
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
// symbolic links to directories. An argument that leads to no source gives an
// [*Error]; the others are expanded all the same.
func Expand(args []string) ([]Source, []error) {
	var sources []Source
	var errs []error
	seen := map[string]bool{}
	for _, arg := range args {
		found, argErrs := expand(arg)
		errs = append(errs, argErrs...)
		for _, src := range found {
			key := src.Path
			if src != stdin {
				key = filepath.Clean(src.Path) + string(filepath.Separator) // never "-"
			}
			if !seen[key] {
				seen[key] = true
				sources = append(sources, src)
			}
		}
	}
	return sources, errs
}

func expand(arg string) ([]Source, []error) {
	if arg == stdin.Path {
		return []Source{stdin}, nil
	}
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return expandDir(arg)
	case err == nil:
		return []Source{fileSource(arg, info)}, nil
	case strings.ContainsAny(arg, "*?[{"): // what exists is taken at its word first
		return expandGlob(arg)
	}
	return nil, []error{unreadable(cmp.Or(arg, `""`), err)}
}

func expandDir(dir string) (sources []Source, errs []error) {
	// With a separator behind it, a link to a directory is that directory.
	root := dir + string(filepath.Separator)
	// Not fs.WalkDir, which refuses names that are not UTF-8.
	filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			errs = append(errs, unreadable(filepath.ToSlash(filepath.Clean(file)), err))
			return nil
		}
		if file != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if form, _ := formOf(entry.Name()); form == Auto {
			return nil
		}
		info, err := os.Stat(file)
		if err != nil {
			errs = append(errs, unreadable(filepath.ToSlash(file), err))
		} else if info.Mode().IsRegular() {
			sources = append(sources, fileSource(file, info))
		}
		return nil
	})
	if len(sources) == 0 && len(errs) == 0 {
		errs = append(errs, &Error{filepath.ToSlash(dir), errNoPayloads,
			"it takes .json, .ndjson, .jsonl and .har, also with .gz or .zst; name files of other names one by one"})
	}
	sortByName(sources)
	return sources, errs
}

func expandGlob(pattern string) (sources []Source, errs []error) {
	// NoFollow, because a link that leads upwards would be followed in circles.
	matches, err := doublestar.FilepathGlob(pattern,
		doublestar.WithFilesOnly(), doublestar.WithNoHidden(), doublestar.WithNoFollow())
	if err != nil {
		return nil, []error{&Error{pattern, err, "check its brackets and braces, or write \\ before those that are meant literally"}}
	}
	for _, file := range matches {
		info, err := os.Stat(file)
		if err != nil {
			errs = append(errs, unreadable(filepath.ToSlash(file), err))
		} else if info.Mode().IsRegular() {
			sources = append(sources, fileSource(file, info))
		}
	}
	if len(sources) == 0 && len(errs) == 0 {
		errs = append(errs, &Error{pattern, errNoMatch,
			"check the pattern; * stays within one directory, ** also goes into those below"})
	}
	sortByName(sources)
	return sources, errs
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
