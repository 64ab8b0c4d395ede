package schemac

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
)

// possible gives the types of the values that s may accept. It may give too many.
func possible(s *schema) types { return possibleIn(s, nil) }

func possibleIn(s *schema, open []*schema) types {
	if s.never {
		return 0
	}
	if slices.Contains(open, s) {
		return anyType
	}
	open = append(slices.Clip(open), s)
	t := s.types
	for _, values := range s.enums {
		var e types
		for _, v := range values {
			e |= typeOf(v)
		}
		t &= e
	}
	if s.ref != nil {
		t &= possibleIn(s.ref, open)
	}
	for _, c := range s.allOf {
		t &= possibleIn(c, open)
	}
	for _, branches := range [][]*schema{s.anyOf, s.oneOf} {
		var u types
		for _, c := range branches {
			u |= possibleIn(c, open)
		}
		if branches != nil {
			t &= u
		}
	}
	if s.when != nil {
		u := anyType
		if s.then != nil && s.other != nil {
			u = possibleIn(s.then, open) | possibleIn(s.other, open)
		}
		t &= u
	}
	return t
}

func typeOf(v any) types {
	switch v := v.(type) {
	case nil:
		return nullType
	case bool:
		return booleanType
	case string:
		return stringType
	case []any:
		return arrayType
	case *object:
		return objectType
	case json.Number:
		if rational(v).IsInt() {
			return integerType
		}
		return fractionType
	}
	panic("not a value of JSON")
}

func rational(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		panic("not a number of JSON: " + string(n))
	}
	return r
}

// isTrue tells whether s accepts any value, as far as that is easily seen.
func isTrue(s *schema) bool {
	return s == nil || accepts(s, anyType, nil)
}

// accepts tells whether s accepts all values of these types, as far as that is
// easily seen.
func accepts(s *schema, t types, open []*schema) bool {
	if s == nil {
		return true
	}
	if slices.Contains(open, s) {
		return false
	}
	open = append(slices.Clip(open), s)
	accept := func(c *schema) bool { return accepts(c, t, open) }
	if s.never || t&^s.types != 0 || asserts(s, t) ||
		s.ref != nil && !accept(s.ref) || slices.ContainsFunc(s.allOf, func(c *schema) bool { return !accept(c) }) ||
		s.anyOf != nil && !slices.ContainsFunc(s.anyOf, accept) {
		return false
	}
	return s.oneOf == nil && s.not == nil && accept(s.then) && accept(s.other)
}

// asserts tells whether s, but for its type and the schemas that it applies to
// the same value, asserts anything about values of these types.
func asserts(s *schema, t types) bool {
	return s.enums != nil ||
		t&numberType != 0 && assertsNumber(s) ||
		t&stringType != 0 && assertsString(s) ||
		t&arrayType != 0 && assertsItems(s) ||
		t&objectType != 0 && (assertsMembers(s) || s.required != nil || s.properties != nil ||
			s.minProperties > 0 || s.maxProperties >= 0 || s.dependentRequired != nil || s.dependentSchemas != nil)
}

func assertsNumber(s *schema) bool {
	return s.minimum+s.maximum+s.above+s.below+s.multipleOf != ""
}

func assertsString(s *schema) bool {
	return s.minLength > 0 || s.maxLength >= 0 || s.pattern != "" || s.dateTime
}

func assertsItems(s *schema) bool {
	return s.prefix != nil || !isEmpty(s.items) || s.minItems > 0 || s.maxItems >= 0 || s.contains != nil || s.unique
}

// assertsMembers tells whether s asserts anything about members by more than
// their names.
func assertsMembers(s *schema) bool {
	return !isEmpty(s.additional) || s.patterns != nil || !isEmpty(s.names)
}

// applies tells whether s applies schemas to the same value.
func applies(s *schema) bool {
	return s.ref != nil || s.allOf != nil || s.anyOf != nil || s.oneOf != nil || s.not != nil || s.when != nil
}

// appliedBy gives the schemas that s applies to the same value.
func appliedBy(s *schema) []*schema {
	all := slices.Concat(s.allOf, s.anyOf, s.oneOf)
	for _, c := range []*schema{s.ref, s.not, s.when, s.then, s.other} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// recursive tells whether s is among the schemas that it is made of.
func recursive(s *schema) bool {
	seen := map[*schema]bool{}
	var reaches func(from *schema) bool
	reaches = func(from *schema) bool {
		of := append(appliedBy(from), from.prefix...)
		for _, members := range [][]member{from.properties, from.patterns, from.dependentSchemas} {
			for _, m := range members {
				of = append(of, m.schema)
			}
		}
		for _, c := range append(of, from.items, from.contains, from.additional, from.names) {
			if c == s {
				return true
			}
			if c != nil && !seen[c] {
				seen[c] = true
				if reaches(c) {
					return true
				}
			}
		}
		return false
	}
	return reaches(s)
}

// endless gives an error if a schema applies itself to the same value.
func (l *loader) endless() error {
	const open, done = 1, 2
	state := map[*schema]int{}
	var visit func(s *schema) error
	visit = func(s *schema) error {
		switch state[s] {
		case open:
			return &Error{s.where(), "$ref", "the schema is applied to a value over and over"}
		case done:
			return nil
		}
		state[s] = open
		all := appliedBy(s)
		for _, m := range s.dependentSchemas {
			all = append(all, m.schema)
		}
		for _, c := range all {
			if err := visit(c); err != nil {
				return err
			}
		}
		state[s] = done
		return nil
	}
	for _, s := range l.schemas {
		if err := visit(s); err != nil {
			return err
		}
	}
	return nil
}

// isEmpty tells whether s has no assertions. Other than isTrue, it doesn't
// follow references.
func isEmpty(s *schema) bool {
	return s == nil || !s.never && s.types == anyType && !applies(s) && !asserts(s, anyType)
}

// disjoint tells whether no value is accepted by both a and b, as far as that is
// easily seen: where they differ in type, or in the constants of a member that
// both require.
func disjoint(a, b *schema) bool {
	if possible(a)&possible(b) == 0 {
		return true
	}
	if possible(a)&possible(b) != objectType {
		return false
	}
	a, b = behind(a), behind(b)
	for _, p := range a.properties {
		i := slices.IndexFunc(b.properties, func(m member) bool { return m.name == p.name })
		if i < 0 || !slices.Contains(a.required, p.name) || !slices.Contains(b.required, p.name) {
			continue
		}
		v, w := constants(p.schema), constants(b.properties[i].schema)
		if v != nil && w != nil && !slices.ContainsFunc(v, func(s string) bool { return slices.Contains(w, s) }) {
			return true
		}
	}
	return false
}

// behind follows references from schemas that are nothing else.
func behind(s *schema) *schema {
	for n := 0; n < 100 && s.ref != nil && s.properties == nil; n++ {
		s = s.ref
	}
	return s
}

// constants gives the strings that s may accept, quoted, or nil where there may be others.
func constants(s *schema) (all []string) {
	if len(s.enums) > 0 {
		for _, v := range s.enums[0] {
			text, ok := v.(string)
			if !ok {
				return nil
			}
			all = append(all, strconv.Quote(text))
		}
		return all
	}
	for _, c := range s.anyOf {
		more := constants(c)
		if more == nil {
			return nil
		}
		all = append(all, more...)
	}
	return all
}

// constant gives a schema that accepts v, an array or an object, and no other value.
func constant(s *schema, v any) *schema {
	c := &schema{
		doc: s.doc, pointer: s.pointer, types: typeOf(v),
		minLength: -1, maxLength: -1, minItems: -1, maxItems: -1,
		minProperties: -1, maxProperties: -1, minContains: -1, maxContains: -1,
	}
	never := &schema{doc: s.doc, pointer: s.pointer, never: true}
	switch v := v.(type) {
	case *object:
		for _, name := range v.names {
			c.properties = append(c.properties, member{name, constant(s, v.values[name])})
		}
		c.required = v.names
		c.additional = never
	case []any:
		for _, item := range v {
			c.prefix = append(c.prefix, constant(s, item))
		}
		c.items = never
		c.minItems = len(v)
	default:
		c.enums = [][]any{{v}}
	}
	return c
}
