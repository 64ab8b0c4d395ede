// Package signature signs the payloads of events, and verifies them for a receiver. It
// implements all of Standard Webhooks (https://www.standardwebhooks.com, version 1.0.0),
// and needs only the standard library.
//
// A signed request has three headers: webhook-id, the event's immutable id and
// so the key for de-duplication; webhook-timestamp, the second of the attempt;
// and webhook-signature, one or more signatures with a space between them, each
// made with a secret of its own so that secrets can be rotated. What is signed
// is {id}.{timestamp}.{payload}, where the payload is the exact bytes of the body:
// to decode and encode it again breaks the signature.
//
//	secret   what it is                     signature
//	whsec_   24 to 64 random bytes          v1, HMAC-SHA256
//	whsk_    private ed25519 key, signs     v1a, ed25519
//	whpk_    its public key, verifies only  v1a, ed25519
//
// # What is stricter than the specification
//
// The specification leaves some of the grammar open. This package signs nothing
// that these rules refuse, and refuses what breaks them, because two readings of
// one request are how signatures are got around:
//
//   - An id is 1 to 256 visible ASCII characters without a full stop. With a
//     full stop in it, one signature would fit two requests: a.1.2.b could be
//     the id a.1 or a body 2.b. ("Signature scheme": ids should "not be allowed
//     to include any `.`".)
//   - A timestamp is a whole number of seconds since 1970 in decimal digits,
//     without a sign, space or leading zero, so that there is one way to write
//     it and the text that was signed is the text that was sent.
//   - Each of the headers is there once. The specification makes a list of
//     signatures with spaces, not with further headers, of which proxies and
//     frameworks take the first, the last, or all.
//   - There are at most 16 signatures. Each costs work before it is refused.
//   - Base64 is the standard alphabet, padded, in its one canonical form
//     (RFC 4648, sections 3.5 and 4): a flipped bit is refused even where
//     decoding would drop it.
//   - Secrets have their prefix. The official libraries take a whsec_ secret
//     without it; but then a private or public key that has lost its prefix
//     quietly becomes the key of an HMAC.
//
// Signatures of versions other than v1 and v1a are passed over, so that a sender
// may add new ones beside them.
//
// # Compatibility
//
// What this package signs, every later version verifies.
//
// From v1.0.0 on, only a major version breaks this package's API. Before that a
// minor version may, and the changelog says how. Any version may add fields to
// structs and values to sets of constants: write literals with field names, and give
// a switch a default case.
package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The headers of a signed request, in the form that [http.Header] keeps them.
const (
	HeaderID        = "Webhook-Id"        // the event's id, the same in each attempt
	HeaderTimestamp = "Webhook-Timestamp" // of the attempt, in seconds since 1970
	HeaderSignature = "Webhook-Signature" // version,base64 with a space between two
)

// Errors of this package wrap one of these, by the check that failed. The text after it
// says what is wrong, in words that may change.
var (
	// ErrSecret is for a secret that can't be used, or not for this purpose.
	ErrSecret = errors.New("signature: unusable secret")
	// ErrNoSecret is for a list of secrets of which none is in force.
	ErrNoSecret = errors.New("signature: no secret is in force")
	// ErrHeaderMissing is for a header that is absent or empty.
	ErrHeaderMissing = errors.New("signature: missing header")
	// ErrHeaderMalformed is for a header that breaks the rules at the top.
	ErrHeaderMalformed = errors.New("signature: malformed header")
	// ErrTooOld is for a timestamp further in the past than the tolerance.
	ErrTooOld = errors.New("signature: timestamp is too old")
	// ErrTooNew is for a timestamp further in the future than the tolerance.
	ErrTooNew = errors.New("signature: timestamp is too new")
	// ErrMismatch is for a request that no secret in force has signed.
	ErrMismatch = errors.New("signature: no signature matches")
	// ErrTooLarge is for a body with more bytes than are to be read.
	ErrTooLarge = errors.New("signature: body is too large")
)

const (
	maxID         = 256
	maxSignatures = 16
	// maxDigits keeps timestamps clear of what time.Time can't hold.
	maxDigits = 18
)

// Sign returns the value of the header webhook-signature for a payload that is
// sent as it is, under this id and, as the header webhook-timestamp, the second
// of at: a signature for each secret, in their order. Secrets that have expired
// at that time are left out.
//
// The error is [ErrHeaderMalformed] for an id or a time that no header may have,
// [ErrNoSecret] if no secret is in force, and [ErrSecret] for one that can't
// sign, or for more than 16 in force.
func Sign(id string, at time.Time, payload []byte, secrets ...Secret) (string, error) {
	if err := checkID(id); err != nil {
		return "", err
	}
	seconds := at.Unix()
	if seconds < 0 || seconds >= 1e18 {
		return "", fmt.Errorf("%w: %s must be in 1970 or later, in no more than %d digits",
			ErrHeaderMalformed, HeaderTimestamp, maxDigits)
	}
	var (
		room    [128]byte
		value   = room[:0]
		content []byte
		count   int
	)
	for i, secret := range secrets {
		if secret.key == nil {
			return "", fmt.Errorf("%w: number %d of %d is the zero Secret", ErrSecret, i+1, len(secrets))
		}
		if !secret.inForce(at) {
			continue
		}
		if count++; count > maxSignatures {
			return "", fmt.Errorf("%w: more than %d are in force", ErrSecret, maxSignatures)
		}
		if count > 1 {
			value = append(value, ' ')
		}
		switch secret.key.kind {
		case symmetric:
			sum := secret.key.authenticate(id, seconds, payload)
			value = append(value, "v1,"...)
			value = base64.StdEncoding.AppendEncode(value, sum[:])
		case private:
			if content == nil { // ed25519 wants it in one piece
				content = appendContent(nil, id, seconds, payload)
			}
			value = append(value, "v1a,"...)
			value = base64.StdEncoding.AppendEncode(value, ed25519.Sign(secret.key.private, content))
		case public:
			return "", fmt.Errorf("%w: number %d of %d is a public key, which can't sign", ErrSecret, i+1, len(secrets))
		}
	}
	if count == 0 {
		return "", fmt.Errorf("%w to sign with, of %d", ErrNoSecret, len(secrets))
	}
	return string(value), nil
}

// checkID holds an id to what a header may have.
func checkID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: %s is empty", ErrHeaderMalformed, HeaderID)
	}
	if len(id) > maxID {
		return fmt.Errorf("%w: %s has %d bytes; it takes %d at most", ErrHeaderMalformed, HeaderID, len(id), maxID)
	}
	for i := range len(id) {
		what := ""
		switch c := id[i]; {
		case c == '.':
			return fmt.Errorf("%w: %s has a full stop at byte %d; full stops separate the parts of what is signed, so an id can't have one",
				ErrHeaderMalformed, HeaderID, i)
		case c == ' ':
			what = "a space"
		case c < ' ' || c == 0x7f:
			what = fmt.Sprintf("0x%02x", c)
		case c > '~':
			what = "a character that is not ASCII"
		default:
			continue
		}
		return fmt.Errorf("%w: %s has %s at byte %d; it takes visible ASCII only", ErrHeaderMalformed, HeaderID, what, i)
	}
	return nil
}

// appendContent appends what is signed.
func appendContent(b []byte, id string, seconds int64, payload []byte) []byte {
	if b == nil {
		b = make([]byte, 0, len(id)+maxDigits+2+len(payload))
	}
	b = append(b, id...)
	b = append(b, '.')
	b = strconv.AppendInt(b, seconds, 10)
	b = append(b, '.')
	return append(b, payload...)
}
