package pages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// deliveriesShown is how many deliveries a page of the list has.
const deliveriesShown = 50

func (p *Pages) registerDeliveries() {
	p.page("GET /deliveries", p.showDeliveries)
	p.page("GET /deliveries/live", p.streamDeliveries)
	p.page("GET /deliveries/{id}", p.showDelivery)
	p.page("GET /deliveries/{id}/live", p.streamDelivery)
	p.page("GET /deliveries/{id}/payload", p.downloadPayload)
	p.page("POST /deliveries/{id}/retry", p.changeDelivery("retry", "Another attempt is due now."))
	p.page("POST /deliveries/{id}/cancel", p.changeDelivery("cancel", "The delivery is cancelled. No other attempt follows."))
	p.page("GET /jobs/{id}", p.showJob)
	p.page("GET /jobs/{id}/live", p.streamJob)
}

// A deliveryFilter says which deliveries a list has. Its fields stand in the page's URL,
// with the names that the API has for them.
type deliveryFilter struct {
	Robot, Endpoint, Run, Event, Type, State string
	// From and To are as they were entered.
	From, To string
}

// filterNames are the parameters that a filter is read from, and sent in.
var filterNames = []string{"robot_id", "endpoint_id", "run_id", "event_id", "event_type", "state", "from", "to"}

func (f *deliveryFilter) fields() []*string {
	return []*string{&f.Robot, &f.Endpoint, &f.Run, &f.Event, &f.Type, &f.State, &f.From, &f.To}
}

func filterOf(query url.Values) (f deliveryFilter) {
	for i, field := range f.fields() {
		*field = strings.TrimSpace(query.Get(filterNames[i]))
	}
	return f
}

// Query is the filter as it stands in a URL.
func (f deliveryFilter) Query() url.Values {
	query := url.Values{}
	for i, field := range f.fields() {
		if *field != "" {
			query.Set(filterNames[i], *field)
		}
	}
	return query
}

// Any says whether the filter leaves anything out.
func (f deliveryFilter) Any() bool { return f != deliveryFilter{} }

// Types and States are what can be chosen.
func (deliveryFilter) Types() []api.EventType { return slices.Concat(robotEvents, operatorEvents) }

func (deliveryFilter) RobotTypes() []api.EventType { return robotEvents }

func (deliveryFilter) States() []api.DeliveryState {
	return []api.DeliveryState{
		api.DeliveryStatePending, api.DeliveryStateHeld, api.DeliveryStateDelivered,
		api.DeliveryStateExhausted, api.DeliveryStateCancelled, api.DeliveryStateExpired,
	}
}

// asked is the filter as the API takes it. Its error is a *problem.
func (f deliveryFilter) asked() (url.Values, error) {
	query := f.Query()
	for _, name := range []string{"from", "to"} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		at, err := enteredTime(text)
		if err != nil {
			return nil, &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("%q is not a time. Write it like 2026-01-31T15:04, in UTC.", report.Visible(text, 40))}
		}
		query.Set(name, at.Format(time.RFC3339Nano))
	}
	return query, nil
}

// enteredTime reads a time as forms send it and as links have it. It is in UTC, unless
// it says otherwise.
func enteredTime(text string) (time.Time, error) {
	var err error
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		var at time.Time
		if at, err = time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, err
}

// Entered is a time of the filter as an input of type datetime-local takes it.
func (deliveryFilter) Entered(text string) string {
	at, err := enteredTime(text)
	if err != nil {
		return ""
	}
	if at.Second() == 0 {
		return at.Format("2006-01-02T15:04")
	}
	return at.Format("2006-01-02T15:04:05")
}

// A deliveryList is what the page of deliveries shows.
type deliveryList struct {
	Filter deliveryFilter
	// Problem is why there is no list, if the filter is wrong.
	Problem string
	Rows    []deliveryRow
	// First, Next and Live are the paths of pages, and of the stream of this one. They
	// are empty if there are none.
	First, Next, Live string
}

// A deliveryRow is a delivery. All of its texts may hold anything.
type deliveryRow struct {
	ID, EventID, EventType, State, Reason   string
	EndpointID, EndpointURL, RobotID, RunID string
	Attempts                                int64
	Ordered                                 bool
	CreatedAt                               time.Time
	DueAt, FinishedAt                       *time.Time
}

func rowOf(d *api.Delivery) deliveryRow {
	return deliveryRow{
		ID: d.ID, EventID: d.EventID, EventType: d.EventType, State: string(d.State), Reason: text(d.Reason),
		EndpointID: d.EndpointID, EndpointURL: text(d.EndpointURL), RobotID: text(d.RobotID), RunID: text(d.RunID),
		Attempts: d.Attempts, Ordered: d.Ordered, CreatedAt: d.CreatedAt, DueAt: d.DueAt, FinishedAt: d.FinishedAt,
	}
}

// text is what p points to, or "".
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// Finished says whether no other attempt follows, unless somebody asks for one.
func (d deliveryRow) Finished() bool { return d.FinishedAt != nil }

// deliveries asks for the deliveries of a page, with one request.
func (s *session) deliveries(ctx context.Context, f deliveryFilter, cursor string) (*deliveryList, error) {
	list := &deliveryList{Filter: f}
	query, err := f.asked()
	if err != nil {
		return list, err
	}
	query.Set("limit", fmt.Sprint(deliveriesShown))
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var page api.DeliveryPage
	if err := s.do(ctx, http.MethodGet, "/v1/deliveries?"+query.Encode(), nil, &page); err != nil {
		return list, err
	}
	for i := range page.Items {
		list.Rows = append(list.Rows, rowOf(&page.Items[i]))
	}
	shown := f.Query()
	if page.Next != nil {
		shown.Set("cursor", *page.Next)
		list.Next = "/deliveries?" + shown.Encode()
		shown.Del("cursor")
	}
	if cursor != "" {
		list.First = "/deliveries?" + shown.Encode()
	} else {
		list.Live = "/deliveries/live?" + shown.Encode()
	}
	return list, nil
}

func (p *Pages) showDeliveries(w http.ResponseWriter, r *http.Request, s *session) error {
	query := r.URL.Query()
	if emptied := filterOf(query); slices.ContainsFunc(filterNames, func(name string) bool { return query.Has(name) && query.Get(name) == "" }) {
		// A form sends its empty fields, too. In the URL, they would only be in the way.
		http.Redirect(w, r, "/deliveries?"+emptied.Query().Encode(), http.StatusSeeOther)
		return nil
	}
	list, err := s.deliveries(r.Context(), filterOf(query), query.Get("cursor"))
	status := http.StatusOK
	if refused, ok := errors.AsType[*problem](err); ok && refused.Status == http.StatusBadRequest {
		status, list.Problem, err = refused.Status, refused.Detail, nil
	}
	if err != nil {
		return err
	}
	return p.render(w, r, status, "deliveries", view{Title: "Deliveries", Here: "deliveries", Robot: s.RobotID, Data: list})
}

func (p *Pages) streamDeliveries(w http.ResponseWriter, r *http.Request, s *session) error {
	f := filterOf(r.URL.Query())
	return p.stream(w, r, s, func(ctx context.Context) ([]byte, error) {
		list, err := s.deliveries(ctx, f, "")
		if err != nil {
			return nil, err
		}
		return p.part("deliveries", "list", list)
	})
}

// A deliveryPage is what the page of a delivery shows.
type deliveryPage struct {
	deliveryRow
	// Tries are the attempts, the newest first.
	Tries []tryView
	// Waits is until when the endpoint is left alone, where the delivery is due and waits
	// for that.
	Waits *time.Time
	// MayRetry and MayCancel say what the session may do with the delivery now.
	MayRetry, MayCancel bool

	// Payload is nil if the event is not kept any more.
	Payload *payload
	// Curl is the command that sends the payload again.
	Curl string
	// PayloadFile is the file that Curl reads, if the payload is not in it.
	PayloadFile string
}

// A tryView is an attempt.
type tryView struct {
	api.Attempt
	Last bool
}

// Chip is what came of the attempt.
func (t tryView) Chip() chip {
	words := string(t.Outcome)
	if t.Status != nil {
		words = strings.TrimSpace(fmt.Sprintf("%d %s", *t.Status, http.StatusText(*t.Status)))
	}
	kind := "bad"
	switch t.Outcome {
	case api.OutcomeAccepted:
		kind = "good"
	case api.OutcomeDeferred:
		kind = "warn"
	}
	return chip{kind, capital(words)}
}

// FormName names the form in which it went, if that is not as received, and FormReason
// says why it isn't the one that the endpoint asks for.
func (t tryView) FormName() string {
	if t.Form == nil || *t.Form == api.FormReceived && t.Attempt.FormReason == nil {
		return ""
	}
	return string(*t.Form)
}

func (t tryView) FormReason() string {
	return report.Visible(sentence(text(t.Attempt.FormReason)), 1000)
}

// Phases and Total are for the template "phases".
func (t tryView) Phases() []phase      { return phasesOf(t.Timings) }
func (t tryView) Total() time.Duration { return time.Duration(t.Timings.TotalUs) * time.Microsecond }

// Body is that of the answer, in which what doesn't print is spelled out.
func (t tryView) Body() []textRun {
	runs, _ := textOf([]byte(t.Answer.Body), 0, len(t.Answer.Body), nil)
	return runs
}

// Texts of an attempt that may hold anything.

func (t tryView) ErrorText() string { return report.Visible(text(t.Error), 2000) }
func (t tryView) URL() string       { return report.Visible(t.Request.URL, 2048) }

// A header is one of a request or an answer.
type header struct{ Name, Value string }

func (t tryView) Sent() []header { return headersOf(t.Request.Headers) }
func (t tryView) Got() []header  { return headersOf(t.Answer.Headers) }

// headersOf returns headers in the order of their names.
func headersOf(all map[string][]string) (list []header) {
	for name, values := range all {
		for _, value := range values {
			list = append(list, header{report.Visible(name, 200), report.Visible(value, 4096)})
		}
	}
	slices.SortStableFunc(list, func(a, b header) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// How says how the request reached the endpoint.
func (t tryView) How() string {
	how := text(t.Request.Remote)
	if t.Request.Reused != nil && *t.Request.Reused {
		how += ", by the connection of an earlier attempt"
	}
	return how
}

func (s *session) delivery(ctx context.Context, id string) (*deliveryPage, error) {
	var detail api.DeliveryDetail
	if err := s.do(ctx, http.MethodGet, "/v1"+joinPath("deliveries", id), nil, &detail); err != nil {
		return nil, err
	}
	d := &deliveryPage{deliveryRow: rowOf(&detail.Delivery)}
	for i, a := range slices.Backward(detail.Attempts) {
		d.Tries = append(d.Tries, tryView{a, i == len(detail.Attempts)-1})
	}
	if d.DueAt != nil && time.Since(*d.DueAt) > time.Second && d.EndpointURL != "" {
		var e api.Endpoint
		if err := s.do(ctx, http.MethodGet, "/v1"+joinPath("endpoints", d.EndpointID), nil, &e); err != nil && !isMissing(err) {
			return nil, err
		}
		if e.Health != nil && e.Health.NotBefore != nil && e.Health.NotBefore.After(time.Now()) {
			d.Waits = e.Health.NotBefore
		}
	}
	// Of a deleted endpoint, nothing can be retried; of one that is not active, deliveries
	// are held until it is.
	d.MayRetry = s.Admin() && d.EndpointURL != "" && d.State != string(api.DeliveryStateHeld)
	d.MayCancel = s.Admin() && !d.Finished()
	return d, nil
}

func (p *Pages) showDelivery(w http.ResponseWriter, r *http.Request, s *session) error {
	d, err := s.delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	body, err := s.payload(r.Context(), d.ID)
	if err != nil {
		return err
	}
	if body != nil {
		var judged *conformance.Report
		if slices.Contains(robotEvents, api.EventType(d.EventType)) { // the contract knows no others
			checked := conformance.Check(body)
			judged = &checked
		}
		shown := payloadView(body, judged)
		shown.Download = joinPath("deliveries", d.ID, "payload")
		d.Payload = &shown
		d.Curl, d.PayloadFile = d.curl(body)
	}
	return p.render(w, r, http.StatusOK, "delivery", view{Title: "Delivery " + d.ID, Here: "deliveries", Robot: d.RobotID, Data: d})
}

// payload returns what the endpoint gets, or nil if it is not kept any more.
func (s *session) payload(ctx context.Context, id string) ([]byte, error) {
	var body []byte
	err := s.do(ctx, http.MethodGet, "/v1"+joinPath("deliveries", id, "payload"), nil, &body)
	if isMissing(err) {
		return nil, nil
	}
	return body, err
}

// isMissing says that what was asked for is not there.
func isMissing(err error) bool {
	p, ok := errors.AsType[*problem](err)
	return ok && p.Status == http.StatusNotFound
}

func (p *Pages) streamDelivery(w http.ResponseWriter, r *http.Request, s *session) error {
	id := r.PathValue("id")
	return p.stream(w, r, s, func(ctx context.Context) ([]byte, error) {
		d, err := s.delivery(ctx, id)
		if err != nil {
			return nil, err
		}
		return p.part("delivery", "now", d)
	})
}

func (p *Pages) downloadPayload(w http.ResponseWriter, r *http.Request, s *session) error {
	id := r.PathValue("id")
	var body []byte
	if err := s.do(r.Context(), http.MethodGet, "/v1"+joinPath("deliveries", id, "payload"), nil, &body); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", payloadFile(id)))
	_, _ = w.Write(body)
	return nil
}

// payloadFile is the name of a payload's file. The API has checked the id.
func payloadFile(id string) string { return id + ".json" }

// changeDelivery returns what retries or cancels a delivery.
func (p *Pages) changeDelivery(verb, done string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session) error {
		id := r.PathValue("id")
		err := s.do(r.Context(), http.MethodPost, "/v1"+joinPath("deliveries", id, verb), nil, nil)
		if refused, ok := errors.AsType[*problem](err); ok && refused.Status == http.StatusConflict {
			// Things have changed since the page was shown: it is shown as they are.
			p.leaveNotice(w, r, notice{Kind: "bad", Text: refused.Detail})
			return p.redirect(w, r, joinPath("deliveries", id), "")
		}
		if err != nil {
			return err
		}
		return p.redirect(w, r, joinPath("deliveries", id), done)
	}
}

// curl returns a command that sends a payload as the last attempt did, and the file
// that it reads, if it can't have the payload in it.
func (d *deliveryPage) curl(body []byte) (command, file string) {
	r := api.Request{URL: d.EndpointURL, Headers: map[string][]string{"Content-Type": {"application/json"}, "Webhook-Id": {d.EventID}}}
	if len(d.Tries) > 0 {
		r = d.Tries[0].Request
	}
	return curlCommand(http.MethodPost, r.URL, r.Headers, body, payloadFile(d.ID))
}
