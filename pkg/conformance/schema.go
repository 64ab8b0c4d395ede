package conformance

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	judge "github.com/santhosh-tekuri/jsonschema/v5"
)

// A schema is one of the contract, with what every payload asks of it worked out.
// Its own rules are those about the value itself, alternatives among them; all
// others are those of schemas within it, for the same value or for its parts.
type schema struct {
	*judge.Schema
	annotations annotations
	noticing    notice // what a walk over the schema may find
	shape       *shape
	// own is the schema with its own rules alone: of a value that breaks them the
	// judge is asked no more than how.
	own    *judge.Schema
	asks   bool // an own rule is one that only the judge knows
	format func(any) bool

	ref, not, condition, then, otherwise *schema
	allOf, anyOf, oneOf                  []*schema
	members                              []member // sorted by name
	rest, items                          *schema
}

// A member is one that a schema names, with what the contract says of it.
type member struct {
	name string
	*schema
}

// enroll prepares s and all that it leads to, and enters them into c.schemas.
// It has an end, as [isFinite] has seen.
func (c *contract) enroll(s *judge.Schema) *schema {
	if s == nil {
		return nil
	}
	if known := c.schemas[s.Location]; known != nil {
		return known
	}
	list := func(all []*judge.Schema) (enrolled []*schema) {
		for _, sub := range all {
			enrolled = append(enrolled, c.enroll(sub))
		}
		return enrolled
	}
	own := *s
	own.Ref, own.AllOf, own.If, own.Then, own.Else = nil, nil, nil, nil, nil
	own.Properties, own.AdditionalProperties, own.Items2020 = nil, nil, nil
	n := &schema{
		Schema:      s,
		annotations: annotationsOf(s),
		shape:       shapeOf(s),
		own:         &own,
		asks:        asksJudge(s),
		format:      judge.Formats[s.Format],
		ref:         c.enroll(s.Ref),
		not:         c.enroll(s.Not),
		condition:   c.enroll(s.If),
		then:        c.enroll(s.Then),
		otherwise:   c.enroll(s.Else),
		allOf:       list(s.AllOf),
		anyOf:       list(s.AnyOf),
		oneOf:       list(s.OneOf),
		rest:        c.enroll(rest(s)),
		items:       c.enroll(s.Items2020),
	}
	for _, name := range sortedKeys(s.Properties) {
		n.members = append(n.members, member{name, c.enroll(s.Properties[name])})
	}
	n.noticing = n.annotations.notice()
	if len(n.members) > 0 {
		n.noticing |= noticeMembers
	}
	if n.items != nil || n.rest != nil {
		n.noticing |= noticeElements
	}
	for sub := range subschemas(s) {
		n.noticing |= c.schemas[sub.Location].noticing
	}
	c.schemas[s.Location] = n
	return n
}

// asksJudge tells whether s has a rule of its own that firm doesn't know.
func asksJudge(s *judge.Schema) bool {
	notText := func(v any) bool { _, ok := v.(string); return !ok }
	strange := func(keyword string) bool { return !slices.Contains(understood, keyword) }
	return s.Always != nil || slices.ContainsFunc(annotationsOf(s).keywords, strange) ||
		slices.ContainsFunc(s.Constant, notText) || slices.ContainsFunc(s.Enum, notText)
}

// holds tells whether s accepts the skeleton of v. It is what the judge says.
func (s *schema) holds(v any) bool {
	if !s.firm(v) || s.ref != nil && !s.ref.holds(v) {
		return false
	}
	for _, sub := range s.allOf {
		if !sub.holds(v) {
			return false
		}
	}
	if branch := s.branch(v); branch != nil && !branch.holds(v) {
		return false
	}
	if object, ok := v.(map[string]any); ok {
		for _, m := range s.members {
			if value, ok := object[m.name]; ok && !m.holds(value) {
				return false
			}
		}
	}
	return true
}

// firm tells whether the own rules of s hold for the skeleton of v. It decides the
// keywords of the contract as the judge does, and asks it where there are others.
func (s *schema) firm(v any) bool {
	if s.asks {
		return s.own.Validate(s.shape.skeleton(v)) == nil
	}
	if !s.typed(v) ||
		len(s.Constant) > 0 && v != s.Constant[0] ||
		len(s.Enum) > 0 && !slices.Contains(s.Enum, v) ||
		s.format != nil && !s.format(v) ||
		s.not != nil && s.not.holds(v) ||
		len(s.anyOf) > 0 && first(s.anyOf, v) == nil {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				return false
			}
		}
	case string:
		return s.MinLength <= 0 || utf8.RuneCountInString(v) >= s.MinLength
	case json.Number:
		return s.Minimum == nil || atLeast(v, s.Minimum)
	}
	return true
}

// typed tells whether v is of a type that s allows.
func (s *schema) typed(v any) bool {
	if len(s.Types) == 0 {
		return true
	}
	name := "null"
	switch v := v.(type) {
	case bool:
		name = "boolean"
	case json.Number:
		if slices.Contains(s.Types, "integer") && isInteger(v) {
			return true
		}
		name = "number"
	case string:
		name = "string"
	case []any:
		name = "array"
	case map[string]any:
		name = "object"
	}
	return slices.Contains(s.Types, name)
}

// branch returns the schema that applies to v by the condition of s, or nil.
func (s *schema) branch(v any) *schema {
	if s.condition == nil {
		return nil
	}
	if s.condition.holds(v) {
		return s.then
	}
	return s.otherwise
}

// first returns the first of alternatives that accepts the skeleton of v, or nil.
func first(alternatives []*schema, v any) *schema {
	for _, s := range alternatives {
		if s.holds(v) {
			return s
		}
	}
	return nil
}

func isInteger(n json.Number) bool {
	if !strings.ContainsAny(n.String(), ".eE") {
		return true
	}
	r, ok := new(big.Rat).SetString(n.String())
	return ok && r.IsInt()
}

func atLeast(n json.Number, least *big.Rat) bool {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil && least.IsInt() && least.Num().IsInt64() {
		return i >= least.Num().Int64()
	}
	r, ok := new(big.Rat).SetString(n.String())
	return ok && r.Cmp(least) >= 0
}

// maxIndex is as long as any index of an array.
const maxIndex = "9223372036854775807"

// refusals are what a look at a whole value finds to be wrong with it.
type refusals struct {
	quota           // no fewer than there are findings to draft of them
	any, flood bool // there is one; there may be more than are kept
}

// count looks for what s has against v and all that is within, v being at a pointer
// of so many bytes. It stops when there is so much that not all of it may be kept.
func (r *refusals) count(s *schema, v any, at int) {
	if r.flood {
		return
	}
	if !s.firm(v) {
		r.any = true
		r.flood = !r.room(s, v, at)
		if !s.typed(v) {
			return
		}
	}
	for sub := range s.applicable(v) {
		r.count(sub, v, at)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, m := range s.members {
			if value, ok := v[m.name]; ok {
				r.count(m.schema, value, at+tokenSize(m.name))
			}
		}
		if s.rest != nil {
			for name, value := range v {
				if s.Properties[name] == nil {
					r.count(s.rest, value, at+tokenSize(name))
				}
			}
		}
	case []any:
		if s.items != nil {
			for _, item := range v {
				r.count(s.items, item, at+len(maxIndex)+1)
			}
		}
	}
}

// room enters that v breaks own rules of s, and tells whether there is room for
// what may be drafted of that.
func (r *refusals) room(s *schema, v any, at int) bool {
	if !s.typed(v) { // of which there is no more to say
		return r.take(1, at)
	}
	if s.asks || s.anyOf != nil { // of which there may be any number of things to say
		return false
	}
	names := s.Required
	if s.not != nil {
		names = slices.Concat(names, s.not.Required)
	}
	n, longest := len(keywordCodes)+len(names), 0
	for _, name := range names {
		longest = max(longest, tokenSize(name))
	}
	return r.take(n, n*(at+longest))
}

// tokenSize bounds what a name takes in a pointer.
func tokenSize(name string) int { return len("/") + 2*len(name) }
