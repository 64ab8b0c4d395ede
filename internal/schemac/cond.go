package schemac

import (
	"fmt"
	"slices"
	"strings"
)

// A cond is a condition on an object, made of bits that are set while it is read.
type cond struct {
	op  op
	of  []*cond
	bit *bit // of isSet
}

type op int

const (
	isAnd op = iota // of none: true
	isOr            // of none: false
	isNot           // of one
	isSet           // the bit is set
)

// A bit is what is remembered of a member of an object while it is read: that it
// is there, or that its value is accepted by a schema.
type bit struct {
	name   string
	schema *schema // or nil
	index  int
	ident  string // of its constant
	test   bool   // it is only asked for, by an if
}

func and(of ...*cond) *cond { return join(isAnd, isOr, of) }
func or(of ...*cond) *cond  { return join(isOr, isAnd, of) }

// join returns a condition of this op, of which the other one of none decides alone.
func join(op, other op, of []*cond) *cond {
	all := &cond{op: op}
	for _, c := range of {
		switch {
		case c.op == op:
			all.of = append(all.of, c.of...)
		case c.op == other && len(c.of) == 0:
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

func (c *cond) isTrue() bool  { return c.op == isAnd && len(c.of) == 0 }
func (c *cond) isFalse() bool { return c.op == isOr && len(c.of) == 0 }

// equal tells whether c and other say the same of the same bits, as they stand.
func (c *cond) equal(other *cond) bool {
	return c.op == other.op && c.bit == other.bit && slices.EqualFunc(c.of, other.of, (*cond).equal)
}

// bits returns the bits that c depends on.
func (c *cond) bits() (all []*bit) {
	if c.bit != nil {
		all = append(all, c.bit)
	}
	for _, c := range c.of {
		all = append(all, c.bits()...)
	}
	return all
}

// String returns c as Go.
func (c *cond) String() string {
	list := func(operator, none string) string {
		var all []string
		for _, c := range c.of {
			x := c.String()
			if len(c.of) > 1 {
				x = "(" + x + ")"
			}
			all = append(all, x)
		}
		if all == nil {
			return none
		}
		return strings.Join(all, operator)
	}
	switch c.op {
	case isAnd:
		return list(" && ", "true")
	case isOr:
		return list(" || ", "false")
	case isSet:
		return fmt.Sprintf("seen&%s != 0", c.bit.ident)
	}
	if of := c.of[0]; of.op == isSet {
		return fmt.Sprintf("seen&%s == 0", of.bit.ident)
	}
	return "!(" + c.of[0].String() + ")"
}
