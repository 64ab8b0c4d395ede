package conformance

import (
	"testing"

	judge "github.com/santhosh-tekuri/jsonschema/v5"
)

// TestMapsNameNoMembers: the skeleton of a map is empty, whichever of the schemas
// that apply to it are looked at.
func TestMapsNameNoMembers(t *testing.T) {
	for _, a := range loadContract().arms {
		for _, layer := range []*schema{a.documented, a.observed} {
			members := membersOf(layer.Schema)
			var visit func(s *judge.Schema, at string)
			visit = func(s *judge.Schema, at string) {
				for here := range inPlace(s) {
					if rest(here) != nil && len(members[at]) > 0 {
						t.Errorf("%s has a rule for members, of which others are named", here.Location)
					}
					for name, sub := range here.Properties {
						visit(sub, at+"/"+name)
					}
				}
			}
			visit(layer.Schema, "")
		}
	}
}

// TestRulesAreKnown: that the judge is asked about each value by a schema is right,
// and slow.
func TestRulesAreKnown(t *testing.T) {
	for location, s := range loadContract().schemas {
		if s.asks {
			t.Errorf("%s has a keyword that only the judge knows; teach it to firm", location)
		}
	}
}

// TestKeywordsHaveCodes: whatever assertion of the contract is broken, there is a
// code for it.
func TestKeywordsHaveCodes(t *testing.T) {
	for location, s := range loadContract().schemas {
		if s.Maximum != nil || s.ExclusiveMaximum != nil || s.ExclusiveMinimum != nil || s.MultipleOf != nil ||
			s.MaxLength != -1 || s.Pattern != nil || s.Always != nil {
			t.Errorf("%s has an assertion without a code; give it one in keywordCodes", location)
		}
		if s.Not != nil && len(s.Not.Required) == 0 {
			t.Errorf("%s forbids something other than members", location)
		}
	}
	for keyword, code := range keywordCodes {
		if _, ok := code.Rule(); !ok {
			t.Errorf("%s: there is no code %s", keyword, code)
		}
	}
}
