package schemac

import (
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
)

// possible returns the types of the values that s may accept. They may be too many.
func possible(s *schema) types {
	if s == nil {
		return anyType
	}
	t := s.types
	if s.never {
		t = 0
	}
	for _, values := range s.enums {
		var e types
		for _, v := range values.of {
			e |= typeOf(v)
		}
		t &= e
	}
	for _, c := range append([]*schema{s.ref}, s.allOf...) {
		t &= possible(c)
	}
	if some := s.alternatives(); some != nil {
		var u types
		for _, c := range some {
			u |= possible(c)
		}
		t &= u
	}
	if s.then != nil && s.other != nil {
		t &= possible(s.then) | possible(s.other)
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
	case map[string]any:
		return objectType
	case json.Number:
		if r, ok := new(big.Rat).SetString(string(v)); ok && r.IsInt() {
			return integerType
		}
		return fractionType
	}
	panic("not a value of JSON")
}

// accepts tells whether s accepts all values of these types, as far as that is
// easily seen.
func accepts(s *schema, t types) bool {
	if s == nil {
		return true
	}
	accept := func(c *schema) bool { return accepts(c, t) }
	return !s.never && t&^s.types == 0 && !asserts(s, t) && accept(s.ref) &&
		!slices.ContainsFunc(s.allOf, func(c *schema) bool { return !accept(c) }) &&
		(s.anyOf == nil || slices.ContainsFunc(s.anyOf, accept)) &&
		s.oneOf == nil && s.not == nil && accept(s.then) && accept(s.other)
}

// asserts tells whether s, but for its type and the schemas that it applies to
// the same value, asserts anything about values of these types.
func asserts(s *schema, t types) bool {
	return s.enums != nil ||
		t&numberType != 0 && s.minimum+s.maximum+s.above+s.below != "" ||
		t&stringType != 0 && (s.minLength > 0 || s.maxLength >= 0 || s.pattern != "" || s.dateTime) ||
		t&arrayType != 0 && (!accepts(s.items, anyType) || s.minItems > 0 || s.maxItems >= 0) ||
		t&objectType != 0 && (!accepts(s.additional, anyType) || s.required != nil || s.properties != nil)
}

// applied returns the schemas that s applies to the same value.
func applied(s *schema) (all []*schema) {
	for _, c := range slices.Concat([]*schema{s.ref, s.not, s.when, s.then, s.other}, s.allOf, s.anyOf, s.oneOf) {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// alternatives returns the schemas of which one has to accept a value: those of
// anyOf, or those of oneOf where no two accept the same value.
func (s *schema) alternatives() []*schema {
	if s.anyOf == nil {
		return s.oneOf
	}
	return s.anyOf
}

// alone tells whether s has alternatives, and asserts nothing else.
func (s *schema) alone() bool {
	return (s.anyOf == nil) != (s.oneOf == nil) && s.types == anyType && !asserts(s, anyType) && len(applied(s)) == len(s.alternatives())
}

// exclusive tells whether no value is accepted by two of branches, as far as that is
// easily seen: they differ in type, or in the constants of a member that both
// require.
func exclusive(branches []*schema) bool {
	for i, a := range branches {
		for _, b := range branches[:i] {
			if possible(a)&possible(b) != 0 && !disjoint(target(a), target(b)) {
				return false
			}
		}
	}
	return true
}

func disjoint(a, b *schema) bool {
	return possible(a)|possible(b) == objectType && slices.ContainsFunc(a.properties, func(p member) bool {
		q := b.property(p.name)
		if q == nil || !slices.Contains(a.required, p.name) || !slices.Contains(b.required, p.name) {
			return false
		}
		v, w := constants(p.schema), constants(q)
		return v != nil && w != nil && !slices.ContainsFunc(v, func(text string) bool { return slices.Contains(w, text) })
	})
}

// constants returns the strings that s may accept, or nil where there may be other
// values.
func constants(s *schema) (all []string) {
	if len(s.enums) > 0 {
		for _, v := range s.enums[0].of {
			text, ok := v.(string)
			if !ok {
				return nil
			}
			all = append(all, text)
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

// property returns what s says of a member of that name, or nil.
func (s *schema) property(name string) *schema {
	for _, m := range s.properties {
		if m.name == name {
			return m.schema
		}
	}
	return nil
}

// target returns the schema that s refers to, where it is a reference and asserts
// nothing else.
func target(s *schema) *schema {
	for s != nil && s.ref != nil && s.types == anyType && !asserts(s, anyType) && len(applied(s)) == 1 {
		s = s.ref
	}
	return s
}

// same tells whether a and b assert the same, as far as that is easily seen.
func same(a, b *schema) bool {
	a, b = target(a), target(b)
	if a == b || accepts(a, anyType) && accepts(b, anyType) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	list := func(a, b []*schema) bool { return slices.EqualFunc(a, b, same) }
	return a.never == b.never && a.types == b.types && reflect.DeepEqual(a.enums, b.enums) &&
		a.minimum == b.minimum && a.maximum == b.maximum && a.above == b.above && a.below == b.below &&
		a.minLength == b.minLength && a.maxLength == b.maxLength && a.pattern == b.pattern && a.dateTime == b.dateTime &&
		same(a.items, b.items) && a.minItems == b.minItems && a.maxItems == b.maxItems &&
		slices.Equal(a.required, b.required) && same(a.additional, b.additional) &&
		slices.EqualFunc(a.properties, b.properties, func(a, b member) bool { return a.name == b.name && same(a.schema, b.schema) }) &&
		same(a.ref, b.ref) && list(a.allOf, b.allOf) && list(a.anyOf, b.anyOf) && list(a.oneOf, b.oneOf) &&
		same(a.not, b.not) && same(a.when, b.when) && same(a.then, b.then) && same(a.other, b.other)
}

// finite returns an error if s leads back to itself: what is generated for it would
// have no end.
func finite(s *schema, open ...*schema) error {
	if s == nil {
		return nil
	}
	if slices.Contains(open, s) {
		return &Error{s.where(), "$ref", "the schema leads back to itself"}
	}
	of := append(applied(s), s.items, s.additional)
	for _, m := range s.properties {
		of = append(of, m.schema)
	}
	for _, c := range of {
		if err := finite(c, append(slices.Clip(open), s)...); err != nil {
			return err
		}
	}
	return nil
}

// depth returns how deep in arrays and objects the values are that s describes.
func depth(s *schema) (deepest int) {
	if s == nil {
		return 0
	}
	for _, c := range applied(s) {
		deepest = max(deepest, depth(c))
	}
	for _, m := range append(slices.Clip(s.properties), member{schema: s.items}, member{schema: s.additional}) {
		if m.schema != nil {
			deepest = max(deepest, 1+depth(m.schema))
		}
	}
	return deepest
}
