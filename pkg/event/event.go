// Package event has one Go type, [Event], for everything that is sent when a robot's
// run ends. [Parse] returns it for every payload that conforms to the contract or
// deviates from it in a known way, whatever names, containers and forms of times its
// sender used. Nothing that a payload says is lost on the way.
//
// [NewRunCompleted] and [NewRunFailed] go the other way: they build payloads
// that conform.
//
// An event also has a form in JSON, the canonical one, which [encoding/json] writes and
// reads: see [Event.MarshalJSON]. It is for programs in other languages, and for receivers
// of what another program has parsed.
//
// Three things have names that are easily mixed up. [Event.EndpointID] is the id of
// the endpoint, which payloads call webhook_id; the id of the event is not in the
// payload, but in the header webhook-id. [Event.Texts] and [Completed.Texts] are
// rows, and [Event.Lists] and [Completed.Lists] are groups of rows, each with a name.
// [Event.Counts] is what the payload says, and [Event.Counted] what it holds.
//
// # Compatibility
//
// What Parse returns for a payload is the same in any later version, apart from members of
// Extra, which may move to fields of their own.
//
// From v1.0.0 on, only a major version breaks this package's API. Before that a
// minor version may, and the changelog says how. Any version may add fields to
// structs and values to sets of constants: write literals with field names, and give
// a switch a default case.
package event

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// Type says what happened. [Event.RawType] is what the payload calls it.
type Type string

// What may have happened. RunCompleted and RunFailed are the events of the
// contract.
const (
	// RunCompleted: a run ended. [Run.Status] says whether it succeeded, since by the
	// contract a run_completed may also say that a run failed.
	RunCompleted Type = "run_completed"
	// RunFailed: a run failed.
	RunFailed Type = "run_failed"
	// Test: no run ended; somebody tries the endpoint. It is a run_completed with
	// status "test", or the webhook_test that servers send instead.
	Test Type = "test"
)

// Status is how a run ended.
type Status string

// The statuses of the contract. A run_failed always has [StatusFailed].
const (
	StatusSuccess Status = "success"
	StatusFailed  Status = "failed"
	// StatusTest is that of an event that was sent to try an endpoint.
	StatusTest Status = "test"
)

// An Event is what a payload says, in one form: under the same names whatever
// the payload calls them, rows in ordered groups whatever held them.
//
// A member of the payload is in Extra if it has no field here, or if its field can't hold
// its value. A field whose member is absent has its zero value. An empty text counts as an
// absent one, except in a cell.
//
// The strings of an Event share one copy of the payload's text, so any of them keeps
// the whole copy in memory.
type Event struct {
	// Type says what happened.
	Type Type
	// RawType is event_type as sent: "run_completed", "run_failed" or
	// "webhook_test".
	RawType string
	// Timestamp is when the event was triggered, to the nanosecond. It is zero if
	// package conformance takes RawTimestamp for a date-time and package time does
	// not, which goes for oddities such as a sign before the hour.
	Timestamp time.Time
	// RawTimestamp is timestamp as sent.
	RawTimestamp string
	// EndpointID is the payload's webhook_id: the endpoint that the event is sent
	// to, as its sender calls it. A number is text here, as it was written. The
	// header webhook-id is another thing: it identifies the event.
	EndpointID string

	Run Run

	// TextGroups are the texts that were captured one by one. Rows that are sent
	// without a name are one group whose name is empty. TextGroups is nil where
	// they are absent. [Event.Texts] returns the rows of all groups.
	TextGroups []Group
	// Lists are the captured lists. Those that are sent without names are named
	// by their places, as the contract's own sample names lists: list_0, list_1.
	// Lists is nil where they are absent.
	Lists []Group
	// Counts are the numbers that the payload gives. Servers miscount: [Event.Counted]
	// returns how much the event holds.
	Counts Counts

	Content Content

	// Error is why the run failed, or nil.
	Error *Error

	// Partial says whether a run that failed had extracted anything before.
	Partial Flag

	// Extra are the members that have no field, in the payload's order.
	Extra []Member

	// Payload is the bytes as received. [Parse] keeps them without a copy.
	Payload []byte

	// Provenance says where values came from, in the payload's order. It is nil unless
	// the [Parser] was asked for it.
	Provenance []Origin
}

// An Origin says where a value of an event came from.
type Origin struct {
	// Canonical is the RFC 6901 pointer of the value in the canonical form of the
	// event.
	Canonical string
	// Payload is the pointer of what it was taken from in the payload. That is the same
	// value, except that a number may be text, or written differently.
	Payload string
}

// A Run is what an event says of the run itself.
type Run struct {
	ID        string
	RobotID   string
	RobotName string // "Unknown Robot" where the server knew none; a number as it was written
	Status    Status
	// StartedAt and FinishedAt are when the run did.
	StartedAt  Time
	FinishedAt Time
	BrowserID  string
	// UserID is the robot's owner. It is mostly a number, as it was written,
	// whether it was sent as a number or as text, and empty where it is null.
	UserID string
	// TestMode is set in events that are sent to try an endpoint.
	TestMode Flag
	// ExecutionTimeMS is how long the run took, in milliseconds. Early servers
	// sent it.
	ExecutionTimeMS Count
}

// A Group is rows that were captured together.
type Group struct {
	// Name is the group's name, or empty where rows are sent without one.
	Name string
	Rows []Row
	// Null is true for a list that is null in the payload: it has no rows.
	Null bool
}

// A Row is cells, in the payload's order. No two of them have the same name.
type Row []Cell

// Text returns the text of the cell that has a name, and whether there is one that
// isn't null.
func (r Row) Text(name string) (text string, ok bool) {
	for _, c := range r {
		if c.Name == name {
			return c.Text, !c.Null
		}
	}
	return "", false
}

// Map returns the texts of the row by the names of their cells. Null cells are left
// out, so that looking up a name in the map is as asking [Row.Text] for it.
func (r Row) Map() map[string]string {
	texts := make(map[string]string, len(r))
	for _, c := range r {
		if !c.Null {
			texts[c.Name] = c.Text
		}
	}
	return texts
}

// A Cell is one thing that was captured.
type Cell struct {
	Name string
	Text string
	// Null is true where the payload has null, because nothing was found.
	Null bool
}

// A Count is a whole number that a payload may give: if Known is false, it doesn't,
// or the number has more than 64 bits and is in Extra.
type Count struct {
	Value int64
	Known bool
}

// A Flag is a truth value that a payload may give: if Known is false, it doesn't.
type Flag struct {
	Value bool
	Known bool
}

// Counts are the counts of an event. Each is named by what it counts, with the
// member that has it.
type Counts struct {
	Rows        Count // total_rows: texts and lists together
	Texts       Count // captured_texts_count: rows of all texts
	Lists       Count // captured_lists_count: rows of all lists
	Screenshots Count // screenshots_count
	DataPoints  Count // total_data_points_extracted: cells
}

// Content is what runs return that don't capture rows: a page, or the results of a crawl or
// a search. Servers send a page beside extracted_data; a fork sends it in there, or in both
// places, and then what stands in extracted_data is in Extra.
type Content struct {
	Text     string // the page as text
	Markdown string // the page as Markdown
	HTML     string // the page as HTML
	Summary  string // of the page
	Links    []Link // of the page
	// VisibleScreenshot and FullPageScreenshot are URLs.
	VisibleScreenshot  string
	FullPageScreenshot string
	// Crawl and Search are the results of crawls and searches, in the payload's
	// order.
	Crawl  []Crawl
	Search []Search
}

// A Link is one link of a page.
type Link struct {
	// URL is empty where the link is neither a text nor an object with a url.
	URL string
	// Raw is the link as sent. It is part of the payload.
	Raw json.RawMessage
}

// A Crawl is the named result of a crawl. The contract says nothing about its form, so
// it may be of another than servers are known to send: then it has no pages.
type Crawl struct {
	Name string
	// Pages is nil where what was sent is not a list of objects.
	Pages []Page
	// Value is the result as sent. It is JSON, and part of the payload. In an event
	// that was read from its canonical form it is there only where Pages is nil.
	Value json.RawMessage
}

// A Page is one page of a crawl.
type Page struct {
	URL         string
	SourceURL   string // that was asked for
	StatusCode  Count  // of the answer
	Depth       Count  // in links from the start of the crawl
	Title       string
	Description string
	Language    string
	Favicon     string // its URL
	ScrapedAt   Time
	WordCount   Count
	Text        string
	Markdown    string
	HTML        string
	Links       []Link
	// Extra are the members of the page that have no field, in the payload's order.
	Extra []Member
}

// A Search is the named result of a search. As with a [Crawl], it may be of another
// form than servers are known to send: then it has a Name and a Value alone.
type Search struct {
	Name       string
	Query      string
	Provider   string
	SearchedAt Time
	// ResultCount is what the payload says of how many results there are.
	ResultCount Count
	// Results is nil where there is no list of objects.
	Results []SearchResult
	// Extra are the members of the search that have no field, in the payload's order.
	Extra []Member
	// Value is the result as sent. It is JSON, and part of the payload. In an event
	// that was read from its canonical form it is there only where it isn't an object.
	Value json.RawMessage
}

// A SearchResult is one result of a search.
type SearchResult struct {
	URL         string
	Title       string
	Description string
	Position    Count // from 1
	// Extra are the members of the result that have no field, in the payload's order.
	Extra []Member
}

// An Error is why a run failed.
type Error struct {
	// Message and Stack are what was sent without the escape sequences of terminals,
	// and RawMessage and RawStack with them. To build an event, Message and Stack
	// count.
	Message    string
	RawMessage string
	Type       string
	Stack      string
	RawStack   string
}

// A Member is a member of the payload that has no field of its own.
type Member struct {
	// Pointer is its RFC 6901 pointer in the payload.
	Pointer string
	// Value is JSON. It is part of the payload.
	Value json.RawMessage
}

// Texts returns the rows of all groups of texts, in order. The result is nil where
// there are none.
func (e *Event) Texts() []Row {
	var rows []Row
	for _, g := range e.TextGroups {
		rows = append(rows, g.Rows...)
	}
	return rows
}

// Counted returns the counts of what the event holds: Texts and Lists in rows, and
// Rows as their sum. The other counts are not known from the rows.
func (e *Event) Counted() Counts {
	texts, lists := countRows(e.TextGroups), countRows(e.Lists)
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

// EmptySuccess reports whether the event says that a run succeeded and holds nothing
// of it: no rows, no text or links of a page, no pages of a crawl, no results of a
// search and no URLs of screenshots. Counts don't matter, since a screenshot that is
// only counted isn't there either. What stands in extracted_data under another name is
// something, and so is an array or an object beside it, unless it is empty.
//
// Don't conclude that such a run found nothing: fetch the run first. Servers always send
// such an event for a run that was started over their API or SDK, while the stored run has
// its rows. They also report success for pages that could not be reached, for runs that
// were stopped, and for scrape runs that were asked for plain text only, which isn't sent.
// A check of the payload reports data.empty-success.
func (e *Event) EmptySuccess() bool {
	c := &e.Content
	return e.Type == RunCompleted && e.Run.Status == StatusSuccess &&
		countRows(e.TextGroups)+countRows(e.Lists) == 0 &&
		c.Text+c.Markdown+c.HTML+c.Summary+c.VisibleScreenshot+c.FullPageScreenshot == "" &&
		!slices.ContainsFunc(c.Links, func(l Link) bool { return l.URL != "" || holds(slices.Concat([]byte("["), l.Raw, []byte("]"))) }) &&
		!slices.ContainsFunc(c.Crawl, func(r Crawl) bool { return len(r.Pages) > 0 || holds(r.Value) }) &&
		!slices.ContainsFunc(c.Search, Search.holds) &&
		!slices.ContainsFunc(e.Extra, func(m Member) bool {
			name, within := strings.CutPrefix(m.Pointer, "/data/extracted_data/")
			if !within {
				name, within = strings.CutPrefix(m.Pointer, "/data/")
				within = within && !bytes.HasPrefix(m.Value, []byte(`"`))
			}
			return within && !strings.Contains(name, "/") && holds(m.Value)
		})
}

// holds reports whether there is something in a search, its query included.
func (s Search) holds() bool {
	return s.Query+s.Provider+s.SearchedAt.Raw != "" || len(s.Results) > 0 || holds(s.Value) ||
		slices.ContainsFunc(s.Extra, func(m Member) bool { return holds(m.Value) })
}

// holds reports whether there is something in a JSON value: a text that isn't empty, or
// an element of an array that is neither null nor an empty text or array. Of an object,
// numbers and truth values are about what there is.
func holds(value []byte) bool {
	in := jsontext.NewDecoder(bytes.NewReader(value))
	for {
		token, err := in.ReadToken()
		if err != nil {
			return false
		}
		depth, kind := in.StackDepth(), token.Kind()
		if kind == '{' || kind == '[' {
			depth--
		}
		within, n := in.StackIndex(depth)
		switch kind {
		case '"':
			if name := within == '{' && n%2 == 1; !name && token.String() != "" {
				return true
			}
		case '{', '0', 't', 'f':
			if within == '[' {
				return true
			}
		}
	}
}

// Report returns all that there is to say about the payload, to its receiver
// ([conformance.Receiver]). It checks the payload each time.
func (e *Event) Report() conformance.Report { return asReceiver.Check(e.Payload) }

// asReceiver judges for whoever has a payload, and can't change it.
var asReceiver = conformance.Checker{As: conformance.Receiver}

// Deviations returns the ways in which the payload deviates from the documented
// contract: the findings of its report that are errors. The result is nil if the
// payload conforms, which is quick to tell. Otherwise Deviations is as slow as
// [Event.Report].
func (e *Event) Deviations() []conformance.Finding {
	if conformance.Valid(e.Payload) {
		return nil
	}
	var deviations []conformance.Finding
	for _, f := range e.Report().Findings {
		if f.Severity == conformance.SeverityError {
			deviations = append(deviations, f)
		}
	}
	return deviations
}
