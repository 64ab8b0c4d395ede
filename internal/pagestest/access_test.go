package pagestest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestSignIn(t *testing.T) {
	s := serve(t)
	p := s.open(t)
	p.visit("/robots")
	p.reaches("/sign-in")
	p.accessible()

	p.expect("status 422 of /sign-in")
	p.fill("Token", "rh_nobody")
	p.click("Sign in")
	p.sees("unknown, or has expired")
	p.accessible()

	p.fill("Token", s.token)
	p.press(kb.Enter)
	p.reaches("/robots")
	p.sees("No robots yet")
	p.accessible()
	if cookies, err := evaluate[string](p, "document.cookie"); err != nil || cookies != "" {
		t.Errorf("scripts see the cookies %q (%v)", cookies, err)
	}

	p.click("Sign out")
	p.sees("You are signed out.")
	p.visit("/robots")
	p.reaches("/sign-in")
}

// Whoever may only read sees no button that changes anything.
func TestReader(t *testing.T) {
	s := serve(t)
	var token struct{ Token string }
	s.call(t, http.MethodPost, "/v1/tokens", object{"name": "reader", "role": "reader"}, &token)
	receiver := newSink(t)
	id := s.endpoint(t, "shop", receiver.URL+"/", nil)
	s.publish(t, "shop", "run-1", nil)

	p := s.open(t)
	p.signIn(token.Token)
	p.sees("shop", "reader")
	for _, path := range []string{"/robots/shop", "/endpoints/" + id, "/deliveries", "/deliveries/dlv_1", "/inspector"} {
		p.visit(path)
		p.cannot("Add endpoint", "Portal link", "Send a test event", "Change", "Pause", "Delete", "Rotate the secret", "Recover failures", "Retry now", "Send again", "Cancel", "Make an inspector")
	}
}

func TestRobots(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	for _, robot := range []string{"shop", "news", "a robot/with ?#% in its id"} {
		s.endpoint(t, robot, receiver.URL+"/", nil)
		s.publish(t, robot, "run-1", nil)
	}
	eventually(t, "all are delivered", func() bool { return receiver.received() == 3 })

	p := s.open(t)
	p.signIn(s.token)
	p.comesToShow("/robots", "100 %")
	p.sees("shop", "news")
	p.accessible()
	p.click("a robot/with ?#% in its id")
	p.reaches("/robots/a%20robot%2Fwith%20%3F%23%25%20in%20its%20id")

	p.visit("/robots")
	p.fill("Robot's id", "news")
	p.press(kb.Enter)
	p.reaches("/robots/news")
}

func TestContract(t *testing.T) {
	p := serve(t).open(t)
	p.visit("/contract") // signed out
	p.sees("Run finished", "captured_texts", "dialect.field-case", "json-schema-2020-12/run-event")
	p.click("A whole payload")
	p.sees(`"event_type": "run_completed"`)
	p.accessible()
	p.click("Copy")
	p.sees("Copied")
	p.click("Finding codes")
	if at, err := evaluate[string](p, "location.hash"); err != nil || at != "#findings" {
		t.Errorf("the link to the codes leads to %q (%v)", at, err)
	}
}

func TestProblems(t *testing.T) {
	p := serve(t).open(t)
	p.expect("status 404 of /nothing")
	p.visit("/nothing")
	p.sees("Not found", "There is no such page.")
	p.accessible()
	if !strings.Contains(p.text(), "To the start") {
		t.Error("the page leads nowhere")
	}
}
