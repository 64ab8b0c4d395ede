package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/internal/rowtable"
	"github.com/runhooks/runhooks/internal/spool"
	"github.com/runhooks/runhooks/internal/wholefile"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// normalizeOptions are the flags and arguments of runhooks normalize.
type normalizeOptions struct {
	intakeOptions
	localTimes
	provenance bool
	repeats    bool
	collapse   bool
	rows       string
	delimiter  string
	bom        bool
	rawCells   bool
	quiet      bool

	parser  event.Parser // of localTimes and provenance
	perList bool         // of rows: whether it is a folder
}

func newNormalize(s streams) *cobra.Command {
	o := &normalizeOptions{}
	cmd := &cobra.Command{
		Use:   "normalize [flags] PATH…",
		Short: "Write events in their canonical form, or their rows as CSV",
		Long: `Normalize reads payloads, and writes each event in its canonical form: one JSON
object per line, in the order of the payloads. Its members are the same whatever
the payload calls them, rows are in ordered groups whatever held them, and nothing
is left out. runhooks schema canonical/run-event prints its schema.

PATH is as for check: files, directories, globs or -, in the same forms and
encodings, also with --unwrap. docs/inputs.md says more. Events that are already in
their canonical form stay as they are.

--rows FILE.csv writes the rows of all lists and texts as one table instead. Its
first columns say where a row is from: timestamp, robot_id, robot_name, run_id,
run_status, kind (text, list, crawl or search), list, and row, its number in the
list. Then comes every column that a row has, in order of first appearance. The
pages of a crawl and the results of a search are also rows. --rows FOLDER/
writes one such table for each list of each robot, and --rows - one to standard
output. The rows of tests are left out.

CSV is as in RFC 4180, in UTF-8; a null cell is empty. Cells that a spreadsheet
would take for a formula (those that start with = + - @, a tab or a line break,
except numbers) get a ' in front, as OWASP recommends. Strangers can write such
text into the pages that a robot reads, so use --raw-cells only if no spreadsheet
opens the file. A file is replaced as a whole or not at all.

A delivery that says the same as one of the last million is a repetition, which a
sender makes when it gets no answer. It is left out, unless you give --repeats. Some
servers send two events that say different things about one run, and both are
written. --collapse writes one event per run, the one that says most: a failure
rather than a success. Memory then grows by some 100 bytes per run.

Run times in a server's local time become instants only if you say where the server
is and how it writes them: --zone, with --locale or --layout. Otherwise they stay
as they are.

A payload that is invalid has no canonical form. Standard error names it, with the
first thing that is wrong, and the others are written. At the end, a summary there
says what was left out, and what to look at.

Exit codes: 0 every payload is an event; 1 at least one is not; 2 the command
line is wrong, an input can't be read (the others are still written), the output
can't be written, or Ctrl-C came first (then no rows are written).`,
		Example: `  runhooks normalize payload.json
  runhooks normalize captures/ > events.ndjson
  runhooks normalize captures/ --rows prices.csv
  runhooks normalize captures/ --rows tables/            # one file for each list
  runhooks normalize captures/ --rows preise.csv --bom --delimiter semicolon
  runhooks normalize --zone Europe/Berlin --locale de-DE events.ndjson.gz
  runhooks normalize events.ndjson | jq -r '.lists[].rows[] | [.Title, .Price] | @tsv'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			collectLess()
			o.paths = args
			if err := o.validate(cmd.Flags().Changed); err != nil {
				return err
			}
			return o.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.rows, "rows", "", "write rows as CSV to `FILE`, or to a file for each list in FOLDER/, and no events")
	choiceVar(cmd, &o.delimiter, "delimiter", "what separates cells: comma, semicolon (for Excel where the comma is decimal) or tab (the default for .tsv)", comma, semicolon, tab)
	flags.BoolVar(&o.bom, "bom", false, "start CSV with a byte order mark, by which Excel knows UTF-8")
	flags.BoolVar(&o.rawCells, "raw-cells", false, "write cells as they are, even if a spreadsheet takes them for a formula")
	flags.BoolVar(&o.collapse, "collapse", false, "write one event for each run: the one that says most")
	flags.BoolVar(&o.repeats, "repeats", false, "also write events that say the same as one before")
	flags.BoolVar(&o.provenance, "provenance", false, "say where in its payload each value of an event is from")
	o.localTimes.flags(cmd)
	o.formFlags(cmd, "take")
	o.limitFlags(cmd, "read", "a larger one is invalid")
	cmd.MarkFlagsMutuallyExclusive("rows", "provenance")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "leave out the summary; what is invalid is still named")
	return cmd
}

// What separates cells.
const (
	comma     = "comma"
	semicolon = "semicolon"
	tab       = "tab"
)

var delimiters = map[string]byte{comma: ',', semicolon: ';', tab: '\t'}

// validate checks what no single flag can.
func (o *normalizeOptions) validate(changed func(flag string) bool) (err error) {
	if err := o.intakeOptions.validate("normalize"); err != nil {
		return err
	}
	if o.parser, err = o.localTimes.parser(); err != nil {
		return err
	}
	o.parser.Provenance = o.provenance
	if o.rows == "" {
		for _, flag := range []string{"delimiter", "bom", "raw-cells"} {
			if changed(flag) {
				return fmt.Errorf("--%s is about CSV: give --rows as well", flag)
			}
		}
		if changed("rows") {
			return errors.New(`--rows is "": name a file, such as rows.csv, or a folder, such as rows/`)
		}
		return nil
	}
	if strings.HasSuffix(strings.ToLower(o.rows), ".tsv") && !changed("delimiter") {
		o.delimiter = tab
	}
	return o.checkTarget()
}

// checkTarget tells early what would keep rows from being written.
func (o *normalizeOptions) checkTarget() error {
	name := redact.Text(o.rows)
	info, err := os.Stat(o.rows)
	switch {
	case o.rows == "-":
		return nil
	case err == nil && info.IsDir():
		o.perList = true
		return nil
	case strings.HasSuffix(o.rows, "/") || strings.HasSuffix(o.rows, string(filepath.Separator)):
		o.perList = true
	case err == nil && !info.Mode().IsRegular(): // a pipe, say
		return nil
	default:
		switch strings.ToLower(filepath.Ext(o.rows)) {
		case ".csv", ".tsv":
		default: // which may be a payload
			return fmt.Errorf("--rows %s: call it .csv or .tsv; for one file a list, name a folder, with / at its end", name)
		}
	}
	if dir, err := os.Stat(filepath.Dir(filepath.Clean(o.rows))); err != nil || !dir.IsDir() {
		return fmt.Errorf("--rows %s: there is no directory to put it into", name)
	}
	return nil
}

// A normalized is what came of a payload.
type normalized struct {
	report conformance.Report // of one that is invalid
	holds  bool               // of that, whether there are events in it
	event  *event.Event       // nil for one that is
	line   []byte             // its canonical form
	sum    [16]byte           // of what it says
	again  bool               // it repeats rows of its own
}

// A normalization is one run over all inputs.
type normalization struct {
	options *normalizeOptions
	out     *bufio.Writer
	errOut  io.Writer
	rows    rowtable.Set
	written rowsWritten
	notes   notes
	bar     *progress

	said recent // events
	runs recent
	held spool.File       // the events of --collapse
	last map[[16]byte]int // the event of each run, by its place in ends
	ends []extent

	payloads, events, invalid, repeated, unreadable              int
	tests, empty, pages, local, twice, collapsed, wrapped, again int
}

// An extent is where in a spool something is.
type extent struct {
	at   int64
	size int
}

func (o *normalizeOptions) run(ctx context.Context, s streams) (err error) {
	in := o.inputs(ctx, s)
	if out, ok := regularFile(s.out); ok {
		for _, path := range o.paths {
			if path == "-" && isFile(s.in, out) {
				return &exitError{exitUsage, "standard output goes to the file that standard input comes from; send it to another"}
			}
		}
	}
	n := &normalization{options: o, rows: rowtable.Set{PerList: o.perList}, last: map[[16]byte]int{}}
	defer func() {
		if closed := errors.Join(n.rows.Close(), n.held.Close()); err == nil && closed != nil {
			err = &exitError{exitUsage, closed.Error()}
		}
	}()
	if columns, ok := terminal(s.err); ok {
		n.bar = startProgress(s.err, columns, totalSize(in.sources))
		s.err = n.bar.behind(s.err)
		if _, tty := terminal(s.out); tty {
			s.out = n.bar.behind(s.out)
		}
	}
	n.out, n.errOut = bufio.NewWriterSize(s.out, 64<<10), s.err
	o.note(s.err, in.skipped, false)
	for _, err := range in.errs {
		n.cantRead(err)
	}
	p := &pipeline[normalized]{
		reader: o.reader(s.in, &n.notes, n.bar),
		check:  n.normalize,
		size:   func(r *normalized) int64 { return reportSize(&r.report) + 5*int64(len(r.line)) }, // the event has a copy of its text, and cells
		jobs:   o.workers(),
	}
	err = p.run(ctx, in.sources, n.take)
	interrupted := ctx.Err() != nil
	if err == nil && !interrupted {
		err = n.finish()
	}
	n.bar.stop()
	n.notes.write(s.err)
	if !o.quiet {
		n.summary(interrupted)
	}
	switch {
	case err != nil:
		return &exitError{exitUsage, err.Error()}
	case interrupted:
		if o.rows != "" || o.collapse {
			return &exitError{exitUsage, "interrupted, so nothing was written"}
		}
		return &exitError{code: exitUsage}
	case n.unreadable > 0:
		return &exitError{code: exitUsage}
	case n.payloads == 0:
		return &exitError{exitUsage, "nothing was normalized: the inputs hold no payloads"}
	case n.invalid > 0:
		return &exitError{code: exitFail}
	}
	return nil
}

// normalize makes the canonical form of a payload, or says why there is none.
func (n *normalization) normalize(batch *intake.Batch, payload *intake.Payload) (r normalized, telling bool) {
	if payload.TooLarge {
		r.report = conformance.TooLarge(payload.Size, int64(n.options.maxBytes))
		advise(&r.report, batch.Form, payload)
		return r, true
	}
	e, err := n.options.parser.Parse(inner(payload))
	if err != nil { // which a canonical event is, too: it isn't a payload
		canonical := new(event.Event)
		if canonical.UnmarshalJSON(inner(payload)) == nil && canonical.RawType != "" {
			e, err = canonical, nil
		}
	}
	if invalid, ok := errors.AsType[*event.InvalidError](err); ok {
		r.report = invalid.Report
		if len(r.report.Findings) > 0 {
			r.holds = holdsEvents(&r.report.Findings[0], payload.Data)
		}
		if payload.Wrapped != nil {
			replace(&r.report, payload.Data, payload.Wrapped)
		} else {
			advise(&r.report, batch.Form, payload)
		}
		return r, true
	}
	r.event = e
	r.line, err = e.MarshalJSON()
	if err != nil {
		panic(err) // an event that was parsed holds nothing that can't be encoded
	}
	sum := sha256.Sum256(r.line)
	copy(r.sum[:], sum[:])
	if n.options.rows != "" && e.Counted().Texts.Value > 1 {
		r.again = slices.ContainsFunc(conformance.Check(inner(payload)).Findings, func(f conformance.Finding) bool { return f.Code == "data.repeated-rows" })
	}
	return r, true
}

// take enters one outcome.
func (n *normalization) take(o outcome[normalized]) error {
	if o.end && o.err != nil {
		n.cantRead(o.err)
	}
	n.bar.checked(len(o.judged))
	for _, j := range o.judged {
		if err := n.enter(o.batch, j); err != nil {
			return err
		}
	}
	return n.out.Flush()
}

// enter enters one payload.
func (n *normalization) enter(batch *intake.Batch, j judged[normalized]) error {
	n.payloads++
	e := j.result.event
	if e == nil {
		n.invalid++
		if j.result.holds {
			n.wrapped++
		}
		p := report.Payload{Source: redact.Text(batch.Source), Line: j.payload.Line, At: j.payload.At, Single: batch.Form == intake.JSON,
			Data: j.payload.Data, Report: j.result.report, Policy: report.Policy{Observed: true}}
		if j.payload.Wrapped != nil {
			p.Within = j.payload.Wrapped.Pointer
		}
		fmt.Fprintf(n.errOut, "runhooks: %s\n", p.Brief())
		return nil
	}
	if n.said.add(j.result.sum) > 0 {
		n.repeated++
		if !n.options.repeats {
			return nil
		}
	}
	if j.result.again {
		n.again++
	}
	run := runSum(e)
	if !n.options.collapse {
		if e.Type != event.Test && n.runs.add(run) == 1 {
			n.twice++
		}
		return n.write(e, j.result.line)
	}
	place, ok := n.last[run]
	if ok {
		n.collapsed++
		before, err := n.heldAt(n.ends[place])
		if err != nil {
			return err
		}
		after, err := canonical(j.result.line)
		if err != nil {
			return err
		}
		if event.Collapse([]*event.Event{before, after})[0].Event == before {
			return nil
		}
	} else {
		place = len(n.ends)
		n.last[run] = place
		n.ends = append(n.ends, extent{})
	}
	at, err := n.held.Append(j.result.line)
	n.ends[place] = extent{at, len(j.result.line)}
	return err
}

// runSum tells runs apart, and tests from what they are tests of.
func runSum(e *event.Event) (sum [16]byte) {
	kind := "run "
	if e.Type == event.Test {
		kind = "test "
	}
	long := sha256.Sum256([]byte(kind + e.Run.ID))
	copy(sum[:], long[:])
	return sum
}

// heldAt returns an event that is held.
func (n *normalization) heldAt(x extent) (*event.Event, error) {
	line := make([]byte, x.size)
	if _, err := n.held.ReadAt(line, x.at); err != nil {
		return nil, err
	}
	return canonical(line)
}

// canonical returns the event of a line. Its payload is the line, which decides between two
// events that are the same otherwise.
func canonical(line []byte) (*event.Event, error) {
	e := new(event.Event)
	if err := e.UnmarshalJSON(line); err != nil {
		return nil, err
	}
	e.Payload = line
	return e, nil
}

// write writes an event, or keeps its rows.
func (n *normalization) write(e *event.Event, line []byte) error {
	n.events++
	counted := e.Counted().Rows.Value
	switch {
	case e.EmptySuccess():
		n.empty++
	case e.Content.Text+e.Content.Markdown+e.Content.HTML+e.Content.Summary != "" || len(e.Content.Links) > 0:
		n.pages++
	}
	for _, t := range []event.Time{e.Run.StartedAt, e.Run.FinishedAt} {
		if t.Raw != "" && !t.Known {
			n.local++
			break
		}
	}
	if n.options.rows == "" {
		if _, err := n.out.Write(line); err != nil {
			return err
		}
		return n.out.WriteByte('\n')
	}
	if e.Type == event.Test {
		if counted > 0 {
			n.tests++
		}
		return nil
	}
	return n.rows.Add(e)
}

// cantRead says that an input can't be read.
func (n *normalization) cantRead(err error) {
	n.unreadable++
	source, err := unreadableInput(err)
	if source != "" {
		source += "  "
	}
	fmt.Fprintf(n.errOut, "runhooks: %sunreadable  %s\n", report.Visible(source, 1000), report.Visible(err.Error(), 1000))
}

// finish writes what could not be written before all was read.
func (n *normalization) finish() error {
	for _, x := range n.ends {
		e, err := n.heldAt(x)
		if err == nil {
			err = n.write(e, e.Payload)
		}
		if err != nil {
			return err
		}
	}
	if n.options.rows != "" && n.payloads > 0 {
		if err := n.writeRows(); err != nil {
			return err
		}
	}
	return n.out.Flush()
}

// rowsWritten is what became of rows.
type rowsWritten struct {
	rows, most int64 // most is the rows of the longest table
	rowtable.Noted
	files int
	to    string
}

// writeRows writes the tables.
func (n *normalization) writeRows() error {
	o := n.options
	csv := rowtable.Options{Comma: delimiters[o.delimiter], BOM: o.bom, Raw: o.rawCells}
	w := &n.written
	w.to = o.rows
	names := []string{o.rows}
	if o.perList {
		names = n.rows.FileNames()
		if err := os.MkdirAll(o.rows, 0o777); err != nil {
			return fmt.Errorf("%s can't be made: %w", o.rows, plainError(err))
		}
	}
	for i, t := range n.rows.Tables() {
		var noted rowtable.Noted
		write := func(to io.Writer) (err error) {
			noted, err = t.WriteCSV(to, csv)
			return err
		}
		var err error
		if o.rows == "-" {
			err = write(n.out)
		} else {
			name := names[i]
			if o.perList {
				name = filepath.Join(o.rows, name)
			}
			if err = wholefile.WriteBy(name, 0o666, write); err != nil {
				err = fmt.Errorf("%s can't be written: %w", name, err)
			}
		}
		if err != nil {
			return err
		}
		w.rows, w.most = w.rows+t.Rows, max(w.most, t.Rows)
		w.Formulas, w.Long = w.Formulas+noted.Formulas, w.Long+noted.Long
		w.files++
	}
	return nil
}

// plainError returns the reason of an error without the path, which the message already has.
func plainError(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// excelRows is how many rows Excel and LibreOffice open.
const excelRows = 1 << 20

// summary says what was written and what wasn't, and what to look at.
func (n *normalization) summary(interrupted bool) {
	if n.payloads == 0 {
		return
	}
	say := func(count int, text string) {
		if count > 0 {
			fmt.Fprintf(n.errOut, "runhooks: %s\n", text)
		}
	}
	events := number(n.events, "event")
	if interrupted {
		events = "interrupted"
	}
	text := fmt.Sprintf("%s: %s", number(n.payloads, "payload"), events)
	if n.invalid > 0 {
		text += fmt.Sprintf(", %d invalid", n.invalid)
	}
	if n.repeated > 0 {
		text += fmt.Sprintf(", %d repeated", n.repeated)
		if !n.options.repeats {
			text += " and left out"
		}
	}
	if n.collapsed > 0 {
		text += fmt.Sprintf(", %d of the same runs left out", n.collapsed)
	}
	say(1, text)
	if interrupted {
		return
	}
	w := &n.written
	switch {
	case w.to == "" || w.to == "-":
	case n.options.perList:
		say(1, fmt.Sprintf("%s in %s in %s", number(int(w.rows), "row"), number(w.files, "file"), redact.Text(w.to)))
	default:
		say(1, fmt.Sprintf("%s in %s", number(int(w.rows), "row"), redact.Text(w.to)))
	}
	if !n.options.rawCells {
		say(int(w.Formulas), number(int(w.Formulas), "cell")+" that a spreadsheet would take for a formula: a ' stands in front, unless with --raw-cells")
	}
	say(int(w.Long), number(int(w.Long), "cell")+" with more than the 32,767 characters that Excel keeps")
	say(int(max(w.most-excelRows+1, 0)), fmt.Sprintf("a table has %d rows, and spreadsheets open %d", w.most, excelRows-1))
	say(n.tests, number(n.tests, "test event")+" with rows, which are left out")
	if n.options.rows != "" {
		say(n.pages, number(n.pages, "event")+" with a page, which is not a row: without --rows, it is in the event")
	}
	say(n.wrapped, number(n.wrapped, "invalid payload")+" with events in something else: --unwrap takes them")
	say(n.empty, number(n.empty, "event")+" of success with nothing in it: fetch these runs from their server; runhooks explain data.empty-success")
	say(n.again, number(n.again, "event")+" whose texts have the rows of earlier steps again: runhooks explain data.repeated-rows")
	say(n.twice, number(n.twice, "run")+" with more than one event: --collapse writes the one that says most")
	switch {
	case n.options.rows != "": // which have no run times
	case n.options.parser.Zone == nil:
		say(n.local, number(n.local, "event")+" with local run times, which are not instants: give --zone and --locale of their server")
	default:
		say(n.local, number(n.local, "event")+" with run times that --locale and --layout don't fit, or that come never or twice in --zone: these are not instants")
	}
}

// maxRecent is how many sums a recent remembers.
const maxRecent = 1 << 20

// A recent remembers the last sums that were added.
type recent struct {
	times map[[16]byte]int
	order [][16]byte // a ring, once it is full
	next  int
}

// add adds a sum, and returns how often it was added before.
func (r *recent) add(sum [16]byte) (before int) {
	if r.times == nil {
		r.times = map[[16]byte]int{}
	}
	before = r.times[sum]
	r.times[sum] = before + 1
	if before > 0 {
		return before
	}
	if len(r.order) < maxRecent {
		r.order = append(r.order, sum)
		return 0
	}
	delete(r.times, r.order[r.next])
	r.order[r.next] = sum
	r.next = (r.next + 1) % maxRecent
	return 0
}
