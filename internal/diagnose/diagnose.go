// Package diagnose says why a saved request isn't genuine: which of its secret, id,
// timestamp, bytes and signature disagrees with the others. It signs again with each common
// mistake until the signature is the request's.
//
// It computes with raw keys, so all that it takes from package signature is the verdict
// that a request is genuine.
package diagnose

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

// A Request is what was saved of a request.
type Request struct {
	Header http.Header
	Body   []byte
	// At is when it arrived, or zero if nobody knows.
	At time.Time
}

// A State says what is known of a part of a request.
type State string

// The states.
const (
	Agrees    State = "agrees"
	Disagrees State = "disagrees"
	Unknown   State = "unknown"
)

// The parts of a request, in the order in which a report has them.
const (
	PartSecret    = "secret"
	PartID        = "id"
	PartTimestamp = "timestamp"
	PartBytes     = "bytes"
	PartSignature = "signature"
)

// A Part is what there is to say about a part of a request.
type Part struct {
	Name  string `json:"part"`
	State State  `json:"state"`
	// Text says what is right or wrong about it. It has nothing of a secret.
	Text string `json:"text"`
}

// A Report says whether a request is genuine, and if not, why.
type Report struct {
	Genuine bool   `json:"genuine"`
	Parts   []Part `json:"parts"`
	// Next is what to do, and empty where there is nothing to.
	Next string `json:"next,omitempty"`
}

// Diagnose judges a request by the texts of secrets, which need not be well-formed,
// and a tolerance; now is the time that an unknown arrival is compared with.
func Diagnose(r Request, secrets []string, tolerance time.Duration, now time.Time) Report {
	d := &diagnosis{request: r, parts: make(map[string]Part)}
	keys := keysOf(secrets)
	d.parts[PartID] = Part{PartID, Unknown, r.Header.Get(signature.HeaderID)}
	d.timestamp(cmp.Or(tolerance, signature.DefaultTolerance), now)
	d.length()
	by, err := genuine(r, keys)
	if err != nil && strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		// A signature is of the payload, without what was done to carry it.
		if plain, ok := unzip(r.Body); ok {
			r.Body, d.request.Body = plain, plain
			by, err = genuine(r, keys)
		}
	}
	switch {
	case err == nil:
		d.set(PartSecret, Agrees, strings.TrimSuffix(keys[by].about+"; "+keys[by].wrong, "; "))
		d.next(keys[by].next)
		for _, name := range []string{PartID, PartBytes, PartSignature} {
			d.set(name, Agrees, "")
		}
	case len(keys) == 0:
		d.set(PartSecret, Unknown, "there is none to verify with")
		d.next("give the secret, as --secret or in the environment")
		d.headers(err)
	default:
		d.headers(err)
		d.search(keys)
	}
	return d.report()
}

// genuine returns the first key whose secret has signed the request, whenever.
func genuine(r Request, keys []key) (by int, err error) {
	err = signature.ErrMismatch
	verifiable := make(http.Header)
	for _, name := range []string{signature.HeaderID, signature.HeaderTimestamp, signature.HeaderSignature} {
		verifiable[name] = r.Header[name]
	}
	v := signature.Verifier{Secrets: []signature.Secret{signature.NewSecret()}, Tolerance: math.MaxInt64}
	if len(keys) == 0 {
		_, err = v.Verify(verifiable, r.Body)
	}
	for i, k := range keys {
		if k.secret != nil {
			v.Secrets[0] = *k.secret
		}
		if _, err = v.Verify(verifiable, r.Body); err == nil && k.secret != nil {
			return i, nil
		}
	}
	return -1, err
}

// A diagnosis is one under way.
type diagnosis struct {
	request Request
	parts   map[string]Part
	nexts   []string
}

func (d *diagnosis) set(name string, state State, text string) {
	if d.parts[name].State == Disagrees {
		return
	}
	if text == "" {
		text = d.parts[name].Text
	}
	d.parts[name] = Part{name, state, text}
}

func (d *diagnosis) next(text string) {
	if text != "" && !slices.Contains(d.nexts, text) {
		d.nexts = append(d.nexts, text)
	}
}

func (d *diagnosis) report() Report {
	report := Report{Genuine: true, Next: strings.Join(d.nexts, "; ")}
	for _, name := range []string{PartSecret, PartID, PartTimestamp, PartBytes, PartSignature} {
		part, ok := d.parts[name]
		if !ok {
			part = Part{Name: name, State: Unknown}
		}
		report.Genuine = report.Genuine && part.State == Agrees
		report.Parts = append(report.Parts, part)
	}
	return report
}

// timestamp judges the timestamp by itself.
func (d *diagnosis) timestamp(tolerance time.Duration, now time.Time) {
	values := d.request.Header[signature.HeaderTimestamp]
	if len(values) != 1 {
		return // which is said of the headers
	}
	seconds, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return
	}
	for _, unit := range []struct {
		from int64
		name string
	}{{1e17, "nanoseconds"}, {1e14, "microseconds"}, {1e11, "milliseconds"}} {
		if seconds >= unit.from {
			d.set(PartTimestamp, Disagrees, fmt.Sprintf("%s are %s since 1970", values[0], unit.name))
			d.next("send webhook-timestamp in seconds, and sign those")
			return
		}
	}
	at, arrived := d.request.At, "it arrived"
	if at.IsZero() {
		at, arrived = now, "now"
	}
	sent := time.Unix(seconds, 0).UTC()
	age := at.Sub(sent).Round(time.Second)
	text := fmt.Sprintf("%s (%s), %s", values[0], sent.Format(time.RFC3339), ageText(age, arrived))
	switch {
	case age < -tolerance:
		d.set(PartTimestamp, Disagrees, text+fmt.Sprintf("; receivers take %v", tolerance))
		d.next("compare the clocks of sender and receiver")
	case age > tolerance && !d.request.At.IsZero():
		d.set(PartTimestamp, Disagrees, text+fmt.Sprintf("; receivers take %v", tolerance))
		d.next("compare the clocks; and sign each attempt anew, with the time of that attempt")
	case age > tolerance:
		d.set(PartTimestamp, Agrees, text+fmt.Sprintf("; it had to arrive within %v", tolerance))
	default:
		d.set(PartTimestamp, Agrees, text)
	}
}

func ageText(age time.Duration, than string) string {
	switch {
	case age < 0:
		return fmt.Sprintf("%v after %s", -age, than)
	case age == 0:
		return "the second of " + than
	case than == "now":
		return fmt.Sprintf("%v ago", age)
	}
	return fmt.Sprintf("%v before %s", age, than)
}

// length compares the body with what was declared.
func (d *diagnosis) length() {
	text := fmt.Sprintf("%d bytes", len(d.request.Body))
	d.parts[PartBytes] = Part{PartBytes, Unknown, text}
	declared, err := strconv.Atoi(d.request.Header.Get("Content-Length"))
	if err != nil || declared == len(d.request.Body) {
		return
	}
	d.set(PartBytes, Unknown, fmt.Sprintf("%s, and Content-Length says %d", text, declared))
	d.next("save the body as it arrives, byte for byte: curl --data-binary and runhooks listen --record FILE.har do")
}

// headers says what is wrong with the headers, if that is what err is about.
func (d *diagnosis) headers(err error) {
	if !errors.Is(err, signature.ErrHeaderMissing) && !errors.Is(err, signature.ErrHeaderMalformed) {
		return
	}
	missing := 0
	for _, h := range []struct{ part, name string }{
		{PartID, signature.HeaderID}, {PartTimestamp, signature.HeaderTimestamp}, {PartSignature, signature.HeaderSignature},
	} {
		if d.request.Header.Get(h.name) == "" {
			d.set(h.part, Disagrees, fmt.Sprintf("the header %s is missing%s", h.name, d.instead(h.part)))
			missing++
		} else if at := strings.Index(err.Error(), h.name); at >= 0 {
			d.set(h.part, Disagrees, err.Error()[at:])
		}
	}
	if missing == 3 {
		d.next("the request is not signed at all: have its sender sign, or recognise it by its URL, as docs/receive-unsigned.md says")
	}
}

// instead says which header of another scheme is there in the place of a missing one.
func (d *diagnosis) instead(part string) string {
	for _, name := range others[part] {
		if d.request.Header.Get(name) != "" {
			return fmt.Sprintf("; there is %s, which another scheme has", name)
		}
	}
	return ""
}

// others are the headers of other schemes.
var others = map[string][]string{
	PartID:        {"Svix-Id", "X-Webhook-Id", "X-Request-Id", "X-Github-Delivery"},
	PartTimestamp: {"Svix-Timestamp", "X-Webhook-Timestamp", "X-Slack-Request-Timestamp", "X-Signature-Timestamp", "X-Timestamp"},
	PartSignature: {"Svix-Signature", "X-Hub-Signature-256", "X-Webhook-Signature", "X-Signature", "Stripe-Signature", "X-Slack-Signature", "X-Hub-Signature", "Signature"},
}
