// Package reference reads the contract out of its schemas, for people to read: both
// events member by member, the rulings on the page that documents them, how servers
// differ, and the codes of findings.
//
// Whoever shows the contract (a page of the service, docs/contract.md, the HTML
// reference) shows what [Read] returns. So none of them says anything that the
// schemas don't.
package reference

import (
	"fmt"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A Contract is all that there is to read about the two events.
type Contract struct {
	Events   []Event
	Rulings  []*Ruling // those on both events first, then in the order of the members
	Families []Family
}

// An Event describes one of the two events.
type Event struct {
	Name        string // as in event_type
	Description string
	Objects     []Object  // the payload itself comes first
	Rulings     []*Ruling // on the event as a whole; those on both events are among them
	Example     string    // a whole payload
}

// An Object describes the payload itself, or an object in it.
type Object struct {
	ID          string // for links to it: the event's name and the path
	Path        string // such as data.error, or "" for the payload
	Description string
	Members     []Member
	Additions   []Member // that the contract doesn't name, and servers are known to send
	Holds       string   // instead of members, what the values of all members are
	Rulings     []*Ruling
	Differences []Difference // of the values of its members, if it has no Members
}

// A Member is a row of an object's table.
type Member struct {
	Name        string
	Path        string // such as data.error.message
	Type        string // "" for an addition: the contract promises none
	Object      string // the ID of the object that it is or consists of, or ""
	Required    string // "Required", "Optional", or on what it depends
	Description string
	Unit        string // of a number, such as "rows", or ""
	Example     string // compact JSON, or "" for an object
	Elsewhere   string // its name in run_completed, where that differs
	Rulings     []*Ruling
	Differences []Difference
}

// A Ruling is a decision on a sentence of the page that contradicts itself or says
// too little. It stands in the schemas of the documented contract, as x-rulings, at
// the place that it is about.
type Ruling struct {
	ID      string  `json:"id"`     // such as "count-rows", for links to it
	Title   string  `json:"title"`  // a few words
	Page    string  `json:"page"`   // what the page says, quoted, or that it says nothing
	Ruling  string  `json:"ruling"` // what holds
	Reason  string  `json:"reason"`
	Servers string  `json:"servers"` // what servers really send, or ""
	Where   []Place `json:"-"`       // what it is about
}

// A Place is an event, an object in it or a member of one.
type Place struct {
	Event string // its name
	Path  string // such as data.error, or "" for the event as a whole
}

// A Difference is a known way in which servers leave the documented contract. It
// stands in the observed schemas, as x-dialect.
type Difference struct {
	Code     conformance.Code
	Severity conformance.Severity
	Meaning  string // the sentence of the registry
	SentAs   string // the name under which servers send the member, or "" if it is the documented one
}

// A Family describes the codes of one family.
type Family struct {
	conformance.Family
	Rules []conformance.Rule
}

// Read reads the contract. The schemas are embedded, and tests read them, too: the
// error is for whoever edits them.
func Read() (*Contract, error) {
	c := &Contract{}
	if err := c.readEvents(); err != nil {
		return nil, err
	}
	for _, family := range conformance.Families() {
		f := Family{Family: family}
		for _, rule := range conformance.Rules() {
			if rule.Code.Family() == family.ID {
				f.Rules = append(f.Rules, rule)
			}
		}
		c.Families = append(c.Families, f)
	}
	return c, nil
}

// readEvents reads the events, and the rulings on them.
func (c *Contract) readEvents() error {
	either, err := readSchema("v1/run-event.json")
	if err != nil {
		return err
	}
	if err := c.state(either); err != nil {
		return err
	}
	names := []string{"run-completed.json", "run-failed.json"}
	documented := make([]*schema, len(names))
	for i, name := range names {
		if documented[i], err = readSchema("v1/" + name); err != nil {
			return err
		}
		if err := c.state(documented[i]); err != nil {
			return err
		}
	}
	for i, name := range names {
		observed, err := readSchema("observed/" + name)
		if err != nil {
			return err
		}
		event, err := c.readEvent(documented[i], observed)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.Events = append(c.Events, event)
	}
	// A ruling that no place names is about both events as a whole.
	for _, r := range c.Rulings {
		if len(r.Where) > 0 {
			continue
		}
		for i := range c.Events {
			r.Where = append(r.Where, Place{Event: c.Events[i].Name})
			c.Events[i].Rulings = append(c.Events[i].Rulings, r)
		}
	}
	return nil
}

// state takes the rulings that s and the schemas in it state. Where a schema only
// names a ruling, another one states it.
func (c *Contract) state(s *schema) error {
	for _, r := range s.Rulings {
		switch {
		case r.stated == nil:
		case c.ruling(r.id) != nil:
			return fmt.Errorf("the ruling %s is stated twice", r.id)
		default:
			c.Rulings = append(c.Rulings, r.stated)
		}
	}
	for _, inner := range s.inner() {
		if err := c.state(inner); err != nil {
			return err
		}
	}
	return nil
}

// ruling returns the one of an ID, or nil.
func (c *Contract) ruling(id string) *Ruling {
	for _, r := range c.Rulings {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// rulings returns the rulings on s, which is at a place, and lets them know of it.
func (c *Contract) rulings(s *schema, place Place) (all []*Ruling, err error) {
	for _, named := range s.Rulings {
		r := c.ruling(named.id)
		if r == nil {
			return nil, fmt.Errorf("the ruling %s is stated nowhere", named.id)
		}
		r.Where = append(r.Where, place)
		all = append(all, r)
	}
	return all, nil
}
