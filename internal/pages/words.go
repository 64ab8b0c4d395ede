package pages

import (
	"strings"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
)

// fieldWords are the labels and hints of the settings of endpoints. Bounds and defaults
// come from the API's document.
var fieldWords = map[string]struct{ label, hint string }{
	"url":           {"URL", "Where events are sent, by POST: https://… of your receiver. Each robot can have a URL once."},
	"events":        {"Events", "Tick none to get all, also kinds of events that are added later."},
	"form":          {"Form of events", ""},
	"description":   {"Description", "What this endpoint is for, in your own words. Only people see it here."},
	"max_attempts":  {"Most attempts", "After this many attempts an event is given up. It can still be recovered by hand."},
	"retry_delays":  {"Pauses between attempts", "With units s, m, h or d, and commas between them. The last pause is repeated where there are more attempts."},
	"timeout":       {"Timeout in seconds", "How long your receiver may take to answer."},
	"rate_limit":    {"Most attempts a second", "0 is without limit."},
	"max_in_flight": {"Most attempts at once", "How many requests your receiver gets at the same time."},
	"ordered":       {"Order", "One event after the other, in their order. While one fails and is retried, those after it wait."},
	"headers":       {"Headers", ""},
	"authorization": {"Authorization header", "The whole value, such as Bearer …"},
	"username":      {"User name", ""},
	"password":      {"Password", ""},
	"signature":     {"Signature", ""},
	"secret":        {"Secret", "Leave it empty, and the service makes one. One of your own starts with whsec_, or with whsk_ for a key pair."},
}

// robotEvents are the types of events that endpoints of robots can ask for, and
// operatorEvents those for endpoints of the operator.
var (
	robotEvents    = []api.EventType{api.EventTypeRunCompleted, api.EventTypeRunFailed, api.EventTypeWebhookTest}
	operatorEvents = []api.EventType{
		api.EventTypeEndpointFailing, api.EventTypeEndpointRecovered, api.EventTypeEndpointDisabled,
		api.EventTypeDeliveryExhausted, api.EventTypeEventSetAside,
	}
)

// formText says what a form of events is.
func formText(form api.Form) string {
	switch form {
	case api.FormCanonical:
		return "Canonical: one typed form for all events, whatever server sent them."
	case api.FormDocumented:
		return "Documented: as the contract documents it. An event that can’t honestly be written so, such as one whose run times have no known zone, goes out as canonical."
	}
	return "As received: the payload byte for byte, as it was published or as an inlet took it."
}

// eventsText names events, where none stands for all.
func eventsText(types []string) string {
	if len(types) == 0 {
		return "all events"
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = eventChip(t).Text
	}
	return strings.Join(names, ", ")
}

// endpointState returns the state of an endpoint as a person sees it: what is active
// may be failing, or slowed by the service because of that.
func endpointState(e *api.Endpoint, now time.Time) string {
	switch {
	case e.State != api.EndpointStateActive:
		return string(e.State)
	case e.Health != nil && e.Health.NotBefore != nil && e.Health.NotBefore.After(now):
		return "slowed"
	case e.Health != nil && e.Health.Failures > 0:
		return "failing"
	}
	return string(e.State)
}

// A phase is a part of the time that an attempt took.
type phase struct {
	Name     string
	Kind     string // a class of page.css
	Took     time.Duration
	X, Width float64 // in percent
}

// phasesOf returns the parts of an attempt's time in their order.
func phasesOf(t api.Timings) []phase {
	us := func(n *int64) time.Duration {
		if n == nil {
			return 0
		}
		return time.Duration(*n) * time.Microsecond
	}
	whole := time.Duration(t.TotalUs) * time.Microsecond
	dns, connect, tls := us(t.DNSUs), us(t.ConnectUs), us(t.TLSUs)
	parts := []phase{
		{Name: "Name lookup", Kind: "dns", Took: dns},
		{Name: "Connect", Kind: "connect", Took: connect},
		{Name: "TLS", Kind: "tls", Took: tls},
	}
	if t.FirstByteUs != nil {
		first := us(t.FirstByteUs)
		parts = append(parts,
			phase{Name: "Wait for the answer", Kind: "wait", Took: max(0, first-dns-connect-tls)},
			phase{Name: "Read the answer", Kind: "read", Took: max(0, whole-first)})
	} else {
		parts = append(parts, phase{Name: "Until it failed", Kind: "lost", Took: max(0, whole-dns-connect-tls)})
	}
	var shown []phase
	x := 0.0
	for _, p := range parts {
		if p.Took <= 0 || whole <= 0 {
			continue
		}
		p.X = x
		p.Width = min(100*float64(p.Took)/float64(whole), 100-x)
		x += p.Width
		shown = append(shown, p)
	}
	return shown
}

// outcomeTitle names what came of a test.
func outcomeTitle(r *api.TestResult) string {
	switch {
	case r.Delivered:
		return "Accepted"
	case r.Status != nil && *r.Status >= 300 && *r.Status < 400:
		return "Redirected"
	}
	return capital(string(r.Outcome))
}
