package service_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
)

// What a delivery's payload is read as, is what the endpoint got, byte for byte.
func TestPayload(t *testing.T) {
	w := newWorld(t)
	url, got := receiver(t, 204)
	e := w.endpoint(robotA, url, "")
	body := strings.Replace(runFailed(robotA, runA), "Test Robot", `<b>&\u2028</b> é  `, 1)
	w.want(202, w.do(w.admin, "POST", "/v1/events", "\n "+body+" "))
	var sent string
	select {
	case r := <-got:
		text, _ := io.ReadAll(r.Body)
		sent = string(text)
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrived")
	}
	var page api.DeliveryPage
	w.want(200, w.do(w.admin, "GET", "/v1/deliveries", "")).into(t, &page)
	d := page.Items[0]
	if value(d.EndpointURL) != e.URL {
		t.Errorf("endpoint_url %q, want %q", value(d.EndpointURL), e.URL)
	}
	r := w.want(200, w.do(w.token(api.RoleReader, robotA), "GET", "/v1/deliveries/"+d.ID+"/payload", ""))
	if r.body != sent {
		t.Errorf("the payload is\n%s\nand the endpoint got\n%s", r.body, sent)
	}
	w.want(204, w.do(w.admin, "DELETE", "/v1/endpoints/"+e.ID, "", "If-Match", "*"))
	var detail api.DeliveryDetail
	w.want(200, w.do(w.admin, "GET", "/v1/deliveries/"+d.ID, "")).into(t, &detail)
	if detail.Delivery.EndpointURL != nil {
		t.Errorf("endpoint_url of a deleted endpoint: %q", *detail.Delivery.EndpointURL)
	}
	w.want(404, w.do(w.admin, "GET", "/v1/deliveries/dlv_99/payload", ""))
}

// An attempt says in words what happened, as the test of an endpoint does.
func TestAttemptsAreExplained(t *testing.T) {
	w := newWorld(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	missing, _ := receiver(t, 404)
	accepts, _ := receiver(t, 200)
	for _, c := range []struct{ url, reason, next string }{
		{closed.URL, "The host refused the connection: nothing listens at its port.", "Check the port of the URL, and that the receiver runs."},
		{missing, "The endpoint answered 404 (Not Found), and only 2xx is a success.", "Check the path of the URL: the server is there, and has nothing at it."},
		{accepts, "The endpoint accepted the event with status 200.", ""},
	} {
		robot := c.url
		e := w.endpoint(robot, c.url, "")
		w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robot, runA)))
		var detail api.DeliveryDetail
		w.until("an attempt", func() bool {
			var page api.DeliveryPage
			w.want(200, w.do(w.admin, "GET", "/v1/deliveries?endpoint_id="+e.ID, "")).into(t, &page)
			w.want(200, w.do(w.admin, "GET", "/v1/deliveries/"+page.Items[0].ID, "")).into(t, &detail)
			return len(detail.Attempts) > 0
		})
		if a := detail.Attempts[0]; a.Reason != c.reason || value(a.NextStep) != c.next {
			t.Errorf("%s: %q, %q", c.url, a.Reason, value(a.NextStep))
		}
		var tried api.TestResult
		w.want(200, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/test", "")).into(t, &tried)
		if tried.Reason != c.reason {
			t.Errorf("%s: its test says %q", c.url, tried.Reason)
		}
	}
}
