package schemac

import (
	"fmt"
	"slices"
	"strings"
)

// What annotations have to say of an object is found once it was read, from
// where the values of its members start. So they are heeded on members that a
// schema always names; anywhere else they are an error.

// remarks is what there may be to remark on an object.
type remarks struct {
	named []member // by schemas that always apply
	usual []string
	open  bool   // there is a rule for members of other names
	ident string // of the Object
}

// remarkable gives an error if s, or a schema that it is made of, has annotations
// of which the compiler can't make remarks.
func (l *loader) remarkable(s *schema) error {
	type visit struct {
		s      *schema
		always bool
	}
	seen := map[visit]bool{}
	var walk func(s *schema, always bool) error
	walk = func(s *schema, always bool) error {
		if s == nil || seen[visit{s, always}] {
			return nil
		}
		seen[visit{s, always}] = true
		if !s.doc.Remarks {
			return &Error{s.where(), "$ref", "remarks are to be made of a document that refers here, but not of this one"}
		}
		if s.usual != nil && !always {
			return &Error{s.where(), "x-usual", misplaced}
		}
		for _, name := range s.usual {
			if !slices.ContainsFunc(s.properties, func(m member) bool { return m.name == name }) {
				return &Error{s.where(), "x-usual", "there is no property " + name}
			}
		}
		for _, m := range s.properties {
			if keyword := m.schema.annotation(); keyword != "" && !always {
				return &Error{m.schema.where(), keyword, misplaced}
			}
			if err := s.heedable(m.schema); err != nil {
				return err
			}
			if err := walk(m.schema, always); err != nil {
				return err
			}
		}
		constant := slices.Concat(s.allOf, []*schema{s.ref, s.items, s.additional}, s.prefix)
		for _, m := range s.patterns {
			constant = append(constant, m.schema)
		}
		branches := slices.Concat(s.anyOf, s.oneOf, []*schema{s.not, s.when, s.then, s.other, s.contains, s.names})
		for _, m := range s.dependentSchemas {
			branches = append(branches, m.schema)
		}
		for i, c := range slices.Concat(constant, branches) {
			if c != nil && c.annotation() != "" {
				return &Error{c.where(), c.annotation(), misplaced}
			}
			if err := walk(c, always && i < len(constant)); err != nil {
				return err
			}
		}
		return nil
	}
	if !s.doc.Remarks {
		return nil
	}
	if keyword := s.annotation(); keyword != "" {
		return &Error{s.where(), keyword, misplaced}
	}
	return walk(s, true)
}

const misplaced = "the compiler heeds annotations of members that are named whatever the value, and no others"

// heedable gives an error if the annotations on the member m of s are about
// something else than the compiler expects. It marks what m counts.
func (s *schema) heedable(m *schema) error {
	is := func(name string, t types) bool {
		i := slices.IndexFunc(s.properties, func(of member) bool { return of.name == name })
		return i >= 0 && possible(s.properties[i].schema) == t
	}
	if m.placeholder+m.usualFormat+m.notBefore != "" || m.plainText {
		if possible(m) != stringType || m.notBefore != "" && !is(m.notBefore, stringType) {
			return &Error{m.where(), m.annotation(), "what it is about has to be a string"}
		}
	}
	if m.counts != "" && m.sums != nil {
		return &Error{m.where(), "x-sums", "there is x-counts, too"}
	}
	for _, of := range m.sums {
		if possible(m) != integerType || !is(of, integerType) {
			return &Error{m.where(), "x-sums", of + " and its sum have to be integers"}
		}
	}
	if m.counts == "" {
		return nil
	}
	i := slices.IndexFunc(s.properties, func(of member) bool { return of.name == m.counts })
	if i >= 0 && possible(m) == integerType {
		counted := s.properties[i].schema
		if possible(counted) == objectType && counted.properties == nil && counted.additional != nil {
			counted = counted.additional
		}
		if possible(counted) == arrayType && counted.items != nil && isRow(behind(counted.items)) {
			counted.counted = true
			return nil
		}
	}
	return &Error{m.where(), "x-counts", "the compiler counts an array of rows, or a map of such arrays"}
}

// annotations gives those on the member of a name.
func (p *plan) annotations(name string) (a annotations) {
	for _, m := range p.named {
		if m.name == name && m.schema.annotation() != "" {
			a = m.schema.annotations
		}
	}
	return a
}

// heeded tells whether remarks need to know where the value of a member starts,
// and how many rows it has.
func (p *plan) heeded(name string) (where, rows bool) {
	for _, m := range p.named {
		where = where || m.name == name && m.schema.annotation() != "" || m.schema.notBefore == name || slices.Contains(m.schema.sums, name)
		rows = rows || m.schema.counts == name
	}
	return where, rows
}

// kept gives the variables in which that is kept.
func (g *generator) kept(p *plan, name string) (all []string) {
	where, rows := p.heeded(name)
	if g.notes && where {
		all = append(all, g.local(name, "Value"))
	}
	if g.notes && rows {
		all = append(all, g.local(name, "Rows"))
	}
	return all
}

// local gives the name of a variable about a member.
func (g *generator) local(name, what string) string {
	name = camel(name)
	name = strings.ToLower(name[:1]) + name[1:] + what
	for g.taken[name] {
		name += "Here"
	}
	return name
}

// doubt writes that it isn't known what there is to remark, where a value may be
// read by s and by others.
func (g *generator) doubt(s *schema) {
	if g.notes && !isTrue(s) && !leaf(s) {
		g.line("m.odd = true")
	}
}

// remember declares what remarks are made from.
func (g *generator) remember(p *plan) {
	if !g.notes {
		return
	}
	var all []string
	for _, name := range p.members {
		all = append(all, g.kept(p, name)...)
	}
	if all != nil {
		g.line("var %s int", strings.Join(all, ", "))
	}
	if len(p.named)+len(p.usual) == 0 || p.open || len(p.bits) > 64 {
		return
	}
	var names []string
	for _, name := range p.members {
		names = append(names, goString(name))
	}
	p.ident = g.writing + "Object"
	g.taken[p.ident] = true
	g.vars = append(g.vars, fmt.Sprintf("var %s = Object{Schema: %s, Members: []string{%s}}",
		p.ident, goString(p.s.where()), strings.Join(names, ", ")))
}

// stranger writes what there is to remark on a member that no schema names,
// whose name stands from i to end.
func (g *generator) stranger(p *plan) {
	switch {
	case !g.notes:
	case p.ident != "":
		g.line("if m.noting {\nm.note(&%s, i, end)\n}", p.ident)
	case len(p.named) > 0:
		g.line("m.odd = true")
	}
}

// remark writes what there is to remark on an object that was read from start to
// i.
func (g *generator) remark(p *plan, start string) {
	if !g.notes {
		return
	}
	if len(p.bits) > 64 {
		g.line("m.odd = true // the compiler makes remarks on 64 members and no more")
		return
	}
	var out strings.Builder
	outer := g.out
	g.out = &out
	odd := func(name, what, format string, args ...any) {
		g.line("if seen&%s != 0 && %s { // %s\nm.odd = true\n}", p.bit(name).ident, fmt.Sprintf(format, args...), what)
	}
	for _, name := range p.members {
		if !slices.ContainsFunc(p.named, func(m member) bool { return m.name == name }) {
			g.line("if seen&%s != 0 { // not all schemas name it\nm.odd = true\n}", p.bit(name).ident)
		}
		a, value := p.annotations(name), g.local(name, "Value")
		if a.placeholder != "" {
			odd(name, "x-placeholder", "says(b, %s, %s)", value, goString(a.placeholder))
		}
		if a.plainText {
			odd(name, "x-plain-text", "!isPlainText(b, %s)", value)
		}
		if a.usualFormat != "" {
			odd(name, "x-usual-format", "!isUUID(b, %s)", value)
		}
		if a.notBefore != "" {
			odd(name, "x-not-before", "seen&%s != 0 && !inOrder(b, %s, %s)", p.bit(a.notBefore).ident, g.local(a.notBefore, "Value"), value)
		}
		if a.counts != "" {
			odd(name, "x-counts", "count(b, %s) != %s", value, g.local(a.counts, "Rows"))
		}
		if a.sums != nil {
			var addends, bits []string
			for _, of := range a.sums {
				addends = append(addends, g.local(of, "Value"))
				bits = append(bits, p.bit(of).ident)
			}
			addend := strings.Join(bits, " | ")
			odd(name, "x-sums", "(seen&(%s) != %s || !addsUp(b, %s, %s))", addend, addend, value, strings.Join(addends, ", "))
		}
	}
	if p.ident != "" {
		g.line("if unknown > 0 {\nm.settle(&%s, seen)\n}", p.ident)
	}
	if len(p.usual) > 0 {
		var bits []string
		for _, name := range p.usual {
			bits = append(bits, p.bit(name).ident)
		}
		usual, missing := strings.Join(bits, " | "), "m.odd = true"
		if p.ident != "" {
			missing = fmt.Sprintf("m.note(&%s, %s, %s)\nm.settle(&%[1]s, seen)", p.ident, start, start)
		}
		g.line("if seen&(%s) != %s { // x-usual\n%s\n}", usual, usual, missing)
	}
	g.out = outer
	if out.Len() > 0 {
		g.line("if m.noting {\n%s}", out.String())
	}
}
