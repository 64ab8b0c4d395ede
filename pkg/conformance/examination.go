package conformance

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	judge "github.com/santhosh-tekuri/jsonschema/v5"
)

// An examination goes through one payload by one layer, and gathers what there
// is to say about it.
type examination struct {
	contract   *contract
	arm        *arm
	wanted     notice  // what to look for
	violations []draft // rules that are broken
	remarks    []draft // what annotations and unknown members give
	truncated  bool    // there may be more of either
	violated   quota   // of violations
	remarked   quota   // of remarks
	// named are the pointers of members that a dialect is about, of which there
	// is nothing else to say.
	named map[string]bool
	path  []string         // of the value that the examination is at
	ups   []map[string]any // the objects on the way to it, nil for arrays
	names []string         // of the maps that it is in, sorted
}

// enter looks at v, of which s is all that the contract says.
func (e *examination) enter(s *schema, v any) {
	if e.wanted&noticeMembers != 0 {
		e.strangers(s, v)
	}
	e.apply(s, v)
}

// apply heeds s, which applies to v, and goes on to the schemas within, but
// only to where something wanted may be found.
func (e *examination) apply(s *schema, v any) {
	if !e.worth(s) {
		return
	}
	e.heed(s.annotations, v)
	for sub := range s.applicable(v) {
		e.apply(sub, v)
	}
	switch v := v.(type) {
	case map[string]any:
		e.ups = append(e.ups, v)
		for _, m := range s.members { // what comes first counts where findings are many
			if value, ok := v[m.name]; ok {
				e.path = append(e.path, m.name)
				e.enter(m.schema, value)
				e.path = e.path[:len(e.path)-1]
			}
		}
		if s.rest != nil && e.elements(s.rest) {
			from := len(e.names)
			for name := range v {
				if s.Properties[name] == nil {
					e.names = append(e.names, name)
				}
			}
			names := e.names[from:]
			slices.Sort(names)
			for _, name := range names {
				e.element(s.rest, name, v[name])
			}
			e.names = e.names[:from]
		}
		e.ups = e.ups[:len(e.ups)-1]
	case []any:
		if s.items != nil && e.elements(s.items) {
			e.ups = append(e.ups, nil)
			for i, item := range v {
				e.element(s.items, strconv.Itoa(i), item)
			}
			e.ups = e.ups[:len(e.ups)-1]
		}
	}
}

// worth tells whether something wanted may be found by s.
func (e *examination) worth(s *schema) bool {
	return s.noticing&e.wanted != 0
}

// elements tells whether to look at the elements of an array or a map, about
// each of which the contract says s.
func (e *examination) elements(s *schema) bool {
	return e.wanted&noticeElements != 0 || e.worth(s)
}

// element looks at an element of an array or a map.
func (e *examination) element(s *schema, token string, v any) {
	e.path = append(e.path, token)
	if e.wanted&noticeElements != 0 {
		e.judge(s, v)
	}
	e.enter(s, v)
	e.path = e.path[:len(e.path)-1]
}

// applicable yields the schemas within s that apply to v itself. Of
// alternatives that is the first whose rules for the skeleton of v hold.
func (s *schema) applicable(v any) iter.Seq[*schema] {
	return func(yield func(*schema) bool) {
		if s.ref != nil && !yield(s.ref) {
			return
		}
		for _, sub := range s.allOf {
			if !yield(sub) {
				return
			}
		}
		for _, sub := range []*schema{first(s.anyOf, v), first(s.oneOf, v), s.branch(v)} {
			if sub != nil && !yield(sub) {
				return
			}
		}
	}
}

// strangers drafts a finding for each member of v that s, which the contract
// says about v, doesn't name. An object of which it names no member is a map,
// and has no strangers.
func (e *examination) strangers(s *schema, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	naming, open := s.naming(nil, v)
	if open || len(naming) == 0 {
		return
	}
	var unknown []string
	for name := range object {
		if !slices.ContainsFunc(naming, func(s *schema) bool { return s.Properties[name] != nil }) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		if e.wanted&noticeMembers == 0 { // there were too many already
			return
		}
		e.stranger(name, object)
	}
}

// stranger drafts that object has a member that the contract doesn't name.
func (e *examination) stranger(name string, object map[string]any) {
	d := newDraft("contract.unknown-member", child(e.path, name))
	if e.named[d.Pointer] { // the dialect says more
		e.tally(d.Pointer)
		return
	}
	d.name = true
	d.Message = "the contract doesn't name a member " + quote(name) + " here"
	d.Hint = e.explain(pointer(e.path), name, object)
	e.remark(d)
}

// naming appends the schemas that name members of v to list. It tells whether
// there is a rule for all others.
func (s *schema) naming(list []*schema, v any) (_ []*schema, open bool) {
	if len(s.members) > 0 {
		list = append(list, s)
	}
	open = s.rest != nil
	for sub := range s.applicable(v) {
		var opens bool
		list, opens = sub.naming(list, v)
		open = open || opens
	}
	return list, open
}

// heed drafts what the annotations say about v.
func (e *examination) heed(a annotations, v any) {
	if a.dialect != nil && (a.dialect.severity != SeverityError || e.wanted&noticeError != 0) {
		e.dialect(a.dialect, v)
	}
	if object, ok := v.(map[string]any); ok {
		e.usual(a, object)
	}
	if a.counts != "" {
		switch counted := e.sibling(a.counts).(type) {
		case nil, []any, map[string]any: // what is of another type is told to be, and holds nothing to count
			rows := rowsOf(counted)
			if differs(v, big.NewInt(rows)) {
				e.mismatch(v, a.counts+" holds "+plural(rows, "row"))
			}
		}
	}
	if a.sums != nil {
		e.sum(a.sums, v)
	}
	text, isText := v.(string)
	if !isText {
		return
	}
	if a.notBefore != "" {
		earlier, _ := e.sibling(a.notBefore).(string)
		from, known := instant(earlier)
		if to, ok := instant(text); ok && known && to.Before(from) {
			e.note("data.time-order", "%s is %s, before %s, which is %s",
				e.path[len(e.path)-1], quote(text), a.notBefore, quote(earlier))
		}
	}
	if a.plainText && strings.Contains(text, "\x1b[") {
		e.note("data.ansi-escape", "the text holds the escape sequences of a terminal, such as %s",
			quote(ansiEscape.FindString(text)))
	}
	if a.placeholder != "" && text == a.placeholder {
		e.note("data.placeholder", "%s is what servers put where they know no value", quote(text))
	}
	if a.usualFormat != "" && text != "" && !judge.Formats[a.usualFormat](text) {
		e.note("contract.opaque-id", "%s is no %s", quote(text), strings.ToUpper(a.usualFormat))
	}
}

// usual drafts a finding for each member that object lacks and mostly would have.
func (e *examination) usual(a annotations, object map[string]any) {
	for _, d := range a.usual {
		if _, ok := object[d.missing]; !ok {
			e.dialect(d, object)
		}
	}
}

// instant returns the time that text tells as RFC 3339 has it.
func instant(text string) (time.Time, bool) {
	if len(text) < len("2006-01-02") || text[4] != '-' { // what isn't one is mostly told so at once
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
	return t, err == nil
}

// ansiEscape matches a control sequence (ECMA-48, section 5.4).
var ansiEscape = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]?`)

// note drafts a finding at the value that the examination is at.
func (e *examination) note(code Code, format string, args ...any) {
	d := newDraft(code, slices.Clone(e.path))
	d.Message = fmt.Sprintf(format, args...)
	e.remark(d)
}

// maxFindings is how many findings of a kind a payload may have, and maxPointers
// how many bytes their pointers may have together: a name of megabytes stands in
// the pointer of all that is within. Then the examination looks no further for
// that kind, which bounds the time and memory that a payload can make it take.
const (
	maxFindings = 10_000
	maxPointers = 16 << 20
)

// A quota counts the findings of a kind.
type quota struct{ findings, pointers int }

// take enters findings and the bytes of their pointers, and tells whether there
// is room for another one.
func (q *quota) take(findings, bytes int) bool {
	q.findings += findings
	q.pointers += bytes
	return q.findings < maxFindings && q.pointers < maxPointers
}

func (e *examination) remark(d draft) {
	e.remarks = append(e.remarks, d)
	e.tally(d.Pointer)
}

// tally enters a remark.
func (e *examination) tally(pointer string) {
	if !e.remarked.take(1, len(pointer)) {
		e.wanted &= noticeElements
		e.truncated = true
	}
}

func (e *examination) violate(d draft) {
	e.violations = append(e.violations, d)
	if !e.violated.take(1, len(d.Pointer)) {
		e.wanted &^= noticeElements
		e.truncated = true
	}
}

// dialect drafts the finding that v, or a member of it, is as d says.
func (e *examination) dialect(known *dialect, v any) {
	at := slices.Clone(e.path)
	var object map[string]any
	if name := known.member + known.missing; name != "" {
		var ok bool
		if object, ok = v.(map[string]any); !ok {
			return // of another type, and so without members, missing or not
		}
		v = object[name]
		at = append(at, name)
	}
	d := newDraft(known.code, at)
	d.Severity = known.severity
	if known.member != "" {
		d.name = true
		if e.named == nil {
			e.named = make(map[string]bool)
		}
		e.named[d.Pointer] = true
	}
	if known.missing != "" {
		d.at = d.at[:len(e.path)]
		if hint := e.lookAlike(pointer(e.path), known.missing, object); hint != "" {
			d.Hint = hint
		}
	}
	if known.insteadOf != "" {
		if hint := e.spelling(pointer(e.path), known.member, known.insteadOf); hint != "" {
			d.Hint = hint
		}
	}
	d.Message = strings.ReplaceAll(known.message, "{value}", describe(v))
	e.remark(d)
}

// sibling returns a member of the object that holds the value the examination is at.
func (e *examination) sibling(name string) any {
	if len(e.ups) == 0 {
		return nil
	}
	return e.ups[len(e.ups)-1][name]
}

// sum compares v with the sum of its siblings, each of them a count. One that
// is absent stands for the rows that it would count.
func (e *examination) sum(names []string, v any) {
	total := new(big.Int)
	counted := e.arm.members[pointer(e.path[:len(e.path)-1])]
	for _, name := range names {
		if n, ok := e.sibling(name).(json.Number); ok {
			if i := integer(n); i != nil {
				total.Add(total, i)
				continue
			}
		}
		if s := counted[name]; s != nil {
			total.Add(total, big.NewInt(rowsOf(e.sibling(annotationsOf(s).counts))))
		}
	}
	if differs(v, total) {
		e.mismatch(v, strings.Join(names, " and ")+" make "+total.String())
	}
}

// differs tells whether v is an integer other than what it counts.
func differs(v any, actual *big.Int) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	i := integer(n)
	return i != nil && i.Cmp(actual) != 0
}

// mismatch drafts that v is another number than what it counts.
func (e *examination) mismatch(v any, but string) {
	e.note("data.count-mismatch", "%s is %s, but %s", e.path[len(e.path)-1], digits(v.(json.Number)), but)
}

// integer returns the value of n, or nil where it has a fraction.
func integer(n json.Number) *big.Int {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return big.NewInt(i)
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || !r.IsInt() {
		return nil
	}
	return r.Num()
}

// rowsOf counts the rows that v holds: those of an array, or of the arrays in
// a map or an array.
func rowsOf(v any) int64 {
	var n int64
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if list, ok := item.([]any); ok {
				n += int64(len(list))
			} else if item != nil {
				n++
			}
		}
	case map[string]any:
		for _, list := range v {
			n += rowsOf(list)
		}
	}
	return n
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
