package docs_test

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// blob is where links that have to work outside of the repository, too, such as in
// the README of a package, lead to its files.
var blob = regexp.MustCompile(`^https://github\.com/runhooks/runhooks/(?:blob|tree)/main/`)

var (
	fenced     = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	codeSpan   = regexp.MustCompile("`[^`\n]*`")
	linkTo     = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|(?m:^\[[^\]]+\]:\s*(\S+))|(?:src|srcset|href)="([^"]+)"`)
	headingOf  = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#* *$`)
	anchorOf   = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	linkedText = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	htmlTag    = regexp.MustCompile(`<[^>]+>`)
)

// TestLinks: what the Markdown of this repository links to in the repository is
// there, and so is the heading that a link names.
func TestLinks(t *testing.T) {
	const root = ".."
	pages := map[string]string{} // their text, by their path from the root
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		switch name = filepath.ToSlash(name); {
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || otherPeoples[entry.Name()]):
			return filepath.SkipDir
		case entry.IsDir() || path.Ext(name) != ".md" || name == "internal/bundle/dist.md": // openapi/dist has it in its place
			return nil
		}
		text, err := os.ReadFile(file)
		pages[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	links := 0
	headings := map[string]map[string]bool{} // by page
	for page, text := range pages {
		headings[page] = anchors(text)
	}
	for page, text := range pages {
		for _, match := range linkTo.FindAllStringSubmatch(codeSpan.ReplaceAllString(fenced.ReplaceAllString(text, ""), "``"), -1) {
			link := match[1] + match[2] + match[3]
			target, ok := linked(page, link)
			if !ok {
				continue
			}
			links++
			file, fragment, _ := strings.Cut(target, "#")
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
				t.Errorf("%s: nothing is where %s leads: %v", page, link, err)
			} else if fragment != "" && !headings[file][fragment] {
				t.Errorf("%s: %s leads to a heading that %s doesn't have", page, link, file)
			}
		}
	}
	if len(pages) < 50 || links < 300 {
		t.Errorf("there are only %d pages with %d links", len(pages), links)
	}
}

// otherPeoples are folders whose Markdown, if they have any, is not this repository's.
var otherPeoples = map[string]bool{"node_modules": true, "venv": true, "target": true, "build": true, "bin": true, "site": true, "generated": true, "testdata": true}

// linked returns the file of the repository to which a link on a page leads, by its
// path from the root and with the link's fragment; and false for a link to elsewhere.
func linked(page, link string) (string, bool) {
	absolute := blob.FindString(link)
	to, err := url.Parse(strings.TrimPrefix(link, absolute))
	switch {
	case err != nil:
		return link, true
	case to.Scheme != "" || to.Host != "":
		return "", false
	}
	file := path.Clean(to.Path)
	switch {
	case absolute != "":
	case to.Path == "":
		file = page
	default:
		file = path.Join(path.Dir(page), to.Path)
	}
	return file + "#" + to.Fragment, true
}

// anchors returns what links to a page may have as their fragment: the names that
// GitHub makes of its headings, and those that it gives itself.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, match := range anchorOf.FindAllStringSubmatch(page, -1) {
		found[match[1]] = true
	}
	for _, match := range headingOf.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		name := slug(match[1])
		unique := name
		for n := 1; found[unique]; n++ {
			unique = name + "-" + strconv.Itoa(n)
		}
		found[unique] = true
	}
	return found
}

// slug returns the name that GitHub makes of a heading.
func slug(heading string) string {
	text := htmlTag.ReplaceAllString(linkedText.ReplaceAllString(heading, "$1"), "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}
