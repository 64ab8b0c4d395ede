package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	diff "golang.org/x/exp/apidiff"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"
)

// apidiff fails if a package of pkg is incompatible with that of the last release.
// Before v1 it passes where CHANGELOG.md names the package (as pkg/receiver) under
// Changed or Removed of what came after that release.
func apidiff(dir string, out io.Writer) error {
	if shallow, err := command(dir, nil, "git", "rev-parse", "--is-shallow-repository"); err != nil {
		return err
	} else if shallow == "true" {
		return errors.New("the clone is shallow, so the last release is not known; run git fetch --unshallow --tags")
	}
	tags, err := command(dir, nil, "git", "tag", "--list", "v*", "--merged", "HEAD")
	if err != nil {
		return err
	}
	versions := slices.DeleteFunc(strings.Fields(tags), func(tag string) bool { return !semver.IsValid(tag) })
	if len(versions) == 0 {
		fmt.Fprintln(out, "apidiff: there is no release to compare with")
		return nil
	}
	last := slices.MaxFunc(versions, semver.Compare)

	temp, err := os.MkdirTemp("", "apidiff")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	then := filepath.Join(temp, "runhooks")
	root, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := command(temp, nil, "git", "clone", "--quiet", "--shared", "--branch", last, root, then); err != nil {
		return err
	}
	old, err := api(then)
	if err != nil {
		return err
	}
	now, err := api(dir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	said := announced(string(text), last)

	var broken []string
	for _, name := range slices.Sorted(maps.Keys(old)) {
		var report diff.Report
		if p := now[name]; p != nil {
			report = diff.Changes(old[name].Types, p.Types)
		} else {
			report.Changes = []diff.Change{{Message: "the package: removed"}}
		}
		incompatible := false
		for _, change := range report.Changes {
			kind := "compatible"
			if !change.Compatible {
				kind, incompatible = "INCOMPATIBLE", true
			}
			fmt.Fprintf(out, "%s: %s: %s\n", name, kind, change.Message)
		}
		named := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `(?:[^\w/]|$)`).MatchString(said)
		if incompatible && (semver.Major(last) != "v0" || !named) {
			broken = append(broken, name)
		}
	}
	switch {
	case len(broken) == 0:
		fmt.Fprintf(out, "apidiff: %d packages compared with %s\n", len(old), last)
		return nil
	case semver.Major(last) != "v0":
		return fmt.Errorf("not compatible with %s: %s", last, strings.Join(broken, ", "))
	}
	return fmt.Errorf("not compatible with %s, and not named in CHANGELOG.md under Changed or Removed: %s", last, strings.Join(broken, ", "))
}

// api returns the packages of pkg, by their path in the repository.
func api(dir string) (map[string]*packages.Package, error) {
	nested, err := published(dir)
	if err != nil {
		return nil, err
	}
	all := map[string]*packages.Package{}
	for _, m := range append([]string{"."}, nested...) {
		pattern := "./..."
		if m == "." {
			pattern = "./pkg/..."
		}
		loaded, err := packages.Load(&packages.Config{
			Dir:  filepath.Join(dir, m),
			Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedExportFile,
			Env:  append(os.Environ(), "GOWORK=off", "GOFLAGS="),
		}, pattern)
		if err != nil {
			return nil, err
		}
		for _, p := range loaded {
			if len(p.Errors) > 0 {
				return nil, fmt.Errorf("%s: %w", p.PkgPath, p.Errors[0])
			}
			name := strings.TrimPrefix(p.PkgPath, module+"/")
			if !slices.Contains(strings.Split(name, "/"), "internal") {
				all[name] = p
			}
		}
	}
	return all, nil
}

// announced returns what a changelog says under Changed and Removed of all that
// came after a version.
func announced(changelog, version string) string {
	since, _, _ := strings.Cut(changelog, "\n## ["+strings.TrimPrefix(version, "v")+"]")
	var said strings.Builder
	for _, part := range strings.Split(since, "\n##")[1:] {
		if strings.HasPrefix(part, "# Changed\n") || strings.HasPrefix(part, "# Removed\n") {
			said.WriteString(part)
		}
	}
	return said.String()
}
