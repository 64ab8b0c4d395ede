package event

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// canonicalVersion is the version of the canonical form.
const canonicalVersion = 1

// MarshalJSON returns the canonical form of the event, which the schema
// canonical/run-event.json describes: one line of JSON that says all that the payload does,
// under the same names whatever the payload calls them. The error is for a text that isn't
// UTF-8, which no parsed event has.
//
// [json.Marshal] calls MarshalJSON, and then checks and copies what it returns. A call
// of MarshalJSON itself is faster.
func (e Event) MarshalJSON() ([]byte, error) {
	w := writer{out: make([]byte, 0, 512+len(e.Payload)+len(e.Payload)/8)}
	w.begin('{')
	w.number("version", canonicalVersion)
	w.text("type", string(e.Type))
	w.text("raw_type", e.RawType)
	w.time("timestamp", Time{Raw: e.RawTimestamp, Instant: e.Timestamp, Known: !e.Timestamp.IsZero()})
	w.optional("endpoint_id", e.EndpointID)

	w.member("run")
	w.begin('{')
	w.text("id", e.Run.ID)
	w.text("robot_id", e.Run.RobotID)
	w.optional("robot_name", e.Run.RobotName)
	w.text("status", string(e.Run.Status))
	w.time("started_at", e.Run.StartedAt)
	w.time("finished_at", e.Run.FinishedAt)
	w.optional("browser_id", e.Run.BrowserID)
	w.optional("user_id", e.Run.UserID)
	w.flag("test_mode", e.Run.TestMode)
	w.known("execution_time_ms", e.Run.ExecutionTimeMS)
	w.end('}')

	w.groups("texts", e.TextGroups)
	w.groups("lists", e.Lists)

	w.member("counts")
	w.begin('{')
	w.known("rows", e.Counts.Rows)
	w.known("texts", e.Counts.Texts)
	w.known("lists", e.Counts.Lists)
	w.known("screenshots", e.Counts.Screenshots)
	w.known("data_points", e.Counts.DataPoints)
	w.end('}')

	w.content(&e.Content)

	if e.Error != nil {
		w.member("error")
		w.begin('{')
		w.text("message", e.Error.Message)
		w.differing("raw_message", e.Error.RawMessage, e.Error.Message)
		w.optional("type", e.Error.Type)
		w.optional("stack", e.Error.Stack)
		w.differing("raw_stack", e.Error.RawStack, e.Error.Stack)
		w.end('}')
	}
	w.flag("partial", e.Partial)
	w.extra(e.Extra)
	if len(e.Provenance) > 0 {
		w.member("provenance")
		w.begin('{')
		for _, o := range e.Provenance {
			w.text(o.Canonical, o.Payload)
		}
		w.end('}')
	}
	w.end('}')
	if !utf8.Valid(w.out) {
		return nil, errors.New("event: a text of the event is not UTF-8")
	}
	return w.out, nil
}

func (w *writer) content(c *Content) {
	w.member("content")
	w.begin('{')
	w.optional("text", c.Text)
	w.optional("markdown", c.Markdown)
	w.optional("html", c.HTML)
	w.optional("summary", c.Summary)
	w.links(c.Links)
	w.optional("visible_screenshot", c.VisibleScreenshot)
	w.optional("full_page_screenshot", c.FullPageScreenshot)
	w.member("crawls")
	w.begin('[')
	for i := range c.Crawl {
		w.crawl(&c.Crawl[i])
	}
	w.end(']')
	w.member("searches")
	w.begin('[')
	for i := range c.Search {
		w.search(&c.Search[i])
	}
	w.end(']')
	w.end('}')
}

func (w *writer) crawl(c *Crawl) {
	w.separate()
	w.begin('{')
	w.text("name", c.Name)
	w.member("pages")
	w.begin('[')
	for i := range c.Pages {
		p := &c.Pages[i]
		w.separate()
		w.begin('{')
		w.optional("url", p.URL)
		w.optional("source_url", p.SourceURL)
		w.known("status_code", p.StatusCode)
		w.known("depth", p.Depth)
		w.optional("title", p.Title)
		w.optional("description", p.Description)
		w.optional("language", p.Language)
		w.optional("favicon", p.Favicon)
		w.time("scraped_at", p.ScrapedAt)
		w.known("word_count", p.WordCount)
		w.optional("text", p.Text)
		w.optional("markdown", p.Markdown)
		w.optional("html", p.HTML)
		w.links(p.Links)
		w.extra(p.Extra)
		w.end('}')
	}
	w.end(']')
	if c.Pages == nil {
		w.value("value", c.Value)
	}
	w.end('}')
}

func (w *writer) search(s *Search) {
	w.separate()
	w.begin('{')
	w.text("name", s.Name)
	w.optional("query", s.Query)
	w.optional("provider", s.Provider)
	w.time("searched_at", s.SearchedAt)
	w.known("result_count", s.ResultCount)
	w.member("results")
	w.begin('[')
	for i := range s.Results {
		r := &s.Results[i]
		w.separate()
		w.begin('{')
		w.optional("url", r.URL)
		w.optional("title", r.Title)
		w.optional("description", r.Description)
		w.known("position", r.Position)
		w.extra(r.Extra)
		w.end('}')
	}
	w.end(']')
	w.extra(s.Extra)
	if len(s.Value) > 0 && s.Value[0] != '{' {
		w.value("value", s.Value)
	}
	w.end('}')
}

func (w *writer) groups(name string, groups []Group) {
	w.member(name)
	w.begin('[')
	for _, g := range groups {
		w.separate()
		w.begin('{')
		w.text("name", g.Name)
		w.member("columns")
		w.begin('[')
		for _, column := range columns(g.Rows) {
			w.separate()
			w.quote(column)
		}
		w.end(']')
		w.member("rows")
		w.rows(g.Rows)
		if g.Null {
			w.flag("null", Flag{Value: true, Known: true})
		}
		w.end('}')
	}
	w.end(']')
}

// columns returns the names of the cells of all rows in the order in which they first
// appear.
func columns(rows []Row) (names []string) {
	if len(rows) > 0 {
		names = make([]string, 0, len(rows[0]))
	}
	const few = 16 // names, which are found as fast without an index
	var index map[string]bool
	for _, row := range rows {
		next := 0 // column, if the row is as the one before
		for _, cell := range row {
			if next < len(names) && names[next] == cell.Name {
				next++
				continue
			}
			if len(names) <= few {
				if i := slices.Index(names, cell.Name); i >= 0 {
					next = i + 1
					continue
				}
			} else {
				if index == nil {
					index = make(map[string]bool)
					for _, name := range names {
						index[name] = true
					}
				}
				if index[cell.Name] {
					continue
				}
				index[cell.Name] = true
			}
			names = append(names, cell.Name)
			next = len(names)
		}
	}
	return names
}

func (w *writer) links(links []Link) {
	w.member("links")
	w.begin('[')
	for _, l := range links {
		w.separate()
		w.begin('{')
		start := len(w.out)
		w.optional("url", l.URL)
		if !isURL(l.Raw, l.URL, w.out[start:]) {
			w.value("value", l.Raw)
		}
		w.end('}')
	}
	w.end(']')
}

// isURL reports whether a link as sent is an object that has the url and nothing else.
// The member is how that is usually written.
func isURL(raw []byte, url string, member []byte) bool {
	if url == "" {
		return false
	}
	if len(raw) == len(member)+len("{}") && bytes.Equal(raw[1:len(raw)-1], member) {
		return true
	}
	in := jsontext.NewDecoder(bytes.NewReader(raw))
	for _, want := range []string{"{", "url", url, "}"} {
		if token, err := in.ReadToken(); err != nil || token.String() != want {
			return false
		}
	}
	return true
}

func (w *writer) extra(members []Member) {
	w.member("extra")
	w.begin('[')
	for _, m := range members {
		w.separate()
		w.begin('{')
		w.text("pointer", m.Pointer)
		w.value("value", m.Value)
		w.end('}')
	}
	w.end(']')
}

// time writes a time that was sent.
func (w *writer) time(name string, t Time) {
	if t.Raw == "" && !t.Known {
		return
	}
	instant := ""
	if u := t.Instant.UTC(); t.Known && u.Year() >= 0 && u.Year() <= 9999 { // or RFC 3339 has no form for it
		instant = u.Format(time.RFC3339Nano)
	}
	w.member(name)
	w.begin('{')
	w.text("raw", cmp.Or(t.Raw, instant))
	w.optional("instant", instant)
	w.end('}')
}

func (w *writer) flag(name string, f Flag) {
	if f.Known {
		w.member(name)
		w.out = strconv.AppendBool(w.out, f.Value)
	}
}

func (w *writer) known(name string, c Count) {
	if c.Known {
		w.number(name, c.Value)
	}
}

// differing writes a text that isn't the other one.
func (w *writer) differing(name, value, other string) {
	if value != other {
		w.optional(name, value)
	}
}

// value writes JSON, on one line.
func (w *writer) value(name string, value json.RawMessage) {
	w.member(name)
	switch {
	case len(value) == 0:
		w.out = append(w.out, "null"...)
	case bytes.ContainsAny(value, "\n\r\t"):
		out := bytes.NewBuffer(w.out)
		if json.Compact(out, value) == nil {
			w.out = out.Bytes()
			return
		}
		fallthrough // for json.Marshal to refuse
	default:
		w.out = append(w.out, value...)
	}
}
