package diagnose

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
)

// A text is what may have been signed as an id or a timestamp.
type text struct {
	value, wrong, next string
}

// A layout is how what is signed is put together.
type layout struct {
	wrong string
	head  func(id, timestamp string) string // what stands before the body
}

var layouts = []layout{
	{"", func(id, timestamp string) string { return id + "." + timestamp + "." }},
	{"it is over the body alone", func(string, string) string { return "" }},
	{"it is over timestamp.body, without the id", func(_, timestamp string) string { return timestamp + "." }},
	{"it is over id.body, without the timestamp", func(id, _ string) string { return id + "." }},
	{"it is over timestamp.id.body, in the wrong order", func(id, timestamp string) string { return timestamp + "." + id + "." }},
	{"it is over the three without full stops between them", func(id, timestamp string) string { return id + timestamp }},
	{"it is over v0:timestamp:body, as Slack's are", func(_, timestamp string) string { return "v0:" + timestamp + ":" }},
	{"it is over the three with colons between them", func(id, timestamp string) string { return id + ":" + timestamp + ":" }},
	{"it is over the three with line feeds between them", func(id, timestamp string) string { return id + "\n" + timestamp + "\n" }},
}

// A claim is a signature that a header has, by its bytes.
type claim struct {
	raw   []byte
	wrong string // about its form; "" for v1,BASE64
}

// maxHashed bounds the work: the bytes that are signed again, in all.
const maxHashed = 1 << 30

// search looks for the one or two mistakes that explain the signature.
func (d *diagnosis) search(keys []key) {
	claims := d.claims()
	if len(claims) == 0 {
		d.next("sign as Standard Webhooks specifies: webhook-id, webhook-timestamp and webhook-signature, each once")
		return
	}
	if d.keyPairs(claims, keys) {
		return
	}
	bodies, ids, timestamps := bodies(d.request.Body), d.ids(), d.timestamps()
	left, near := maxHashed, nearby(timestamps)
	// What is tried first needs the fewest mistakes.
	for mistakes := range 3 {
		for _, k := range keys {
			if k.raw == nil {
				continue
			}
			for l, layout := range layouts {
				for i, id := range ids {
					for t, timestamp := range timestamps {
						before := count(k.wrong != "", l > 0, i > 0, t > 0)
						if before > mistakes || mistakes == 2 && t >= near {
							continue
						}
						for _, body := range bodies {
							if before+count(body.wrong != "") != mistakes {
								continue
							}
							if left -= len(body.data) + 256; left < 0 {
								d.exhausted(keys)
								return
							}
							head := layout.head(id.value, timestamp.value)
							for _, claim := range claims {
								if proves(claim.raw, k.raw, head, body.data) {
									d.found(k, layout, id, timestamp, body, claim)
									return
								}
							}
						}
					}
				}
			}
		}
	}
	d.unexplained(keys, claims)
}

func count(of ...bool) (n int) {
	for _, is := range of {
		if is {
			n++
		}
	}
	return n
}

// nearby returns where the seconds around the timestamp begin, which are many.
func nearby(timestamps []text) int {
	for i, t := range timestamps {
		if strings.HasPrefix(t.wrong, anotherSecond) {
			return i
		}
	}
	return len(timestamps)
}

func proves(claimed, key []byte, head string, body []byte) bool {
	var h func() hash.Hash
	switch len(claimed) {
	case sha256.Size:
		h = sha256.New
	case sha1.Size:
		h = sha1.New
	case sha512.Size:
		h = sha512.New
	default:
		return false
	}
	mac := hmac.New(h, key)
	mac.Write([]byte(head))
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), claimed)
}

// claims returns the signatures of all headers that may have one.
func (d *diagnosis) claims() []claim {
	var claims []claim
	for i, name := range append([]string{signature.HeaderSignature}, others[PartSignature]...) {
		for _, value := range d.request.Header.Values(name) {
			for _, c := range claimsIn(value) {
				if i > 0 {
					c.wrong = strings.TrimPrefix(c.wrong+"; it stands in "+name, "; ")
				}
				claims = append(claims, c)
			}
		}
	}
	return claims
}

// claimsIn reads signatures of any form out of the value of a header.
func claimsIn(value string) []claim {
	var claims []claim
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ,;\"'\t:", r) }) {
		if _, rest, ok := strings.Cut(word, "="); ok && rest != "" && strings.Trim(rest, "=") != "" {
			word = rest // as in sha256=
		}
		if raw, err := hex.DecodeString(word); err == nil && isDigest(raw) {
			claims = append(claims, claim{raw, "it is in hexadecimal; it has to be base64"})
			continue
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(word)
		if err == nil && isDigest(raw) {
			claims = append(claims, claim{raw: raw})
			continue
		}
		loose := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
		if raw, err := base64.RawStdEncoding.DecodeString(loose); err == nil && isDigest(raw) {
			claims = append(claims, claim{raw, "it is base64 in the URL-safe alphabet, or without its padding; it has to be in the standard form"})
		}
	}
	for i, c := range claims {
		if c.wrong == "" && !strings.Contains(value, "v1,"+base64.StdEncoding.EncodeToString(c.raw)) && len(c.raw) == sha256.Size {
			claims[i].wrong = "it lacks the version v1 and a comma before it"
		}
		switch len(c.raw) {
		case sha1.Size:
			claims[i].wrong = "it is an HMAC with SHA-1; it has to be with SHA-256"
		case sha512.Size:
			claims[i].wrong = "it is an HMAC with SHA-512; it has to be with SHA-256"
		}
	}
	return claims
}

func isDigest(raw []byte) bool {
	return len(raw) == sha256.Size || len(raw) == sha1.Size || len(raw) == sha512.Size
}

// keyPairs tells where the versions of signature and secret are not the same, and
// tries what the body may have been under a key pair. It reports whether that
// explains it.
func (d *diagnosis) keyPairs(claims []claim, keys []key) bool {
	value := strings.Join(d.request.Header.Values(signature.HeaderSignature), " ")
	hasV1, hasV1a := strings.Contains(value, "v1,"), strings.Contains(value, "v1a,")
	symmetric := slices.ContainsFunc(keys, func(k key) bool { return k.raw != nil })
	pairs := slices.ContainsFunc(keys, func(k key) bool { return k.raw == nil })
	switch {
	case hasV1a && !hasV1 && !pairs:
		d.set(PartSecret, Disagrees, "it is a shared secret, and the signature is v1a, of a key pair")
		d.next("verify with the sender's public key, whpk_…; or have it sign with the shared secret")
		return true
	case hasV1 && !hasV1a && !symmetric:
		d.set(PartSecret, Disagrees, "it is of a key pair, and the signature is v1, of a shared secret")
		d.next("verify with the shared secret, whsec_…; or have the sender sign with its private key")
		return true
	}
	for _, k := range keys {
		if k.raw != nil || k.secret == nil {
			continue
		}
		public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(k.secret.Public().Text(), "whpk_"))
		if err != nil || len(public) != ed25519.PublicKeySize {
			continue
		}
		head := d.request.Header.Get(signature.HeaderID) + "." + d.request.Header.Get(signature.HeaderTimestamp) + "."
		for _, body := range bodies(d.request.Body) {
			for _, c := range claims {
				if len(c.raw) == ed25519.SignatureSize && ed25519.Verify(public, append([]byte(head), body.data...), c.raw) {
					d.found(k, layouts[0], text{}, text{}, body, claim{})
					return true
				}
			}
		}
	}
	return false
}

// ids returns what may have been signed as the id.
func (d *diagnosis) ids() []text {
	id := d.request.Header.Get(signature.HeaderID)
	all := []text{{value: id}}
	add := func(value, wrong string) {
		if value != "" && !slices.ContainsFunc(all, func(t text) bool { return t.value == value }) {
			all = append(all, text{value, wrong, "sign the id that is sent as webhook-id, the same in each attempt of an event"})
		}
	}
	add(strings.TrimSpace(id), "the id that was signed has no white space around it")
	for _, name := range others[PartID] {
		add(d.request.Header.Get(name), "the id that was signed is that of the header "+name)
	}
	if e, err := event.Parse(d.request.Body); err == nil {
		add(e.EndpointID, "the id that was signed is the payload's webhook_id, which is the endpoint's and not the event's")
		add(e.Run.ID, "the id that was signed is the payload's id of the run")
		add(e.Run.RobotID, "the id that was signed is the payload's id of the robot")
	}
	return all
}

const anotherSecond = "the timestamp that was signed is"

// timestamps returns what may have been signed as the timestamp.
func (d *diagnosis) timestamps() []text {
	sent := d.request.Header.Get(signature.HeaderTimestamp)
	all := []text{{value: sent}}
	const next = "sign the digits that are sent as webhook-timestamp: seconds since 1970"
	add := func(value, wrong string) {
		if value != "" && !slices.ContainsFunc(all, func(t text) bool { return t.value == value }) {
			all = append(all, text{value, wrong, next})
		}
	}
	add(strings.TrimSpace(sent), "the timestamp that was signed has no white space around it")
	for _, name := range others[PartTimestamp] {
		add(d.request.Header.Get(name), "the timestamp that was signed is that of the header "+name)
	}
	for part := range strings.SplitSeq(d.request.Header.Get("Stripe-Signature"), ",") {
		if value, ok := strings.CutPrefix(part, "t="); ok {
			add(value, "the timestamp that was signed is the t of Stripe-Signature")
		}
	}
	var at time.Time
	if seconds, err := strconv.ParseInt(sent, 10, 64); err == nil {
		if seconds >= 1e11 {
			add(strconv.FormatInt(seconds/1000, 10), "the timestamp that was signed is in seconds, and the one that was sent in milliseconds")
			seconds /= 1000
		} else {
			add(sent+"000", "the timestamp that was signed is in milliseconds, and the one that was sent in seconds")
		}
		at = time.Unix(seconds, 0).UTC()
	} else if parsed, err := time.Parse(time.RFC3339Nano, sent); err == nil {
		at = parsed.UTC()
	} else if parsed, err := http.ParseTime(sent); err == nil {
		at = parsed.UTC()
	}
	if e, err := event.Parse(d.request.Body); err == nil {
		add(e.RawTimestamp, "the timestamp that was signed is the payload's")
		if !e.Timestamp.IsZero() {
			add(strconv.FormatInt(e.Timestamp.Unix(), 10), "the timestamp that was signed is the payload's, in seconds")
			add(strconv.FormatInt(e.Timestamp.UnixMilli(), 10), "the timestamp that was signed is the payload's, in milliseconds")
		}
	}
	if date, err := http.ParseTime(d.request.Header.Get("Date")); err == nil {
		add(strconv.FormatInt(date.Unix(), 10), "the timestamp that was signed is that of the header Date")
	}
	if at.IsZero() {
		return all
	}
	add(strconv.FormatInt(at.Unix(), 10), "the timestamp that was signed is in seconds, and the one that was sent is not")
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05.000Z", http.TimeFormat} {
		add(at.Format(form), "the timestamp that was signed is a date-time, and not seconds")
	}
	if len(d.request.Body) < 64<<10 {
		for s := 1; s <= 600; s++ {
			add(strconv.FormatInt(at.Unix()-int64(s), 10), fmt.Sprintf("%s %v before the one that was sent", anotherSecond, time.Duration(s)*time.Second))
			add(strconv.FormatInt(at.Unix()+int64(s), 10), fmt.Sprintf("%s %v after the one that was sent", anotherSecond, time.Duration(s)*time.Second))
		}
	}
	return all
}

// found reports the mistakes, and what agrees because they explain it all.
func (d *diagnosis) found(k key, l layout, id, timestamp text, b body, c claim) {
	say := func(part, wrong, next string) {
		if wrong == "" {
			d.set(part, Agrees, "")
			return
		}
		if d.parts[part].State == Disagrees { // by itself, which is said
			wrong = d.parts[part].Text + "; " + wrong
		}
		d.parts[part] = Part{part, Disagrees, wrong}
		d.next(next)
	}
	d.set(PartSecret, Agrees, k.about)
	say(PartSecret, k.wrong, k.next)
	say(PartID, id.wrong, id.next)
	say(PartTimestamp, timestamp.wrong, timestamp.next)
	say(PartBytes, b.wrong, b.next)
	wrong := strings.TrimPrefix(strings.TrimSuffix(c.wrong+"; "+l.wrong, "; "), "; ")
	next := ""
	if wrong != "" {
		next = "sign ID.TIMESTAMP.BODY by HMAC-SHA256, and send it as webhook-signature: v1,BASE64"
	}
	say(PartSignature, wrong, next)
}

// unexplained reports that nothing that was tried explains it.
func (d *diagnosis) unexplained(keys []key, claims []claim) {
	d.set(PartSecret, Unknown, keys[0].about)
	if what := claims[0].wrong; what != "" {
		d.set(PartSignature, Disagrees, what)
	} else {
		d.set(PartSignature, Disagrees, "no usual mistake explains it")
	}
	d.next("the secret is a different one, or the body was changed in a way that can't be guessed: make a secret with runhooks secret, " +
		"give it to both ends, and compare again; runhooks trigger sends one that is right")
}

func (d *diagnosis) exhausted(keys []key) {
	d.set(PartSecret, Unknown, keys[0].about)
	d.set(PartSignature, Disagrees, "none of the mistakes that were tried explains it; the body is too large to try them all")
	d.next("try with a smaller event")
}
