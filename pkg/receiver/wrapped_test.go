package receiver_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/receiver"
)

// TestProblemOfWrapped: a sender of something around an event is told where the event is,
// without flags of a command that it may not have.
func TestProblemOfWrapped(t *testing.T) {
	event := string(vector(t, "page.run-failed"))
	for _, tt := range []struct{ payload, hint string }{
		{`[{"headers":{},"body":` + event + `,"webhookUrl":"u"}]`, "this is a request as n8n shows it: the event is at /0/body; send that alone"},
		{strconv.Quote(event), "the event is in this text, as JSON that was encoded twice: send the object itself"},
		{event + event, "send one document per request"},
	} {
		rec := &recorder{}
		w := httptest.NewRecorder()
		rec.receiver(t, receiver.Options{}).ServeHTTP(w, post([]byte(tt.payload)))
		p := readProblem(t, w.Result())
		if w.Code != http.StatusUnprocessableEntity || len(p.Findings) != 1 || p.Findings[0].Hint != tt.hint || strings.Contains(p.Findings[0].Hint, "--") {
			t.Errorf("status %d, findings %+v, want the hint %q", w.Code, p.Findings, tt.hint)
		}
		if len(rec.calls) > 0 {
			t.Errorf("handled by %v", rec.calls)
		}
	}
}
