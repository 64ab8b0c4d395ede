package pagestest

import (
	"net/http"
	"strings"
	"testing"
)

// Deliveries turn up as they happen: those that arrive, and those that fail, until the
// endpoint is fixed and they are recovered.
func TestDeliveries(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	p := s.open(t)
	p.signIn(s.token)
	p.click("Deliveries")
	p.sees("No deliveries yet")
	p.accessible()
	id := s.endpoint(t, "shop", receiver.URL+"/", object{"max_attempts": 2, "retry_delays": []int{5}})

	p.remember()
	s.publish(t, "shop", "run-1", nil)
	p.sees("dlv_1", "Run finished", "Delivered")
	receiver.answer(http.StatusInternalServerError, "the disk is full")
	s.publish(t, "shop", "run-2", nil)
	p.sees("dlv_2", "Pending")
	p.isTheSame()

	p.click("dlv_2")
	p.sees("What to do:", "the disk is full", "The next one is due", "Best sellers", "MacBook Pro 16-inch", "Copy as curl")
	p.remember()
	p.sees("Attempt 2", "Exhausted", "Retry now") // as it happens
	p.isTheSame()
	p.accessible()
	p.click("Copy as curl")
	p.sees("Copied")

	receiver.answer(http.StatusNoContent, "")
	p.click("Retry now")
	p.sees("Attempt 3", "The endpoint accepted it")
	p.cannot("Retry now", "Cancel")
	p.accessible()

	// What failed meanwhile is recovered in one go.
	receiver.answer(http.StatusBadGateway, "")
	for _, run := range []string{"run-3", "run-4"} {
		s.fail(t, "shop", run, "Timeout exceeded")
	}
	p.visit("/deliveries?state=exhausted")
	p.sees("dlv_3", "dlv_4")
	p.lacks("dlv_1")
	p.accessible()
	receiver.answer(http.StatusNoContent, "")
	p.visit("/endpoints/" + id)
	p.click("Recover failures")
	p.accessible()
	p.click("Recover")
	p.reaches("/jobs/")
	p.sees("2 deliveries are pending again")
	p.accessible()
	p.click("See the deliveries")
	p.reaches("/deliveries?")
	eventually(t, "both arrive", func() bool { return receiver.received() >= 6 })
	p.visit("/deliveries?state=delivered")
	p.sees("dlv_1", "dlv_2", "dlv_3", "dlv_4")

	// The filters are in the URL.
	p.visit("/deliveries")
	p.click("Filters")
	p.fill("Run", "run-4")
	p.click("Show")
	p.reaches("/deliveries?")
	p.sees("dlv_4", "Run failed")
	p.lacks("dlv_3")
	p.accessible()
	p.fill("Run", "run-5")
	p.click("Show")
	p.sees("Nothing matches")
	p.accessible()
}

// A delivery that waits for its next attempt can be cancelled.
func TestCancel(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	receiver.answer(http.StatusNotFound, "nothing here")
	s.endpoint(t, "shop", receiver.URL+"/", object{"retry_delays": []int{3600}})
	s.publish(t, "shop", "run-1", nil)
	p := s.open(t)
	p.signIn(s.token)
	p.visit("/deliveries/dlv_1")
	p.sees("The next one is due in ", "Attempt 1")
	p.accessible()
	p.click("Cancel")
	p.sees("Cancelled")
	p.cannot("Cancel")
	p.accessible()
}

// A page whose stream was cut shows what it missed, without being loaded anew.
func TestDeliveriesCatchUp(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	s.endpoint(t, "shop", receiver.URL+"/", nil)
	p := s.open(t)
	p.signIn(s.token)
	p.visit("/deliveries")
	p.sees("No deliveries yet")
	p.remember()
	p.ignore("a request failed: net::")
	s.stop()
	s.start(t, strings.TrimPrefix(s.url, "http://"))
	s.publish(t, "shop", "run-1", nil)
	p.sees("dlv_1", "Delivered")
	s.publish(t, "shop", "run-2", nil)
	p.sees("dlv_2")
	p.isTheSame()
}

// A page that sleeps has its stream closed, and shows what it missed when it wakes.
// Browsers have few connections to a host: pages that nobody looks at use none.
func TestHiddenPages(t *testing.T) {
	s := serve(t)
	receiver := newSink(t)
	s.endpoint(t, "shop", receiver.URL+"/", nil)
	p := s.open(t)
	p.signIn(s.token)
	for range 8 {
		hidden := p.another()
		hidden.visit("/deliveries")
		hidden.sees("No deliveries yet")
		hidden.hide()
	}
	p.visit("/deliveries")
	s.publish(t, "shop", "run-1", nil)
	p.sees("dlv_1", "Delivered")
}
