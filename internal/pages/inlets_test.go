package pages_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// ofServer is what a server in Berlin sends of a run that completed.
const ofServer = `{"event_type":"run_completed","timestamp":"2025-06-25T10:00:01.000Z","webhook_id":"webhook_1750000000000","data":` +
	`{"robot_id":"their-robot","run_id":"their-run","robot_name":"Prices","status":"success","started_at":"25.6.2025, 11:59:00","finished_at":"25.6.2025, 12:00:00",` +
	`"extracted_data":{"captured_texts":[{"Title":"a"}],"captured_lists":{},"captured_texts_count":1,"captured_lists_count":0,"screenshots_count":0,"total_rows":1},` +
	`"metadata":{"browser_id":"b","user_id":7}}}`

var (
	shownURL  = regexp.MustCompile(`id="url"[^>]*>(http://[^<]+/in/rhi_[^<]+)<`)
	inletLink = regexp.MustCompile(`href="(/inlets/inl_[^/"]+)"`)
)

// first returns what a pattern finds first in a page.
func first(t testing.TB, p shown, pattern *regexp.Regexp) string {
	t.Helper()
	m := pattern.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s has no %s:\n%s", p.path, pattern, p.body)
	}
	return html.UnescapeString(m[1])
}

// sends sends a payload to an inlet, and returns the status of the answer.
func sends(t testing.TB, url, payload string) int {
	t.Helper()
	answer, err := http.Post(url, "application/json", strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func TestInlets(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	b.get("/robots").has(t, `href="/inlets"`)
	b.get("/inlets").is(t, http.StatusOK).has(t, "No inlet yet", `href="/inlets/new"`)
	new := "/robots/" + robotA + "/inlets/new"
	b.get("/robots/"+robotA).has(t, `href="`+new+`"`, "An inlet is a secret URL")
	b.get(new).is(t, http.StatusOK).has(t, "whatever robot they name", `<option value="de-DE">`, `href="/robots/`+robotA+`"`)
	b.get("/inlets/new").is(t, http.StatusOK).has(t, "the robot that each event names")

	// What is wrong stands at its field, and what was typed is kept.
	b.post(new, "name", " ", "zone", "Europe/Berlin").is(t, http.StatusUnprocessableEntity).has(t, `id="name-error"`, `value="Europe/Berlin"`)
	b.post(new, "name", "<prices>", "zone", "Mars/Phobos", "locale", "de-DE").is(t, http.StatusUnprocessableEntity).
		has(t, `id="zone-error"`, "is not a time zone", `value="Mars/Phobos"`, `value="&lt;prices&gt;"`)
	b.post(new, "name", "prices", "zone", "Europe/Berlin").is(t, http.StatusUnprocessableEntity).has(t, "-error")

	p := b.post(new, "name", "<prices>", "zone", "Europe/Berlin", "locale", "de-DE").is(t, http.StatusCreated).
		has(t, "never again", `data-copy="#url"`, "runhooks trigger run_completed --as maxun --to http").lacks(t, "<prices>", "data.robot_id=ROBOT")
	if cache := p.header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("the page with the URL has Cache-Control %q", cache)
	}
	url, page := first(t, p, shownURL), first(t, p, inletLink)
	if !strings.HasPrefix(url, l.url+"/") {
		t.Errorf("the URL is %s, and the service at %s", url, l.url)
	}
	b.get(page).is(t, http.StatusOK).has(t, "Europe/Berlin", "de-DE", "nothing yet", "&lt;prices&gt;", `href="/robots/`+robotA+`"`).lacks(t, "rhi_")
	b.get("/robots/"+robotA).has(t, page, "&lt;prices&gt;").lacks(t, "rhi_")
	b.get("/inlets").has(t, page, `href="/robots/`+robotA+`"`)
	b.get("/robots/"+robotB).lacks(t, page)

	if got := sends(t, url, ofServer); got != http.StatusAccepted {
		t.Fatalf("the inlet answers %d", got)
	}
	b.get("/deliveries?robot_id="+robotA).is(t, http.StatusOK)

	// Its settings change, and the URL stays; what is emptied is none.
	b.get(page+"/edit").has(t, `value="de-DE"`, `value="Europe/Berlin"`, `value="&lt;prices&gt;"`)
	b.post(page+"/edit", "name", "", "zone", "", "locale", "").is(t, http.StatusUnprocessableEntity).has(t, `id="name-error"`)
	if p := b.post(page+"/edit", "name", "shops", "zone", "", "locale", "").has(t, "The changes are saved", "shops", "zone not known"); p.path != page {
		t.Errorf("the browser is at %s", p.path)
	}

	// Another URL ends the first.
	b.get(page+"/rotate").is(t, http.StatusOK).has(t, "what the server sends there is lost")
	other := first(t, b.post(page+"/rotate").is(t, http.StatusOK).has(t, "another URL"), shownURL)
	if a, b := sends(t, url, ofServer), sends(t, other, ofServer); a != http.StatusNotFound || b != http.StatusAccepted {
		t.Errorf("the old URL answers %d, and the new one %d", a, b)
	}
	b.get(page+"/delete").is(t, http.StatusOK).has(t, "Delete the inlet?", "shops", "The last arrived")
	if p := b.post(page+"/delete").has(t, "The inlet shops is deleted."); p.path != "/robots/"+robotA {
		t.Errorf("the browser is at %s", p.path)
	}
	if got := sends(t, other, ofServer); got != http.StatusNotFound {
		t.Errorf("the inlet is deleted, and answers %d", got)
	}
	b.get(page).is(t, http.StatusNotFound)

	// One for all robots.
	p = b.post("/inlets/new", "name", "all").is(t, http.StatusCreated).has(t, "--set data.robot_id=ROBOT --to http")
	b.get(first(t, p, inletLink)).has(t, "the one that each event names", `href="/inlets"`)
	for i := range 51 {
		l.do(http.MethodPost, "/v1/inlets", map[string]any{"name": fmt.Sprintf("inlet %d", i), "robot_id": robotB}, nil)
	}
	// Those of one millisecond are in any order.
	named := regexp.MustCompile(`>inlet \d+<`)
	p = b.get("/robots/" + robotB)
	names := named.FindAllString(p.body, -1)
	p = b.get(html.UnescapeString(first(t, p, regexp.MustCompile(`href="(/inlets\?[^"]+)"`)))).has(t, "First page").lacks(t, ">all<")
	names = append(names, named.FindAllString(p.body, -1)...)
	slices.Sort(names)
	if n := len(names); n != 51 || len(slices.Compact(names)) != 51 {
		t.Errorf("both pages have %d inlets: %s", n, names)
	}
}

// TestInletAccess: who may only read sees inlets; a portal session, which ends, makes no URLs.
func TestInletAccess(t *testing.T) {
	l := newLab(t)
	var inlet, others api.Inlet
	l.do(http.MethodPost, "/v1/inlets", map[string]any{"name": "prices", "robot_id": robotA}, &inlet)
	l.do(http.MethodPost, "/v1/inlets", map[string]any{"name": "others", "robot_id": robotB}, &others)
	page, new := "/inlets/"+inlet.ID, "/robots/"+robotA+"/inlets/new"

	reader := l.signedIn(l.token(api.RoleReader, robotA))
	reader.get("/robots/"+robotA).has(t, "prices").lacks(t, new)
	reader.get("/inlets").has(t, "prices").lacks(t, "others")
	reader.get(page).is(t, http.StatusOK).lacks(t, page+"/rotate", page+"/delete", page+"/edit")
	reader.get("/inlets/"+others.ID).is(t, http.StatusNotFound)
	for _, path := range []string{new, page + "/rotate", page + "/delete", page + "/edit"} {
		reader.post(path, "name", "mine").is(t, http.StatusForbidden)
	}

	portal := l.browser()
	portal.post(l.link(robotA, false))
	portal.get("/robots/"+robotA).has(t, "prices").lacks(t, new)
	portal.get(page).is(t, http.StatusOK).lacks(t, page+"/rotate").has(t, page+"/delete")
	portal.post(new, "name", "mine").is(t, http.StatusForbidden)
	portal.post(page+"/rotate").is(t, http.StatusForbidden)
	l.browser().get(page).has(t, "Sign in")
}

// TestForms: an endpoint asks for a form, and a delivery shows in which form it went,
// and why not in that.
func TestForms(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	bodies := make(chan string, 10)
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- r.Header.Get("Runhooks-Form") + " " + string(body)
		w.WriteHeader(http.StatusNoContent)
	})
	form := b.get("/robots/"+robotA+"/endpoints/new").has(t, `id="form-received" name="form" value="received" checked`, "one typed form for all events")
	p := b.post("/robots/"+robotA+"/endpoints/new", settings(form, "url", url, "form", "documented", "events", "webhook_test", "events", "run_completed")...).is(t, http.StatusCreated)
	id := first(t, p, regexp.MustCompile(`action="/endpoints/([^/"]+)/test"`))
	if e := l.stored(id); e.Form != api.FormDocumented || len(e.Events) != 2 {
		t.Errorf("the form is %s, the events %v", e.Form, e.Events)
	}
	b.get("/endpoints/"+id).has(t, "Documented: as the contract documents it")
	edit := "/endpoints/" + id + "/edit"
	b.post(edit, settings(b.get(edit).has(t, `id="form-documented" name="form" value="documented" checked`))...)
	if e := l.stored(id); e.Form != api.FormDocumented || len(e.Events) != 2 {
		t.Errorf("saved as it was, the form is %s, the events %v", e.Form, e.Events)
	}
	b.post(edit, settings(b.get(edit), "form", "honest")...).is(t, http.StatusUnprocessableEntity).has(t, `id="form-error"`)

	for _, tt := range []struct {
		zone, locale, form string
		has, lacks         []string
	}{
		{"", "", "canonical", []string{"in the form <strong>canonical</strong>", "not the form that the endpoint asks for", "/data/started_at", "<span class=\"chip info\">canonical</span>", "raw_type", "Captured texts", `<td data-label="Title"><bdi>a</bdi></td>`}, []string{"event.type-missing"}},
		{"Europe/Berlin", "de-DE", "documented", []string{"in the form <strong>documented</strong>", "2025-06-25T09:59:00", ">conforms<"}, []string{"not the form that", ">canonical<"}},
	} {
		var inlet api.Inlet
		settings := map[string]any{"name": "prices", "robot_id": robotA}
		if tt.zone != "" {
			settings["zone"], settings["locale"] = tt.zone, tt.locale
		}
		l.do(http.MethodPost, "/v1/inlets", settings, &inlet)
		if got := sends(t, *inlet.URL, ofServer); got != http.StatusAccepted {
			t.Fatalf("the inlet answers %d", got)
		}
		select {
		case sent := <-bodies:
			form, body, _ := strings.Cut(sent, " ")
			if form != tt.form {
				t.Errorf("the form is %q: %s", form, body)
			}
			if verdict := conformance.Check([]byte(body)).Verdict; (verdict == conformance.Conforms) != (tt.form == "documented") {
				t.Errorf("as %s it %s: %s", form, verdict, body)
			}
			if json.Compact(new(bytes.Buffer), []byte(body)) != nil {
				t.Errorf("it is not JSON: %s", body)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nothing arrived")
		}
		var page api.DeliveryPage
		l.until("delivered", func() bool {
			l.do(http.MethodGet, "/v1/deliveries?limit=1", nil, &page)
			return page.Items[0].State == api.DeliveryStateDelivered
		})
		b.get("/deliveries/"+page.Items[0].ID).has(t, tt.has...).lacks(t, tt.lacks...)
	}
}

// TestInspectorCanonical: an inspector shows what an event in the canonical form has, which
// isn't a payload of the contract.
func TestInspectorCanonical(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	e, err := event.Parse([]byte(ofServer))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	code := b.inspector()
	b.captured(code, string(text), "Webhook-Id", "evt_1").has(t, `<span class="chip info">canonical</span>`, "run_completed", "Prices · success · 1 row", `<td data-label="Title"><bdi>a</bdi></td>`).
		lacks(t, "event.type-missing", "invalid")
	b.captured(code, string(text), "Webhook-Id", "evt_1").has(t, "attempt 2")
	b.captured(code, strings.Replace(string(text), `"run":`, `"ran":`, 1)).has(t, "event.type-missing")
}
