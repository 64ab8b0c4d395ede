package pagestest

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// The settings of a robot, from its first endpoint to its last.
func TestSettings(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	p := s.open(t)
	p.signIn(s.token)

	p.fill("Robot's id", "shop")
	p.press(kb.Enter)
	p.reaches("/robots/shop")
	p.sees("No endpoint yet")
	p.accessible()
	p.click("Add endpoint")
	p.reaches("/robots/shop/endpoints/new")
	p.accessible()

	// What is wrong is said at its field.
	p.expect("status 422 of /robots/shop/endpoints/new")
	p.fill("URL", "ftp://example.com/")
	p.click("Retries and limits")
	p.fill("Pauses between attempts", "1s")
	p.click("Add endpoint")
	p.sees("Nothing is saved yet")
	p.accessible()

	p.expect("status 422 of /robots/shop/endpoints/new")
	p.fill("URL", "http://169.254.169.254/")
	p.click("Add endpoint")
	p.sees("169.254.169.254 is not a public address")

	url := receiver.URL + "/runs"
	p.fill("URL", url)
	p.fill("Description", "The receiver of this test")
	p.click("Add endpoint")
	p.sees("It is shown now, and never again.")
	p.accessible()
	secret := p.secret()
	p.click("Copy the secret")
	p.sees("Copied")

	p.click("Send a test event")
	p.sees("Accepted · 204", "What was sent")
	p.accessible()
	if receiver.received() != 1 {
		t.Errorf("the receiver got %d requests", receiver.received())
	}

	p.click(url)
	p.sees("The receiver of this test", "Latest deliveries")
	p.accessible()
	p.click("Change")
	p.accessible()
	p.fill("Description", "Changed")
	p.tick("Run failed", true)
	p.click("Save")
	p.sees("The changes are saved.", "Changed", "Run failed")
	p.lacks("Run finished")

	p.click("Rotate the secret")
	p.accessible()
	p.click("Rotate")
	p.sees("It is shown now, and never again.")
	p.accessible()
	if rotated := p.secret(); rotated == secret {
		t.Error("the secret is the same as before")
	}
	p.click("To the endpoint")
	p.sees("Old secret")

	p.click("Pause")
	p.sees("Paused.")
	p.accessible()
	s.fail(t, "shop", "run-1", "Timeout exceeded")
	p.comesToShow(p.path(), "dlv_1")
	p.click("Resume")
	p.sees("The endpoint is active", "1 delivery is held")
	p.accessible()
	p.click("Deliver them now")
	p.reaches("/jobs/")
	eventually(t, "what was held is delivered", func() bool { return receiver.received() == 2 })

	p.visit("/robots/shop")
	p.sees("Changed", "Active")
	p.accessible()
	p.click(url)
	p.click("Delete")
	p.sees("Delete the endpoint?", url)
	p.accessible()
	p.click("Delete the endpoint")
	p.sees("is deleted.", "No endpoint yet")
}

// secret returns the secret that the page shows.
func (p *tab) secret() string {
	p.t.Helper()
	found := regexp.MustCompile(`whsec_[\w+/=]+`).FindString(p.text())
	if found == "" {
		p.t.Errorf("%s shows no secret", p.path())
	}
	return found
}

// What was wrong with a test event is said in words, with what to do.
func TestWhatWentWrong(t *testing.T) {
	s := serve(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	missing := newSink(t)
	missing.answer(http.StatusNotFound, "no such page")
	moved := newSink(t)
	moved.header = http.Header{"Location": {"https://other.example/"}}
	moved.answer(http.StatusMovedPermanently, "")
	plain := newSink(t)
	p := s.open(t)
	p.signIn(s.token)
	for _, c := range []struct{ url, says string }{
		{closed.URL + "/", "refused"},
		{missing.URL + "/", "404"},
		{moved.URL + "/", "redirect"},
		{strings.Replace(plain.URL, "http://", "https://", 1) + "/", "TLS"},
		{"http://receiver.invalid/", "name"},
	} {
		id := s.endpoint(t, "shop", c.url, nil)
		p.visit("/endpoints/" + id + "/test")
		p.click("Send it")
		p.sees("What to do:", c.says)
		p.accessible()
	}
}

// Whatever state an endpoint is in, its page says so, and what to do.
func TestStates(t *testing.T) {
	s := serve(t)
	p := s.open(t)
	p.signIn(s.token)
	for _, c := range []struct {
		robot, says string
		status      int
		events      int
	}{
		{"failing", "The last attempt failed", http.StatusInternalServerError, 1},
		{"slowed", "Until then no attempt is used up", http.StatusInternalServerError, 6},
		{"disabled", "The service disabled this endpoint", http.StatusGone, 1},
	} {
		receiver := newSink(t)
		receiver.answer(c.status, "")
		id := s.endpoint(t, c.robot, receiver.URL+"/", object{"retry_delays": []int{3600}})
		for range c.events {
			s.publish(t, c.robot, "run-1", nil)
		}
		p.comesToShow("/endpoints/"+id, c.says)
		p.accessible()
		p.visit("/robots/" + c.robot)
		p.sees(capital(c.robot))
		p.accessible()
	}
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// Of two people who change an endpoint at once, the second is told of the first.
func TestConflict(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	id := s.endpoint(t, "shop", receiver.URL+"/", object{"description": "As it was"})
	p := s.open(t)
	p.signIn(s.token)
	p.visit("/endpoints/" + id + "/edit")
	other := p.another()
	other.visit("/endpoints/" + id + "/edit")
	other.fill("Description", "What the first wrote")
	other.click("Save")
	other.sees("The changes are saved.")

	p.expect("status 409 of /endpoints/" + id + "/edit")
	p.fill("Description", "What the second wrote")
	p.click("Save")
	p.sees("Somebody else has changed this endpoint", "What the first wrote", "What the second wrote")
	p.accessible()
	p.click("Save my form")
	p.sees("The changes are saved.", "What the second wrote")
}

// The payload of each event can be seen, with code to receive it in each language.
func TestPreview(t *testing.T) {
	s := serve(t)
	p := s.open(t)
	p.signIn(s.token)
	p.visit("/robots/shop")
	p.click("Preview events")
	p.sees(`"event_type": "run_completed"`, `"robot_id": "shop"`)
	p.click("Run failed")
	p.sees(`"event_type": "run_failed"`, `"robotId": "shop"`)
	for _, language := range []string{"Go", "TypeScript", "Python", "Java", "Kotlin", "Rust"} {
		p.click(language)
		p.wait("code in "+language, func() bool {
			here, err := evaluate[string](p, `document.querySelector("nav[aria-label=Languages] [aria-current]").innerText`)
			return err == nil && here == language
		})
		p.accessible()
	}
}

// All that isn't live works without JavaScript.
func TestWithoutScripts(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	p := s.open(t)
	p.scripts(false)
	p.signIn(s.token)
	p.visit("/robots/shop")
	p.click("Add endpoint")
	p.reaches("/robots/shop/endpoints/new")
	p.fill("URL", receiver.URL+"/")
	p.click("Add endpoint")
	p.sees("never again")
	p.click("Send a test event")
	p.sees("Accepted · 204")
	p.visit("/robots/shop")
	p.click(receiver.URL + "/")
	p.sees("Latest deliveries")
	p.click("Delete")
	p.sees("Delete the endpoint?")
	p.click("Delete the endpoint")
	p.sees("No endpoint yet")
	if htmx, err := evaluate[bool](p, `"htmx" in window`); err != nil || htmx {
		t.Errorf("a script ran: %t (%v)", htmx, err)
	}
}
