// Package event has one Go type, [Event], for all that is sent when a robot's
// run ends: [Parse] gives it for every payload that conforms to the contract or
// deviates from it in a known way, whatever names, containers and forms of
// times its sender used. Nothing that a payload says is lost on the way.
//
// [NewRunCompleted] and [NewRunFailed] go the other way: they build payloads
// that conform.
package event

import (
	"encoding/json"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// Type says what happened.
type Type string

// What may have happened. RunCompleted and RunFailed are the events of the
// contract.
const (
	RunCompleted Type = "run_completed"
	RunFailed    Type = "run_failed"
	// Test is an event that was sent to try an endpoint: a webhook_test, or a
	// run_completed whose status is "test".
	Test Type = "test"
)

// Status is how a run ended.
type Status string

// The statuses of the contract. A run_failed always has [StatusFailed].
const (
	StatusSuccess Status = "success"
	StatusFailed  Status = "failed"
	// StatusTest is that of an event which was sent to try an endpoint.
	StatusTest Status = "test"
)

// An Event is what a payload says, in one form: under the same names whatever
// the payload calls them, rows in ordered groups whatever held them.
//
// A member of the payload that has no field here, or whose value is none that
// the field can hold, stands in Extra. A field whose member is absent has its
// zero value. An empty text is as good as an absent one, except in a cell.
//
// The strings of an Event share one copy of the payload's text, so each keeps
// all of it in memory.
type Event struct {
	// Type says what happened, whatever the event_type.
	Type Type
	// RawType is event_type as sent.
	RawType string
	// Timestamp is when the event was triggered, to the nanosecond. It is zero
	// for a text that is a date-time to the judge and has no instant, such as
	// one with a sign before an hour.
	Timestamp time.Time
	// RawTimestamp is timestamp as sent.
	RawTimestamp string
	// WebhookID is the endpoint's.
	WebhookID string

	Run Run

	// Texts are the texts that were captured one by one. Rows that are sent
	// without a name are one group whose name is empty. Texts is nil where they
	// are absent.
	Texts []Group
	// Lists are the captured lists. Those that are sent without names are named
	// by their places, as the contract's own sample names lists: list_0, list_1.
	// Lists is nil where they are absent.
	Lists []Group
	// Counts are what the payload says of how much there is. [Event.Counted]
	// has what there really is.
	Counts Counts

	Content Content

	// Error is why the run failed, or nil.
	Error *Error

	// Partial tells whether a run that failed had extracted anything before.
	Partial Flag

	// Extra are the members that have no field, in the payload's order.
	Extra []Member

	// Payload is the bytes as received. [Parse] keeps them without a copy.
	Payload []byte
}

// A Run is what an event says of the run itself.
type Run struct {
	ID        string
	RobotID   string
	RobotName string // "Unknown Robot" where the server knew none
	Status    Status
	// StartedAt and FinishedAt are when the run did.
	StartedAt  Time
	FinishedAt Time
	BrowserID  string
	// UserID is the robot's owner: a number in decimal, as a rule, whether it
	// was sent as a number or as text.
	UserID string
	// TestMode is set in events that are sent to try an endpoint.
	TestMode Flag
	// ExecutionTimeMS is how long the run took, in milliseconds. Early servers
	// sent it.
	ExecutionTimeMS Count
}

// A Group is rows that were captured together.
type Group struct {
	Name string
	Rows []Row
	// Null is true for a list that is null in the payload: it has no rows.
	Null bool
}

// A Row is cells, in the payload's order. No two have one name.
type Row []Cell

// Text gives the text of the cell that has a name, and whether there is one that
// isn't null.
func (r Row) Text(name string) (text string, ok bool) {
	for _, c := range r {
		if c.Name == name {
			return c.Text, !c.Null
		}
	}
	return "", false
}

// A Cell is one thing that was captured.
type Cell struct {
	Name string
	Text string
	// Null is true where the payload has null, for nothing was found.
	Null bool
}

// A Count is a whole number that a payload gives, or not.
type Count struct {
	Value int64
	Known bool
}

// A Flag is a truth value that a payload gives, or not.
type Flag struct {
	Value bool
	Known bool
}

// Counts are the counts of an event.
type Counts struct {
	Rows        Count // total_rows: Texts and Lists together
	Texts       Count // captured_texts_count: rows, or cells with some servers
	Lists       Count // captured_lists_count: rows of all lists
	Screenshots Count // screenshots_count
	DataPoints  Count // total_data_points_extracted: cells
}

// Content is what runs other than those that capture rows bring home.
type Content struct {
	Markdown string // the page
	HTML     string // the page
	Summary  string // of the page
	Links    []Link // of the page
	// VisibleScreenshot and FullPageScreenshot are URLs.
	VisibleScreenshot  string
	FullPageScreenshot string
	// Crawl and Search are the results of crawls and searches, in the payload's
	// order.
	Crawl  []Result
	Search []Result
}

// A Link is one link of a page.
type Link struct {
	// URL is empty where the link is neither a text nor an object with a url.
	URL string
	// Raw is the link as sent. It is part of the payload.
	Raw json.RawMessage
}

// A Result is one named result, of a form that the contract says nothing about.
type Result struct {
	Name string
	// Value is JSON. It is part of the payload.
	Value json.RawMessage
}

// An Error is why a run failed.
type Error struct {
	// Message and Stack are without the escape sequences of terminals that
	// RawMessage and RawStack may have.
	Message    string
	RawMessage string
	Type       string
	Stack      string
	RawStack   string
}

// A Member is one of the payload that has no field.
type Member struct {
	// Pointer is its RFC 6901 pointer in the payload.
	Pointer string
	// Value is JSON. It is part of the payload.
	Value json.RawMessage
}

// Counted gives the counts of what the event holds: Texts and Lists in rows, and
// Rows as their sum. The other counts are not known from the rows.
func (e *Event) Counted() Counts {
	texts, lists := countRows(e.Texts), countRows(e.Lists)
	return Counts{
		Rows:  Count{Value: texts + lists, Known: true},
		Texts: Count{Value: texts, Known: true},
		Lists: Count{Value: lists, Known: true},
	}
}

func countRows(groups []Group) (n int64) {
	for _, g := range groups {
		n += int64(len(g.Rows))
	}
	return n
}

// Report gives all that there is to say about the payload. It is
// [conformance.Check], and takes its time anew with every call.
func (e *Event) Report() conformance.Report { return conformance.Check(e.Payload) }

// Deviations gives the ways in which the payload deviates from the documented
// contract: the errors of its report. There are none if it conforms, which takes
// hardly any time to see; else this takes the time of [Event.Report].
func (e *Event) Deviations() []conformance.Finding {
	if conformance.Valid(e.Payload) {
		return nil
	}
	var deviations []conformance.Finding
	for _, f := range e.Report().Findings {
		if f.Severity == conformance.Error {
			deviations = append(deviations, f)
		}
	}
	return deviations
}
