package schemac

import (
	"fmt"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// An objectPlan is how an object is read: in one pass, along with what the schemas
// say of it that apply to the same object. What they say of members that they always
// name is judged as the members are read. Everything else is a statement, which is
// decided in the end by bits that were set on the way.
type objectPlan struct {
	unit
	pointer string
	object  int      // index of the Object that describes it, or -1
	members []string // that a schema names, in the order in which they are expected
	bits    []*bit
	always  map[string][]*schema // what the values of members must be accepted by
	must    []*statement
	// Of the documented schema: the members that it names, whether it has a rule for
	// others, and what only it has to say.
	beside map[string]*schema
	open   bool
	alone  []*statement

	related []member  // those whose annotations are about other members, too
	usual   []*schema // with x-usual
	holds   *schema   // with x-holds
	says    map[string]string
	keeps   map[string]bool   // what is kept of members until the end; see keep
	idents  map[string]string // of variables: whose they are
}

// A statement is one thing that a schema says of an object.
type statement struct {
	rule
	guard, holds *cond // where the guard holds, it has to hold
	// fact is the bit of a member that has to be as value says, if it is there.
	fact  *bit
	value *schema
	// branches are those of anyOf, of which one has to hold.
	branches []branch
}

type branch struct {
	s          *schema
	statements []*statement
	holds      *cond
}

type layer int

const (
	observedLayer layer = iota
	documentedLayer
	conditionLayer // what an if or a branch of an anyOf says, of any layer
)

func (g *generator) plan(u unit) *objectPlan {
	p := &objectPlan{unit: u, pointer: g.pointers[u], object: -1, always: map[string][]*schema{}, beside: map[string]*schema{},
		says: map[string]string{}, keeps: map[string]bool{}, idents: map[string]string{}}
	if p.documented != nil && possible(p.documented) != objectType {
		p.documented = nil
	}
	if p.documented != nil {
		p.alone = g.statements(p, p.documented, and(), documentedLayer)
	}
	p.must = g.statements(p, u.s, and(), observedLayer)
	for _, name := range p.members {
		if u.s.additional != nil && u.s.property(name) == nil {
			p.always[name] = append(p.always[name], u.s.additional)
		}
	}
	for name := range p.beside {
		if len(p.always[name]) == 0 && len(p.facts(name)) > 1 {
			g.fail(u.s, "properties", "a judge can't read "+name+" by several schemas beside a documented one")
		}
	}
	// Mostly the documented schema says what the observed one says, too.
	p.alone = slices.DeleteFunc(p.alone, func(d *statement) bool {
		return slices.ContainsFunc(p.must, func(o *statement) bool { return o.implies(d) })
	})
	p.number()
	if len(p.bits) > 64 {
		g.fail(u.s, "properties", "no more than 64 members, and facts about them, are compiled")
	}
	return p
}

// statements gathers what s says of an object under guard.
func (g *generator) statements(p *objectPlan, s *schema, guard *cond, in layer) (all []*statement) {
	if s == nil {
		return nil
	}
	add := func(st *statement) {
		st.s, st.guard = s, guard
		all = append(all, st)
	}
	sub := func(s *schema, guard *cond) { all = append(all, g.statements(p, s, guard, in)...) }
	always := guard.isTrue() && in != conditionLayer
	for _, m := range s.properties {
		if m.schema.says != "" && in != documentedLayer {
			p.says[m.name] = m.schema.says
		}
		p.member(m.name)
		switch {
		case always && in == documentedLayer:
			if p.beside[m.name] != nil {
				g.fail(s, "properties", "the documented schema names "+m.name+" twice")
			}
			p.beside[m.name] = m.schema
			p.related = append(p.related, m)
		case always:
			p.always[m.name] = append(p.always[m.name], m.schema)
			p.related = append(p.related, m)
		case in == documentedLayer, m.schema.counts+m.schema.notBefore != "" || m.schema.sums != nil:
			g.fail(m.schema, "properties", "a judge takes this of members that are named whatever else there is, and of no others")
		case g.judging && silent(m.schema), !g.judging && accepts(m.schema, anyType): // that it is named is all
		default:
			fact := p.bit(m.name, m.schema)
			add(&statement{rule: rule{keyword: "properties", member: m.name}, fact: fact, value: m.schema,
				holds: or(not(p.has(m.name)), set(fact))})
		}
	}
	for _, name := range s.required {
		add(&statement{rule: rule{keyword: "required", member: name}, holds: p.has(name)})
	}
	if s.not != nil {
		absent := anySchema()
		absent.required = s.not.required
		if s.not.types == objectType { // which it is
			absent.types = objectType
		}
		if len(absent.required) != 1 || !same(s.not, absent) {
			g.fail(s, "not", "of an object only that it has a member is compiled")
			return all
		}
		add(&statement{rule: rule{keyword: "not", member: s.not.required[0]}, holds: not(p.has(s.not.required[0]))})
	}
	sub(s.ref, guard)
	if s.when != nil {
		test := and()
		for _, st := range g.statements(p, s.when, and(), conditionLayer) {
			test = and(test, st.holds)
			if st.fact != nil {
				st.fact.test = true
			}
		}
		sub(s.then, and(guard, test))
		sub(s.other, and(guard, not(test)))
	}
	for _, c := range s.allOf {
		sub(c, guard)
	}
	if s.anyOf != nil && in == observedLayer {
		st := &statement{rule: rule{keyword: "anyOf"}}
		some := []*cond{}
		for _, c := range s.anyOf {
			b := branch{s: c, statements: g.statements(p, c, and(), conditionLayer), holds: and()}
			for _, of := range b.statements {
				b.holds = and(b.holds, of.holds)
			}
			st.branches = append(st.branches, b)
			some = append(some, b.holds)
		}
		st.holds = or(some...)
		add(st)
	} else if s.anyOf != nil {
		g.fail(s, "anyOf", "of an object, alternatives in an alternative, a condition or a documented schema are not compiled")
	}
	for _, name := range s.usual {
		p.member(name)
	}
	if s.usual != nil {
		p.usual = append(p.usual, s)
	}
	if s.holds != nil {
		if !always || p.holds != nil {
			g.fail(s, "x-holds", "a judge takes this of one schema of an object, and whatever else there is")
		}
		p.holds = s
		for _, name := range append(s.holds.any, s.holds.member) {
			p.member(name)
		}
	}
	p.open = p.open || in == documentedLayer && s.additional != nil
	if s.types&objectType == 0 || s.never || s.oneOf != nil || s.additional != nil && s != p.s && s != p.documented || !always && s.usual != nil || s.annotation() != "" ||
		s.once && s != p.s && s != p.documented {
		g.fail(s, "schema", "it says more of an object than is compiled")
	}
	return all
}

func (p *objectPlan) member(name string) {
	if !slices.Contains(p.members, name) {
		p.members = append(p.members, name)
	}
}

// has is that a member is there.
func (p *objectPlan) has(name string) *cond {
	p.member(name)
	return set(p.bit(name, nil))
}

func set(b *bit) *cond { return &cond{op: isSet, bit: b} }

// bit returns the bit of a member and a schema that its value may be accepted by; or,
// without one, that it is there.
func (p *objectPlan) bit(name string, s *schema) *bit {
	for _, b := range p.bits {
		if b.name == name && (b.schema == nil) == (s == nil) && (s == nil || same(b.schema, s)) {
			return b
		}
	}
	b := &bit{name: name, schema: s}
	p.bits = append(p.bits, b)
	return b
}

// number numbers the bits: first those of members, in their order.
func (p *objectPlan) number() {
	facts := slices.DeleteFunc(slices.Clone(p.bits), func(b *bit) bool { return b.schema == nil })
	var bits []*bit
	for _, name := range p.members {
		bits = append(bits, p.bit(name, nil))
	}
	p.bits = append(bits, facts...)
	taken := map[string]bool{}
	for i, b := range p.bits {
		b.index = i
		b.ident = "has" + camel(b.name)
		if b.schema != nil {
			b.ident = "fits" + camel(b.name)
		}
		for n := 2; taken[b.ident]; n++ {
			b.ident = fmt.Sprintf("%s%d", strings.TrimRight(b.ident, "0123456789"), n)
		}
		taken[b.ident] = true
	}
}

// facts returns the bits of a member that aren't only asked for by an if.
func (p *objectPlan) facts(name string) (all []*bit) {
	for _, b := range p.bits {
		if b.name == name && b.schema != nil && !b.test {
			all = append(all, b)
		}
	}
	return all
}

// facts returns the statements about values of members in st.
func (st *statement) facts() (all []*statement) {
	if st.fact != nil && !st.fact.test {
		all = append(all, st)
	}
	for _, b := range st.branches {
		for _, of := range b.statements {
			all = append(all, of.facts()...)
		}
	}
	return all
}

// implies tells whether d, of the documented schema, holds where st does, which is
// of the observed one: if the same is said, or if it is the first branch of an
// anyOf and all others break the documented schema anyway.
func (st *statement) implies(d *statement) bool {
	if !st.guard.equal(d.guard) {
		return false
	}
	if st.branches == nil {
		return st.holds.equal(d.holds)
	}
	return st.branches[0].holds.equal(d.holds) &&
		!slices.ContainsFunc(st.branches[1:], func(b branch) bool { return b.s.dialect == nil || !b.s.dialect.breaks })
}

// about returns the member that the guard of st looks at.
func (st *statement) about() string {
	for _, b := range st.guard.bits() {
		return b.name
	}
	return ""
}

// object writes how the object at i is read.
func (g *generator) object(u unit) {
	p := g.plan(u)
	additional := unit{s: u.s.additional, judges: u.judges}
	if p.documented != nil {
		additional.documented = target(p.documented).additional
	}
	g.pointerOf(additional, elsewhere)
	if len(p.members) == 0 && additional.s != nil && takesText(additional.s) && (additional.documented == nil || takesText(additional.documented)) {
		g.cells(additional)
		return
	}
	unnamed := p.documented != nil && len(p.beside) > 0 && !p.open
	g.describe(p)
	g.keep(p)
	if unnamed || g.judging && (len(p.usual)+len(p.must)+len(p.alone) > 0 || p.holds != nil || p.whole() != nil) {
		g.line("start := i")
	}
	if unnamed {
		g.line("unnamed := len(m.notes.unnamed)")
	}
	g.declare(p)
	g.reset(p)
	g.readMembers(p, unnamed, additional)
	g.line("")
	if required := p.required(); required != "" {
		g.line("const required = %s\nif seen&required != required {", required)
		if !g.judging {
			g.line("return no")
		} else {
			g.line("if !m.notes.Explain {\nreturn no\n}")
			for _, st := range p.must {
				if st.isRequired() {
					g.misses(p, st)
				}
			}
		}
		g.line("}")
	}
	for _, st := range p.must {
		switch {
		case st.isRequired():
		case g.judging:
			g.demand(p, st)
		case !st.holds.isTrue():
			g.line("if %v {\nreturn no\n}", and(st.guard, not(st.holds)))
		}
	}
	for _, st := range p.alone {
		g.line("if %v {\nm.notes.documented(%s, %s, start, depth, seen)\n}", and(st.guard, not(st.holds)), g.rule(st.of(p)), p.place(st))
	}
	if g.judging {
		g.siblings(p)
	}
	if unnamed {
		g.line("m.notes.unknown(unnamed, %s, start, depth, seen)", g.rule(rule{s: p.documented, keyword: "properties", object: p.object + 1}))
	}
	g.line("return i")
}

// isRequired tells whether st is that a member is always there.
func (st *statement) isRequired() bool { return st.keyword == "required" && st.guard.isTrue() }

// required returns the bits of members that always have to be there.
func (p *objectPlan) required() string {
	var all []string
	for _, st := range p.must {
		if st.isRequired() {
			all = append(all, st.holds.bit.ident)
		}
	}
	return strings.Join(all, " | ")
}

// takesText tells whether s accepts all strings, and makes no notes of them.
func takesText(s *schema) bool {
	if s = reduced(s); s.annotation() != "" || !s.alone() {
		return s.annotation() == "" && accepts(s, stringType)
	}
	for _, c := range s.alternatives() {
		if possible(c)&stringType != 0 {
			return c.dialect == nil && takesText(c)
		}
	}
	return false
}

// cells writes how a row is read: an object of which no schema names members, and
// whose values may be any strings, or others.
func (g *generator) cells(other unit) {
	name := "_"
	if g.judging {
		name = "name"
	}
	g.line("for k := 0; ; k++ {\nat, %s, n, other := m.cells(b, i, k)", name)
	g.line("if i, k = at, n; i < 0 || !other {\nreturn i\n}")
	if g.judging {
		g.line("m.notes.path[depth] = Token(name)")
	}
	g.line("if i = %s; i < 0 {\nreturn i\n}\n}", g.call(other, "i", "depth+1", "base"))
}

// declare writes the bits, and the variables in which it is kept what has to be
// known of members in the end.
func (g *generator) declare(p *objectPlan) {
	if len(p.bits) > 0 {
		g.line("const (")
		for i, b := range p.bits {
			note := fmt.Sprintf("%q", b.name)
			if b.schema != nil {
				note = "as " + b.schema.where() + " has it"
			}
			g.line("%s%s // %s", b.ident, map[bool]string{true: " = 1 << iota"}[i == 0], note)
		}
		g.line(")\nseen := uint64(0)")
	}
	var ints, readings []string
	for _, name := range p.members {
		for _, what := range []string{"Name", "Value", "Rows"} {
			if p.keeps[name+what] {
				ints = append(ints, p.local(name, what))
			}
		}
		for _, b := range p.facts(name) {
			readings = append(readings, b.reading())
		}
	}
	if ints != nil {
		g.line("var %s int", strings.Join(ints, ", "))
	}
	if g.judging && readings != nil {
		g.line("var %s reading", strings.Join(readings, ", "))
	}
}

// local returns the name of a variable about a member.
func (p *objectPlan) local(name, what string) string {
	ident := camel(name)
	ident = strings.ToLower(ident[:1]) + ident[1:] + what
	for p.idents[ident] != "" && p.idents[ident] != name {
		ident += "Too"
	}
	p.idents[ident] = name
	return ident
}

func (b *bit) reading() string { return "read" + strings.TrimPrefix(b.ident, "fits") }

// readMembers writes how the members of an object are read, from its brace at i to
// behind it.
func (g *generator) readMembers(p *objectPlan, unnamed bool, additional unit) {
	g.line("if i = firstMember(b, i); i < 0 {\nreturn i\n}")
	const next = "if i < 0 {\nreturn i\n}\nif i = nextMember(b, i); i < 0 {\nreturn i\n}"
	if len(p.members) > 0 {
		g.line("\n// The members that the schema names, in its order.")
	}
	for _, name := range p.members {
		if needsNoEscape(name) {
			quoted := `"` + name + `":`
			g.line("if %s {\nseen |= %s", matchBytes(quoted), p.bit(name, nil).ident)
			g.memberValue(p, unnamed, name, fmt.Sprintf("space(b, i+%d)", len(quoted)), "base")
			g.line("%s\n}", next)
		}
	}
	if len(p.members) > 0 {
		g.line("\n// The others, and those in another order.")
	}
	closed := possible(additional.s) == 0
	hash, top := "hash", "top"
	if closed {
		hash, top = "_", "base"
	} else {
		g.line("top, unknown := base, 0")
	}
	g.line("for b[i] != '}' {\nend, %s := name(b, i, m)\nif end < 0 {\nreturn unsure\n}", hash)
	g.line("at := memberValue(b, end)\nif at < 0 {\nreturn at\n}")
	if len(p.members) > 0 {
		g.line("switch string(m.unescaped(b, i, end)) {")
		for _, name := range p.members {
			if len(name) > maxName {
				g.fail(p.s, "properties", "the name of a member is longer than the runtime has room for")
			}
			has := p.bit(name, nil).ident
			g.line("case %s:\nif seen&%s != 0 {\nreturn unsure // it is there twice\n}\nseen |= %s", goString(name), has, has)
			g.memberValue(p, unnamed, name, "at", top)
		}
		g.line("default:")
	}
	if closed {
		g.line("return no // additionalProperties: false")
		if g.judging {
			g.fail(p.s, "additionalProperties", "a judge allows members that no schema names")
		}
	} else {
		g.line("if top = m.remember(base, unknown, hash); top < 0 {\nreturn top\n}\nunknown++")
		if unnamed {
			g.line("m.notes.unname(i)")
		}
		if g.judging && !(silent(additional.s) && silent(additional.documented)) {
			g.line("m.notes.path[depth] = Token(i)")
		}
		g.line("i = %s", g.call(additional, "at", "depth+1", "top"))
	}
	if len(p.members) > 0 {
		g.line("}")
	}
	if !closed || len(p.members) > 0 {
		g.line(next)
	}
	g.line("}\ni++")
}

// maxName is that of package scan, without room for a character more.
const maxName = 60

// matchBytes returns the expression that tells whether want is at i. Up to 16 bytes
// are compared without a call.
func matchBytes(want string) string {
	conds := []string{fmt.Sprintf("inOrder && len(b)-i >= %d", len(want))}
	for at := 0; at < len(want); at += 16 {
		end := min(at+16, len(want))
		from := "i"
		if at > 0 {
			from = fmt.Sprintf("i+%d", at)
		}
		conds = append(conds, fmt.Sprintf("string(b[%s:i+%d]) == %s", from, end, goString(want[at:end])))
	}
	return strings.Join(conds, " && ")
}

// memberValue writes how the value of a member is read that a schema names: i is
// where its name is, and in the end behind the value, or below 0.
func (g *generator) memberValue(p *objectPlan, unnamed bool, name, at, base string) {
	d, pointer := p.beside[name], p.within(name)
	if unnamed && d == nil {
		g.line("m.notes.unname(i)")
	}
	always := p.always[name]
	facts := slices.DeleteFunc(slices.Clone(p.bits), func(b *bit) bool { return b.name != name || b.schema == nil })
	if g.judging {
		g.line("m.notes.path[depth] = Token(i)")
	}
	if p.keeps[name+"Name"] {
		g.line("%s = i", p.local(name, "Name"))
	}
	usual := g.usual(always)
	if at != "at" && (g.judging || len(facts) > 0 || len(always) > 1 || usual != nil) {
		g.line("at := %s", at)
		at = "at"
	}
	if p.keeps[name+"Value"] {
		g.line("%s = at", p.local(name, "Value"))
	}
	if p.keeps[name+"Rows"] {
		g.line("m.rows = 0")
		defer g.line("%s = m.rows", p.local(name, "Rows"))
	}
	g.pointerOf(unit{s: d, documented: d, judges: true}, pointer)
	for n, s := range always {
		u := unit{s: s, documented: d, judges: g.judging}
		if n > 0 {
			u.documented = nil
		}
		g.pointerOf(u, pointer)
		call := g.call(u, at, "depth+1", base)
		switch {
		case n > 0:
			g.line("if i >= 0 {\nif r := %s; r < 0 {\nreturn r\n}\n}", call)
		case g.judging && leaf(s) && len(applied(s)) == 0 && s.annotation() == "" && (u.documented == nil || same(s, d) && d.annotation() == ""):
			// Its function is called only to say why it is refused.
			g.line("if i = %s; i == no {\ni = %s\n}", g.call(unit{s: s}, at, "depth+1", base), call)
		case usual != nil:
			g.line("if i = %s; i == no {\ni = %s\n}", g.call(unit{s: usual}, at, "depth+1", base), call)
		default:
			g.line("i = %s", call)
		}
	}
	if len(always) == 0 && len(facts) == 0 {
		g.line("i = value(b, %s, depth+1, %s, m)", at, base)
		if d != nil {
			g.line("if i >= 0 {")
			g.beside(d, "at", "depth+1", base)
			g.line("}")
		}
	}
	if len(always) == 0 && len(facts) > 0 {
		g.line("i = no")
	}
	for _, b := range facts {
		if b.test || !g.judging {
			g.line("if r := %s; r >= 0 {\nseen |= %s", g.call(unit{s: b.schema}, "at", "depth+1", base), b.ident)
		} else {
			u := unit{s: b.schema, judges: true}
			if len(always) == 0 {
				u.documented = d
			}
			g.pointerOf(u, pointer)
			g.line("%s = m.notes.tentatively()", b.reading())
			g.line("if r := %s; r >= 0 {\nseen |= %s", g.call(u, "at", "depth+1", base), b.ident)
		}
		if len(always) == 0 {
			g.line("i = r")
		}
		g.line("} else if r < no {\nreturn r\n}")
		if !b.test && g.judging {
			g.line("m.notes.read(&%s, seen&%s != 0)", b.reading(), b.ident)
		}
	}
	if len(always) == 0 && len(facts) > 0 {
		g.line("if i < 0 {\ni = value(b, at, depth+1, %s, m)\n}", base)
	}
}

// usual returns the first of the alternatives that all say of a member, if package scan
// has a function that reads it: it mostly accepts the value, and then nothing else is
// called. Times of run events are mostly no date-times.
func (g *generator) usual(all []*schema) *schema {
	if g.judging || len(all) != 1 || !reduced(all[0]).alone() {
		return nil
	}
	first := reduced(all[0]).alternatives()[0]
	if first.dateTime || simple(first, possible(first)) == "" {
		return nil
	}
	return first
}

// within returns the pointer of a member.
func (p *objectPlan) within(name string) string {
	if p.pointer == elsewhere {
		return elsewhere
	}
	return p.pointer + "/" + jsonpointer.Escape(name)
}
