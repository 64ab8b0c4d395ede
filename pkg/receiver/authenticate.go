package receiver

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/runhooks/runhooks/pkg/signature"
)

// Credentials are what a sender that can't sign says of itself by HTTP Basic
// authentication (RFC 7617).
type Credentials struct {
	Username, Password string
}

// authenticateEarly refuses a sender for what the headers tell, before its body
// is read, and says whether there is a signature to verify once it is.
func (rc *Receiver) authenticateEarly(r *http.Request) (signed bool, _ *problem) {
	if rc.verifier != nil && len(r.Header.Values(signature.HeaderSignature)) > 0 {
		return true, nil // and nothing else will do: a wrong signature is never ignored
	}
	if rc.insecure || rc.basic.allows(r) || rc.paths.allows(r) {
		return false, nil
	}
	p := rc.unauthenticated()
	switch {
	case rc.verifier == nil && len(rc.basic) == 0:
		p.status, p.detail = http.StatusNotFound, "there is no endpoint here"
		p.header = nil
	case len(rc.basic) == 0:
		p.detail = "the delivery is not signed: it lacks the header " + signature.HeaderSignature
	case rc.verifier == nil:
		p.detail = "the user name or the password is missing or wrong"
	default:
		p.detail = "the delivery is not signed, and the user name or the password is missing or wrong"
	}
	return false, p
}

// verify refuses a signed delivery whose signature doesn't verify.
func (rc *Receiver) verify(h http.Header, payload []byte) *problem {
	err := rc.verifier.Verify(h, payload)
	if err == nil {
		return nil
	}
	if errors.Is(err, signature.ErrSecret) || errors.Is(err, signature.ErrNoSecret) {
		return &problem{
			outcome: Unavailable, status: http.StatusServiceUnavailable, retryAfter: laterAfter, cause: err,
			detail: "the receiver has no secret to verify with for now; send the event again",
		}
	}
	p := rc.unauthenticated()
	p.cause = err
	switch {
	case errors.Is(err, signature.ErrHeaderMissing):
		p.detail = "a header of the signature is missing"
	case errors.Is(err, signature.ErrHeaderMalformed):
		p.detail = "a header of the signature is malformed"
	case errors.Is(err, signature.ErrTooOld), errors.Is(err, signature.ErrTooNew):
		p.detail = "the signature's timestamp is too far from the receiver's clock"
	default:
		p.detail = "the signature does not verify: it is of other bytes, or by another secret"
	}
	return p
}

func (rc *Receiver) unauthenticated() *problem {
	p := &problem{outcome: Unauthenticated, status: http.StatusUnauthorized}
	// RFC 9110, section 11.6.1, wants a challenge. No scheme is registered for
	// signatures.
	p.header = []string{"WWW-Authenticate", `StandardWebhooks`}
	if len(rc.basic) > 0 {
		p.header[1] = `Basic realm="events", charset="UTF-8"`
	}
	return p
}

// Secrets are compared as hashes, so that neither their bytes nor their lengths
// show in the time it takes.
type digest = [sha256.Size]byte

func same(a, b digest) int { return subtle.ConstantTimeCompare(a[:], b[:]) }

type basicAuth []struct{ username, password digest }

func (a *basicAuth) add(c Credentials) {
	*a = append(*a, struct{ username, password digest }{
		sha256.Sum256([]byte(c.Username)), sha256.Sum256([]byte(c.Password)),
	})
}

func (a basicAuth) allows(r *http.Request) bool {
	if len(a) == 0 {
		return false
	}
	username, password, ok := r.BasicAuth()
	if !ok {
		return false
	}
	u, p := sha256.Sum256([]byte(username)), sha256.Sum256([]byte(password))
	found := 0
	for _, c := range a {
		found |= same(u, c.username) & same(p, c.password)
	}
	return found == 1
}

type pathSecrets []digest

// minPathSecret keeps secrets from being guessed.
const minPathSecret = 16

func checkPathSecret(s string) error {
	if len(s) < minPathSecret {
		return fmt.Errorf("has %d bytes; take %d or more, at random", len(s), minPathSecret)
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
			return fmt.Errorf("has the byte %q, which URLs escape; take letters, digits, -, ., _ and ~ (RFC 3986, section 2.3)", c)
		}
	}
	return nil
}

func (s pathSecrets) allows(r *http.Request) bool {
	if len(s) == 0 || r.URL == nil {
		return false
	}
	path := r.URL.Path
	last := sha256.Sum256([]byte(path[strings.LastIndexByte(path, '/')+1:]))
	found := 0
	for _, secret := range s {
		found |= same(last, secret)
	}
	return found == 1
}
