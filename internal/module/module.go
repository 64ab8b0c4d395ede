// Package module is what the WebAssembly module of bindings/wasm answers: the same
// judge, canonical event and verifier as in Go, for callers that have bytes and JSON.
// Each call takes its options as JSON, and a payload as it came, and answers in JSON.
//
// No options and no payload, whatever their bytes, make a call panic. A call that can't
// be answered, because its options are wrong, answers {"error": "…"}, and the text says
// what to do.
package module

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
)

// Check answers what [conformance.Checker] says of a payload:
//
//	{"passes": true, "verdict": "deviates", "event_type": "run_failed", "findings": […]}
//
// A finding is as runhooks check --format json has it; truncated is true where there are
// more. The options, all of them optional, are those of the command:
//
//	{"as": "sender" or "receiver", "against": "documented" or "observed", "each": true}
//
// As is sender by default. Against is observed for a receiver by default, or else
// documented.
func Check(options, payload []byte) []byte {
	var o struct {
		As      conformance.Role `json:"as"`
		Against string           `json:"against"`
		Each    bool             `json:"each"`
	}
	return answer(func() ([]byte, error) {
		if err := read(options, &o); err != nil {
			return nil, err
		}
		if err := checkRole(o.As); err != nil {
			return nil, err
		}
		observed := o.As == conformance.Receiver
		switch o.Against {
		case "":
		case "documented", "observed":
			observed = o.Against == "observed"
		default:
			return nil, fmt.Errorf("the option against is %q; it is documented or observed", o.Against)
		}
		report := conformance.Checker{As: o.As, Each: o.Each}.Check(payload)
		passes := report.Verdict == conformance.Conforms || observed && report.Verdict == conformance.Deviates
		text := strconv.AppendBool([]byte(`{"passes":`), passes)
		return append(appendJudgement(append(text, ','), &report, passes, observed), '}'), nil
	})
}

// Parse answers the event of a payload that conforms or deviates, in its canonical form,
// and what there is to say about the payload:
//
//	{"verdict": "deviates", "event_type": "run_failed", "findings": […], "event": {…}}
//
// Event is absent where the verdict is invalid. The options, all of them optional, are:
//
//	{"zone": "Europe/Berlin", "locale": "de-DE", "layouts": ["2.1.2006 15:04"],
//	 "provenance": true, "as": "receiver" or "sender"}
//
// The first four are those of [event.Parser]: how servers write local times, and whether
// the event says where its values came from. As is whom the findings are for, receiver by
// default.
func Parse(options, payload []byte) []byte {
	var o struct {
		As         conformance.Role `json:"as"`
		Zone       string           `json:"zone"`
		Locale     string           `json:"locale"`
		Layouts    []string         `json:"layouts"`
		Provenance bool             `json:"provenance"`
	}
	return answer(func() ([]byte, error) {
		o.As = conformance.Receiver
		if err := read(options, &o); err != nil {
			return nil, err
		}
		if err := checkRole(o.As); err != nil {
			return nil, err
		}
		parser := event.Parser{Layouts: o.Layouts, Provenance: o.Provenance}
		var err error
		if o.Zone != "" {
			if parser.Zone, err = time.LoadLocation(o.Zone); err != nil || o.Zone == "Local" {
				return nil, fmt.Errorf("the option zone is %q; it is a name of the IANA time zone database, such as Europe/Berlin", o.Zone)
			}
		}
		if o.Locale != "" {
			if parser.Locale, err = event.LoadLocale(o.Locale); err != nil {
				return nil, fmt.Errorf("the option locale: %w", err)
			}
		}
		report := conformance.Checker{As: o.As}.Check(payload)
		text := appendJudgement([]byte{'{'}, &report, true, true)
		if report.Verdict != conformance.Invalid {
			e, err := parser.Parse(payload)
			if err != nil {
				return nil, err
			}
			canonical, err := e.MarshalJSON()
			if err != nil {
				return nil, err
			}
			text = append(append(text, `,"event":`...), canonical...)
		}
		return append(text, '}'), nil
	})
}

// Verify answers whether a payload is genuine, by the headers that came with it:
//
//	{"verified": true, "id": "msg_1", "timestamp": 1767225600}
//	{"verified": false, "reason": "too-old", "message": "…"}
//
// The message may be told to the sender. The options are:
//
//	{"headers": {"webhook-id": "msg_1", …}, "secrets": ["whsec_…"],
//	 "tolerance_seconds": 300, "now": 1767225600}
//
// The value of a header is a text, or a list of them; its name may be in any case, and
// other headers than the three are passed over. The last two options are optional: how
// far a timestamp may lie in the past or in the future, and the time, in seconds since
// 1970. For secrets that can't be used, the answer is an error.
func Verify(options, payload []byte) []byte {
	var o struct {
		Headers   map[string]values `json:"headers"`
		Secrets   []string          `json:"secrets"`
		Tolerance *float64          `json:"tolerance_seconds"`
		Now       *float64          `json:"now"`
	}
	return answer(func() ([]byte, error) {
		if err := read(options, &o); err != nil {
			return nil, err
		}
		v := signature.Verifier{}
		for i, text := range o.Secrets {
			secret, err := signature.ParseSecret(text)
			if err != nil {
				return nil, fmt.Errorf("the option secrets: number %d: %w", i+1, err)
			}
			v.Secrets = append(v.Secrets, secret)
		}
		if o.Tolerance != nil {
			if *o.Tolerance <= 0 || *o.Tolerance > maxSeconds {
				return nil, fmt.Errorf("the option tolerance_seconds is %v; it is above 0 and at most %d", *o.Tolerance, int64(maxSeconds))
			}
			v.Tolerance = time.Duration(*o.Tolerance * float64(time.Second))
		}
		if o.Now != nil {
			if *o.Now < 0 || *o.Now > maxSeconds {
				return nil, fmt.Errorf("the option now is %v; it is in seconds since 1970, and at most %d", *o.Now, int64(maxSeconds))
			}
			now := time.UnixMilli(int64(*o.Now * 1000))
			v.Now = func() time.Time { return now }
		}
		headers := make(map[string][]string)
		for name, texts := range o.Headers {
			for _, known := range [...]string{signature.HeaderID, signature.HeaderTimestamp, signature.HeaderSignature} {
				if strings.EqualFold(name, known) { // net/textproto would bring in all of net
					headers[known] = append(headers[known], texts...)
				}
			}
		}
		_, err := v.Verify(headers, payload)
		if errors.Is(err, signature.ErrNoSecret) {
			return nil, errors.New("the option secrets is empty: list at least one secret")
		}
		for _, r := range reasons {
			if errors.Is(err, r.err) {
				text := appendText([]byte(`{"verified":false,"reason":`), r.reason)
				return append(appendText(append(text, `,"message":`...), err.Error()), '}'), nil
			}
		}
		if err != nil {
			return nil, err
		}
		text := appendText([]byte(`{"verified":true,"id":`), headers[signature.HeaderID][0])
		text = append(append(text, `,"timestamp":`...), headers[signature.HeaderTimestamp][0]...) // digits
		return append(text, '}'), nil
	})
}

// maxSeconds is in the year 2242, and a duration can hold it.
const maxSeconds = 1 << 33

// reasons are the stable words for why a request is not genuine.
var reasons = []struct {
	err    error
	reason string
}{
	{signature.ErrHeaderMissing, "header-missing"},
	{signature.ErrHeaderMalformed, "header-malformed"},
	{signature.ErrTooOld, "too-old"},
	{signature.ErrTooNew, "too-new"},
	{signature.ErrMismatch, "mismatch"},
}

// appendJudgement appends the members of the answers to check and parse. Of a payload
// that doesn't pass, the findings that decide so are marked.
func appendJudgement(dst []byte, r *conformance.Report, passes, observed bool) []byte {
	dst = appendText(append(dst, `"verdict":`...), string(r.Verdict))
	dst = appendText(append(dst, `,"event_type":`...), r.EventType)
	dst = append(dst, `,"findings":[`...)
	for i := range r.Findings {
		f := &r.Findings[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(append(dst, `{"code":`...), string(f.Code))
		dst = appendText(append(dst, `,"severity":`...), string(f.Severity))
		dst = appendText(append(dst, `,"pointer":`...), f.Pointer)
		dst = strconv.AppendInt(append(dst, `,"line":`...), int64(f.Line), 10)
		dst = strconv.AppendInt(append(dst, `,"column":`...), int64(f.Column), 10)
		dst = strconv.AppendInt(append(dst, `,"offset":`...), int64(f.Offset), 10)
		dst = appendText(append(dst, `,"message":`...), f.Message)
		if f.Hint != "" {
			dst = appendText(append(dst, `,"hint":`...), f.Hint)
		}
		if f.Count != 0 {
			dst = strconv.AppendInt(append(dst, `,"count":`...), int64(f.Count), 10)
		}
		if f.Pattern != "" {
			dst = appendText(append(dst, `,"pattern":`...), f.Pattern)
		}
		if !passes && f.Severity == conformance.SeverityError && !(observed && f.Code.Family() == "dialect") {
			dst = append(dst, `,"decides":true`...)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if r.Truncated {
		dst = append(dst, `,"truncated":true`...)
	}
	return dst
}

// appendText appends a JSON string. What isn't UTF-8 becomes U+FFFD.
func appendText(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}

// values are those of a header: a text, or a list of them.
type values []string

func (v *values) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*v = values{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(text, &list); err != nil {
		return errors.New("the value of a header is a text, or a list of texts")
	}
	*v = list
	return nil
}

// read decodes options; none are the defaults.
func read(options []byte, into any) error {
	if len(options) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(options))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the options can't be read: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("the options can't be read: there is more than one JSON value")
	}
	return nil
}

func checkRole(as conformance.Role) error {
	switch as {
	case "", conformance.Sender, conformance.Receiver:
		return nil
	}
	return fmt.Errorf("the option as is %q; it is sender or receiver", as)
}

// answer returns what call says, or its error as JSON. A panic would end the caller's
// program, or leave it with a module that is broken.
func answer(call func() ([]byte, error)) (text []byte) {
	failed := func(cause any) []byte {
		return append(appendText([]byte(`{"error":`), fmt.Sprint(cause)), '}')
	}
	defer func() {
		if cause := recover(); cause != nil {
			text = failed(fmt.Sprint("this is an error in Runhooks, please report it: ", cause))
		}
	}()
	text, err := call()
	if err != nil {
		return failed(err)
	}
	return text
}
