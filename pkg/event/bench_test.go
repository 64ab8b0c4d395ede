package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

func BenchmarkParse(b *testing.B) {
	row := `{"Rank":"1","Product":"MacBook Air M2","Category":"Laptops","Units Sold":"2,847","Revenue":"$2,847,000"}`
	large := strings.Replace(sample, `{"Rank":"1","Product":"MacBook Air M2"}`, strings.Repeat(row+",", 10_000)+row, 1)
	for _, bb := range []struct{ name, payload string }{
		{"completed", sample},
		{"failed", failedSample},
		{"deviates", scrape},
		{"megabyte", large},
	} {
		b.Run(bb.name, func(b *testing.B) {
			payload := []byte(bb.payload)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := event.Parse(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
		// For comparison: what a receiver would do without this package.
		b.Run(fmt.Sprintf("%s/encoding-json", bb.name), func(b *testing.B) {
			payload := []byte(bb.payload)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				var typed webhook.RunCompleted
				if err := json.Unmarshal(payload, &typed); err != nil && bb.name != "deviates" {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDeviations(b *testing.B) {
	e, err := event.Parse([]byte(scrape))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(e.Deviations()) == 0 {
			b.Fatal("none")
		}
	}
}

func BenchmarkValid(b *testing.B) {
	payload := []byte(sample)
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if !conformance.Valid(payload) {
			b.Fatal("invalid")
		}
	}
}

// BenchmarkCanonical writes and reads events in their canonical form. For comparison
// encoding/json writes the same members, with a map for each row.
func BenchmarkCanonical(b *testing.B) {
	row := `{"Rank":"1","Product":"MacBook Air M2","Category":"Laptops","Units Sold":"2,847","Revenue":"$2,847,000"}`
	large := strings.Replace(sample, `{"Rank":"1","Product":"MacBook Air M2"}`, strings.Repeat(row+",", 10_000)+row, 1)
	for _, bb := range []struct{ name, payload string }{
		{"completed", sample},
		{"failed", failedSample},
		{"deviates", scrape},
		{"megabyte", large},
	} {
		e, err := event.Parse([]byte(bb.payload))
		if err != nil {
			b.Fatal(err)
		}
		form, err := e.MarshalJSON()
		if err != nil {
			b.Fatal(err)
		}
		run := func(name string, do func() error) {
			b.Run(bb.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(form)))
				b.ReportAllocs()
				for b.Loop() {
					if err := do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		var plain any
		if err := json.Unmarshal(form, &plain); err != nil {
			b.Fatal(err)
		}
		run("write", func() error { _, err := e.MarshalJSON(); return err })
		run("write-json.Marshal", func() error { _, err := json.Marshal(e); return err })
		run("write-encoding-json", func() error { _, err := json.Marshal(plain); return err })
		run("read", func() error { return new(event.Event).UnmarshalJSON(form) })
		run("read-encoding-json", func() error { var v any; return json.Unmarshal(form, &v) })
	}
}
