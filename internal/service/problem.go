package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// maxFindings is how many findings an answer has at most.
const maxFindings = 100

// A problem is an error with its answer: problem details (RFC 9457).
type problem struct {
	status   int
	detail   string
	findings []conformance.Finding
	// retryAfter is for 503.
	retryAfter time.Duration
	// cause is for the log alone.
	cause error
}

func (p *problem) Error() string { return p.detail }

func problemf(status int, format string, args ...any) *problem {
	return &problem{status: status, detail: fmt.Sprintf(format, args...)}
}

func unavailable(retryAfter time.Duration, detail string) *problem {
	return &problem{status: http.StatusServiceUnavailable, detail: detail, retryAfter: retryAfter}
}

func internalProblem() *problem {
	return problemf(http.StatusInternalServerError, "the service failed; its log says why")
}

// problemOf makes a problem of an error: one of ours, or of a store or the engine.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	switch {
	case errors.Is(err, delivery.ErrNotFound):
		p = notFound()
	case errors.Is(err, delivery.ErrVersion):
		p = problemf(http.StatusPreconditionFailed, "the endpoint was changed since it was read; read it again, and repeat the change")
	case errors.Is(err, delivery.ErrURLTaken):
		p = problemf(http.StatusConflict, "there is already an endpoint with this URL; change that one, or use another URL")
	case errors.Is(err, delivery.ErrState):
		p = problemf(http.StatusConflict, "this is not possible in the present state")
	case errors.Is(err, delivery.ErrFull):
		p = unavailable(time.Minute, "nothing was stored: the service's disk is full; try again when there is space")
	case errors.Is(err, delivery.ErrBusy):
		p = unavailable(time.Second, "nothing was stored: more is waiting to be written than the service holds; try again")
	case errors.Is(err, delivery.ErrStopped):
		p = unavailable(5*time.Second, "nothing was stored: the service is stopping; try again")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = unavailable(5*time.Second, "the store did not answer in time; try again")
	default:
		// Whatever else a store says is about the store.
		p = unavailable(5*time.Second, "the store can't be used at the moment; try again")
	}
	p.cause = err
	return p
}

// notFound is the answer also for what belongs to another robot than the token's.
func notFound() *problem {
	return problemf(http.StatusNotFound, "there is nothing with this id, or the token may not see it")
}

// invalid is the answer to a body with findings.
func invalid(detail string, findings []conformance.Finding) *problem {
	return &problem{status: http.StatusUnprocessableEntity, detail: detail, findings: findings}
}

// title is the name of a status in RFC 9110, which package http has an older one of.
func title(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return "Content Too Large"
	case http.StatusUnprocessableEntity:
		return "Unprocessable Content"
	}
	return http.StatusText(status)
}

func (p *problem) write(w http.ResponseWriter) {
	body := struct {
		Type     string                `json:"type"`
		Title    string                `json:"title"`
		Status   int                   `json:"status"`
		Detail   string                `json:"detail"`
		Findings []conformance.Finding `json:"findings,omitempty"`
	}{"about:blank", title(p.status), p.status, p.detail, p.findings}
	if more := len(p.findings) - maxFindings; more > 0 {
		body.Findings = p.findings[:maxFindings]
		body.Detail += fmt.Sprintf(" (%d more findings are left out)", more)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // there is nothing in it that can't be encoded
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	switch p.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="runhooks"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(max(1, int(p.retryAfter.Seconds()))))
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(text) // if the client has gone, there is nobody to tell
}
