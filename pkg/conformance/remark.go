package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/jsonschema"
)

// mostRemarks is how many remarks on a payload are turned into findings without
// taking it apart. Where there are more, it is taken apart.
const mostRemarks = 8

// A place is where objects of a documented schema stand in a payload.
type place struct {
	tokens []string
	schema *judge.Schema
	// heard are the names of which the observed layer has something to say there.
	heard map[string]bool
}

// placesOf returns the places of the objects of an arm that are not in arrays or
// maps, by the location of their schema.
func placesOf(a *arm) map[string]place {
	places := make(map[string]place)
	var visit func(tokens []string, documented, observed []*judge.Schema)
	visit = func(tokens []string, documented, observed []*judge.Schema) {
		within := func(layer []*judge.Schema) map[string][]*judge.Schema {
			members := make(map[string][]*judge.Schema)
			for _, s := range layer {
				for here := range inPlace(s) {
					for _, name := range here.Required {
						members[name] = append(members[name], nil)
					}
					for name, sub := range here.Properties {
						members[name] = append(members[name], sub)
					}
					if d := annotationsOf(here).dialect; d != nil {
						if name := d.member + d.missing; name != "" { // it has one of them at most
							members[name] = append(members[name], nil)
						}
					}
				}
			}
			return members
		}
		known := within(observed)
		heard := make(map[string]bool)
		for name := range known {
			heard[name] = true
		}
		for _, s := range documented {
			for here := range inPlace(s) {
				where := strings.TrimPrefix(here.Location, jsonschema.Base)
				if other, ok := places[where]; ok && !slices.Equal(other.tokens, tokens) {
					panic(fmt.Sprintf("conformance: %s is the schema of two places", where))
				}
				places[where] = place{tokens, here, heard}
			}
		}
		for name, subs := range within(documented) {
			visit(child(tokens, name), subs, known[name])
		}
	}
	visit(nil, []*judge.Schema{a.documented.Schema}, []*judge.Schema{a.observed.Schema})
	return places
}

// remark judges a payload by the generated validators alone. If ok, the
// documented layer accepts it, and drafts is all that [contract.judge] would say
// of it.
func remark(payload []byte) (event string, drafts []draft, ok bool) {
	// The calls are direct ones, so that the room is on the stack. Which one is
	// first is a guess, since event_type mostly is.
	var room [mostRemarks]validate.Remark
	var remarks []validate.Remark
	failed := bytes.Contains(payload[:min(len(payload), 48)], []byte(`"run_failed"`))
	for range 2 {
		if failed {
			event = "run_failed"
			remarks, ok = validate.RunFailedRemarks(payload, room[:0])
		} else {
			event = "run_completed"
			remarks, ok = validate.RunCompletedRemarks(payload, room[:0])
		}
		if ok {
			break
		}
		failed = !failed
	}
	if ok && len(remarks) > 0 {
		c := loadContract()
		drafts, ok = c.drafts(c.byEvent[event], payload, remarks)
	}
	return event, drafts, ok
}

// drafts turns remarks into drafts, if what they say is enough for it.
func (c *contract) drafts(a *arm, payload []byte, remarks []validate.Remark) ([]draft, bool) {
	drafts := make([]draft, len(remarks))
	for i, r := range remarks {
		var name []byte // of a member that the contract doesn't name
		if r.End > r.Start {
			name = payload[r.Start+1 : r.End-1]
			if bytes.IndexByte(name, '\\') >= 0 {
				var text string
				if json.Unmarshal(payload[r.Start:r.End], &text) != nil {
					return nil, false
				}
				name = []byte(text)
			}
		}
		missing := r.End == r.Start
		known := c.remarked.Load()
		told, ok := (*known)[remarkKey{r.Object, r.Has, missing, string(name)}]
		if !ok {
			told = c.tell(a, r, string(name))
			c.keep(known, remarkKey{r.Object, r.Has, missing, string(name)}, told)
		}
		// A hint on what is missing may be a member that isn't named.
		others := func(other validate.Remark) bool { return other.Object == r.Object && other.End > other.Start }
		if told == nil || missing && slices.ContainsFunc(remarks, others) {
			return nil, false
		}
		drafts[i] = *told
		drafts[i].Offset = r.Start
	}
	return drafts, true
}

// A remarkKey is what a draft is made from, but for its place: an object of which
// it is known what documented members it has, and the name of another one, unless
// one is missing.
type remarkKey struct {
	object  *validate.Object
	has     uint64
	missing bool
	name    string
}

// mostKept is how many drafts are kept, and how long their names may be. The
// payloads of a sender are mostly alike.
const mostKept, longestKept = 1 << 10, 64

// keep adds a draft to those that are kept.
func (c *contract) keep(known *map[remarkKey]*draft, key remarkKey, told *draft) {
	if len(*known) >= mostKept || len(key.name) > longestKept {
		return
	}
	more := maps.Clone(*known)
	more[key] = told
	c.remarked.CompareAndSwap(known, &more) // whoever comes too late is told anew
}

// tell drafts the finding of a remark, without its place; or nil, where the
// observed layer has something to say of it, too.
func (c *contract) tell(a *arm, r validate.Remark, name string) *draft {
	p, ok := a.places[r.Object.Schema]
	if !ok || r.End > r.Start && p.heard[name] {
		return nil
	}
	object := make(map[string]any)
	for bit, member := range r.Object.Members {
		if r.Has>>bit&1 != 0 {
			object[member] = nil
		}
	}
	e := &examination{contract: c, arm: a, wanted: noticeOther | noticeMembers, path: p.tokens}
	if r.End > r.Start {
		object[name] = nil
		e.stranger(name, object)
	} else {
		e.usual(annotationsOf(p.schema), object)
	}
	if len(e.remarks) != 1 {
		return nil
	}
	d := e.remarks[0]
	d.located = true
	return &d
}
