package judgetest

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Mutate returns another payload: changed in its structure, with parts of others
// at times, then written in some style, and at times with bytes changed. The same
// r returns the same payload.
func Mutate(r *rand.Rand, payload []byte, others ...[]byte) []byte {
	return mutator{r}.mutate(payload, others)
}

// A node is a value of JSON as it is written: text of a scalar, or the items or
// members of an array or object, whose names are written in names.
type node struct {
	kind  byte // '{', '[' or 0
	text  string
	names []string
	of    []*node
}

func scalar(text string) *node { return &node{text: text} }

// parse reads payload, or returns nil if it isn't JSON.
func parse(payload []byte) *node {
	d := jsontext.NewDecoder(bytes.NewReader(payload), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	n, err := parseFrom(d)
	if err != nil {
		return nil
	}
	return n
}

func parseFrom(d *jsontext.Decoder) (*node, error) {
	kind := d.PeekKind()
	if kind != '{' && kind != '[' {
		raw, err := d.ReadValue()
		return scalar(string(raw)), err
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	n := &node{kind: byte(kind)}
	for d.PeekKind() != kind+2 {
		if kind == '{' {
			name, err := d.ReadValue()
			if err != nil {
				return nil, err
			}
			n.names = append(n.names, string(name))
		}
		child, err := parseFrom(d)
		if err != nil {
			return nil, err
		}
		n.of = append(n.of, child)
	}
	_, err := d.ReadToken()
	return n, err
}

// walk visits n and all below it.
func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, child := range n.of {
		child.walk(visit)
	}
}

// A mutator changes payloads at random.
type mutator struct{ *rand.Rand }

func (m mutator) one(of ...string) string { return of[m.IntN(len(of))] }

func (m mutator) chance(percent int) bool { return m.IntN(100) < percent }

func (m mutator) mutate(payload []byte, others [][]byte) []byte {
	root := parse(payload)
	if root != nil {
		var other *node
		if len(others) > 0 && m.chance(30) {
			other = parse(others[m.IntN(len(others))])
		}
		if other != nil {
			m.graft(root, other)
		}
		for range m.IntN(4) {
			m.change(root)
		}
		var out bytes.Buffer
		w := writer{mutator: m, out: &out, spaces: m.IntN(4), escapes: m.one("", "", "some", "all", "ascii")}
		w.write(root, 0)
		payload = out.Bytes()
	}
	if m.chance(12) {
		payload = m.bytes(payload)
	}
	return payload
}

// kinds returns the values below root by their kinds.
func kinds(root *node) (objects, arrays, scalars []*node) {
	root.walk(func(n *node) {
		switch n.kind {
		case '{':
			objects = append(objects, n)
		case '[':
			arrays = append(arrays, n)
		default:
			scalars = append(scalars, n)
		}
	})
	return objects, arrays, scalars
}

// graft takes a member of other over, to where root has one of its name, or else
// to any object.
func (m mutator) graft(root, other *node) {
	from, _, _ := kinds(other)
	to, _, _ := kinds(root)
	if len(from) == 0 || len(to) == 0 {
		return
	}
	taken := from[m.IntN(len(from))]
	if len(taken.names) == 0 {
		return
	}
	i := m.IntN(len(taken.names))
	for _, o := range to {
		if j := slices.Index(o.names, taken.names[i]); j >= 0 {
			o.of[j] = taken.of[i]
			return
		}
	}
	to[m.IntN(len(to))].add(taken.names[i], taken.of[i])
}

// change changes one thing below root.
func (m mutator) change(root *node) {
	objects, arrays, scalars := kinds(root)
	pick := func(nodes []*node) *node {
		if len(nodes) == 0 {
			return root
		}
		return nodes[m.IntN(len(nodes))]
	}
	o, a, s := pick(objects), pick(arrays), pick(scalars)
	switch m.IntN(20) {
	case 0, 1: // another order
		m.Shuffle(len(o.names), func(i, j int) {
			o.names[i], o.names[j] = o.names[j], o.names[i]
			o.of[i], o.of[j] = o.of[j], o.of[i]
		})
	case 2: // a member twice, perhaps under a name that looks different
		if len(o.names) > 0 {
			i := m.IntN(len(o.names))
			o.add(m.respell(o.names[i]), o.of[i])
		}
	case 3: // a member less
		if len(o.names) > 0 {
			i := m.IntN(len(o.names))
			o.names = append(o.names[:i:i], o.names[i+1:]...)
			o.of = append(o.of[:i:i], o.of[i+1:]...)
		}
	case 4: // another name
		if len(o.names) > 0 {
			o.names[m.IntN(len(o.names))] = m.name()
		}
	case 5, 6: // members that no schema names
		if o.kind == '{' {
			n := 1 + m.IntN(3)
			if m.chance(5) {
				n = m.IntN(300)
			}
			for range n {
				o.add(m.name(), m.value(3))
			}
		}
	case 7, 8: // another value
		*s = *m.value(1)
	case 9: // any value anywhere
		*pick([]*node{o, a, s}) = *m.value(3)
	case 10: // more rows, like the others or not
		if a.kind == '[' {
			for range m.IntN(5) {
				a.of = append(a.of, m.row(a))
			}
		}
	case 11: // many cells, or many lists
		if o.kind == '{' && len(o.of) > 0 {
			most := 10
			if m.chance(10) {
				most = 100
			}
			for range m.IntN(most) {
				o.add(m.name(), o.of[m.IntN(len(o.of))])
			}
		}
	case 12: // many levels
		if o.kind == '{' {
			n := m.IntN(20)
			if m.chance(5) {
				n = 980 + m.IntN(40)
			}
			deep := m.value(0)
			for range n {
				if m.chance(50) {
					deep = &node{kind: '[', of: []*node{deep}}
				} else {
					deep = &node{kind: '{', names: []string{m.name()}, of: []*node{deep}}
				}
			}
			o.add(m.name(), deep)
		}
	case 13: // a string of another kind
		if strings.HasPrefix(s.text, `"`) {
			s.text = m.text()
		}
	case 14: // two values for each other
		n := pick([]*node{o, a, pick(scalars)})
		inside := false
		n.walk(func(below *node) { inside = inside || below == s })
		if !inside {
			*s, *n = *n, *s
		}
	case 15: // nothing in a cell, or in the place of anything
		*pick([]*node{s, s, pick(o.of), pick(a.of)}) = *scalar("null")
	case 16, 17: // a name in another case, or with a typing error
		if len(o.names) > 0 {
			i := m.IntN(len(o.names))
			o.names[i] = m.recase(o.names[i])
		}
	case 18: // a number that is another one, or text, or a text that is a number
		text, err := strconv.Unquote(s.text)
		switch _, notNumber := strconv.ParseFloat(s.text, 64); {
		case notNumber == nil:
			*s = *scalar(m.one(strconv.Itoa(m.IntN(5)), strconv.Quote(s.text), "-"+s.text, s.text+".0", s.text+"e0", s.text+".5"))
		case err == nil && text != "":
			*s = *scalar(m.one("7", strconv.Quote(strings.ToUpper(text)), strconv.Quote(text+" "), `"\u001b[31m"`, "true"))
		}
	case 19: // an item less, or twice
		if a.kind == '[' && len(a.of) > 0 {
			i := m.IntN(len(a.of))
			if m.chance(50) {
				a.of = append(a.of[:i:i], a.of[i+1:]...)
			} else {
				a.of = append(a.of, a.of[i])
			}
		}
	}
}

// recase writes a name in camel case, in snake case, or otherwise.
func (m mutator) recase(name string) string {
	text, err := strconv.Unquote(name)
	if err != nil || text == "" {
		return name
	}
	switch i := m.IntN(len(text)); m.IntN(5) {
	case 0:
		first, rest, _ := strings.Cut(text, "_")
		for word := range strings.SplitSeq(rest, "_") {
			first += strings.ToUpper(word[:min(1, len(word))]) + word[min(1, len(word)):]
		}
		text = first
	case 1:
		text = upper.ReplaceAllStringFunc(text, func(c string) string { return "_" + strings.ToLower(c) })
	case 2:
		text = strings.ToUpper(text[:1]) + text[1:]
	case 3:
		text = text[:i] + text[i+1:]
	case 4:
		text = text[:i] + "x" + text[i:]
	}
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return name
	}
	return string(quoted)
}

var upper = regexp.MustCompile("[A-Z]")

func (n *node) add(name string, value *node) {
	n.names = append(n.names, name)
	n.of = append(n.of, value)
}

// row returns a row like one of a's, or another one.
func (m mutator) row(a *node) *node {
	row := &node{kind: '{'}
	if len(a.of) > 0 && a.of[0].kind == '{' && m.chance(80) {
		like := a.of[m.IntN(len(a.of))]
		for _, name := range like.names {
			if m.chance(3) {
				continue
			}
			row.add(name, scalar(m.text()))
		}
		if m.chance(10) {
			row.add(m.name(), scalar(m.text()))
		}
		return row
	}
	for range m.IntN(45) {
		row.add(m.name(), scalar(m.text()))
	}
	return row
}

func (m mutator) name() string {
	if m.chance(15) {
		return m.one(`"event_type"`, `"data"`, `"status"`, `"error"`, `"extracted_data"`, `"robotId"`, `"run_id"`, `"metadata"`, `"message"`, `"list_items"`, `"schema_items"`, `"webhook_id"`, `"finishedAt"`)
	}
	if m.chance(10) {
		return m.text()
	}
	return strconv.Quote(m.one("col", "Größe", "名前", "a", "", "a rather long name of a column ") + strconv.Itoa(m.IntN(100_000)))
}

func (m mutator) text() string {
	switch m.IntN(12) {
	case 0:
		return m.one(`"2025-05-29T15:53:15.595Z"`, `"2025-02-29T15:53:15Z"`, `"2024-02-29t23:59:60z"`, `"2025-05-29T15:53:15+02:00"`,
			`"2025-05-29T22:59:60-01:00"`, `"2025-05-29 15:53:15Z"`, `"6/25/2026, 3:53:15 PM"`, `"2025-05-29T+5:53:15Z"`, `"2025-05-29T15:53:15.Z"`,
			`"2025-05-31T24:00:00.000Z"`, `"2025-05-29T-0:-0:-0Z"`, `"2025-12-31T15:60:00.000Z"`, `"2025-00-10T15:00:00.000Z"`, `"2025-05-29T15:53:15.595z"`)
	case 1:
		return m.one(`"success"`, `"failed"`, `"test"`, `"run_completed"`, `"run_failed"`, `"webhook_test"`, `""`)
	case 2:
		return m.one(`"\ud83d\ude00"`, `"\ud83d"`, `"\ude00 x"`, `"a\/b\\c\"d\b\f\n\r\t"`, `"\u0000"`, `"\u00FF\uD7ff\ue000"`, `"\x"`, `"\v"`, `"\uD83D\uDB00"`, `"\uDBFF\uDFFF"`, `"\uDC00\uD800"`, `"\u12G4"`, `"\u12`)
	case 3:
		return `"` + strings.Repeat(m.one("漢", "é", "😀", "ab", "한", "ࠀ", "\u07ff", "\U0010ffff", "\uD7FF"), m.IntN(20)) + m.one("", "", "", "", "", "", "x", "x", "x", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x01") + `"`
	}
	return `"` + strings.Repeat(m.one("x", "plain text ", "a b", "0"), m.IntN(6)) + strconv.Itoa(m.IntN(1000)) + `"`
}

// value returns a value of so many levels at most.
func (m mutator) value(levels int) *node {
	if levels > 0 && m.chance(40) {
		n := &node{kind: m.one("{", "[")[0]}
		for range m.IntN(6) {
			if n.kind == '{' {
				n.names = append(n.names, m.name())
			}
			n.of = append(n.of, m.value(levels-1))
		}
		return n
	}
	switch m.IntN(4) {
	case 0:
		return scalar(m.one("null", "true", "false"))
	case 1:
		return scalar(m.one("0", "-0", "5", "5.0", "1e2", "100e-2", "1.5", "-1", "15e-1", "1E+2", "0.0", "0e99999999999999999999", "-0.0e5", "1e400",
			"123456789012345678901234567890", "1e-1", "-1e-400", "12.50e1", "12.5e0", "01", "1.", ".5", "+1", "1e", "-", "0x1", "NaN"))
	}
	return scalar(m.text())
}

// respell writes a string with other escapes.
func (m mutator) respell(text string) string {
	if !m.chance(50) {
		return text
	}
	var out bytes.Buffer
	w := writer{mutator: m, out: &out, escapes: m.one("some", "all")}
	w.string(text)
	return out.String()
}

// bytes changes bytes.
func (m mutator) bytes(payload []byte) []byte {
	payload = bytes.Clone(payload)
	if len(payload) == 0 {
		return payload
	}
	i, j := m.IntN(len(payload)), m.IntN(len(payload))
	switch m.IntN(6) {
	case 0:
		return payload[:i]
	case 1:
		payload[i] = byte(m.IntN(256))
	case 2:
		payload[i] ^= 1 << m.IntN(8)
	case 3:
		return append(payload[:i:i], payload[min(i+1+m.IntN(3), len(payload)):]...)
	case 4:
		return append(payload[:i:i], payload[j:]...)
	case 5:
		return append(append(payload[:i:i], m.one(" ", "\t", "\n", `"`, `\`, ",", "}", "]", "{", "[", "\x00", "\x7f", "\x80", "\xef\xbb\xbf", "\v", "0", "e")...), payload[i:]...)
	}
	return payload
}

// A writer writes nodes.
type writer struct {
	mutator
	out     *bytes.Buffer
	spaces  int    // 0 and 1 none, 2 pretty-printed, 3 anywhere
	escapes string // which characters: none, some, all, or those beyond ASCII
}

func (w writer) space(level int) {
	switch {
	case w.spaces == 2 && level >= 0:
		w.out.WriteString("\n" + strings.Repeat("  ", min(level, 40)))
	case w.spaces == 2:
		w.out.WriteByte(' ')
	case w.spaces == 3 && w.chance(30):
		w.out.WriteString(w.one(" ", "\n", "\r\n", "\t", "   ", "          \n"))
	}
}

func (w writer) write(n *node, level int) {
	if n.kind == 0 {
		w.string(n.text)
		return
	}
	w.out.WriteByte(n.kind)
	for i, child := range n.of {
		if i > 0 {
			w.out.WriteByte(',')
		}
		w.space(level + 1)
		if n.kind == '{' {
			w.string(n.names[i])
			if w.spaces == 3 {
				w.space(-1)
			}
			w.out.WriteByte(':')
			w.space(-1)
		}
		w.write(child, level+1)
	}
	if len(n.of) > 0 {
		w.space(level)
	}
	w.out.WriteByte(n.kind + 2)
}

func (w writer) string(text string) {
	if w.escapes == "" || !strings.HasPrefix(text, `"`) || strings.Contains(text, `\`) || !utf8.ValidString(text) || len(text) < 2 {
		w.out.WriteString(text)
		return
	}
	w.out.WriteByte('"')
	for _, r := range text[1 : len(text)-1] {
		switch {
		case w.escapes == "ascii" && r < utf8.RuneSelf, w.escapes == "some" && !w.chance(5):
			w.out.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			w.escape("0123456789abcdef", 0xD800+r>>10)
			w.escape("0123456789ABCDEF", 0xDC00+r&0x3FF)
		default:
			w.escape(w.one("0123456789abcdef", "0123456789ABCDEF"), r)
		}
	}
	w.out.WriteByte('"')
}

func (w writer) escape(digits string, r rune) {
	w.out.Write([]byte{'\\', 'u', digits[r>>12], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
}
