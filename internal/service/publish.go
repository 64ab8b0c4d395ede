package service

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// maxKey is the most characters of an Idempotency-Key, as in the document.
const maxKey = 200

// publishEvent is the hot path: its body is read once, judged, and handed over.
func (s *Service) publishEvent(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	if p := mediaType(r, "application/json"); p != nil {
		p.write(w)
		return
	}
	key, p := idempotencyKey(r, c)
	if p != nil {
		p.write(w)
		return
	}
	body, p := readBody(w, r, s.maxBody)
	if p != nil {
		p.write(w)
		return
	}
	publication, p := judge(c, body)
	if p != nil {
		p.write(w)
		return
	}
	identify(&publication, key)
	ctx, span := s.trace(r, "publish event")
	defer span.End()
	publication.Event.TraceParent = traceParent(ctx)
	published, err := s.engine.Publish(ctx, []delivery.Publication{publication})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	result := published[0]
	if result.Conflict {
		conflict().write(w)
		return
	}
	span.SetAttributes(attribute.String("runhooks.event.id", result.EventID))
	deliveries := len(result.Deliveries)
	if result.Replayed {
		if deliveries, err = s.countDeliveries(ctx, result.EventID); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	answer := make([]byte, 0, 128)
	answer = append(answer, `{"event_id":"`...)
	answer = append(answer, result.EventID...)
	answer = append(answer, `","deliveries":`...)
	answer = strconv.AppendInt(answer, int64(deliveries), 10)
	answer = append(answer, `,"replayed":`...)
	answer = strconv.AppendBool(answer, result.Replayed)
	answer = append(answer, "}\n"...)
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(answer)
}

var jsonType = []string{"application/json"}

// idempotencyKey returns the key of a request, which is a token's own; empty if the
// request has none.
func idempotencyKey(r *http.Request, c *call) (string, *problem) {
	keys := r.Header["Idempotency-Key"]
	if len(keys) == 0 {
		return "", nil
	}
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > maxKey {
		return "", problemf(http.StatusBadRequest, "the header Idempotency-Key has to be sent once, with 1 to %d characters", maxKey)
	}
	for i := range len(keys[0]) {
		if b := keys[0][i]; b < ' ' || b > '~' {
			return "", problemf(http.StatusBadRequest, "the header Idempotency-Key may only have printable ASCII characters")
		}
	}
	return c.bearer.ID + ":" + keys[0], nil
}

func conflict() *problem {
	return problemf(http.StatusConflict, "another event was published with this Idempotency-Key; nothing was stored")
}

// judge makes a publication of a body that conforms and that the token may publish.
func judge(c *call, body []byte) (delivery.Publication, *problem) {
	j := delivery.Judge(body)
	if !j.Conforms() {
		return delivery.Publication{}, invalid("the event does not conform; nothing was stored", j.Report.Findings)
	}
	if !reaches(c.bearer, j.RobotID) {
		return delivery.Publication{}, outOfScope()
	}
	return delivery.Publication{
		Event: delivery.Event{Type: j.Type, RobotID: j.RobotID, RunID: j.RunID, Body: body},
	}, nil
}

// identify sets the key of a publication. Without one, nobody asks for the hash.
func identify(p *delivery.Publication, key string) {
	if key != "" {
		p.IdempotencyKey, p.BodyHash = key, sha256.Sum256(p.Event.Body)
	}
}

// countDeliveries counts the deliveries of an event, which are few.
func (s *Service) countDeliveries(ctx context.Context, eventID string) (int, error) {
	found, err := s.store.Deliveries(ctx, delivery.DeliveryFilter{EventID: eventID}, delivery.Page{Limit: 1000})
	return len(found), err
}

var propagator propagation.TraceContext

// trace starts the span in which events are published.
func (s *Service) trace(r *http.Request, name string) (context.Context, trace.Span) {
	ctx := r.Context()
	if r.Header["Traceparent"] != nil {
		ctx = propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	return s.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
}

// traceParent is the trace context of ctx as text, and empty if it has none.
func traceParent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagator.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// The bounds of a batch, and of how much of it is published at once.
const (
	maxBatch         = DefaultMaxBody
	maxLines         = 10_000
	groupLines       = 256
	groupBytes       = 1 << 20
	lineFindings     = 5
	maxBatchFindings = 2000
)

// publishBatch publishes lines in groups, so that only one group and the results
// are in memory.
func (s *Service) publishBatch(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	if p := mediaType(r, "application/x-ndjson"); p != nil {
		p.write(w)
		return
	}
	if p := uncompressed(r); p != nil {
		p.write(w)
		return
	}
	if r.ContentLength > maxBatch {
		tooLarge(maxBatch).write(w)
		return
	}
	key, p := idempotencyKey(r, c)
	if p != nil {
		p.write(w)
		return
	}
	ctx, span := s.trace(r, "publish batch")
	defer span.End()
	b := &batch{service: s, call: c, key: key, traceParent: traceParent(ctx), result: api.BatchResult{Results: []api.LineResult{}}}
	if p := b.read(ctx, http.MaxBytesReader(w, r.Body, maxBatch)); p != nil {
		p.write(w)
		return
	}
	if b.failed != nil && b.result.Accepted == 0 {
		s.fail(w, r, b.failed)
		return
	}
	w.Header()["Content-Type"] = jsonType
	_ = json.NewEncoder(w).Encode(b.result)
}

// A batch is one that is being published.
type batch struct {
	service     *Service
	call        *call
	key         string
	traceParent string

	group    []delivery.Publication
	places   []int // of the group in the results
	bytes    int
	findings int
	result   api.BatchResult
	// failed is the first error of the engine.
	failed error
}

// read publishes what it reads. Once lines were published there are only results.
func (b *batch) read(ctx context.Context, body io.Reader) *problem {
	lines := bufio.NewReaderSize(body, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines, b.service.maxBody)
		if p := (*problem)(nil); errors.As(err, &p) { // this line's alone
			b.refuse(n, p)
			continue
		}
		if err != nil && err != io.EOF {
			p := problemf(http.StatusBadRequest, "the body did not arrive as a whole")
			if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
				p = tooLarge(maxBatch)
			}
			if len(b.result.Results) == 0 {
				return p
			}
			p.detail += "; what follows was not read"
			b.publish(ctx)
			b.refuse(n, p)
			return nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if len(b.result.Results) == maxLines {
				b.publish(ctx)
				b.refuse(n, problemf(http.StatusRequestEntityTooLarge, "a batch has at most %d lines; the rest was not read", maxLines))
				return nil
			}
			b.add(ctx, n, line)
		}
		if err == io.EOF {
			b.publish(ctx)
			return nil
		}
	}
}

func (b *batch) add(ctx context.Context, n int, line []byte) {
	publication, p := judge(b.call, line)
	if p != nil {
		b.refuse(n, p)
		return
	}
	if b.key != "" {
		identify(&publication, fmt.Sprintf("%s/%d", b.key, n))
	}
	publication.Event.TraceParent = b.traceParent
	b.group = append(b.group, publication)
	b.places = append(b.places, len(b.result.Results))
	b.result.Results = append(b.result.Results, api.LineResult{Line: n})
	if b.bytes += len(line); len(b.group) == groupLines || b.bytes >= groupBytes {
		b.publish(ctx)
	}
}

// publish publishes the group. After an error the rest of the batch isn't tried:
// that would take the time of an error for each group.
func (b *batch) publish(ctx context.Context) {
	if len(b.group) == 0 {
		return
	}
	var published []delivery.Published
	err := b.failed
	if err == nil {
		if published, err = b.service.engine.Publish(ctx, b.group); err != nil {
			b.failed = err
			b.service.logger.ErrorContext(ctx, "batch not published completely", "error", err)
		}
	}
	for i, place := range b.places {
		result := &b.result.Results[place]
		var p delivery.Published
		if i < len(published) {
			p = published[i]
		}
		switch {
		case p.Conflict:
			b.fill(result, conflict())
		case p.EventID != "":
			result.Status = http.StatusAccepted
			result.EventID = &p.EventID
			b.result.Accepted++
			if p.Replayed {
				result.Replayed = &p.Replayed
			} else {
				deliveries := int64(len(p.Deliveries))
				result.Deliveries = &deliveries
			}
		default:
			b.fill(result, problemOf(err))
		}
	}
	// After an error the engine may still be writing the group.
	b.group, b.places, b.bytes = nil, nil, 0
}

func (b *batch) refuse(n int, p *problem) {
	result := api.LineResult{Line: n}
	b.fill(&result, p)
	b.result.Results = append(b.result.Results, result)
}

func (b *batch) fill(result *api.LineResult, p *problem) {
	b.result.Rejected++
	result.Status, result.Detail = p.status, &p.detail
	for _, f := range p.findings[:min(len(p.findings), lineFindings)] {
		if b.findings++; b.findings > maxBatchFindings {
			return
		}
		result.Findings = append(result.Findings, findingOf(f))
	}
}

func findingOf(f conformance.Finding) api.Finding {
	return api.Finding{
		Code: string(f.Code), Severity: api.FindingSeverity(f.Severity), Pointer: f.Pointer,
		Line: f.Line, Column: f.Column, Offset: f.Offset, Message: f.Message, Hint: optional(f.Hint),
		Count: optional(f.Count), Pattern: optional(f.Pattern),
	}
}

func findingsAPI(findings []conformance.Finding) []api.Finding {
	list := []api.Finding{}
	for _, f := range findings[:min(len(findings), maxFindings)] {
		list = append(list, findingOf(f))
	}
	return list
}

// readLine reads a line of up to limit bytes. The error for a longer one is a
// *problem, and the next call reads what is behind it. io.EOF comes with the last
// line.
func readLine(r *bufio.Reader, limit int64) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if int64(len(line)+len(part)) > limit+1 {
			for err == bufio.ErrBufferFull {
				_, err = r.ReadSlice('\n')
			}
			if err != nil && err != io.EOF {
				return nil, err
			}
			return nil, problemf(http.StatusRequestEntityTooLarge, "the line is longer than %d bytes, which is the limit", limit)
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// expired says that a time was given and is over.
func expired(t, at time.Time) bool { return !t.IsZero() && !t.After(at) }
