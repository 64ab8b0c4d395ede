package service

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/conformance"
)

const defaultLimit = 50

// A cursor is a text that only the service reads: the base64 of where a page ends.

func cursorOf(text string) *string {
	cursor := base64.RawURLEncoding.EncodeToString([]byte(text))
	return &cursor
}

func cursorText(cursor *string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(value(cursor))
	if err != nil || !isText(string(text)) {
		return "", badCursor()
	}
	return string(text), nil
}

func badCursor() *problem {
	return problemf(http.StatusBadRequest, "the cursor is not one of this list; send the value of next from the page before")
}

// A page is one of a list that is newest first.
type page struct {
	before int64
	limit  int
}

func pageOf(cursor *string, limit *int) (page, error) {
	p := page{limit: or(limit, defaultLimit)}
	text, err := cursorText(cursor)
	if err != nil || text == "" {
		return p, err
	}
	if p.before, err = strconv.ParseInt(text, 10, 64); err != nil || p.before <= 0 {
		return p, badCursor()
	}
	return p, nil
}

// query asks for one entry more than the page has, to know whether it is the last.
func (p page) query() delivery.Page { return delivery.Page{Before: p.before, Limit: p.limit + 1} }

// cut returns the entries of a page, and the cursor of the next, if there is one.
func cut[T any](p page, entries []T, number func(T) int64) ([]T, *string) {
	if len(entries) <= p.limit {
		return entries, nil
	}
	entries = entries[:p.limit]
	return entries, cursorOf(strconv.FormatInt(number(entries[p.limit-1]), 10))
}

// Ids of deliveries, jobs and of what was set aside are numbers behind a prefix.

func numbered(prefix string, n int64) string { return prefix + strconv.FormatInt(n, 10) }

func number(prefix, id string) (int64, error) {
	digits, ok := strings.CutPrefix(id, prefix)
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n <= 0 || numbered(prefix, n) != id {
		return 0, notFound()
	}
	return n, nil
}

// Operational events are about a robot, and yet the operator's alone.
func operational(eventType string) bool {
	switch api.EventType(eventType) {
	case api.EventTypeRunCompleted, api.EventTypeRunFailed, api.EventTypeWebhookTest:
		return false
	}
	return true
}

func eventOf(e *delivery.Event) api.Event {
	shown := api.Event{
		ID: e.ID, EventType: e.Type, RobotID: optional(e.RobotID), RunID: optional(e.RunID),
		AcceptedAt: e.At, Operational: e.Operational, InletID: optional(e.Source.InletID),
	}
	if e.Body != nil { // lists don't have it
		shown.Body = (*json.RawMessage)(&e.Body)
	}
	return shown
}

func (s *server) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	bearer := callOf(ctx).bearer
	robot, err := scope(bearer, r.Params.RobotID)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(r.Params.Cursor, r.Params.Limit)
	if err != nil {
		return nil, err
	}
	events, err := s.store.Events(ctx, delivery.EventFilter{
		RobotID: robot, RunID: value(r.Params.RunID), Type: string(value(r.Params.EventType)),
		From: value(r.Params.From), To: value(r.Params.To),
	}, page.query())
	if err != nil {
		return nil, err
	}
	list := api.ListEvents200JSONResponse{Items: []api.Event{}}
	events, list.Next = cut(page, events, func(e delivery.Event) int64 { return e.Seq })
	for i := range events {
		if bearer.RobotID == "" || !events[i].Operational {
			list.Items = append(list.Items, eventOf(&events[i]))
		}
	}
	return list, nil
}

func (s *server) GetEvent(ctx context.Context, r api.GetEventRequestObject) (api.GetEventResponseObject, error) {
	e, err := s.store.Event(ctx, r.EventID)
	if err != nil {
		return nil, err
	}
	if bearer := callOf(ctx).bearer; !reaches(bearer, e.RobotID) || bearer.RobotID != "" && e.Operational {
		return nil, notFound()
	}
	return api.GetEvent200JSONResponse(eventOf(&e)), nil
}

func deliveryOf(d *delivery.Delivery) api.Delivery {
	shown := api.Delivery{
		ID: numbered("dlv_", d.ID), EventID: d.EventID, EventType: d.EventType, EndpointID: d.EndpointID,
		RobotID: optional(d.RobotID), RunID: optional(d.RunID), State: api.DeliveryState(d.State), Ordered: d.Ordered,
		Attempts: int64(d.Attempts), CreatedAt: d.CreatedAt, FinishedAt: optional(d.FinishedAt), Reason: optional(d.Reason),
	}
	if d.State == delivery.Pending {
		shown.DueAt = optional(d.DueAt)
	}
	return shown
}

// showDeliveries adds the URLs of their endpoints to deliveries.
func (s *Service) showDeliveries(ctx context.Context, deliveries ...*delivery.Delivery) ([]api.Delivery, error) {
	bearer := callOf(ctx).bearer
	urls := map[string]*string{}
	shown := []api.Delivery{}
	for _, d := range deliveries {
		url, known := urls[d.EndpointID]
		if !known {
			e, err := s.store.Endpoint(ctx, d.EndpointID)
			if err != nil && !errors.Is(err, delivery.ErrNotFound) {
				return nil, err
			}
			if err == nil && reaches(bearer, e.RobotID) {
				url = &e.URL
			}
			urls[d.EndpointID] = url
		}
		one := deliveryOf(d)
		one.EndpointURL = url
		shown = append(shown, one)
	}
	return shown, nil
}

func (s *server) ListDeliveries(ctx context.Context, r api.ListDeliveriesRequestObject) (api.ListDeliveriesResponseObject, error) {
	bearer := callOf(ctx).bearer
	robot, err := scope(bearer, r.Params.RobotID)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(r.Params.Cursor, r.Params.Limit)
	if err != nil {
		return nil, err
	}
	deliveries, err := s.store.Deliveries(ctx, delivery.DeliveryFilter{
		RobotID: robot, EndpointID: value(r.Params.EndpointID), RunID: value(r.Params.RunID),
		EventID: value(r.Params.EventID), EventType: string(value(r.Params.EventType)), State: delivery.State(value(r.Params.State)),
		From: value(r.Params.From), To: value(r.Params.To),
	}, page.query())
	if err != nil {
		return nil, err
	}
	var list api.ListDeliveries200JSONResponse
	deliveries, list.Next = cut(page, deliveries, func(d delivery.Delivery) int64 { return d.ID })
	var reached []*delivery.Delivery
	for i := range deliveries {
		if bearer.RobotID == "" || !operational(deliveries[i].EventType) {
			reached = append(reached, &deliveries[i])
		}
	}
	if list.Items, err = s.showDeliveries(ctx, reached...); err != nil {
		return nil, err
	}
	return list, nil
}

// delivery reads a delivery that the token reaches.
func (s *Service) delivery(ctx context.Context, id string) (*delivery.Delivery, error) {
	n, err := number("dlv_", id)
	if err != nil {
		return nil, err
	}
	d, err := s.store.Delivery(ctx, n)
	if err != nil {
		return nil, err
	}
	if bearer := callOf(ctx).bearer; !reaches(bearer, d.RobotID) || bearer.RobotID != "" && operational(d.EventType) {
		return nil, notFound()
	}
	return &d, nil
}

func (s *server) GetDelivery(ctx context.Context, r api.GetDeliveryRequestObject) (api.GetDeliveryResponseObject, error) {
	d, err := s.delivery(ctx, r.DeliveryID)
	if err != nil {
		return nil, err
	}
	attempts, err := s.store.Attempts(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	described, err := s.showDeliveries(ctx, d)
	if err != nil {
		return nil, err
	}
	shown := api.GetDelivery200JSONResponse{Delivery: described[0], Attempts: []api.Attempt{}}
	for i := range attempts {
		shown.Attempts = append(shown.Attempts, attemptOf(&attempts[i]))
	}
	return shown, nil
}

// getPayload answers with bytes that are stored. The generated server would encode
// them anew.
func (s *Service) getPayload(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	d, err := s.delivery(ctx, r.PathValue("delivery_id"))
	var e delivery.Event
	if err == nil {
		e, err = s.store.Event(ctx, d.EventID)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ep, err := s.store.Endpoint(ctx, d.EndpointID)
	if errors.Is(err, delivery.ErrNotFound) { // it is deleted, and its form with it
		ep, err = delivery.Endpoint{ID: d.EndpointID}, nil
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	rendered := delivery.Render(&e, &ep)
	w.Header().Set("Content-Type", "application/json")
	if rendered.Form != form.Received {
		w.Header().Set(form.Header, rendered.Form.String())
	}
	_, _ = w.Write(rendered.Payload)
}

func attemptOf(a *delivery.Attempt) api.Attempt {
	var detail delivery.Detail
	_ = json.Unmarshal(a.Detail, &detail) // of what can't be read, nothing is shown
	reason, next := explainRecord(a, &detail)
	shown := api.Attempt{
		Number: a.N, At: a.At, Outcome: api.Outcome(a.Outcome), Status: optional(a.Status),
		Late: a.Late, Node: optional(a.Node), Reason: reason, NextStep: optional(next),
		Request: api.Request{URL: detail.URL, Remote: optional(detail.Remote), Reused: optional(detail.Reused), Headers: headersOf(detail.RequestHeaders)},
		Phase:   optional(detail.Phase), Error: optional(detail.Error),
		Form: optional(api.Form(detail.Form.String())), FormReason: optional(detail.FormReason),
		Timings: api.Timings{
			DNSUs: optional(detail.Timings.DNS), ConnectUs: optional(detail.Timings.Connect), TLSUs: optional(detail.Timings.TLS),
			FirstByteUs: optional(detail.Timings.FirstByte), TotalUs: detail.Timings.Total,
		},
	}
	if a.Status != 0 {
		shown.Answer = &api.Answer{Headers: headersOf(detail.ResponseHeaders), Body: detail.Answer, Truncated: detail.Truncated}
	}
	return shown
}

func headersOf(h http.Header) map[string][]string {
	if h == nil {
		return map[string][]string{}
	}
	return h
}

func (s *server) RetryDelivery(ctx context.Context, r api.RetryDeliveryRequestObject) (api.RetryDeliveryResponseObject, error) {
	d, err := s.delivery(ctx, r.DeliveryID)
	if err != nil {
		return nil, err
	}
	retried, err := s.store.Retry(ctx, d.ID, auditOf(ctx, "delivery.retry", r.DeliveryID, d.RobotID, map[string][2]any{"state": {d.State, delivery.Pending}}))
	if errors.Is(err, delivery.ErrState) {
		return nil, problemf(http.StatusConflict, "the delivery's endpoint is not active, or was deleted; make it active first")
	}
	if err != nil {
		return nil, err
	}
	s.engine.Changed(retried.EndpointID)
	shown, err := s.showDeliveries(ctx, &retried)
	if err != nil {
		return nil, err
	}
	return api.RetryDelivery200JSONResponse(shown[0]), nil
}

func (s *server) CancelDelivery(ctx context.Context, r api.CancelDeliveryRequestObject) (api.CancelDeliveryResponseObject, error) {
	d, err := s.delivery(ctx, r.DeliveryID)
	if err != nil {
		return nil, err
	}
	cancelled, err := s.store.Cancel(ctx, d.ID, "It was cancelled on request.",
		auditOf(ctx, "delivery.cancel", r.DeliveryID, d.RobotID, map[string][2]any{"state": {d.State, delivery.Cancelled}}))
	if errors.Is(err, delivery.ErrState) {
		return nil, problemf(http.StatusConflict, "the delivery is finished: it is %s", d.State)
	}
	if err != nil {
		return nil, err
	}
	s.engine.Changed(cancelled.EndpointID)
	shown, err := s.showDeliveries(ctx, &cancelled)
	if err != nil {
		return nil, err
	}
	return api.CancelDelivery200JSONResponse(shown[0]), nil
}

func jobOf(j *delivery.Job) api.Job {
	return api.Job{
		ID: numbered("job_", j.ID), Kind: api.JobKind(j.Kind), EndpointID: optional(j.EndpointID), Since: optional(j.Since),
		RobotID: optional(j.RobotID), RunID: optional(j.RunID), Done: j.Done, Total: j.Total,
		CreatedAt: j.CreatedAt, FinishedAt: optional(j.FinishedAt),
	}
}

func (s *server) RecoverEndpoint(ctx context.Context, r api.RecoverEndpointRequestObject) (api.RecoverEndpointResponseObject, error) {
	c := callOf(ctx)
	e, _, err := s.endpoint(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	if !isTime(r.Body.Since) {
		return nil, invalid("the deliveries can't be recovered like this", findingsOf(c.body, "/since", "this is not in the years 1 to 9999 in UTC"))
	}
	if e.State != delivery.Active {
		return nil, problemf(http.StatusConflict, "the endpoint is %s; make it active first", e.State)
	}
	job, err := s.store.CreateJob(ctx, delivery.Job{
		Kind: delivery.Recover, EndpointID: e.ID, Since: r.Body.Since.UTC(),
	}, auditOf(ctx, "endpoint.recover", e.ID, e.RobotID, map[string][2]any{"since": {nil, r.Body.Since.UTC()}}))
	if errors.Is(err, delivery.ErrState) {
		return nil, problemf(http.StatusConflict, "a job is already recovering this endpoint; wait until it is finished")
	}
	if err != nil {
		return nil, err
	}
	s.engine.Changed(e.ID)
	shown := jobOf(&job)
	return api.RecoverEndpoint202JSONResponse{Body: shown, Headers: api.RecoverEndpoint202ResponseHeaders{Location: "/v1/jobs/" + shown.ID}}, nil
}

func (s *server) CreateErasure(ctx context.Context, r api.CreateErasureRequestObject) (api.CreateErasureResponseObject, error) {
	c := callOf(ctx)
	if !reaches(c.bearer, r.Body.RobotID) {
		return nil, outOfScope()
	}
	if !isText(r.Body.RobotID + value(r.Body.RunID)) {
		return nil, invalid("there can't be such a run", findingsOf(c.body, "", "an id has a NUL character"))
	}
	// The entry doesn't name the run: it would outlive what is erased.
	erased := "robot"
	if r.Body.RunID != nil {
		erased = "run"
	}
	job, err := s.store.CreateJob(ctx, delivery.Job{
		Kind: delivery.Erase, RobotID: r.Body.RobotID, RunID: value(r.Body.RunID),
	}, auditOf(ctx, "erasure.create", r.Body.RobotID, r.Body.RobotID, map[string][2]any{"erased": {nil, erased}}))
	if errors.Is(err, delivery.ErrState) {
		return nil, problemf(http.StatusConflict, "another job is already erasing; wait until it is finished")
	}
	if err != nil {
		return nil, err
	}
	s.engine.Changed("")
	shown := jobOf(&job)
	return api.CreateErasure202JSONResponse{Body: shown, Headers: api.CreateErasure202ResponseHeaders{Location: "/v1/jobs/" + shown.ID}}, nil
}

func (s *server) GetJob(ctx context.Context, r api.GetJobRequestObject) (api.GetJobResponseObject, error) {
	n, err := number("job_", r.JobID)
	if err != nil {
		return nil, err
	}
	job, err := s.store.Job(ctx, n)
	if err != nil {
		return nil, err
	}
	if !reaches(callOf(ctx).bearer, job.RobotID) {
		return nil, notFound()
	}
	return api.GetJob200JSONResponse(jobOf(&job)), nil
}

func (s *server) ListSetAside(ctx context.Context, r api.ListSetAsideRequestObject) (api.ListSetAsideResponseObject, error) {
	if err := unscoped(callOf(ctx).bearer); err != nil {
		return nil, err
	}
	page, err := pageOf(r.Params.Cursor, r.Params.Limit)
	if err != nil {
		return nil, err
	}
	entries, err := s.store.SetAsides(ctx, page.query())
	if err != nil {
		return nil, err
	}
	list := api.ListSetAside200JSONResponse{Items: []api.SetAside{}}
	entries, list.Next = cut(page, entries, func(e delivery.SetAside) int64 { return e.ID })
	for _, e := range entries {
		var report conformance.Report
		_ = json.Unmarshal(e.Report, &report) // of what can't be read, nothing is shown
		list.Items = append(list.Items, api.SetAside{
			ID: numbered("sas_", e.ID), PublishedAt: e.At, InletID: optional(e.InletID), RobotID: optional(e.RobotID), Body: strings.ToValidUTF8(string(e.Body), "\uFFFD"),
			Findings: findingsAPI(report.Findings),
		})
	}
	return list, nil
}
