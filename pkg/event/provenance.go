package event

import (
	"strconv"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// A source is a member of the payload whose value a field has.
type source struct {
	field string // its pointer, as in fields
	place string // of the member
	start int    // of the value
}

// provenance goes through the sources once more, to say where each value came from that
// the canonical form has.
func (r *reader) provenance() []Origin {
	t := tracer{reader: r}
	for _, s := range r.sources {
		r.at = s.start
		canonical := r.names.canonical[s.field]
		e := r.event
		switch s.field {
		case "/data/extracted_data/captured_texts":
			if r.peek() == '[' {
				t.rows(canonical+"/0", s.place)
			} else {
				t.groups(canonical, s.place)
			}
		case "/data/extracted_data/captured_lists":
			t.groups(canonical, s.place)
		case "/data/links":
			t.links(canonical, s.place)
		case "/data/extracted_data/crawl_data":
			t.each(canonical, s.place, func(i int, canonical, place string) {
				if e.Content.Crawl[i].Pages == nil {
					t.value(canonical+"/value", place)
					return
				}
				t.each(canonical+"/pages", place, func(_ int, canonical, place string) {
					trace(&t, r.names.page, canonical, place)
				})
			})
		case "/data/extracted_data/search_data":
			t.each(canonical, s.place, func(_ int, canonical, place string) {
				if r.peek() != '{' {
					t.value(canonical+"/value", place)
					return
				}
				trace(&t, r.names.search, canonical, place)
			})
		case errorPlace + "/message":
			if e.Error.RawMessage != e.Error.Message {
				canonical = "/error/raw_message"
			}
			t.value(canonical, s.place)
		case errorPlace + "/stack":
			if e.Error.RawStack != e.Error.Stack {
				canonical = "/error/raw_stack"
			}
			t.value(canonical, s.place)
		default:
			t.value(canonical, s.place)
		}
	}
	for i, m := range r.event.Extra {
		t.origins = append(t.origins, Origin{"/extra/" + strconv.Itoa(i) + "/value", m.Pointer})
	}
	return t.origins
}

// A tracer walks through values that a reader has read.
type tracer struct {
	*reader
	origins []Origin
}

// value enters the value that comes next.
func (t *tracer) value(canonical, place string) {
	t.raw()
	t.origins = append(t.origins, Origin{canonical, place})
}

// each calls a function before each element of an array, or value of an object. The
// canonical form has an array of them. The function passes the value.
func (t *tracer) each(canonical, place string, one func(i int, canonical, place string)) {
	object := t.peek() == '{'
	t.open()
	for i := 0; t.more(); i++ {
		at := strconv.Itoa(i)
		name := at
		if object {
			name = jsonpointer.Escape(t.name())
		}
		one(i, canonical+"/"+at, place+"/"+name)
	}
}

// groups enters the cells of groups: named or not, each an array of rows, one row, or
// null.
func (t *tracer) groups(canonical, place string) {
	t.each(canonical, place, func(_ int, canonical, place string) {
		switch t.peek() {
		case '[':
			t.rows(canonical, place)
		case '{':
			t.row(canonical+"/rows/0", place)
		default:
			t.raw()
		}
	})
}

// rows enters the cells of the rows of a group.
func (t *tracer) rows(canonical, place string) {
	t.each(canonical+"/rows", place, func(_ int, canonical, place string) { t.row(canonical, place) })
}

func (t *tracer) row(canonical, place string) {
	t.open()
	for t.more() {
		name := "/" + jsonpointer.Escape(t.name())
		t.value(canonical+name, place+name)
	}
}

// links enters the urls of links, and the values of those that the canonical form has.
func (t *tracer) links(canonical, place string) {
	t.each(canonical, place, func(_ int, canonical, place string) {
		start, text := t.at, t.peek() == '"'
		_, end := t.raw()
		url, only := "", false
		t.at = start
		if text {
			url = t.string()
		} else if t.peek() == '{' {
			members := 0
			t.open()
			for ; t.more(); members++ {
				if name := t.name(); url == "" && name == "url" && t.peek() == '"' {
					url = t.string()
				} else {
					t.raw()
				}
			}
			only = url != "" && members == 1
		}
		t.at = end
		switch {
		case url != "" && text:
			t.origins = append(t.origins, Origin{canonical + "/url", place})
		case url != "":
			t.origins = append(t.origins, Origin{canonical + "/url", place + "/url"})
		}
		if !only {
			t.origins = append(t.origins, Origin{canonical + "/value", place})
		}
	})
}

// trace enters the values of the object that comes next, as [fill] reads them.
func trace[T any](t *tracer, s *shape[T], canonical, place string) {
	var extra []string
	traceInto(t, s, canonical, place, &extra)
	for i, from := range extra {
		t.origins = append(t.origins, Origin{canonical + "/extra/" + strconv.Itoa(i) + "/value", from})
	}
}

func traceInto[T any](t *tracer, s *shape[T], canonical, place string, extra *[]string) {
	t.open()
	for t.more() {
		name := t.name()
		at := place + "/" + jsonpointer.Escape(name)
		start := t.at
		if within := s.within[name]; within != nil && t.peek() == '{' {
			traceInto(t, within, canonical, at, extra)
			continue
		}
		f := s.fields[name]
		var held T
		if f.take == nil || !f.take(t.reader, at, &held) {
			t.at = start
			t.raw()
			*extra = append(*extra, at)
			continue
		}
		t.at = start
		switch {
		case f.name == "links":
			t.links(canonical+"/links", at)
		case f.name == "results":
			t.each(canonical+"/results", at, func(_ int, canonical, place string) {
				trace(t, t.names.result, canonical, place)
			})
		case t.nothing():
			t.raw()
		default:
			t.value(canonical+"/"+f.name, at)
		}
	}
}
