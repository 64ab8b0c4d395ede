package delivery

import (
	"github.com/runhooks/runhooks/pkg/conformance"
	"time"
)

// A Judgement is what there is to say about a body that is to be published.
type Judgement struct {
	// Type, RobotID and RunID are the event's, if it conforms.
	Type    string
	RobotID string
	RunID   string
	// Report has the findings; their places are those in the body. Of a body that
	// conforms only the verdict is looked for.
	Report conformance.Report
}

// Conforms says that the body may be published.
func (j *Judgement) Conforms() bool { return j.Report.Verdict == conformance.Conforms }

// Judge judges a body: the payload of an event without timestamp and webhook_id.
func Judge(body []byte) Judgement { panic("soon") }

// Payload returns what an endpoint gets of an event: the body as it was published,
// with timestamp and webhook_id added to it. It is the same in every attempt.
func Payload(e *Event, endpointID string) []byte { panic("soon") }

// NewEventID makes the id of an event. Ids sort by t.
func NewEventID(t time.Time) string { panic("soon") }
