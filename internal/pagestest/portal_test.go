package pagestest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// link makes a portal link.
func (s *service) link(t *testing.T, robot string, settings object) string {
	t.Helper()
	var link struct{ URL string }
	s.call(t, http.MethodPost, "/v1/robots/"+robot+"/portal-links", settings, &link)
	return link.URL
}

func TestPortal(t *testing.T) {
	s := serve(t, "--brand-name", "Acme Robots", "--brand-color", "#0a5c36")
	receiver := newSink(t)
	id := s.endpoint(t, "shop", receiver.URL+"/", nil)
	other := s.endpoint(t, "news", receiver.URL+"/", nil)
	link := s.link(t, "shop", object{})

	p := s.open(t)
	p.visit(link)
	p.reaches("/robots/shop")
	p.sees("Acme Robots", receiver.URL+"/", "Add endpoint")
	p.cannot("Portal link")
	p.accessible()
	p.visit("/endpoints/" + id)
	p.sees("Latest deliveries")
	p.accessible()
	p.expect("status 404 of /endpoints/" + other)
	p.visit("/endpoints/" + other)
	p.sees("Not found")

	// Used twice, by whoever else has it.
	second := s.open(t)
	second.expect("status 410 of ")
	second.visit(link)
	second.sees("This link can’t be used any more", "go back to where you got the link")
	second.accessible()

	// To look at.
	reader := s.open(t)
	reader.visit(s.link(t, "shop", object{"read_only": true}))
	reader.reaches("/robots/shop")
	reader.sees(receiver.URL + "/")
	reader.cannot("Add endpoint")
	reader.visit("/endpoints/" + id)
	reader.sees("Latest deliveries")
	reader.cannot("Send a test event", "Change", "Pause", "Delete", "Rotate the secret", "Recover failures")
	reader.accessible()

	// An admin makes one in the page, and without scripts it is opened by hand.
	admin := s.open(t)
	admin.signIn(s.token)
	admin.visit("/robots/shop")
	admin.click("Portal link")
	admin.accessible()
	admin.click("Make the link")
	admin.sees("It is shown now, and never again.")
	admin.accessible()
	made, err := evaluate[string](admin, `document.querySelector("#link").innerText`)
	if err != nil {
		t.Fatal(err)
	}
	admin.visit(made) // which does not use it up
	admin.sees("You are signed in here as")
	admin.accessible()

	byHand := s.open(t)
	byHand.scripts(false)
	byHand.visit(made)
	byHand.sees("This link opens the settings of the robot")
	byHand.click("Open the settings")
	byHand.reaches("/robots/shop")
}

// Platforms that the operator lists can frame the portal, and nobody else can.
func TestFramedPortal(t *testing.T) {
	platform := func() (*httptest.Server, string, *string) {
		frame := new(string)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Platform</title><h1>Platform</h1><iframe src="%s" title="Settings" width="900" height="600"></iframe>`, *frame)
		}))
		t.Cleanup(server.Close)
		// By this name it is another site than the service.
		return server, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), frame
	}
	_, listed, listedFrame := platform()
	_, unlisted, unlistedFrame := platform()
	s := serve(t, "--frame-ancestors", listed)
	receiver := newSink(t)
	s.endpoint(t, "shop", receiver.URL+"/", nil)
	host := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Host
	}

	*listedFrame = s.link(t, "shop", object{})
	p := s.open(t)
	p.hosts[host(listed)] = true
	p.visit(listed + "/")
	frame := p.frame(s.url + "/robots/shop")
	frame.sees(receiver.URL + "/")
	frame.click("Preview events")
	frame.sees("Code to receive it")
	frame.click("← Robot shop")
	frame.click("Add endpoint")
	frame.reaches("/robots/shop/endpoints/new")
	frame.fill("URL", receiver.URL+"/framed")
	frame.click("Add endpoint")
	frame.sees("It is shown now, and never again.")

	*unlistedFrame = s.link(t, "shop", object{})
	q := s.open(t)
	q.hosts[host(unlisted)] = true
	q.expect("frame-ancestors")
	q.expect("a request failed: net::ERR_BLOCKED_BY_RESPONSE")
	q.visit(unlisted + "/")
	q.wait("the browser refuses to show it", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.expected) == 0
	})
}

// frame attaches to the frame of the page that shows a URL.
func (p *tab) frame(address string) *tab {
	p.t.Helper()
	var id target.ID
	p.wait("a frame of "+address, func() bool {
		all, err := chromedp.Targets(p.ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, t := range all {
			if t.Type == "iframe" && strings.HasPrefix(t.URL, address) {
				id = t.TargetID
			}
		}
		return id != ""
	})
	return (&service{url: address}).attach(p.t, p.ctx, chromedp.WithTargetID(id))
}
