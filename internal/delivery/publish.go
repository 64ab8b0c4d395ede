package delivery

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// maxID is the most bytes of a robot's or run's id. Indexes of databases have
// limits of their own, which are not far above.
const maxID = 512

// A Judgement is what there is to say about a body that is to be published.
type Judgement struct {
	// Type, RobotID and RunID are the event's, if it conforms.
	Type    string
	RobotID string
	RunID   string
	// Report has the findings; their places are those in the body. Of a body that
	// conforms it has only the verdict.
	Report conformance.Report
}

// Conforms says that the body may be published.
func (j *Judgement) Conforms() bool { return j.Report.Verdict == conformance.Conforms }

// sampleTime and sampleEndpoint stand for what is not known yet when a body is
// judged.
var sampleTime = time.UnixMilli(0)

const sampleEndpoint = "00000000-0000-4000-8000-000000000000"

// payloads are buffers for Judge, which doesn't keep what it judges.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// Judge judges a body: the payload of an event without timestamp and webhook_id.
func Judge(body []byte) Judgement {
	buffer := payloads.Get().(*[]byte)
	defer payloads.Put(buffer)
	payload, at, added := fill((*buffer)[:0], body, sampleTime, sampleEndpoint)
	*buffer = payload[:0]
	if added == 0 { // no object, so the judge can say so itself
		return Judgement{Report: conformance.Check(body)}
	}
	if !conformance.Valid(payload) {
		report := conformance.Check(payload)
		if report.Verdict != conformance.Conforms {
			for i := range report.Findings {
				moveBack(&report.Findings[i], at, added, body)
			}
			return Judgement{Report: report}
		}
	}
	j := Judgement{Report: conformance.Report{Verdict: conformance.Conforms, Findings: []conformance.Finding{}}}
	j.read(body)
	return j
}

// moveBack moves a finding about a payload to its place in the body that the
// payload was made of, by adding some bytes at an offset.
func moveBack(f *conformance.Finding, at, added int, body []byte) {
	if f.Offset < at {
		return
	}
	f.Offset = max(f.Offset-added, at)
	if !bytes.Contains(body[at:f.Offset], []byte("\n")) {
		f.Column -= added // which are ASCII, and on one line
	}
	if f.Code == "json.duplicate-key" && (f.Pointer == "/timestamp" || f.Pointer == "/webhook_id") {
		name := f.Pointer[1:]
		f.Code = "schema.not-allowed"
		f.Message = name + " is a member that the service adds"
		f.Hint = "leave " + name + " out"
	}
}

// read takes type and ids from a body that conforms. They are mostly at its start,
// so it doesn't read the rest. Each type has its own spelling of the ids: a member
// with that of the other is one that the contract doesn't know, and says nothing.
func (j *Judgement) read(body []byte) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	var snake, camel struct{ robot, run member }
	ids := &snake
	for depth := d.StackDepth(); ; depth = d.StackDepth() {
		token, err := d.ReadToken()
		if err != nil || j.Type != "" && ids.robot.value != nil && ids.run.value != nil {
			break
		}
		if token.Kind() != '"' {
			continue // an object begins or ends
		}
		name := token.String()
		id := func(m *member) {
			var value jsontext.Value
			value, err = d.ReadValue()
			*m = member{"/data/" + name, value.Clone(), int(d.InputOffset()) - len(value)}
		}
		switch {
		case depth == 1 && name == "event_type":
			token, err = d.ReadToken()
			if j.Type = strings.Clone(token.String()); j.Type == "run_failed" {
				ids = &camel
			}
		case depth == 1 && name == "data":
			continue // into it
		case depth == 2 && name == "robot_id":
			id(&snake.robot)
		case depth == 2 && name == "robotId":
			id(&camel.robot)
		case depth == 2 && name == "run_id":
			id(&snake.run)
		case depth == 2 && name == "runId":
			id(&camel.run)
		default:
			err = d.SkipValue()
		}
		if err != nil {
			break
		}
	}
	j.RobotID = j.id(body, ids.robot, "robot")
	j.RunID = j.id(body, ids.run, "run")
	j.Report.EventType = j.Type
	slices.SortFunc(j.Report.Findings, func(a, b conformance.Finding) int { return a.Offset - b.Offset })
}

// A member is a value in a body, and where it is.
type member struct {
	pointer string
	value   jsontext.Value
	offset  int
}

// id returns the text of an id. If that can't be stored, the verdict changes.
func (j *Judgement) id(body []byte, m member, of string) string {
	text, err := jsontext.AppendUnquote(nil, m.value)
	problem := ""
	switch {
	case err != nil:
		problem = "can't be read"
	case len(text) > maxID:
		problem = "is longer than 512 bytes, which is the most that the service stores"
	case bytes.IndexByte(text, 0) >= 0:
		problem = "has a NUL character, which the service can't store"
	default:
		return string(text)
	}
	before := body[:m.offset]
	line := bytes.LastIndexByte(before, '\n') + 1
	j.Report.Verdict = conformance.Invalid
	j.Report.Findings = append(j.Report.Findings, conformance.Finding{
		Code: "schema.not-allowed", Severity: conformance.SeverityError, Pointer: m.pointer,
		Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[line:]), Offset: m.offset,
		Message: "the " + of + "'s id " + problem, Hint: "use a shorter, plain id",
	})
	return string(text)
}

// Payload returns what an endpoint gets of an event as received: the body as it was
// published, with timestamp and webhook_id added to it, or as an inlet received it. It
// is the same in every attempt.
func Payload(e *Event, endpointID string) []byte {
	if e.Source != (Source{}) {
		return e.Body
	}
	payload, _, _ := fill(make([]byte, 0, len(e.Body)+len(endpointID)+64), e.Body, e.At, endpointID)
	return payload
}

// usualStarts are those of bodies whose first member is their type. Validators are
// fastest where timestamp and webhook_id come second and third.
var usualStarts = func() (starts [][]byte) {
	for _, t := range append([]string{"run_completed", "run_failed"}, operationalTypes...) {
		starts = append(starts, []byte(`{"event_type":"`+t+`",`))
	}
	return starts
}()

// fill appends to payload a body with timestamp and webhook_id, and returns where in
// it how many bytes were added. It adds none to what is not an object.
func fill(payload, body []byte, timestamp time.Time, endpointID string) (filled []byte, at, added int) {
	for _, start := range usualStarts {
		if bytes.HasPrefix(body, start) {
			at = len(start)
			break
		}
	}
	comma := ","
	if at == 0 {
		at = len(body) - len(bytes.TrimLeft(body, " \t\r\n")) + 1
		if at > len(body) || body[at-1] != '{' {
			return payload, 0, 0
		}
		if rest := bytes.TrimLeft(body[at:], " \t\r\n"); bytes.HasPrefix(rest, []byte("}")) {
			comma = ""
		}
	}
	payload = append(payload, body[:at]...)
	payload = append(payload, `"timestamp":"`...)
	payload = timestamp.UTC().AppendFormat(payload, "2006-01-02T15:04:05.000Z")
	payload = append(payload, `","webhook_id":"`...)
	payload = append(payload, endpointID...)
	payload = append(payload, '"')
	payload = append(payload, comma...)
	added = len(payload) - at
	return append(payload, body[at:]...), at, added
}

// NewEventID makes the id of an event: evt_ and a ULID, so that ids sort by t and
// indexes of them grow at their end.
func NewEventID(t time.Time) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16)
	rand.Read(id[6:])
	// A ULID has 130 bits for 128: the two that are too many are its first.
	var text [30]byte
	copy(text[:], "evt_")
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	for i := len(text) - 1; i >= 4; i-- {
		text[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(text[:])
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
