package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

// TestHeaders changes one header of a genuine request at a time.
func TestHeaders(t *testing.T) {
	secret, private := parse(t, testSecret), parse(t, testPrivate)
	const (
		v1  = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
		v1a = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
		bad = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
	)
	const id, timestamp, signatures = "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"
	tests := []struct {
		name   string
		header string
		values []string
		want   error
	}{
		{"as it was sent", "Other", nil, nil},
		{"v1a", signatures, []string{v1a}, nil},
		{"both", signatures, []string{v1 + " " + v1a}, nil},
		{"second of two", signatures, []string{bad + " " + v1}, nil},
		{"first of two", signatures, []string{v1 + " " + bad}, nil},
		{"among versions to come", signatures, []string{"v1,Ceo5 v2,abc v1b," + v1[3:] + " " + v1 + " v1"}, nil},
		{"the wrong one of the right version, then the other", signatures, []string{bad + " " + v1a}, nil},
		{"further spaces", signatures, []string{"  " + v1 + "  "}, nil},
		{"last of 16", signatures, []string{strings.Repeat(bad+" ", 15) + v1}, nil},

		{"no id", id, nil, signature.ErrHeaderMissing},
		{"no timestamp", timestamp, nil, signature.ErrHeaderMissing},
		{"no signature", signatures, nil, signature.ErrHeaderMissing},
		{"empty id", id, []string{""}, signature.ErrHeaderMissing},
		{"empty timestamp", timestamp, []string{""}, signature.ErrHeaderMissing},
		{"empty signature", signatures, []string{""}, signature.ErrHeaderMissing},
		{"id twice", id, []string{testID, testID}, signature.ErrHeaderMalformed},
		{"timestamp twice", timestamp, []string{"1614265330", "1614265330"}, signature.ErrHeaderMalformed},
		{"signature twice", signatures, []string{v1, v1}, signature.ErrHeaderMalformed},
		{"first of two empty", id, []string{"", testID}, signature.ErrHeaderMalformed},
		{"another id", id, []string{"msg_2"}, signature.ErrMismatch},
		{"id in capitals", id, []string{strings.ToUpper(testID)}, signature.ErrMismatch},

		{"another second", timestamp, []string{"1614265331"}, signature.ErrMismatch},
		{"plus", timestamp, []string{"+1614265330"}, signature.ErrHeaderMalformed},
		{"minus", timestamp, []string{"-1614265330"}, signature.ErrHeaderMalformed},
		{"space before", timestamp, []string{" 1614265330"}, signature.ErrHeaderMalformed},
		{"space after", timestamp, []string{"1614265330 "}, signature.ErrHeaderMalformed},
		{"leading zero", timestamp, []string{"01614265330"}, signature.ErrHeaderMalformed},
		{"two zeros", timestamp, []string{"00"}, signature.ErrHeaderMalformed},
		{"fraction", timestamp, []string{"1614265330.0"}, signature.ErrHeaderMalformed},
		{"exponent", timestamp, []string{"1e9"}, signature.ErrHeaderMalformed},
		{"hexadecimal", timestamp, []string{"0x60379e32"}, signature.ErrHeaderMalformed},
		{"underscore", timestamp, []string{"1_614_265_330"}, signature.ErrHeaderMalformed},
		{"other digits", timestamp, []string{"١٦١٤٢٦٥٣٣٠"}, signature.ErrHeaderMalformed},
		{"a date", timestamp, []string{"2021-02-25T15:02:10Z"}, signature.ErrHeaderMalformed},
		{"19 digits", timestamp, []string{"1000000000000000000"}, signature.ErrHeaderMalformed},
		{"64 bits", timestamp, []string{fmt.Sprint(uint64(math.MaxUint64))}, signature.ErrHeaderMalformed},
		{"a million digits", timestamp, []string{strings.Repeat("1", 1e6)}, signature.ErrHeaderMalformed},
		{"18 digits", timestamp, []string{strings.Repeat("9", 18)}, signature.ErrTooNew},
		{"milliseconds", timestamp, []string{"1614265330000"}, signature.ErrTooNew},
		{"1970", timestamp, []string{"0"}, signature.ErrTooOld},

		{"another signature", signatures, []string{bad}, signature.ErrMismatch},
		{"no version", signatures, []string{v1[3:]}, signature.ErrMismatch},
		{"version only", signatures, []string{"v1,"}, signature.ErrMismatch},
		{"no comma", signatures, []string{"v1"}, signature.ErrMismatch},
		{"only a version to come", signatures, []string{"v2," + v1[3:]}, signature.ErrMismatch},
		{"version of the other scheme", signatures, []string{"v1a," + v1[3:]}, signature.ErrMismatch},
		{"version in capitals", signatures, []string{"V1," + v1[3:]}, signature.ErrMismatch},
		{"comma between two", signatures, []string{bad + "," + v1}, signature.ErrMismatch},
		{"comma and space between two", signatures, []string{v1 + ", " + bad}, signature.ErrMismatch},
		{"tab between two", signatures, []string{bad + "\t" + v1}, signature.ErrMismatch},
		{"more behind it", signatures, []string{v1 + ",x"}, signature.ErrMismatch},
		{"without padding", signatures, []string{strings.TrimRight(v1, "=")}, signature.ErrMismatch},
		{"bits in the padding", signatures, []string{strings.TrimRight(v1, "E=") + "F="}, signature.ErrMismatch},
		{"line end for padding", signatures, []string{strings.TrimRight(v1, "=") + "\n"}, signature.ErrMismatch},
		{"line end within", signatures, []string{v1[:20] + "\n" + v1[20:]}, signature.ErrMismatch},
		{"in hexadecimal", signatures, []string{"v1,83484cf52b04f8e4cf2531adfed9882ad4b2665137b852442d594d20e2c9d4e1"}, signature.ErrMismatch},
		{"zeros", signatures, []string{"v1," + strings.Repeat("A", 43) + "= v1a," + strings.Repeat("A", 86) + "=="}, signature.ErrMismatch},
		{"as in the specification, for other secrets", signatures, []string{
			"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
		}, signature.ErrMismatch},
		{"17", signatures, []string{v1 + strings.Repeat(" "+bad, 16)}, signature.ErrHeaderMalformed},
		{"17 of versions to come", signatures, []string{v1 + strings.Repeat(" v3,x", 16)}, signature.ErrHeaderMalformed},
		{"a million spaces", signatures, []string{v1 + strings.Repeat(" ", 1e6)}, signature.ErrHeaderMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := signed(t, testID, testTime, testPayload, secret)
			delete(h, test.header)
			if test.values != nil {
				h[test.header] = test.values
			}
			v := signature.Verifier{Secrets: []signature.Secret{secret, private.Public()}, Now: clock(testTime)}
			err := v.Verify(h, []byte(testPayload))
			if !errors.Is(err, test.want) || (err != nil && len(err.Error()) > 300) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// TestErrorCounts shows what a mismatch says, by which a wrong scheme is told
// from a wrong secret.
func TestErrorCounts(t *testing.T) {
	v := signature.Verifier{Secrets: []signature.Secret{parse(t, testPrivate).Public()}, Now: clock(testTime)}
	err := v.Verify(signed(t, testID, testTime, testPayload, parse(t, testSecret)), []byte(testPayload))
	const want = "signature: no signature matches: Webhook-Signature has 1 well-formed v1 and 0 v1a, none of them by a secret in force"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestFlippedBits flips every bit of every header and of the payload, and
// removes and adds a byte everywhere.
func TestFlippedBits(t *testing.T) {
	secret, private := parse(t, testSecret), parse(t, testPrivate)
	for _, scheme := range []struct {
		name             string
		signer, verifier signature.Secret
	}{{"v1", secret, secret}, {"v1a", private, private.Public()}} {
		t.Run(scheme.name, func(t *testing.T) {
			h := signed(t, testID, testTime, testPayload, scheme.signer)
			// Without a limit of time: it is the signature that refuses.
			v := signature.Verifier{
				Secrets: []signature.Secret{scheme.verifier, signature.NewSecret()},
				Now:     clock(testTime), Tolerance: math.MaxInt64,
			}
			if err := v.Verify(h, []byte(testPayload)); err != nil {
				t.Fatal(err)
			}
			parts := []string{"payload", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}
			refused := map[string]int{}
			for _, part := range parts {
				original := testPayload
				if part != "payload" {
					original = h.Get(part)
				}
				for _, changed := range alterations(original) {
					altered, payload := maps.Clone(h), changed
					if part != "payload" {
						altered[part], payload = []string{changed}, testPayload
					}
					if err := v.Verify(altered, []byte(payload)); err == nil {
						t.Errorf("%s %q was changed to %q, and is accepted", part, original, changed)
					}
					refused[part]++
				}
			}
			for _, part := range parts {
				t.Logf("%s: %d alterations refused", part, refused[part])
			}
		})
	}
}

// alterations gives text with a bit flipped, with a byte removed, and with one
// doubled, everywhere.
func alterations(text string) []string {
	var all []string
	for i := range len(text) {
		for bit := range 8 {
			b := []byte(text)
			b[i] ^= 1 << bit
			all = append(all, string(b))
		}
		all = append(all, text[:i]+text[i+1:], text[:i+1]+text[i:])
	}
	return all
}

// TestFlippedSignatureBits flips every bit of the decoded signatures, and every
// bit that their base64 has to spare.
func TestFlippedSignatureBits(t *testing.T) {
	secret, private := parse(t, testSecret), parse(t, testPrivate)
	v := signature.Verifier{Secrets: []signature.Secret{secret, private.Public()}, Now: clock(testTime)}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for _, s := range []signature.Secret{secret, private} {
		h := signed(t, testID, testTime, testPayload, s)
		version, encoded, _ := strings.Cut(h.Get("Webhook-Signature"), ",")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for i := range raw {
			for bit := range 8 {
				flipped := slices.Clone(raw)
				flipped[i] ^= 1 << bit
				all = append(all, base64.StdEncoding.EncodeToString(flipped))
			}
		}
		unpadded := strings.TrimRight(encoded, "=")
		for _, c := range alphabet {
			last := unpadded[:len(unpadded)-1] + string(c) + encoded[len(unpadded):]
			if last == encoded {
				continue
			}
			if same, err := base64.StdEncoding.DecodeString(last); err == nil && bytes.Equal(same, raw) {
				t.Logf("%s: a lenient decoder takes %s for %s", version, last, encoded)
			}
			all = append(all, last)
		}
		for _, changed := range all {
			h.Set("Webhook-Signature", version+","+changed)
			if err := v.Verify(h, []byte(testPayload)); !errors.Is(err, signature.ErrMismatch) {
				t.Errorf("%s,%s: %v", version, changed, err)
			}
		}
		t.Logf("%s: %d refused", version, len(all))
	}
}

// TestSecondReading moves the parts of a signed content, which stays the same.
func TestSecondReading(t *testing.T) {
	secret := parse(t, testSecret)
	h := signed(t, "a", time.Unix(1, 0), "2.b", secret)
	v := signature.Verifier{Secrets: []signature.Secret{secret}, Now: clock(time.Unix(1, 0))}
	if err := v.Verify(h, []byte("2.b")); err != nil {
		t.Fatal(err)
	}
	h.Set("Webhook-Id", "a.1")
	h.Set("Webhook-Timestamp", "2")
	if err := v.Verify(h, []byte("b")); !errors.Is(err, signature.ErrHeaderMalformed) {
		t.Errorf("got %v", err)
	}
}

// TestLineEndsForZeros has line ends, over which a decoder skips, in the place of
// a signature's last byte where that is zero.
func TestLineEndsForZeros(t *testing.T) {
	private := parse(t, testPrivate)
	v := signature.Verifier{Secrets: []signature.Secret{private}, Now: clock(testTime)}
	for n := range 1000 {
		payload := fmt.Sprint(n)
		h := signed(t, testID, testTime, payload, private)
		shorter, ok := strings.CutSuffix(h.Get("Webhook-Signature"), "AA==")
		if !ok {
			continue
		}
		h["Webhook-Signature"] = []string{shorter + "\n\n\n\n"}
		if err := v.Verify(h, []byte(payload)); !errors.Is(err, signature.ErrMismatch) {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Error("no signature ends in a zero")
}

func TestMalleableSignature(t *testing.T) {
	private := parse(t, testPrivate)
	h := signed(t, testID, testTime, testPayload, private)
	v := signature.Verifier{Secrets: []signature.Secret{private}, Now: clock(testTime)}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.Get("Webhook-Signature"), "v1a,"))
	if err != nil {
		t.Fatal(err)
	}
	// The second half is a number modulo the order of the base point. Adding
	// the order gives the same number, and must not give a second signature.
	order := []byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10,
	}
	carry := 0
	for i, b := range order {
		sum := int(raw[ed25519.SignatureSize/2+i]) + int(b) + carry
		raw[ed25519.SignatureSize/2+i], carry = byte(sum), sum>>8
	}
	h.Set("Webhook-Signature", "v1a,"+base64.StdEncoding.EncodeToString(raw))
	if err := v.Verify(h, []byte(testPayload)); carry != 0 || !errors.Is(err, signature.ErrMismatch) {
		t.Errorf("got %v", err)
	}
}

func TestTolerance(t *testing.T) {
	secret := parse(t, testSecret)
	tests := []struct {
		name      string
		tolerance time.Duration
		now       time.Duration // after the timestamp
		want      error
	}{
		{"now", 0, 0, nil},
		{"five minutes old", 0, 5 * time.Minute, nil},
		{"a bit older", 0, 5*time.Minute + 1, signature.ErrTooOld},
		{"five minutes ahead", 0, -5 * time.Minute, nil},
		{"a bit further", 0, -5*time.Minute - 1, signature.ErrTooNew},
		{"an hour old", time.Hour, time.Hour, nil},
		{"a bit older than that", time.Hour, time.Hour + 1, signature.ErrTooOld},
		{"within an instant", 1, 1, nil},
		{"within an instant, before", 1, -1, nil},
		{"replayed a week later", time.Hour, 7 * 24 * time.Hour, signature.ErrTooOld},
		{"whenever", math.MaxInt64, 200 * 365 * 24 * time.Hour, nil},
		{"whenever, before", math.MaxInt64, -200 * 365 * 24 * time.Hour, nil},
		{"negative", -1, 0, signature.ErrTooOld},
		{"as negative as can be", math.MinInt64, 0, signature.ErrTooOld},
		{"as negative as can be, long before", math.MinInt64, math.MinInt64, signature.ErrTooNew},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := signature.Verifier{
				Secrets: []signature.Secret{secret}, Tolerance: test.tolerance, Now: clock(testTime.Add(test.now)),
			}
			err := v.Verify(signed(t, testID, testTime, testPayload, secret), []byte(testPayload))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	t.Run("by the clock of the machine", func(t *testing.T) {
		v := signature.Verifier{Secrets: []signature.Secret{secret}}
		if err := v.Verify(signed(t, testID, time.Now(), testPayload, secret), []byte(testPayload)); err != nil {
			t.Error(err)
		}
		if err := v.Verify(signed(t, testID, testTime, testPayload, secret), []byte(testPayload)); !errors.Is(err, signature.ErrTooOld) {
			t.Error(err)
		}
	})
}

// TestRotation follows two secrets over an hour in which both are in force: the
// sender signs with both until the 60th minute, the receiver takes the old one
// until the 65th.
func TestRotation(t *testing.T) {
	for _, kind := range []string{"v1", "v1a"} {
		t.Run(kind, func(t *testing.T) {
			older, newer, stranger := signature.NewSecret(), signature.NewSecret(), signature.NewSecret()
			public := func(s signature.Secret) signature.Secret { return s }
			if kind == "v1a" {
				older, _ = signature.NewKeyPair()
				newer, _ = signature.NewKeyPair()
				stranger, _ = signature.NewKeyPair()
				public = signature.Secret.Public
			}
			minute := func(n float64) time.Time { return testTime.Add(time.Duration(n * float64(time.Minute))) }
			sender := []signature.Secret{newer, older.Until(minute(60))}
			receivers := map[string][]signature.Secret{
				"old only": {public(older)},
				"new only": {public(newer)},
				"both":     {public(newer), public(older).Until(minute(65))},
			}
			tests := []struct {
				name     string
				signers  []signature.Secret
				at       time.Time
				receiver string
				want     error
			}{
				{"during it", sender, minute(59.999), "old only", nil},
				{"during it", sender, minute(59.999), "new only", nil},
				{"during it", sender, minute(59.999), "both", nil},
				{"when it ends", sender, minute(60), "old only", signature.ErrMismatch},
				{"when it ends", sender, minute(60), "new only", nil},
				{"when it ends", sender, minute(60), "both", nil},
				{"a straggler", []signature.Secret{older}, minute(64.999), "both", nil},
				{"by the expired secret", []signature.Secret{older}, minute(65), "both", signature.ErrMismatch},
				{"by a stranger", []signature.Secret{stranger}, minute(0), "both", signature.ErrMismatch},
			}
			for _, test := range tests {
				t.Run(test.name+", "+test.receiver, func(t *testing.T) {
					v := signature.Verifier{Secrets: receivers[test.receiver], Now: clock(test.at)}
					err := v.Verify(signed(t, testID, test.at, testPayload, test.signers...), []byte(testPayload))
					if !errors.Is(err, test.want) {
						t.Errorf("got %v, want %v", err, test.want)
					}
				})
			}
		})
	}
}

func TestVerifierSecrets(t *testing.T) {
	secret := parse(t, testSecret)
	for _, test := range []struct {
		name    string
		secrets []signature.Secret
		want    error
	}{
		{"none", nil, signature.ErrNoSecret},
		{"expired", []signature.Secret{secret.Until(testTime)}, signature.ErrNoSecret},
		{"zero Secret", []signature.Secret{secret, {}}, signature.ErrSecret},
		{"one expired, one of the other scheme", []signature.Secret{secret.Until(testTime), parse(t, testPrivate)}, signature.ErrMismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := signature.Verifier{Secrets: test.secrets, Now: clock(testTime)}
			h := signed(t, testID, testTime, testPayload, secret)
			if err := v.Verify(h, []byte(testPayload)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// unreadable is a body that must not be read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestVerifyRequest(t *testing.T) {
	secret := parse(t, testSecret)
	size := int64(len(testPayload))
	broken := errors.New("broken")
	tests := []struct {
		name   string
		max    int64
		length int64 // as declared; -1 is unknown
		body   io.Reader
		alter  func(http.Header)
		want   error
	}{
		{name: "as sent", length: size, body: strings.NewReader(testPayload)},
		{name: "chunked", length: -1, body: strings.NewReader(testPayload)},
		{name: "byte by byte", length: -1, body: iotest.OneByteReader(strings.NewReader(testPayload))},
		{name: "at the limit", max: size, length: size, body: strings.NewReader(testPayload)},
		{name: "chunked, at the limit", max: size, length: -1, body: strings.NewReader(testPayload)},
		{name: "the largest limit", max: math.MaxInt64, length: size, body: strings.NewReader(testPayload)},
		{name: "over the limit", max: size - 1, length: size, body: unreadable{t}, want: signature.ErrTooLarge},
		{name: "chunked, over the limit", max: size - 1, length: -1, body: strings.NewReader(testPayload), want: signature.ErrTooLarge},
		{name: "over the default limit", length: 32<<20 + 1, body: unreadable{t}, want: signature.ErrTooLarge},
		{name: "over a limit of the caller's", length: -1,
			body: http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(testPayload)), size-1), want: signature.ErrTooLarge},
		{name: "negative limit", max: -1, length: -1, body: strings.NewReader(testPayload), want: signature.ErrTooLarge},
		{name: "half-sent", length: size, body: io.MultiReader(strings.NewReader(testPayload[:5]), iotest.ErrReader(io.ErrUnexpectedEOF)), want: io.ErrUnexpectedEOF},
		{name: "broken", length: -1, body: iotest.ErrReader(broken), want: broken},
		{name: "cut off", length: -1, body: strings.NewReader(testPayload[:5]), want: signature.ErrMismatch},
		{name: "empty", length: 0, body: strings.NewReader(""), want: signature.ErrMismatch},
		{name: "no body", length: 0, want: signature.ErrMismatch},
		{name: "unsigned", length: -1, body: unreadable{t}, alter: func(h http.Header) { clear(h) }, want: signature.ErrHeaderMissing},
		{name: "old", length: -1, body: unreadable{t}, alter: func(h http.Header) { h.Set("Webhook-Timestamp", "5") }, want: signature.ErrTooOld},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &http.Request{
				Header: signed(t, testID, testTime, testPayload, secret), ContentLength: test.length,
			}
			if test.body != nil {
				r.Body = io.NopCloser(test.body)
			}
			if test.alter != nil {
				test.alter(r.Header)
			}
			v := signature.Verifier{Secrets: []signature.Secret{secret}, Now: clock(testTime), MaxBytes: test.max}
			payload, err := v.VerifyRequest(r)
			want := testPayload
			if test.want != nil {
				want = ""
			}
			if string(payload) != want || !errors.Is(err, test.want) {
				t.Errorf("got %q, %v\nwant %q, %v", payload, err, want, test.want)
			}
		})
	}
	t.Run("an empty payload that was signed", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header = signed(t, testID, testTime, "", secret)
		v := signature.Verifier{Secrets: []signature.Secret{secret}, Now: clock(testTime)}
		if payload, err := v.VerifyRequest(r); len(payload) != 0 || err != nil {
			t.Errorf("got %q, %v", payload, err)
		}
	})
}

// TestDeclaredLength shows that memory is taken for what has come, not for what
// was declared.
func TestDeclaredLength(t *testing.T) {
	secret := parse(t, testSecret)
	v := signature.Verifier{Secrets: []signature.Secret{secret}, Now: clock(testTime), MaxBytes: 1 << 40}
	r := &http.Request{
		Header:        signed(t, testID, testTime, testPayload, secret),
		ContentLength: 1 << 40,
		Body:          io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)),
	}
	if n := allocated(func() {
		if _, err := v.VerifyRequest(r); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}); n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// TestNoCopies shows that HMACs are made without a copy of the payload.
func TestNoCopies(t *testing.T) {
	secret, at := parse(t, testSecret), testTime
	payload := bytes.Repeat([]byte("x"), 16<<20)
	h := make(http.Header)
	v := signature.Verifier{Secrets: []signature.Secret{secret, signature.NewSecret()}, Now: clock(at)}
	if n := allocated(func() {
		if err := signature.SetHeaders(h, testID, at, payload, secret); err != nil {
			t.Error(err)
		}
		if err := v.Verify(h, payload); err != nil {
			t.Error(err)
		}
	}); n > 1<<20 {
		t.Errorf("%d bytes were allocated for a payload of %d", n, len(payload))
	}
}

// allocated gives how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestConcurrency is for the race detector, and for what the HMACs keep.
func TestConcurrency(t *testing.T) {
	secret, private := parse(t, testSecret), parse(t, testPrivate)
	v := signature.Verifier{Secrets: []signature.Secret{secret, private.Public()}, Now: clock(testTime)}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				payload := fmt.Sprintf(`{"worker": %d, "event": %d}`, i, j)
				h := signed(t, testID, testTime, payload, []signature.Secret{secret, private}[j%2])
				if err := v.Verify(h, []byte(payload)); err != nil {
					t.Error(err)
				}
				if err := v.Verify(h, []byte(payload+" ")); !errors.Is(err, signature.ErrMismatch) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
