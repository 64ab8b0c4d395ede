package rowtable_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"log"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/rowtable"
	"github.com/runhooks/runhooks/pkg/event"
)

// of returns an event with lists of rows, each row as name, text, name, text, ….
func of(run string, lists map[string][][]string) *event.Event {
	e := &event.Event{
		Timestamp: time.Date(2025, 5, 29, 17, 53, 15, 0, time.FixedZone("", 7200)),
		Run:       event.Run{ID: run, RobotID: "r1", RobotName: "Price watch", Status: event.StatusSuccess},
	}
	for _, name := range []string{"A", "a", "B"} {
		var g event.Group
		g.Name = name
		for _, cells := range lists[name] {
			var row event.Row
			for i := 0; i < len(cells); i += 2 {
				row = append(row, event.Cell{Name: cells[i], Text: cells[i+1], Null: cells[i+1] == ""})
			}
			g.Rows = append(g.Rows, row)
		}
		e.Lists = append(e.Lists, g)
	}
	return e
}

func Example() {
	var s rowtable.Set
	defer s.Close()
	if err := s.Add(of("run1", map[string][][]string{"A": {{"Title", "Lamp", "Price", "-5"}, {"Title", "=1+1"}}})); err != nil {
		log.Fatal(err)
	}
	var b strings.Builder
	for _, t := range s.Tables() {
		noted, err := t.WriteCSV(&b, rowtable.Options{Comma: ';'})
		fmt.Print(strings.ReplaceAll(b.String(), "\r\n", "\n"))
		fmt.Println(noted.Formulas, err)
	}
	// Output:
	// timestamp;robot_id;robot_name;run_id;run_status;kind;list;row;Title;Price
	// 2025-05-29T15:53:15.000Z;r1;Price watch;run1;success;list;A;1;Lamp;-5
	// 2025-05-29T15:53:15.000Z;r1;Price watch;run1;success;list;A;2;'=1+1;
	// 1 <nil>
}

func table(t *testing.T, of *rowtable.Table, o rowtable.Options) [][]string {
	t.Helper()
	var b bytes.Buffer
	if _, err := of.WriteCSV(&b, o); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\r\n"); n < 1 || !strings.HasSuffix(b.String(), "\r\n") {
		t.Errorf("lines don't end in CRLF: %q", b.String())
	}
	all, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The columns are those of all rows, in order of their first appearance, and one that
// is called as one of ours has another name.
func TestColumns(t *testing.T) {
	var s rowtable.Set
	defer s.Close()
	for i, lists := range []map[string][][]string{
		{"A": {{"x", "1", "row", "2"}}},
		{"B": {{"y", "3", "x", ""}, {}}},
		{},
		{"A": {{"row_2", "4", "y", "a,\"b\"\nc\r\nd"}}},
	} {
		if err := s.Add(of(fmt.Sprint(i), lists)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Tables()); n != 1 {
		t.Fatalf("there are %d tables", n)
	}
	got := table(t, s.Tables()[0], rowtable.Options{})
	for i := range got {
		got[i] = got[i][3:]
	}
	want := [][]string{
		{"run_id", "run_status", "kind", "list", "row", "x", "row_3", "y", "row_2"},
		{"0", "success", "list", "A", "1", "1", "2", "", ""},
		{"1", "success", "list", "B", "1", "", "", "3", ""},
		{"1", "success", "list", "B", "2", "", "", "", ""},
		{"3", "success", "list", "A", "1", "", "", "a,\"b\"\nc\nd", "4"}, // the reader changes the end of a line
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// One table for each list, also of more rows than are kept in memory.
func TestPerList(t *testing.T) {
	s := rowtable.Set{PerList: true}
	defer s.Close()
	const events = 3000
	for i := range events {
		e := of(fmt.Sprint(i), map[string][][]string{
			"A": {{"n", fmt.Sprint(i)}}, "a": {{"n", "x"}}, "B": {{"m", strings.Repeat("m", 500)}},
		})
		e.TextGroups = []event.Group{{Rows: []event.Row{{{Name: "t", Text: "T"}}}}, {Name: "g/1", Rows: []event.Row{{{Name: "t", Text: "T"}}}}}
		if i%2 == 1 {
			e.Run.RobotID, e.Run.RobotName = "../r2", "Price\x00 watch"
		}
		if err := s.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{
		"Price-watch.texts.csv", "Price-watch.texts-g-1.csv", "Price-watch.A.csv", "Price-watch-r1.a.csv", "Price-watch.B.csv",
		"Price-watch-r2.texts.csv", "Price-watch-r2.texts-g-1.csv", "Price-watch-r2.A.csv", "Price-watch-r2.a-2.csv", "Price-watch-r2.B.csv",
	}, s.FileNames()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	got := table(t, s.Tables()[2], rowtable.Options{})
	if len(got) != 1+events/2 || s.Tables()[2].Rows != events/2 {
		t.Fatalf("there are %d rows", len(got)-1)
	}
	for i, row := range got[1:] {
		if row[len(row)-1] != fmt.Sprint(2*i) {
			t.Fatalf("row %d is %q", i, row)
		}
	}
}

// A table without rows is its header.
func TestNoRows(t *testing.T) {
	var s, each rowtable.Set
	each.PerList = true
	if got := table(t, s.Tables()[0], rowtable.Options{}); len(got) != 1 || got[0][0] != "timestamp" {
		t.Errorf("it is %q", got)
	}
	if n := len(each.Tables()); n != 0 {
		t.Errorf("there are %d tables", n)
	}
}

func TestFormulas(t *testing.T) {
	for _, tt := range []struct {
		cell string
		is   bool
	}{
		{"=1+1", true}, {"+cmd|' /C calc'!A0", true}, {"-2+3", true}, {"@SUM(A1)", true}, {"\t=1", true}, {"\r=1", true}, {"\n=1", true},
		{" =1+1", true}, {"＝1+1", true}, {"＋1+1", true}, {"－2+3", true}, {"＠SUM(A1)", true}, {"+49 30 123", true}, {"--", true},
		{"", false}, {"a=b", false}, {"-5", false}, {"+1,234.50", false}, {"-3.5%", false}, {"-", false}, {"'=1", false}, {"1-2", false},
	} {
		var s rowtable.Set
		if err := s.Add(of("=run", map[string][][]string{"A": {{"c", tt.cell, "d", "x"}}})); err != nil {
			t.Fatal(err)
		}
		for _, raw := range []bool{false, true} {
			got := table(t, s.Tables()[0], rowtable.Options{Raw: raw})[1][8]
			want := tt.cell
			if tt.is && !raw {
				want = "'" + want
			}
			if got != want {
				t.Errorf("%q, raw %v: %q, want %q", tt.cell, raw, got, want)
			}
		}
	}
}

func TestLong(t *testing.T) {
	var s rowtable.Set
	if err := s.Add(of("1", map[string][][]string{"A": {{"c", strings.Repeat("ü", 32_767), "d", strings.Repeat("ü", 32_768)}}})); err != nil {
		t.Fatal(err)
	}
	noted, err := s.Tables()[0].WriteCSV(io.Discard, rowtable.Options{})
	if err != nil || noted.Long != 1 {
		t.Errorf("%+v, %v", noted, err)
	}
}

func TestBOM(t *testing.T) {
	var s rowtable.Set
	var b bytes.Buffer
	if _, err := s.Tables()[0].WriteCSV(&b, rowtable.Options{BOM: true, Comma: '\t'}); err != nil || !strings.HasPrefix(b.String(), "\ufefftimestamp\trobot_id") {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestTooMany(t *testing.T) {
	var s rowtable.Set
	defer s.Close()
	cells := make([]string, 0, 2*rowtable.MaxColumns)
	for i := range rowtable.MaxColumns - 8 {
		cells = append(cells, fmt.Sprint("c", i), "x")
	}
	if err := s.Add(of("1", map[string][][]string{"A": {cells}})); err != nil {
		t.Error(err)
	}
	if err := s.Add(of("1", map[string][][]string{"A": {{"one more", "x"}}})); err == nil {
		t.Error("a table has more columns than spreadsheets")
	}
	each := rowtable.Set{PerList: true}
	defer each.Close()
	var err error
	for i := 0; err == nil && i <= rowtable.MaxTables; i++ {
		e := of("1", map[string][][]string{"A": {{"c", "x"}}})
		e.Run.RobotID = fmt.Sprint(i)
		err = each.Add(e)
	}
	if err == nil {
		t.Errorf("there are %d tables", len(each.Tables()))
	}
}
