package conformance_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// BenchmarkCheck shows what a check takes, by how much there is to say. Compare
// its cases with each other, or with themselves before a change.
func BenchmarkCheck(b *testing.B) {
	vector := func(name string) []byte {
		all := vectors.All()
		i := slices.IndexFunc(all, func(v vectors.Vector) bool { return v.Name == name })
		if i < 0 {
			b.Fatalf("there is no vector %s", name)
		}
		return all[i].Payload
	}
	rows := bytes.Replace(vector("dialect.local-time"), []byte(`"captured_texts": [`),
		[]byte(`"captured_texts": [`+strings.Repeat(`{"Name":"MacBook Air M2","Price":"$999.00","Rating":null},`, 1_750)), 1)
	for _, bb := range []struct {
		name    string
		payload []byte
	}{
		{"conforms", vector("dialect.local-time.fixed")},
		{"conforms with a remark", vector("contract.unknown-member")},
		{"conforms with warnings", vector("page.run-completed")},
		{"deviates", vector("dialect.local-time")},
		{"deviates as in the wild", vector("wild.ui-extract")},
		{"fails as in the wild", vector("wild.failed-with-data")},
		{"deviates in rows", rows},
		{"invalid", vector("schema.required")},
		{"invalid JSON", vector("page.run-completed-as-printed")},
	} {
		b.Run(fmt.Sprintf("%s, %d bytes", bb.name, len(bb.payload)), func(b *testing.B) {
			b.SetBytes(int64(len(bb.payload)))
			b.ReportAllocs()
			for b.Loop() {
				conformance.Check(bb.payload)
			}
		})
	}
}
