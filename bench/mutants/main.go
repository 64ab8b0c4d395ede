// Mutants holds the judges of the contract to each other, over payloads that are
// changed at random:
//
//	go run ./mutants [-n N] [-seed SEED] [-payloads GLOB] [-node FOLDER]
//
// The checker of pkg/conformance, the generated validators, jsonschema/v5,
// jsonschema/v6 and ajv have to agree about each of the two layers; and the
// place of each finding has to be what its pointer says, as jsontext has it. It
// runs in the folder of the module bench, and needs what `npm ci` in node
// installs. Where they don't agree it writes the payload and what each judge says to
// files in -out. The same seed gives the same mutants.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

const (
	batch    = 500  // payloads that ajv is asked about at a time
	small    = 1500 // bytes of a payload that is mutated; large ones say no more, and take longer
	failures = 20   // after so many it ends
)

func main() {
	o := options{}
	flag.Int64Var(&o.n, "n", 10_000_000, "how many `mutants`")
	flag.Int64Var(&o.from, "from", 0, "the `number` of the first")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "what chance is made of")
	flag.StringVar(&o.payloads, "payloads", "../../shared/observed/*.json", "captured payloads to mutate, besides the vectors, as a `glob`")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "how `many` work at once, each with a process for ajv")
	flag.StringVar(&o.node, "node", "node", "the `folder` of mutants.mjs, where npm has installed ajv; empty to do without ajv")
	flag.StringVar(&o.out, "out", os.TempDir(), "the `folder` for what is found")
	flag.Parse()
	if err := run(o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

type options struct {
	n, from  int64
	seed     uint64
	payloads string
	workers  int
	node     string
	out      string
}

// seeds returns the payloads that are mutated, those of each verdict together.
func seeds(glob string) ([][][]byte, error) {
	verdicts := make(map[conformance.Verdict][][]byte)
	add := func(payload []byte) {
		if len(payload) <= small && judgetest.Strict(payload) {
			verdict := conformance.Check(payload).Verdict
			verdicts[verdict] = append(verdicts[verdict], payload)
		}
	}
	for _, v := range vectors.All() {
		add(v.Payload)
	}
	files, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("-payloads: %w", err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		add(payload)
	}
	return [][][]byte{verdicts[conformance.Conforms], verdicts[conformance.Deviates], verdicts[conformance.Invalid]}, nil
}

func run(o options, stdout, stderr io.Writer) error {
	debug.SetGCPercent(400) // all that is alive is a batch for each worker
	payloads, err := seeds(o.payloads)
	if err != nil {
		return err
	}
	p, err := newPeers()
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d mutants of %d payloads that conform, %d that deviate and %d that are invalid; seed %d\n",
		o.n, len(payloads[0]), len(payloads[1]), len(payloads[2]), o.seed)
	var (
		next, failed atomic.Int64
		mutex        sync.Mutex
		total        tally
		group        sync.WaitGroup
		errs         = make([]error, o.workers)
	)
	next.Store(o.from)
	start := time.Now()
	progress := time.NewTicker(10 * time.Second)
	defer progress.Stop()
	done := make(chan struct{})
	for w := range o.workers {
		group.Go(func() {
			worker := &worker{peers: p, options: o, payloads: payloads}
			if o.node != "" {
				if worker.ajv, errs[w] = startAjv(o.node); errs[w] != nil {
					return
				}
				defer func() {
					if err := worker.ajv.close(); errs[w] == nil {
						errs[w] = err
					}
				}()
			}
			for errs[w] == nil && failed.Load() < failures {
				first := next.Add(batch) - batch
				if first >= o.from+o.n {
					break
				}
				worker.tally = tally{}
				errs[w] = worker.batch(first, min(first+batch, o.from+o.n), stderr)
				failed.Add(int64(worker.tally.failed))
				mutex.Lock()
				total.add(&worker.tally)
				mutex.Unlock()
			}
		})
	}
	go func() { group.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-progress.C:
			mutex.Lock()
			rate := float64(total.mutants) / time.Since(start).Seconds()
			fmt.Fprintf(stderr, "%d mutants, %.0f a second, %d failed\n", total.mutants, rate, total.failed)
			mutex.Unlock()
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	total.print(stdout, time.Since(start))
	if total.failed > 0 {
		return fmt.Errorf("%d mutants on which the judges don't agree: see %s", total.failed, o.out)
	}
	return nil
}

// A tally counts what was tried.
type tally struct {
	mutants, failed, unknown, bytes int
	verdicts                        map[conformance.Verdict]int
	lax                             int // no strict JSON
	ajv                             int // judged by ajv, too
	unsure                          map[string]int
	findings                        map[conformance.Code]int
	places                          int
	truncated                       int
}

func (t *tally) add(o *tally) {
	t.mutants += o.mutants
	t.failed += o.failed
	t.unknown += o.unknown
	t.bytes += o.bytes
	t.lax += o.lax
	t.ajv += o.ajv
	t.places += o.places
	t.truncated += o.truncated
	t.verdicts = sum(t.verdicts, o.verdicts)
	t.unsure = sum(t.unsure, o.unsure)
	t.findings = sum(t.findings, o.findings)
}

func sum[K comparable](a, b map[K]int) map[K]int {
	if a == nil {
		a = make(map[K]int)
	}
	for k, n := range b {
		a[k] += n
	}
	return a
}

func (t *tally) print(w io.Writer, took time.Duration) {
	share := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(t.mutants, 1))) }
	fmt.Fprintf(w, "%d mutants in %v (%.0f a second), of %d bytes on average\n",
		t.mutants, took.Round(time.Second), float64(t.mutants)/took.Seconds(), t.bytes/max(t.mutants, 1))
	for _, v := range []conformance.Verdict{conformance.Conforms, conformance.Deviates, conformance.Invalid} {
		fmt.Fprintf(w, "%-10s %s\n", v, share(t.verdicts[v]))
	}
	fmt.Fprintf(w, "of these, not strict JSON: %s; with numbers that v5 and v6 can't judge: %s; judged by ajv, too: %s\n",
		share(t.lax), share(t.unknown), share(t.ajv))
	for _, name := range slices.Sorted(maps.Keys(t.unsure)) {
		fmt.Fprintf(w, "%s isn't sure of %d that are valid\n", name, t.unsure[name])
	}
	fmt.Fprintf(w, "%d places of findings checked; %d reports truncated\n", t.places, t.truncated)
	codes := slices.Collect(maps.Keys(t.findings))
	slices.SortFunc(codes, func(a, b conformance.Code) int { return t.findings[b] - t.findings[a] })
	fmt.Fprintf(w, "codes, of %d:", len(conformance.Rules()))
	for _, code := range codes {
		fmt.Fprintf(w, " %s %d", code, t.findings[code])
	}
	fmt.Fprintf(w, "\nfailed: %d\n", t.failed)
}

// A worker tries one batch after another.
type worker struct {
	*peers
	ajv *ajv
	options
	payloads [][][]byte // of each verdict
	tally    tally
	notes    validate.Notes
}

// An opinion is what was said of one mutant, before ajv is heard.
type opinion struct {
	number  int64
	payload []byte
	by5     layers
	asked   bool // ajv is
	wrong   []string
}

func (o *opinion) fail(format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

// mutant returns a mutant. Most that are made break the contract, or are no JSON:
// of these most are made anew.
func (w *worker) mutant(number int64) []byte {
	r := rand.New(rand.NewPCG(w.seed, uint64(number)))
	pick := func() []byte {
		some := w.payloads[r.IntN(len(w.payloads))]
		return some[r.IntN(len(some))]
	}
	for {
		payload := judgetest.Mutate(r, pick(), pick())
		if r.IntN(3) == 0 || validate.ObservedRunEvent(payload) {
			return payload
		}
	}
}

// batch tries the mutants from first until end.
func (w *worker) batch(first, end int64, stderr io.Writer) error {
	var opinions []*opinion
	for number := first; number < end; number++ {
		o := &opinion{number: number, payload: w.mutant(number)}
		w.judge(o)
		if o.asked {
			w.ajv.add(o.payload)
		}
		opinions = append(opinions, o)
	}
	var answers []layers
	if w.ajv != nil {
		w.ajv.ask()
		var err error
		if answers, err = w.ajv.answers(); err != nil {
			return err
		}
	}
	for _, o := range opinions {
		if o.asked {
			if len(answers) == 0 {
				return fmt.Errorf("ajv: too few answers")
			}
			if answers[0] != o.by5 {
				o.fail("ajv: %v, v5: %v", answers[0], o.by5)
			}
			answers = answers[1:]
			w.tally.ajv++
		}
		if o.wrong != nil {
			w.tally.failed++
			if err := w.report(o, stderr); err != nil {
				return err
			}
		}
	}
	return nil
}

// report writes a mutant, and what is wrong with it, to files.
func (w *worker) report(o *opinion, stderr io.Writer) error {
	name := filepath.Join(w.out, fmt.Sprintf("mutant-%d-%d.json", w.seed, o.number))
	text := fmt.Sprintf("go run ./mutants -seed %d -from %d -n 1\n%s\n", w.seed, o.number, strings.Join(o.wrong, "\n"))
	fmt.Fprintf(stderr, "%s:\n%.1000s\n", name, text)
	if err := os.WriteFile(name, o.payload, 0o644); err != nil {
		return err
	}
	return os.WriteFile(name+".txt", []byte(text), 0o644)
}

// judge has all judges but ajv say what they say of a mutant.
func (w *worker) judge(o *opinion) {
	t := &w.tally
	if t.verdicts == nil {
		t.verdicts, t.unsure, t.findings = map[conformance.Verdict]int{}, map[string]int{}, map[conformance.Code]int{}
	}
	report := conformance.Check(o.payload)
	t.mutants++
	t.bytes += len(o.payload)
	t.verdicts[report.Verdict]++
	strict := judgetest.Strict(o.payload)
	var by6 layers
	var eventType string
	if strict {
		value, err := decode(o.payload)
		if err != nil {
			o.fail("jsontext takes it, encoding/json doesn't: %v", err)
			return
		}
		huge, inexact := numbers(value)
		if huge {
			t.unknown++
			w.places(o, report, strict)
			return
		}
		o.by5, by6 = w.peers.judge(value)
		object, _ := value.(map[string]any)
		eventType, _ = object["event_type"].(string)
		o.asked = w.ajv != nil && !inexact
	} else {
		t.lax++
	}
	want := conformance.Invalid
	if o.by5&observed != 0 {
		want = conformance.Deviates
	}
	if o.by5&documented != 0 {
		want = conformance.Conforms
	}
	if report.Verdict != want {
		o.fail("conformance: %s; v5: %v", report.Verdict, o.by5)
	}
	if by6 != o.by5 {
		o.fail("v6: %v, v5: %v", by6, o.by5)
	}
	if got := conformance.Valid(o.payload); got != (want == conformance.Conforms) {
		o.fail("conformance.Valid: %v; v5: %v", got, o.by5)
	}
	w.validators(o)
	if strict {
		w.generated(o, eventType, want)
	}
	switch o.number % 4 {
	case 0:
		w.strictly(o, report)
	case 1:
		w.each(o, report, strict)
		return
	case 2:
		reference := (conformance.Checker{Engine: conformance.JSONSchema}).Check(o.payload)
		// What is too deep for v5 within the engine's bounds it doesn't judge, and says so.
		unjudged := len(reference.Findings) == 1 && reference.Findings[0].Code == "json.too-large"
		if reference.Verdict != want && !unjudged {
			o.fail("the engine %s: %s; v5: %v", conformance.JSONSchema, reference.Verdict, o.by5)
		}
		w.places(o, reference, strict)
	case 3:
		for worst, reaches := range map[conformance.Verdict]bool{
			conformance.Conforms: want == conformance.Conforms, conformance.Deviates: want != conformance.Invalid, conformance.Invalid: true,
		} {
			if got := (conformance.Checker{}).Reaches(o.payload, worst); got != reaches {
				o.fail("conformance.Checker.Reaches %s: %v; v5: %v", worst, got, o.by5)
			}
		}
	}
	w.places(o, report, strict)
}

// generated compares the outcome of an event's judge with the verdict. A judge may be
// unsure.
func (w *worker) generated(o *opinion, eventType string, want conformance.Verdict) {
	for _, e := range validate.Events {
		if !slices.Contains(e.Types, eventType) {
			continue
		}
		for _, explain := range []bool{false, true} {
			w.notes.Explain = explain
			switch got := e.Judge(o.payload, &w.notes); {
			case got == validate.Unsure:
				w.tally.unsure["the judge of "+e.Name]++
			case outcomes[got] != want:
				o.fail("the judge of %s, explain %v: %s; v5: %v", e.Name, explain, outcomes[got], o.by5)
			}
		}
	}
}

var outcomes = map[validate.Outcome]conformance.Verdict{
	validate.Refused: conformance.Invalid, validate.Observed: conformance.Deviates, validate.Documented: conformance.Conforms,
}

// each holds a report to the one that lists each finding singly, and checks the
// places of all of these.
func (w *worker) each(o *opinion, report conformance.Report, strict bool) {
	single := (conformance.Checker{Each: true}).Check(o.payload)
	w.places(o, single, strict)
	if single.Verdict != report.Verdict {
		o.fail("%s; each: %s", report.Verdict, single.Verdict)
	}
	if single.Truncated || report.Truncated {
		return
	}
	left := make(map[conformance.Code]int)
	first := make(map[place]bool)
	for _, f := range single.Findings {
		left[f.Code]++
		first[placeOf(f)] = true
	}
	for _, f := range report.Findings {
		left[f.Code] -= max(f.Count, 1)
		if !first[placeOf(f)] {
			o.fail("%+v: it is none of each", f)
		}
	}
	for code, n := range left {
		if n != 0 {
			o.fail("%s: %d more where each is listed", code, n)
		}
	}
}

// A place is where a finding of a code is.
type place struct {
	code    conformance.Code
	pointer string
	offset  int
}

func placeOf(f conformance.Finding) place { return place{f.Code, f.Pointer, f.Offset} }

// strictly holds a Checker that is strict to the one that isn't.
func (w *worker) strictly(o *opinion, report conformance.Report) {
	unknown := slices.ContainsFunc(report.Findings, func(f conformance.Finding) bool { return f.Code == "contract.unknown-member" })
	want := report.Verdict
	if want == conformance.Conforms && unknown {
		want = conformance.Deviates
	}
	if got := (conformance.Checker{Strict: true}).Check(o.payload); got.Verdict != want || len(got.Findings) != len(report.Findings) {
		o.fail("strictly: %s with %d findings, want %s with %d", got.Verdict, len(got.Findings), want, len(report.Findings))
	}
}

// validators compares the generated validators with v5. A validator may be unsure.
func (w *worker) validators(o *opinion) {
	for _, v := range []struct {
		name   string
		got    bool
		layer  layers
		events bool // of all events
	}{
		{"RunEvent", validate.RunEvent(o.payload), documented, true},
		{"RunCompleted", validate.RunCompleted(o.payload), documented, false},
		{"RunFailed", validate.RunFailed(o.payload), documented, false},
		{"ObservedRunEvent", validate.ObservedRunEvent(o.payload), observed, true},
		{"ObservedRunCompleted", validate.ObservedRunCompleted(o.payload), observed, false},
		{"ObservedRunFailed", validate.ObservedRunFailed(o.payload), observed, false},
	} {
		valid := o.by5&v.layer != 0
		if v.got && !valid {
			o.fail("%s accepts it; v5: %v", v.name, o.by5)
		}
		if valid && v.events && !v.got {
			w.tally.unsure[v.name]++
		}
	}
}

// places holds the place of each finding to what jsontext says of its offset.
func (w *worker) places(o *opinion, report conformance.Report, strict bool) {
	if report.Truncated {
		w.tally.truncated++
	}
	offsets := make([]int, len(report.Findings))
	for i, f := range report.Findings {
		offsets[i] = f.Offset
	}
	places := judgetest.Places(o.payload, offsets)
	last := 0
	for _, f := range report.Findings {
		w.tally.findings[f.Code]++
		if f.Offset < last || f.Offset > len(o.payload) {
			o.fail("%+v: offset after %d, in %d bytes", f, last, len(o.payload))
			continue
		}
		last = f.Offset
		before := o.payload[:f.Offset]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
		if f.Line != line || f.Column != column {
			o.fail("%+v: line %d, column %d", f, line, column)
		}
		at, ok := places[f.Offset]
		switch {
		case !strict && (!ok || !utf8.Valid(o.payload) || strings.Contains(f.Pointer, "\uFFFD")):
			// jsontext doesn't get there, or has other names.
			continue
		case !ok:
			o.fail("%+v: nothing starts there", f)
		case f.Code == "json.too-deep" && strings.HasPrefix(at.Pointer, f.Pointer):
		case at.Pointer != f.Pointer && !(o.payload[f.Offset] == '{' && missing(at, f.Pointer)):
			o.fail("%+v: this is %.200q", f, at.Pointer)
		}
		w.tally.places++
	}
}

// missing reports whether pointer leads to a member that the object at a place
// doesn't have.
func missing(at judgetest.Place, pointer string) bool {
	token, ok := strings.CutPrefix(pointer, at.Pointer+"/")
	return ok && !strings.Contains(token, "/") &&
		!slices.Contains(at.Names, jsonpointer.Unescape(token))
}
