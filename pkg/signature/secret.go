package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Secret signs, verifies, or both. It may be copied, and used by several
// goroutines at once. The zero Secret does neither: it is an [ErrSecret]
// wherever it is used.
//
// Printed or logged, a Secret shows its kind and no more. [Secret.Text] reveals
// it.
type Secret struct {
	key   *key
	until time.Time // zero for ever
}

type kind string

const (
	symmetric kind = "whsec_"
	private   kind = "whsk_"
	public    kind = "whpk_"
)

// What a whsec_ secret may have ("Signature scheme": "At least 24 bytes (192
// bits, 512 maximum)"), and what a new one has: the length of an HMAC-SHA256,
// than which a longer key adds little (RFC 2104, section 3).
const (
	minSymmetric = 24
	maxSymmetric = 64
	newSymmetric = 32
)

// A key is behind a pointer within a pointer. For a Secret in an unexported
// field of someone else's struct, fmt doesn't call the methods below, and prints
// what it finds: behind one pointer, but not behind two.
type key struct{ *material }

type material struct {
	kind    kind
	raw     []byte             // as it is in the text, but for the long form of whsk_
	private ed25519.PrivateKey // of a whsk_
	public  ed25519.PublicKey  // of a whsk_ or whpk_
	macs    sync.Pool          // of *mac, for a whsec_
}

// ParseSecret reads a secret from its text ("Signature scheme", "Secret
// serialization"): a prefix, then base64.
//
//   - whsec_ takes 24 to 64 bytes.
//   - whsk_ takes the 32 bytes of an ed25519 private key (RFC 8032, section
//     5.1.5) or, as some senders write it, 64 with the public key behind them.
//   - whpk_ takes the 32 bytes of an ed25519 public key. One that is not a point
//     of the curve, or one of the few with which anybody can sign, is refused.
//
// White space around it is also refused. The error is an [ErrSecret] that says what is
// wrong and shows nothing of the text.
func ParseSecret(text string) (Secret, error) {
	if text == "" { // an environment variable that is not set, mostly
		return Secret{}, fmt.Errorf("%w: it is empty", ErrSecret)
	}
	prefix, encoded, _ := strings.Cut(text, "_")
	k := kind(prefix + "_")
	switch k {
	case symmetric, private, public:
	default:
		return Secret{}, fmt.Errorf("%w: it starts with none of whsec_, whsk_ and whpk_ "+
			"(bare base64 that is known to be a shared secret needs whsec_ before it)", ErrSecret)
	}
	if len(encoded) > base64.StdEncoding.EncodedLen(maxSymmetric) {
		return Secret{}, fmt.Errorf("%w: more than %d bytes follow %s", ErrSecret, maxSymmetric, k)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != encoded {
		return Secret{}, fmt.Errorf("%w: what follows %s is not base64 of the standard alphabet, "+
			"with its padding and no white space", ErrSecret, k)
	}
	secret, err := newSecret(k, raw)
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %s: %w", ErrSecret, k, err)
	}
	return secret, nil
}

func newSecret(k kind, raw []byte) (Secret, error) {
	switch k {
	case symmetric:
		if len(raw) < minSymmetric || len(raw) > maxSymmetric {
			return Secret{}, fmt.Errorf("it has %d bytes and takes %d to %d", len(raw), minSymmetric, maxSymmetric)
		}
		return Secret{key: &key{&material{kind: k, raw: raw}}}, nil
	case private:
		if len(raw) != ed25519.SeedSize && len(raw) != ed25519.PrivateKeySize {
			return Secret{}, fmt.Errorf("it has %d bytes and takes %d or %d", len(raw), ed25519.SeedSize, ed25519.PrivateKeySize)
		}
		pair := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		if len(raw) == ed25519.PrivateKeySize && !bytes.Equal(raw, pair) {
			return Secret{}, errors.New("the public key in it is not that of the private key")
		}
		return Secret{key: &key{&material{
			kind: k, raw: pair.Seed(), private: pair, public: pair.Public().(ed25519.PublicKey),
		}}}, nil
	default:
		if err := checkPublic(raw); err != nil {
			return Secret{}, err
		}
		return Secret{key: &key{&material{kind: k, raw: raw, public: raw}}}, nil
	}
}

// NewSecret makes a whsec_ secret of 32 random bytes.
func NewSecret() Secret {
	raw := make([]byte, newSymmetric)
	rand.Read(raw)
	return must(newSecret(symmetric, raw))
}

// NewKeyPair makes an ed25519 key pair: a whsk_ secret for the sender, and the
// whpk_ secret of it for the receiver.
func NewKeyPair() (privateKey, publicKey Secret) {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	privateKey = must(newSecret(private, seed))
	return privateKey, privateKey.Public()
}

func must(s Secret, err error) Secret {
	if err != nil {
		panic(err) // a secret of our own making
	}
	return s
}

// Until returns the same secret, in force before t and not from t on. The zero time means
// forever.
//
// To rotate a secret, the sender signs with the new one and, until some t, with
// the old one too. A receiver that keeps the old one for a while longer than
// that loses nothing.
func (s Secret) Until(t time.Time) Secret {
	s.until = t
	return s
}

func (s Secret) inForce(at time.Time) bool { return s.until.IsZero() || at.Before(s.until) }

// Public returns the whpk_ secret of a whsk_ one, with the same expiry. For a whpk_ secret
// it returns the secret itself, and for a whsec_ secret, which has no public part, the zero
// Secret.
func (s Secret) Public() Secret {
	if s.key == nil || s.key.public == nil {
		return Secret{}
	}
	if s.key.kind == private {
		s.key = &key{&material{kind: public, raw: s.key.public, public: s.key.public}}
	}
	return s
}

// Text reveals the secret, in the form that [ParseSecret] reads; a whsk_ secret
// is always in the short form of 32 bytes. That of the zero Secret is "".
func (s Secret) Text() string {
	if s.key == nil {
		return ""
	}
	return string(s.key.kind) + base64.StdEncoding.EncodeToString(s.key.raw)
}

// String returns the secret's kind, as whsec_***, and nothing else of it.
func (s Secret) String() string {
	if s.key == nil {
		return "no secret"
	}
	return string(s.key.kind) + "***"
}

// Format writes what [Secret.String] returns, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// A mac computes HMACs with one key. It is kept for the next payload, as the
// key takes longer to take in than a small payload does.
type mac struct {
	hash  hash.Hash
	start []byte // of the content, up to the payload
	sum   []byte
}

// authenticate returns the HMAC-SHA256 of what is signed. The payload, which may
// be large, is not copied to stand behind the rest.
func (k *material) authenticate(id string, seconds int64, payload []byte) (sum [sha256.Size]byte) {
	m, _ := k.macs.Get().(*mac)
	if m == nil {
		m = &mac{hash: hmac.New(sha256.New, k.raw)}
	}
	m.start = appendContent(m.start[:0], id, seconds, nil)
	m.hash.Reset()
	m.hash.Write(m.start)
	m.hash.Write(payload)
	m.sum = m.hash.Sum(m.sum[:0])
	copy(sum[:], m.sum)
	k.macs.Put(m)
	return sum
}

// checkPublic refuses what is not a public key of ed25519 (RFC 8032, section
// 5.1.3), and the points of small order, such as all zeros: for these one can
// find signatures without any private key. The keys are public, so this need
// not take constant time.
func checkPublic(raw []byte) error {
	if len(raw) != ed25519.PublicKeySize {
		return fmt.Errorf("it has %d bytes and takes %d", len(raw), ed25519.PublicKeySize)
	}
	one := big.NewInt(1)
	p := new(big.Int).Lsh(one, 255)
	p.Sub(p, big.NewInt(19))
	reduced := func(z *big.Int) *big.Int { return z.Mod(z, p) }

	bigEndian := slices.Clone(raw)
	slices.Reverse(bigEndian)
	bigEndian[0] &= 0x7f // without the sign of x
	y := new(big.Int).SetBytes(bigEndian)
	if y.Cmp(p) >= 0 {
		return errors.New("it is not a public key: its number is too large")
	}
	// The curve is -x² + y² = 1 + dx²y², so x² = (y² - 1) / (dy² + 1).
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d = reduced(d.Mul(d, big.NewInt(-121665)))
	yy := reduced(new(big.Int).Mul(y, y))
	below := reduced(d.Add(d.Mul(d, yy), one))
	xx := new(big.Int).Sub(yy, one)
	xx = reduced(xx.Mul(xx, below.ModInverse(below, p)))
	if big.Jacobi(xx, p) < 0 {
		return errors.New("it is not a public key: there is no such point on the curve")
	}
	// Where x is 0 the order is 1 or 2; where y is, 4; and where doubling gives
	// such a point, which it does if x² + y² = 0, 8. Every other order is large.
	if xx.Sign() == 0 || y.Sign() == 0 || reduced(yy.Add(yy, xx)).Sign() == 0 {
		return errors.New("with a public key of so small an order anybody can sign")
	}
	return nil
}
