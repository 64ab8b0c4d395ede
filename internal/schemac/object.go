package schemac

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// A plan is how the objects that a schema accepts are read: in one pass, along
// with what the schemas say of them that it applies to the same object.
type plan struct {
	s       *schema
	members []string             // named by some schema, in order
	always  map[string][]*schema // what values must be accepted by
	bits    []*bit
	cond    *cond // what else has to hold, in the end
	remarks       // what there may be to remark
}

// ownObject tells whether s itself says anything about objects.
func ownObject(s *schema) bool { return asserts(s, objectType) && s.enums == nil }

func (g *generator) plan(s *schema) *plan {
	p := &plan{s: s, always: map[string][]*schema{}}
	object := false // whether a schema that always applies describes an object
	var open []*schema
	var merge func(c *schema, always bool) *cond
	// own gives what c says itself, but for what only its host can see to.
	own := func(c *schema, always bool) *cond {
		all := []*cond{}
		for _, m := range c.properties {
			switch {
			case always:
				p.member(m.name)
				p.named = append(p.named, m)
				if !isTrue(m.schema) {
					p.always[m.name] = append(p.always[m.name], m.schema)
				}
			case !isTrue(m.schema):
				all = append(all, or(not(p.seen(m.name)), p.fact(m.name, m.schema)))
			}
		}
		for _, name := range c.required {
			all = append(all, p.seen(name))
		}
		if c.minProperties > 0 {
			all = append(all, &cond{op: isAtLeast, count: c.minProperties})
		}
		if c.maxProperties >= 0 {
			all = append(all, not(&cond{op: isAtLeast, count: c.maxProperties + 1}))
		}
		for _, d := range c.dependentRequired {
			for _, name := range d.required {
				all = append(all, or(not(p.seen(d.name)), p.seen(name)))
			}
		}
		if always {
			p.usual = append(p.usual, c.usual...)
			p.open = p.open || c.additional != nil || c.patterns != nil
		}
		object = object || always && ownObject(c)
		open = append(open, c)
		all = append(all, applied(c, objectType, merge))
		for _, d := range c.dependentSchemas {
			all = append(all, or(not(p.seen(d.name)), merge(d.schema, false)))
		}
		open = open[:len(open)-1]
		return and(all...)
	}
	merge = func(c *schema, always bool) *cond {
		switch {
		case possible(c)&objectType == 0:
			return or()
		case accepts(c, objectType, nil):
			return and()
		case c.enums != nil || assertsMembers(c) || slices.Contains(open, c) || !always && !object:
			return &cond{op: isCall, schema: c}
		}
		return own(c, always)
	}
	all := []*cond{own(s, true)}
	for _, values := range s.enums {
		some := []*cond{}
		for _, v := range values {
			if typeOf(v) == objectType {
				some = append(some, &cond{op: isCall, schema: g.constant(s, v)})
			}
		}
		all = append(all, or(some...))
	}
	p.cond = and(all...)
	p.settle()
	return p
}

func (p *plan) member(name string) {
	if !slices.Contains(p.members, name) {
		p.members = append(p.members, name)
	}
}

func (p *plan) seen(name string) *cond {
	p.member(name)
	return p.fact(name, nil)
}

// fact is that the value of a member is accepted by s; or, without one, that
// the member is there.
func (p *plan) fact(name string, s *schema) *cond {
	for _, b := range p.bits {
		if b.name == name && b.schema == s {
			return &cond{op: isSeen, bit: b}
		}
	}
	b := &bit{name: name, schema: s}
	p.bits = append(p.bits, b)
	return &cond{op: isSeen, bit: b}
}

// settle drops what conditions that have vanished would have needed, and
// numbers the bits.
func (p *plan) settle() {
	needed := map[*bit]bool{}
	p.cond.walk(func(c *cond) { needed[c.bit] = true })
	own := map[string]bool{}
	for _, m := range p.s.properties {
		own[m.name] = true
	}
	p.members = slices.DeleteFunc(p.members, func(name string) bool {
		return !own[name] && p.always[name] == nil &&
			!slices.ContainsFunc(p.bits, func(b *bit) bool { return b.name == name && needed[b] })
	})
	for _, name := range p.members {
		p.fact(name, nil)
		matched := own[name]
		for _, m := range p.s.patterns {
			if regexp.MustCompile(m.name).MatchString(name) {
				matched = true
				p.always[name] = append(p.always[name], m.schema)
			}
		}
		if !matched && !isTrue(p.s.additional) {
			p.always[name] = append(p.always[name], p.s.additional)
		}
	}
	var bits []*bit
	for _, name := range p.members {
		for _, b := range p.bits {
			if b.name == name && b.schema == nil {
				bits = append(bits, b)
			}
		}
	}
	idents := map[string]bool{}
	for _, b := range p.bits {
		if b.schema != nil && needed[b] {
			bits = append(bits, b)
		}
	}
	p.bits = bits
	for i, b := range bits {
		b.index = i
		b.ident = "has" + camel(b.name)
		if b.schema != nil {
			b.ident = "fits" + camel(b.name)
		}
		for n := 2; idents[b.ident]; n++ {
			b.ident = fmt.Sprintf("%s%d", b.ident, n)
		}
		idents[b.ident] = true
	}
}

// word gives the variable that has a bit.
func (p *plan) word(index int) string {
	if len(p.bits) <= 64 {
		return "seen"
	}
	return fmt.Sprintf("seen%d", index/64)
}

// facts gives the bits that the value of a member may set.
func (p *plan) facts(name string) (all []*bit) {
	for _, b := range p.bits {
		if b.name == name && b.schema != nil {
			all = append(all, b)
		}
	}
	return all
}

func (p *plan) counts() (yes bool) {
	p.cond.walk(func(c *cond) { yes = yes || c.op == isAtLeast })
	return yes
}

// object writes how an object is read that starts at i, where a brace was seen.
func (g *generator) object(s *schema) {
	p := g.plan(s)
	if !ownObject(s) && g.forward(p.cond) {
		return
	}
	g.line("if depth >= maxDepth {\nreturn unsure\n}")
	start := "i"
	if p.cond.calls() || g.notes && len(p.usual) > 0 {
		start = "start"
		g.line("start := i")
	}
	plain := s.patterns == nil && isTrue(s.names)
	if len(p.members) == 0 && plain && !isTrue(s.additional) && leaf(s.additional) && possible(s.additional) != 0 && !p.counts() {
		g.line("for k := 0; ; k++ {")
		g.line("at := m.next(b, i, k)")
		g.line("if at == closed {\ni = rowEnd(b, i, k)\nbreak\n}")
		g.line("if at < 0 {\nreturn at\n}")
		g.line("if i = %s; i < 0 {\nreturn i\n}", g.call(s.additional, "at", "depth+1", "base"))
		g.line("}")
		g.check(p.cond, p, start)
		g.line("return i")
		return
	}
	g.bitConstants(p)
	g.remember(p)
	g.line("if i = firstMember(b, i); i < 0 {\nreturn i\n}")
	if plain && len(p.members) > 0 {
		g.line("\n// The members that the schema names, in its order.")
		for _, name := range p.members {
			if quoted, ok := quotedName(name); ok {
				g.line("if %s {", matchBytes(quoted))
				g.line("%s |= %s", p.word(p.bit(name).index), p.bit(name).ident)
				g.memberValue(p, name, fmt.Sprintf("space(b, i+%d)", len(quoted)), "base")
				g.line("if i < 0 {\nreturn i\n}")
				g.line("if i = nextMember(b, i); i < 0 {\nreturn i\n}")
				g.line("}")
			}
		}
		g.line("\n// The others, and those in another order.")
	}
	never := s.additional != nil && possible(s.additional) == 0 && s.patterns == nil
	hash, top := "hash", "top"
	if never {
		hash, top = "_", "base"
	} else {
		g.line("top, unknown := base, 0")
	}
	g.line("for b[i] != '}' {")
	g.line("end, %s := name(b, i)\nif end < 0 {\nreturn unsure\n}", hash)
	if !isTrue(s.names) {
		g.line("// propertyNames\nif r := %s; r < 0 {\nreturn r\n}", g.call(s.names, "i", "depth+1", top))
	}
	g.line("at := memberValue(b, end)\nif at < 0 {\nreturn at\n}")
	if len(p.members) > 0 {
		g.line("switch string(m.unescaped(b, i, end)) {")
		for _, name := range p.members {
			g.longestName = max(g.longestName, len(name))
			b := p.bit(name)
			g.line("case %s:", goString(name))
			g.line("if %s&%s != 0 {\nreturn unsure // it is there twice\n}", p.word(b.index), b.ident)
			g.line("%s |= %s", p.word(b.index), b.ident)
			g.memberValue(p, name, "at", top)
		}
		g.line("default:")
	}
	switch {
	case never:
		g.line("return no // additionalProperties: false")
	default:
		g.line("if top = m.remember(base, unknown, hash); top < 0 {\nreturn top\n}")
		g.line("unknown++")
		g.stranger(p)
		g.unknownValue(s)
	}
	if len(p.members) > 0 {
		g.line("}")
	}
	if !never || len(p.members) > 0 {
		g.line("if i < 0 {\nreturn i\n}")
		g.line("if i = nextMember(b, i); i < 0 {\nreturn i\n}")
	}
	g.line("}")
	g.line("i++")
	if p.counts() {
		g.line("members := 0")
		if !never {
			g.line("members += unknown")
		}
		for _, name := range p.members {
			b := p.bit(name)
			g.line("if %s&%s != 0 {\nmembers++\n}", p.word(b.index), b.ident)
		}
	}
	g.check(p.cond, p, start)
	g.remark(p, start)
	g.line("return i")
}

// bit gives the one that is set where a member is there.
func (p *plan) bit(name string) *bit { return p.fact(name, nil).bit }

func (g *generator) bitConstants(p *plan) {
	for at := 0; at < len(p.bits); at += 64 {
		g.line("const (")
		for i, b := range p.bits[at:min(at+64, len(p.bits))] {
			note := strconv.Quote(b.name)
			if b.schema != nil {
				note = "as " + b.schema.where() + " has it"
			}
			if i == 0 {
				g.line("%s = 1 << iota // %s", b.ident, note)
			} else {
				g.line("%s // %s", b.ident, note)
			}
		}
		g.line(")")
		g.line("%s := uint64(0)", p.word(at))
	}
}

// memberValue writes how the value of a member that the schema names is read: i
// is behind it in the end, or below 0.
func (g *generator) memberValue(p *plan, name, at, base string) {
	always, facts := p.always[name], p.facts(name)
	where, rows := p.heeded(name)
	where, rows = where && g.notes, rows && g.notes
	if at != "at" && (where || len(facts) > 0 || len(always) > 1) {
		g.line("at := %s", at)
		at = "at"
	}
	if where {
		g.line("%s = at", g.local(name, "Value"))
	}
	if rows {
		g.line("m.rows = 0")
		defer g.line("%s = m.rows", g.local(name, "Rows"))
	}
	if len(facts) == 0 && len(always) < 2 {
		var s *schema
		if len(always) == 1 {
			s = always[0]
		}
		g.line("i = %s", g.call(s, at, "depth+1", base))
		return
	}
	if len(always) > 0 {
		g.line("if i = %s; i < 0 {\nreturn i\n}", g.call(always[0], "at", "depth+1", base))
		for _, s := range always[1:] {
			g.doubt(s)
			g.line("if r := %s; r < 0 {\nreturn r\n}", g.call(s, "at", "depth+1", base))
		}
	} else {
		g.line("i = no")
	}
	for _, b := range facts {
		g.doubt(b.schema)
		g.line("if r := %s; r >= 0 {", g.call(b.schema, "at", "depth+1", base))
		g.line("%s |= %s", p.word(b.index), b.ident)
		if len(always) == 0 {
			g.line("i = r")
		}
		g.line("} else if r < no {\nreturn r\n}")
	}
	if len(always) == 0 {
		g.line("if i < 0 {\ni = %s\n}", g.call(nil, "at", "depth+1", base))
	}
}

// unknownValue writes how the value of a member is read that no schema names.
func (g *generator) unknownValue(s *schema) {
	if s.patterns == nil {
		g.line("i = %s", g.call(s.additional, "at", "depth+1", "top"))
		return
	}
	g.line("// patternProperties")
	g.line("nameAt, known := i, false\ni = no")
	for _, m := range s.patterns {
		g.doubt(m.schema)
		g.line("switch matches(%s, b, nameAt, end) {", g.pattern(m.name))
		g.line("case unsure:\nreturn unsure")
		g.line("case no:")
		g.line("default:\nknown = true")
		g.line("if i = %s; i < 0 {\nreturn i\n}", g.call(m.schema, "at", "depth+1", "top"))
		g.line("}")
	}
	g.line("if !known {\ni = %s\n}", g.call(s.additional, "at", "depth+1", "top"))
}
