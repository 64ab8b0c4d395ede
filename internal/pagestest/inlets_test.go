package pagestest

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// An inlet, from its first event to its end, by the keyboard; and what an endpoint that
// asks for a form gets of it.
func TestInlets(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	s.endpoint(t, "shop", receiver.URL+"/", object{"form": "documented"})
	p := s.open(t)
	p.signIn(s.token)
	p.visit("/robots/shop")
	p.sees("An inlet is a secret URL")
	p.accessible()
	p.tabTo("Add inlet")
	p.press(kb.Enter)
	p.reaches("/robots/shop/inlets/new")
	p.accessible()
	p.wait("the first field has the focus", func() bool { return p.focused() == "Name" })

	// What is wrong is said at its field, which has the focus.
	p.expect("status 422 of /robots/shop/inlets/new")
	p.press("scrapers")
	p.tabTo("Time zone of the server")
	p.press("Mars/Phobos")
	p.tabTo("Locale of the server")
	p.press("de-DE")
	p.tabTo("Add inlet")
	p.press(kb.Enter)
	p.sees("is not a time zone")
	p.accessible()
	p.wait("the field has the focus", func() bool { return p.focused() == "Time zone of the server" })
	p.fill("Time zone of the server", "")
	p.fill("Locale of the server", "")
	p.click("Add inlet")
	p.sees("It is shown now, and never again.", "runhooks trigger run_completed --as maxun --to http")
	p.accessible()
	url := regexp.MustCompile(`http://127\S+/in/rhi_\S+`).FindString(p.text())
	p.tabTo("Copy the URL")
	p.press(kb.Enter)
	p.sees("Copied")

	answer, err := http.Post(url, "application/json", strings.NewReader(localTimes))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("the inlet answers %s", answer.Status)
	}
	eventually(t, "it is delivered", func() bool { return receiver.received() == 1 })
	p.comesToShow("/deliveries/dlv_1", "The endpoint accepted it")
	p.sees("It was sent in the form canonical", "It is not the form that the endpoint asks for", "Captured list Prices")
	p.accessible()

	p.visit("/inlets")
	p.sees("scrapers", "zone not known")
	p.accessible()
	p.click("scrapers")
	p.sees("secret, and not shown")
	p.accessible()
	p.click("Say how the server writes times")
	p.fill("Time zone of the server", "Europe/Berlin")
	p.fill("Locale of the server", "de-DE")
	p.click("Save")
	p.sees("The changes are saved.", "Europe/Berlin, as in de-DE")
	p.click("Another URL")
	p.accessible()
	p.click("Make another URL")
	p.sees("It is shown now, and never again.")
	if rotated := regexp.MustCompile(`http://127\S+/in/rhi_\S+`).FindString(p.text()); rotated == url || rotated == "" {
		t.Errorf("the URL is %q as before", rotated)
	}
	p.click("To the inlet")
	p.click("Delete")
	p.accessible()
	p.click("Delete the inlet")
	p.sees("The inlet scrapers is deleted.")
}

// localTimes is what a server in Berlin sends of a run that completed.
const localTimes = `{"event_type":"run_completed","timestamp":"2025-06-25T10:00:01.000Z","webhook_id":"webhook_1750000000000","data":` +
	`{"robot_id":"their-robot","run_id":"their-run","robot_name":"Prices","status":"success","started_at":"25.6.2025, 11:59:00","finished_at":"25.6.2025, 12:00:00",` +
	`"extracted_data":{"captured_texts":[],"captured_lists":{"Prices":[{"Item":"Coffee","Price":"4.20"},{"Item":"Tea","Price":null}]},"captured_texts_count":0,"captured_lists_count":2,"screenshots_count":0},` +
	`"metadata":{"browser_id":"b","user_id":7}}}`
