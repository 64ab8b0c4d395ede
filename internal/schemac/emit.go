package schemac

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// leaf tells whether s accepts neither arrays nor objects, and applies no schema
// to a value that does. The functions of such schemas need no more than the bytes.
func leaf(s *schema) bool {
	if possible(s)&(arrayType|objectType) != 0 {
		return false
	}
	return !slices.ContainsFunc(appliedBy(s), func(c *schema) bool { return !leaf(c) })
}

// call gives the expression that reads the value at an index by s.
func (g *generator) call(s *schema, at, depth, base string) string {
	if isTrue(s) {
		return fmt.Sprintf("value(b, %s, %s, %s, m)", at, depth, base)
	}
	for s.ref != nil && bare(s) {
		s = s.ref
	}
	t := possible(s)
	if t == 0 {
		return "no"
	}
	if !applies(s) {
		if f := simple(s, t); f != "" {
			return fmt.Sprintf("%s(b, %s)", f, at)
		}
		if want, ok := onlyText(s); ok {
			return fmt.Sprintf("textConst(b, %s, %s)", at, goString(want))
		}
		if t == objectType && isRow(s) {
			return fmt.Sprintf("texts(b, %s, %s, m)", at, depth)
		}
	}
	if leaf(s) {
		return fmt.Sprintf("%s(b, %s)", g.function(s), at)
	}
	return fmt.Sprintf("%s(b, %s, %s, %s, m)", g.function(s), at, depth, base)
}

// bare tells whether s is a reference and nothing else.
func bare(s *schema) bool {
	return s.types == anyType && !asserts(s, anyType) && s.allOf == nil && s.anyOf == nil &&
		s.oneOf == nil && s.not == nil && s.when == nil
}

// simple gives the function of package scan that reads what s accepts, if there
// is one.
func simple(s *schema, t types) string {
	if s.enums != nil {
		return ""
	}
	switch t {
	case stringType:
		switch {
		case !assertsString(s):
			return "text"
		case s.maxLength < 0 && s.pattern == "" && s.dateTime && s.minLength <= len("2006-01-02T15:04:05Z"):
			return "dateTime"
		case s.maxLength < 0 && s.pattern == "" && !s.dateTime && s.minLength == 1:
			return "nonEmpty"
		}
	case integerType:
		if !assertsNumber(s) {
			return "integer"
		}
		if s.minimum == "0" && s.maximum+s.above+s.below+s.multipleOf == "" {
			return "natural"
		}
	case numberType:
		if !assertsNumber(s) {
			return "number"
		}
	case booleanType:
		return "boolean"
	case nullType:
		return "null"
	}
	return ""
}

// onlyText gives the one string that s accepts, if it needs no escapes.
func onlyText(s *schema) (want string, ok bool) {
	if len(s.enums) != 1 || len(s.enums[0]) != 1 || assertsString(s) {
		return "", false
	}
	want, ok = s.enums[0][0].(string)
	return want, ok && needsNoEscape(want)
}

func needsNoEscape(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == unicode.ReplacementChar })
}

// isRow tells whether s accepts just the objects whose values are all strings.
func isRow(s *schema) bool {
	return s.properties == nil && s.required == nil && s.patterns == nil && isTrue(s.names) && s.enums == nil &&
		s.minProperties <= 0 && s.maxProperties < 0 && s.dependentRequired == nil && s.dependentSchemas == nil &&
		s.additional != nil && !applies(s.additional) && simple(s.additional, possible(s.additional)) == "text"
}

// body writes the function of s, whose parameters are written already.
func (g *generator) body(s *schema) {
	t := possible(s)
	if !leaf(s) && recursive(s) {
		g.line("if m.visit(b) {\nreturn unsure\n}")
	}
	parts := []struct {
		t     types
		cases string
		isNot string
	}{
		{objectType, "case '{':", "b[i] != '{'"},
		{arrayType, "case '[':", "b[i] != '['"},
		{stringType, `case '"':`, `b[i] != '"'`},
		{numberType, "case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':", ""},
		{booleanType, "case 't', 'f':", ""},
		{nullType, "case 'n':", ""},
	}
	n := 0
	for _, p := range parts {
		if t&p.t != 0 {
			n++
		}
	}
	if n == 1 && (t&(objectType|arrayType) != 0 || !applies(s)) {
		for _, p := range parts {
			if t&p.t == 0 {
				continue
			}
			if p.t&(objectType|arrayType) != 0 {
				g.line("if i >= len(b) || %s {\nreturn no\n}", p.isNot)
			}
			g.part(s, p.t)
		}
		return
	}
	g.line("if i >= len(b) {\nreturn unsure\n}")
	g.line("switch b[i] {")
	for _, p := range parts {
		if t&p.t == 0 {
			continue
		}
		g.line("%s", p.cases)
		g.part(s, p.t)
	}
	g.line("}")
	g.line("return no")
}

// part writes how s reads values of one type, and returns.
func (g *generator) part(s *schema, t types) {
	if t == objectType {
		g.object(s)
		return
	}
	c := applied(s, t, func(c *schema, _ bool) *cond {
		switch {
		case possible(c)&t == 0:
			return or()
		case accepts(c, t, nil):
			return and()
		}
		return &cond{op: isCall, schema: c}
	})
	own := asserts(s, t) || t&^s.types != 0
	if !own && g.forward(c) {
		return
	}
	switch t {
	case stringType:
		g.text(s)
	case numberType:
		g.number(s)
	case arrayType:
		c = and(c, g.array(s))
	case booleanType:
		g.line("end := boolean(b, i)\nif end < 0 {\nreturn end\n}")
		for _, values := range s.enums {
			if !slices.Contains(values, any(true)) {
				g.line("if b[i] == 't' {\nreturn no\n}")
			}
			if !slices.Contains(values, any(false)) {
				g.line("if b[i] == 'f' {\nreturn no\n}")
			}
		}
	case nullType:
		g.line("end := null(b, i)\nif end < 0 {\nreturn end\n}")
	}
	g.check(c, nil, "i")
	g.line("return end")
}

// forward writes how the value is read by the schemas of c alone, if it can be
// left to them.
func (g *generator) forward(c *cond) bool {
	switch {
	case c.op == isCall:
		g.line("return %s", g.call(c.schema, "i", "depth", "base"))
		return true
	case c.op == isOr && !slices.ContainsFunc(c.of, func(c *cond) bool { return c.op != isCall }) && len(c.of) > 0:
		for i, c := range c.of {
			g.doubt(c.schema)
			call := g.call(c.schema, "i", "depth", "base")
			if i == 0 {
				g.line("r := %s", call)
			} else {
				g.line("if r == no {\nr = %s\n}", call)
			}
		}
		g.line("return r")
		return true
	case c.op == isAnd && len(c.of) > 0 && c.of[0].op == isCall && !sees(c):
		g.line("end := %s\nif end < 0 {\nreturn end\n}", g.call(c.of[0].schema, "i", "depth", "base"))
		g.check(and(c.of[1:]...), nil, "i")
		g.line("return end")
		return true
	}
	return false
}

// sees tells whether c is about members.
func sees(c *cond) (yes bool) {
	c.walk(func(c *cond) { yes = yes || c.op == isSeen || c.op == isAtLeast })
	return yes
}

func (g *generator) text(s *schema) {
	safe := func(values []any) (all []string, ok bool) {
		for _, v := range values {
			if text, ok := v.(string); ok {
				if !needsNoEscape(text) {
					return nil, false
				}
				all = append(all, goString(text))
			}
		}
		return all, len(all) > 0
	}
	read := "text(b, i)"
	enums := s.enums
	minLength := s.minLength
	if len(enums) > 0 {
		if all, ok := safe(enums[0]); ok {
			read = fmt.Sprintf("textEnum(b, i, %s)", g.variable("[]string{"+strings.Join(all, ", ")+"}"))
			enums = enums[1:]
		}
	}
	if read == "text(b, i)" && s.dateTime {
		read = "dateTime(b, i)"
	} else if read == "text(b, i)" && minLength == 1 {
		read = "nonEmpty(b, i)"
		minLength = 0
	}
	g.line("end := %s\nif end < 0 {\nreturn end\n}", read)
	if s.dateTime && read != "dateTime(b, i)" {
		g.line("if r := dateTime(b, i); r < 0 {\nreturn r\n}")
	}
	for _, values := range enums {
		g.line("// enum or const")
		g.line("switch {")
		for _, v := range values {
			if text, ok := v.(string); ok {
				g.line("case textIs(b, i, end, %s):", goString(text))
			}
		}
		g.line("default:\nreturn no\n}")
	}
	if minLength > 0 || s.maxLength >= 0 {
		g.line("n := textLength(b, i, end)")
		if minLength > 0 {
			g.line("if n < %d { // minLength\nreturn no\n}", minLength)
		}
		if s.maxLength >= 0 {
			g.line("if n > %d { // maxLength\nreturn no\n}", s.maxLength)
		}
	}
	if s.pattern != "" {
		g.line("// pattern\nif r := matches(%s, b, i, end); r < 0 {\nreturn r\n}", g.pattern(s.pattern))
	}
}

func (g *generator) number(s *schema) {
	read := "number(b, i)"
	if s.types&fractionType == 0 {
		read = "integer(b, i)"
	}
	g.line("end := %s\nif end < 0 {\nreturn end\n}", read)
	if s.types&integerType == 0 {
		panic("no schema has fractions only")
	}
	if !assertsNumber(s) && s.enums == nil {
		return
	}
	g.line("d := parseDecimal(b[i:end])")
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
			g.line("if d.compare(%s) %s { // %s: %s\nreturn no\n}", g.decimal(limit.n), limit.fails, limit.keyword, limit.n)
		}
	}
	if s.multipleOf != "" {
		unit, power, ok := unitOf(s.multipleOf)
		if !ok {
			g.fail(s, "multipleOf", "more digits than the compiler computes with")
			return
		}
		g.line("if !d.isMultiple(%d, %d) { // multipleOf: %s\nreturn no\n}", unit, power, s.multipleOf)
	}
	for _, values := range s.enums {
		g.line("// enum or const")
		g.line("switch {")
		for _, v := range values {
			if n, ok := v.(json.Number); ok {
				g.line("case d.compare(%s) == 0: // %s", g.decimal(n), n)
			}
		}
		g.line("default:\nreturn no\n}")
	}
}

// unitOf gives n as unit × 10^power.
func unitOf(n json.Number) (unit uint64, power int, ok bool) {
	r := rational(n)
	ten := big.NewRat(10, 1)
	for ; !r.IsInt(); power-- {
		if power < -400 {
			return 0, 0, false
		}
		r.Mul(r, ten)
	}
	for r.Sign() > 0 && power < 400 {
		q := new(big.Rat).Quo(r, ten)
		if !q.IsInt() {
			break
		}
		r, power = q, power+1
	}
	return r.Num().Uint64(), power, r.Sign() > 0 && r.Num().IsUint64()
}

// array writes how an array is read, and gives what else has to hold.
func (g *generator) array(s *schema) *cond {
	g.line("if depth >= maxDepth {\nreturn unsure\n}")
	index := s.prefix != nil || s.minItems > 0 || s.maxItems >= 0 || s.unique || s.counted
	base := "base"
	if s.unique {
		base = "top"
		g.line("top := base // items are remembered as names are, by their hashes")
	}
	g.line("end := space(b, i+1)")
	if index {
		g.line("items := 0")
	}
	if s.contains != nil {
		g.line("contained := 0")
		g.doubt(s.contains)
	}
	g.line("if end < len(b) && b[end] == ']' {\nend++\n} else {")
	g.line("for {")
	if s.unique {
		g.line("at := end")
	}
	if s.contains != nil {
		g.line("// contains\nif r := %s; r >= 0 {\ncontained++\n} else if r < no {\nreturn r\n}", g.call(s.contains, "end", "depth+1", base))
	}
	if s.prefix != nil {
		g.line("switch items {")
		for i, c := range s.prefix {
			g.line("case %d:\nend = %s", i, g.call(c, "end", "depth+1", base))
		}
		g.line("default:\nend = %s\n}", g.call(s.items, "end", "depth+1", base))
	} else {
		g.line("end = %s", g.call(s.items, "end", "depth+1", base))
	}
	g.line("if end < 0 {\nreturn end\n}")
	if s.unique {
		g.line("// uniqueItems\nif top = m.remember(base, items, hashValue(b, at)); top < 0 {\nreturn top\n}")
	}
	g.line("if end = nextItem(b, end); end < 0 {\nreturn end\n}")
	if index {
		g.line("items++")
	}
	g.line("if b[end] == ']' {\nend++\nbreak\n}")
	g.line("}\n}")
	if s.counted {
		g.line("m.rows += items")
	}
	if s.minItems > 0 {
		g.line("if items < %d { // minItems\nreturn no\n}", s.minItems)
	}
	if s.maxItems >= 0 {
		g.line("if items > %d { // maxItems\nreturn no\n}", s.maxItems)
	}
	if s.contains != nil {
		if s.minContains > 0 {
			g.line("if contained < %d { // contains, minContains\nreturn no\n}", s.minContains)
		}
		if s.maxContains >= 0 {
			g.line("if contained > %d { // maxContains\nreturn no\n}", s.maxContains)
		}
		if s.minContains <= 0 && s.maxContains < 0 {
			g.line("_ = contained")
		}
	}
	all := []*cond{}
	for _, values := range s.enums {
		some := []*cond{}
		for _, v := range values {
			if typeOf(v) == arrayType {
				some = append(some, &cond{op: isCall, schema: g.constant(s, v)})
			}
		}
		all = append(all, or(some...))
	}
	return and(all...)
}

// check writes that no is returned unless c holds. Values that schemas are
// called for start at start.
func (g *generator) check(c *cond, p *plan, start string) {
	conds := []*cond{c}
	if c.op == isAnd {
		conds = c.of
	}
	var required []string
	for _, c := range conds {
		if c.op == isSeen && len(p.bits) <= 64 {
			required = append(required, c.bit.ident)
		}
	}
	if len(conds) > 0 {
		g.line("\n// What has to hold of the value as a whole.")
	}
	if len(required) > 0 {
		g.line("const required = %s\nif seen&required != required {\nreturn no\n}", strings.Join(required, " | "))
	}
	for _, c := range conds {
		if c.op == isSeen && len(p.bits) <= 64 {
			continue
		}
		if x := g.eval(not(c), p, start); x != "false" {
			g.line("if %s {\nreturn no\n}", x)
		}
	}
}

// eval writes what it takes to evaluate c, and gives the expression that then
// tells whether it holds.
func (g *generator) eval(c *cond, p *plan, start string) string {
	if !c.calls() {
		return g.expression(c, p)
	}
	fresh := func(prefix string) string {
		g.variables++
		return fmt.Sprintf("%s%d", prefix, g.variables)
	}
	switch c.op {
	case isCall:
		r := fresh("r")
		g.doubt(c.schema)
		g.line("%s := %s\nif %s < no {\nreturn %s\n}", r, g.call(c.schema, start, "depth", "base"), r, r)
		return r + " >= 0"
	case isNot:
		x := g.eval(c.of[0], p, start)
		if r, ok := strings.CutSuffix(x, " >= 0"); ok && !strings.Contains(r, " ") {
			return r + " < 0"
		}
		return "!(" + x + ")"
	case isAnd, isOr:
		ok, more := fresh("ok"), "%s"
		if c.op == isOr {
			more = "!%s"
		}
		for i, part := range c.of {
			if i == 0 {
				g.line("%s := %s", ok, g.eval(part, p, start))
				continue
			}
			g.line("if "+more+" {", ok)
			g.line("%s = %s\n}", ok, g.eval(part, p, start))
		}
		return ok
	case isOne:
		n := fresh("n")
		g.line("%s := 0", n)
		for _, part := range c.of {
			g.line("if %s {\n%s++\n}", g.eval(part, p, start), n)
		}
		return n + " == 1"
	default: // isIf
		ok := fresh("ok")
		g.line("%s := false", ok)
		g.line("if %s {", g.eval(c.of[0], p, start))
		g.line("%s = %s", ok, g.eval(c.of[1], p, start))
		g.line("} else {")
		g.line("%s = %s\n}", ok, g.eval(c.of[2], p, start))
		return ok
	}
}

// expression gives c, which calls no schema, as Go.
func (g *generator) expression(c *cond, p *plan) string {
	list := func(operator string) string {
		var all []string
		for _, c := range c.of {
			x := g.expression(c, p)
			if c.op == isAnd || c.op == isOr {
				x = "(" + x + ")"
			}
			all = append(all, x)
		}
		return strings.Join(all, operator)
	}
	switch c.op {
	case isAnd:
		if len(c.of) == 0 {
			return "true"
		}
		return list(" && ")
	case isOr:
		if len(c.of) == 0 {
			return "false"
		}
		return list(" || ")
	case isNot:
		switch of := c.of[0]; of.op {
		case isSeen:
			return fmt.Sprintf("%s&%s == 0", p.word(of.bit.index), of.bit.ident)
		case isAtLeast:
			return fmt.Sprintf("members < %d", of.count)
		default:
			return "!(" + g.expression(of, p) + ")"
		}
	case isSeen:
		return fmt.Sprintf("%s&%s != 0", p.word(c.bit.index), c.bit.ident)
	case isAtLeast:
		return fmt.Sprintf("members >= %d", c.count)
	case isOne:
		var all []string
		for _, c := range c.of {
			all = append(all, g.expression(c, p))
		}
		return "exactlyOne(" + strings.Join(all, ", ") + ")"
	default: // isIf
		is := g.expression(c.of[0], p)
		return fmt.Sprintf("(%s) && (%s) || !(%s) && (%s)", is, g.expression(c.of[1], p), is, g.expression(c.of[2], p))
	}
}

// quotedName gives a name as it mostly stands in JSON, with the colon behind it.
func quotedName(name string) (string, bool) { return `"` + name + `":`, needsNoEscape(name) }

// matchBytes gives the expression that tells whether want is at i. Up to 16
// bytes are compared without a call.
func matchBytes(want string) string {
	conds := []string{fmt.Sprintf("len(b)-i >= %d", len(want))}
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

func goString(s string) string {
	if strconv.CanBackquote(s) && strings.Contains(s, `"`) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// camel gives name as a part of an identifier: "robot_id" as RobotID.
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
