package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/service"
)

// An aim is a request about what belongs to robot A, and the answers that it gets.
type aim struct {
	path, body string
	header     []string
	// ok is the answer to a token that may, and foreign to one of robot B.
	ok, foreign int
	// operator says that a token of robot A may not either.
	operator bool
}

// aims make a new aim for each operation of the document.
func aims(w *world) map[string]func() aim {
	url, _ := receiver(w.t, 204)
	n := 0
	endpoint := func(more string) api.Endpoint {
		n++
		return w.endpoint(robotA, fmt.Sprintf("%s/%d", url, n), more)
	}
	delivered := func() string {
		e := endpoint("")
		run := fmt.Sprintf("run-%d", n)
		w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, run)))
		var page api.DeliveryPage
		w.until("a delivery", func() bool {
			w.want(200, w.do(w.admin, "GET", "/v1/deliveries?state=delivered&endpoint_id="+e.ID+"&run_id="+run, "")).into(w.t, &page)
			return len(page.Items) == 1
		})
		return page.Items[0].ID
	}
	held := func() string {
		e := endpoint(`,"active":false`)
		w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, fmt.Sprintf("run-%d", n))))
		var page api.DeliveryPage
		w.want(200, w.do(w.admin, "GET", "/v1/deliveries?state=held&endpoint_id="+e.ID, "")).into(w.t, &page)
		return page.Items[0].ID
	}
	job := func() api.Job {
		var j api.Job
		w.want(202, w.do(w.admin, "POST", "/v1/endpoints/"+endpoint("").ID+"/recover", `{"since":"2020-01-01T00:00:00Z"}`)).into(w.t, &j)
		return j
	}
	token := func(robot string) api.Token {
		var t api.Token
		w.want(201, w.do(w.admin, "POST", "/v1/tokens", fmt.Sprintf(`{"name":"t","role":"reader","robot_id":%q}`, robot))).into(w.t, &t)
		return t
	}
	inlet := func() api.Inlet { return w.inlet(fmt.Sprintf(`,"robot_id":%q`, robotA)) }
	match := []string{"If-Match", "*"}
	list := func(path string) func() aim {
		return func() aim { return aim{path: path, ok: 200, foreign: 200} }
	}
	named := func(path string) func() aim {
		return func() aim { return aim{path: path + "?robot_id=" + robotA, ok: 200, foreign: 403} }
	}
	return map[string]func() aim{
		"listEvents": list("/v1/events"), "listEvents, named": named("/v1/events"),
		"listRobots": list("/v1/robots"), "listRobots, named": named("/v1/robots"),
		"listEndpoints": list("/v1/endpoints"), "listEndpoints, named": named("/v1/endpoints"),
		"listDeliveries": list("/v1/deliveries"), "listDeliveries, named": named("/v1/deliveries"),
		"listInlets": func() aim { inlet(); return aim{path: "/v1/inlets", ok: 200, foreign: 200} }, "listInlets, named": named("/v1/inlets"),
		"createInlet": func() aim {
			return aim{path: "/v1/inlets", body: fmt.Sprintf(`{"name":"i","robot_id":%q}`, robotA), ok: 201, foreign: 403}
		},
		"createInlet, for all": func() aim {
			return aim{path: "/v1/inlets", body: `{"name":"i"}`, ok: 201, foreign: 403, operator: true}
		},
		"getInlet":          func() aim { return aim{path: "/v1/inlets/" + inlet().ID, ok: 200, foreign: 404} },
		"getInlet, for all": func() aim { return aim{path: "/v1/inlets/" + w.inlet("").ID, ok: 200, foreign: 404, operator: true} },
		"updateInlet":       func() aim { return aim{path: "/v1/inlets/" + inlet().ID, body: `{"name":"j"}`, ok: 200, foreign: 404} },
		"deleteInlet":       func() aim { return aim{path: "/v1/inlets/" + inlet().ID, ok: 204, foreign: 404} },
		"rotateInlet":       func() aim { return aim{path: "/v1/inlets/" + inlet().ID + "/rotate", ok: 200, foreign: 404} },
		"receiveEvent":      func() aim { return aim{path: inletOf(inlet()), body: runFailed(robotA, runA), ok: 202} },
		"listAudit":         list("/v1/audit"), "listAudit, named": named("/v1/audit"),
		"listTokens": func() aim { token(robotA); return aim{path: "/v1/tokens", ok: 200, foreign: 200} },
		"listSetAside": func() aim {
			return aim{path: "/v1/set-aside", ok: 200, foreign: 403, operator: true}
		},
		"publishEvent": func() aim {
			return aim{path: "/v1/events", body: runFailed(robotA, runA), ok: 202, foreign: 403}
		},
		"publishBatch": func() aim {
			return aim{path: "/v1/events/batch", body: runFailed(robotB, runA), header: []string{"Content-Type", "application/x-ndjson"}, ok: 200, foreign: 200}
		},
		"getEvent": func() aim {
			var p api.Published
			w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA))).into(w.t, &p)
			return aim{path: "/v1/events/" + p.EventID, ok: 200, foreign: 404}
		},
		"createEndpoint": func() aim {
			n++
			return aim{path: "/v1/endpoints", body: fmt.Sprintf(`{"robot_id":%q,"url":"%s/%d"}`, robotA, url, n), ok: 201, foreign: 403}
		},
		"createEndpoint, operator": func() aim {
			n++
			return aim{path: "/v1/endpoints", body: fmt.Sprintf(`{"operator":true,"url":"%s/%d"}`, url, n), ok: 201, foreign: 403, operator: true}
		},
		"getEndpoint": func() aim { return aim{path: "/v1/endpoints/" + endpoint("").ID, ok: 200, foreign: 404} },
		"getEndpoint, operator": func() aim {
			n++
			var e api.Endpoint
			w.want(201, w.do(w.admin, "POST", "/v1/endpoints", fmt.Sprintf(`{"operator":true,"url":"%s/%d"}`, url, n))).into(w.t, &e)
			return aim{path: "/v1/endpoints/" + e.ID, ok: 200, foreign: 404, operator: true}
		},
		"updateEndpoint": func() aim {
			return aim{path: "/v1/endpoints/" + endpoint("").ID, body: `{"ordered":true}`, header: match, ok: 200, foreign: 404}
		},
		"deleteEndpoint": func() aim {
			return aim{path: "/v1/endpoints/" + endpoint("").ID, header: match, ok: 204, foreign: 404}
		},
		"rotateSecret": func() aim {
			return aim{path: "/v1/endpoints/" + endpoint("").ID + "/rotate-secret", body: "{}", ok: 200, foreign: 404}
		},
		"testEndpoint": func() aim { return aim{path: "/v1/endpoints/" + endpoint("").ID + "/test", ok: 200, foreign: 404} },
		"recoverEndpoint": func() aim {
			return aim{path: "/v1/endpoints/" + endpoint("").ID + "/recover", body: `{"since":"2020-01-01T00:00:00Z"}`, ok: 202, foreign: 404}
		},
		"getDelivery":    func() aim { return aim{path: "/v1/deliveries/" + held(), ok: 200, foreign: 404} },
		"getPayload":     func() aim { return aim{path: "/v1/deliveries/" + held() + "/payload", ok: 200, foreign: 404} },
		"retryDelivery":  func() aim { return aim{path: "/v1/deliveries/" + delivered() + "/retry", ok: 200, foreign: 404} },
		"cancelDelivery": func() aim { return aim{path: "/v1/deliveries/" + held() + "/cancel", ok: 200, foreign: 404} },
		"getJob":         func() aim { return aim{path: "/v1/jobs/" + job().ID, ok: 200, foreign: 404} },
		"createErasure": func() aim {
			n++
			return aim{path: "/v1/erasures", body: fmt.Sprintf(`{"robot_id":%q,"run_id":"erased-%d"}`, robotA, n), ok: 202, foreign: 403}
		},
		"createToken": func() aim {
			return aim{path: "/v1/tokens", body: fmt.Sprintf(`{"name":"t","role":"reader","robot_id":%q}`, robotA), ok: 201, foreign: 403}
		},
		"createToken, for all": func() aim {
			return aim{path: "/v1/tokens", body: `{"name":"t","role":"reader"}`, ok: 201, foreign: 403, operator: true}
		},
		"createPortalLink": func() aim {
			return aim{path: "/v1/robots/" + robotA + "/portal-links", body: "{}", ok: 201, foreign: 403}
		},
		"deleteToken":  func() aim { return aim{path: "/v1/tokens/" + token(robotA).ID, ok: 204, foreign: 404} },
		"getHealth":    list("/healthz"),
		"getReadiness": list("/readyz"),
		"getMetrics":   list("/metrics"),
	}
}

// Each operation of the document, with no token, a wrong one, and tokens of each
// role and scope.
func TestAccess(t *testing.T) {
	w := newWorld(t)
	aims := aims(w)
	roles := []api.Role{api.RoleAdmin, api.RolePublisher, api.RoleReader}
	tokens := map[string]string{}
	for _, role := range roles {
		for _, robot := range []string{"", robotA, robotB} {
			tokens[string(role)+robot] = w.token(role, robot)
		}
	}
	tried := map[string]bool{}
	for name, aim := range aims {
		id, _, _ := strings.Cut(name, ",")
		tried[id] = true
		method, need := operation(t, id)
		t.Run(name, func(t *testing.T) {
			call := func(what, token string, want func(ok, foreign int) int) {
				t.Helper()
				a := aim()
				got := w.do(token, method, a.path, a.body, a.header...)
				if expected := want(a.ok, a.foreign); got.status != expected {
					t.Errorf("%s: status %d, want %d: %s", what, got.status, expected, got.body)
				}
				if got.status == 401 && !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s: 401 without WWW-Authenticate", what)
				}
				if strings.HasSuffix(what, robotB) && (strings.Contains(got.body, robotA) || strings.Contains(got.body, "endpoint_")) {
					t.Errorf("%s: it sees what belongs to another robot, or to none: %s", what, got.body)
				}
			}
			operator := aim().operator
			if need == "" {
				call("no token", "", func(ok, _ int) int { return ok })
				return
			}
			unauthorized := func(_, _ int) int { return 401 }
			call("no token", "", unauthorized)
			call("a token that nobody has", "rh_"+strings.Repeat("A", 43), unauthorized)
			call("not a token", "x", unauthorized)
			for _, role := range roles {
				for _, robot := range []string{"", robotA, robotB} {
					call(strings.TrimSpace(string(role)+" "+robot), tokens[string(role)+robot], func(ok, foreign int) int {
						switch {
						case role != api.RoleAdmin && string(role) != need:
							return 403
						case robot == robotB || robot == robotA && operator:
							return foreign
						}
						return ok
					})
				}
			}
		})
	}
	for path, item := range spec().Paths.Map() {
		for method, op := range item.Operations() {
			if !tried[op.OperationID] {
				t.Errorf("%s %s: no test tries %s", method, path, op.OperationID)
			}
		}
	}
}

// operation returns the method of an operation, and the role that it needs.
func operation(t *testing.T, id string) (method, role string) {
	t.Helper()
	for _, item := range spec().Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID != id {
				continue
			}
			role = spec().Security[0]["bearerToken"][0]
			if op.Security != nil {
				role = ""
				for _, requirement := range *op.Security {
					role = requirement["bearerToken"][0]
				}
			}
			return method, role
		}
	}
	t.Fatalf("the document has no operation %s", id)
	return "", ""
}

// A batch of a token that is limited to a robot has each line of another refused.
func TestBatchScope(t *testing.T) {
	w := newWorld(t)
	r := w.want(200, w.do(w.token(api.RolePublisher, robotB), "POST", "/v1/events/batch",
		runFailed(robotA, runA)+"\n"+runFailed(robotB, runA), "Content-Type", "application/x-ndjson"))
	var result api.BatchResult
	r.into(t, &result)
	if result.Accepted != 1 || result.Results[0].Status != 403 || result.Results[1].Status != 202 {
		t.Errorf("result: %s", r.body)
	}
}

// Operational events are about a robot, and yet nothing for its tokens.
func TestOperationalEventsAreTheOperators(t *testing.T) {
	w := newWorld(t)
	operatorURL, _ := receiver(t, 204)
	w.want(201, w.do(w.admin, "POST", "/v1/endpoints", fmt.Sprintf(`{"operator":true,"url":%q}`, operatorURL)))
	gone, _ := receiver(t, 410)
	w.endpoint(robotA, gone, "")
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA)))
	var events api.EventPage
	w.until("endpoint_disabled", func() bool {
		w.want(200, w.do(w.admin, "GET", "/v1/events?event_type=endpoint_disabled", "")).into(t, &events)
		return len(events.Items) == 1
	})
	id := events.Items[0].ID
	var deliveries api.DeliveryPage
	w.want(200, w.do(w.admin, "GET", "/v1/deliveries?event_id="+id, "")).into(t, &deliveries)
	if len(deliveries.Items) != 1 {
		t.Fatalf("deliveries of the operational event: %+v", deliveries)
	}
	scoped := w.token(api.RoleReader, robotA)
	for _, path := range []string{"/v1/events", "/v1/deliveries"} {
		if r := w.want(200, w.do(scoped, "GET", path, "")); strings.Contains(r.body, "endpoint_disabled") || !strings.Contains(r.body, runA) {
			t.Errorf("%s: %s", path, r.body)
		}
	}
	w.want(404, w.do(scoped, "GET", "/v1/events/"+id, ""))
	w.want(404, w.do(scoped, "GET", "/v1/deliveries/"+deliveries.Items[0].ID, ""))
}

// A first token that can't be kept is not stored: it would be the only one, and nobody's.
func TestKeepFirstToken(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	full := errors.New("the disk is full")
	if token, err := service.KeepFirstToken(t.Context(), store, func(string) error { return full }); token != "" || err != full {
		t.Errorf("KeepFirstToken = %q, %v; want %v", token, err, full)
	}
	var kept string
	token, err := service.KeepFirstToken(t.Context(), store, func(text string) error { kept = text; return nil })
	if token == "" || token != kept || err != nil {
		t.Errorf("KeepFirstToken = %q, %v; kept %q", token, err, kept)
	}

	// Where the admins' tokens are lost, and were removed, the others go on.
	_, publisher := service.NewToken("platform", api.RolePublisher, "", time.Time{})
	audit := delivery.Audit{At: time.Now(), Changes: []byte("{}")}
	if err := store.CreateToken(t.Context(), publisher, audit); err != nil {
		t.Fatal(err)
	}
	tokens, err := store.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, lost := range tokens {
		if lost.Role == string(api.RoleAdmin) {
			if err := store.DeleteToken(t.Context(), lost.ID, audit); err != nil {
				t.Fatal(err)
			}
		}
	}
	if token, err := service.FirstToken(t.Context(), store); token == "" || err != nil {
		t.Errorf("without an admin, FirstToken = %q, %v", token, err)
	}
}

func TestTokenEnds(t *testing.T) {
	w := newWorld(t)
	// The end of a token shows at once, though it was used just now.
	var made api.Token
	w.want(201, w.do(w.admin, "POST", "/v1/tokens", `{"name":"t","role":"reader"}`)).into(t, &made)
	w.want(200, w.do(value(made.Token), "GET", "/v1/events", ""))
	w.want(204, w.do(w.admin, "DELETE", "/v1/tokens/"+made.ID, ""))
	w.want(401, w.do(value(made.Token), "GET", "/v1/events", ""))

	text, expired := service.NewToken("old", api.RoleReader, "", time.Now().Add(-time.Second))
	if err := w.store.CreateToken(context.Background(), expired, delivery.Audit{At: time.Now(), Changes: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	w.want(401, w.do(text, "GET", "/v1/events", ""))
	w.want(422, w.do(w.admin, "POST", "/v1/tokens", `{"name":"t","role":"reader","expires_at":"2020-01-01T00:00:00Z"}`))

	// The last one that can do everything stays.
	var list api.TokenList
	w.want(200, w.do(w.admin, "GET", "/v1/tokens", "")).into(t, &list)
	if len(list.Items) != 1 {
		t.Errorf("the list has %+v, want only the token that is in force", list.Items)
	}
	for _, token := range list.Items {
		if token.Role == api.RoleAdmin {
			w.want(409, w.do(w.admin, "DELETE", "/v1/tokens/"+token.ID, ""))
		}
	}
	w.want(404, w.do(w.admin, "DELETE", "/v1/tokens/tok_none", ""))
}

func TestAuthorizationHeader(t *testing.T) {
	w := newWorld(t)
	for _, header := range []string{"", "Bearer", "Bearer ", "Basic " + w.admin, w.admin, "Bearer  " + w.admin, "Bearer " + w.admin + " "} {
		req, err := http.NewRequest("GET", w.url+"/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Authorization"] = []string{header}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		// net/http takes white space from the end of a header.
		if want := map[bool]int{true: 200, false: 401}[strings.HasSuffix(header, " ") && strings.Contains(header, w.admin)]; resp.StatusCode != want {
			t.Errorf("Authorization %q: %d, want %d", header, resp.StatusCode, want)
		}
	}
	if r := w.do(w.admin, "GET", "/v1/events", ""); r.status != 200 {
		t.Errorf("%d: %s", r.status, r.body)
	}
}

// TestTimesBeyond: times that can't be written in UTC are refused, and not stored.
func TestTimesBeyond(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(robotA, "https://example.com/", "")
	for _, at := range []string{"9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z"} {
		w.want(422, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/recover", `{"since":"`+at+`"}`))
		w.want(422, w.do(w.admin, "POST", "/v1/tokens", `{"name":"t","role":"reader","expires_at":"`+at+`"}`))
		w.want(200, w.do(w.admin, "GET", "/v1/events?to="+strings.ReplaceAll(at, "+", "%2B"), ""))
	}
	// What a program sends that has set no time doesn't stand for never.
	w.want(422, w.do(w.admin, "POST", "/v1/tokens", `{"name":"t","role":"reader","expires_at":"0001-01-01T00:00:00Z"}`))
}
