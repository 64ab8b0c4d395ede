package receiver_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/vectors"
)

// Payloads that were captured from real servers are not part of the project.
// Where they lie beside it, or where OBSERVED_DIR says, they are a test of it.
const besideProject = "../../../shared/observed"

// TestObserved: what real servers send is accepted by default, and refused with
// findings where the documented contract is required.
func TestObserved(t *testing.T) {
	observedDir := os.Getenv("OBSERVED_DIR")
	required := observedDir != ""
	if !required {
		observedDir = besideProject
	}
	files, err := filepath.Glob(filepath.Join(observedDir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		if required {
			t.Fatalf("there are no captured payloads in %s", observedDir)
		}
		t.Skipf("captured payloads: there are none in %s", observedDir)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			testAccepted(t, payload, conformance.Deviates)
		})
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
			if diff := cmp.Diff(e, rec.delivery.Event); diff != "" {
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
