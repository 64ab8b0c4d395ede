// Command release makes what a release consists of. docs/release.md says how a
// release is made.
//
//	release prepare VERSION           enter the version in CHANGELOG.md and in the modules below pkg
//	release build [-version VERSION]  archives, checksums, SBOM, image and notes, into -out
//	release apidiff                   compare the packages of pkg with those of the last release
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

const (
	module     = "github.com/runhooks/runhooks"
	repository = "https://" + module
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do: prepare, build or apidiff")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	dir := flags.String("C", "../..", "the root of the repository")
	switch args[0] {
	case "prepare":
		flags.Parse(args[1:])
		return prepare(*dir, flags.Arg(0), time.Now())
	case "build":
		out := flags.String("out", "../../dist", "an empty or new folder for what is built")
		version := flags.String("version", "", "the version that this must be; otherwise it is a snapshot of the commit")
		flags.Parse(args[1:])
		return build(*dir, *out, *version)
	case "apidiff":
		flags.Parse(args[1:])
		return apidiff(*dir, os.Stdout)
	}
	return fmt.Errorf("%s is unknown; say prepare, build or apidiff", args[0])
}

// prepare enters a version in the files that name it.
func prepare(dir, version string, date time.Time) error {
	if semver.Canonical(version) != version || version == "" {
		return fmt.Errorf("%q is not a version such as v0.1.0", version)
	}
	path := filepath.Join(dir, "CHANGELOG.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changelog, number := string(text), strings.TrimPrefix(version, "v")
	if changes(changelog, number) != "" {
		return fmt.Errorf("CHANGELOG.md already has %s", version)
	}
	if changes(changelog, "Unreleased") == "" {
		return errors.New("CHANGELOG.md has nothing under Unreleased")
	}
	changelog = strings.Replace(changelog, "## [Unreleased]\n",
		fmt.Sprintf("## [Unreleased]\n\n## [%s] - %s\n", number, date.UTC().Format(time.DateOnly)), 1)
	links := regexp.MustCompile(`(?m)^\[Unreleased\]: .*$`)
	changelog = links.ReplaceAllLiteralString(changelog,
		fmt.Sprintf("[Unreleased]: %s/compare/%s...main\n[%s]: %[1]s/releases/tag/%[2]s", repository, version, number))
	if err := os.WriteFile(path, []byte(changelog), 0o666); err != nil {
		return err
	}
	nested, err := published(dir)
	if err != nil {
		return err
	}
	for _, m := range nested {
		if required, err := requirement(filepath.Join(dir, m, "go.mod")); err != nil {
			return err
		} else if required == "" {
			continue
		}
		if _, err := command(filepath.Join(dir, m), nil, "go", "mod", "edit", "-require="+module+"@"+version); err != nil {
			return err
		}
	}
	return nil
}

// requirement returns the version of the module that a go.mod requires, or nothing.
func requirement(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return "", err
	}
	for _, r := range file.Require {
		if r.Mod.Path == module {
			return r.Mod.Version, nil
		}
	}
	return "", nil
}

// isPrepared says what prepare would still have to do.
func isPrepared(dir, version, changelog string) error {
	if changes(changelog, strings.TrimPrefix(version, "v")) == "" {
		return fmt.Errorf("CHANGELOG.md has nothing about %s; run make release-prepare VERSION=%[1]s", version)
	}
	nested, err := published(dir)
	if err != nil {
		return err
	}
	for _, m := range nested {
		path := filepath.Join(dir, m, "go.mod")
		required, err := requirement(path)
		if err != nil {
			return err
		}
		if required != "" && required != version {
			return fmt.Errorf("%s requires %s of %s; run make release-prepare VERSION=%s", path, required, module, version)
		}
	}
	return nil
}

// published returns the folders below pkg that are modules of their own, with
// slashes. Each gets a tag of its own for a release.
func published(dir string) (modules []string, err error) {
	err = filepath.WalkDir(filepath.Join(dir, "pkg"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "go.mod" {
			return err
		}
		nested, err := filepath.Rel(dir, filepath.Dir(path))
		modules = append(modules, filepath.ToSlash(nested))
		return err
	})
	return modules, err
}

// changes returns what a changelog says under a heading such as [0.1.0].
func changes(changelog, heading string) string {
	_, section, ok := strings.Cut(changelog, "\n## ["+heading+"]")
	if !ok {
		return ""
	}
	_, section, _ = strings.Cut(section, "\n") // the date
	if end := regexp.MustCompile(`(?m)^(## \[|\[.*\]: )`).FindStringIndex(section); end != nil {
		section = section[:end[0]]
	}
	return strings.TrimSpace(section)
}

// relative is a link to another file of the repository.
var relative = regexp.MustCompile(`\]\(([^:)#][^:)]*)\)`)

// notes returns the changes with links that work outside the repository: to its
// files as they are at version, or on main where it is empty.
func notes(changelog, heading, version string) string {
	files := repository + "/blob/" + cmp.Or(version, "main") + "/"
	return relative.ReplaceAllString(changes(changelog, heading), "]("+files+"$1)")
}

// command runs a program in dir, and returns what it printed on standard output.
func command(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s in %s: %w\n%s%s", strings.Join(cmd.Args, " "), dir, err, out, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
