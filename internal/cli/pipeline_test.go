package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// stdin is standard input as a source of lines.
var stdin = []intake.Source{{Name: "stdin", Path: "-", Size: -1}}

// lines is so many lines of that many bytes, each with its number.
func lines(n, size int) string {
	var b strings.Builder
	for i := range n {
		number := strconv.Itoa(i)
		b.WriteString(number + strings.Repeat(" ", size-len(number)-1) + "\n")
	}
	return b.String()
}

func reader(text string) *intake.Reader {
	return &intake.Reader{Form: intake.NDJSON, Stdin: strings.NewReader(text)}
}

// All outcomes come in the order of the payloads, whoever is done first, and each
// payload is in one of them.
func TestPipelineOrder(t *testing.T) {
	const n = 5000
	synctest.Test(t, func(t *testing.T) {
		p := &pipeline[conformance.Report]{jobs: 8, size: reportSize, reader: reader(lines(n, 1000)), check: func(_ *intake.Batch, payload *intake.Payload) (conformance.Report, bool) {
			if payload.Index == 0 {
				synctest.Wait() // until the others wait for it
			}
			report := conformance.Report{EventType: string(payload.Data)}
			if payload.Index%50 == 1 { // a batch goes out in parts
				report.Findings = make([]conformance.Finding, 2000)
			}
			return report, payload.Index%3 > 0
		}}
		var got []int
		plain, ended := 0, 0
		err := p.run(t.Context(), stdin, func(o outcome[conformance.Report]) error {
			for _, j := range o.judged {
				if j.result.EventType != string(j.payload.Data) {
					t.Errorf("payload %d has another's report", j.payload.Index)
				}
				got = append(got, j.payload.Index)
			}
			plain += o.plain
			if o.batch == nil {
				ended++
			}
			return nil
		})
		if err != nil || ended != 1 {
			t.Fatalf("%v, ended %d times", err, ended)
		}
		var want []int
		for i := range n {
			if i%3 > 0 {
				want = append(want, i)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if want := (n + 2) / 3; plain != want {
			t.Errorf("plain are %d, want %d", plain, want)
		}
	})
}

// ahead runs a pipeline some of whose outcomes aren't taken before all others wait: the
// first, and one in the middle. It returns how many payloads were judged then, and not
// yet taken.
func ahead(t *testing.T, jobs int, text string, report conformance.Report) (judged []int) {
	t.Helper()
	want := strings.Count(text, "\n")
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		p := &pipeline[conformance.Report]{jobs: jobs, size: reportSize, reader: reader(text), check: func(*intake.Batch, *intake.Payload) (conformance.Report, bool) {
			n.Add(1)
			return report, true
		}}
		taken := 0
		err := p.run(t.Context(), stdin, func(o outcome[conformance.Report]) error {
			if len(judged) == 0 || len(judged) == 1 && taken >= want/2 {
				synctest.Wait()
				judged = append(judged, int(n.Load())-taken)
			}
			taken += len(o.judged)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if taken != want {
			t.Errorf("%d payloads were reported, want %d", taken, want)
		}
	})
	return judged
}

// What is held while a payload waits to be reported is bounded by its bytes, by the
// number of batches, and by what there is to say.
func TestPipelineHolds(t *testing.T) {
	const jobs = 8
	small := conformance.Report{Verdict: conformance.Deviates}
	large := conformance.Report{Verdict: conformance.Deviates, Findings: []conformance.Finding{{Pointer: strings.Repeat("/n", 1<<19)}}}
	pattern := conformance.Report{Verdict: conformance.Deviates, Findings: []conformance.Finding{{Pattern: strings.Repeat("/n", 1<<19)}}}
	message := conformance.Report{Verdict: conformance.Deviates, Findings: []conformance.Finding{{Message: strings.Repeat("/n", 1<<19)}}}
	many := conformance.Report{Verdict: conformance.Deviates, Findings: make([]conformance.Finding, 10_000)}
	for _, tt := range []struct {
		name        string
		jobs        int
		text        string
		report      conformance.Report
		least, most int
	}{
		// Batches of 256 KiB, of which maxAtOnce has room for 64.
		{"by their number", jobs, lines(40_000, 1<<10), small, 2 * 256, maxBatches * jobs * 257},
		{"by their bytes", jobs, lines(40, 3<<20), small, 3, 6},
		{"by pointers", jobs, lines(200, 32<<10), large, 8, 16 + jobs},
		{"by patterns", jobs, lines(200, 32<<10), pattern, 8, 16 + jobs},
		{"by messages", jobs, lines(200, 32<<10), message, 8, 16 + jobs},
		{"by findings", jobs, lines(200, 32<<10), many, 6, 10 + jobs},
		{"in a batch whose turn it is", 1, lines(200, 1<<10), large, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			judged := ahead(t, tt.jobs, tt.text, tt.report)
			if len(judged) != 2 || slices.Min(judged) < tt.least || slices.Max(judged) > tt.most {
				t.Errorf("%d payloads were judged and not taken, want %d to %d", judged, tt.least, tt.most)
			}
		})
	}
}

// The first error of the report ends the run, and so does the end of the context,
// whoever waits for whom.
func TestPipelineEnds(t *testing.T) {
	large := conformance.Report{Verdict: conformance.Deviates, Findings: []conformance.Finding{{Pointer: strings.Repeat("/n", 1<<20)}}}
	full := errors.New("no room")
	for _, after := range []int{0, 1, 20} {
		for _, byContext := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d, by context: %t", after, byContext), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					p := &pipeline[conformance.Report]{jobs: 8, size: reportSize, reader: reader(lines(500, 32<<10)), check: func(*intake.Batch, *intake.Payload) (conformance.Report, bool) {
						return large, true
					}}
					var got []int
					taken := 0
					err := p.run(ctx, stdin, func(o outcome[conformance.Report]) error {
						for _, j := range o.judged {
							got = append(got, j.payload.Index)
						}
						if taken++; taken <= after {
							return nil
						}
						synctest.Wait() // all others wait for room
						if byContext {
							cancel()
							return nil
						}
						return full
					})
					if want := map[bool]error{false: full, true: nil}[byContext]; !errors.Is(err, want) || want == nil && err != nil {
						t.Errorf("error %v, want %v", err, want)
					}
					if len(got) == 0 || len(got) == 500 || !slices.IsSorted(got) || got[len(got)-1] != len(got)-1 {
						t.Errorf("reported were %v, want some of the first", got)
					}
				})
			})
		}
	}
}
