package keyring_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/keyring"
)

const endpoint = "0197f9a8-2f0e-7c35-9d67-1f0a5b6c7d8e"

func newKey(t *testing.T, id string) string {
	t.Helper()
	text, err := keyring.NewKey(id)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func parse(t *testing.T, text string) *keyring.Ring {
	t.Helper()
	r, err := keyring.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRotation(t *testing.T) {
	k1, k2 := newKey(t, "k1"), newKey(t, "k2")
	before, both, after := parse(t, k1), parse(t, "# new\n\n"+k2+"\n"+k1+"\r\n"), parse(t, k2)
	plain := []byte("whsec_something")

	sealed := before.Seal(plain, endpoint)
	if bytes.Contains(sealed, plain) {
		t.Error("it is not encrypted")
	}
	if bytes.Equal(sealed, before.Seal(plain, endpoint)) {
		t.Error("sealing twice gives the same, so the nonce is the same")
	}
	if got, err := both.Open(sealed, endpoint); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("Open with both keys = %q, %v", got, err)
	}
	if _, err := after.Open(sealed, endpoint); !errors.Is(err, keyring.ErrKey) {
		t.Errorf("Open without its key: %v, want ErrKey", err)
	}
	resealed, changed, err := both.Reseal(sealed, endpoint)
	if err != nil || !changed {
		t.Fatalf("Reseal = %t, %v", changed, err)
	}
	if got, err := after.Open(resealed, endpoint); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("Open of what is resealed = %q, %v", got, err)
	}
	if again, changed, err := both.Reseal(resealed, endpoint); err != nil || changed || !bytes.Equal(again, resealed) {
		t.Errorf("Reseal of what is resealed changed it: %t, %v", changed, err)
	}
}

// Whatever byte is changed, cut or added, and for any other endpoint, nothing is
// decrypted.
func TestDamaged(t *testing.T) {
	r := parse(t, newKey(t, "k1")+"\n"+newKey(t, "k2"))
	sealed := r.Seal([]byte("secret"), endpoint)
	refused := func(what string, sealed []byte, id string) {
		t.Helper()
		if plain, err := r.Open(sealed, id); err == nil {
			t.Errorf("%s: Open returned %q", what, plain)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		refused(fmt.Sprintf("byte %d changed", i), changed, endpoint)
		refused(fmt.Sprintf("cut to %d bytes", i), sealed[:i], endpoint)
	}
	refused("a byte added", append(bytes.Clone(sealed), 0), endpoint)
	refused("another endpoint", sealed, endpoint[:len(endpoint)-1]+"f")
}

func TestParseErrors(t *testing.T) {
	secret := strings.Repeat("Sg", 21) // not the length of a key
	for _, text := range []string{
		"", "# nothing\n", "no colon " + secret, "k1:" + secret, ":" + secret, "K1:" + secret, "k 1:" + secret,
		"k1:not base64 " + secret, newKey(t, "k1") + "\n" + newKey(t, "k1"),
	} {
		r, err := keyring.Parse(text)
		if err == nil {
			t.Errorf("Parse(%q) = %v", text, r)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("Parse(%q): the error has the key in it: %v", text, err)
		}
	}
	if _, err := keyring.NewKey("no good"); err == nil {
		t.Error("NewKey takes an id that Parse doesn't")
	}
}

func TestShowsNothing(t *testing.T) {
	text := newKey(t, "k1")
	r := parse(t, text)
	secret, _ := base64.StdEncoding.DecodeString(text[len("k1:"):])
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "ring", r)
	for _, shown := range []string{
		fmt.Sprint(r), fmt.Sprintf("%v %+v %#v %s %q %x", r, r, r, r, r, r), fmt.Sprintf("%#v", struct{ R *keyring.Ring }{r}), log.String(),
	} {
		for _, secret := range []string{text[len("k1:"):], string(secret), fmt.Sprintf("%x", secret)} {
			if strings.Contains(shown, secret) {
				t.Errorf("a key is shown: %s", shown)
			}
		}
	}
	if want := "keys k1"; r.String() != want {
		t.Errorf("String() = %q, want %q", r, want)
	}
}

func FuzzOpen(f *testing.F) {
	text, err := keyring.NewKey("k1")
	if err != nil {
		f.Fatal(err)
	}
	r, err := keyring.Parse(text)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{1, 2, 'k', '1'})
	f.Add([]byte{1, 255})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := r.Open(sealed, endpoint); err == nil {
			t.Errorf("Open(%x) = %q", sealed, plain)
		}
	})
}
