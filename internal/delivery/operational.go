package delivery

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/runhooks/runhooks/gen/service"
)

// operationalTypes are the types of operational events.
var operationalTypes = []string{
	string(service.EventTypeEndpointFailing), string(service.EventTypeEndpointRecovered),
	string(service.EventTypeEndpointDisabled), string(service.EventTypeDeliveryExhausted),
	string(service.EventTypeEventSetAside),
}

// operational makes the publication of an operational event about a robot. There
// are none about endpoints of the operator, which may be what fails.
func operational(eventType service.EventType, robotID, runID string, at time.Time, data any) []Publication {
	body, err := json.Marshal(struct {
		EventType service.EventType `json:"event_type"`
		Data      any               `json:"data"`
	}{eventType, data})
	if err != nil { // the types are plain
		panic(err)
	}
	at = at.UTC().Truncate(time.Millisecond)
	return []Publication{{Event: Event{
		ID: NewEventID(at), Type: string(eventType), RobotID: robotID, RunID: runID, At: at, Body: body, Operational: true,
	}}}
}

func (e *Engine) failing(q *queue, o *ended, now time.Time) []Publication {
	if q.ep.RobotID == "" {
		return nil
	}
	return operational(service.EventTypeEndpointFailing, q.ep.RobotID, "", now, service.EndpointFailingData{
		EndpointID: q.id, RobotID: q.ep.RobotID, Host: hostOf(q.ep.URL),
		Failures: int64(q.health.Failures), FailingSince: q.health.FailingSince,
		LastOutcome: service.EndpointFailingDataLastOutcome(o.Attempt.Outcome), LastStatus: status(o), Reason: o.summary,
	})
}

func (e *Engine) recovered(q *queue, now time.Time) []Publication {
	return operational(service.EventTypeEndpointRecovered, q.ep.RobotID, "", now, service.EndpointRecoveredData{
		EndpointID: q.id, RobotID: q.ep.RobotID, Host: hostOf(q.ep.URL),
		Failures: int64(q.health.Failures), FailingSince: q.health.FailingSince,
	})
}

func (e *Engine) disabled(q *queue, reason string, now time.Time) []Publication {
	if q.ep.RobotID == "" {
		return nil
	}
	return operational(service.EventTypeEndpointDisabled, q.ep.RobotID, "", now, service.EndpointDisabledData{
		EndpointID: q.id, RobotID: q.ep.RobotID, Host: hostOf(q.ep.URL), Reason: reason,
	})
}

func (e *Engine) exhausted(f *flight, o *ended, now time.Time) []Publication {
	if f.ep.RobotID == "" {
		return nil
	}
	d := &f.task.Delivery
	return operational(service.EventTypeDeliveryExhausted, d.RobotID, d.RunID, now, service.DeliveryExhaustedData{
		DeliveryID: "dlv_" + strconv.FormatInt(d.ID, 10), EventID: d.EventID, UndeliveredType: d.EventType,
		EndpointID: d.EndpointID, RobotID: d.RobotID, RunID: d.RunID, Host: hostOf(f.ep.URL),
		Attempts: int64(o.Attempt.N), LastOutcome: service.DeliveryExhaustedDataLastOutcome(o.Attempt.Outcome),
		LastStatus: status(o), Reason: o.Reason,
	})
}

func setAside(a *SetAside, reason string, now time.Time) []Publication {
	data := service.EventSetAsideData{SetAsideID: fmt.Sprint("sas_", a.ID), PublishedAt: a.At, Reason: reason}
	if a.InletID != "" {
		data.InletID = &a.InletID
	}
	return operational(service.EventTypeEventSetAside, a.RobotID, a.RunID, now, data)
}

func status(o *ended) *int {
	if o.Attempt.Status == 0 {
		return nil
	}
	return &o.Attempt.Status
}

// hostOf returns the part of a URL that is not secret.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
