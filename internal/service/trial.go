package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/sample"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/emitter"
)

func (s *server) TestEndpoint(ctx context.Context, r api.TestEndpointRequestObject) (api.TestEndpointResponseObject, error) {
	e, _, err := s.endpoint(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	event, err := s.sample(e.RobotID)
	if err != nil {
		return nil, fmt.Errorf("the sample: %w", err)
	}
	attempt, detail, err := s.engine.Try(ctx, *e, event.ID, delivery.Render(event, e))
	if problem := (*emitter.EndpointError)(nil); errors.As(err, &problem) {
		return nil, problemf(http.StatusConflict, "nothing can be sent to the endpoint: %s", problem.Reason)
	}
	if err != nil {
		return nil, err
	}
	result := api.TestEndpoint200JSONResponse(tried(e, event.ID, &attempt, detail))
	if !event.Operational {
		result.Findings = findingsAPI(conformance.Check(delivery.Payload(event, e.ID)).Findings)
	}
	return result, nil
}

// tried says what came of an attempt of which nothing is stored.
func tried(e *delivery.Endpoint, eventID string, a *emitter.Attempt, detail []byte) api.TestResult {
	shown := attemptOf(&delivery.Attempt{Outcome: string(a.Outcome), Status: a.Status, Detail: detail})
	result := api.TestResult{
		Delivered: a.Outcome == emitter.Accepted, EventID: eventID,
		Outcome: shown.Outcome, Status: shown.Status, Request: shown.Request, Answer: shown.Answer,
		Phase: shown.Phase, Error: shown.Error, Timings: shown.Timings,
		Findings: []api.Finding{},
	}
	result.Reason, result.NextStep = explain(a, e)
	return result
}

// sample makes the event that is sent to try an endpoint: the documented sample of
// a completed run, or an operational event's for the operator's endpoints.
func (s *Service) sample(robotID string) (*delivery.Event, error) {
	at := now()
	event := &delivery.Event{ID: delivery.NewEventID(at), At: at, RobotID: robotID}
	if robotID == "" {
		event.Operational, event.Type = true, string(api.EventTypeEndpointFailing)
		body, err := bodyOf(s.document.samples[event.Type])
		event.Body = body
		return event, err
	}
	event.Type = string(api.EventTypeRunCompleted)
	text, err := jsonschema.FS.ReadFile("v1/run-event.json")
	if err != nil {
		return nil, err
	}
	var schema struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	body, err := bodyOf(schema.Examples[0])
	if err != nil {
		return nil, err
	}
	id, err := json.Marshal(robotID)
	if err != nil {
		return nil, err
	}
	event.Body, err = sample.Set(body, "data.robot_id", string(id))
	return event, err
}

// bodyOf takes from a payload what is the service's to add.
func bodyOf(payload []byte) ([]byte, error) {
	var p struct {
		EventType string          `json:"event_type"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	fmt.Fprintf(&body, `{"event_type":%q,"data":`, p.EventType)
	if err := json.Compact(&body, p.Data); err != nil {
		return nil, err
	}
	body.WriteByte('}')
	return body.Bytes(), nil
}

// explain says in words what came of an attempt, and what to do next.
func explain(a *emitter.Attempt, e *delivery.Endpoint) (reason, next string) {
	switch a.Outcome {
	case emitter.Accepted:
		return fmt.Sprintf("The endpoint accepted the event with status %d.", a.Status), "Nothing: events will arrive."
	case emitter.Blocked:
		return "The address of the URL's host is not public, and the service does not connect to such addresses.",
			"Use a URL that can be reached from the internet, or ask the operator of the service to allow the address."
	case emitter.Unreachable:
		return unreachable(a, e)
	}
	status := strconv.Itoa(a.Status)
	if text := http.StatusText(a.Status); text != "" {
		status += " (" + text + ")"
	}
	reason = "The endpoint answered " + status + ", and only 2xx is a success."
	switch {
	case a.Status >= 300 && a.Status < 400:
		return "The endpoint answered with the redirect " + status + ". Redirects are not followed, as the event would be lost on the way.",
			"Enter the URL that it redirects to: often that is the one with https, or with or without a slash at its end."
	case a.Status == 401 || a.Status == 403:
		return reason, "Check the secret or the authorization of the endpoint, and that the receiver verifies with the same."
	case a.Status == 404:
		return reason, "Check the path of the URL: the server is there, and has nothing at it."
	case a.Status == 405:
		return reason, "Check the path of the URL, and that the receiver takes POST there."
	case a.Status == 410:
		return "The endpoint answered 410 (Gone): it wants no events any more.",
			"Check the URL. A delivery with this answer would disable the endpoint."
	case a.Status == 413:
		return reason, "Let the receiver, and proxies in front of it, take larger bodies."
	case a.Status == 415:
		return reason, "Let the receiver take application/json."
	case a.Status == 400 || a.Status == 422:
		return reason, "Look at the answer's body: the receiver does not take the event as it is."
	case a.Status == 429:
		return "The endpoint answered 429 (Too Many Requests): it gets more than it takes.",
			"Set rate_limit or max_in_flight of the endpoint to what the receiver takes."
	case a.Status == 502 || a.Status == 504:
		return "The endpoint answered " + status + ": a proxy is there, and can't reach the receiver behind it.",
			"Check that the receiver runs, and what its proxy's log says."
	case a.Status == 503:
		return "The endpoint answered 503 (Service Unavailable): it is not ready.", "Check that the receiver runs, and try again."
	case a.Status >= 500:
		return "The endpoint answered " + status + ": the receiver failed.", "Look for this request in the receiver's log."
	}
	return reason, "Look at the answer, and for this request in the receiver's log."
}

// explainRecord is explain for the record of an attempt, of whose error only the text is
// known.
func explainRecord(a *delivery.Attempt, d *delivery.Detail) (reason, next string) {
	reason, next = explain(&emitter.Attempt{
		Outcome: emitter.Outcome(a.Outcome), Status: a.Status, Phase: emitter.Phase(d.Phase), Err: recordedError(d.Error),
	}, &delivery.Endpoint{Timeout: time.Duration(d.Timings.Total) * time.Microsecond})
	switch emitter.Outcome(a.Outcome) {
	case emitter.Accepted:
		next = ""
	case emitter.Gone:
		next = "Check the URL. An endpoint that answers so is disabled: enable it when it wants events again."
	}
	return reason, next
}

// A recordedError is the text of an error, by which two are told that matter.
type recordedError string

func (e recordedError) Error() string { return string(e) }

// Timeout is how package net says that an error is one.
func (e recordedError) Timeout() bool {
	return strings.HasSuffix(string(e), context.DeadlineExceeded.Error()) || strings.Contains(strings.ToLower(string(e)), "timeout")
}

func (e recordedError) Is(target error) bool {
	return target == syscall.ECONNREFUSED && strings.HasSuffix(string(e), syscall.ECONNREFUSED.Error())
}

// unreachable explains an attempt without an answer by how far it came.
func unreachable(a *emitter.Attempt, e *delivery.Endpoint) (reason, next string) {
	timeout := errors.Is(a.Err, context.DeadlineExceeded)
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](a.Err); ok && t.Timeout() {
		timeout = true
	}
	within := fmt.Sprintf(" within %d seconds", int(e.Timeout.Round(time.Second)/time.Second))
	switch a.Phase {
	case emitter.Resolving:
		if timeout {
			return "The name of the URL's host could not be looked up" + within + ".", "Try again, and check the name servers of the host's domain."
		}
		return "The name of the URL's host does not exist, or could not be looked up.", "Check the spelling of the host in the URL."
	case emitter.Proxying:
		return "The service's own proxy did not let the request through.", "Ask the operator of the service: this is not the endpoint's fault."
	case emitter.Connecting:
		if timeout {
			return "The host did not answer a connection" + within + ".", "Check the port of the URL, and that a firewall lets the service in."
		}
		if errors.Is(a.Err, syscall.ECONNREFUSED) {
			return "The host refused the connection: nothing listens at its port.", "Check the port of the URL, and that the receiver runs."
		}
		return "No connection to the host could be made.",
			"Check the address of the host, and that its network can be reached from the service: with IPv6, for example, the service needs it as well."
	case emitter.Securing:
		if timeout {
			return "There was a connection, but no TLS" + within + ".", "Check that the port of the URL is one for https."
		}
		return "There was a connection, but TLS failed: the certificate is not valid for the host, has expired, or is of an unknown authority; or the port is not one for https.",
			"Check the certificate of the host, with its whole chain, and the scheme and the port of the URL."
	}
	if timeout {
		return "The request was sent, and there was no answer" + within + ". The receiver may have got the event.",
			"Let the receiver store the event, answer, and work afterwards, or raise the timeout."
	}
	return "The connection was closed before there was an answer. The receiver may have got the event.",
		"Look for this request in the log of the receiver, and of proxies in front of it."
}
