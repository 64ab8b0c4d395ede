package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// Parse returns the event of a payload that conforms or deviates. It is short for
// the method of the zero [Parser], so times that servers write in their own
// locale and zone stay unknown.
func Parse(payload []byte) (*Event, error) { return Parser{}.Parse(payload) }

// A Parser parses payloads. The zero value knows run times that are RFC 3339
// date-times, and no others; with Zone, and Locale or Layouts, it also knows those of
// servers that use them. It may be used by several goroutines at once.
type Parser struct {
	// Zone is the zone of the servers that write run times in local time. If it is
	// nil, the instants of such times are not known.
	Zone *time.Location
	// Locale is the locale of those servers, which tells how they write run times. An
	// instant is known if there is one way to read the time, or several read it as the
	// same one, and if the clocks of Zone showed it exactly once. They show an hour
	// twice when they are set back, and leave one out when they are set forward.
	Locale *Locale
	// Layouts are other ways in which they write run times: layouts of package time
	// that have a date and a time and no zone.
	Layouts []string
	// Provenance is true for events that say where their values came from. That takes
	// several times as much memory as the payload.
	Provenance bool
}

// An InvalidError says what is wrong with a payload: for one to be parsed, why it neither
// conforms nor deviates; for one to be built, why it doesn't conform.
type InvalidError struct {
	// Report has the findings. Its verdict is [conformance.Invalid], or, for a payload to
	// be built, possibly [conformance.Deviates].
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
	if !accepts(payload) {
		if report := asReceiver.Check(payload); report.Verdict == conformance.Invalid {
			return nil, &InvalidError{Report: report}
		}
	}
	r := reader{cursor: cursor{text: string(payload)}, parser: p, names: loadNames(), event: &Event{Payload: payload}}
	r.read()
	if p.Provenance {
		r.event.Provenance = r.provenance()
	}
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
	within *object // what has the member that is being read into its field
	called string  // the name of that member
	// sources are where the fields that have values got them, if that is asked for.
	sources []source
}

// An alias is the member that has filled a field under a name that isn't the
// event's own.
type alias struct {
	field      int
	object     *object
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

// member reads a value into the field of m. It reports whether that could be, and
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
		if i = slices.IndexFunc(r.other, func(a alias) bool { return a.field == m.field }); i < 0 || !own || r.nothing() {
			return false
		}
	}
	start, nothing := r.at, r.nothing()
	r.within, r.called = o, name
	if !m.take(r) {
		return false
	}
	if nothing { // another name may have more
		return true
	}
	r.filled |= 1 << m.field
	if !own {
		r.other = append(r.other, alias{m.field, o, name, start, r.at})
	}
	if i >= 0 {
		a := r.other[i]
		r.other = slices.Delete(r.other, i, i+1)
		r.keep(a.object, a.name, a.start, a.end)
	}
	if r.parser.Provenance {
		r.sources = slices.DeleteFunc(r.sources, func(s source) bool { return s.field == m.pointer })
		r.sources = append(r.sources, source{m.pointer, o.place + "/" + jsonpointer.Escape(name), start})
	}
	return true
}

// keep enters a member that has no field into Extra.
func (r *reader) keep(o *object, name string, start, end int) {
	i, _ := slices.BinarySearch(r.starts, start)
	r.starts = slices.Insert(r.starts, i, start)
	r.event.Extra = slices.Insert(r.event.Extra, i, Member{
		Pointer: o.place + "/" + jsonpointer.Escape(name),
		Value:   r.json(start, end),
	})
}

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
	"/" + eventTypeName: func(r *reader) bool { return r.text(&r.event.RawType) },
	"/timestamp": func(r *reader) bool {
		ok := r.text(&r.event.RawTimestamp)
		if ok {
			r.event.Timestamp, _ = parseRFC3339(r.event.RawTimestamp)
		}
		return ok
	},
	"/webhook_id": func(r *reader) bool { return r.textOrNumber(&r.event.EndpointID) },

	"/data/robot_id":            func(r *reader) bool { return r.text(&r.event.Run.RobotID) },
	"/data/run_id":              func(r *reader) bool { return r.text(&r.event.Run.ID) },
	"/data/robot_name":          func(r *reader) bool { return r.textOrNumber(&r.event.Run.RobotName) },
	"/data/status":              func(r *reader) bool { return r.text((*string)(&r.event.Run.Status)) },
	"/data/started_at":          func(r *reader) bool { return r.time(&r.event.Run.StartedAt) },
	"/data/finished_at":         func(r *reader) bool { return r.time(&r.event.Run.FinishedAt) },
	"/data/execution_time_ms":   func(r *reader) bool { return r.count(&r.event.Run.ExecutionTimeMS) },
	"/data/metadata/browser_id": func(r *reader) bool { return r.text(&r.event.Run.BrowserID) },
	"/data/metadata/user_id":    func(r *reader) bool { return r.textOrNumber(&r.event.Run.UserID) },
	"/data/metadata/test_mode":  func(r *reader) bool { return r.flag(&r.event.Run.TestMode) },

	"/data/extracted_data/captured_texts": (*reader).texts,
	"/data/extracted_data/captured_lists": (*reader).lists,

	"/data/extracted_data/total_rows":                  func(r *reader) bool { return r.count(&r.event.Counts.Rows) },
	"/data/extracted_data/captured_texts_count":        func(r *reader) bool { return r.count(&r.event.Counts.Texts) },
	"/data/extracted_data/captured_lists_count":        func(r *reader) bool { return r.count(&r.event.Counts.Lists) },
	"/data/extracted_data/screenshots_count":           func(r *reader) bool { return r.count(&r.event.Counts.Screenshots) },
	"/data/extracted_data/total_data_points_extracted": func(r *reader) bool { return r.count(&r.event.Counts.DataPoints) },

	"/data/text":                       func(r *reader) bool { return r.text(&r.event.Content.Text) },
	"/data/markdown":                   func(r *reader) bool { return r.text(&r.event.Content.Markdown) },
	"/data/html":                       func(r *reader) bool { return r.text(&r.event.Content.HTML) },
	"/data/summary":                    func(r *reader) bool { return r.text(&r.event.Content.Summary) },
	"/data/links":                      func(r *reader) bool { return r.links(&r.event.Content.Links) },
	"/data/screenshot_visible":         func(r *reader) bool { return r.text(&r.event.Content.VisibleScreenshot) },
	"/data/screenshot_fullpage":        func(r *reader) bool { return r.text(&r.event.Content.FullPageScreenshot) },
	"/data/extracted_data/crawl_data":  (*reader).crawls,
	"/data/extracted_data/search_data": (*reader).searches,

	errorPlace + "/message": func(r *reader) bool { return r.text(&r.event.Error.RawMessage) },
	errorPlace + "/type":    func(r *reader) bool { return r.text(&r.event.Error.Type) },
	errorPlace + "/stack":   func(r *reader) bool { return r.text(&r.event.Error.RawStack) },

	"/data/partial_data_extracted": func(r *reader) bool { return r.flag(&r.event.Partial) },
}

// text reads a string.
func (r *reader) text(into *string) bool {
	if r.peek() != '"' {
		return false
	}
	*into = r.string()
	return true
}

// textOrNumber reads a string, or a number as it is written.
func (r *reader) textOrNumber(into *string) bool {
	if r.text(into) {
		return true
	}
	number, ok := r.number()
	if ok {
		*into = number
	}
	return ok
}

// time reads a time.
func (r *reader) time(into *Time) bool {
	if r.peek() != '"' {
		return false
	}
	*into = r.parser.time(r.string())
	return true
}

// count reads a whole number.
func (r *reader) count(into *Count) bool {
	number, ok := r.number()
	if !ok {
		return false
	}
	n, ok := integer(number)
	if ok {
		*into = Count{Value: n, Known: true}
	}
	return ok
}

// flag reads a truth value.
func (r *reader) flag(into *Flag) bool {
	b := r.peek()
	if b != 't' && b != 'f' {
		return false
	}
	r.raw()
	*into = Flag{Value: b == 't', Known: true}
	return true
}

// links reads an array of links: each a text, or an object with a url.
func (r *reader) links(into *[]Link) bool {
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
	*into = links
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
