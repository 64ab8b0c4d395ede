package service_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/runhooks/runhooks/gen/service"
)

// robots reads all pages of a list of robots.
func (w *world) robots(token, query string) (all []api.Robot) {
	w.t.Helper()
	for cursor := ""; ; {
		var page api.RobotPage
		w.want(http.StatusOK, w.do(token, "GET", "/v1/robots?"+query+cursor, "")).into(w.t, &page)
		all = append(all, page.Items...)
		if page.Next == nil {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(*page.Next)
		if len(all) > 1000 {
			w.t.Fatal("the pages don't end")
		}
	}
}

func robotIDs(robots []api.Robot) (ids []string) {
	for _, r := range robots {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestRobots(t *testing.T) {
	w := newWorld(t)
	if got := w.robots(w.admin, ""); len(got) != 0 {
		t.Errorf("without robots: %+v", got)
	}
	long := strings.Repeat("ü", 200) // the longest id, whose cursor is the longest
	for i, robot := range []string{"b", "a", "b", long, "ö"} {
		w.endpoint(robot, fmt.Sprintf("https://example.com/%d", i), "")
	}
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed("events only", runA)))
	want := []string{"a", "b", "events only", "ö", long}
	slices.Sort(want)
	for _, limit := range []int{1, 2, 5, 500} {
		if diff := cmp.Diff(want, robotIDs(w.robots(w.admin, fmt.Sprintf("limit=%d", limit)))); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
	all := w.robots(w.admin, "")
	if b := all[1]; b.Endpoints != 2 || b.LastEventAt != nil || len(b.Hours) != 24 {
		t.Errorf("robot b: %+v", b)
	}
	if e := all[2]; e.Endpoints != 0 || e.LastEventAt == nil {
		t.Errorf("a robot with events only: %+v", e)
	}
	if diff := cmp.Diff(all[1:2], w.robots(w.admin, "robot_id=b")); diff != "" {
		t.Errorf("robot b alone (-in the list +alone):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new"}, robotIDs(w.robots(w.admin, "robot_id=new"))); diff != "" {
		t.Errorf("a robot of which there is nothing (-want +got):\n%s", diff)
	}

	// A token that is limited to a robot sees that one, whatever there is of it.
	for _, robot := range []string{"b", "nothing of it"} {
		if diff := cmp.Diff([]string{robot}, robotIDs(w.robots(w.token(api.RoleReader, robot), ""))); diff != "" {
			t.Errorf("a token of %q (-want +got):\n%s", robot, diff)
		}
	}
	w.want(403, w.do(w.token(api.RoleReader, "b"), "GET", "/v1/robots?robot_id=a", ""))
	w.want(400, w.do(w.admin, "GET", "/v1/robots?cursor=!", ""))
}

// What came of attempts shows at the endpoint and at its robot.
func TestActivity(t *testing.T) {
	w := newWorld(t)
	well, _ := receiver(t, 204)
	ill, _ := receiver(t, 500)
	ok, failing := w.endpoint(robotA, well, ""), w.endpoint(robotA, ill, `,"max_attempts":1`)
	off := w.endpoint(robotA, "https://example.com/", `,"active":false`)
	for range 3 {
		w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA)))
	}
	activity := func(id string) api.EndpointActivity {
		t.Helper()
		var e api.Endpoint
		w.want(200, w.do(w.admin, "GET", "/v1/endpoints/"+id, "")).into(t, &e)
		if e.Activity == nil {
			t.Fatalf("endpoint %s has no activity", id)
		}
		return *e.Activity
	}
	sum := func(hours []api.AttemptCounts) (n api.AttemptCounts) {
		for _, h := range hours {
			n.Succeeded += h.Succeeded
			n.Failed += h.Failed
		}
		return n
	}
	w.until("the counts of attempts", func() bool {
		return sum(activity(ok.ID).Hours).Succeeded == 3 && sum(activity(failing.ID).Hours).Failed == 3
	})
	if a := activity(ok.ID); a.LastSuccessAt == nil || *a.LastSuccessAt != value(a.LastAttemptAt) || sum(a.Hours).Failed != 0 || a.Waiting != 0 {
		t.Errorf("of the endpoint that accepts: %+v", a)
	}
	if a := activity(failing.ID); a.LastSuccessAt != nil || a.LastAttemptAt == nil || sum(a.Hours).Succeeded != 0 {
		t.Errorf("of the endpoint that fails: %+v", a)
	}
	if a := activity(off.ID); a.Held != 3 || a.LastAttemptAt != nil || (sum(a.Hours) != api.AttemptCounts{}) {
		t.Errorf("of the endpoint that is paused: %+v", a)
	}
	var page api.EndpointPage
	w.want(200, w.do(w.admin, "GET", "/v1/endpoints", "")).into(t, &page)
	if len(page.Items) != 3 {
		t.Fatalf("%d endpoints, not 3", len(page.Items))
	}
	for _, e := range page.Items {
		if diff := cmp.Diff(activity(e.ID), value(e.Activity)); diff != "" {
			t.Errorf("in the list (-read alone +in the list):\n%s", diff)
		}
		if failures := value(e.Health).Failures; (failures == 3) != (e.ID == failing.ID) {
			t.Errorf("in the list, %s has failed %d times", e.URL, failures)
		}
	}
	robot := w.robots(w.admin, "robot_id="+robotA)[0]
	if got := sum(robot.Hours); got != (api.AttemptCounts{Succeeded: 3, Failed: 3}) || robot.Endpoints != 3 || robot.LastEventAt == nil {
		t.Errorf("robot: %+v", robot)
	}
}
