package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

// A colourist writes JSON as HTML: indented, with a span around each string and
// number, and links from names of members to what the page says about them.
type colourist struct {
	link func(path string) string // the ID of a member's description, or ""
	out  strings.Builder
}

// write writes a value that is at a path of the payload.
func (c *colourist) write(text json.RawMessage, path, indent string) error {
	switch text[0] {
	case '{', '[':
		return c.container(text, path, indent)
	case '"':
		c.span("string", text)
	default:
		c.span("number", text)
	}
	return nil
}

func (c *colourist) container(text json.RawMessage, path, indent string) error {
	tokens := json.NewDecoder(bytes.NewReader(text))
	opening, err := tokens.Token()
	if err != nil {
		return err
	}
	object := opening == json.Delim('{')
	brackets := "[]"
	if object {
		brackets = "{}"
	}
	if !tokens.More() {
		c.out.WriteString(brackets)
		return nil
	}
	c.out.WriteByte(brackets[0])
	for first := true; tokens.More(); first = false {
		if !first {
			c.out.WriteByte(',')
		}
		c.out.WriteString("\n" + indent + "  ")
		inner := path + "[]"
		if object {
			token, err := tokens.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			inner = strings.TrimPrefix(path+"."+name, ".")
			c.name(name, c.link(inner))
		}
		var value json.RawMessage
		if err := tokens.Decode(&value); err != nil {
			return err
		}
		if err := c.write(value, inner, indent+"  "); err != nil {
			return err
		}
	}
	c.out.WriteString("\n" + indent)
	c.out.WriteByte(brackets[1])
	return nil
}

func (c *colourist) name(name, id string) {
	quoted := template.HTMLEscapeString(fmt.Sprintf("%q", name)) // the contract's names need no escapes
	if id == "" {
		fmt.Fprintf(&c.out, `<span class="name">%s</span>: `, quoted)
		return
	}
	fmt.Fprintf(&c.out, `<a class="name" href="#%s">%s</a>: `, id, quoted)
}

func (c *colourist) span(class string, text json.RawMessage) {
	fmt.Fprintf(&c.out, `<span class="%s">%s</span>`, class, template.HTMLEscapeString(string(text)))
}
