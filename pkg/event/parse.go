package event

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// Parse returns the event of a payload that conforms or deviates. It is short for
// the method of the zero [Parser], so times that servers write in their own
// locale and zone stay unknown.
func Parse(payload []byte) (*Event, error) { return Parser{}.Parse(payload) }

// A Parser parses payloads. The zero value knows run times that are RFC 3339
// date-times, and no others; with Zone and Layouts it also knows those of servers
// that use them. It may be used by several goroutines at once.
type Parser struct {
	// Zone is the zone of the servers that write run times in local time. If it is
	// nil, the instants of such times are not known.
	Zone *time.Location
	// Layouts are how those servers write run times: layouts of package time that
	// have a date and a time and no zone. [Layouts] returns those of a locale.
	// An instant is known if one layout reads the time, or several read it as the
	// same one, and if the clocks of Zone showed it exactly once. They show an hour
	// twice when they are set back, and leave one out when they are set forward.
	Layouts []string
}

// An InvalidError says what is wrong with a payload: of one to be parsed, why it
// neither conforms nor deviates; of one to be built, why it doesn't conform.
type InvalidError struct {
	// Report has the findings. Its verdict is [conformance.Invalid], or, of a
	// payload to be built, also [conformance.Deviates].
	Report conformance.Report
}

// Error returns the first error of the report, with the number of the others. It
// is one line without control characters, whatever the payload holds.
func (e *InvalidError) Error() string {
	var errors []conformance.Finding
	for _, f := range e.Report.Findings {
		if f.Severity == conformance.SeverityError {
			errors = append(errors, f)
		}
	}
	verdict := "is invalid"
	if e.Report.Verdict == conformance.Deviates {
		verdict = "deviates"
	}
	if len(errors) == 0 { // of a report that isn't by this package
		return "event: the payload " + verdict
	}
	first := errors[0]
	place := ""
	if first.Pointer != "" { // in which names are that the sender chose
		quoted := fmt.Sprintf("%.200q", first.Pointer)
		place = " at " + quoted[1:len(quoted)-1]
	}
	more := ""
	if n := len(errors) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("event: the payload %s: %s%s: %s%s", verdict, first.Code, place, first.Message, more)
}

// Parse returns the event of a payload that conforms or deviates. For an invalid
// one the error is an [*InvalidError], and there are no other errors. Parse keeps
// payload and does not copy it: don't change it afterwards.
func (p Parser) Parse(payload []byte) (*Event, error) {
	// The generated validators are a hundred times faster than the judge. What
	// they are not sure of is for it to say.
	if !validate.RunEvent(payload) && !validate.ObservedRunEvent(payload) {
		if report := conformance.Check(payload); report.Verdict == conformance.Invalid {
			return nil, &InvalidError{Report: report}
		}
	}
	r := reader{cursor: cursor{text: string(payload)}, parser: p, names: loadNames(), event: &Event{Payload: payload}}
	r.read()
	return r.event, nil
}

// A reader takes an event from the text of a payload that is not invalid.
type reader struct {
	cursor
	parser Parser
	names  *names
	event  *Event
	filled uint64  // a bit for each field that has its value
	arm    uint8   // the bit of the event that it is
	other  []alias // the fields whose values are those of other names
	starts []int   // where the members of event.Extra start
	cells  []Cell  // room for more
}

// An alias is the member that has filled a field under a name that isn't the
// event's own.
type alias struct {
	field      int
	name       string
	start, end int
}

func (r *reader) read() {
	r.event.Type = r.names.events[r.eventType()]
	r.arm = r.names.arms[r.event.Type]
	r.at = 0
	r.object(r.names.root)
	e := r.event
	if e.Type == RunCompleted && (e.RawType != string(RunCompleted) || e.Run.Status == StatusTest) {
		e.Type = Test
	}
	if e.Error != nil {
		e.Error.Message, e.Error.Stack = stripANSI(e.Error.RawMessage), stripANSI(e.Error.RawStack)
	}
}

// eventType looks for the event_type, which may stand behind all else.
func (r *reader) eventType() string {
	r.open()
	for r.more() {
		if r.name() == eventTypeName {
			return r.string()
		}
		r.raw()
	}
	return ""
}

// object reads the members of an object.
func (r *reader) object(o *object) {
	r.open()
	for r.more() {
		name := r.name()
		start := r.at
		if m := o.members[name]; m == nil || !r.member(o, m, name) {
			r.at = start
			start, end := r.raw()
			r.keep(o, name, start, end)
		}
	}
}

// member reads a value into the field of m. It tells whether that could be, and
// reads an unknown part of the value otherwise.
func (r *reader) member(o *object, m *member, name string) bool {
	if m.object != nil {
		if r.peek() != '{' {
			return false
		}
		if m.object.place == errorPlace {
			r.event.Error = new(Error)
		}
		r.object(m.object)
		return true
	}
	if m.take == nil {
		return false
	}
	own := m.own&r.arm != 0
	i := -1 // of what a name of the event's own displaces
	if r.filled>>m.field&1 != 0 {
		if i = slices.IndexFunc(r.other, func(a alias) bool { return a.field == m.field }); i < 0 || !own {
			return false
		}
	}
	start := r.at
	if !m.take(r) {
		return false
	}
	r.filled |= 1 << m.field
	if !own {
		r.other = append(r.other, alias{m.field, name, start, r.at})
	}
	if i >= 0 {
		a := r.other[i]
		r.other = slices.Delete(r.other, i, i+1)
		r.keep(o, a.name, a.start, a.end)
	}
	return true
}

// keep enters a member that has no field into Extra.
func (r *reader) keep(o *object, name string, start, end int) {
	i, _ := slices.BinarySearch(r.starts, start)
	r.starts = slices.Insert(r.starts, i, start)
	r.event.Extra = slices.Insert(r.event.Extra, i, Member{
		Pointer: o.place + "/" + pointerEscapes.Replace(name),
		Value:   r.json(start, end),
	})
}

// pointerEscapes escapes a token of a JSON pointer (RFC 6901, section 3).
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// json returns a part of the payload.
func (r *reader) json(start, end int) json.RawMessage {
	return json.RawMessage(r.event.Payload[start:end:end])
}

// errorPlace is the object whose fields are in Event.Error.
const errorPlace = "/data/error"

// fields says how each value is read into its field, by the pointer that
// run_completed has, or would have, for it. A function gives false for a value
// that the field can't hold; it has changed nothing then.
var fields = map[string]func(*reader) bool{
	"/" + eventTypeName: text(func(e *Event) *string { return &e.RawType }),
	"/timestamp": func(r *reader) bool {
		if r.peek() != '"' {
			return false
		}
		r.event.RawTimestamp = r.string()
		r.event.Timestamp, _ = parseRFC3339(r.event.RawTimestamp)
		return true
	},
	"/webhook_id": text(func(e *Event) *string { return &e.EndpointID }),

	"/data/robot_id":            text(func(e *Event) *string { return &e.Run.RobotID }),
	"/data/run_id":              text(func(e *Event) *string { return &e.Run.ID }),
	"/data/robot_name":          text(func(e *Event) *string { return &e.Run.RobotName }),
	"/data/status":              text(func(e *Event) *string { return (*string)(&e.Run.Status) }),
	"/data/started_at":          instant(func(e *Event) *Time { return &e.Run.StartedAt }),
	"/data/finished_at":         instant(func(e *Event) *Time { return &e.Run.FinishedAt }),
	"/data/execution_time_ms":   count(func(e *Event) *Count { return &e.Run.ExecutionTimeMS }),
	"/data/metadata/browser_id": text(func(e *Event) *string { return &e.Run.BrowserID }),
	"/data/metadata/user_id": func(r *reader) (ok bool) {
		if r.peek() == '"' {
			r.event.Run.UserID = r.string()
			return true
		}
		if number, ok := r.number(); ok {
			r.event.Run.UserID = number
			return true
		}
		return false
	},
	"/data/metadata/test_mode": flag(func(e *Event) *Flag { return &e.Run.TestMode }),

	"/data/extracted_data/captured_texts": (*reader).texts,
	"/data/extracted_data/captured_lists": (*reader).lists,

	"/data/extracted_data/total_rows":                  count(func(e *Event) *Count { return &e.Counts.Rows }),
	"/data/extracted_data/captured_texts_count":        count(func(e *Event) *Count { return &e.Counts.Texts }),
	"/data/extracted_data/captured_lists_count":        count(func(e *Event) *Count { return &e.Counts.Lists }),
	"/data/extracted_data/screenshots_count":           count(func(e *Event) *Count { return &e.Counts.Screenshots }),
	"/data/extracted_data/total_data_points_extracted": count(func(e *Event) *Count { return &e.Counts.DataPoints }),

	"/data/markdown":                   text(func(e *Event) *string { return &e.Content.Markdown }),
	"/data/html":                       text(func(e *Event) *string { return &e.Content.HTML }),
	"/data/summary":                    text(func(e *Event) *string { return &e.Content.Summary }),
	"/data/links":                      (*reader).links,
	"/data/screenshot_visible":         text(func(e *Event) *string { return &e.Content.VisibleScreenshot }),
	"/data/screenshot_fullpage":        text(func(e *Event) *string { return &e.Content.FullPageScreenshot }),
	"/data/extracted_data/crawl_data":  results(func(e *Event) *[]Result { return &e.Content.Crawl }),
	"/data/extracted_data/search_data": results(func(e *Event) *[]Result { return &e.Content.Search }),

	errorPlace + "/message": text(func(e *Event) *string { return &e.Error.RawMessage }),
	errorPlace + "/type":    text(func(e *Event) *string { return &e.Error.Type }),
	errorPlace + "/stack":   text(func(e *Event) *string { return &e.Error.RawStack }),

	"/data/partial_data_extracted": flag(func(e *Event) *Flag { return &e.Partial }),
}

// text reads a string.
func text(field func(*Event) *string) func(*reader) bool {
	return func(r *reader) bool {
		if r.peek() != '"' {
			return false
		}
		*field(r.event) = r.string()
		return true
	}
}

// instant reads a time.
func instant(field func(*Event) *Time) func(*reader) bool {
	return func(r *reader) bool {
		if r.peek() != '"' {
			return false
		}
		*field(r.event) = r.parser.time(r.string())
		return true
	}
}

// count reads a whole number.
func count(field func(*Event) *Count) func(*reader) bool {
	return func(r *reader) bool {
		number, ok := r.number()
		if !ok {
			return false
		}
		n, ok := integer(number)
		if ok {
			*field(r.event) = Count{Value: n, Known: true}
		}
		return ok
	}
}

// flag reads a truth value.
func flag(field func(*Event) *Flag) func(*reader) bool {
	return func(r *reader) bool {
		b := r.peek()
		if b != 't' && b != 'f' {
			return false
		}
		r.raw()
		*field(r.event) = Flag{Value: b == 't', Known: true}
		return true
	}
}

// results reads a map of names to anything.
func results(field func(*Event) *[]Result) func(*reader) bool {
	return func(r *reader) bool {
		if r.peek() != '{' {
			return false
		}
		all := []Result{}
		r.open()
		for r.more() {
			name := r.name()
			all = append(all, Result{Name: name, Value: r.json(r.raw())})
		}
		*field(r.event) = all
		return true
	}
}

// links reads an array of links: each a text, or an object with a url.
func (r *reader) links() bool {
	if r.peek() != '[' {
		return false
	}
	links := []Link{}
	r.open()
	for r.more() {
		start, end := r.raw()
		after := r.at
		r.at = start
		url := ""
		switch r.peek() {
		case '"':
			url = r.string()
		case '{':
			r.open()
			for url == "" && r.more() {
				if r.name() == "url" && r.peek() == '"' {
					url = r.string()
				} else {
					r.raw()
				}
			}
		}
		r.at = after
		links = append(links, Link{URL: url, Raw: r.json(start, end)})
	}
	r.event.Content.Links = links
	return true
}

// texts reads an array of rows, or a map of names to rows.
func (r *reader) texts() (ok bool) {
	var groups []Group
	switch r.peek() {
	case '{':
		groups, ok = r.groups()
	case '[':
		var rows []Row
		if rows, ok = r.rows(); len(rows) > 0 {
			groups = []Group{{Rows: rows}}
		} else {
			groups = []Group{}
		}
	}
	if ok {
		r.event.TextGroups = groups
	}
	return ok
}

// lists reads a map of names to rows, or an array of arrays of rows and nulls.
func (r *reader) lists() (ok bool) {
	var groups []Group
	switch r.peek() {
	case '{':
		groups, ok = r.groups()
	case '[':
		groups, ok = []Group{}, true
		r.open()
		for ok && r.more() {
			var g Group
			g, ok = r.group("list_" + strconv.Itoa(len(groups)))
			groups = append(groups, g)
		}
	}
	if ok {
		r.event.Lists = groups
	}
	return ok
}

// groups reads a map of names to rows.
func (r *reader) groups() ([]Group, bool) {
	groups := []Group{}
	r.open()
	for r.more() {
		g, ok := r.group(r.name())
		if !ok {
			return nil, false
		}
		groups = append(groups, g)
	}
	return groups, true
}

// group reads an array of rows, one row, or null.
func (r *reader) group(name string) (g Group, ok bool) {
	g.Name = name
	switch r.peek() {
	case '[':
		g.Rows, ok = r.rows()
	case '{':
		var row Row
		row, ok = r.row()
		g.Rows = []Row{row}
	case 'n':
		r.raw()
		g.Null, ok = true, true
	}
	return g, ok
}

func (r *reader) rows() ([]Row, bool) {
	rows := []Row{}
	r.open()
	for r.more() {
		if r.peek() != '{' {
			return nil, false
		}
		row, ok := r.row()
		if !ok {
			return nil, false
		}
		rows = append(rows, row)
	}
	return rows, true
}

// row reads an object whose members are texts and nulls.
func (r *reader) row() (Row, bool) {
	start := len(r.cells)
	r.open()
	for r.more() {
		cell := Cell{Name: r.name()}
		switch r.peek() {
		case '"':
			cell.Text = r.string()
		case 'n':
			r.raw()
			cell.Null = true
		default:
			return nil, false
		}
		if len(r.cells) == cap(r.cells) { // rows that are complete stay where they are
			begun := r.cells[start:]
			r.cells = append(make([]Cell, 0, 2*len(begun)+min(max(8, len(r.cells)), 512)), begun...)
			start = 0
		}
		r.cells = append(r.cells, cell)
	}
	return Row(r.cells[start:len(r.cells):len(r.cells)]), true
}

// stripANSI returns text without the escape sequences of terminals.
func stripANSI(text string) string {
	if strings.IndexByte(text, 0x1b) < 0 {
		return text
	}
	return ansi.ReplaceAllString(text, "")
}

// ansi matches a control sequence, a control string such as the title of a
// window, or another escape sequence (ECMA-48, sections 5.3, 5.4 and 5.6).
var ansi = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)`)
