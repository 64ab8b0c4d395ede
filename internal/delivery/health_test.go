package delivery_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
)

// told returns the operational events that arrived at the operator's endpoint, as
// type and reason.
func (l *lab) told() (all []string) {
	for _, a := range l.at("operator") {
		var e struct {
			Type string `json:"event_type"`
		}
		if err := json.Unmarshal([]byte(a.payload), &e); err != nil {
			l.Fatal(err)
		}
		all = append(all, e.Type)
	}
	return all
}

func TestBreaker(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "", "operator", nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.MaxInFlight = 1 })
		well := time.Now().Add(10 * time.Minute)
		l.does["a"] = func(arrival) answer {
			if time.Now().Before(well) {
				return answer{status: 500}
			}
			return answer{status: 200}
		}
		l.publish(r, "robot", 200)
		l.wait(time.Second)
		if n := len(l.at("a")); n != 5 {
			l.Errorf("%d attempts before the breaker opened, want 5", n)
		}
		if diff := cmp.Diff([]string{"endpoint_failing"}, l.told()); diff != "" {
			l.Errorf("the operator is told (-want +got):\n%s", diff)
		}
		l.wait(time.Until(well))
		got := l.at("a")
		for i, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second} {
			if pause := got[5+i].at.Sub(got[4+i].at); pause < want || pause > want+want/10+time.Second {
				l.Errorf("cooldown %d is %v, want %v and up to a tenth more", i, pause, want)
			}
		}
		l.wait(20 * time.Minute)
		states := l.states(r.store, "ep-a")
		if states[delivery.Delivered]+states[delivery.Exhausted] != 200 || states[delivery.Exhausted] > 4 {
			l.Errorf("states: %v", states)
		}
		if told := l.told(); told[len(told)-1] != "endpoint_recovered" {
			l.Errorf("the operator is told %v", told)
		}
		if h, err := r.store.Health(l.Context(), "ep-a"); err != nil || h != (delivery.Health{}) {
			l.Errorf("the health is %+v, %v", h, err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.MaxInFlight = 1 })
		l.does["a"] = func(a arrival) answer {
			if a.n == 1 {
				return answer{status: 429, retryAfter: time.Minute}
			}
			return answer{status: 200}
		}
		l.publish(r, "robot", 10)
		l.wait(59 * time.Second)
		if n := len(l.at("a")); n != 1 {
			l.Errorf("%d attempts in the pause that the endpoint asked for", n-1)
		}
		l.wait(10 * time.Second)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 10}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestGone(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "", "operator", nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.MaxInFlight = 1 })
		l.does["a"] = answers(410)
		l.publish(r, "robot", 1000)
		l.wait(5 * time.Second)
		if n := len(l.at("a")); n != 1 {
			l.Errorf("%d attempts, want 1", n)
		}
		ep, err := r.store.Endpoint(l.Context(), "ep-a")
		if err != nil || ep.State != delivery.Disabled || ep.DisabledReason == "" {
			l.Errorf("the endpoint is %+v, %v", ep, err)
		}
		if diff := cmp.Diff([]string{"endpoint_disabled"}, l.told()); diff != "" {
			l.Errorf("the operator is told (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[delivery.State]int{delivery.Held: 1000}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
		l.does["a"] = nil
		l.update(r, "ep-a", func(e *delivery.Endpoint) { e.State = delivery.Active })
		if _, err := r.store.CreateJob(l.Context(), delivery.Job{Kind: delivery.Recover, EndpointID: "ep-a"}, delivery.Audit{}); err != nil {
			l.Fatal(err)
		}
		r.Changed("ep-a")
		l.wait(10 * time.Second)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 1000}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestAutoDisable(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), func(o *delivery.Options) { o.DisableAfter = 2 * time.Hour })
		l.endpoint(r, "", "operator", nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.MaxAttempts = 1000 })
		l.does["a"] = answers(404)
		l.publish(r, "robot", 10)
		l.wait(119 * time.Minute)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Pending: 10}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
		l.wait(10 * time.Minute)
		if diff := cmp.Diff([]string{"endpoint_failing", "endpoint_disabled"}, l.told()); diff != "" {
			l.Errorf("the operator is told (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[delivery.State]int{delivery.Held: 10}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

// TestNoLoops: what happens to operational events is not an operational event.
func TestNoLoops(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), func(o *delivery.Options) { o.DisableAfter = time.Hour })
		l.endpoint(r, "", "operator", nil)
		l.endpoint(r, "robot", "a", nil)
		l.does["a"], l.does["operator"] = answers(500), answers(500)
		l.publish(r, "robot", 3)
		l.wait(3 * time.Hour)
		for _, a := range l.at("operator") {
			var e struct {
				Data struct {
					EndpointID string `json:"endpoint_id"`
				} `json:"data"`
			}
			if err := json.Unmarshal([]byte(a.payload), &e); err != nil || e.Data.EndpointID != "ep-a" {
				l.Errorf("an event about another endpoint: %s", a.payload)
			}
		}
	})
}

// TestGoneAndChanged: a 410 of the URL that an endpoint had doesn't disable the
// endpoint, and the event goes to the new one.
func TestGoneAndChanged(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", nil)
		l.does["a"] = func(arrival) answer { return answer{status: 410, after: 5 * time.Second} }
		published := l.publish(r, "robot", 1)
		l.wait(time.Second)
		l.update(r, "ep-a", func(e *delivery.Endpoint) { e.URL = "https://b/" })
		l.wait(time.Minute)
		if diff := cmp.Diff(published, ids(l.at("b"))); diff != "" {
			l.Errorf("arrived at the new URL (-want +got):\n%s", diff)
		}
		ep, err := r.store.Endpoint(l.Context(), "ep-a")
		if err != nil || ep.State != delivery.Active {
			l.Errorf("the endpoint is %s, %v", ep.State, err)
		}
	})
}
