package intake_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/wrapped"
)

// TestReadUnwrapped finds events in what is around them, in each form.
func TestReadUnwrapped(t *testing.T) {
	const event = `{"event_type":"run_failed"}`
	for _, tt := range []struct {
		name, data string
		want       []string
	}{
		{"a.json", event, []string{"0 1 " + event}},
		{"a.json", `{"a":1}`, []string{`0 1 {"a":1}`}},
		{"a.json", "[\n \"é\",\n " + event + ",\n {\"x\":" + event + "}]", []string{"0 1 /1 10 3:2 " + event, "1 1 /2/x 45 4:7 " + event}},
		{"a.json", strconv.Quote(event), []string{"0 1  1 1:2 " + event}},
		{"a.ndjson", `{"body":` + event + "}\n" + event + "\n\n[" + event + "]\n", []string{
			"0 1 /body 8 1:9 " + event, "1 2 " + event, "2 4 /0 1 1:2 " + event}},
		{"a.har", `{"log":{"entries":[{"request":{"method":"POST","postData":{"text":` + strconv.Quote(`[`+event+`]`) + `}}}]}}`,
			[]string{"0 1 /0 1 1:2 " + event}},
	} {
		var got []string
		for b, err := range (&intake.Reader{Unwrap: true}).Read(t.Context(), file(t, tt.name, []byte(tt.data))) {
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range b.Payloads {
				text := fmt.Sprintf("%d %d ", p.Index, p.Line)
				if w := p.Wrapped; w != nil {
					got = append(got, text+fmt.Sprintf("%s %d %d:%d %s", w.Pointer, w.Offset, w.Line, w.Column, w.Event.Data))
					continue
				}
				got = append(got, text+string(p.Data))
			}
			b.Free()
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", tt.name, tt.data, diff)
		}
	}
}

// TestReadUnwrappedMany: batches stay small, and what can't be looked through is an error.
func TestReadUnwrappedMany(t *testing.T) {
	const event = `{"event_type":"run_failed"},`
	count := func(n int) (total int, err error) {
		data := "[" + strings.Repeat(event, n) + "0]"
		for b, readErr := range (&intake.Reader{Unwrap: true}).Read(t.Context(), file(t, "a.json", []byte(data))) {
			if readErr != nil {
				return total, readErr
			}
			if len(b.Payloads) > 5000 {
				t.Errorf("a batch of %d payloads", len(b.Payloads))
			}
			total += len(b.Payloads)
		}
		return total, nil
	}
	if n, err := count(20_000); n != 20_000 || err != nil {
		t.Errorf("%d payloads of 20,000, %v", n, err)
	}
	if n, err := count(wrapped.MaxEvents + 1); n != 0 || err == nil || !strings.Contains(err.Error(), "more than 131072 events; split it") {
		t.Errorf("%d payloads, error %v", n, err)
	}
}
