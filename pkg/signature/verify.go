package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The defaults of a [Verifier].
const (
	// DefaultTolerance is the tolerance of the official libraries.
	DefaultTolerance = 5 * time.Minute
	// DefaultMaxBytes is 64 MiB: an event with the pages of a crawl has 40.
	DefaultMaxBytes = 64 << 20
)

// A Verifier says which requests are genuine. It may be used by several goroutines at once
// while its fields stay as they are.
type Verifier struct {
	// Secrets are those of the sender, or of several. A request is genuine if
	// one of them that is in force has signed it. A whsk_ secret verifies what
	// it signs, but a receiver needs only its whpk_.
	Secrets []Secret

	// Tolerance is how far a timestamp may lie in the past or in the future.
	// 0 means DefaultTolerance; with a negative one nothing is genuine.
	// Within it a request can be replayed: remember ids for twice as long.
	Tolerance time.Duration

	// MaxBytes is the most that VerifyRequest reads of a body; 0 means
	// DefaultMaxBytes.
	MaxBytes int64

	// Now returns the time by which a timestamp is too old or too new, and a secret is
	// in force; nil means time.Now. A test of requests that were recorded sets it.
	Now func() time.Time
}

// verify is [Verifier.Verify].
func (v *Verifier) verify(h map[string][]string, payload []byte) (by int, err error) {
	var c claim
	if err := v.read(&c, h); err != nil {
		return -1, err
	}
	return v.prove(&c, payload)
}

// A claim is what the headers say, as long as it isn't proven.
type claim struct {
	id      string
	seconds int64
	at      time.Time // of reading it: a secret in force then will do

	// The signatures that are well-formed.
	v1     [maxSignatures][sha256.Size]byte
	v1Len  int
	v1a    [maxSignatures][ed25519.SignatureSize]byte
	v1aLen int
}

// read makes all checks that need no payload.
func (v *Verifier) read(c *claim, h map[string][]string) error {
	c.at = time.Now()
	if v.Now != nil {
		c.at = v.Now()
	}
	usable := false
	for i, s := range v.Secrets {
		if s.key == nil {
			return fmt.Errorf("%w: number %d of %d is the zero Secret", ErrSecret, i+1, len(v.Secrets))
		}
		usable = usable || s.inForce(c.at)
	}
	if !usable {
		return fmt.Errorf("%w to verify with, of %d", ErrNoSecret, len(v.Secrets))
	}

	id, err := header(h, HeaderID)
	if err != nil {
		return err
	}
	timestamp, err := header(h, HeaderTimestamp)
	if err != nil {
		return err
	}
	signatures, err := header(h, HeaderSignature)
	if err != nil {
		return err
	}
	if err := checkID(id); err != nil {
		return err
	}
	c.id = id
	if c.seconds, err = parseTimestamp(timestamp); err != nil {
		return err
	}
	if err := c.parseSignatures(signatures); err != nil {
		return err
	}

	tolerance := v.Tolerance
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	switch age := c.at.Sub(time.Unix(c.seconds, 0)); {
	case age > tolerance:
		return fmt.Errorf("%w: %s is %d, %v ago; the tolerance is %v", ErrTooOld, HeaderTimestamp, c.seconds, age, tolerance)
	case age == math.MinInt64 || -age > tolerance: // there is no -MinInt64
		if unit := unitOf(c.seconds); unit != "" {
			return fmt.Errorf("%w: %s looks like %s; it takes seconds since 1970", ErrHeaderMalformed, HeaderTimestamp, unit)
		}
		return fmt.Errorf("%w: %s is %d, %v ahead; the tolerance is %v",
			ErrTooNew, HeaderTimestamp, c.seconds, age.Abs(), tolerance)
	}
	return nil
}

// header returns the one value of a header.
func header(h map[string][]string, name string) (string, error) {
	values := h[name]
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("%w: %s is there %d times; send it once", ErrHeaderMalformed, name, len(values))
	case len(values) == 0:
		return "", fmt.Errorf("%w: %s", ErrHeaderMissing, name)
	case values[0] == "":
		return "", fmt.Errorf("%w: %s is empty", ErrHeaderMissing, name)
	}
	return values[0], nil
}

func parseTimestamp(text string) (int64, error) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' || (i == 0 && text[i] == '0' && len(text) > 1) || i == maxDigits {
			return 0, fmt.Errorf("%w: %s %s; it takes seconds since 1970: up to %d digits, without a sign, space or leading zero",
				ErrHeaderMalformed, HeaderTimestamp, describeTimestamp(text), maxDigits)
		}
	}
	return strconv.ParseInt(text, 10, 64)
}

// parseSignatures keeps what may prove the claim. Of the rest, some may be of
// versions to come, and none can match.
func (c *claim) parseSignatures(text string) error {
	count, unknown := 0, ""
	for entry := range strings.SplitSeq(text, " ") {
		if count++; count > maxSignatures {
			return fmt.Errorf("%w: %s has more than %d signatures", ErrHeaderMalformed, HeaderSignature, maxSignatures)
		}
		switch version, encoded, _ := strings.Cut(entry, ","); {
		case version == "v1" && decode(c.v1[c.v1Len][:], encoded):
			c.v1Len++
		case version == "v1a" && decode(c.v1a[c.v1aLen][:], encoded):
			c.v1aLen++
		case unknown == "" && entry != "" && !isToCome(version, encoded):
			unknown = entry
		}
	}
	switch {
	case c.v1Len+c.v1aLen > 0:
		return nil
	case unknown != "":
		return fmt.Errorf("%w: %s %s; it takes v1,BASE64 or v1a,BASE64 with a space between two",
			ErrHeaderMalformed, HeaderSignature, describeSignature(unknown))
	case strings.Trim(text, " ") == "":
		return fmt.Errorf("%w: %s is blank", ErrHeaderMalformed, HeaderSignature)
	}
	return nil
}

var strict = base64.StdEncoding.Strict()

// decode fills signature from its canonical base64, or tells that it can't.
func decode(signature []byte, encoded string) bool {
	const most = ed25519.SignatureSize
	var from [(most + 2) / 3 * 4]byte
	var to [(most + 2) / 3 * 3]byte
	if len(encoded) != base64.StdEncoding.EncodedLen(len(signature)) {
		return false
	}
	n := copy(from[:], encoded)
	// The decoder skips line ends, even the strict one. With some the text
	// would have the right length and give fewer bytes.
	n, err := strict.Decode(to[:], from[:n])
	return err == nil && n == len(signature) && copy(signature, to[:n]) == n
}

// prove makes the checks that need the payload.
func (v *Verifier) prove(c *claim, payload []byte) (by int, err error) {
	by = -1
	for n, s := range v.Secrets {
		if s.key.kind != symmetric || c.v1Len == 0 || !s.inForce(c.at) {
			continue
		}
		sum := s.key.authenticate(c.id, c.seconds, payload)
		for i := range c.v1Len {
			if hmac.Equal(sum[:], c.v1[i][:]) && by < 0 {
				by = n
			}
		}
	}
	// What follows has no secrets in it, and may end early.
	var content []byte
	for n, s := range v.Secrets {
		if by >= 0 {
			break
		}
		if s.key.kind == symmetric || c.v1aLen == 0 || !s.inForce(c.at) {
			continue
		}
		if content == nil { // ed25519 wants it in one piece
			content = appendContent(nil, c.id, c.seconds, payload)
		}
		for i := range c.v1aLen {
			if ed25519.Verify(s.key.public, content, c.v1a[i][:]) {
				by = n
				break
			}
		}
	}
	if by < 0 {
		return -1, fmt.Errorf("%w: %s has %d well-formed v1 and %d v1a, none of them by a secret in force",
			ErrMismatch, HeaderSignature, c.v1Len, c.v1aLen)
	}
	return by, nil
}
