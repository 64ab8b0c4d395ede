package receiver

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// problemBase is the start of the type of every problem; what follows is its
// disposition, and its heading on that page.
const problemBase = "https://github.com/runhooks/runhooks/blob/main/docs/problems.md#"

// maxFindings is how many findings an answer lists. A sender that has more to fix runs a
// check of its own.
const maxFindings = 100

// A problem is why a request is refused, and the answer that says so.
type problem struct {
	disposition Disposition
	status      int
	// detail is for the sender, and cause for the log alone.
	detail string
	cause  error
	stack  []byte
	// retryAfter is when to try again; 0 leaves it to the sender.
	retryAfter time.Duration
	// abort is to close the connection instead of an answer.
	abort bool
	// header has what else belongs in the answer: names and values in turn.
	header []string
	// findings are part of the answer, up to maxFindings.
	findings []conformance.Finding
}

var titles = map[Disposition]string{
	WrongMethod:          "An event is sent by POST",
	WrongContentType:     "An event is JSON in UTF-8",
	WrongContentEncoding: "The content encoding is not supported",
	TooLarge:             "The payload is too large",
	TooSlow:              "The payload did not arrive in time",
	Unreadable:           "The payload can't be read",
	Unauthenticated:      "The sender is not authenticated",
	Nonconforming:        "The payload breaks the contract",
	InProgress:           "The event is being handled",
	Unavailable:          "The receiver is unavailable",
	Abandoned:            "The sender has gone",
	Declined:             "The event was declined",
	Failed:               "The event could not be handled",
}

// write answers with problem details (RFC 9457).
func (p *problem) write(w http.ResponseWriter) {
	disposition := p.disposition
	if disposition == Panicked {
		disposition = Failed // how it failed is nobody else's business
	}
	body := struct {
		Type     string                `json:"type"`
		Title    string                `json:"title"`
		Status   int                   `json:"status"`
		Detail   string                `json:"detail,omitempty"`
		Findings []conformance.Finding `json:"findings,omitempty"`
	}{problemBase + string(disposition), titles[disposition], p.status, p.detail, p.findings}
	if more := len(p.findings) - maxFindings; more > 0 {
		body.Findings = p.findings[:maxFindings]
		body.Detail += fmt.Sprintf(" (%d more findings are left out)", more)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // there is nothing in it that can't be encoded
	}
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.FormatFloat(math.Ceil(p.retryAfter.Seconds()), 'f', 0, 64))
	}
	for i := 0; i < len(p.header); i += 2 {
		header.Set(p.header[i], p.header[i+1])
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(text) // an error means that nobody is listening any more
}

// A StatusError is an error of a handler that chooses the answer. Any other
// error answers 500, and says nothing of itself to the sender.
type StatusError struct {
	// Status is that of the answer: 400 to 599. Senders read 410 as "send no more", and 429
	// and 503 as "later".
	Status int
	// RetryAfter is how long the sender should wait; 0 leaves it to the sender.
	// It is sent in whole seconds, rounded up.
	RetryAfter time.Duration
	// Detail is sent to the sender.
	Detail string
	// Err is the reason, for the log only.
	Err error
}

// Error returns the status and the reason.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("status %d", e.Status)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *StatusError) Unwrap() error { return e.Err }
