package receiver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

const (
	// laterAfter is when to try again if it is not known when that will help.
	laterAfter = 5 * time.Second
	// settleTimeout is how long a claim may take to be committed or released.
	// It has a time of its own, since the request may be over by then.
	settleTimeout = 5 * time.Second
	// lingerTime is how long net/http may read on when a body is refused. To
	// close the connection at once could take the answer
	// away from a sender that is still sending.
	lingerTime = time.Second
)

// An exchange is one request on its way to its answer.
type exchange struct {
	rc *Receiver
	w  http.ResponseWriter
	r  *http.Request
	Decision
	lapped time.Time
}

// lap adds the time since the last lap to one of the parts of the whole.
func (x *exchange) lap(part *time.Duration) {
	now := time.Now()
	*part += now.Sub(x.lapped)
	x.lapped = now
}

// run takes the request through all stages. It returns the problem at which that
// ended, or nil when it has set a status that is not one.
func (x *exchange) run() *problem {
	if p := x.receive(); p != nil {
		return p
	}
	d := &x.Delivery

	x.rc.judge(d)
	x.lap(&x.Judge)
	if !x.rc.accepts(d) {
		return refusal(d)
	}

	if err := x.rc.parse(d); err != nil {
		return failure(err)
	}
	x.lap(&x.Decode)
	take := x.rc.handlers.route(d)
	if take == nil {
		x.Disposition, x.Status = Ignored, http.StatusNoContent
		return nil
	}
	if err := context.Cause(x.r.Context()); err != nil {
		return &problem{
			disposition: Abandoned, status: http.StatusServiceUnavailable, cause: err,
			detail: "the request was cancelled before the event was handled",
		}
	}
	return x.handleOnce(take)
}

// receive does all that needs no understanding of the payload.
func (x *exchange) receive() *problem {
	bodyless := x.r.Body == nil || x.r.Body == http.NoBody
	zipped, sender, p := x.checkHeaders(bodyless)
	switch {
	case p == nil && bodyless && x.r.ContentLength > 0:
		p = consumed(0, x.r.ContentLength)
	case p == nil && !bodyless:
		p = x.readBody(zipped)
	}
	if p != nil && !bodyless {
		x.hangUp(p)
	}
	if p != nil {
		return p
	}

	d := &x.Delivery
	if sender.By == BySignature {
		if sender.Index, p = x.rc.verify(x.r.Header, d.Payload); p != nil {
			return p
		}
		d.EventID = x.r.Header.Get(signature.HeaderID)
	} else {
		sum := sha256.Sum256(d.Payload)
		d.EventID = "sha256:" + hex.EncodeToString(sum[:])
	}
	d.Sender = sender
	x.lap(&x.Authenticate)
	return nil
}

// readBody reads the payload, in the time that it may take. At the end of the
// body net/http lifts the deadline.
func (x *exchange) readBody(zipped bool) (p *problem) {
	x.setReadDeadline(x.lapped.Add(x.rc.readTimeout))
	x.Delivery.Payload, p = readPayload(x.w, x.r, zipped, x.rc.maxBytes)
	x.lap(&x.Read)
	return p
}

// hangUp sees to it that the answer p doesn't wait for what is still to come of
// the body.
func (x *exchange) hangUp(p *problem) {
	x.setReadDeadline(time.Now().Add(min(lingerTime, x.rc.readTimeout)))
	if x.r.ProtoMajor == 1 {
		p.header = append(p.header, "Connection", "close")
	}
}

// setReadDeadline does it where the server can. Where it can't, the deadlines
// are the server's business.
func (x *exchange) setReadDeadline(at time.Time) {
	_ = http.NewResponseController(x.w).SetReadDeadline(at)
}

// checkHeaders does what needs no body.
func (x *exchange) checkHeaders(bodyless bool) (zipped bool, sender Sender, p *problem) {
	r := x.r
	if r.Method != http.MethodPost {
		return false, Sender{}, wrongMethod(r, bodyless)
	}
	if p := checkContentType(r.Header); p != nil {
		return false, Sender{}, p
	}
	if r.ContentLength > x.rc.maxBytes {
		return false, Sender{}, tooLargeProblem(x.rc.maxBytes)
	}
	if zipped, p = checkContentEncoding(r.Header); p != nil {
		return false, Sender{}, p
	}
	sender, p = x.rc.authenticateEarly(r)
	x.lap(&x.Authenticate)
	return zipped, sender, p
}

func wrongMethod(r *http.Request, bodyless bool) *problem {
	p := &problem{
		disposition: WrongMethod, status: http.StatusMethodNotAllowed,
		detail: fmt.Sprintf("the request is a %.20s; send the event by POST", r.Method),
		header: []string{"Allow", http.MethodPost},
	}
	if r.Method == http.MethodGet && bodyless {
		p.detail = "this is a GET without a body. If an event was POSTed, a redirect on the way lost its body: after a 301, 302 or 303 a client goes on with an empty GET. Give the sender the URL that is redirected to, or redirect by 307 or 308"
	}
	return p
}

// handleOnce has take handle the event, unless it has been or is being handled.
func (x *exchange) handleOnce(take handler) *problem {
	store := x.rc.deduplicator
	key := x.Delivery.EventID
	if x.Delivery.Sender.By == BySignature {
		key = "webhook-id:" + key // so that none can pose as a hash
	}
	claim, err := store.Claim(x.r.Context(), key)
	x.lap(&x.Deduplicate)
	if err != nil {
		return &problem{
			disposition: Unavailable, status: http.StatusServiceUnavailable, retryAfter: laterAfter, cause: fmt.Errorf("claiming the event: %w", err),
			detail: "the receiver can't tell for now whether the event was handled before; send it again",
		}
	}
	switch claim.State {
	case Done:
		x.Disposition, x.Status = Duplicate, http.StatusOK
		return nil
	case Busy:
		return &problem{
			disposition: InProgress, status: http.StatusServiceUnavailable, retryAfter: laterAfter,
			detail: "an earlier attempt to deliver the event is still being handled; send it again to learn how it went",
		}
	}

	settle := store.Release // also if the handler ends this goroutine
	defer func() {
		if err := x.settle(settle, claim); err != nil {
			// What the handler did is done anyway. At worst it will be
			// asked to do it again.
			x.Err = errors.Join(x.Err, fmt.Errorf("settling the claim of the event: %w", err))
		}
		x.lap(&x.Deduplicate)
	}()
	p := call(x.r.Context(), x.Delivery, take)
	x.lap(&x.Handle)
	if p == nil {
		settle = store.Commit
		x.Disposition, x.Status = Accepted, http.StatusNoContent
	}
	return p
}

// settle commits or releases a claim, by do. That must not end with the request.
func (x *exchange) settle(do func(context.Context, Claim) error, c Claim) error {
	ctx := context.WithoutCancel(x.r.Context())
	if _, ok := x.rc.deduplicator.(*Memory); !ok { // which is done at once
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, settleTimeout)
		defer cancel()
	}
	return do(ctx, c)
}

// call calls a handler, and makes a problem of whatever it does but return nil.
func call(ctx context.Context, d Delivery, take handler) (p *problem) {
	defer func() {
		if v := recover(); v != nil {
			p = failure(fmt.Errorf("panic: %v", v))
			p.disposition, p.stack = Panicked, debug.Stack()
			if v == http.ErrAbortHandler { // the handler wants no answer, as in net/http
				p.abort, p.status = true, 0
			}
		}
	}()
	err := take(ctx, &d)
	var chosen *StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &chosen) && chosen.Status >= 400 && chosen.Status <= 599:
		return &problem{
			disposition: Declined, status: chosen.Status, cause: err,
			detail: chosen.Detail, retryAfter: chosen.RetryAfter,
		}
	}
	return failure(err)
}

// failure says as little as possible: what went wrong in here is not for the
// sender.
func failure(err error) *problem {
	return &problem{
		disposition: Failed, status: http.StatusInternalServerError, cause: err,
		detail: "the receiver failed to handle the event; send it again",
	}
}
