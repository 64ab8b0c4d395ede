package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
)

// TestInletsOfKilledProcesses: a server sends payloads as real ones do, three times at
// most and 5 seconds apart, to processes that are killed and whose commits fail or seem
// to. What was answered arrives, and no payload is two events.
func TestInletsOfKilledProcesses(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inLab(t, func(l *lab) { l.killInlets(rand.New(rand.NewPCG(seed, 2))) })
		})
	}
}

func (l *lab) killInlets(random *rand.Rand) {
	calm := time.Now().Add(10 * time.Minute)
	chance := func(p float64) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return time.Now().Before(calm) && random.Float64() < p
	}
	processes := []*process{l.process("p0", chance), l.process("p1", chance)}
	l.endpoint(&running{store: l.db.Node()}, "robot", "h", func(e *delivery.Endpoint) { e.Form = form.Canonical })
	l.does["h"] = answers(200)
	in := &delivery.Inlet{ID: "inl_1", RobotID: "robot"}
	events, answered := map[string]string{}, 0 // by payload
	for i := range 100 {
		payload := fmt.Sprintf(`{"event_type":"run_failed","timestamp":"2026-01-02T03:05:06Z","webhook_id":"w","data":{"robot_id":"r","run_id":"%d",`+
			`"robot_name":"n","status":"failed","finished_at":"2.1.2026, 03:05:05","error":{"message":"m","type":"t","stack":"s"}}}`, i)
		if i%10 == 0 {
			payload = strings.Replace(payload, "run_failed", "run_started", 1)
		}
		tries := 3
		if chance(0.2) {
			tries = 6 // somebody sends it again
		}
		for try := range tries {
			r, err := processes[(i+try)%2].Receive(l.Context(), in, []byte(payload), "")
			if err == nil {
				answered++
				if before := events[payload]; before != "" && before != r.EventID || r.SetAside != (i%10 == 0) {
					l.Errorf("payload %d is %+v, and was %s", i, r, before)
				}
				events[payload] = r.EventID
				if tries == 3 {
					break
				}
			}
			if chance(0.1) {
				k := try % 2
				l.kill(processes[k])
				processes[k] = l.process(fmt.Sprint("p", i, try), chance)
			}
			l.wait(5 * time.Second)
		}
	}
	l.wait(30 * time.Minute)
	if answered < 80 {
		l.Errorf("only %d requests were answered", answered)
	}
	store := processes[0].store
	known := map[string]bool{}
	for payload, id := range events {
		known[id] = true
		if !strings.Contains(payload, "run_failed") {
			continue
		}
		n := 0
		for _, a := range l.at("h") {
			if a.eventID == id {
				n++
			}
		}
		if n == 0 {
			l.Errorf("%s was answered with %s, which did not arrive", payload, id)
		}
	}
	all, err := store.Events(l.Context(), delivery.EventFilter{RobotID: "robot"}, delivery.Page{})
	if err != nil {
		l.Fatal(err)
	}
	aside, err := store.SetAsides(l.Context(), delivery.Page{})
	if err != nil {
		l.Fatal(err)
	}
	// A payload of which no request was answered may have been stored anyway, once.
	if len(all) > 100 || len(aside) > 10 {
		l.Errorf("of 100 payloads there are %d events, %d of them set aside", len(all), len(aside))
	}
	for _, a := range aside {
		if a.InletID != in.ID || a.RobotID != "robot" {
			l.Errorf("set aside: %+v", a)
		}
	}
}

// Each form of an event is the same each time, and what can't be had is said.
func TestRender(t *testing.T) {
	const local = `{"event_type":"run_completed","timestamp":"2025-06-25T10:00:01.000Z","data":{"robot_id":"r","run_id":"run","robot_name":"n","status":"success",` +
		`"started_at":"25.6.2025, 11:59:00","finished_at":"25.6.2025, 12:00:00","extracted_data":{"captured_texts":[{"a":null}],"captured_lists":{},` +
		`"captured_texts_count":1,"captured_lists_count":0,"screenshots_count":0,"total_rows":1},"metadata":{"browser_id":"b","user_id":7}}}`
	berlin := delivery.Source{InletID: "inl_1", Zone: "Europe/Berlin", Locale: "de-DE"}
	at := time.UnixMilli(1_750_000_000_000)
	published := delivery.Event{At: at, Body: []byte(body)}
	for name, tt := range map[string]struct {
		e      delivery.Event
		form   form.Form
		as     form.Form
		has    string
		reason string
	}{
		"published, as received":    {published, "", form.Received, `"webhook_id":"ep","data"`, ""},
		"published, documented":     {published, form.Documented, form.Documented, `"webhook_id":"ep","data"`, ""},
		"published, canonical":      {published, form.Canonical, form.Canonical, `"ep"`, ""},
		"operational":               {delivery.Event{At: at, Operational: true, Body: []byte(`{"event_type":"endpoint_failing","data":{}}`)}, form.Canonical, form.Received, "endpoint_failing", ""},
		"an inlet's, as received":   {delivery.Event{At: at, Source: berlin, Body: []byte(local)}, form.Received, form.Received, local, ""},
		"an inlet's, documented":    {delivery.Event{At: at, Source: berlin, Body: []byte(local)}, form.Documented, form.Documented, `"webhook_id":"ep"`, ""},
		"an inlet's, canonical":     {delivery.Event{At: at, Source: berlin, Body: []byte(local)}, form.Canonical, form.Canonical, "2025-06-25T10:00:00", ""},
		"without a zone":            {delivery.Event{At: at, Source: delivery.Source{InletID: "inl_1"}, Body: []byte(local)}, form.Documented, form.Canonical, "25.6.2025, 12:00:00", "/data/started_at"},
		"a zone that isn't known":   {delivery.Event{At: at, Source: delivery.Source{InletID: "inl_1", Zone: "Mars/Olympus", Locale: "de"}, Body: []byte(local)}, form.Canonical, form.Canonical, "25.6.2025, 12:00:00", ""},
		"what can't be parsed now":  {delivery.Event{At: at, Source: berlin, Body: []byte(`{"event_type":"run_started"}`)}, form.Documented, form.Received, "run_started", "run_started"},
		"an inlet's, that conforms": {delivery.Event{At: at, Source: berlin, Body: []byte(strings.Replace(body, `"data"`, `"timestamp":"2025-06-25T10:00:01.00Z","webhook_id":"w","data"`, 1))}, form.Documented, form.Documented, `10:00:01.00Z","webhook_id":"w"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ep := &delivery.Endpoint{ID: "ep", Form: tt.form}
			r := delivery.Render(&tt.e, ep)
			if r.Form != tt.as || !strings.Contains(string(r.Payload), tt.has) || !strings.Contains(r.Reason, tt.reason) || (r.Reason == "") != (tt.reason == "") {
				t.Errorf("%s, because %q: %s", r.Form, r.Reason, r.Payload)
			}
			if again := delivery.Render(&tt.e, ep); string(again.Payload) != string(r.Payload) || again.Form != r.Form || again.Reason != r.Reason {
				t.Errorf("again: %+v", again)
			}
		})
	}
}
