package receiver_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/vectors"
)

// TestObserved: what real servers send is accepted by default, and refused with
// findings where the documented contract is required.
func TestObserved(t *testing.T) {
	for _, p := range judgetest.Captured(t) {
		t.Run(p.Name, func(t *testing.T) { testAccepted(t, p.Text, conformance.Deviates) })
	}
}

// TestVectors is the same with the vectors, which have every verdict.
func TestVectors(t *testing.T) {
	for _, v := range vectors.All() {
		t.Run(v.Name, func(t *testing.T) {
			testAccepted(t, v.Payload, conformance.Verdict(v.Verdict))
		})
	}
}

// sameBytes compares as cmp does, which takes a mebibyte element by element.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// testAccepted sends payload to a receiver of each Acceptance.
func testAccepted(t *testing.T, payload []byte, verdict conformance.Verdict) {
	report := conformance.Check(payload)
	for accept, accepted := range map[receiver.Acceptance]bool{
		receiver.AcceptAll:        true,
		receiver.AcceptDocumented: verdict == conformance.Conforms,
		receiver.AcceptObserved: verdict != conformance.Invalid ||
			// an event of another type is none of ours, and no mistake
			report.EventType != "" && report.Findings[0].Code == "event.type-unknown",
	} {
		var rec recorder
		w := httptest.NewRecorder()
		rec.receiver(t, receiver.Options{Accept: accept}).ServeHTTP(w, post(payload))
		if !accepted {
			p := readProblem(t, w.Result())
			if w.Code != 422 || len(rec.calls) > 0 || len(p.Findings) == 0 {
				t.Errorf("%v: status %d, called %q: %+v; want 422 with findings", accept, w.Code, rec.calls, p)
			}
			if verdict == conformance.Deviates && !strings.HasPrefix(firstError(p.Findings), "dialect.") {
				t.Errorf("%v: the first error is %s", accept, firstError(p.Findings))
			}
			continue
		}
		if w.Code != 204 || len(rec.calls) != 1 {
			t.Errorf("%v: status %d, called %q; want 204 and one call; %s", accept, w.Code, rec.calls, w.Body)
			continue
		}
		if !bytes.Equal(rec.delivery.Payload, payload) {
			t.Errorf("%v: the handler has another payload", accept)
		}
		if rec.delivery.Verdict != verdict {
			t.Errorf("%v: the verdict is %s, want %s", accept, rec.delivery.Verdict, verdict)
		}
		want := "Unknown"
		if verdict != conformance.Invalid {
			// What the judge accepts, parses.
			e, err := event.Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			want = map[event.Type]string{
				event.RunCompleted: "RunCompleted", event.RunFailed: "RunFailed", event.Test: "Test",
			}[e.Type]
			if diff := cmp.Diff(e, rec.delivery.Event, cmp.Comparer(sameBytes)); diff != "" {
				t.Errorf("%v: the event (-want +got):\n%s", accept, diff)
			}
		}
		if rec.calls[0] != want {
			t.Errorf("%v: %s was called, want %s", accept, rec.calls[0], want)
		}
	}
}

func firstError(findings []conformance.Finding) string {
	for _, f := range findings {
		if f.Severity == conformance.SeverityError {
			return string(f.Code)
		}
	}
	return "none"
}

// TestCanonicalEvents: with AcceptCanonical, the canonical form of each vector is as good
// as its payload, and otherwise it is refused with a hint.
func TestCanonicalEvents(t *testing.T) {
	seen := 0
	for _, v := range vectors.All() {
		if v.Canonical == nil {
			continue
		}
		seen++
		var want event.Event
		if err := json.Unmarshal(v.Canonical, &want); err != nil {
			t.Fatal(err)
		}
		var rec recorder
		w := httptest.NewRecorder()
		rec.receiver(t, receiver.Options{AcceptCanonical: true}).ServeHTTP(w, post(v.Canonical))
		if w.Code != 204 || len(rec.calls) != 1 {
			t.Errorf("%s: status %d, called %q; want 204 and one call; %s", v.Name, w.Code, rec.calls, w.Body)
			continue
		}
		called := map[event.Type]string{
			event.RunCompleted: "RunCompleted", event.RunFailed: "RunFailed", event.Test: "Test",
		}[want.Type]
		d := rec.delivery
		if rec.calls[0] != called || d.EventType != want.RawType || d.Verdict != "" || d.Findings != nil || !reflect.DeepEqual(*d.Event, want) {
			t.Errorf("%s: %s was called, want %s, with %q, %q, %v", v.Name, rec.calls[0], called, d.EventType, d.Verdict, d.Findings)
		}

		var payload recorder
		w = httptest.NewRecorder()
		payload.receiver(t, receiver.Options{AcceptCanonical: true}).ServeHTTP(w, post(v.Payload))
		if w.Code != 204 || string(payload.delivery.Verdict) != v.Verdict {
			t.Errorf("%s: the payload: status %d, %s", v.Name, w.Code, payload.delivery.Verdict)
		}
	}
	if seen < 300 {
		t.Errorf("saw only %d canonical forms", seen)
	}
	wild, _ := vectors.Wild("wild.ui-extract")
	for name, tt := range map[string]struct {
		accept bool
		body   []byte
		hint   string
	}{
		"not asked for": {false, wild.Canonical, "this is the canonical form of an event, not a payload: send the payload itself"},
		"another shape": {true, bytes.Replace(wild.Canonical, []byte(`"run": {`), []byte(`"run": [], "was": {`), 1), "this is the canonical form"},
		"neither":       {true, []byte(`{"version":1}`), "add it, as"},
	} {
		var rec recorder
		w := httptest.NewRecorder()
		rec.receiver(t, receiver.Options{AcceptCanonical: tt.accept}).ServeHTTP(w, post(tt.body))
		p := readProblem(t, w.Result())
		if w.Code != 422 || len(p.Findings) != 1 || !strings.Contains(p.Findings[0].Hint, tt.hint) {
			t.Errorf("%s: status %d, %+v", name, w.Code, p)
		}
	}
}
