package main

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// A chapter is a part of a description, with its heading.
type chapter struct {
	Title string
	Text  template.HTML
}

// chapters divides the Markdown of a description at its headings of the second level:
// into what comes before the first one, and a chapter each.
func chapters(markdown string) (before template.HTML, list []chapter, err error) {
	parts := strings.Split("\n"+markdown, "\n## ")
	if before, err = prose(parts[0]); err != nil {
		return "", nil, err
	}
	for _, part := range parts[1:] {
		title, text, _ := strings.Cut(part, "\n")
		html, err := prose(text)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", title, err)
		}
		list = append(list, chapter{title, html})
	}
	return before, list, nil
}

// block is what begins a block of Markdown that is not a paragraph.
var block = regexp.MustCompile(`^(?:#|>|[-*+] |\d+[.)] |\||\x60\x60\x60|    |<)`)

// prose returns the HTML of a text in as much of Markdown as the contract is written
// in: paragraphs of what [phrase] knows. The error is for whoever writes more.
func prose(markdown string) (template.HTML, error) {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(markdown), "\n\n") {
		if paragraph = strings.Trim(paragraph, "\n"); paragraph == "" {
			continue
		}
		if block.MatchString(paragraph) {
			return "", fmt.Errorf("of Markdown only paragraphs are known, not %.40q", paragraph)
		}
		fmt.Fprintf(&out, "<p>%s</p>\n", phrase(strings.ReplaceAll(paragraph, "\n", " ")))
	}
	return template.HTML(out.String()), nil //nolint:gosec // phrase escapes
}

// inline matches code, emphasis and links.
var inline = regexp.MustCompile("`([^`]+)`|\\*([^*\\s][^*]*)\\*|\\[([^\\]]+)\\]\\((https://[^)\\s]+)\\)")

// phrase returns the HTML of a text with Markdown's code, emphasis and links.
func phrase(text string) template.HTML {
	var out strings.Builder
	at := 0
	for _, m := range inline.FindAllStringSubmatchIndex(text, -1) {
		part := func(i int) string { return template.HTMLEscapeString(text[m[2*i]:m[2*i+1]]) }
		out.WriteString(template.HTMLEscapeString(text[at:m[0]]))
		switch {
		case m[2] >= 0:
			fmt.Fprintf(&out, "<code>%s</code>", part(1))
		case m[4] >= 0:
			fmt.Fprintf(&out, "<em>%s</em>", part(2))
		default:
			fmt.Fprintf(&out, `<a href="%s" rel="noreferrer">%s</a>`, part(4), part(3))
		}
		at = m[1]
	}
	out.WriteString(template.HTMLEscapeString(text[at:]))
	return template.HTML(out.String()) //nolint:gosec // each part is escaped
}
