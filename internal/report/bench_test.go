package report

import (
	"io"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// BenchmarkWriter shows what a report takes, in bytes of it, of payloads that deviate
// as in the wild.
func BenchmarkWriter(b *testing.B) {
	var payloads []Payload
	for i, v := range vectors.All() {
		if rep := conformance.Check(v.Payload); rep.Verdict == conformance.Deviates && len(v.Payload) < 2000 {
			payloads = append(payloads, Payload{Source: "a.ndjson", Index: i, Line: i + 1, Data: v.Payload, Report: rep})
		}
	}
	for _, format := range Formats() {
		b.Run(string(format), func(b *testing.B) {
			b.ReportAllocs()
			var out counter
			w, err := New(format, &out, Options{})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				if err := w.Payload(payloads[n%len(payloads)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
			if err := w.Close(Summary{}); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(out) / int64(n))
		})
	}
	b.Run("tally", func(b *testing.B) {
		b.ReportAllocs()
		var tally Tally
		for n := 0; b.Loop(); n++ {
			tally.Add(payloads[n%len(payloads)])
		}
	})
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

var _ io.Writer = (*counter)(nil)
