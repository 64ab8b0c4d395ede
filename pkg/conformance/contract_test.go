package conformance

import "testing"

// TestContractCanBeJudgedInPieces: elements are judged one by one, which is right
// only while no schema has a rule for an array or a map as a whole.
func TestContractCanBeJudgedInPieces(t *testing.T) {
	for location, s := range loadContract().schemas {
		if s.MinItems != -1 || s.MaxItems != -1 || s.UniqueItems || s.Contains != nil ||
			s.PrefixItems != nil || s.UnevaluatedItems != nil {
			t.Errorf("%s has a rule for an array as a whole", location)
		}
		if s.MinProperties != -1 || s.MaxProperties != -1 || s.PropertyNames != nil ||
			s.PatternProperties != nil || s.UnevaluatedProperties != nil ||
			s.DependentRequired != nil || s.DependentSchemas != nil {
			t.Errorf("%s has a rule for an object as a whole", location)
		}
		for _, value := range append(s.Enum, s.Constant...) {
			if _, ok := value.(string); !ok {
				t.Errorf("%s compares with %v, which may be larger than its skeleton", location, value)
			}
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
		if _, ok := LookUp(code); !ok {
			t.Errorf("%s: there is no code %s", keyword, code)
		}
	}
}
