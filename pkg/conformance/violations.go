package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	judge "github.com/santhosh-tekuri/jsonschema/v5"
)

// keywordCodes are the codes of the assertions that the contract makes. A keyword
// without one has the code schema.keyword.
var keywordCodes = map[string]Code{
	"type":      "schema.type",
	"enum":      "schema.enum",
	"const":     "schema.const",
	"format":    "schema.format",
	"minimum":   "schema.minimum",
	"minLength": "schema.min-length",
	"required":  "schema.required",
}

// judge holds the skeleton of v, the value at e.path, to s, and drafts a finding
// for each rule that it breaks.
func (e *examination) judge(s *schema, v any) {
	if !s.firm(v) {
		e.ask(s.own, s.shape.skeleton(v), v)
		if !s.typed(v) {
			return // no other rule says anything then
		}
	}
	if s.ref != nil {
		e.judge(s.ref, v)
	}
	for _, sub := range s.allOf {
		e.judge(sub, v)
	}
	if branch := s.branch(v); branch != nil {
		e.judge(branch, v)
	}
	if object, ok := v.(map[string]any); ok {
		for _, m := range s.members {
			if value, ok := object[m.name]; ok {
				e.path = append(e.path, m.name)
				e.judge(m.schema, value)
				e.path = e.path[:len(e.path)-1]
			}
		}
	}
}

// ask drafts what the judge has to say against v, whose skeleton is bones, by s.
func (e *examination) ask(s *judge.Schema, bones, v any) {
	var broken *judge.ValidationError
	if !errors.As(s.Validate(bones), &broken) {
		return
	}
	for _, leaf := range leaves(broken) {
		location, name := keyword(leaf.AbsoluteKeywordLocation)
		s := e.contract.schemas[location]
		if s == nil { // of the schema false, which has no keywords
			name = "false"
		}
		within := instanceTokens(leaf.InstanceLocation)
		tokens := slices.Concat(e.path, within)
		value := lookUp(v, within)
		switch {
		case name == "required":
			object, _ := value.(map[string]any)
			for _, member := range s.Required {
				if _, ok := object[member]; !ok {
					e.missing(tokens, member, object)
				}
			}
		case name == "not" && len(s.Not.Required) > 0:
			for _, member := range s.Not.Required {
				d := newDraft("schema.not-allowed", child(tokens, member))
				d.name = true
				d.Message = fmt.Sprintf("%s is not allowed here: %s", quote(member), condition(value))
				e.violate(d)
			}
		default:
			d := newDraft(keywordCodes[name], tokens)
			d.Message = expectation(s, name) + ", found " + describe(value)
			if name == "enum" {
				text, _ := value.(string)
				if near := nearest(text, slices.Values(texts(s.Enum))); near != "" {
					d.Hint = fmt.Sprintf("did you mean %s?", quote(near))
				}
			}
			e.violate(d)
		}
	}
}

// missing drafts the finding that the object to which tokens lead lacks a
// required member.
func (e *examination) missing(tokens []string, member string, object map[string]any) {
	d := newDraft("schema.required", tokens)
	d.Pointer = pointer(child(tokens, member))
	d.Message = fmt.Sprintf("the member %s is missing", quote(member))
	if hint := e.lookAlike(pointer(tokens), member, object); hint != "" {
		d.Hint = hint
	}
	e.violate(d)
}

// condition tells, for people, what the contract makes members depend on.
func condition(data any) string {
	object, _ := data.(map[string]any)
	return "status is " + describe(object["status"])
}

// expectation says what the keyword name of s asks for.
func expectation(s *schema, name string) string {
	switch name {
	case "type":
		return "expected " + article(strings.Join(s.Types, " or "))
	case "enum":
		return "expected " + alternatives(texts(s.Enum))
	case "const":
		return "expected " + describe(s.Constant[0])
	case "format":
		if s.Format == "date-time" {
			return "expected an RFC 3339 date-time"
		}
		return "expected text of format " + s.Format
	case "minimum":
		return "expected " + s.Minimum.RatString() + " or more"
	case "minLength":
		if s.MinLength == 1 {
			return "expected text that is not empty"
		}
		return fmt.Sprintf("expected at least %d characters", s.MinLength)
	}
	return "expected what the keyword " + name + " asks for"
}

// leaves returns the errors without causes. Of alternatives that all failed, only
// the one that the value was meant to be speaks.
func leaves(e *judge.ValidationError) []*judge.ValidationError {
	if len(e.Causes) == 0 {
		return []*judge.ValidationError{e}
	}
	_, name := keyword(e.AbsoluteKeywordLocation)
	if name != "anyOf" && name != "oneOf" {
		var all []*judge.ValidationError
		for _, cause := range e.Causes {
			all = append(all, leaves(cause)...)
		}
		return all
	}
	// An alternative that failed only inside the value fits the value itself;
	// the first is the documented one.
	for _, cause := range e.Causes {
		inside := leaves(cause)
		if !slices.ContainsFunc(inside, func(leaf *judge.ValidationError) bool {
			return leaf.InstanceLocation == e.InstanceLocation
		}) {
			return inside
		}
	}
	return leaves(e.Causes[0])
}

// instanceTokens splits the judge's location of a value, a JSON pointer whose
// tokens are percent-encoded.
func instanceTokens(location string) []string {
	if location == "" {
		return nil
	}
	tokens := strings.Split(location[1:], "/")
	for i, t := range tokens {
		if plain, err := url.PathUnescape(t); err == nil {
			t = plain
		}
		tokens[i] = pointerUnescapes.Replace(t)
	}
	return tokens
}

var pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")

// lookUp returns the value to which tokens lead.
func lookUp(v any, tokens []string) any {
	for _, t := range tokens {
		switch container := v.(type) {
		case map[string]any:
			v = container[t]
		case []any:
			if i, err := strconv.Atoi(t); err == nil && i < len(container) {
				v = container[i]
			}
		}
	}
	return v
}

func texts(values []any) []string {
	var all []string
	for _, v := range values {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// describe names a value, for people.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return "the number " + digits(v)
	case string:
		return "the string " + quote(v)
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}

// digits returns a number as a message shows it.
func digits(n json.Number) string {
	if strings.HasSuffix(n.String(), approximate) {
		return "(of very many digits)"
	}
	return shorten(n.String())
}

// maxQuoted is how many code points of a payload's text a message repeats.
const maxQuoted = 60

// quote returns text from a payload in quotes, cut where it is long. What does not
// print is an escape of Go's: controls, of which escape sequences are made; marks of
// direction, which reorder text; separators of lines; and bytes that are not UTF-8.
// Messages and hints repeat nothing of a payload without it, but digits.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	n := 0
	for i := range s {
		if n == maxQuoted {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
