package pages

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/runhooks/runhooks/gen/service"
)

func TestPhases(t *testing.T) {
	us := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		name string
		of   api.Timings
		want []phase
	}{
		{"an answer", api.Timings{DNSUs: us(10), ConnectUs: us(20), TLSUs: us(30), FirstByteUs: us(90), TotalUs: 100}, []phase{
			{"Name lookup", "dns", 10 * time.Microsecond, 0, 10},
			{"Connect", "connect", 20 * time.Microsecond, 10, 20},
			{"TLS", "tls", 30 * time.Microsecond, 30, 30},
			{"Wait for the answer", "wait", 30 * time.Microsecond, 60, 30},
			{"Read the answer", "read", 10 * time.Microsecond, 90, 10},
		}},
		{"a connection that was there", api.Timings{FirstByteUs: us(100), TotalUs: 100}, []phase{
			{"Wait for the answer", "wait", 100 * time.Microsecond, 0, 100},
		}},
		{"no answer", api.Timings{DNSUs: us(25), TotalUs: 100}, []phase{
			{"Name lookup", "dns", 25 * time.Microsecond, 0, 25},
			{"Until it failed", "lost", 75 * time.Microsecond, 25, 75},
		}},
		{"parts that are more than the whole", api.Timings{DNSUs: us(80), ConnectUs: us(80), FirstByteUs: us(90), TotalUs: 100}, []phase{
			{"Name lookup", "dns", 80 * time.Microsecond, 0, 80},
			{"Connect", "connect", 80 * time.Microsecond, 80, 20},
			{"Read the answer", "read", 10 * time.Microsecond, 100, 0},
		}},
		{"nothing", api.Timings{}, nil},
	} {
		if diff := cmp.Diff(c.want, phasesOf(c.of)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestEndpointState(t *testing.T) {
	now := time.Now()
	later, earlier := now.Add(time.Minute), now.Add(-time.Minute)
	for _, c := range []struct {
		want   string
		state  api.EndpointState
		health *api.EndpointHealth
	}{
		{"active", api.EndpointStateActive, nil},
		{"active", api.EndpointStateActive, &api.EndpointHealth{}},
		{"failing", api.EndpointStateActive, &api.EndpointHealth{Failures: 1, NotBefore: &earlier}},
		{"slowed", api.EndpointStateActive, &api.EndpointHealth{Failures: 5, NotBefore: &later}},
		{"slowed", api.EndpointStateActive, &api.EndpointHealth{NotBefore: &later}}, // it asked for a pause
		{"paused", api.EndpointStatePaused, &api.EndpointHealth{Failures: 5, NotBefore: &later}},
		{"disabled", api.EndpointStateDisabled, &api.EndpointHealth{Failures: 5}},
	} {
		if got := endpointState(&api.Endpoint{State: c.state, Health: c.health}, now); got != c.want {
			t.Errorf("%s with %+v is %s, not %s", c.state, c.health, got, c.want)
		}
	}
}
