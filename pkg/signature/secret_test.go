package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/signature"
)

func base64Of(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xa5}, n)) }

func TestParseSecret(t *testing.T) {
	pair := "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	tests := []struct {
		name, text string
		want       string // the text that it gives; empty for the same
		err        string // a part of it
	}{
		{name: "whsec_", text: testSecret},
		{name: "24 bytes", text: "whsec_" + base64Of(24)},
		{name: "64 bytes", text: "whsec_" + base64Of(64)},
		{name: "whsk_", text: testPrivate},
		{name: "whsk_ with its public key", text: "whsk_" + pair, want: "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc="},
		{name: "whpk_", text: "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="},

		{name: "empty", text: "", err: "it is empty"},
		{name: "without a prefix", text: testSecret[len("whsec_"):], err: "none of whsec_, whsk_ and whpk_"},
		{name: "unknown prefix", text: "whxx_" + base64Of(32), err: "none of whsec_, whsk_ and whpk_"},
		{name: "capitals", text: "WHSEC_" + base64Of(32), err: "none of whsec_, whsk_ and whpk_"},
		{name: "prefix only", text: "whsec_", err: "it has 0 bytes and takes 24 to 64"},
		{name: "23 bytes", text: "whsec_" + base64Of(23), err: "it has 23 bytes and takes 24 to 64"},
		{name: "65 bytes", text: "whsec_" + base64Of(65), err: "it has 65 bytes and takes 24 to 64"},
		{name: "67 bytes", text: "whsec_" + base64Of(67), err: "more than 64 bytes follow whsec_"},
		{name: "a million bytes", text: "whsec_" + base64Of(1e6), err: "more than 64 bytes follow whsec_"},
		{name: "whsk_ of 31 bytes", text: "whsk_" + base64Of(31), err: "it has 31 bytes and takes 32 or 64"},
		{name: "whsk_ of 33 bytes", text: "whsk_" + base64Of(33), err: "it has 33 bytes and takes 32 or 64"},
		{name: "whsk_ with another public key", text: "whsk_" + base64Of(64), err: "not that of the private key"},
		{name: "whpk_ of 31 bytes", text: "whpk_" + base64Of(31), err: "it has 31 bytes and takes 32"},
		{name: "whpk_ of 64 bytes", text: "whpk_" + pair, err: "it has 64 bytes and takes 32"},
		{name: "space before", text: " " + testSecret, err: "none of whsec_, whsk_ and whpk_"},
		{name: "line end after", text: testSecret + "\n", err: "no white space"},
		{name: "line end within", text: testSecret[:12] + "\n" + testSecret[12:], err: "no white space"},
		{name: "not base64", text: "whsec_" + strings.Repeat("!", 32), err: "not base64"},
		{name: "base64 for URLs", text: "whsec_" + base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)), err: "not base64"},
		{name: "without padding", text: strings.TrimRight("whsec_"+base64Of(32), "="), err: "not base64"},
		{name: "bits in the padding", text: strings.TrimRight("whsec_"+base64Of(32), "U=") + "V=", err: "not base64"},
		{name: "padding twice", text: "whsec_" + base64Of(32) + "====", err: "not base64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := signature.ParseSecret(test.text)
			if test.err != "" {
				if !errors.Is(err, signature.ErrSecret) || !strings.Contains(fmt.Sprint(err), test.err) {
					t.Errorf("got error %v, want %q", err, test.err)
				}
				if got != (signature.Secret{}) {
					t.Errorf("got %v, want the zero Secret", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				test.want = test.text
			}
			if got.Text() != test.want {
				t.Errorf("got %s, want %s", got.Text(), test.want)
			}
		})
	}
}

// TestPublicKeys tells public keys from bytes that are none, and from the keys
// for which anybody finds signatures.
func TestPublicKeys(t *testing.T) {
	prime := "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" // 2^255 - 19
	tests := []struct{ name, key, err string }{
		{"order 1", "01" + strings.Repeat("00", 31), "anybody can sign"},
		{"order 2", "ec" + strings.Repeat("ff", 30) + "7f", "anybody can sign"},
		{"order 4", strings.Repeat("00", 32), "anybody can sign"},
		{"order 4, negative", strings.Repeat("00", 31) + "80", "anybody can sign"},
		{"order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "anybody can sign"},
		{"order 8, negative", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "anybody can sign"},
		{"order 8, the other", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "anybody can sign"},
		{"order 8, the other, negative", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "anybody can sign"},
		{"order 1, sign without x", "01" + strings.Repeat("00", 30) + "80", "anybody can sign"},
		{"order 4, not reduced", prime, "too large"},
		{"order 1, not reduced", "ee" + prime[2:], "too large"},
		{"all ones", strings.Repeat("ff", 32), "too large"},
		{"not on the curve", "02" + strings.Repeat("00", 31), "no such point"},
		{"base point", "58" + strings.Repeat("66", 31), ""},
		{"base point, negative", "58" + strings.Repeat("66", 30) + "e6", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			raw, err := hex.DecodeString(test.key)
			if err != nil {
				t.Fatal(err)
			}
			_, err = signature.ParseSecret("whpk_" + base64.StdEncoding.EncodeToString(raw))
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("got error %v, want %q", err, test.err)
			}
			if test.err == "anybody can sign" && !forgeable(raw) {
				t.Error("no forgery was found; is the test right?")
			}
			if test.err == "" && forgeable(raw) {
				t.Error("a forgery was found")
			}
		})
	}
	for range 100 {
		public, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signature.ParseSecret("whpk_" + base64.StdEncoding.EncodeToString(public)); err != nil {
			t.Errorf("%x: %v", public, err)
		}
	}
}

// forgeable reports whether a signature without a private key is good for one of
// some contents: the one that has the neutral point and 0 as its two halves.
func forgeable(public ed25519.PublicKey) bool {
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1
	for n := range 200 {
		if ed25519.Verify(public, fmt.Append(nil, n), forged) {
			return true
		}
	}
	return false
}

func TestNewSecrets(t *testing.T) {
	private, public := signature.NewKeyPair()
	again, _ := signature.NewKeyPair()
	secret := signature.NewSecret()
	for _, test := range []struct {
		prefix    string
		s, unlike signature.Secret
	}{
		{"whsec_", secret, signature.NewSecret()},
		{"whsk_", private, again},
		{"whpk_", public, again.Public()},
	} {
		text := test.s.Text()
		if parse(t, text).Text() != text || !strings.HasPrefix(text, test.prefix) || text == test.unlike.Text() {
			t.Errorf("%s: got %s, and then %s", test.prefix, text, test.unlike.Text())
		}
		if n := len(text) - len(test.prefix); n != base64.StdEncoding.EncodedLen(32) {
			t.Errorf("%s: %d characters", test.prefix, n)
		}
	}
	if private.Public().Text() != public.Text() || public.Public().Text() != public.Text() {
		t.Errorf("public keys: %s, %s, %s", private.Public().Text(), public.Public().Text(), public.Text())
	}
	if got := private.Until(testTime).Public(); got == private.Public() {
		t.Error("the public key has lost its expiry")
	}
	if got := secret.Public(); got != (signature.Secret{}) {
		t.Errorf("a shared secret has the public key %v", got)
	}
	if got := (signature.Secret{}); got.Text() != "" || got.Public() != got || got.String() != "no secret" {
		t.Errorf("zero Secret: %q, %v, %q", got.Text(), got.Public(), got.String())
	}
}

// TestRedaction prints secrets in every way at hand.
func TestRedaction(t *testing.T) {
	for _, text := range []string{testSecret, testPrivate, parse(t, testPrivate).Public().Text()} {
		s := parse(t, text)
		prefix, encoded, _ := strings.Cut(text, "_")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		type hidden struct{ s signature.Secret }
		var log bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
			slog.New(handler).Info("secret", "plain", s, "pointer", &s, "list", []signature.Secret{s},
				"hidden", hidden{s}, "verifier", signature.Verifier{Secrets: []signature.Secret{s}})
		}
		encodedJSON, err := json.Marshal(map[string]any{"plain": s, "hidden": hidden{s}})
		if err != nil {
			t.Fatal(err)
		}
		shown := []string{s.String(), log.String(), string(encodedJSON)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%10v"} {
			for _, value := range []any{s, &s, []signature.Secret{s}, map[string]signature.Secret{"a": s}, hidden{s}, &hidden{s},
				signature.Verifier{Secrets: []signature.Secret{s}}} {
				shown = append(shown, fmt.Sprintf(verb, value))
			}
		}
		for _, leak := range []string{
			encoded, string(raw), hex.EncodeToString(raw), fmt.Sprintf("%X", raw), fmt.Sprintf("% x", raw),
			strings.Trim(fmt.Sprint(raw), "[]"), strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}"),
		} {
			for _, text := range shown {
				if strings.Contains(text, leak) {
					t.Errorf("%s shows %s", text, leak)
				}
			}
		}
		if got, want := fmt.Sprint(s), prefix+"_***"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
