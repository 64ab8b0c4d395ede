// Package rowtable makes tables of the rows that events hold, and writes them as CSV.
//
// The columns of a table are known only when all its rows are. Until then rows are in
// a temporary file, so that memory is bounded by the largest event and the names of
// columns and lists.
package rowtable

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/runhooks/runhooks/internal/spool"
	"github.com/runhooks/runhooks/pkg/event"
)

const (
	// MaxColumns is the most columns of a table. Spreadsheets open no more.
	MaxColumns = 16_384
	// MaxTables is the most tables of a [Set] with one for each list.
	MaxTables = 10_000
)

// lead are the columns that every table starts with. They say where a row is from.
var lead = []string{"timestamp", "robot_id", "robot_name", "run_id", "run_status", "kind", "list", "row"}

// A Set is the tables of events. Its zero value puts all rows into one.
type Set struct {
	// PerList makes a table for each list of each robot, and for each group of texts.
	PerList bool

	tables []*Table
	index  map[key]*Table
	rows   spool.File
	chunk  []byte // used again and again
}

// The kinds of rows.
const (
	text   = "text"
	list   = "list"
	crawl  = "crawl"
	search = "search"
)

// key is what rows of one table have in common.
type key struct{ robotID, kind, list string }

// A Table is rows with their columns.
type Table struct {
	// RobotID, RobotName, Kind and List say of which list the rows are, if there is a
	// table for each. The name is that of the first event.
	RobotID, RobotName, Kind, List string
	// Rows is how many there are.
	Rows int64

	columns     []string
	index       map[string]int
	first, last int64 // where chunks start, or -1
	rows        *spool.File
}

// Close lets go of the rows.
func (s *Set) Close() error { return s.rows.Close() }

// Tables returns the tables, in the order of their first rows. A set of one table
// has it also where there are no rows.
func (s *Set) Tables() []*Table {
	if !s.PerList && len(s.tables) == 0 {
		return []*Table{{first: -1, last: -1}}
	}
	return s.tables
}

// Add adds the rows of an event: those of its texts and lists, the pages of crawls, and
// the results of searches.
func (s *Set) Add(e *event.Event) error {
	for _, kind := range []struct {
		name   string
		groups []event.Group
	}{{text, e.TextGroups}, {list, e.Lists}, {crawl, crawls(e)}, {search, searches(e)}} {
		for _, g := range kind.groups {
			if len(g.Rows) == 0 {
				continue
			}
			t, err := s.table(e, kind.name, g.Name)
			if err == nil {
				err = s.add(t, e, kind.name, g)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// table returns the table for the rows of a list.
func (s *Set) table(e *event.Event, kind, list string) (*Table, error) {
	k := key{}
	if s.PerList {
		k = key{e.Run.RobotID, kind, list}
	}
	if t := s.index[k]; t != nil {
		return t, nil
	}
	if len(s.tables) == MaxTables {
		return nil, fmt.Errorf("the rows are those of more than %d lists: put them into one table", MaxTables)
	}
	t := &Table{index: map[string]int{}, first: -1, last: -1, rows: &s.rows}
	if s.PerList {
		t.RobotID, t.RobotName, t.Kind, t.List = e.Run.RobotID, e.Run.RobotName, kind, list
	}
	if s.index == nil {
		s.index = map[key]*Table{}
	}
	s.tables, s.index[k] = append(s.tables, t), t
	return t, nil
}

// A chunk is rows of one group: the place of the table's next chunk, how many bytes
// follow, what the lead says of all rows but their numbers, the number of rows, and for
// each row its cells that have text, by the number of their column.
const chunkHead = 8 + 8

// add appends a chunk.
func (s *Set) add(t *Table, e *event.Event, kind string, g event.Group) error {
	b := append(s.chunk[:0], make([]byte, chunkHead)...)
	for _, from := range []string{moment(e), e.Run.RobotID, e.Run.RobotName, e.Run.ID, string(e.Run.Status), kind, g.Name} {
		b = appendText(b, from)
	}
	b = binary.AppendUvarint(b, uint64(len(g.Rows)))
	for _, row := range g.Rows {
		cells := 0
		for _, c := range row {
			if c.Text != "" {
				cells++
			}
		}
		b = binary.AppendUvarint(b, uint64(cells))
		for _, c := range row {
			column, ok := t.index[c.Name]
			if !ok { // also of a cell without text: the list has it
				if column = len(t.columns); len(lead)+column == MaxColumns {
					return fmt.Errorf("the rows have more than %d columns, the last of them %.60q: take the events instead of a table", MaxColumns, c.Name)
				}
				t.index[c.Name] = column
				t.columns = append(t.columns, c.Name)
			}
			if c.Text != "" {
				b = appendText(binary.AppendUvarint(b, uint64(column)), c.Text)
			}
		}
	}
	none := int64(-1)
	binary.LittleEndian.PutUint64(b, uint64(none))
	binary.LittleEndian.PutUint64(b[8:], uint64(len(b)-chunkHead))
	s.chunk = b
	at, err := s.rows.Append(b)
	if err != nil {
		return err
	}
	if t.first < 0 {
		t.first = at
	} else if _, err := s.rows.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(at)), t.last); err != nil {
		return err
	}
	t.last = at
	t.Rows += int64(len(g.Rows))
	return nil
}

// moment is when an event was triggered: in UTC and to the millisecond, so that texts sort
// as times do, or as sent.
func moment(e *event.Event) string {
	switch t := e.Timestamp.UTC(); {
	case e.Timestamp.IsZero():
		return e.RawTimestamp
	case t.Nanosecond()%1e6 != 0: // which no server is known to send
		return t.Format(time.RFC3339Nano)
	default:
		return t.Format("2006-01-02T15:04:05.000Z")
	}
}

// Header returns the names of the columns. Where one of the rows is called as one that
// says where a row is from, or as another that was renamed, it has a number behind it.
func (t *Table) Header() []string {
	header := append(make([]string, 0, len(lead)+len(t.columns)), lead...)
	for _, name := range t.columns {
		unique, taken := name, slices.Contains(lead, name)
		for n := 2; taken; n++ {
			unique = name + "_" + strconv.Itoa(n)
			_, taken = t.index[unique]
		}
		header = append(header, unique)
	}
	return header
}

// Options say how tables are written.
type Options struct {
	// Comma separates cells: a comma, unless it is another of , ; and tab.
	Comma byte
	// BOM starts a table with a byte order mark, by which Excel knows UTF-8.
	BOM bool
	// Raw writes cells that spreadsheets take for a formula as they are. Otherwise they
	// get an apostrophe in front, by which spreadsheets take them for text.
	Raw bool
}

// WriteCSV writes the table as CSV (RFC 4180) in UTF-8, with a line of names first. A null
// cell is empty.
func (t *Table) WriteCSV(out io.Writer, o Options) (Noted, error) {
	w := newWriter(out, o)
	for _, name := range t.Header() {
		w.cell(name)
	}
	w.end()
	var head [chunkHead]byte
	var chunk []byte
	cells := make([]string, len(t.columns))
	for at := t.first; at >= 0; at = int64(binary.LittleEndian.Uint64(head[:])) {
		if _, err := t.rows.ReadAt(head[:], at); err != nil {
			return Noted{}, err
		}
		n := int(binary.LittleEndian.Uint64(head[8:]))
		chunk = slices.Grow(chunk[:0], n)[:n]
		if _, err := t.rows.ReadAt(chunk, at+chunkHead); err != nil {
			return Noted{}, err
		}
		r := chunkReader{string(chunk)}
		from := make([]string, len(lead)-1)
		for i := range from {
			from[i] = r.text()
		}
		for row := range r.number() {
			clear(cells)
			for range r.number() {
				column := r.number()
				cells[column] = r.text()
			}
			for _, text := range from {
				w.cell(text)
			}
			w.cell(strconv.FormatUint(row+1, 10))
			for _, text := range cells {
				w.cell(text)
			}
			w.end()
		}
	}
	return w.noted, w.flush()
}

// A chunkReader reads what was appended.
type chunkReader struct{ left string }

func (r *chunkReader) number() uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		b := r.left[0]
		r.left = r.left[1:]
		if n |= uint64(b&0x7f) << shift; b < 0x80 {
			return n
		}
	}
}

func (r *chunkReader) text() string {
	n := r.number()
	text := r.left[:n]
	r.left = r.left[n:]
	return text
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}
