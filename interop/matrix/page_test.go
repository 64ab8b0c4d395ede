package matrix

import (
	"strings"
	"testing"
)

// Whoever looks for a tool finds each section by the list at the top of the page.
func TestSectionsAreLinked(t *testing.T) {
	page := Markdown(nil)
	top, _, _ := strings.Cut(page, "\n## ")
	sections := strings.Split(page, "\n## ")[1:]
	if len(sections) < 8 {
		t.Fatalf("the page has %d sections", len(sections))
	}
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		if link := "(#" + anchor(title) + ")"; !strings.Contains(top, link) {
			t.Errorf("the list at the top lacks %s, of %q", link, title)
		}
	}
}
