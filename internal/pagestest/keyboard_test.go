package pagestest

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Everything can be done with the keyboard alone, and one sees where one is.
func TestKeyboard(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	p := s.open(t)
	p.visit("/sign-in")
	p.wait("its field has the focus", func() bool { return p.focused() == "Token" })
	p.press(s.token + kb.Enter)
	p.reaches("/robots")

	p.press(kb.Tab)
	if at := p.focused(); at != "Skip to the page" {
		t.Errorf("the first stop of the keyboard is %q", at)
	}
	p.press(kb.Enter)
	p.tabTo("Robot's id")
	p.press("shop" + kb.Enter)
	p.reaches("/robots/shop")
	p.tabTo("Add endpoint")
	p.press(kb.Enter)
	p.reaches("/robots/shop/endpoints/new")
	p.wait("the first field has the focus", func() bool { return p.focused() == "URL" })
	p.press(receiver.URL + "/")
	p.tabTo("Retries and limits") // which opens what is in it
	p.press(kb.Enter)
	p.tabTo("Most attempts")
	p.press("3")
	p.tabTo("Start paused")
	p.press(" ")
	p.tabTo("Add endpoint")
	p.press(kb.Enter)
	p.sees("It is shown now, and never again.")
	p.tabTo("To the endpoint")
	p.press(kb.Enter)
	p.sees("Paused.", "at most 3 an event")
	p.tabTo("Delete")
	p.press(kb.Enter)
	p.sees("Delete the endpoint?")
	p.tabTo("Delete the endpoint")
	p.press(kb.Enter)
	p.sees("is deleted.")
}

// focused returns the name of what has the focus.
func (p *tab) focused() string {
	name, err := evaluate[string](p, `(e => (e.getAttribute("aria-label") || e.labels?.[0]?.innerText || e.innerText || e.value || e.tagName).replace(/\s+/g, " ").trim())(document.activeElement)`)
	if err != nil {
		return "" // the page is being left
	}
	return name
}

// tabTo presses the tab key until what has this name, or one that starts so, has the
// focus. It fails for a stop on the way that doesn't show that it has the focus.
func (p *tab) tabTo(name string) {
	p.t.Helper()
	var stops []string
	for range 60 {
		p.press(kb.Tab)
		at := p.focused()
		stops = append(stops, at)
		shown, err := evaluate[bool](p, `(e => e === document.body || (s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0)(getComputedStyle(e)))(document.activeElement)`)
		if err != nil {
			p.t.Fatal(err)
		}
		if !shown {
			p.t.Errorf("%s: %q doesn't show that it has the focus", p.path(), at)
		}
		if strings.HasPrefix(at, name) {
			return
		}
	}
	p.t.Fatalf("%s: the keyboard doesn't reach %q, but %q", p.path(), name, stops)
}

// Times are relative, with the exact one in the reader's zone on hover.
func TestTimes(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	s.endpoint(t, "shop", receiver.URL+"/", nil)
	p := s.open(t)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kathmandu"})
		return err
	}))
	p.signIn(s.token)
	s.publish(t, "shop", "run-1", nil)
	p.visit("/deliveries/dlv_1")
	p.sees("Accepted\n")
	p.wait("the exact time in the zone", func() bool {
		exact, err := evaluate[string](p, `document.querySelector("time").title`)
		return err == nil && strings.Contains(exact, "GMT+5:45")
	})
	// It goes on while one looks.
	p.wait("time passes", func() bool { return regexp.MustCompile(`Accepted\n\d+ s ago`).MatchString(p.text()) })
}
