package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/signature"
)

// FuzzVerify holds the verifier to a reference that shares none of its code, on
// requests that are made up altogether, and on signed ones in which a bit was
// flipped. The two must accept the same.
func FuzzVerify(f *testing.F) {
	const (
		signV1  = 1 << iota // append a signature by a secret in force
		signV1a             // the same
		expired             // the same by a secret that is not in force
		old                 // the same by one that was the secret before, in force
		again               // send a header twice
	)
	v1, former, gone := parse(f, testSecret), signature.NewSecret(), signature.NewSecret()
	private := parse(f, testPrivate)
	v := signature.Verifier{
		Secrets: []signature.Secret{v1, private.Public(), former.Until(testTime.Add(1)), gone.Until(testTime)},
	}
	for _, vector := range vectors(f) {
		f.Add(vector.ID, strconv.FormatInt(vector.Timestamp, 10), vector.Signature, []byte(vector.Payload), uint8(0), uint32(0))
	}
	for _, options := range []uint8{signV1, signV1a, expired, old, signV1 | signV1a | expired | old, signV1 | again} {
		f.Add(testID, "1614265330", "", []byte(testPayload), options, uint32(0))
		f.Add(testID, "1614265631", "v2,x", []byte(nil), options, uint32(77))
	}
	f.Add("a.1", "2", "v1,", []byte("b"), uint8(signV1), uint32(0))
	f.Add("a", "1614265030", "v1,\nv1a,\r", []byte("2.b"), uint8(signV1a), uint32(0))
	f.Add("a", "01614265330", "  ", []byte{0xff}, uint8(signV1|signV1a), uint32(400))

	f.Fuzz(func(t *testing.T, id, timestamp, signatures string, payload []byte, options uint8, flip uint32) {
		content := []byte(id + "." + timestamp + "." + string(payload))
		for _, s := range []struct {
			option uint8
			value  string
		}{
			{signV1, referenceV1(v1, content)},
			{signV1a, referenceV1a(private, content)},
			{expired, referenceV1(gone, content)},
			{old, referenceV1(former, content)},
		} {
			if options&s.option != 0 {
				signatures += " " + s.value
			}
		}
		payload = bytes.Clone(payload)
		if flip != 0 { // counted through all the parts, as bits
			parts := [][]byte{[]byte(id), []byte(timestamp), []byte(signatures), payload}
			at := int(flip-1) / 8 % max(1, len(id)+len(timestamp)+len(signatures)+len(payload))
			for _, part := range parts {
				if at >= 0 && at < len(part) {
					part[at] ^= 1 << ((flip - 1) % 8)
				}
				at -= len(part)
			}
			id, timestamp, signatures = string(parts[0]), string(parts[1]), string(parts[2])
		}
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signatures}}
		want := referenceVerify(id, timestamp, signatures, payload, private.Public(), v1, former)
		if options&again != 0 {
			h.Add("Webhook-Id", id)
			want = false
		}

		at(testTime, func(t *testing.T) {
			by, err := v.Verify(h, payload)
			if (err == nil) != want || (by >= 0) != want {
				t.Fatalf("got %d, %v, want acceptance to be %v\n%q\n%q", by, err, want, h, payload)
			}
			if err != nil {
				checkError(t, err)
				for _, s := range []signature.Secret{v1, former, gone} {
					expected := referenceV1(s, content)
					if strings.Contains(err.Error(), expected[len("v1,"):]) || strings.Contains(err.Error(), s.Text()) {
						t.Errorf("the error tells a secret: %v", err)
					}
				}
			}
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(payload))
			r.Header = h
			read, err := v.VerifyRequest(r)
			if (err == nil) != want || (want && !bytes.Equal(read, payload)) || (!want && read != nil) {
				t.Fatalf("of a request: got %q, %v, want acceptance to be %v", read, err, want)
			}
		})(t)
	})
}

var (
	referenceID        = regexp.MustCompile(`\A[!-~]{1,256}\z`)
	referenceTimestamp = regexp.MustCompile(`\A(0|[1-9][0-9]{0,17})\z`)
	referenceBase64    = regexp.MustCompile(`\A[A-Za-z0-9+/]*={0,2}\z`)
)

// referenceVerify reports whether a request is genuine at testTime, from the
// specification and with no thought of time or memory.
func referenceVerify(id, timestamp, signatures string, payload []byte, public signature.Secret, secrets ...signature.Secret) bool {
	if !referenceID.MatchString(id) || strings.Contains(id, ".") || !referenceTimestamp.MatchString(timestamp) {
		return false
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds < testTime.Unix()-300 || seconds > testTime.Unix()+300 {
		return false
	}
	all := strings.Split(signatures, " ")
	if len(all) > 16 {
		return false
	}
	content := []byte(id + "." + timestamp + "." + string(payload))
	for _, one := range all {
		for _, s := range secrets {
			if one == referenceV1(s, content) {
				return true
			}
		}
		encoded, ok := strings.CutPrefix(one, "v1a,")
		if !ok || !referenceBase64.MatchString(encoded) {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err == nil && base64.StdEncoding.EncodeToString(raw) == encoded && len(raw) == ed25519.SignatureSize &&
			ed25519.Verify(bytesOf(public), content, raw) {
			return true
		}
	}
	return false
}

func bytesOf(s signature.Secret) []byte {
	_, encoded, _ := strings.Cut(s.Text(), "_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		panic(err)
	}
	return raw
}

func referenceV1(s signature.Secret, content []byte) string {
	h := hmac.New(sha256.New, bytesOf(s))
	h.Write(content)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func referenceV1a(s signature.Secret, content []byte) string {
	return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(bytesOf(s)), content))
}

// checkError holds an error about a request to what is promised of it.
func checkError(t *testing.T, err error) {
	t.Helper()
	kinds := 0
	for _, kind := range []error{
		signature.ErrHeaderMissing, signature.ErrHeaderMalformed,
		signature.ErrTooOld, signature.ErrTooNew, signature.ErrMismatch,
	} {
		if errors.Is(err, kind) {
			kinds++
		}
	}
	if kinds != 1 || len(err.Error()) > 300 {
		t.Errorf("an error of %d kinds: %v", kinds, err)
	}
}

// FuzzParseSecret parses arbitrary text. What is accepted is of one form, and
// what isn't, appears nowhere.
func FuzzParseSecret(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Signer)
		f.Add(v.Verifier)
	}
	for _, n := range []int{0, 23, 24, 32, 64, 65} {
		for _, prefix := range []string{"", "whsec_", "whsk_", "whpk_"} {
			f.Add(prefix + base64Of(n))
		}
	}
	f.Add("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS\n")
	said := regexp.MustCompile(`\Asignature: unusable secret: (` + strings.Join([]string{
		`it is empty`,
		`it starts with none of whsec_, whsk_ and whpk_ \(bare base64 that is known to be a shared secret needs whsec_ before it\)`,
		`more than 64 bytes follow wh(sec|sk|pk)_`,
		`what follows wh(sec|sk|pk)_ is not base64 of the standard alphabet, with its padding and no white space`,
		`whsec_: it has [0-9]{1,2} bytes and takes 24 to 64`,
		`whsk_: it has [0-9]{1,2} bytes and takes 32 or 64`,
		`whpk_: it has [0-9]{1,2} bytes and takes 32`,
		`whsk_: the public key in it is not that of the private key`,
		`whpk_: it is not a public key: (its number is too large|there is no such point on the curve)`,
		`whpk_: with a public key of so small an order anybody can sign`,
	}, "|") + `)\z`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := signature.ParseSecret(text)
		if err != nil {
			if !errors.Is(err, signature.ErrSecret) || !said.MatchString(err.Error()) {
				t.Errorf("an error that isn't known to hide the secret: %v", err)
			}
			return
		}
		long := strings.HasPrefix(text, "whsk_") && len(text) == len("whsk_")+base64.StdEncoding.EncodedLen(64)
		if s.Text() != text && !long {
			t.Errorf("%q gives %q", text, s.Text())
		}
		if again := parse(t, s.Text()); again.Text() != s.Text() {
			t.Errorf("%q gives %q, which gives %q", text, s.Text(), again.Text())
		}
		if strings.HasPrefix(text, "whpk_") {
			if _, err := signature.Sign(testID, testTime, nil, s); !errors.Is(err, signature.ErrSecret) {
				t.Errorf("a public key signs: %v", err)
			}
			return
		}
		verifier := s
		if public := s.Public(); public.Text() != "" {
			verifier = public
		}
		v := signature.Verifier{Secrets: []signature.Secret{verifier}, Tolerance: whenever}
		if err := verify(v, signed(t, testID, testTime, testPayload, s), testPayload); err != nil {
			t.Errorf("what %v signs, %v refuses: %v", s, verifier, err)
		}
	})
}
