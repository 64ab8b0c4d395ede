package schemac

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A judge reads a value by the observed schema, which decides, with the documented
// one beside it. It notes what there is to say: the branches of anyOf that were
// taken and carry x-dialect, what the annotations of either schema say, the members
// that the documented schema doesn't name, and, where it is to explain why a value
// is refused, each rule that is broken.
//
// Mostly the documented schema says the same as the observed one, or as the first
// branch of an anyOf whose others are deviations. Then what the observed schema
// decided is true for both. What is left of the documented schema is read apart.

// judges is what the generator knows of all judges.
type judges struct {
	rules    []rule
	objects  []describedObject
	pointers map[unit]string // where the values are that a unit reads
	events   *strings.Builder
}

// A rule is what becomes a Rule of package scan.
type rule struct {
	s       *schema
	keyword string
	member  string
	object  int // number of the Object, or 0
	breaks  bool
}

// A describedObject is what becomes an Object of package scan.
type describedObject struct {
	pointer string
	s       *schema
	plan    *objectPlan
}

// elsewhere stands for the pointers of what is in arrays or maps.
const elsewhere = "*"

// maxPath is that of package scan.
const maxPath = 16

// pointerOf enters where the values are that u reads.
func (g *generator) pointerOf(u unit, pointer string) {
	u.s, u.documented = reduced(u.s), reduced(u.documented)
	if !u.judges || u.s == nil {
		return
	}
	if other, ok := g.pointers[u]; ok && other != pointer && u.s.properties != nil {
		g.fail(u.s, "properties", "objects at two places are judged by it: "+other+" and "+pointer)
	}
	g.pointers[u] = pointer
}

// rule returns a Rule as Go.
func (g *generator) rule(r rule) string {
	i := slices.Index(g.rules, r)
	if i < 0 {
		i = len(g.rules)
		g.rules = append(g.rules, r)
	}
	return fmt.Sprintf("&rules[%d]", i)
}

// of returns the rule of a statement.
func (st *statement) of(p *objectPlan) rule {
	r := st.rule
	r.object = p.object + 1
	return r
}

// place returns where a note of a statement stands.
func (p *objectPlan) place(st *statement) string {
	if st.keyword == "not" {
		return p.local(st.member, "Name")
	}
	return "start"
}

// describe enters the Object of p, and marks the rows that are counted.
func (g *generator) describe(p *objectPlan) {
	for _, m := range p.related {
		if of := m.schema.counts; of != "" {
			for _, s := range append(p.always[of], p.beside[of]) {
				countRows(s)
			}
			for _, b := range p.facts(of) {
				countRows(b.schema)
			}
		}
	}
	if g.judging && p.pointer != elsewhere && len(p.members) > 0 {
		s := p.documented
		if s == nil {
			s = p.s
		}
		p.object = len(g.objects)
		g.objects = append(g.objects, describedObject{p.pointer, s, p})
	}
}

// countRows marks the arrays of rows in s.
func countRows(s *schema) {
	if s = target(s); s == nil || possible(s)&(arrayType|objectType) == 0 {
		return
	}
	s.counted = s.items != nil && possible(s.items)&objectType != 0
	for _, c := range append(slices.Clip(s.anyOf), s.items, s.additional) {
		countRows(c)
	}
}

// keep enters what has to be kept of members until the object was read: where their
// names and values are, and how many rows they hold.
func (g *generator) keep(p *objectPlan) {
	if !g.judging {
		return
	}
	for _, st := range p.must {
		for _, f := range st.facts() {
			if !st.holds.isTrue() {
				p.keeps[f.member+"Name"], p.keeps[f.member+"Value"] = true, true
			}
		}
		all := []*statement{st}
		for _, b := range st.branches {
			all = append(all, b.statements...)
			if b.s.dialect != nil && b.s.dialect.member != "" {
				p.keeps[b.s.dialect.member+"Name"] = true
			}
		}
		for _, st := range all {
			if st.keyword == "not" {
				p.keeps[st.member+"Name"], p.keeps[st.about()+"Value"] = true, true
			}
		}
	}
	if p.holds != nil {
		for _, name := range append(p.holds.holds.any, p.holds.holds.member) {
			p.keeps[name+"Value"] = true
		}
	}
	for _, m := range p.related {
		a := m.schema.annotations
		for _, sibling := range append([]string{a.notBefore, a.counts}, a.sums...) {
			if sibling != "" {
				p.keeps[m.name+"Name"], p.keeps[m.name+"Value"], p.keeps[sibling+"Value"] = true, true, true
			}
		}
		p.keeps[a.counts+"Rows"] = true
	}
}

// demand writes that st, of the observed schema, has to hold, and what is noted
// then.
func (g *generator) demand(p *objectPlan, st *statement) {
	if !st.guard.isTrue() {
		g.line("if %v {", st.guard)
	}
	switch {
	case st.branches != nil:
		g.branches(p, st)
	case st.fact != nil:
		g.line("if %v {\nif !m.notes.Explain {\nreturn no\n}", not(st.holds))
		g.reread(p, st)
		g.line("} else {\nm.notes.keep(%s)\n}", st.fact.reading())
	default:
		g.line("if %v {\nif !m.notes.Explain {\nreturn no\n}", not(st.holds))
		g.misses(p, st)
		g.line("}")
	}
	if st.guard.isTrue() {
		return
	}
	g.line("} else {")
	for _, f := range st.facts() {
		g.line("m.notes.drop(%s)", f.fact.reading())
		if d := p.beside[f.member]; d != nil && len(p.always[f.member]) == 0 {
			g.line("if %v {\nm.notes.path[depth] = Token(%s)", p.has(f.member), p.local(f.member, "Name"))
			g.beside(d, p.local(f.member, "Value"), "depth+1", "0")
			g.line("}")
		}
	}
	g.line("}")
}

// misses writes the note that a statement about a member doesn't hold.
func (g *generator) misses(p *objectPlan, st *statement) {
	note := fmt.Sprintf("m.notes.misses(%s, %s, start, depth, seen)", g.rule(st.of(p)), p.place(st))
	if about := st.about(); about != "" && st.keyword == "not" {
		note = fmt.Sprintf("m.notes.operand(%s, offset(%v, %s), 0)", note, p.has(about), p.local(about, "Value"))
	}
	g.line("if %v {\n%s\n}", not(st.holds), note)
}

// reread writes how a member is judged once more that was refused.
func (g *generator) reread(p *objectPlan, st *statement) {
	u := unit{s: st.value, judges: true}
	if len(p.always[st.member]) == 0 {
		u.documented = p.beside[st.member]
	}
	g.pointerOf(u, p.within(st.member))
	g.line("m.notes.path[depth] = Token(%s)", p.local(st.member, "Name"))
	g.line("%s", g.call(u, p.local(st.member, "Value"), "depth+1", "0"))
}

// branches writes which branch of st is taken, and what follows.
func (g *generator) branches(p *objectPlan, st *statement) {
	keep := func(chosen int) {
		for n, b := range st.branches {
			for _, of := range b.statements {
				for _, f := range of.facts() {
					g.line("m.notes.%s(%s)", map[bool]string{true: "keep", false: "drop"}[n == chosen], f.fact.reading())
				}
			}
		}
	}
	g.line("switch { // anyOf")
	for n, b := range st.branches {
		if b.holds.isTrue() {
			g.line("default:")
		} else {
			g.line("case %v:", b.holds)
		}
		keep(n)
		g.dialect(p, b)
		if b.holds.isTrue() {
			g.line("}")
			return
		}
	}
	g.line("default:\nif !m.notes.Explain {\nreturn no\n}")
	keep(-1)
	// A branch that fails only by what is in the value is the one that was meant.
	within := false
	for _, b := range st.branches {
		present := and()
		var facts []*statement
		for _, of := range b.statements {
			if of.fact != nil {
				facts = append(facts, of)
			} else {
				present = and(present, of.holds)
			}
		}
		if facts == nil {
			continue
		}
		if !within {
			g.line("switch {")
			within = true
		}
		g.line("case %v:", present)
		for _, f := range facts {
			g.line("if %v {", not(f.holds))
			if t := possible(f.value); t == arrayType || t == objectType {
				g.line("if b[%s] == %s { // the container fits", p.local(f.member, "Value"), map[types]string{arrayType: "'['", objectType: "'{'"}[t])
				g.dialect(p, b)
				g.line("}")
			}
			g.reread(p, f)
			g.line("}")
		}
	}
	if within {
		g.line("default:")
	}
	for _, of := range st.branches[0].statements {
		if of.fact == nil {
			g.misses(p, of)
		}
	}
	if within {
		g.line("}")
	}
	g.line("}")
}

// dialect writes the note of a branch that is taken.
func (g *generator) dialect(p *objectPlan, b branch) {
	d := b.s.dialect
	if d == nil {
		return
	}
	r := g.rule(rule{s: b.s, keyword: "x-dialect", member: d.member + d.missing, object: p.object + 1, breaks: d.breaks})
	switch {
	case d.member != "":
		name := p.local(d.member, "Name")
		g.line("m.notes.member(%s, %s, start, depth, seen)", r, name)
		if p.documented != nil && len(p.beside) > 0 && !p.open && p.beside[d.member] == nil {
			g.line("m.notes.named(unnamed, %s)", name)
		}
	case d.missing != "":
		g.line("m.notes.member(%s, start, start, depth, seen)", r)
	default:
		g.line("m.notes.note(%s, start, depth)", r)
	}
}

// siblings writes what annotations say that are about more than one member.
func (g *generator) siblings(p *objectPlan) {
	for _, m := range p.related {
		a, value := m.schema.annotations, p.local(m.name, "Value")
		write := func(keyword, condition string, operands ...string) {
			g.line("if seen&%s != 0 && %s { // %s", p.bit(m.name, nil).ident, condition, keyword)
			g.line("m.notes.path[depth] = Token(%s)", p.local(m.name, "Name"))
			g.line("k := m.notes.note(%s, %s, depth+1)", g.rule(rule{s: m.schema, keyword: keyword, member: m.name}), value)
			for _, o := range operands {
				g.line("m.notes.operand(k, %s)", o)
			}
			g.line("}")
		}
		offset := func(name string) string {
			return fmt.Sprintf("offset(%v, %s)", p.has(name), p.local(name, "Value"))
		}
		if of := a.notBefore; of != "" {
			at := p.local(of, "Value")
			write("x-not-before", fmt.Sprintf("%v && mayPrecede(b, %s, %s)", p.has(of), at, value), at+", 0")
		}
		if of := a.counts; of != "" {
			rows := p.local(of, "Rows")
			// Where values are read that no schema describes, the rows are not known.
			write("x-counts", fmt.Sprintf("(m.notes.Explain || mayDiffer(b, %s, Operand{-1, %s}))", value, rows), offset(of)+", "+rows)
		}
		if a.sums != nil {
			var operands []string
			for _, of := range a.sums {
				rows := "0"
				if i := slices.IndexFunc(p.related, func(m member) bool { return m.name == of && m.schema.counts != "" }); i >= 0 {
					rows = p.local(p.related[i].schema.counts, "Rows")
				}
				operands = append(operands, offset(of)+", "+rows)
			}
			write("x-sums", fmt.Sprintf("mayDiffer(b, %s, Operand{%s})", value, strings.Join(operands, "}, Operand{")), operands...)
		}
	}
	for _, w := range p.whole() {
		g.line("if %s {\nm.notes.note(%s, start, depth)\n}", w.condition, g.rule(rule{s: w.s, keyword: w.keyword}))
	}
	if p.holds != nil {
		h := p.holds.holds
		var any []string
		for _, name := range h.any {
			any = append(any, fmt.Sprintf("offset(%v, %s)", p.has(name), p.local(name, "Value")))
		}
		value := p.local(h.member, "Value")
		g.line("if m.filled == 0 && %v && says(b, %s, %s) && mayHoldNothing(b, %s) { // x-holds",
			p.has(h.member), value, goString(h.text), strings.Join(any, ", "))
		g.line("k := m.notes.member(%s, %s, start, depth, seen)", g.rule(rule{s: p.holds, keyword: "x-holds", member: h.member, object: p.object + 1}), value)
		for _, at := range any {
			g.line("m.notes.operand(k, %s, 0)", at)
		}
		g.line("}")
	}
	for _, s := range p.usual {
		for _, name := range s.usual {
			g.line("if %v { // x-usual", not(p.has(name)))
			g.line("m.notes.member(%s, start, start, depth, seen)\n}", g.rule(rule{s: s, keyword: "x-usual", member: name, object: p.object + 1}))
		}
	}
}

// A whole is an annotation about all of an object, and how Go tells that there may be
// something to note.
type whole struct {
	s                  *schema
	keyword, condition string
}

// whole returns those of p, each once.
func (p *objectPlan) whole() (all []whole) {
	for _, s := range []*schema{p.s, p.documented} {
		if s == nil {
			continue
		}
		for _, w := range []struct {
			is bool
			whole
		}{
			{s.noNul, whole{s, "x-no-nul", "m.nul"}},
			{s.safe, whole{s, "x-safe-integers", "m.long"}},
			{s.once, whole{s, "x-captured-once", "m.repeated"}},
		} {
			if w.is && !slices.ContainsFunc(all, func(other whole) bool { return other.keyword == w.keyword }) {
				all = append(all, w.whole)
			}
		}
	}
	return all
}

// reset writes what has to be known of an object only.
func (g *generator) reset(p *objectPlan) {
	if p.holds != nil && g.judging {
		g.line("m.filled = 0")
	}
	for _, w := range p.whole() {
		if w.keyword == "x-captured-once" && g.judging {
			g.line("m.heads, m.repeated = 0, false")
		}
	}
}

// judge writes the judges of events, and what they know of the contract.
func (g *generator) judge(events []Event, schemas map[string]*schema) {
	var list, cases strings.Builder
	for n, e := range events {
		observed, documented := schemas[e.Observed], schemas[e.Documented]
		if observed == nil || documented == nil {
			g.err = fmt.Errorf("there is no schema %s or %s", e.Observed, e.Documented)
			return
		}
		var name, all []string
		if s, d := observed.property("event_type"), documented.property("event_type"); s != nil && d != nil {
			all, name = constants(s), constants(d)
		}
		if len(name) != 1 || all == nil {
			g.fail(observed, "properties", "an event has one event_type, and those that are observed")
			return
		}
		if max(depth(observed), depth(documented)) > maxPath {
			g.fail(observed, "properties", "a judge keeps the way to a value of 16 steps, and no more")
			return
		}
		first := len(g.objects)
		u := unit{s: observed, documented: documented, judges: true}
		g.pointerOf(u, "")
		fmt.Fprintf(&cases, "case Events[%d]:\nreturn %s\n", n, g.call(u, "space(b, 0)", "0", "0"))
		g.drain()
		fmt.Fprintf(&list, "{Name: %q, Types: %#v, Objects: []*Object{", name[0], all)
		for i := range g.objects[first:] {
			fmt.Fprintf(&list, "&objects[%d], ", first+i)
		}
		list.WriteString("}},\n")
	}
	if g.err != nil {
		return
	}
	g.events = &strings.Builder{}
	g.out = g.events
	g.line("// Events are the events of the contract.\nvar Events = []*Event{\n%s}\n", list.String())
	g.line("// Judge judges payload by the schemas of e, and fills notes.")
	g.line("func (e *Event) Judge(payload []byte, notes *Notes) Outcome {\nnotes.start(payload)")
	g.enter("e.read(payload, m)", ", distinct: notes.Explain, notes: notes", "notes.start(payload)\n")
	g.line("return notes.outcome(end)\n}\n")
	g.line("func (e *Event) read(b []byte, m *memory) int {\nswitch e {\n%s}\nreturn unsure\n}\n", cases.String())
	g.line("var objects = [...]Object{")
	for _, o := range g.objects {
		g.line("{Pointer: %s, Schema: %s, Members: []Member{", goString(o.pointer), goString(o.s.where()))
		for _, name := range o.plan.members {
			g.line("{%s, %v, %s},", goString(name), o.plan.beside[name] != nil, goString(o.plan.says[name]))
		}
		g.line("}},")
	}
	g.line("}\n\nvar rules = [...]Rule{")
	for n, r := range g.rules {
		object := "nil"
		if r.object > 0 {
			object = fmt.Sprintf("&objects[%d]", r.object-1)
		}
		value := any(r.member)
		if r.keyword != "required" && r.keyword != "x-usual" && r.keyword != "properties" {
			value = r.s.source[r.keyword]
		}
		text, err := json.Marshal(value)
		if err != nil {
			g.err = err
		}
		g.line("{%s, %s, %s, %s, %s, %d, %v},", goString(r.keyword), goString(r.s.where()), goString(string(text)),
			goString(r.member), object, n, r.breaks)
	}
	g.line("}")
}
