package reference

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// An observation is what an observed schema says of an event, by paths.
type observation struct {
	at      map[string][]Difference // of the members and elements there
	members map[string][]property   // those of the object there, under the names of the contract

	defs properties
}

// elements is what the path of an array's elements or an object's values ends in.
const elements = "[]"

// join returns the path of a member of what is at a path.
func join(at, name string) string { return strings.TrimPrefix(at+"."+name, ".") }

// observe reads an observed schema.
func observe(s *schema) (*observation, error) {
	o := &observation{at: map[string][]Difference{}, members: map[string][]property{}, defs: s.Defs}
	if err := o.read("", s); err != nil {
		return nil, err
	}
	for at, all := range o.at {
		o.at[at] = distinct(all)
	}
	return o, nil
}

// read reads a schema of what is at a path. A branch of one is about the same path.
func (o *observation) read(at string, s *schema) error {
	if s.Ref != "" {
		if s = o.defs.Get(path.Base(s.Ref)); s == nil {
			return nil // it is the documented one
		}
	}
	instead := func(name string) string { return name }
	if d := s.Dialect; d != nil {
		rule, ok := conformance.Code(d.Code).Rule()
		if !ok {
			return fmt.Errorf("no code of findings is %q", d.Code)
		}
		difference := Difference{Code: rule.Code, Severity: cmp.Or(conformance.Severity(d.Severity), rule.Severity), Meaning: rule.Summary}
		about := at
		if name := cmp.Or(d.InsteadOf, d.Missing, d.Member); name != "" {
			about = join(at, name)
		}
		if d.InsteadOf != "" {
			difference.SentAs = d.Member
			instead = func(string) string { return d.InsteadOf }
		}
		o.at[about] = append(o.at[about], difference)
	}
	for _, p := range s.Properties {
		name := instead(p.Name)
		if name == p.Name && p.Value.Description != "" { // a condition only names a member
			o.members[at] = append(o.members[at], p)
		}
		if err := o.read(join(at, name), p.Value); err != nil {
			return err
		}
	}
	for _, of := range []*schema{s.Items, s.Additional} {
		if of == nil {
			continue
		}
		below := strings.TrimSuffix(at, elements) + elements // lists of rows are rows
		if err := o.read(below, of); err != nil {
			return err
		}
	}
	for _, branch := range slices.Concat(s.AllOf, s.AnyOf, []*schema{s.Then, s.Else}) {
		if branch == nil {
			continue
		}
		if err := o.read(at, branch); err != nil {
			return err
		}
	}
	return nil
}

// distinct returns each difference once, the gravest first where a code is a warning
// under one name of a member and an error under the other.
func distinct(all []Difference) (once []Difference) {
	for _, d := range all {
		same := func(other Difference) bool { return other.Code == d.Code && other.SentAs == d.SentAs }
		if i := slices.IndexFunc(once, same); i < 0 {
			once = append(once, d)
		} else if d.Severity == conformance.SeverityError {
			once[i].Severity = d.Severity
		}
	}
	return once
}
