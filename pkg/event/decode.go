package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// UnmarshalJSON reads an event from its canonical form, as [Event.MarshalJSON] writes it.
// It is the event of the payload without what is part of the payload itself: Payload is
// nil, and so is Value of a [Crawl] or a [Search] of the usual form. So there is nothing
// for Report and Deviations to judge. Lists that are empty are nil.
//
// Members that this version doesn't know are left out. The error says what breaks the
// schema canonical/run-event.json. A payload also breaks it: use [Parse] for those.
func (e *Event) UnmarshalJSON(canonical []byte) error {
	if bytes.Equal(canonical, []byte("null")) { // by convention
		return nil
	}
	in := jsontext.NewDecoder(bytes.NewReader(canonical))
	if _, err := in.ReadValue(); err != nil {
		return fmt.Errorf("event: not strict JSON: %w", err)
	}
	if _, err := in.ReadToken(); err != io.EOF {
		return errors.New("event: something follows the canonical event")
	}
	read := Event{}
	d := decoder{reader: reader{cursor: cursor{text: string(canonical)}, event: &read}}
	missing := []string{"version", "type", "raw_type", "timestamp", "run"}
	payload := false
	d.object(func(name string) bool {
		if i := slices.Index(missing, name); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		}
		payload = payload || name == eventTypeName
		return d.event(name)
	})
	switch {
	case payload:
		return errors.New("event: this is a payload, not a canonical event: event.Parse reads it")
	case d.err != nil:
		return d.err
	case len(missing) > 0:
		return fmt.Errorf("event: a canonical event has a %s, and this has none", missing[0])
	}
	*e = read
	return nil
}

// A decoder reads a canonical event.
type decoder struct {
	reader
	err error // the first
}

// event reads a member of the event.
func (d *decoder) event(name string) bool {
	e := d.reader.event
	switch name {
	case "version":
		var version Count
		d.count(&version)
		if version.Value != canonicalVersion && d.err == nil {
			d.err = fmt.Errorf("event: a canonical event of version %d; this is for version %d: take a newer Runhooks", version.Value, canonicalVersion)
		}
	case "type":
		d.text((*string)(&e.Type))
	case "raw_type":
		d.text(&e.RawType)
	case "timestamp":
		var t Time
		d.time(&t)
		e.RawTimestamp, e.Timestamp = t.Raw, t.Instant
	case "endpoint_id":
		d.text(&e.EndpointID)
	case "run":
		d.object(d.run)
	case "texts":
		e.TextGroups = d.groups()
	case "lists":
		e.Lists = d.groups()
	case "counts":
		d.object(d.counts)
	case "content":
		d.object(d.content)
	case "error":
		if d.null() {
			return true
		}
		e.Error = new(Error)
		d.object(d.failure)
		if e.Error.RawMessage == "" {
			e.Error.RawMessage = e.Error.Message
		}
		if e.Error.RawStack == "" {
			e.Error.RawStack = e.Error.Stack
		}
	case "partial":
		d.flag(&e.Partial)
	case "extra":
		d.extra(&e.Extra)
	case "provenance":
		d.object(func(canonical string) bool {
			o := Origin{Canonical: canonical}
			d.text(&o.Payload)
			e.Provenance = append(e.Provenance, o)
			return true
		})
	default:
		return false
	}
	return true
}

func (d *decoder) run(name string) bool {
	run := &d.reader.event.Run
	switch name {
	case "id":
		d.text(&run.ID)
	case "robot_id":
		d.text(&run.RobotID)
	case "robot_name":
		d.text(&run.RobotName)
	case "status":
		d.text((*string)(&run.Status))
	case "started_at":
		d.time(&run.StartedAt)
	case "finished_at":
		d.time(&run.FinishedAt)
	case "browser_id":
		d.text(&run.BrowserID)
	case "user_id":
		d.text(&run.UserID)
	case "test_mode":
		d.flag(&run.TestMode)
	case "execution_time_ms":
		d.count(&run.ExecutionTimeMS)
	default:
		return false
	}
	return true
}

func (d *decoder) counts(name string) bool {
	counts := &d.reader.event.Counts
	switch name {
	case "rows":
		d.count(&counts.Rows)
	case "texts":
		d.count(&counts.Texts)
	case "lists":
		d.count(&counts.Lists)
	case "screenshots":
		d.count(&counts.Screenshots)
	case "data_points":
		d.count(&counts.DataPoints)
	default:
		return false
	}
	return true
}

func (d *decoder) failure(name string) bool {
	failure := d.reader.event.Error
	switch name {
	case "message":
		d.text(&failure.Message)
	case "raw_message":
		d.text(&failure.RawMessage)
	case "type":
		d.text(&failure.Type)
	case "stack":
		d.text(&failure.Stack)
	case "raw_stack":
		d.text(&failure.RawStack)
	default:
		return false
	}
	return true
}

func (d *decoder) content(name string) bool {
	c := &d.reader.event.Content
	switch name {
	case "text":
		d.text(&c.Text)
	case "markdown":
		d.text(&c.Markdown)
	case "html":
		d.text(&c.HTML)
	case "summary":
		d.text(&c.Summary)
	case "links":
		d.links(&c.Links)
	case "visible_screenshot":
		d.text(&c.VisibleScreenshot)
	case "full_page_screenshot":
		d.text(&c.FullPageScreenshot)
	case "crawls":
		list(d, &c.Crawl, d.crawl)
	case "searches":
		list(d, &c.Search, d.search)
	default:
		return false
	}
	return true
}

func (d *decoder) crawl(c *Crawl) {
	d.object(func(name string) bool {
		switch name {
		case "name":
			d.text(&c.Name)
		case "pages":
			list(d, &c.Pages, d.page)
		case "value":
			c.Value = d.value()
		default:
			return false
		}
		return true
	})
	if c.Pages == nil && c.Value == nil {
		c.Pages = []Page{}
	}
}

func (d *decoder) page(p *Page) {
	d.object(func(name string) bool {
		switch name {
		case "url":
			d.text(&p.URL)
		case "source_url":
			d.text(&p.SourceURL)
		case "status_code":
			d.count(&p.StatusCode)
		case "depth":
			d.count(&p.Depth)
		case "title":
			d.text(&p.Title)
		case "description":
			d.text(&p.Description)
		case "language":
			d.text(&p.Language)
		case "favicon":
			d.text(&p.Favicon)
		case "scraped_at":
			d.time(&p.ScrapedAt)
		case "word_count":
			d.count(&p.WordCount)
		case "text":
			d.text(&p.Text)
		case "markdown":
			d.text(&p.Markdown)
		case "html":
			d.text(&p.HTML)
		case "links":
			d.links(&p.Links)
		case "extra":
			d.extra(&p.Extra)
		default:
			return false
		}
		return true
	})
}

func (d *decoder) search(s *Search) {
	d.object(func(name string) bool {
		switch name {
		case "name":
			d.text(&s.Name)
		case "query":
			d.text(&s.Query)
		case "provider":
			d.text(&s.Provider)
		case "searched_at":
			d.time(&s.SearchedAt)
		case "result_count":
			d.count(&s.ResultCount)
		case "results":
			list(d, &s.Results, d.result)
		case "extra":
			d.extra(&s.Extra)
		case "value":
			s.Value = d.value()
		default:
			return false
		}
		return true
	})
}

func (d *decoder) result(r *SearchResult) {
	d.object(func(name string) bool {
		switch name {
		case "url":
			d.text(&r.URL)
		case "title":
			d.text(&r.Title)
		case "description":
			d.text(&r.Description)
		case "position":
			d.count(&r.Position)
		case "extra":
			d.extra(&r.Extra)
		default:
			return false
		}
		return true
	})
}

func (d *decoder) groups() (groups []Group) {
	list(d, &groups, func(g *Group) {
		d.object(func(name string) bool {
			switch name {
			case "name":
				d.text(&g.Name)
			case "rows":
				start, ok := d.at, d.peek() == '['
				if ok {
					g.Rows, ok = d.rows()
				}
				if !ok {
					d.at = start
					d.wrong("a list of objects that hold texts and nulls")
				}
			case "null":
				var null Flag
				d.flag(&null)
				g.Null = null.Value
			default:
				return false
			}
			return true
		})
		if g.Null {
			g.Rows = nil
		}
	})
	return groups
}

func (d *decoder) links(into *[]Link) {
	list(d, into, func(l *Link) {
		d.object(func(name string) bool {
			switch name {
			case "url":
				d.text(&l.URL)
			case "value":
				l.Raw = d.value()
			default:
				return false
			}
			return true
		})
		if l.Raw == nil {
			var w writer
			w.begin('{')
			w.optional("url", l.URL)
			w.end('}')
			l.Raw = w.out
		}
	})
}

func (d *decoder) extra(into *[]Member) {
	list(d, into, func(m *Member) {
		d.object(func(name string) bool {
			switch name {
			case "pointer":
				d.text(&m.Pointer)
			case "value":
				m.Value = d.value()
			default:
				return false
			}
			return true
		})
	})
}

// object reads an object. The function reads the value of a member that it knows.
func (d *decoder) object(member func(name string) bool) {
	if d.null() {
		return
	}
	if d.peek() != '{' {
		d.wrong("an object")
		return
	}
	d.open()
	for d.more() {
		if !member(d.name()) {
			d.raw()
		}
	}
}

// list reads a list.
func list[T any](d *decoder, into *[]T, element func(*T)) {
	if d.null() {
		return
	}
	if d.peek() != '[' {
		d.wrong("a list")
		return
	}
	d.open()
	for d.more() {
		var one T
		element(&one)
		*into = append(*into, one)
	}
}

func (d *decoder) text(into *string) {
	if !d.null() && !d.reader.text(into) {
		d.wrong("a text")
	}
}

func (d *decoder) count(into *Count) {
	start := d.at
	if !d.null() && !d.reader.count(into) {
		d.at = start
		d.wrong("a whole number of 64 bits")
	}
}

func (d *decoder) flag(into *Flag) {
	if !d.null() && !d.reader.flag(into) {
		d.wrong("true or false")
	}
}

// time reads a time. What its text alone doesn't tell, the instant does.
func (d *decoder) time(into *Time) {
	var raw, instant string
	start := d.at
	d.object(func(name string) bool {
		switch name {
		case "raw":
			d.text(&raw)
		case "instant":
			d.text(&instant)
		default:
			return false
		}
		return true
	})
	*into = d.parser.time(raw)
	if !into.Known && instant != "" {
		if into.Instant, into.Known = parseRFC3339(instant); !into.Known {
			d.at = start
			d.wrong("an RFC 3339 date-time as the instant")
		}
	}
}

// value reads a value of any type.
func (d *decoder) value() json.RawMessage {
	start, end := d.raw()
	return json.RawMessage(d.cursor.text[start:end])
}

// null passes a null, which is as good as an absent member.
func (d *decoder) null() bool {
	null := d.peek() == 'n'
	if null {
		d.raw()
	}
	return null
}

// wrong passes a value that isn't what is wanted.
func (d *decoder) wrong(want string) {
	start, _ := d.raw()
	if d.err != nil {
		return
	}
	in := jsontext.NewDecoder(bytes.NewBufferString(d.cursor.text))
	for in.InputOffset() <= int64(start) {
		if _, err := in.ReadToken(); err != nil {
			break
		}
	}
	place := string(in.StackPointer())
	if place == "" {
		d.err = fmt.Errorf("event: not a canonical event: want %s", want)
		return
	}
	d.err = fmt.Errorf("event: not a canonical event: at %.200q: want %s", place, want)
}
