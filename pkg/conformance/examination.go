package conformance

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	judge "github.com/santhosh-tekuri/jsonschema/v5"
)

// An examination gathers what there is to say about one payload.
type examination struct {
	contract *contract
	arm      *arm
	drafts   []draft
	// named are the pointers of members that a dialect is about.
	named map[string]bool
	path  []string         // of the value that a walk is at
	ups   []map[string]any // the objects on the way to it
}

// walk follows s through v, to the schemas that apply, and heeds their
// annotations. It goes only where what is wanted may be found.
func (e *examination) walk(s *judge.Schema, v any, wanted notice) {
	if wanted&noticeMembers != 0 {
		e.strangers(s, v)
	}
	e.apply(s, v, wanted)
}

// apply heeds s, which applies to v, and goes on to the schemas within.
func (e *examination) apply(s *judge.Schema, v any, wanted notice) {
	if e.contract.noticing[s.Location]&wanted == 0 {
		return
	}
	e.heed(annotationsOf(s), v, wanted)
	for sub := range applicable(s, v) {
		e.apply(sub, v, wanted)
	}
	switch v := v.(type) {
	case map[string]any:
		e.ups = append(e.ups, v)
		for name, sub := range s.Properties {
			if member, ok := v[name]; ok {
				e.step(sub, name, member, wanted)
			}
		}
		if sub := rest(s); sub != nil && e.contract.noticing[sub.Location]&wanted != 0 {
			for name, member := range v {
				if s.Properties[name] == nil {
					e.step(sub, name, member, wanted)
				}
			}
		}
		e.ups = e.ups[:len(e.ups)-1]
	case []any:
		if sub := s.Items2020; sub != nil && e.contract.noticing[sub.Location]&wanted != 0 {
			e.ups = append(e.ups, nil)
			for i, item := range v {
				e.step(sub, strconv.Itoa(i), item, wanted)
			}
			e.ups = e.ups[:len(e.ups)-1]
		}
	}
}

func (e *examination) step(s *judge.Schema, token string, v any, wanted notice) {
	e.path = append(e.path, token)
	e.walk(s, v, wanted)
	e.path = e.path[:len(e.path)-1]
}

// applicable yields the schemas within s that apply to v itself. Of
// alternatives that is the first that accepts.
func applicable(s *judge.Schema, v any) func(yield func(*judge.Schema) bool) {
	return func(yield func(*judge.Schema) bool) {
		var all []*judge.Schema
		if s.Ref != nil {
			all = append(all, s.Ref)
		}
		all = append(all, s.AllOf...)
		for _, list := range [][]*judge.Schema{s.AnyOf, s.OneOf} {
			if i := slices.IndexFunc(list, func(sub *judge.Schema) bool { return sub.Validate(v) == nil }); i >= 0 {
				all = append(all, list[i])
			}
		}
		if s.If != nil {
			branch := s.Else
			if s.If.Validate(v) == nil {
				branch = s.Then
			}
			if branch != nil {
				all = append(all, branch)
			}
		}
		for _, sub := range all {
			if !yield(sub) {
				return
			}
		}
	}
}

// strangers drafts a finding for each member of v that s, which the contract
// says about v, doesn't name. An object of which it names no member is a map,
// and has no strangers.
func (e *examination) strangers(s *judge.Schema, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	named := make(map[string]bool)
	if e.nameMembers(s, v, named) || len(named) == 0 {
		return
	}
	for name := range object {
		at := child(e.path, name)
		if named[name] || e.named[pointer(at)] {
			continue
		}
		d := newDraft("contract.unknown-member", at)
		d.name = true
		d.Message = fmt.Sprintf("the contract doesn't name a member %s here", quote(name))
		d.Hint = e.explain(pointer(e.path), name, object)
		e.drafts = append(e.drafts, d)
	}
}

// nameMembers enters the members that s names into named. It tells whether s
// has a rule for all others.
func (e *examination) nameMembers(s *judge.Schema, v any, named map[string]bool) (open bool) {
	for name := range s.Properties {
		named[name] = true
	}
	open = rest(s) != nil
	for sub := range applicable(s, v) {
		open = e.nameMembers(sub, v, named) || open
	}
	return open
}

// heed drafts what the annotations say about v.
func (e *examination) heed(a annotations, v any, wanted notice) {
	if a.dialect != nil {
		if a.dialect.severity != Error || wanted&noticeError != 0 {
			e.dialect(a.dialect, v)
		}
	}
	if a.counts != "" {
		rows := rowsOf(e.sibling(a.counts))
		e.compare(v, big.NewInt(rows), fmt.Sprintf("%s holds %s", a.counts, plural(rows, "row")))
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
		from, err1 := time.Parse(time.RFC3339Nano, strings.ToUpper(earlier))
		to, err2 := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		if err1 == nil && err2 == nil && to.Before(from) {
			e.remark("data.time-order", "%s is %s, before %s, which is %s",
				e.path[len(e.path)-1], quote(text), a.notBefore, quote(earlier))
		}
	}
	if a.plainText && ansiEscape.MatchString(text) {
		e.remark("data.ansi-escape", "the text holds the escape sequences of a terminal, such as %s",
			quote(ansiEscape.FindString(text)))
	}
	if a.placeholder != "" && text == a.placeholder {
		e.remark("data.placeholder", "%s is what servers put where they know no value", quote(text))
	}
	if a.usualFormat != "" && text != "" && !judge.Formats[a.usualFormat](text) {
		e.remark("contract.opaque-id", "%s is no %s", quote(text), strings.ToUpper(a.usualFormat))
	}
}

// ansiEscape matches a control sequence (ECMA-48, section 5.4).
var ansiEscape = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]?`)

// remark drafts a finding at the value that the walk is at.
func (e *examination) remark(code, format string, args ...any) {
	d := newDraft(code, e.path)
	d.Message = fmt.Sprintf(format, args...)
	e.drafts = append(e.drafts, d)
}

// dialect drafts the finding that v, or a member of it, is as d says.
func (e *examination) dialect(known *dialect, v any) {
	at := e.path
	switch {
	case known.member != "":
		at = child(e.path, known.member)
		if e.named == nil {
			e.named = make(map[string]bool)
		}
		e.named[pointer(at)] = true
		if object, ok := v.(map[string]any); ok {
			v = object[known.member]
		}
	case known.missing != "":
		at = child(e.path, known.missing)
	}
	d := newDraft(known.code, at)
	d.Severity = known.severity
	d.name = known.member != ""
	if known.missing != "" {
		d.at = slices.Clone(e.path)
	}
	d.Message = strings.NewReplacer(
		"{value}", describe(v),
		"{member}", quote(known.member),
		"{documented}", quote(known.insteadOf),
		"{missing}", quote(known.missing),
	).Replace(registry[known.code].message)
	if known.insteadOf != "" {
		if hint := e.spelling(pointer(e.path), known.member, known.insteadOf); hint != "" {
			d.Hint = hint
		}
	}
	e.drafts = append(e.drafts, d)
}

// sibling gives a member of the object that holds the value the walk is at.
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
	e.compare(v, total, fmt.Sprintf("%s make %s", strings.Join(names, " and "), total))
}

// compare drafts a finding where v is an integer other than what it counts.
func (e *examination) compare(v any, actual *big.Int, what string) {
	n, ok := v.(json.Number)
	if !ok {
		return
	}
	if i := integer(n); i != nil && i.Cmp(actual) != 0 {
		e.remark("data.count-mismatch", "%s is %s, but %s", e.path[len(e.path)-1], shorten(n.String()), what)
	}
}

// integer gives the value of n, or nil where it has a fraction.
func integer(n json.Number) *big.Int {
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
