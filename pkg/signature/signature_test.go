package signature_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/signature"
)

// What the official libraries use in their tests.
const (
	testSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	testPrivate = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
	testID      = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	testPayload = `{"test": 2432232314}`
)

var testTime = time.Unix(1614265330, 0)

// A vector is a signature that others have published.
type vector struct {
	Name, Source     string
	Signer, Verifier string
	ID               string
	Timestamp        int64
	Payload          string
	Signature        string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func parse(t testing.TB, text string) signature.Secret {
	t.Helper()
	s, err := signature.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signed gives the headers of a request.
func signed(t testing.TB, id string, at time.Time, payload string, secrets ...signature.Secret) http.Header {
	t.Helper()
	h := make(http.Header)
	if err := signature.SetHeaders(h, id, at, []byte(payload), secrets...); err != nil {
		t.Fatal(err)
	}
	return h
}

// at runs a test in a bubble whose clock shows that time.
func at(when time.Time, test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(when))
			test(t)
		})
	}
}

// whenever is a tolerance for tests in which time doesn't matter.
const whenever time.Duration = math.MaxInt64

// verify returns the error alone.
func verify(v signature.Verifier, h http.Header, payload string) error {
	_, err := v.Verify(h, []byte(payload))
	return err
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			signer, verifier, at := parse(t, v.Signer), parse(t, v.Verifier), time.Unix(v.Timestamp, 0)
			got, err := signature.Sign(v.ID, at, []byte(v.Payload), signer)
			if err != nil {
				t.Fatal(err)
			}
			if got != v.Signature {
				t.Errorf("got %s, want %s", got, v.Signature)
			}
			h := http.Header{}
			h.Set("webhook-id", v.ID)
			h.Set("webhook-timestamp", "1614265330")
			h.Set("webhook-signature", v.Signature)
			for _, s := range []signature.Secret{signer, verifier} {
				one := signature.Verifier{Secrets: []signature.Secret{s}, Tolerance: whenever}
				if err := verify(one, h, v.Payload); err != nil {
					t.Errorf("verified with %v: %v", s, err)
				}
			}
			if public := signer.Public().Text(); public != "" && public != v.Verifier {
				t.Errorf("public key %s, want %s", public, v.Verifier)
			}
		})
	}
}

func TestSign(t *testing.T) {
	secret, private := parse(t, testSecret), parse(t, testPrivate)
	v1 := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	v1a := "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
	tests := []struct {
		name    string
		id      string
		at      time.Time
		secrets []signature.Secret
		want    string
		err     error
	}{
		{name: "one", secrets: []signature.Secret{secret}, want: v1},
		{name: "both schemes, in order", secrets: []signature.Secret{private, secret}, want: v1a + " " + v1},
		{name: "fractions of a second are dropped", at: testTime.Add(999 * time.Millisecond), secrets: []signature.Secret{secret}, want: v1},
		{name: "in another zone", at: testTime.In(time.FixedZone("", 3600)), secrets: []signature.Secret{secret}, want: v1},
		{name: "until now", secrets: []signature.Secret{private.Until(testTime), secret}, want: v1},
		{name: "until the next instant", secrets: []signature.Secret{private.Until(testTime.Add(1)), secret}, want: v1a + " " + v1},
		{name: "until zero is for ever", secrets: []signature.Secret{secret.Until(testTime).Until(time.Time{})}, want: v1},
		{name: "16", secrets: slices.Repeat([]signature.Secret{secret}, 16), want: strings.Repeat(" "+v1, 16)[1:]},

		{name: "none", err: signature.ErrNoSecret},
		{name: "none in force", secrets: []signature.Secret{secret.Until(testTime)}, err: signature.ErrNoSecret},
		{name: "17", secrets: slices.Repeat([]signature.Secret{secret}, 17), err: signature.ErrSecret},
		{name: "public key", secrets: []signature.Secret{secret, private.Public()}, err: signature.ErrSecret},
		{name: "zero Secret", secrets: []signature.Secret{secret, {}}, err: signature.ErrSecret},
		{name: "zero Secret, expired", secrets: []signature.Secret{secret, signature.Secret{}.Until(testTime)}, err: signature.ErrSecret},
		{name: "before 1970", at: time.Unix(-1, 0), secrets: []signature.Secret{secret}, err: signature.ErrHeaderMalformed},
		{name: "zero time", at: time.Time{}.Add(1), secrets: []signature.Secret{secret}, err: signature.ErrHeaderMalformed},
		{name: "19 digits", at: time.Unix(1e18, 0), secrets: []signature.Secret{secret}, err: signature.ErrHeaderMalformed},
		{name: "id with a full stop", id: "a.b", secrets: []signature.Secret{secret}, err: signature.ErrHeaderMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.id == "" {
				test.id = testID
			}
			if test.at.IsZero() {
				test.at = testTime
			}
			got, err := signature.Sign(test.id, test.at, []byte(testPayload), test.secrets...)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v\nwant %q, %v", got, err, test.want, test.err)
			}
			h := http.Header{"Webhook-Id": {"old"}, "Other": {"stays"}}
			want := http.Header{"Webhook-Id": {"old"}, "Other": {"stays"}}
			if test.err == nil {
				want["Webhook-Id"] = []string{testID}
				want["Webhook-Timestamp"] = []string{"1614265330"}
				want["Webhook-Signature"] = []string{test.want}
			}
			err = signature.SetHeaders(h, test.id, test.at, []byte(testPayload), test.secrets...)
			if diff := cmp.Diff(want, h); diff != "" || !errors.Is(err, test.err) {
				t.Errorf("SetHeaders: %v, headers (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestID holds both ends to the same rule of ids.
func TestID(t *testing.T) {
	tests := []struct {
		name, id string
		ok       bool
	}{
		{"of a sender", testID, true},
		{"one byte", "1", true},
		{"every allowed byte", strings.ReplaceAll(visible(), ".", ""), true},
		{"256 bytes", strings.Repeat("i", 256), true},
		{"257 bytes", strings.Repeat("i", 257), false},
		{"full stop", "msg.1", false},
		{"only a full stop", ".", false},
		{"space", "msg 1", false},
		{"trailing space", "msg ", false},
		{"tab", "msg\t1", false},
		{"line end", "msg\n1", false},
		{"NUL", "msg\x001", false},
		{"DEL", "msg\x7f1", false},
		{"not ASCII", "msg_ö", false},
		{"two ids that a proxy has joined", "a, b", false},
	}
	secret := parse(t, testSecret)
	for _, test := range tests {
		t.Run(test.name, at(testTime, func(t *testing.T) {
			h := signed(t, testID, testTime, testPayload, secret)
			value, err := signature.Sign(test.id, testTime, []byte(testPayload), secret)
			if (err == nil) != test.ok || (err != nil && !errors.Is(err, signature.ErrHeaderMalformed)) {
				t.Errorf("Sign: %v", err)
			}
			h["Webhook-Id"] = []string{test.id}
			if err == nil {
				h["Webhook-Signature"] = []string{value}
			}
			err = verify(signature.Verifier{Secrets: []signature.Secret{secret}}, h, testPayload)
			if (err == nil) != test.ok || (err != nil && !errors.Is(err, signature.ErrHeaderMalformed)) {
				t.Errorf("Verify: %v", err)
			}
		}))
	}
}

// visible gives the visible characters of ASCII.
func visible() string {
	var b strings.Builder
	for c := byte('!'); c <= '~'; c++ {
		b.WriteByte(c)
	}
	return b.String()
}
