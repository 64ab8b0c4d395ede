package conformance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/validate"
)

// keywordCodes are the codes of broken rules. A keyword without one has the code
// schema.keyword.
var keywordCodes = map[string]Code{
	"type":           "schema.type",
	"enum":           "schema.enum",
	"const":          "schema.const",
	"format":         "schema.format",
	"minimum":        "schema.minimum",
	"minLength":      "schema.min-length",
	"required":       "schema.required",
	"properties":     "contract.unknown-member",
	"x-counts":       "data.count-mismatch",
	"x-sums":         "data.count-mismatch",
	"x-not-before":   "data.time-order",
	"x-plain-text":   "data.ansi-escape",
	"x-placeholder":  "data.placeholder",
	"x-usual-format": "contract.opaque-id",
	"x-usual":        "dialect.member-absent",

	"x-holds":         "data.empty-success",
	"x-captured-once": "data.repeated-rows",
	"x-public-url":    "data.unreachable-url",
	"x-no-nul":        "data.nul",
	"x-safe-integers": "data.unsafe-integer",
}

// A wording is what the findings of one rule have in common.
type wording struct {
	Finding                         // code, severity and hint; pointer and message where they are always the same
	before, after string            // of the message, else: what stands around what is read from the payload
	ofMember      bool              // it is about a member, there or missing
	object        *object           // the one that has the member, if its place is fixed
	texts         []known           // of an enum
	member        known             // the name of the member
	toReceiver    string            // the hint, if the report is for one
	near          uint64            // a bit for each undocumented member of object that is like it
	format        func(string) bool // that is usual
	any           []string          // members of which one should hold something
}

// hint returns the one for whoever reads the report.
func (t *wording) hint(as Role) string {
	if as == Receiver {
		return t.toReceiver
	}
	return t.Hint
}

// wordings are those of all rules that findings were about.
var wordings atomic.Pointer[map[*validate.Rule]*wording]

func wordingOf(r *validate.Rule) *wording {
	var known map[*validate.Rule]*wording
	last := wordings.Load()
	if last != nil {
		known = *last
	}
	t := known[r]
	if t == nil {
		t = newWording(r)
		more := map[*validate.Rule]*wording{r: t}
		maps.Copy(more, known)
		wordings.CompareAndSwap(last, &more) // whoever comes too late prepares it again
	}
	return t
}

// newWording prepares the words for a rule. It is the place that decides what is said of
// a keyword: with [writer.word], which fills in what hangs on the payload.
func newWording(r *validate.Rule) *wording {
	t := &wording{object: objects()[r.Object]}
	code, severity := keywordCodes[r.Keyword], Severity("")
	broken := cmp.Or(expectation(r), "expected what the keyword "+r.Keyword+" asks for") + ", found "
	switch r.Keyword {
	case "not":
		if r.Member != "" {
			code = "schema.not-allowed"
			t.before = quote(r.Member) + " is not allowed here: status is "
			break
		}
		t.before = broken
	case "required":
		t.Message = "the member " + quote(r.Member) + " is missing"
	case "x-usual":
		severity = SeverityInfo
		t.Message = strings.ReplaceAll(registry[code].message, "{missing}", quote(r.Member))
	case "x-dialect":
		var d struct {
			Code      Code     `json:"code"`
			Severity  Severity `json:"severity"`
			Member    string   `json:"member"`
			InsteadOf string   `json:"instead-of"`
			Missing   string   `json:"missing"`
			Receiver  string   `json:"receiver"`
		}
		_ = json.Unmarshal([]byte(r.Value), &d) // generated
		code, severity = d.Code, cmp.Or(d.Severity, SeverityError)
		message := strings.NewReplacer(
			"{member}", quote(d.Member),
			"{documented}", quote(d.InsteadOf),
			"{missing}", quote(d.Missing),
		).Replace(cmp.Or(registry[code].message, broken+"{value}"))
		var open bool
		if t.before, t.after, open = strings.Cut(message, "{value}"); !open {
			t.Message = message
		}
		t.toReceiver = d.Receiver
		if d.InsteadOf != "" && t.object != nil {
			t.Hint = t.object.spelling([]byte(d.Member), []byte(d.InsteadOf), Sender)
			t.toReceiver = "read it from " + t.object.pointer + "/" + jsonpointer.Escape(d.Member) + "; pkg/event's Event has it whatever its name"
		}
	case "properties":
		t.before, t.after = "the contract doesn't name a member ", " here"
	case "x-counts":
		t.before, t.after = " is ", ", but "+text(r.Value)+" holds "
	case "x-sums":
		t.before, t.after = " is ", ", but "+strings.Join(texts(r.Value), " and ")+" add up to "
	case "x-not-before":
		t.before, t.after = " is ", ", before "+text(r.Value)+", which is "
	case "x-plain-text":
		t.before = "the text holds the escape sequences of a terminal, such as "
	case "x-placeholder":
		t.after = " is what servers send when they don't know the value"
	case "x-usual-format":
		t.format = usualFormats[text(r.Value)]
		t.after = " is not a " + strings.ToUpper(text(r.Value))
	case "x-holds":
		var h struct {
			When map[string]string `json:"when"`
			Any  []string          `json:"any"`
		}
		_ = json.Unmarshal([]byte(r.Value), &h) // generated
		t.any = h.Any
		t.after = r.Member + " is " + quote(h.When[r.Member]) + ", but the event holds nothing that was extracted"
	case "x-captured-once":
		t.after = " start again, and other rows follow them"
	case "x-no-nul":
		t.after = " holds U+0000"
	case "x-safe-integers":
		t.after = " is beyond ±(2^53-1): not every JSON parser keeps it exactly"
	case "enum":
		for _, text := range texts(r.Value) {
			t.texts = append(t.texts, newKnown(text))
		}
		fallthrough
	default:
		t.before = broken
	}
	rule, ok := registry[code]
	if !ok { // of a rule that nobody has foreseen
		rule = registry["schema.keyword"]
		severity = rule.Severity
	}
	t.Code, t.Severity, t.Hint = rule.Code, cmp.Or(severity, rule.Severity), cmp.Or(t.Hint, rule.Hint)
	t.toReceiver = cmp.Or(t.toReceiver, rule.ReceiverHint)
	switch r.Keyword {
	case "required", "not", "x-usual", "x-dialect", "x-holds":
		t.ofMember = r.Member != ""
	}
	if t.member = newKnown(r.Member); t.object != nil && t.ofMember {
		t.Pointer = t.object.pointer + "/" + jsonpointer.Escape(r.Member)
		t.near = t.object.like(t.member, false)
	}
	return t
}

// usualFormats are those of x-usual-format, as jsonschema/v5 has them.
var usualFormats = map[string]func(text string) bool{"uuid": isUUID}

func isUUID(text string) bool {
	for i := range len(text) {
		switch c := text[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return false
			}
		}
	}
	return len(text) == len("01234567-89ab-cdef-0123-456789abcdef")
}

// expectation says what the keyword of r asks for, or is "".
func expectation(r *validate.Rule) string {
	switch r.Keyword {
	case "type":
		return "expected " + article(strings.Join(texts(r.Value), " or "))
	case "enum":
		var values []json.RawMessage
		_ = json.Unmarshal([]byte(r.Value), &values)
		var names []string
		for _, v := range values[:min(8, len(values))] { // of more, the first few
			names = append(names, strings.TrimPrefix(string(appendValue(nil, v, 0)), "the string "))
		}
		return "expected " + alternatives(names)
	case "const":
		return "expected " + string(appendValue(nil, []byte(r.Value), 0))
	case "format":
		if text(r.Value) == "date-time" {
			return "expected an RFC 3339 date-time"
		}
		return "expected text of format " + shorten(text(r.Value))
	case "minimum":
		return "expected " + shorten(r.Value) + " or more"
	case "pattern":
		return "expected text that matches " + strings.ReplaceAll(quote(text(r.Value)), `\\`, `\`)
	case "minLength":
		if r.Value == "1" {
			return "expected text that is not empty"
		}
		return "expected at least " + r.Value + " characters"
	}
	return ""
}

// texts returns the strings of a JSON array, or the one that value is.
func texts(value string) (all []string) {
	var list []any
	if json.Unmarshal([]byte(value), &list) != nil {
		return []string{text(value)}
	}
	for _, v := range list {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// text returns the JSON string that value is, or "".
func text(value string) (s string) {
	_ = json.Unmarshal([]byte(value), &s)
	return s
}

// word adds the finding of a note, if there is one: of counts, times and texts the
// judge notes all that may be one. It returns the finding's code and severity.
func (w *writer) word(n *validate.Note, strict bool) (Code, Severity) {
	t := wordingOf(n.Rule)
	code, severity := t.Code, t.Severity
	if strict && code == "contract.unknown-member" {
		severity = SeverityError
	}
	if w.full {
		return code, severity
	}
	switch n.Rule.Keyword {
	case "x-no-nul", "x-safe-integers", "x-public-url":
		if w.within(n, t) {
			return code, severity
		}
		return "", ""
	}
	if t.Message == "" && !w.message(n, t) {
		return "", ""
	}
	d := w.draft()
	d.Code, d.Severity, d.Offset = code, severity, n.At
	d.Message, d.Pointer = t.Message, t.Pointer
	d.message = w.written()
	if t.Pointer == "" {
		w.pointer(n, t, false)
		d.pointer = w.written()
	}
	if n.Count > 1 {
		d.Count = n.Count
		w.pointer(n, t, true)
		d.pattern = w.written()
	}
	hint := w.hint(n, t)
	if d.hint = w.written(); d.hint.len() == 0 {
		switch d.Hint = t.hint(w.as); {
		case hint != "":
			d.Hint = hint
		case w.as != Receiver && code == "contract.unknown-member" && severity == SeverityError:
			d.Hint = "leave it out: strict allows only members that the contract names"
		}
	}
	w.fit(d)
	return code, severity
}

// pointer writes that of what a note is about. If anyIndex, each index of an array is
// a *.
func (w *writer) pointer(n *validate.Note, t *wording, anyIndex bool) {
	if t.object != nil {
		w.text = append(w.text, t.object.pointer...)
	} else {
		w.path(w.payload, w.notes.Path(n), anyIndex)
	}
	switch {
	case n.Rule.Keyword == "properties":
		w.member(w.payload, n.At)
	case t.ofMember:
		w.text = jsonpointer.Append(w.text, n.Rule.Member)
	}
}

// message writes that of a note. Of what the judge only had a quick look at, it
// decides whether there is anything to say.
func (w *writer) message(n *validate.Note, t *wording) bool {
	switch n.Rule.Keyword {
	case "x-plain-text":
		text := w.unquote(stringAt(w.payload, n.At))
		i := bytes.Index(text, []byte("\x1b["))
		if i < 0 {
			return false
		}
		w.write(t.before, quote(string(escapeSequence(text[i:]))))
		return true
	case "x-usual-format":
		plain := string(w.unquote(stringAt(w.payload, n.At)))
		if plain == "" || t.format == nil || t.format(plain) {
			return false
		}
	case "x-not-before":
		return w.order(n, t)
	case "x-counts", "x-sums":
		return w.count(n, t)
	case "x-captured-once":
		return w.repeats(n, t)
	case "x-holds":
		if !w.nothing(n) {
			return false
		}
		w.write(t.after)
		return true
	}
	w.write(t.before)
	switch n.Rule.Keyword {
	case "properties", "x-placeholder", "x-usual-format":
		w.text = appendQuoted(w.text, w.payload[n.At:])
	default:
		w.text = appendValue(w.text, w.payload, w.subject(n, t))
	}
	w.write(t.after)
	return true
}

// subject returns the offset of the value that a message describes, or -1 if there is
// none.
func (w *writer) subject(n *validate.Note, t *wording) int {
	switch {
	case !t.ofMember:
		return n.At
	case n.Rule.Keyword == "not":
		if on := w.notes.Operands(n); len(on) > 0 {
			return on[0].At
		}
		return -1
	case n.At == n.In: // it is missing
		return -1
	}
	at := n.At + len(stringAt(w.payload, n.At))
	for strings.IndexByte(spaces+":", w.payload[at]) >= 0 {
		at++
	}
	return at
}

// order writes the message that a time is before another one, if it is.
func (w *writer) order(n *validate.Note, t *wording) bool {
	on := w.notes.Operands(n)
	if len(on) == 0 || on[0].At < 0 {
		return false
	}
	to, ok := w.instant(n.At)
	from, known := w.instant(on[0].At)
	if !ok || !known || !to.Before(from) {
		return false
	}
	w.write(n.Rule.Member, t.before)
	w.text = appendQuoted(w.text, w.payload[n.At:])
	w.write(t.after)
	w.text = appendQuoted(w.text, w.payload[on[0].At:])
	return true
}

// instant returns the time that the text at an offset tells as RFC 3339 has it.
func (w *writer) instant(at int) (time.Time, bool) {
	if w.payload[at] != '"' {
		return time.Time{}, false
	}
	text := w.unquote(stringAt(w.payload, at))
	if len(text) < len("2006-01-02") || text[4] != '-' { // what isn't one is mostly seen at once
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(string(text)))
	return t, err == nil
}

// count writes the message that a number is not what it counts or sums up, if it isn't.
func (w *writer) count(n *validate.Note, t *wording) bool {
	is, isLarge, ok := integer(w.payload, n.At)
	if !ok {
		return false
	}
	var total, cells int64
	var large *big.Int // the total, where it may not fit
	for _, on := range w.notes.Operands(n) {
		i, iLarge, ok := integer(w.payload, on.At)
		if n.Rule.Keyword == "x-counts" {
			if on.At >= 0 && strings.IndexByte("{[n", w.payload[on.At]) < 0 {
				return false // another type is a finding of its own, and holds nothing to count
			}
			i, cells = rowsAt(w.payload, on.At)
			iLarge, ok = nil, true
		}
		if !ok {
			i, iLarge = int64(on.Rows), nil // which it would count
		}
		const small = 1 << 56 // of which an int64 holds the sum of many
		if large == nil && iLarge == nil && -small < i && i < small {
			total += i
			continue
		}
		if large == nil {
			large = big.NewInt(total)
		}
		if iLarge == nil {
			iLarge = big.NewInt(i)
		}
		large.Add(large, iLarge)
	}
	if large != nil && large.IsInt64() {
		total, large = large.Int64(), nil
	}
	if is == total && isLarge == nil && large == nil || isLarge != nil && large != nil && isLarge.Cmp(large) == 0 {
		return false
	}
	w.write(n.Rule.Member, t.before)
	w.text = appendDigits(w.text, numberAt(w.payload, n.At))
	w.write(t.after)
	if large != nil {
		w.text = large.Append(w.text, 10)
	} else {
		w.text = strconv.AppendInt(w.text, total, 10)
	}
	if n.Rule.Keyword == "x-counts" {
		w.write(" row")
		if total != 1 {
			w.write("s")
		}
		if isLarge == nil && is > total && is == cells {
			w.write("; the number is that of the cells, and a count is of rows")
		}
	}
	return true
}

func (w *writer) write(texts ...string) {
	for _, text := range texts {
		w.text = append(w.text, text...)
	}
}

// unquote returns the text of a JSON string. It is overwritten by the next call.
func (w *writer) unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw[1 : len(raw)-1]
	}
	w.plain, _ = jsontext.AppendUnquote(w.plain[:0], raw) // what is wrong in it is reported elsewhere
	return w.plain
}

// escapeSequence returns the control sequence with which text starts (ECMA-48,
// section 5.4), as far as it goes.
func escapeSequence(text []byte) []byte {
	i := len("\x1b[")
	for _, class := range [...]struct {
		from, to byte
		most     int
	}{{'0', '?', len(text)}, {' ', '/', len(text)}, {'@', '~', 1}} {
		for n := 0; n < class.most && i < len(text) && class.from <= text[i] && text[i] <= class.to; n++ {
			i++
		}
	}
	return text[:i]
}

// hint returns a hint that says more than that of the code, or writes one. If there is
// none, it does neither.
func (w *writer) hint(n *validate.Note, t *wording) string {
	switch {
	case n.Rule.Keyword == "enum":
		if w.payload[n.At] != '"' {
			return ""
		}
		s := w.search(w.unquote(stringAt(w.payload, n.At)))
		for _, text := range t.texts {
			s.consider(text.name, text.folded)
		}
		if s.found() {
			w.write(suggestion(string(s.near), w.as))
		}
	case n.Rule.Keyword == "properties":
		return w.explain(n, t.object)
	case t.ofMember && n.At == n.In: // it is missing
		if w.isEmpty(n) {
			return registry["data.empty-success"].hint(w.as)
		}
		if !w.lookAlike(n, t) {
			w.nest(n, t.object)
		}
	}
	return ""
}

// isEmpty reports whether a member is missing where there is nothing of what it is for.
func (w *writer) isEmpty(missing *validate.Note) bool {
	for i := range w.notes.List {
		n := &w.notes.List[i]
		if n.Rule.Keyword == "x-holds" && n.Count > 0 && n.In == missing.In {
			return slices.Contains(wordingOf(n.Rule).any, missing.Rule.Member) && w.nothing(n)
		}
	}
	return false
}

// search starts one for what is like a name.
func (w *writer) search(name []byte) search {
	if len(name) > longestName {
		return search{most: -1}
	}
	k := known{name: name, folded: newFolded(w.folds[0][:0], name)}
	w.folds[0] = k.text
	return newSearch(k)
}

// explain is the hint on a member that the contract doesn't name where it is: what it
// may have been meant to be, or what is known of it.
func (w *writer) explain(n *validate.Note, o *object) string {
	if o == nil {
		return ""
	}
	name := w.unquote(stringAt(w.payload, n.At))
	for i := range o.members {
		if m := &o.members[i]; !m.documented && m.near&^n.Has == 0 && bytes.Equal(m.name, name) {
			if w.as == Receiver {
				return m.hints[1]
			}
			return m.hints[0]
		}
	}
	s := w.search(name)
	for i := range o.members {
		if m := &o.members[i]; m.documented && n.Has>>i&1 == 0 {
			s.consider(m.name, m.folded)
		}
	}
	if !s.found() {
		return o.alike(s.folded, quote(string(name)), "", w.as)
	}
	if hint := o.spelling(name, s.near, w.as); hint != "" {
		return hint
	}
	w.write(suggestion(string(s.near), w.as))
	return ""
}

// suggestion is the hint that a name or a value may have been meant to be another.
func suggestion(other string, as Role) string {
	if as == Receiver {
		return "it may be meant as " + quote(other)
	}
	return "did you mean " + quote(other) + "?"
}

// lookAlike writes a hint on what an object has in place of a member that is missing, and
// returns whether it has such a thing.
func (w *writer) lookAlike(n *validate.Note, t *wording) bool {
	o := t.object
	s := newSearch(t.member)
	for i, near := 0, t.near&n.Has; near != 0; i, near = i+1, near>>1 {
		if near&1 != 0 {
			s.consider(o.members[i].name, o.members[i].folded)
		}
	}
	for i := range w.notes.List {
		if other := &w.notes.List[i]; other.In == n.In && other.Rule.Keyword == "properties" {
			raw := stringAt(w.payload, other.At)
			if len(raw) > longestName {
				continue
			}
			name := raw[1 : len(raw)-1]
			if bytes.IndexByte(raw, '\\') >= 0 {
				name, _ = jsontext.AppendUnquote(nil, raw)
			}
			f := newFolded(w.folds[1][:0], name)
			w.folds[1] = f.text
			s.consider(name, f)
		}
	}
	if !s.found() {
		return false
	}
	if o != nil {
		if hint := o.spelling(s.near, t.member.name, w.as); hint != "" {
			w.write(hint)
			return true
		}
	}
	if w.as == Receiver {
		w.write("look at the member ", quote(string(s.near)), ": it may be meant as ", quote(n.Rule.Member))
		return true
	}
	w.write("there is a member ", quote(string(s.near)), ": did you mean ", quote(n.Rule.Member), "?")
	return true
}

// nest writes a hint on an object that has the members of a missing one at its own level,
// as the tables of the page show events: flat. A single one may be there by chance.
func (w *writer) nest(missing *validate.Note, o *object) {
	if o == nil {
		return
	}
	const most = 8 // members that are named
	within := o.pointer + "/" + jsonpointer.Escape(missing.Rule.Member)
	var names []string
	for i := range w.notes.List {
		n := &w.notes.List[i]
		if n.In != missing.In || n.Rule.Keyword != "properties" {
			continue
		}
		name := w.unquote(stringAt(w.payload, n.At))
		if len(name) > longestName {
			continue
		}
		w.folds[1] = fold(w.folds[1][:0], name)
		if slices.ContainsFunc(o.spelled[string(w.folds[1])], func(s spelling) bool { return s.object == within }) {
			if names = append(names, quote(string(name))); len(names) > most {
				names[most] = "and others"
				break
			}
		}
	}
	if len(names) < 2 {
		return
	}
	list := strings.Join(names, ", ")
	if w.as == Receiver {
		w.write("read its members beside it, where they are: ", list, "; or have the sender nest them under ", quote(missing.Rule.Member))
		return
	}
	w.write("nest these members under ", quote(missing.Rule.Member), ": ", list)
}
