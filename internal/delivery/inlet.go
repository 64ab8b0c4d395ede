package delivery

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// An Inlet is a secret URL that receives events as servers send them: not signed,
// without an id, and in shapes that the contract only observes.
type Inlet struct {
	ID   string
	Name string
	// RobotID is the robot to whose endpoints events go, whatever robot their payloads
	// name. If it is empty, they go to those of the robot that the payload names.
	RobotID string
	// Zone and Locale say how the server writes run times, as for form.NewParser.
	Zone   string
	Locale string
	// Hash is the SHA-256 of the secret in the URL.
	Hash      [32]byte
	CreatedAt time.Time
	// LastReceived is when it last received something, but for some seconds; zero if
	// it never has.
	LastReceived time.Time
}

// A Source is what is kept with an event of the inlet that received it, so that nothing
// that becomes of the inlet changes the event.
type Source struct {
	InletID string `json:"inlet"`
	Zone    string `json:"zone,omitempty"`
	Locale  string `json:"locale,omitempty"`
}

// Text is the source as stores keep it: empty if it is zero.
func (s Source) Text() string {
	if s == (Source{}) {
		return ""
	}
	text, err := json.Marshal(s)
	if err != nil { // they are texts
		panic(err)
	}
	return string(text)
}

// ParseSource reads what [Source.Text] has made.
func ParseSource(text string) (s Source) {
	if text != "" {
		_ = json.Unmarshal([]byte(text), &s) // nobody else has written it
	}
	return s
}

// NewInletID makes the id of an inlet: inl_ and a ULID.
func NewInletID(t time.Time) string { return "inl_" + strings.TrimPrefix(NewEventID(t), "evt_") }

// setAsides makes ids of the same millisecond differ, on other nodes, too.
var setAsides atomic.Uint32

func init() { setAsides.Store(rand.Uint32()) }

// NewSetAsideID makes the id of what is set aside. Ids go up with t.
func NewSetAsideID(t time.Time) int64 {
	const bits = 20
	return t.UnixMilli()<<bits | int64(setAsides.Add(1)&(1<<bits-1))
}

// A Receipt says what became of a payload that an inlet received.
type Receipt struct {
	// EventID is that of the event or, if the payload was set aside, of the
	// operational event that says so.
	EventID  string
	SetAside bool
	Reason   string // why it was set aside, in a sentence
	// Replayed says that the inlet has received this payload before. Nothing was
	// stored.
	Replayed bool
}

// Receive stores a payload that an inlet received, and returns when it is on disk. A
// payload that is invalid is set aside, once. Errors are those of [Engine.Publish].
func (e *Engine) Receive(ctx context.Context, in *Inlet, payload []byte, traceParent string) (Receipt, error) {
	j := e.judgeReceived(payload, in.RobotID)
	at := e.now().UTC().Truncate(time.Millisecond)
	hash := sha256.Sum256(payload)
	key := in.ID + ":"
	var p Publication
	var r Receipt
	if j.Report.Verdict == conformance.Invalid {
		a := &SetAside{
			ID: NewSetAsideID(at), At: at, Body: payload, Report: reportJSON(&j.Report),
			InletID: in.ID, RobotID: j.RobotID, RunID: j.RunID,
		}
		r.SetAside, r.Reason = true, firstError(&j.Report)
		p = setAside(a, r.Reason, at)[0]
		p.SetAside = a
		key += "set-aside:" // so that a release that accepts it isn't answered with this
	} else {
		p.Event = Event{
			ID: NewEventID(at), Type: j.Type, RobotID: j.RobotID, RunID: j.RunID, At: at, Body: payload,
			Source: Source{in.ID, in.Zone, in.Locale},
		}
	}
	p.Event.TraceParent = traceParent
	p.IdempotencyKey, p.BodyHash = key+hex.EncodeToString(hash[:]), hash
	published, err := e.Publish(ctx, []Publication{p})
	if err != nil {
		return Receipt{}, err
	}
	r.EventID, r.Replayed = published[0].EventID, published[0].Replayed
	switch {
	case r.Replayed:
		e.metrics.received.WithLabelValues("repeated").Inc()
	case r.SetAside:
		e.metrics.received.WithLabelValues("set_aside").Inc()
	default:
		e.metrics.received.WithLabelValues("accepted").Inc()
	}
	return r, nil
}

// TestEvent is the type of the events that servers send to try a webhook. Only inlets
// receive them.
const TestEvent = "webhook_test"

// judgeReceived judges a payload that an inlet received. It may deviate; it is invalid if
// its ids can't be stored, or if nothing says which robot it is of. robotID is the
// inlet's, or empty. Of a payload that is invalid, the ids are what can be read of them.
func (e *Engine) judgeReceived(payload []byte, robotID string) Judgement {
	defer e.parse(payload)()
	parsed, err := event.Parse(payload)
	if invalid := (*event.InvalidError)(nil); errors.As(err, &invalid) {
		j := Judgement{Report: invalid.Report}
		var loose struct {
			Data struct {
				RobotID  any `json:"robot_id"`
				RobotID2 any `json:"robotId"`
				RunID    any `json:"run_id"`
				RunID2   any `json:"runId"`
			} `json:"data"`
		}
		_ = json.Unmarshal(payload, &loose)
		d := &loose.Data
		j.RobotID, j.RunID = cmp.Or(robotID, storable(d.RobotID), storable(d.RobotID2)), cmp.Or(storable(d.RunID), storable(d.RunID2))
		return j
	} else if err != nil { // there is no other
		panic(err)
	}
	j := Judgement{Type: string(parsed.Type), RobotID: cmp.Or(robotID, parsed.Run.RobotID), RunID: parsed.Run.ID}
	if parsed.Type == event.Test {
		j.Type = TestEvent
	}
	j.Report = conformance.Report{Verdict: conformance.Deviates, EventType: parsed.RawType} // or conforms, which makes no difference here
	refuse := func(pointer, message, hint string) {
		j.Report.Verdict = conformance.Invalid
		j.Report.Findings = append(j.Report.Findings, conformance.Finding{
			Code: "schema.not-allowed", Severity: conformance.SeverityError, Pointer: pointer, Line: 1, Column: 1, Message: message, Hint: hint,
		})
	}
	if j.RobotID == "" {
		refuse("/data", "nothing says which robot the event is of", "give the inlet a robot")
	} else if storable(j.RobotID) == "" {
		refuse("/data", "the robot's id "+unstorable, "give the inlet a robot")
		j.RobotID = ""
	}
	if j.RunID != "" && storable(j.RunID) == "" {
		refuse("/data", "the run's id "+unstorable, "use a shorter, plain id")
		j.RunID = ""
	}
	return j
}

const unstorable = "is longer than 512 bytes, or has a NUL character, which the service can't store"

// storable is an id, if it is one that can be stored.
func storable(id any) string {
	text, _ := id.(string)
	if len(text) > maxID || strings.ContainsRune(text, 0) || strings.ToValidUTF8(text, "") != text {
		return ""
	}
	return text
}

// keepFindings is how many findings of what is set aside are kept.
const keepFindings = 100

func reportJSON(r *conformance.Report) []byte {
	kept := *r
	kept.Findings = r.Findings[:min(len(r.Findings), keepFindings)]
	text, err := json.Marshal(kept)
	if err != nil { // a report is plain data
		panic(err)
	}
	return text
}
