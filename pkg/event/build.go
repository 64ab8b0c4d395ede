package event

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A Completed is what a documented run_completed can say. It has no counts: they are
// counted from the rows. A field is required unless its comment says otherwise.
type Completed struct {
	// Timestamp is when the event is triggered.
	Timestamp time.Time
	// EndpointID is the payload's webhook_id: the endpoint that the event is sent
	// to. It is not the id of the event, which goes into the header webhook-id.
	EndpointID string
	RobotID    string
	RunID      string
	RobotName  string
	// Status is StatusSuccess where it is empty.
	Status Status
	// StartedAt and FinishedAt are when the run did.
	StartedAt  time.Time
	FinishedAt time.Time
	// Texts are the rows of captured_texts. The contract has no names for groups
	// of them. Texts may be nil, and has to be with StatusFailed.
	Texts []Row
	// Lists are the lists of captured_lists, each with a name of its own. Lists may
	// be nil, and has to be with StatusFailed. The contract has neither null lists
	// nor null cells.
	Lists []Group
	// Screenshots is how many screenshots the run took: 0 with StatusFailed.
	Screenshots int
	// Error is why the run failed. It is required with StatusFailed, and has to be
	// nil with any other. Its Message, Type and Stack are sent, each unless it is
	// empty; RawMessage and RawStack are not.
	Error *Error
	// BrowserID is optional: an empty one is left out.
	BrowserID string
	// UserID is optional: nil is left out.
	UserID *int64
}

// A Failed is what a documented run_failed can say. A field is required unless its
// comment says otherwise.
type Failed struct {
	// Timestamp is when the event is triggered.
	Timestamp time.Time
	// EndpointID is the payload's webhook_id: the endpoint that the event is sent
	// to. It is not the id of the event, which goes into the header webhook-id.
	EndpointID string
	RobotID    string
	RunID      string
	RobotName  string
	// Error is why the run failed. Its Message, Type and Stack are sent, even where
	// they are empty; RawMessage and RawStack are not.
	Error Error
	// BrowserID is optional: an empty one is left out.
	BrowserID string
	// UserID is optional: nil is left out.
	UserID *int64
}

// NewRunCompleted builds the run_completed that says c. Its Payload has the
// members of the contract in the contract's order, and times in UTC to the
// millisecond. Its Type is [Test] if c.Status is [StatusTest], and [RunCompleted]
// otherwise.
//
// Everything in c is written, and the payload is then judged. If it doesn't conform,
// because an identifier is empty, a time is zero, a text is not UTF-8, or a failed run has
// rows, the error is an [*InvalidError] that says so.
func NewRunCompleted(c Completed) (*Event, error) {
	d := document{
		event:       RunCompleted,
		timestamp:   rfc3339(c.Timestamp),
		endpointID:  c.EndpointID,
		robotID:     c.RobotID,
		runID:       c.RunID,
		robotName:   c.RobotName,
		status:      c.Status,
		startedAt:   rfc3339(c.StartedAt),
		finishedAt:  rfc3339(c.FinishedAt),
		texts:       c.Texts,
		lists:       c.Lists,
		screenshots: int64(c.Screenshots),
		err:         c.Error,
		browserID:   c.BrowserID,
		userID:      decimal(c.UserID),
	}
	if d.status == "" {
		d.status = StatusSuccess
	}
	return d.parse()
}

// NewRunFailed builds the run_failed that says f. It does as [NewRunCompleted] does,
// and returns the same errors.
func NewRunFailed(f Failed) (*Event, error) {
	d := document{
		event:      RunFailed,
		timestamp:  rfc3339(f.Timestamp),
		endpointID: f.EndpointID,
		robotID:    f.RobotID,
		runID:      f.RunID,
		robotName:  f.RobotName,
		status:     StatusFailed,
		err:        &f.Error,
		browserID:  f.BrowserID,
		userID:     decimal(f.UserID),
	}
	return d.parse()
}

// Documented returns the event as the contract documents it: a payload that
// conforms, of documented members only. A [Test] is a run_completed with status
// "test". Null cells, and a robot's name that is null, become empty texts. Null lists
// are left out, and so are the names of groups of texts, what a failed run had
// extracted, and all additions. Counts are those of the rows.
//
// Documented doesn't make up what is missing. Where the event lacks something that the
// contract requires, such as the instant of a local time, the error is an [*InvalidError]
// with a finding for each, by its place in the documented payload. Three things follow from
// what is there: a run without extracted data extracted no rows, a run_failed without a
// type or a stack has empty ones, and if there is no count of screenshots, it is the number
// of their URLs.
func (e *Event) Documented() ([]byte, error) {
	d := document{
		event:       e.Type,
		timestamp:   cmp.Or(e.RawTimestamp, rfc3339(e.Timestamp)),
		endpointID:  e.EndpointID,
		robotID:     e.Run.RobotID,
		runID:       e.Run.ID,
		robotName:   e.Run.RobotName,
		status:      e.Run.Status,
		startedAt:   e.Run.StartedAt.documented(),
		finishedAt:  e.Run.FinishedAt.documented(),
		screenshots: e.Counts.Screenshots.Value,
		err:         e.Error,
		browserID:   e.Run.BrowserID,
		userID:      e.Run.UserID,
	}
	if e.Type == Test {
		d.event, d.status = RunCompleted, StatusTest
	}
	if d.status == StatusFailed { // has no data by contract
		d.screenshots = 0
		return d.payload()
	}
	if !e.Counts.Screenshots.Known {
		for _, url := range []string{e.Content.VisibleScreenshot, e.Content.FullPageScreenshot} {
			if url != "" {
				d.screenshots++
			}
		}
	}
	for _, g := range e.TextGroups {
		d.texts = append(d.texts, withoutNulls(g.Rows)...)
	}
	for _, g := range e.Lists {
		if !g.Null {
			d.lists = append(d.lists, Group{Name: g.Name, Rows: withoutNulls(g.Rows)})
		}
	}
	return d.payload()
}

// documented returns t as RFC 3339 if it is known, and as what was sent otherwise,
// for the judge to say what is wrong with it.
func (t Time) documented() string {
	if _, ok := parseRFC3339(t.Raw); !t.Known || ok {
		return t.Raw
	}
	return rfc3339(t.Instant)
}

// withoutNulls returns rows with the empty text for each null.
func withoutNulls(rows []Row) []Row {
	all := make([]Row, len(rows))
	for i, row := range rows {
		all[i] = row
		if slices.ContainsFunc(row, func(c Cell) bool { return c.Null }) {
			all[i] = slices.Clone(row)
			for j := range row {
				all[i][j].Null = false
			}
		}
	}
	return all
}

// decimal is how a document has a number, or its absence.
func decimal(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// rfc3339 is how the contract's samples write times. It is empty for the zero
// time.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// A document is a payload to be written.
type document struct {
	event                 Type
	timestamp             string
	endpointID            string
	robotID, runID        string
	robotName             string
	status                Status
	startedAt, finishedAt string
	texts                 []Row
	lists                 []Group
	screenshots           int64
	err                   *Error
	browserID, userID     string
}

func (d *document) parse() (*Event, error) {
	payload, err := d.payload()
	if err != nil {
		return nil, err
	}
	return Parse(payload)
}

// payload writes the document, and asks the judge whether it conforms.
func (d *document) payload() ([]byte, error) {
	payload := d.write()
	if !conformance.Valid(payload) {
		return nil, &InvalidError{Report: conformance.Check(payload)}
	}
	return payload, nil
}

// write writes the members in the order of the contract. What is empty and may be
// absent is left out, or is for the judge to find missing.
func (d *document) write() []byte {
	var w writer
	w.begin('{')
	w.text("event_type", string(d.event))
	w.optional("timestamp", d.timestamp)
	w.optional("webhook_id", d.endpointID)
	w.member("data")
	w.begin('{')
	if d.event == RunFailed {
		w.text("robotId", d.robotID)
		w.text("runId", d.runID)
		w.text("robotName", d.robotName)
		w.text("status", string(d.status))
		if d.err != nil {
			w.member("error")
			w.begin('{')
			w.text("message", d.err.Message)
			w.text("type", d.err.Type)
			w.text("stack", d.err.Stack)
			w.end('}')
		}
		w.metadata("browserId", d.browserID, "userId", d.userID)
	} else {
		w.text("robot_id", d.robotID)
		w.text("run_id", d.runID)
		w.text("robot_name", d.robotName)
		w.text("status", string(d.status))
		w.optional("started_at", d.startedAt)
		w.optional("finished_at", d.finishedAt)
		if d.status != StatusFailed || len(d.texts)+len(d.lists) > 0 || d.screenshots != 0 {
			w.extracted(d)
		}
		if d.err != nil {
			w.member("error")
			w.begin('{')
			w.optional("message", d.err.Message)
			w.optional("type", d.err.Type)
			w.optional("stack", d.err.Stack)
			w.end('}')
		}
		w.metadata("browser_id", d.browserID, "user_id", d.userID)
	}
	w.end('}')
	w.end('}')
	return w.out
}

// A writer writes JSON as it is told, right or wrong: duplicate names and bad
// UTF-8 are for the judge to find.
type writer struct {
	out []byte
}

func (w *writer) extracted(d *document) {
	w.member("extracted_data")
	w.begin('{')
	w.member("captured_texts")
	w.rows(d.texts)
	w.member("captured_lists")
	w.begin('{')
	for _, g := range d.lists {
		w.member(g.Name)
		if g.Null {
			w.out = append(w.out, "null"...)
		} else {
			w.rows(g.Rows)
		}
	}
	w.end('}')
	texts, lists := int64(len(d.texts)), countRows(d.lists)
	w.number("total_rows", texts+lists)
	w.number("captured_texts_count", texts)
	w.number("captured_lists_count", lists)
	w.number("screenshots_count", d.screenshots)
	w.end('}')
}

func (w *writer) metadata(browser, browserID, user, userID string) {
	w.member("metadata")
	w.begin('{')
	w.optional(browser, browserID)
	if number := jsontext.Value(userID); number.Kind() == '0' && number.IsValid() {
		w.member(user)
		w.out = append(w.out, userID...)
	} else {
		w.optional(user, userID)
	}
	w.end('}')
}

func (w *writer) rows(rows []Row) {
	w.begin('[')
	for _, row := range rows {
		w.separate()
		w.begin('{')
		for _, cell := range row {
			w.member(cell.Name)
			if cell.Null {
				w.out = append(w.out, "null"...)
			} else {
				w.quote(cell.Text)
			}
		}
		w.end('}')
	}
	w.end(']')
}

func (w *writer) begin(bracket byte) { w.out = append(w.out, bracket) }
func (w *writer) end(bracket byte)   { w.out = append(w.out, bracket) }

func (w *writer) separate() {
	if last := w.out[len(w.out)-1]; last != '{' && last != '[' {
		w.out = append(w.out, ',')
	}
}

func (w *writer) member(name string) {
	w.separate()
	w.quote(name)
	w.out = append(w.out, ':')
}

func (w *writer) text(name, value string) {
	w.member(name)
	w.quote(value)
}

func (w *writer) optional(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) number(name string, n int64) {
	w.member(name)
	w.out = strconv.AppendInt(w.out, n, 10)
}

func (w *writer) quote(s string) {
	const hex = "0123456789abcdef"
	w.out = append(w.out, '"')
	for {
		n := plainLen(s)
		w.out = append(w.out, s[:n]...)
		if n == len(s) {
			break
		}
		switch b := s[n]; b {
		case '"', '\\':
			w.out = append(w.out, '\\', b)
		case '\n':
			w.out = append(w.out, `\n`...)
		case '\r':
			w.out = append(w.out, `\r`...)
		case '\t':
			w.out = append(w.out, `\t`...)
		default: // RFC 8259, section 7
			w.out = append(w.out, `\u00`...)
			w.out = append(w.out, hex[b>>4], hex[b&15])
		}
		s = s[n+1:]
	}
	w.out = append(w.out, '"')
}

// plainLen returns how many bytes of s come before one that a JSON string has to
// escape. It looks at eight at a time: in a word a byte is zero, or less than another, if
// subtracting that borrows from its highest bit.
func plainLen(s string) (n int) {
	const ones, highest = 0x0101010101010101, 0x8080808080808080
	for ; n+8 <= len(s); n += 8 {
		eight := s[n : n+8]
		w := uint64(eight[0]) | uint64(eight[1])<<8 | uint64(eight[2])<<16 | uint64(eight[3])<<24 |
			uint64(eight[4])<<32 | uint64(eight[5])<<40 | uint64(eight[6])<<48 | uint64(eight[7])<<56
		quote, backslash := w^ones*'"', w^ones*'\\'
		if ((w-ones*' ')&^w|(quote-ones)&^quote|(backslash-ones)&^backslash)&highest != 0 {
			break
		}
	}
	for ; n < len(s); n++ {
		if b := s[n]; b < ' ' || b == '"' || b == '\\' {
			break
		}
	}
	return n
}
