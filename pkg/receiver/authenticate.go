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

// Credentials are the user name and password of a sender that can't sign, for
// HTTP Basic authentication (RFC 7617).
type Credentials struct {
	Username, Password string
}

// An Authentication is a way in which a sender shows who it is.
type Authentication string

// The ways to authenticate.
const (
	BySignature Authentication = "signature" // a secret of Options.Verifier has signed the payload
	ByBasic     Authentication = "basic"     // credentials of Options.Basic
	ByPath      Authentication = "path"      // a secret of Options.PathSecrets
	ByQuery     Authentication = "query"     // a secret of Options.QuerySecrets
)

// A Sender says how a sender was authenticated, and which it was. The zero value
// is anybody's: that of a receiver with Options.InsecureNoAuthentication.
type Sender struct {
	By Authentication
	// Index is that of the secret or the credentials in Verifier.Secrets, Basic,
	// PathSecrets or QuerySecrets.
	Index int
	// Username is that of the credentials, where By is ByBasic.
	Username string
}

// String returns the sender as a log has it, without anything secret:
// signature[0], basic[1] robot, path[0] or anybody.
func (s Sender) String() string {
	switch s.By {
	case "":
		return "anybody"
	case ByBasic:
		return fmt.Sprintf("%s[%d] %s", s.By, s.Index, s.Username)
	}
	return fmt.Sprintf("%s[%d]", s.By, s.Index)
}

// authenticateEarly refuses a sender for what the headers tell, before its body
// is read. A sender by signature has yet to be verified, once the body is read.
func (rc *Receiver) authenticateEarly(r *http.Request) (Sender, *problem) {
	if rc.verifier != nil && len(r.Header.Values(signature.HeaderSignature)) > 0 {
		return Sender{By: BySignature}, nil // and nothing else will do: a wrong signature is never ignored
	}
	if rc.insecure {
		return Sender{}, nil
	}
	if i := rc.basic.find(r); i >= 0 {
		return Sender{By: ByBasic, Index: i, Username: rc.basic[i].name}, nil
	}
	if i := rc.paths.find(pathSecret(r)); i >= 0 {
		return Sender{By: ByPath, Index: i}, nil
	}
	if i := rc.queries.find(querySecret(r)); i >= 0 {
		return Sender{By: ByQuery, Index: i}, nil
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
	return Sender{}, p
}

// verify returns the index of the secret that signed a delivery, and refuses one
// whose signature doesn't verify.
func (rc *Receiver) verify(h http.Header, payload []byte) (by int, _ *problem) {
	by, err := rc.verifier.Verify(h, payload)
	if err == nil {
		return by, nil
	}
	if errors.Is(err, signature.ErrSecret) || errors.Is(err, signature.ErrNoSecret) {
		return -1, &problem{
			disposition: Unavailable, status: http.StatusServiceUnavailable, retryAfter: laterAfter, cause: err,
			detail: "the receiver has no secret to verify with for now; send the event again",
		}
	}
	p := rc.unauthenticated()
	p.cause = err
	switch {
	case !errors.Is(err, signature.ErrMismatch):
		p.detail = strings.TrimPrefix(err.Error(), "signature: ") // which is fit for the sender
	case len(payload) == 0:
		p.detail = "the signature does not verify, and the body is empty: was it read before the receiver got it?"
	default:
		p.detail = "the signature does not verify: it is for other bytes, or made with another secret"
	}
	return -1, p
}

func (rc *Receiver) unauthenticated() *problem {
	p := &problem{disposition: Unauthenticated, status: http.StatusUnauthorized}
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

type basicAuth []struct {
	name               string
	username, password digest
}

func (a *basicAuth) add(c Credentials) {
	*a = append(*a, struct {
		name               string
		username, password digest
	}{c.Username, sha256.Sum256([]byte(c.Username)), sha256.Sum256([]byte(c.Password))})
}

// find returns the index of the credentials that r has, or -1.
func (a basicAuth) find(r *http.Request) int {
	if len(a) == 0 {
		return -1
	}
	username, password, ok := r.BasicAuth()
	if !ok {
		return -1
	}
	u, p := sha256.Sum256([]byte(username)), sha256.Sum256([]byte(password))
	found := -1
	for i, c := range a {
		if same(u, c.username)&same(p, c.password) == 1 {
			found = i
		}
	}
	return found
}

// urlSecrets are secrets that stand in URLs.
type urlSecrets []digest

// minURLSecret keeps secrets from being guessed.
const minURLSecret = 16

func checkURLSecret(s string) error {
	if len(s) < minURLSecret {
		return fmt.Errorf("has %d bytes; take %d or more, at random", len(s), minURLSecret)
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
			return fmt.Errorf("has the byte %q, which URLs escape; take letters, digits, -, ., _ and ~ (RFC 3986, section 2.3)", c)
		}
	}
	return nil
}

// pathSecret returns what may be a secret in the path of a URL: its last segment.
func pathSecret(r *http.Request) string {
	if r.URL == nil {
		return ""
	}
	path := r.URL.Path
	return path[strings.LastIndexByte(path, '/')+1:]
}

// QueryParameter is the parameter of a URL's query that has a secret of
// Options.QuerySecrets.
const QueryParameter = "secret"

// querySecret returns what may be a secret in the query of a URL.
func querySecret(r *http.Request) string {
	if r.URL == nil || r.URL.RawQuery == "" {
		return ""
	}
	if values := r.URL.Query()[QueryParameter]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// find returns the index of a secret, or -1.
func (s urlSecrets) find(secret string) int {
	if len(s) == 0 {
		return -1
	}
	given := sha256.Sum256([]byte(secret))
	found := -1
	for i, secret := range s {
		if same(given, secret) == 1 {
			found = i
		}
	}
	return found
}
