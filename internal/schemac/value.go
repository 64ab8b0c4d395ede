package schemac

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The functions that are generated have the parameters b, i, depth, base and m (see
// package scan), and those that accept and are leaves only b and i. They return the
// index behind the value that is at i, or why there is none.

// leaf tells whether s accepts neither arrays nor objects.
func leaf(s *schema) bool { return possible(s)&(arrayType|objectType) == 0 }

// call returns the expression that reads the value at an index as u has it.
func (g *generator) call(u unit, at, depth, base string) string {
	u.s, u.documented = reduced(u.s), reduced(u.documented)
	general := fmt.Sprintf("(b, %s, %s, %s, m)", at, depth, base)
	switch {
	case u.judges && silent(u.s) && silent(u.documented) || !u.judges && accepts(u.s, anyType):
		return "value" + general
	case u.judges:
		return g.function(u) + general
	case possible(u.s) == 0:
		return "no"
	}
	s, t := u.s, possible(u.s)
	if len(applied(s)) == 0 {
		if f := simple(s, t); f != "" {
			if t&(stringType|numberType) == 0 {
				return fmt.Sprintf("%s(b, %s)", f, at)
			}
			return fmt.Sprintf("%s(b, %s, m)", f, at)
		}
		if want, ok := onlyText(s); ok {
			return fmt.Sprintf("textConst(b, %s, %s, m)", at, goString(want))
		}
		if t == objectType && s.properties == nil && s.required == nil && simple(s.additional, possible(s.additional)) == "text" {
			return fmt.Sprintf("texts(b, %s, %s, m)", at, depth)
		}
	}
	if leaf(s) {
		return fmt.Sprintf("%s(b, %s, m)", g.function(u), at)
	}
	return g.function(u) + general
}

// simple returns the function of package scan that reads what s accepts, if there
// is one.
func simple(s *schema, t types) string {
	if s == nil || s.enums != nil || len(applied(s)) > 0 {
		return ""
	}
	switch t {
	case stringType:
		switch {
		case !asserts(s, stringType):
			return "text"
		case s.maxLength >= 0 || s.pattern != "":
		case s.dateTime && s.minLength <= len("2006-01-02T15:04:05Z"):
			return "dateTime"
		case !s.dateTime && s.minLength == 1:
			return "nonEmpty"
		}
	case integerType:
		if !asserts(s, numberType) {
			return "integer"
		}
		if s.minimum == "0" && s.maximum+s.above+s.below == "" {
			return "natural"
		}
	case numberType:
		if !asserts(s, numberType) {
			return "number"
		}
	case booleanType:
		return "boolean"
	case nullType:
		return "null"
	}
	return ""
}

// onlyText returns the one string that s accepts, if it needs no escapes.
func onlyText(s *schema) (want string, ok bool) {
	if len(s.enums) != 1 || len(s.enums[0].of) != 1 || s.minLength > 0 || s.maxLength >= 0 || s.pattern != "" || s.dateTime {
		return "", false
	}
	want, ok = s.enums[0].of[0].(string)
	return want, ok && s.types&stringType != 0 && needsNoEscape(want)
}

func needsNoEscape(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == unicode.ReplacementChar })
}

// A valueKind is types whose values start alike.
type valueKind struct {
	types types
	cases string
	read  string // by package scan
}

var valueKinds = []valueKind{
	{objectType, "'{'", ""},
	{arrayType, "'['", ""},
	{stringType, `'"'`, "text(b, i, m)"},
	{numberType, "'-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'", "number(b, i, m)"},
	{booleanType, "'t', 'f'", "boolean(b, i)"},
	{nullType, "'n'", "null(b, i)"},
}

// body writes the function of u.
func (g *generator) body(u unit) {
	s, t := u.s, possible(u.s)
	switch {
	case accepts(s, anyType) && (s == nil || s.alternatives() == nil):
		g.line("end := value(b, i, depth, base, m)\nif end < 0 {\nreturn end\n}")
		g.annotate(s)
		g.beside(u.documented, "i", "depth", "base")
		g.line("return end")
	case s.alone():
		g.choice(u)
	case t == objectType:
		g.mistyped(s, "b[i] != '{'")
		g.object(u)
	case t == arrayType:
		g.mistyped(s, "b[i] != '['")
		g.array(u)
	case leaf(s) && g.judging:
		g.leaf(u)
	default:
		g.kinds(u)
	}
}

// kinds writes how a value of several types is read, or one of a plain type.
func (g *generator) kinds(u unit) {
	t := possible(u.s)
	for _, k := range valueKinds {
		if t&^k.types == 0 {
			g.plain(u, k)
			return
		}
	}
	g.line("if i >= len(b) {\nreturn unsure\n}\nswitch b[i] {")
	for _, k := range valueKinds {
		if t&k.types == 0 {
			continue
		}
		g.line("case %s:", k.cases)
		switch k.types {
		case objectType:
			g.object(u)
		case arrayType:
			g.array(u)
		default:
			g.plain(u, k)
		}
	}
	g.line("}")
	g.mistyped(u.s, "true")
}

// mistyped writes what is done with a value that isn't of a type of s.
func (g *generator) mistyped(s *schema, condition string) {
	result := "no"
	if typed := typedBy(s); g.judging && typed == nil {
		g.fail(s, "type", "a judge needs it, to say what is wrong with a value of another")
	} else if g.judging {
		result = fmt.Sprintf("m.mistyped(b, i, depth, base, %s)", g.rule(rule{s: typed, keyword: "type"}))
	}
	if condition == "true" {
		g.line("return %s", result)
		return
	}
	g.line("if i >= len(b) || %s {\nreturn %s\n}", condition, result)
}

// typedBy returns the schema whose type a value breaks that s refuses for its type.
func typedBy(s *schema) *schema {
	if s == nil || s.types != anyType {
		return s
	}
	some := s.alternatives()
	for _, c := range slices.Concat([]*schema{s.ref}, s.allOf, some[:min(1, len(some))]) {
		if typed := typedBy(c); typed != nil {
			return typed
		}
	}
	return nil
}

// leaf writes how a value is judged that is neither an array nor an object.
func (g *generator) leaf(u unit) {
	s, d := u.s, u.documented
	g.line("end := %s", g.call(unit{s: s}, "i", "depth", "base"))
	g.line("if end == no {\nif !m.notes.Explain {\nreturn no\n}")
	g.why(s)
	g.line("}\nif end < 0 {\nreturn end\n}")
	g.annotate(s)
	switch {
	case d != nil && !same(s, d):
		g.beside(d, "i", "depth", "base")
	case d != s:
		g.annotate(d)
	}
	g.line("return end")
}

// plain writes how values of one kind are accepted that are neither arrays nor
// objects, and returns.
func (g *generator) plain(u unit, k valueKind) {
	s := u.s
	if g.judging {
		g.fail(s, "type", "a judge takes alternatives where a value may be an array, an object or something else")
		return
	}
	if s.alternatives() != nil || s.not != nil || s.when != nil {
		g.fail(s, "schema", "conditions on a value that is no object are not compiled, but for anyOf alone")
		return
	}
	read, done := g.fused(s, k)
	g.line("end := %s\nif end < 0 {\nreturn end\n}", read)
	for _, c := range g.checks(s, k.types) {
		if c.keyword == done {
			done = ""
			continue
		}
		g.line("if %s { // %s\nreturn no\n}", c.broken, c.keyword)
	}
	for _, c := range applied(s) {
		if !accepts(c, k.types) {
			g.line("if r := %s; r < 0 {\nreturn r\n}", g.call(unit{s: c}, "i", "depth", "base"))
		}
	}
	g.line("return end")
}

// fused returns the call that reads a value of a kind and, if possible, makes the
// first check of a keyword at the same time.
func (g *generator) fused(s *schema, k valueKind) (read, keyword string) {
	switch {
	case k.types == numberType && s.types&fractionType == 0:
		return "integer(b, i, m)", ""
	case k.types != stringType:
		return k.read, ""
	case len(s.enums) > 0:
		var all []string
		for _, v := range s.enums[0].of {
			if text, ok := v.(string); ok && needsNoEscape(text) {
				all = append(all, goString(text))
			}
		}
		if len(all) == len(s.enums[0].of) {
			return fmt.Sprintf("textEnum(b, i, %s, m)", g.variable("[]string{"+strings.Join(all, ", ")+"}")), s.enums[0].keyword
		}
	case s.dateTime:
		return "dateTime(b, i, m)", "format"
	case s.minLength == 1:
		return "nonEmpty(b, i, m)", "minLength"
	}
	return k.read, ""
}

// A check is an assertion about a value from i to end, and how Go tells that it is
// broken.
type check struct{ keyword, broken string }

// checks returns what s asserts of values of some types, besides that.
func (g *generator) checks(s *schema, t types) (all []check) {
	add := func(keyword, format string, args ...any) {
		all = append(all, check{keyword, fmt.Sprintf(format, args...)})
	}
	for _, values := range s.enums {
		some := []string{}
		for _, v := range values.of {
			switch v := v.(type) {
			case string:
				if t&stringType != 0 {
					some = append(some, fmt.Sprintf("textIs(b, i, end, %s)", goString(v)))
				}
			case json.Number:
				if t&numberType != 0 {
					some = append(some, fmt.Sprintf("parseDecimal(b[i:end]).compare(%s) == 0", g.decimal(v)))
				}
			case bool:
				if t&booleanType != 0 {
					some = append(some, fmt.Sprintf("b[i] == %q", strconv.FormatBool(v)[0]))
				}
			case nil:
				if t&nullType != 0 {
					some = append(some, "true")
				}
			}
		}
		add(values.keyword, "!(%s)", strings.Join(append(some, "false"), " || "))
	}
	if t&numberType != 0 {
		for _, limit := range []struct {
			keyword string
			n       json.Number
			fails   string
		}{
			{"minimum", s.minimum, "< 0"},
			{"maximum", s.maximum, "> 0"},
			{"exclusiveMinimum", s.above, "<= 0"},
			{"exclusiveMaximum", s.below, ">= 0"},
		} {
			if limit.n != "" {
				add(limit.keyword, "parseDecimal(b[i:end]).compare(%s) %s", g.decimal(limit.n), limit.fails)
			}
		}
	}
	if t&stringType != 0 {
		if s.dateTime {
			add("format", "dateTime(b, i, m) < 0")
		}
		if s.minLength > 0 {
			add("minLength", "textLength(b, i, end) < %d", s.minLength)
		}
		if s.maxLength >= 0 {
			add("maxLength", "textLength(b, i, end) > %d", s.maxLength)
		}
		if s.pattern != "" {
			add("pattern", "!matches(%s, b, i, end)", g.variable(fmt.Sprintf("regexp.MustCompile(%q)", s.pattern)))
		}
	}
	return all
}

func (g *generator) decimal(n json.Number) string {
	return g.variable(fmt.Sprintf("parseDecimal([]byte(%q))", n))
}

// why writes which rules of s a value breaks that it refuses.
func (g *generator) why(s *schema) {
	if s.never || s.alternatives() != nil || s.not != nil || s.when != nil {
		g.fail(s, "schema", "a judge can't tell why a value is refused by more than keywords about itself")
	}
	if s.types != anyType {
		broken := "true"
		for _, k := range valueKinds {
			if read := k.read; s.types&k.types != 0 {
				if k.types == numberType {
					read, _ = g.fused(s, k)
				}
				broken += fmt.Sprintf(" && %s < 0", read)
			}
		}
		g.line("if %s {\nreturn m.mistyped(b, i, depth, base, %s)\n}", strings.TrimPrefix(broken, "true && "), g.rule(rule{s: s, keyword: "type"}))
	}
	g.line("end = value(b, i, depth, base, m)")
	for _, k := range valueKinds {
		checks := g.checks(s, k.types)
		if s.types&k.types == 0 || len(checks) == 0 {
			continue
		}
		g.line("switch b[i] {\ncase %s:", k.cases)
		for _, c := range checks {
			g.line("if %s {\nm.notes.refuses(%s, i, depth)\n}", c.broken, g.rule(rule{s: s, keyword: c.keyword}))
		}
		g.line("}")
	}
	for _, c := range append([]*schema{s.ref}, s.allOf...) {
		if c != nil {
			g.line("if %s == no {", g.call(unit{s: c}, "i", "depth", "base"))
			g.why(c)
			g.line("}")
		}
	}
}

// array writes how the array at i is read.
func (g *generator) array(u unit) {
	s, d := u.s, target(u.documented)
	if s.annotation() != "" || slices.ContainsFunc(applied(s), func(c *schema) bool { return !accepts(c, arrayType) }) {
		g.fail(s, "schema", "it says more of an array than is compiled")
		return
	}
	within := d != nil && possible(d) == arrayType && len(applied(d)) == 0 && d.minItems == s.minItems && d.maxItems == s.maxItems
	items := unit{s: s.items, judges: u.judges}
	if within {
		items.documented = d.items
	}
	g.pointerOf(items, elsewhere)
	var once *schema // which says it of the rows
	if s.once {
		once = s
	} else if within && d.once {
		once = d
	}
	g.line("end := space(b, i+1)")
	counts := g.judging || s.minItems > 0 || s.maxItems >= 0
	if counts {
		g.line("items := 0")
	}
	if g.judging {
		g.line("step := &m.notes.path[depth]")
		if s.counted {
			g.line("holes := 0")
		}
		if once != nil {
			g.line("var parts repetition")
		}
	}
	g.line("if end < len(b) && b[end] == ']' {\nend++\n} else {\nfor {")
	if g.judging {
		g.line("*step = ^Token(items)")
		if s.counted {
			g.line("if end < len(b) && b[end] == 'n' {\nholes++\n}")
		}
	}
	first := g.judging && (once != nil || s.heads)
	if first {
		g.line("at := end")
	}
	g.line("if end = %s; end < 0 {\nreturn end\n}", g.call(items, "end", "depth+1", "base"))
	if first {
		g.line("if items == 0 {")
		if s.heads {
			g.line("m.head(b, at, end)")
		}
		if once != nil {
			g.line("parts.start(at, end)\n} else if end-at == parts.length {\nparts.again(b, at, items)")
		}
		g.line("}")
	}
	g.line("if end = nextItem(b, end); end < 0 {\nreturn end\n}")
	if counts {
		g.line("items++")
	}
	g.line("if b[end] == ']' {\nend++\nbreak\n}\n}\n}")
	if g.judging && s.counted {
		g.line("m.addRows(items - holes)")
	}
	if g.judging && once != nil {
		g.line("if parts.found(items) {\nm.notes.note(%s, i, depth)\n}", g.rule(rule{s: once, keyword: "x-captured-once"}))
	}
	if s.minItems > 0 {
		g.refuse(s, "minItems", "items < %d", s.minItems)
	}
	if s.maxItems >= 0 {
		g.refuse(s, "maxItems", "items > %d", s.maxItems)
	}
	if !within {
		g.beside(u.documented, "i", "depth", "base")
	}
	g.line("return end")
}

// refuse writes what is done where the value at i breaks a keyword of s.
func (g *generator) refuse(s *schema, keyword, format string, args ...any) {
	broken := fmt.Sprintf(format, args...)
	if g.judging {
		broken += fmt.Sprintf(" && m.notes.refuses(%s, i, depth)", g.rule(rule{s: s, keyword: keyword}))
	}
	g.line("if %s { // %s\nreturn no\n}", broken, keyword)
}

// choice writes how a value is read of which s says nothing but anyOf: the first
// branch that accepts it decides.
func (g *generator) choice(u unit) {
	branches := u.s.alternatives()
	if u.s.oneOf != nil && !exclusive(branches) {
		g.fail(u.s, "oneOf", "it isn't clear that no value is accepted by two of them")
		return
	}
	candidates := func(k valueKind) (all []int) {
		for i, c := range branches {
			if possible(c)&k.types != 0 {
				all = append(all, i)
			}
		}
		return all
	}
	g.line("if i >= len(b) {\nreturn unsure\n}\nswitch b[i] {")
	for i, k := range valueKinds {
		c := candidates(k)
		alike := func(other valueKind) bool { return slices.Equal(candidates(other), c) }
		if len(c) == 0 || slices.ContainsFunc(valueKinds[:i], alike) {
			continue
		}
		var cases []string
		var t types
		for _, other := range valueKinds {
			if alike(other) {
				cases, t = append(cases, other.cases), t|other.types
			}
		}
		g.line("case %s:", strings.Join(cases, ", "))
		for n, at := range c {
			last := n == len(c)-1
			switch {
			case !g.judging && last:
				g.line("return %s", g.call(unit{s: branches[at]}, "i", "depth", "base"))
			case !g.judging:
				g.line("if end := %s; end != no {\nreturn end\n}", g.call(unit{s: branches[at]}, "i", "depth", "base"))
			case last && (n == 0 || accepts(branches[at], t)):
				g.branch(u, at, fmt.Sprintf("end := %s", g.branchCall(u, at)))
				g.line("return end")
			default:
				reread := ""
				if !leaf(branches[at]) || branches[at].annotation() != "" {
					reread = fmt.Sprintf("end = %s", g.branchCall(u, at))
				}
				g.line("if end := %s; end >= 0 {", g.call(unit{s: branches[at]}, "i", "depth", "base"))
				g.branch(u, at, reread)
				g.line("return end\n}")
				if last { // none accepts it, so the first says why
					g.line("return %s", g.branchCall(u, c[0]))
				}
			}
		}
	}
	g.line("}")
	g.mistyped(u.s, "true")
}

// branchCall returns the expression that judges a value by a branch.
func (g *generator) branchCall(u unit, at int) string {
	branch := unit{s: u.s.alternatives()[at], judges: true}
	if at == 0 {
		branch.documented = u.documented
	}
	g.pointerOf(branch, g.pointers[u])
	return g.call(branch, "i", "depth", "base")
}

// branch writes what follows from taking a branch, after a line that reads the
// value by it.
func (g *generator) branch(u unit, at int, read string) {
	c, d := u.s.alternatives()[at], u.documented
	if read != "" {
		g.line("%s\nif end < 0 {\nreturn end\n}", read)
	}
	if c.dialect != nil {
		g.line("m.notes.note(%s, i, depth)", g.rule(rule{s: c, keyword: "x-dialect", breaks: c.dialect.breaks}))
	}
	switch {
	case at == 0 && read != "": // the documented schema was beside it
	case at > 0 && (c.dialect == nil || !c.dialect.breaks), at == 0 && !same(c, d):
		g.beside(d, "i", "depth", "base")
	default:
		g.annotate(d)
	}
	g.annotate(u.s)
}

// beside writes how the documented schema reads a value, apart, that was read by the
// observed one.
func (g *generator) beside(d *schema, at, depth, base string) {
	d = reduced(d)
	if !g.judging || silent(d) {
		return
	}
	condition := ""
	if leaf(d) && d.annotation() == "" {
		condition = fmt.Sprintf("if %s < 0 ", g.call(unit{s: d}, at, depth, base))
	}
	g.line("%s{\napart := m.notes.apart()", condition)
	g.line("%s\nm.notes.together(apart)\n}", g.call(unit{s: d, documented: d, judges: true}, at, depth, base))
}

// annotate writes what the annotations of s say of a value from i to end.
func (g *generator) annotate(s *schema) {
	if s == nil {
		return
	}
	note := func(keyword, condition string) {
		g.line("if %s {\nm.notes.note(%s, i, depth)\n}", condition, g.rule(rule{s: s, keyword: keyword}))
	}
	if s.placeholder != "" {
		note("x-placeholder", fmt.Sprintf("says(b, i, %s)", goString(s.placeholder)))
	}
	if s.plainText {
		note("x-plain-text", "mayEscape(b, i, end)")
	}
	if s.usualFormat != "" {
		note("x-usual-format", "mayBeOther(b, i)")
	}
	if s.publicURL {
		if g.place == elsewhere {
			g.fail(s, "x-public-url", "a judge takes this outside of arrays and maps, of all that is in the value")
		}
		note("x-public-url", "mayHoldLocalURL(b, i, end)")
	}
}

// annotation returns a keyword of s that notes are made by where the value is read,
// or "".
func (s *schema) annotation() string {
	switch {
	case s == nil:
	case s.placeholder != "":
		return "x-placeholder"
	case s.plainText:
		return "x-plain-text"
	case s.usualFormat != "":
		return "x-usual-format"
	case s.publicURL:
		return "x-public-url"
	}
	return ""
}

// silent tells whether s accepts all values, and makes no notes of them.
func silent(s *schema) bool {
	return s == nil || accepts(s, anyType) && s.annotation() == "" && !slices.ContainsFunc(applied(s), func(c *schema) bool {
		return c.dialect != nil || !silent(c)
	})
}

// reduced returns the schema that s refers to, unless s itself says more.
func reduced(s *schema) *schema {
	if s.annotation() != "" {
		return s
	}
	return target(s)
}

// goString returns s as Go.
func goString(s string) string {
	if strconv.CanBackquote(s) && strings.Contains(s, `"`) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// camel returns name as a part of an identifier: "robot_id" as RobotID.
func camel(name string) string {
	var out strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) || r > unicode.MaxASCII }) {
		if strings.EqualFold(part, "id") {
			out.WriteString("ID")
			continue
		}
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}
