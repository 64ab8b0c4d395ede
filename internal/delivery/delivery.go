// Package delivery delivers events to endpoints: at least once, and nothing that
// was accepted is lost.
//
// Its nouns are those of the contract. An event is a fact with an id that never
// changes. An endpoint is a URL with its settings, and belongs to a robot, or to
// the operator of the service. A delivery is one event to one endpoint. An attempt
// is one HTTP request of a delivery.
//
// Rows are the truth, and a [Store] keeps them. An [Engine] over a store takes events in,
// makes attempts, and writes down their outcomes. With a store that several processes
// share, each endpoint with work to do is owned by one engine at a time, and only its owner
// starts attempts to it.
package delivery

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/runhooks/runhooks/internal/form"
)

// An Event is a fact that was published.
type Event struct {
	// ID is sent as webhook-id in every attempt.
	ID string
	// Type is the event's event_type: of the contract, or of the operational
	// events.
	Type string
	// RobotID and RunID are those of the payload's data. Operational events are
	// about a robot, too; their RunID may be empty.
	RobotID string
	RunID   string
	// At is when the event was accepted, in milliseconds. It is the payload's
	// timestamp, unless an inlet received the event.
	At time.Time
	// Body is what was published: one JSON object, with neither timestamp nor
	// webhook_id in it. [Payload] makes what an endpoint gets of it. If an inlet
	// received the event, Body is the payload.
	Body []byte
	// Source is the inlet that received the event; zero if it was published.
	Source Source
	// TraceParent is the W3C trace context in which the event was published, or
	// empty.
	TraceParent string
	// Operational events go to the operator's endpoints, and others to those of
	// their robot.
	Operational bool

	// Seq orders events by their acceptance, for lists. The store sets it.
	Seq int64
}

// An EndpointState says whether attempts are made to an endpoint.
type EndpointState string

const (
	// Active: attempts are made.
	Active EndpointState = "active"
	// Paused: by a person, for a while. Deliveries are held.
	Paused EndpointState = "paused"
	// Disabled: by the service, for the reason in [Endpoint.DisabledReason].
	// Deliveries are held.
	Disabled EndpointState = "disabled"
)

// An Endpoint is where events go, and how.
type Endpoint struct {
	// ID is the payload's webhook_id: a UUID.
	ID string
	// RobotID is the robot whose events it gets, or empty for an endpoint of the
	// operator, which gets operational events.
	RobotID string
	URL     string
	// Events are the types of events that it gets. Empty stands for all.
	Events      []string
	Description string

	State EndpointState
	// DisabledReason says in a sentence why the service disabled it, and
	// DisabledAt when.
	DisabledReason string
	DisabledAt     time.Time

	// MaxAttempts is after how many attempts a delivery is exhausted. Delays are the
	// pauses between attempts; the last is repeated where there are more
	// attempts than that.
	MaxAttempts int
	Delays      []time.Duration
	// Timeout is that of one attempt.
	Timeout time.Duration
	// RateLimit is the most attempts a second. 0 is without limit.
	RateLimit float64
	// MaxInFlight is the most attempts at once.
	MaxInFlight int
	// Ordered makes deliveries of events published from now on go out one after
	// the other, in the order in which the events were accepted.
	Ordered bool
	// Form is the form in which it gets events; empty stands for as received. See
	// [Render].
	Form form.Form

	// Sealed is what is secret, encrypted: secrets that sign, further headers, an
	// authorization. [Options.Unseal] decrypts it.
	Sealed []byte

	// Version goes up by one with each change of the settings.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Gets says whether events of a type go to the endpoint.
func (e *Endpoint) Gets(eventType string) bool {
	if len(e.Events) == 0 {
		return true
	}
	for _, t := range e.Events {
		if t == eventType {
			return true
		}
	}
	return false
}

// A State says where a delivery stands.
type State string

const (
	// Pending: an attempt is due, now or later, or under way.
	Pending State = "pending"
	// Held: the endpoint is paused or disabled. Recovering it makes its held
	// deliveries pending.
	Held State = "held"
	// Delivered: an attempt was accepted.
	Delivered State = "delivered"
	// Exhausted: no attempt was accepted, and no other follows.
	Exhausted State = "exhausted"
	// Cancelled: by a person, or because its endpoint was deleted.
	Cancelled State = "cancelled"
	// Expired: it was held for longer than held deliveries are kept.
	Expired State = "expired"
)

// Finished says that nothing follows by itself.
func (s State) Finished() bool { return s != Pending && s != Held }

// A Delivery is one event to one endpoint.
type Delivery struct {
	// ID orders deliveries by the acceptance of their events.
	ID         int64
	EventID    string
	EventType  string
	EndpointID string
	RobotID    string
	RunID      string
	State      State
	Ordered    bool
	// Attempts is how many were made. Round is how many of them count against
	// the endpoint's MaxAttempts: retrying or recovering a delivery begins a new
	// round.
	Attempts int
	Round    int
	// DueAt is when the next attempt is due, if the delivery is pending.
	DueAt      time.Time
	CreatedAt  time.Time
	FinishedAt time.Time
	// Reason says in a sentence why a delivery that wasn't delivered is finished.
	Reason string
}

// An Attempt is the record of one attempt.
type Attempt struct {
	DeliveryID int64
	// N is its number in the delivery, from 1.
	N  int
	At time.Time
	// Outcome is one of package emitter.
	Outcome string
	// Status is the answer's, or 0.
	Status int
	// Duration is that of the whole attempt.
	Duration time.Duration
	// Late says that it ended after its endpoint had another owner. It changed
	// nothing: the new owner makes an attempt of its own.
	Late bool
	// Node is that which made it.
	Node string
	// Detail is the rest, as JSON: see [Detail].
	Detail json.RawMessage
}

// Detail is the part of an attempt's record that is only shown. Nothing in it is
// secret: the values of headers that may be are struck out.
type Detail struct {
	URL             string      `json:"url"`
	Remote          string      `json:"remote,omitempty"`
	Reused          bool        `json:"reused,omitempty"`
	RequestHeaders  http.Header `json:"request_headers,omitempty"`
	ResponseHeaders http.Header `json:"response_headers,omitempty"`
	// Answer is the start of the answer's body, as text.
	Answer    string `json:"answer,omitempty"`
	Truncated bool   `json:"truncated,omitempty"`
	// Phase and Error say how far an attempt without an answer came.
	Phase string `json:"phase,omitempty"`
	Error string `json:"error,omitempty"`
	// Form is that in which the event was sent, if not as received, and FormReason
	// says why it isn't the endpoint's.
	Form       form.Form `json:"form,omitempty"`
	FormReason string    `json:"form_reason,omitempty"`
	Timings    Timings   `json:"timings"`
}

// Timings are in microseconds; those of package emitter.
type Timings struct {
	DNS       int64 `json:"dns_us,omitempty"`
	Connect   int64 `json:"connect_us,omitempty"`
	TLS       int64 `json:"tls_us,omitempty"`
	FirstByte int64 `json:"first_byte_us,omitempty"`
	Total     int64 `json:"total_us"`
}

// Health is what an owner knows of an endpoint beyond its settings, and hands
// over to the next owner.
type Health struct {
	// Failures counts the attempts that failed since the last that was accepted.
	Failures int
	// FailingSince is when the first of them was; zero if there are none.
	FailingSince time.Time
	// NotBefore is when the next attempt may start: the endpoint asked for a
	// pause, or its breaker is open. Zero is at once.
	NotBefore time.Time
	// Opened is how often in a row the breaker has opened.
	Opened int
	// Told says that an endpoint_failing event was published, and so that
	// endpoint_recovered follows.
	Told bool
}
