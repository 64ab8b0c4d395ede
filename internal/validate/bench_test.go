package validate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// A corpus is payloads of one kind, all of which conform.
type corpus struct {
	name     string
	payloads [][]byte
}

// corpora gives the kinds that a validator has to be fast for.
func corpora(t testing.TB) []corpus {
	one := func(payload string) [][]byte { return [][]byte{[]byte(payload)} }
	var page []byte
	for _, v := range vectors.All() {
		if v.Name == "page.run-completed" {
			page = v.Payload
		}
	}
	product := []string{"Rank", "Product", "Category", "Units Sold", "Revenue"}
	rows := completed(rowsOf(product, latin, 0), 4, 23_000, 1)
	chinese := []string{"排名", "产品名称", "类别", "销量", "备注"}
	cjk := completed(rowsOf(chinese, cjkText, 0), 4, 2_500, 2)
	return []corpus{
		{"page", [][]byte{page}},
		{"100KB", one(completed(rowsOf(product, latin, 0), 4, 200, 3))},
		{"11MB", one(rows)},
		{"events", events(3_000)},
		{"pretty", one(indent(completed(rowsOf(product, latin, 0), 4, 2_500, 4)))},
		{"cjk", one(cjk)},
		{"escaped", one(escape(cjk))},
		{"random-keys", one(completed(rowsOf(nil, latin, 5), 4, 2_500, 5))},
		{"wide", one(completed(rowsOf(names(60), latin, 0), 4, 300, 6))},
		{"lists", one(completed(rowsOf(product, latin, 0), 200, 50, 7))},
	}
}

func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("Column %d", i+1))
	}
	return all
}

// rowsOf makes rows of these columns, or of so many with names at random.
func rowsOf(columns []string, text func(*rand.Rand) string, random int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		columns := columns
		for range random {
			columns = append(columns, strconv.FormatUint(r.Uint64(), 36)[:6+r.IntN(5)])
		}
		var row strings.Builder
		for i, c := range columns {
			fmt.Fprintf(&row, `,"%s":"%s"`[min(1, 1-min(i, 1)):], c, text(r))
		}
		return "{" + row.String() + "}"
	}
}

// latin is a cell as shops and directories have them: mostly short.
func latin(r *rand.Rand) string {
	words := strings.Fields("MacBook Pro 16-inch M3 Max Air Laptops stars Absolutely love my new battery life is incredible and the performance outstanding")
	switch r.IntN(5) {
	case 0:
		return strconv.Itoa(r.IntN(1000))
	case 1:
		return fmt.Sprintf("$%d,%03d.00", r.IntN(10), r.IntN(1000))
	case 2:
		return fmt.Sprintf("2024-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28))
	case 3:
		return words[r.IntN(len(words))]
	}
	n := 2 + r.IntN(12)
	var s []string
	for range n {
		s = append(s, words[r.IntN(len(words))])
	}
	return strings.Join(s, " ")
}

func cjkText(r *rand.Rand) string {
	var s strings.Builder
	for range 2 + r.IntN(20) {
		s.WriteRune(rune(0x4E00 + r.IntN(0x5000)))
		if r.IntN(12) == 0 {
			s.WriteString([]string{"，", " ", "。", "2025"}[r.IntN(4)])
		}
	}
	return s.String()
}

// completed makes a run_completed with so many lists of so many rows.
func completed(row func(*rand.Rand) string, lists, rows int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	var out strings.Builder
	out.WriteString(`{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{"robot_id":"d453def3-800a-4b6c-ba31-854cf8dd8d26","run_id":"110c4dae-c39b-4b30-a932-eff1022e4bb0","robot_name":"Test Robot","status":"success","started_at":"2025-05-29T15:52:30.595Z","finished_at":"2025-05-29T15:53:15.595Z","extracted_data":{"captured_texts":[`)
	out.WriteString(row(r))
	out.WriteString(`],"captured_lists":{`)
	for i := range lists {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `"list_%d":[`, i)
		for j := range rows {
			if j > 0 {
				out.WriteByte(',')
			}
			out.WriteString(row(r))
		}
		out.WriteByte(']')
	}
	fmt.Fprintf(&out, `},"total_rows":%d,"captured_texts_count":1,"captured_lists_count":%d,"screenshots_count":5},"metadata":{"browser_id":"d27ace57-75cb-441c-8589-8ba34e52f7d1","user_id":108}}}`, lists*rows+1, lists*rows)
	return out.String()
}

func failed(r *rand.Rand) string {
	id := func() string {
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16), r.Uint64()>>16)
	}
	metadata := ""
	if r.IntN(2) == 0 {
		metadata = fmt.Sprintf(`,"metadata":{"browserId":%q,"userId":%d}`, id(), r.IntN(10_000))
	}
	return fmt.Sprintf(`{"event_type":"run_failed","timestamp":"2025-05-%02dT15:53:15.595Z","webhook_id":%q,"data":{"robotId":%q,"runId":%q,"robotName":%q,"status":"failed","error":{"message":%q,"type":"TimeoutError","stack":"TimeoutError: %s\n    at async Page.waitForSelector (/app/node_modules/playwright/lib/page.js:%d:17)\n    at async run"}%s}}`,
		1+r.IntN(28), id(), id(), id(), latin(r), latin(r), latin(r), r.IntN(1000), metadata)
}

// events makes small events that differ: in kind, in columns, in rows.
func events(n int) (all [][]byte) {
	r := rand.New(rand.NewPCG(8, 1))
	for i := range n {
		if r.IntN(4) == 0 {
			all = append(all, []byte(failed(r)))
			continue
		}
		columns := names(1 + r.IntN(6))
		all = append(all, []byte(completed(rowsOf(columns, latin, 0), r.IntN(4), 1+r.IntN(6), uint64(i))))
	}
	return all
}

func indent(s string) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(s), "", "  "); err != nil {
		panic(err)
	}
	return out.String()
}

// escape writes what isn't ASCII as Python's json does.
func escape(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r < 0x80 {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// The corpora are what the benchmarks take them for.
func TestCorpora(t *testing.T) {
	for _, c := range corpora(t) {
		for i, payload := range c.payloads[:min(len(c.payloads), 50)] {
			if !validate.RunEvent(payload) || !validate.ObservedRunEvent(payload) {
				t.Errorf("%s: payload %d is not on the fast path", c.name, i)
			}
			if len(payload) < 100_000 {
				if v := conformance.Check(payload).Verdict; v != conformance.Conforms {
					t.Errorf("%s: payload %d %s", c.name, i, v)
				}
			}
		}
		if racetest.On { // with which a sync.Pool loses what it holds
			continue
		}
		payload := c.payloads[0]
		// Of ten runs, since what the runtime allocates meanwhile counts, too.
		if n := testing.AllocsPerRun(10, func() { validate.RunEvent(payload) }); n > 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkRunEvent(b *testing.B)         { benchmark(b, validate.RunEvent) }
func BenchmarkObservedRunEvent(b *testing.B) { benchmark(b, validate.ObservedRunEvent) }

// BenchmarkFloor looks at each byte and nothing else: what reading costs.
func BenchmarkFloor(b *testing.B) {
	benchmark(b, func(payload []byte) bool { return bytes.IndexByte(payload, 0) < 0 })
}

func benchmark(b *testing.B, accepts func([]byte) bool) {
	for _, c := range corpora(b) {
		b.Run(c.name, func(b *testing.B) {
			size := 0
			for _, payload := range c.payloads {
				size += len(payload)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, payload := range c.payloads {
					if !accepts(payload) {
						b.Fatal("not accepted")
					}
				}
			}
		})
	}
}
