package schemac

import "slices"

// A cond is a condition on one value, made of what is known once its own
// assertions hold.
type cond struct {
	op     op
	of     []*cond
	schema *schema // of call
	bit    *bit    // of seen
	count  int     // of atLeast
}

type op int

const (
	isAnd     op = iota // of none: true
	isOr                // of none: false
	isNot               // of one
	isOne               // exactly one of them
	isIf                // of three: if, then, else
	isCall              // the value is accepted by a schema, for which it is read again
	isSeen              // bit is set
	isAtLeast           // the object has so many members
)

// A bit is what is noted of a member of an object while it is read: that it is
// there, or that its value is accepted by a schema.
type bit struct {
	name   string
	schema *schema // or nil
	index  int
	ident  string // of its constant
}

func and(of ...*cond) *cond {
	all := &cond{op: isAnd}
	for _, c := range of {
		switch {
		case c.op == isAnd:
			all.of = append(all.of, c.of...)
		case c.isFalse():
			return c
		default:
			all.of = append(all.of, c)
		}
	}
	if len(all.of) == 1 {
		return all.of[0]
	}
	return all
}

func or(of ...*cond) *cond {
	some := &cond{op: isOr}
	for _, c := range of {
		switch {
		case c.op == isOr:
			some.of = append(some.of, c.of...)
		case c.isTrue():
			return c
		default:
			some.of = append(some.of, c)
		}
	}
	if len(some.of) == 1 {
		return some.of[0]
	}
	return some
}

func not(c *cond) *cond {
	switch {
	case c.isTrue():
		return or()
	case c.isFalse():
		return and()
	case c.op == isNot:
		return c.of[0]
	}
	return &cond{op: isNot, of: []*cond{c}}
}

func one(of ...*cond) *cond {
	of = slices.DeleteFunc(of, (*cond).isFalse)
	if len(of) < 2 {
		return or(of...)
	}
	return &cond{op: isOne, of: of}
}

func when(c, then, other *cond) *cond {
	switch {
	case c.isTrue():
		return then
	case c.isFalse():
		return other
	case then.isTrue() && other.isTrue():
		return then
	case other.isTrue():
		return or(not(c), then)
	case then.isTrue():
		return or(c, other)
	}
	return &cond{op: isIf, of: []*cond{c, then, other}}
}

func (c *cond) isTrue() bool  { return c.op == isAnd && len(c.of) == 0 }
func (c *cond) isFalse() bool { return c.op == isOr && len(c.of) == 0 }

// walk visits c and the conditions of which it is made.
func (c *cond) walk(visit func(*cond)) {
	visit(c)
	for _, c := range c.of {
		c.walk(visit)
	}
}

// calls tells whether c needs the value to be read again.
func (c *cond) calls() (yes bool) {
	c.walk(func(c *cond) { yes = yes || c.op == isCall })
	return yes
}

// applied gives the condition that the schemas applied by s to the same value
// make for values of type t. Each is turned to a condition by apply.
func applied(s *schema, t types, apply func(c *schema, always bool) *cond) *cond {
	all := []*cond{}
	if s.ref != nil {
		all = append(all, apply(s.ref, true))
	}
	for _, c := range s.allOf {
		all = append(all, apply(c, true))
	}
	branches := func(of []*schema) (cs []*cond) {
		for _, c := range of {
			cs = append(cs, apply(c, false))
		}
		return cs
	}
	if s.anyOf != nil {
		all = append(all, or(branches(s.anyOf)...))
	}
	if s.oneOf != nil {
		if exclusive(s.oneOf, t) {
			all = append(all, or(branches(s.oneOf)...))
		} else {
			all = append(all, one(branches(s.oneOf)...))
		}
	}
	if s.not != nil {
		all = append(all, not(apply(s.not, false)))
	}
	if s.when != nil {
		then, other := and(), and()
		if s.then != nil {
			then = apply(s.then, false)
		}
		if s.other != nil {
			other = apply(s.other, false)
		}
		all = append(all, when(apply(s.when, false), then, other))
	}
	return and(all...)
}

// exclusive tells whether no value of type t is accepted by two of branches.
func exclusive(branches []*schema, t types) bool {
	for i, a := range branches {
		for _, b := range branches[:i] {
			if possible(a)&possible(b)&t != 0 && !disjoint(a, b) {
				return false
			}
		}
	}
	return true
}
