package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/runhooks/runhooks/vectors"
)

// allVectors are read once: there are a hundred reports and more, of many hundred vectors.
var allVectors = sync.OnceValue(vectors.All)

// A Cell says what holds of one tool: yes or no, or of how many vectors.
type Cell struct {
	// Empty: nothing can be said, since what it rests on doesn't hold.
	Empty bool
	// Answer is there where it isn't of vectors.
	Answer
	// Of so many vectors it should hold.
	Of int
	// Limits counts the vectors of which it doesn't, by the limit.
	Limits map[string]int
	// Unexplained are those that no limit explains, each with what is seen.
	Unexplained []string
}

// Vector counts a vector. Where it isn't ok, its limit explains that, if it is at
// one; why says what is seen.
func (c *Cell) Vector(ok bool, v vectors.Vector, why string) {
	c.Of++
	if !ok {
		c.add(limitOf(v), v.Name, why)
	}
}

// Case counts something that no limit explains if it isn't ok.
func (c *Cell) Case(ok bool, name, why string) {
	c.Of++
	if !ok {
		c.add(other, name, why)
	}
}

// add counts a vector of which something doesn't hold, as a limit explains.
func (c *Cell) add(limit, name, why string) {
	if limit == other {
		c.Unexplained = append(c.Unexplained, name+": "+why)
		return
	}
	if c.Limits == nil {
		c.Limits = map[string]int{}
	}
	c.Limits[limit]++
}

// Holds tells whether there is nothing of which it doesn't.
func (c Cell) Holds() bool {
	if c.Of == 0 {
		return c.OK
	}
	return c.Limits == nil && c.Unexplained == nil
}

// differs is of how many vectors it doesn't hold.
func (c Cell) differs() int {
	n := len(c.Unexplained)
	for _, more := range c.Limits {
		n += more
	}
	return n
}

// verdicts holds a validator's verdicts to those of the vectors, and what its parser
// and it make of what is no strict JSON: there it has to refuse, in whatever way.
func verdicts(r Report) (judged, refused Cell) {
	for _, v := range allVectors() {
		got := r.Verdicts[v.Name]
		if got == "" {
			got = "no verdict was reported"
		}
		if !strict(v) {
			refused.Vector(got != "valid", v, got)
			continue
		}
		want := "invalid"
		if v.Verdict == "conforms" || v.Verdict == "deviates" && strings.Contains(r.Input, "observed") {
			want = "valid"
		}
		judged.Vector(got == want, v, got+", and should be "+want)
	}
	return judged, refused
}

// Payloads are the vectors that types have to take: those that conform, or where they
// are of the canonical schema, all that have a canonical form, with it as payload.
func Payloads(r Report) (all []vectors.Vector) {
	canonical := strings.Contains(r.Input, "canonical")
	for _, v := range allVectors() {
		switch {
		case canonical && v.Canonical != nil:
			v.Payload = v.Canonical
			all = append(all, v)
		case !canonical && v.Verdict == "conforms":
			all = append(all, v)
		}
	}
	return all
}

// decodes says which payloads the generated types take.
func decodes(r Report) (c Cell) {
	for _, v := range Payloads(r) {
		d := r.Decoded[v.Name]
		if d == (Decoded{}) {
			d.Error = "nothing was reported"
		}
		c.Vector(d.Error == "", v, d.Error)
	}
	return c
}

// roundTrip says what has become of the payloads that the generated types take. A
// vector with two losses counts for both.
func roundTrip(r Report) (c Cell) {
	for _, v := range Payloads(r) {
		d := r.Decoded[v.Name]
		if d.JSON == "" {
			continue
		}
		c.Of++
		losses, err := compare(v.Payload, []byte(d.JSON))
		if err != nil {
			c.add(other, v.Name, err.Error())
			continue
		}
		for _, loss := range slices.Sorted(maps.Keys(losses)) {
			c.add(loss, v.Name, "is another payload afterwards")
		}
	}
	return c
}

// conversation is what every client does with the service, step by step, for a robot
// of its own: it creates an endpoint for run_completed at the sink, publishes the
// vector page.run-completed, lists the robot's deliveries until that of the event is
// no longer pending, and publishes the event again, without its run_id.
var conversation = []struct {
	step string
	// want is what it sees if the client understands the service.
	want string
}{
	{"endpoint", "active"},                            // the endpoint's state
	{"secret", "whsec_"},                              // the first six characters of its secret
	{"published", "1"},                                // how many deliveries the event has
	{"delivery", "delivered"},                         // the state of the event's delivery
	{"problem", "422 about:blank"},                    // status and type of the problem
	{"finding", "error schema.required /data/run_id"}, // severity, code and pointer of its first finding
}

// calls says whether a client saw what it should, or else the first step at which it
// did not.
func calls(r Report) Cell {
	if r.Calls == nil {
		return Cell{Empty: true}
	}
	if why := r.Calls["error"]; why != "" {
		return Cell{Answer: Answer{Note: why}}
	}
	for _, c := range conversation {
		if got := r.Calls[c.step]; got != c.want {
			return Cell{Answer: Answer{Note: fmt.Sprintf("%s: it sees %q, and should see %q", c.step, got, c.want)}}
		}
	}
	return Cell{Answer: Answer{OK: true}}
}

// statuses says whether a mock answers with the status that it was asked for, and a
// problem with the same in its body, too.
func statuses(r Report) (c Cell) {
	for _, asked := range slices.Sorted(maps.Keys(r.Statuses)) {
		want := asked
		if asked >= "400" {
			want += " " + asked
		}
		got := r.Statuses[asked]
		c.Case(got == want, asked, fmt.Sprintf("is answered with %q, and should be with %q", got, want))
	}
	return c
}

// held says whether something is so of all that a fuzzer sends. Nothing excuses a no: what
// is sent to is our own.
func held(a *Answer) (c Cell) {
	c.Case(a.OK, "what it sends", a.Note)
	return c
}

// cell makes a cell of an answer.
func (a *Answer) cell() Cell {
	if a == nil {
		return Cell{Empty: true}
	}
	return Cell{Answer: *a}
}

// judged holds what a package says of every vector to what Go says.
func judged(r Report) []Cell {
	var verdicts, findings, events Cell
	for _, v := range allVectors() {
		got, ok := r.Judged[v.Name]
		if !ok {
			got.Verdict = "not reported"
		}
		verdicts.Case(got.Verdict == v.Verdict, v.Name, got.Verdict+", and should be "+v.Verdict)
		var codes []string
		for _, f := range v.Expectation.Findings {
			codes = append(codes, f.Code)
		}
		findings.Case(slices.Equal(got.Codes, codes), v.Name, fmt.Sprintf("has %q, and should have %q", got.Codes, codes))
		switch losses, err := compare(v.Canonical, got.Event); {
		case v.Canonical == nil:
			events.Case(got.Event == nil, v.Name, "has an event, and should have none")
		case got.Event == nil:
			events.Case(false, v.Name, "has no event")
		case err != nil:
			events.Case(false, v.Name, err.Error())
		case len(losses) == 1 && losses[numbers]:
			events.Of++
			events.add(numbers, v.Name, "")
		default:
			events.Case(len(losses) == 0, v.Name, "has another event")
		}
	}
	return []Cell{verdicts, findings, events}
}

// A Line is what a report comes to: a cell a check, in the order of Checks.
type Line struct {
	Report Report
	Cells  []Cell
}

// Checks are the headings of each kind, with what each promises.
var Checks = map[string][]struct{ Title, Promise string }{
	Validator: {
		{"verdicts", "says of every vector that is strict JSON what the contract says of it"},
		{"strict", "refuses, with the parser before it, every vector that is not strict JSON"},
	},
	Generator: {
		{"compiles", "what it generates compiles, with warnings as errors where the language has them"},
		{"narrows", "the two events are told apart by `event_type`; of the canonical schema, a switch on `type` knows all three, a cell is a text or null, and an instant may be absent"},
		{"decodes", "every vector that conforms is decoded into the types; those of the canonical schema have to take every canonical form"},
		{"round trip", "and encoded again is the same JSON, whatever the order of members and the form of numbers"},
	},
	Receiver: {
		{"signed", "takes both events of `runhooks trigger`, and every vector that conforms, if they are signed"},
		{"tampered", "refuses what was changed on the way, is too old or too new, or has a signature of another or none"},
		{"deviating", "takes events as servers really send them: `runhooks trigger --as maxun`, and every vector that deviates"},
		{"no event", "refuses what is not an event, accepts one that nobody wants, and goes on"},
	},
	Package: {
		{"verdicts", "has the verdict on every vector"},
		{"findings", "and all findings of it, in their order"},
		{"events", "returns the canonical event of every vector that conforms or deviates, and of no other"},
	},
	Mock: {
		{"events", "answers every vector that conforms with a 2xx, and every other that is strict JSON with a 422"},
		{"statuses", "asked for a status that the document names, it answers with it; and a problem says the same status in its body"},
	},
	Fuzzer: {
		{"takes", "`runhooks listen` takes every event that it makes of the document"},
		{"refuses", "and refuses every one that it makes not to conform"},
		{"answers", "with statuses, media types and bodies that the document has"},
	},
	Client: {
		{"compiles", "what it generates compiles, with warnings as errors where the language has them"},
		{"calls", "creates an endpoint at a running `runhooks serve`, publishes an event, sees it delivered, and reads the problem and its finding in the answer to an event that does not conform"},
	},
}

// Judge makes a line of a report. Those of a receiver are for who sends to it.
func Judge(r Report) Line {
	l := Line{Report: r}
	switch {
	case r.Error != "":
		l.Cells = make([]Cell, len(Checks[r.Kind]))
		for i := range l.Cells {
			l.Cells[i].Empty = i > 0
		}
		l.Cells[0].Note = r.Error
	case r.Kind == Validator:
		judged, refused := verdicts(r)
		l.Cells = []Cell{judged, refused}
	case r.Kind == Generator && r.Decoded == nil:
		l.Cells = []Cell{r.Compiles.cell(), r.Narrows.cell(), {Empty: true}, {Empty: true}}
	case r.Kind == Generator:
		l.Cells = []Cell{r.Compiles.cell(), r.Narrows.cell(), decodes(r), roundTrip(r)}
	case r.Kind == Package:
		l.Cells = judged(r)
	case r.Kind == Mock:
		events, _ := verdicts(r)
		l.Cells = []Cell{events, statuses(r)}
	case r.Kind == Fuzzer:
		l.Cells = []Cell{held(r.Takes), held(r.Refuses), held(r.Answers)}
	case r.Kind == Client:
		l.Cells = []Cell{r.Compiles.cell(), calls(r)}
	}
	return l
}

// Unexplained lists what doesn't hold of a line, and neither a limit nor a note
// says why.
func (l Line) Unexplained() (all []string) {
	for i, c := range l.Cells {
		what := l.Report.Language + ", " + l.Report.Tool + ", " + l.Report.Input + ": " + Checks[l.Report.Kind][i].Title + ": "
		for _, vector := range c.Unexplained {
			all = append(all, what+vector)
		}
		if !c.Holds() && !c.Empty && c.Of == 0 && c.Note == "" {
			all = append(all, what+"no, and no note says why")
		}
	}
	return all
}
