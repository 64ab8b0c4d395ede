// Package corpus makes the payloads that the benchmarks judge: events that
// conform to jsonschema/v1, and events that deviate from it as servers do. The same
// seed always makes the same bytes.
package corpus

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/runhooks/runhooks/vectors"
)

// A Corpus is a name and the payloads that go by it.
type Corpus struct {
	// Name is that of its [Recipe].
	Name string
	// Deviates tells that jsonschema/v1 refuses each event, and jsonschema/observed
	// accepts it. Otherwise both accept it.
	Deviates bool
	// Payloads are one event each.
	Payloads [][]byte
}

// Size returns the bytes of all payloads together.
func (c Corpus) Size() int {
	n := 0
	for _, p := range c.Payloads {
		n += len(p)
	}
	return n
}

// A Recipe says how a corpus is made.
type Recipe struct {
	// Name is short enough to head a column.
	Name string
	// Description says in one sentence what is in it.
	Description string
	// Deviates is that of its [Corpus].
	Deviates bool

	make func(g *generator, share float64) [][]byte
}

// Make returns the corpus of seed. Share, above 0 and up to 1, makes it smaller
// than the full one: fewer events, and fewer rows in large ones.
func (r Recipe) Make(seed uint64, share float64) Corpus {
	name := fnv.New64a()
	name.Write([]byte(r.Name))
	g := &generator{Rand: rand.New(rand.NewPCG(seed, name.Sum64())), language: english, style: compact}
	return Corpus{Name: r.Name, Deviates: r.Deviates, Payloads: r.make(g, share)}
}

// Recipes returns the corpora that conform, in the order of the tables.
func Recipes() []Recipe {
	const (
		large  = 11_000_000
		half   = large / 2
		medium = 100_000
		events = 100_000
	)
	// mixed returns one large event and many small ones, half of the bytes each.
	mixed := func(g *generator, share float64) [][]byte {
		payloads := [][]byte{g.event(int(half * share))}
		for size := 0; size < int(half*share); {
			p := g.variedEvent()
			payloads = append(payloads, p)
			size += len(p)
		}
		return payloads
	}
	return []Recipe{
		{
			Name:        "page",
			Description: "the two samples of the documentation, the first without its trailing comma",
			make:        func(*generator, float64) [][]byte { return pageSamples() },
		},
		{
			Name:        "100 KB",
			Description: "one run_completed of 100 KB",
			make:        func(g *generator, share float64) [][]byte { return [][]byte{g.event(int(medium * share))} },
		},
		{
			Name:        "11 MB",
			Description: "one run_completed of 11 MB: some lists of many rows",
			make:        func(g *generator, share float64) [][]byte { return [][]byte{g.event(int(large * share))} },
		},
		{
			Name:        "NDJSON",
			Description: "100,000 events, all different: both types, other columns, other counts of rows and lengths of text in each",
			make: func(g *generator, share float64) [][]byte {
				payloads := make([][]byte, int(events*share))
				for i := range payloads {
					payloads[i] = g.variedEvent()
				}
				return payloads
			},
		},
		{
			Name:        "pretty",
			Description: "indented by two spaces, as JSON.stringify does; one large event and many small ones, half of the bytes each, as in those that follow",
			make: func(g *generator, share float64) [][]byte {
				g.style = pretty
				return mixed(g, share)
			},
		},
		{
			Name:        "CJK",
			Description: "Chinese, Japanese and Korean text in cells and in column names, as UTF-8",
			make: func(g *generator, share float64) [][]byte {
				g.language = chinese
				return mixed(g, share)
			},
		},
		{
			Name:        "escaped",
			Description: "German text with some symbols, with \\u escapes in cells and in column names, as Python's json.dumps writes it",
			make: func(g *generator, share float64) [][]byte {
				g.language, g.style = german, python
				return mixed(g, share)
			},
		},
		{
			Name:        "keys",
			Description: "each row with random column names of its own",
			make: func(g *generator, share float64) [][]byte {
				g.randomKeys = true
				return mixed(g, share)
			},
		},
	}
}

func pageSamples() [][]byte {
	var samples [][]byte
	for _, v := range vectors.All() {
		if v.Name == "page.run-completed" || v.Name == "page.run-failed" {
			samples = append(samples, v.Payload)
		}
	}
	if len(samples) != 2 {
		panic(fmt.Sprintf("corpus: found %d of the 2 samples of the page among the vectors", len(samples)))
	}
	return samples
}

// A generator makes events of one style.
type generator struct {
	*rand.Rand
	language   language
	style      style
	randomKeys bool
}

// event returns a run_completed of about size bytes, most of them rows.
func (g *generator) event(size int) []byte {
	lists := 2 + g.IntN(4)
	extracted := g.extractedData(3, lists, func(_, bytes int) bool { return bytes < size/lists })
	return g.style.write(g.completed("success", member{"extracted_data", extracted}))
}

// variedEvent returns an event of either type. Most are small, a few have some
// hundred rows.
func (g *generator) variedEvent() []byte {
	var event object
	switch n := g.IntN(20); {
	case n < 5:
		event = g.failed()
	case n < 6:
		event = g.completed("failed", member{"error", g.failure()})
	default:
		status := "success"
		if n < 8 {
			status = "test"
		}
		rows := []int{0, 0, 1, 2, 3}[g.IntN(5)]
		switch n := g.IntN(1000); {
		case n < 2:
			rows = 50 + g.IntN(150)
		case n < 30:
			rows = 8 + g.IntN(20)
		}
		texts, lists := g.IntN(2), g.IntN(4)
		extracted := g.extractedData(texts, lists, func(n, _ int) bool { return n*lists < rows })
		event = g.completed(status, member{"extracted_data", extracted})
	}
	if g.IntN(10) == 0 {
		event = event.sorted() // as Go's maps and many others are written
	}
	return g.style.write(event)
}

// completed returns a run_completed, as the page orders its members, with what
// came of the run: its extracted_data, or its error where the status is failed.
func (g *generator) completed(status string, outcome member) object {
	clock := newClock(g.Rand)
	return g.envelope("run_completed", clock, object{
		{"robot_id", uuid(g.Rand)},
		{"run_id", uuid(g.Rand)},
		{"robot_name", g.language.text(g.Rand, 4+g.IntN(30))},
		{"status", status},
		{"started_at", clock.later(g.Rand, time.Second)},
		{"finished_at", clock.later(g.Rand, 10*time.Minute)},
		outcome,
		{"metadata", g.metadata("browser_id", "user_id")},
	})
}

// failed returns a run_failed, as the page orders its members.
func (g *generator) failed() object {
	data := object{
		{"robotId", uuid(g.Rand)},
		{"runId", uuid(g.Rand)},
		{"robotName", g.language.text(g.Rand, 4+g.IntN(30))},
		{"status", "failed"},
		{"error", g.failure()},
	}
	if g.IntN(8) > 0 {
		data = append(data, member{"metadata", g.metadata("browserId", "userId")})
	}
	return g.envelope("run_failed", newClock(g.Rand), data)
}

func (g *generator) envelope(event string, clock *clock, data object) object {
	if g.IntN(10) == 0 { // what the contract doesn't name is allowed
		data = append(data, member{"attempt", 1 + g.IntN(3)}, member{"proxied", g.IntN(2) == 0})
	}
	out := object{
		{"event_type", event},
		{"timestamp", clock.later(g.Rand, time.Second)},
		{"webhook_id", uuid(g.Rand)},
		{"data", data},
	}
	if g.IntN(20) == 0 {
		out = append(out, member{"tags", array{g.language.text(g.Rand, 5), g.language.text(g.Rand, 10)}})
	}
	return out
}

func (g *generator) failure() object {
	kinds := []string{"TimeoutError", "NavigationError", "ConversionError", "Error"}
	kind, message := kinds[g.IntN(len(kinds))], g.language.text(g.Rand, 10+g.IntN(80))
	stack := kind + ": " + message
	for range g.IntN(6) {
		stack += "\n    at async " + letters(g.Rand, 4+g.IntN(12)) + " (/app/" + letters(g.Rand, 6) + ".js:" + digits(g.Rand, 3) + ":" + digits(g.Rand, 2) + ")"
	}
	return object{{"message", message}, {"type", kind}, {"stack", stack}}
}

func (g *generator) metadata(browser, user string) object {
	out := object{}
	if g.IntN(10) > 0 {
		out = append(out, member{browser, uuid(g.Rand)})
	}
	if g.IntN(10) > 0 {
		out = append(out, member{user, g.IntN(1_000_000)})
	}
	return out
}

// extractedData returns texts rows of captured texts and as many lists as asked
// for. A list is given rows while more, which is told the rows and the bytes
// that the list has, says so.
func (g *generator) extractedData(texts, lists int, more func(rows, bytes int) bool) object {
	captured := array{}
	for range texts {
		row, _ := g.row(g.language.columnNames(g.Rand, 1+g.IntN(4)))
		captured = append(captured, row)
	}
	named, listed := object{}, 0
	for i := range lists {
		rows, bytes := array{}, 0
		columns := g.language.columnNames(g.Rand, 1+g.IntN(12))
		for more(len(rows), bytes) {
			row, size := g.row(columns)
			rows = append(rows, row)
			bytes += size
		}
		named = append(named, member{fmt.Sprintf("list_%d", i), rows})
		listed += len(rows)
	}
	return object{
		{"captured_texts", captured},
		{"captured_lists", named},
		{"total_rows", texts + listed},
		{"captured_texts_count", texts},
		{"captured_lists_count", listed},
		{"screenshots_count", g.IntN(3)},
	}
}

// row returns a row of the columns, and about how many bytes it takes in a list
// of them. Now and then a cell is absent.
func (g *generator) row(columns []string) (object, int) {
	row := make(object, 0, len(columns))
	for _, name := range columns {
		if g.IntN(200) == 0 {
			continue
		}
		if g.randomKeys {
			name = letters(g.Rand, 3+g.IntN(16))
			if slices.ContainsFunc(row, func(m member) bool { return m.name == name }) {
				continue
			}
		}
		row = append(row, member{name, g.language.cell(g.Rand)})
	}
	return row, len(g.style.write(row))
}
