package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/gen/validate"
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

// placesOf gives the places of the objects of an arm that are not in arrays or
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
						members[d.member] = append(members[d.member], nil)
						members[d.missing] = append(members[d.missing], nil)
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
	visit(nil, []*judge.Schema{a.documented}, []*judge.Schema{a.observed})
	return places
}

// remark judges a payload by the generated validators alone. If ok, the
// documented layer accepts it, and drafts is all that [contract.judge] would say
// of it.
func (c *contract) remark(payload []byte) (event string, drafts []draft, ok bool) {
	// The calls are direct ones, so that the room is on the stack.
	var room [mostRemarks]validate.Remark
	event = "run_completed"
	remarks, ok := validate.RunCompletedRemarks(payload, room[:0])
	if !ok {
		event = "run_failed"
		remarks, ok = validate.RunFailedRemarks(payload, room[:0])
	}
	if ok && len(remarks) > 0 {
		drafts, ok = c.drafts(c.byEvent[event], payload, remarks)
	}
	return event, drafts, ok
}

// drafts turns remarks into drafts, if what they say is enough for it.
func (c *contract) drafts(a *arm, payload []byte, remarks []validate.Remark) (drafts []draft, ok bool) {
	names := make([]string, len(remarks)) // of the members that aren't named
	for i, r := range remarks {
		if r.Start == r.End {
			continue
		}
		if json.Unmarshal(payload[r.Start:r.End], &names[i]) != nil {
			return nil, false
		}
		if p, ok := a.places[r.Object.Schema]; !ok || p.heard[names[i]] {
			return nil, false
		}
	}
	for i, r := range remarks {
		p := a.places[r.Object.Schema]
		e := &examination{contract: c, arm: a, wanted: noticeOther | noticeMembers, path: p.tokens}
		// What members the object has is all that hints are made from.
		object := make(map[string]any)
		for bit, name := range r.Object.Members {
			if r.Has>>bit&1 != 0 {
				object[name] = nil
			}
		}
		for j, other := range remarks {
			if other.Object == r.Object && other.Start != other.End {
				object[names[j]] = nil
			}
		}
		if r.Start == r.End {
			e.usual(annotationsOf(p.schema), object)
		} else {
			e.stranger(names[i], object)
		}
		for _, d := range e.remarks {
			d.Offset, d.located = r.Start, true
			drafts = append(drafts, d)
		}
	}
	return drafts, true
}
