// Package keyring encrypts secrets of endpoints and sessions of pages, with keys that
// can be replaced one by one.
//
// A [Ring] has one or several keys. The first encrypts, and all decrypt: to replace a key,
// put a new one in front of it, encrypt everything anew with [Ring.Reseal], and then remove
// the old one. ADR 23 says why it is done like this.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// Errors of [Ring.Open] and [Ring.Reseal]; errors.Is finds them.
var (
	// ErrKey: it was sealed with a key that the ring doesn't have.
	ErrKey = errors.New("it was encrypted with a key that is not in the key file")
	// ErrDamaged: it was changed, is not of this package, or belongs to something
	// else.
	ErrDamaged = errors.New("it can't be decrypted: it is damaged, or belongs to something else")
)

// A Ring has the keys. It may be used by several goroutines at once. Printed or
// logged, it shows the ids of its keys and no more.
type Ring struct {
	keys []key // the first seals
}

type key struct {
	id   string
	aead cipher.AEAD
}

const (
	keyBytes = 32
	// version is the first byte of what is sealed. Behind it are the length of the
	// key's id, the id, the nonce, and what AES-GCM returns.
	version = 1
)

var keyID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// NewKey returns the text of a new key: its id, a colon, and 32 random bytes in
// base64.
func NewKey(id string) (string, error) {
	if !keyID.MatchString(id) {
		return "", fmt.Errorf("%q can't be the id of a key: it has up to 32 of a-z, 0-9 and -", id)
	}
	secret := make([]byte, keyBytes)
	rand.Read(secret)
	return id + ":" + base64.StdEncoding.EncodeToString(secret), nil
}

// Parse reads keys as [NewKey] returns them, one a line, the one that encrypts
// first. Blank lines and those that start with # are skipped. Errors say which line
// they are about, and show nothing of it.
func Parse(text string) (*Ring, error) {
	r := &Ring{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, encoded, ok := strings.Cut(line, ":")
		if !ok || !keyID.MatchString(id) {
			return nil, fmt.Errorf("line %d of the keys is not like k1:BASE64, where k1 is an id of up to 32 of a-z, 0-9 and -", n)
		}
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(secret) != keyBytes {
			return nil, fmt.Errorf("line %d of the keys doesn't have %d bytes in base64 behind the colon", n, keyBytes)
		}
		if r.find(id) != nil {
			return nil, fmt.Errorf("line %d of the keys has the same id as an earlier one", n)
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, key{id, aead})
	}
	if len(r.keys) == 0 {
		return nil, errors.New("there is no key; a line like k1:BASE64 is one")
	}
	return r, nil
}

// Seal encrypts what is secret of something with an id, such as an endpoint. Only the
// ring's keys and the same id decrypt it.
func (r *Ring) Seal(plain []byte, of string) []byte {
	k := &r.keys[0]
	sealed := append([]byte{version, byte(len(k.id))}, k.id...)
	head := len(sealed)
	sealed = append(sealed, make([]byte, k.aead.NonceSize())...)
	nonce := sealed[head:]
	rand.Read(nonce)
	return k.aead.Seal(sealed, nonce, plain, additional(sealed[:head], of))
}

// Open decrypts what Seal returned. Its error is ErrKey or ErrDamaged.
func (r *Ring) Open(sealed []byte, of string) ([]byte, error) {
	id, head, err := keyOf(sealed)
	if err != nil {
		return nil, err
	}
	k := r.find(id)
	if k == nil {
		return nil, fmt.Errorf("key %s: %w", id, ErrKey)
	}
	size := k.aead.NonceSize()
	if len(sealed) < head+size {
		return nil, ErrDamaged
	}
	plain, err := k.aead.Open(nil, sealed[head:head+size], sealed[head+size:], additional(sealed[:head], of))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// Reseal returns what is sealed as it is, and false, if the ring's first key sealed
// it; and otherwise sealed anew, and true.
func (r *Ring) Reseal(sealed []byte, of string) ([]byte, bool, error) {
	if id, _, err := keyOf(sealed); err == nil && id == r.keys[0].id {
		return sealed, false, nil
	}
	plain, err := r.Open(sealed, of)
	if err != nil {
		return nil, false, err
	}
	return r.Seal(plain, of), true, nil
}

// String returns the ids of the keys.
func (r *Ring) String() string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id
	}
	return "keys " + strings.Join(ids, ", ")
}

// Format writes what String returns, whatever the verb.
func (r *Ring) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// LogValue returns what String returns.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

func (r *Ring) find(id string) *key {
	for i := range r.keys {
		if r.keys[i].id == id {
			return &r.keys[i]
		}
	}
	return nil
}

// keyOf returns the id of the key that sealed, and where the nonce starts.
func keyOf(sealed []byte) (id string, head int, err error) {
	if len(sealed) < 2 || sealed[0] != version || len(sealed) < 2+int(sealed[1]) {
		return "", 0, ErrDamaged
	}
	head = 2 + int(sealed[1])
	if id = string(sealed[2:head]); !keyID.MatchString(id) {
		return "", 0, ErrDamaged
	}
	return id, head, nil
}

// additional is what is not secret and must not change: the head, whose length it
// has in it, and whose secret it is.
func additional(head []byte, of string) []byte {
	return append(append([]byte{}, head...), of...)
}
