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
		{"18 digits", timestamp, []string{strings.Repeat("9", 18)}, signature.ErrHeaderMalformed},
		{"the year 5138", timestamp, []string{"99999999999"}, signature.ErrTooNew},
		{"milliseconds", timestamp, []string{"1614265330000"}, signature.ErrHeaderMalformed},
		{"1970", timestamp, []string{"0"}, signature.ErrTooOld},

		{"another signature", signatures, []string{bad}, signature.ErrMismatch},
		{"no version", signatures, []string{v1[3:]}, signature.ErrHeaderMalformed},
		{"version only", signatures, []string{"v1,"}, signature.ErrHeaderMalformed},
		{"no comma", signatures, []string{"v1"}, signature.ErrHeaderMalformed},
		{"only a version to come", signatures, []string{"v2," + v1[3:]}, signature.ErrMismatch},
		{"version of the other scheme", signatures, []string{"v1a," + v1[3:]}, signature.ErrHeaderMalformed},
		{"version in capitals", signatures, []string{"V1," + v1[3:]}, signature.ErrHeaderMalformed},
		{"comma between two", signatures, []string{bad + "," + v1}, signature.ErrHeaderMalformed},
		{"comma and space between two", signatures, []string{v1 + ", " + bad}, signature.ErrMismatch},
		{"tab between two", signatures, []string{bad + "\t" + v1}, signature.ErrHeaderMalformed},
		{"more behind it", signatures, []string{v1 + ",x"}, signature.ErrHeaderMalformed},
		{"without padding", signatures, []string{strings.TrimRight(v1, "=")}, signature.ErrHeaderMalformed},
		{"bits in the padding", signatures, []string{strings.TrimRight(v1, "E=") + "F="}, signature.ErrHeaderMalformed},
		{"line end for padding", signatures, []string{strings.TrimRight(v1, "=") + "\n"}, signature.ErrHeaderMalformed},
		{"line end within", signatures, []string{v1[:20] + "\n" + v1[20:]}, signature.ErrHeaderMalformed},
		{"in hexadecimal", signatures, []string{"v1,83484cf52b04f8e4cf2531adfed9882ad4b2665137b852442d594d20e2c9d4e1"}, signature.ErrHeaderMalformed},
		{"zeros", signatures, []string{"v1," + strings.Repeat("A", 43) + "= v1a," + strings.Repeat("A", 86) + "=="}, signature.ErrMismatch},
		{"as in the specification, for other secrets", signatures, []string{
			"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
		}, signature.ErrMismatch},
		{"17", signatures, []string{v1 + strings.Repeat(" "+bad, 16)}, signature.ErrHeaderMalformed},
		{"17 of versions to come", signatures, []string{v1 + strings.Repeat(" v3,x", 16)}, signature.ErrHeaderMalformed},
		{"a million spaces", signatures, []string{v1 + strings.Repeat(" ", 1e6)}, signature.ErrHeaderMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, at(testTime, func(t *testing.T) {
			h := signed(t, testID, testTime, testPayload, secret)
			delete(h, test.header)
			if test.values != nil {
				h[test.header] = test.values
			}
			v := signature.Verifier{Secrets: []signature.Secret{secret, private.Public()}}
			err := verify(v, h, testPayload)
			if !errors.Is(err, test.want) || (err != nil && len(err.Error()) > 300) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		}))
	}
}

// TestDescriptions: a header that is refused is said to be what it looks like,
// and nothing of its text is repeated.
func TestDescriptions(t *testing.T) {
	secret := parse(t, testSecret)
	const id, timestamp, signatures = "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"
	const (
		encoded = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
		hex     = "83484cf52b04f8e4cf2531adfed9882ad4b2665137b852442d594d20e2c9d4e1"
	)
	v1 := "v1," + encoded
	tests := []struct{ name, header, value, want string }{
		{"hexadecimal", signatures, "v1," + hex, "is in hexadecimal, not in base64"},
		{"hexadecimal alone", signatures, hex, "no version (v1 or v1a and a comma) before the signature, and is in hexadecimal"},
		{"hexadecimal in capitals", signatures, "v1," + strings.ToUpper(hex), "is in hexadecimal"},
		{"URL-safe", signatures, strings.NewReplacer("+", "-", "/", "_").Replace(v1), "URL-safe alphabet"},
		{"URL-safe, unpadded", signatures, strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(v1), "URL-safe alphabet"},
		{"unpadded", signatures, strings.TrimRight(v1, "="), "without its padding"},
		{"bits in the padding", signatures, strings.Replace(v1, "E=", "F=", 1), "last bits are not zero"},
		{"no version", signatures, encoded, "has no version (v1 or v1a and a comma) before the signature;"},
		{"in quotes", signatures, `"` + v1 + `"`, "has quotes in it"},
		{"sha256=", signatures, "sha256=" + hex, "starts with sha256=, as other schemes have it"},
		{"t= and v1=", signatures, "t=1614265330,v1=" + hex, "looks like t=…,v1=…"},
		{"v1=", signatures, "v1=" + encoded, "has = for the comma"},
		{"v1:", signatures, "v1:" + encoded, "has : for the comma"},
		{"capitals", signatures, "V1," + encoded, "capital letters"},
		{"a version alone", signatures, "v1,", "has a version and no signature"},
		{"comma between two", signatures, v1 + "," + v1, "has a comma between two signatures"},
		{"of another scheme", signatures, "v1a," + encoded, "wrong number of bytes"},
		{"tab", signatures, v1 + "\t", "white space"},
		{"the second is worth a word", signatures, "v2,abc v1," + hex, "is in hexadecimal"},
		{"a secret", signatures, testSecret, "has a secret in it, which must never be sent"},
		{"blank", signatures, "  ", "is blank"},
		{"empty", signatures, "", "missing header: Webhook-Signature is empty"},
		{"anything", signatures, "v1,?", "is not base64"},
		{"megabytes", signatures, "v1," + strings.Repeat("a", 1<<20), "is too long"},

		{"milliseconds", timestamp, "1614265330000", "looks like milliseconds; it takes seconds since 1970"},
		{"microseconds", timestamp, "1614265330000000", "looks like microseconds"},
		{"nanoseconds", timestamp, "1614265330000000000", "looks like nanoseconds"},
		{"RFC 3339", timestamp, "2021-02-25T15:02:10Z", "is an RFC 3339 date-time; it takes seconds since 1970"},
		{"RFC 3339 with an offset", timestamp, "2021-02-25T15:02:10.123+01:00", "is an RFC 3339 date-time"},
		{"HTTP date", timestamp, "Thu, 25 Feb 2021 15:02:10 GMT", "is an HTTP date"},
		{"fraction", timestamp, "1614265330.25", "has a fraction"},
		{"sign", timestamp, "+1614265330", "has a sign"},
		{"zero", timestamp, "01614265330", "has a leading zero"},
		{"white space", timestamp, "1614265330 ", "has white space around it"},
		{"quotes", timestamp, `"1614265330"`, "is in quotes"},
		{"text", timestamp, "now", "is not a whole number"},
		{"megabytes", timestamp, strings.Repeat("a", 1<<20), "is not a number"},

		{"full stop", id, "msg.1", "has a full stop at byte 3; full stops separate the parts of what is signed"},
		{"empty id", id, "", "missing header: Webhook-Id is empty"},
		{"long id", id, strings.Repeat("a", 257), "has 257 bytes; it takes 256 at most"},
		{"not ASCII", id, "msgé", "has a character that is not ASCII at byte 3"},
		{"space", id, "msg 1", "has a space at byte 3"},
		{"control character", id, "msg\t1", "has 0x09 at byte 3; it takes visible ASCII only"},
	}
	for _, test := range tests {
		t.Run(test.header+"/"+test.name, at(testTime, func(t *testing.T) {
			h := signed(t, testID, testTime, testPayload, secret)
			h[test.header] = []string{test.value}
			err := verify(signature.Verifier{Secrets: []signature.Secret{secret}}, h, testPayload)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.header) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if len(test.value) > 8 && strings.Contains(err.Error(), test.value) {
				t.Errorf("the error repeats the header: %v", err)
			}
		}))
	}
}

// TestErrorCounts shows what a mismatch says, by which a wrong scheme is told
// from a wrong secret.
func TestErrorCounts(t *testing.T) {
	v := signature.Verifier{Secrets: []signature.Secret{parse(t, testPrivate).Public()}, Tolerance: whenever}
	err := verify(v, signed(t, testID, testTime, testPayload, parse(t, testSecret)), testPayload)
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
				Secrets:   []signature.Secret{scheme.verifier, signature.NewSecret()},
				Tolerance: whenever,
			}
			if err := verify(v, h, testPayload); err != nil {
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
					if err := verify(v, altered, payload); err == nil {
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
	v := signature.Verifier{Secrets: []signature.Secret{secret, private.Public()}, Tolerance: whenever}
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
			want := signature.ErrMismatch
			if _, err := base64.StdEncoding.Strict().DecodeString(changed); err != nil {
				want = signature.ErrHeaderMalformed
			}
			if err := verify(v, h, testPayload); !errors.Is(err, want) {
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
	v := signature.Verifier{Secrets: []signature.Secret{secret}, Tolerance: whenever}
	if err := verify(v, h, "2.b"); err != nil {
		t.Fatal(err)
	}
	h.Set("Webhook-Id", "a.1")
	h.Set("Webhook-Timestamp", "2")
	if err := verify(v, h, "b"); !errors.Is(err, signature.ErrHeaderMalformed) {
		t.Errorf("got %v", err)
	}
}

// TestLineEndsForZeros has line ends, over which a decoder skips, in the place of
// a signature's last byte where that is zero.
func TestLineEndsForZeros(t *testing.T) {
	private := parse(t, testPrivate)
	v := signature.Verifier{Secrets: []signature.Secret{private}, Tolerance: whenever}
	for n := range 1000 {
		payload := fmt.Sprint(n)
		h := signed(t, testID, testTime, payload, private)
		shorter, ok := strings.CutSuffix(h.Get("Webhook-Signature"), "AA==")
		if !ok {
			continue
		}
		h["Webhook-Signature"] = []string{shorter + "\n\n\n\n"}
		if err := verify(v, h, payload); !errors.Is(err, signature.ErrHeaderMalformed) {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Error("no signature ends in a zero")
}

func TestMalleableSignature(t *testing.T) {
	private := parse(t, testPrivate)
	h := signed(t, testID, testTime, testPayload, private)
	v := signature.Verifier{Secrets: []signature.Secret{private}, Tolerance: whenever}
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
	if err := verify(v, h, testPayload); carry != 0 || !errors.Is(err, signature.ErrMismatch) {
		t.Errorf("got %v", err)
	}
}

func TestTolerance(t *testing.T) {
	secret := parse(t, testSecret)
	after := testTime.Add
	tests := []struct {
		name       string
		tolerance  time.Duration
		sent, read time.Time
		want       error
	}{
		{"now", 0, testTime, testTime, nil},
		{"five minutes old", 0, testTime, after(5 * time.Minute), nil},
		{"a bit older", 0, testTime, after(5*time.Minute + 1), signature.ErrTooOld},
		{"five minutes ahead", 0, testTime, after(-5 * time.Minute), nil},
		{"a bit further", 0, testTime, after(-5*time.Minute - 1), signature.ErrTooNew},
		{"an hour old", time.Hour, testTime, after(time.Hour), nil},
		{"a bit older than that", time.Hour, testTime, after(time.Hour + 1), signature.ErrTooOld},
		{"within an instant", 1, testTime, after(1), nil},
		{"within an instant, before", 1, testTime, after(-1), nil},
		{"replayed a week later", time.Hour, testTime, after(7 * 24 * time.Hour), signature.ErrTooOld},
		{"whenever", whenever, testTime, after(200 * 365 * 24 * time.Hour), nil},
		{"whenever, before", whenever, after(200 * 365 * 24 * time.Hour), testTime, nil},
		{"negative", -1, testTime, testTime, signature.ErrTooOld},
		{"as negative as can be", math.MinInt64, testTime, testTime, signature.ErrTooOld},
		{"as negative as can be, long before", math.MinInt64, after(math.MaxInt64).Add(math.MaxInt64), testTime, signature.ErrTooNew},
	}
	for _, test := range tests {
		t.Run(test.name, at(test.read, func(t *testing.T) {
			v := signature.Verifier{Secrets: []signature.Secret{secret}, Tolerance: test.tolerance}
			err := verify(v, signed(t, testID, test.sent, testPayload, secret), testPayload)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		}))
	}
	t.Run("by the clock of the machine", func(t *testing.T) {
		v := signature.Verifier{Secrets: []signature.Secret{secret}}
		if err := verify(v, signed(t, testID, time.Now(), testPayload, secret), testPayload); err != nil {
			t.Error(err)
		}
		if err := verify(v, signed(t, testID, testTime, testPayload, secret), testPayload); !errors.Is(err, signature.ErrTooOld) {
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
				t.Run(test.name+", "+test.receiver, at(test.at, func(t *testing.T) {
					v := signature.Verifier{Secrets: receivers[test.receiver]}
					err := verify(v, signed(t, testID, test.at, testPayload, test.signers...), testPayload)
					if !errors.Is(err, test.want) {
						t.Errorf("got %v, want %v", err, test.want)
					}
				}))
			}
		})
	}
}

// TestBy: a Verifier says which secret has signed a request.
func TestBy(t *testing.T) {
	older, newer := signature.NewSecret(), signature.NewSecret()
	private, public := signature.NewKeyPair()
	expired := signature.NewSecret().Until(time.Now())
	v := signature.Verifier{Secrets: []signature.Secret{expired, older, public, newer}}
	for _, test := range []struct {
		name    string
		signers []signature.Secret
		want    int
	}{
		{"older", []signature.Secret{older}, 1},
		{"ed25519", []signature.Secret{private}, 2},
		{"newer", []signature.Secret{newer}, 3},
		{"both", []signature.Secret{newer, older}, 1},
		{"after a stranger", []signature.Secret{signature.NewSecret(), newer}, 3},
		{"an HMAC before ed25519", []signature.Secret{private, newer}, 3},
		{"expired", []signature.Secret{expired.Until(time.Time{})}, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := signed(t, testID, time.Now(), testPayload, test.signers...)
			by, err := v.Verify(h, []byte(testPayload))
			if by != test.want || (err == nil) != (by >= 0) {
				t.Errorf("got %d, %v; want %d", by, err, test.want)
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
			v := signature.Verifier{Secrets: test.secrets, Tolerance: whenever}
			h := signed(t, testID, testTime, testPayload, secret)
			if err := verify(v, h, testPayload); !errors.Is(err, test.want) {
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
		{name: "over the default limit", length: signature.DefaultMaxBytes + 1, body: unreadable{t}, want: signature.ErrTooLarge},
		{name: "over a limit of the caller's", length: -1,
			body: http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(testPayload)), size-1), want: signature.ErrTooLarge},
		{name: "negative limit", max: -1, length: -1, body: strings.NewReader(testPayload), want: signature.ErrTooLarge},
		{name: "half-sent", length: size, body: io.MultiReader(strings.NewReader(testPayload[:5]), iotest.ErrReader(io.ErrUnexpectedEOF)), want: io.ErrUnexpectedEOF},
		{name: "broken", length: -1, body: iotest.ErrReader(broken), want: broken},
		{name: "read by middleware", length: size, body: strings.NewReader(""), want: io.ErrUnexpectedEOF},
		{name: "read by middleware that left nothing", length: size, want: io.ErrUnexpectedEOF},
		{name: "read in part", length: size, body: strings.NewReader(testPayload[5:]), want: io.ErrUnexpectedEOF},
		{name: "cut off", length: -1, body: strings.NewReader(testPayload[:5]), want: signature.ErrMismatch},
		{name: "empty", length: 0, body: strings.NewReader(""), want: signature.ErrMismatch},
		{name: "no body", length: 0, want: signature.ErrMismatch},
		{name: "unsigned", length: -1, body: unreadable{t}, alter: func(h http.Header) { clear(h) }, want: signature.ErrHeaderMissing},
		{name: "old", length: -1, body: unreadable{t}, alter: func(h http.Header) { h.Set("Webhook-Timestamp", "5") }, want: signature.ErrTooOld},
	}
	for _, test := range tests {
		t.Run(test.name, at(testTime, func(t *testing.T) {
			r := &http.Request{
				Header: signed(t, testID, testTime, testPayload, secret), ContentLength: test.length,
			}
			if test.body != nil {
				r.Body = io.NopCloser(test.body)
			}
			if test.alter != nil {
				test.alter(r.Header)
			}
			v := signature.Verifier{Secrets: []signature.Secret{secret}, MaxBytes: test.max}
			payload, err := v.VerifyRequest(r)
			want := testPayload
			if test.want != nil {
				want = ""
			}
			if string(payload) != want || !errors.Is(err, test.want) {
				t.Errorf("got %q, %v\nwant %q, %v", payload, err, want, test.want)
			}
		}))
	}
	t.Run("an empty payload that was signed", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header = signed(t, testID, testTime, "", secret)
		v := signature.Verifier{Secrets: []signature.Secret{secret}, Tolerance: whenever}
		if payload, err := v.VerifyRequest(r); len(payload) != 0 || err != nil {
			t.Errorf("got %q, %v", payload, err)
		}
	})
}

// TestDeclaredLength shows that memory is taken for what has come, not for what
// was declared.
func TestDeclaredLength(t *testing.T) {
	secret := parse(t, testSecret)
	v := signature.Verifier{Secrets: []signature.Secret{secret}, Tolerance: whenever, MaxBytes: 1 << 40}
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
	v := signature.Verifier{Secrets: []signature.Secret{secret, signature.NewSecret()}, Tolerance: whenever}
	if n := allocated(func() {
		if err := signature.SetHeaders(h, testID, at, payload, secret); err != nil {
			t.Error(err)
		}
		if _, err := v.Verify(h, payload); err != nil {
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
	v := signature.Verifier{Secrets: []signature.Secret{secret, private.Public()}, Tolerance: whenever}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				payload := fmt.Sprintf(`{"worker": %d, "event": %d}`, i, j)
				h := signed(t, testID, testTime, payload, []signature.Secret{secret, private}[j%2])
				if err := verify(v, h, payload); err != nil {
					t.Error(err)
				}
				if err := verify(v, h, payload+" "); !errors.Is(err, signature.ErrMismatch) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
