package signature_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	official "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/runhooks/runhooks/pkg/signature"
)

// TestOfficial holds this package to the official Go library, both ways, over
// random secrets, ids, times and payloads. Its releases have v1 only; for v1a
// there are the vectors.
func TestOfficial(t *testing.T) {
	const rounds = 2000
	random := rand.New(rand.NewPCG(4, 2))
	ids := strings.ReplaceAll(visible(), ".", "")
	for range rounds {
		id := make([]byte, 1+random.IntN(64))
		for i := range id {
			id[i] = ids[random.IntN(len(ids))]
		}
		at := time.Unix(random.Int64N(1<<random.IntN(34)), random.Int64N(1e9))
		payload := randomBytes(random, random.IntN(1<<random.IntN(13)))
		texts := make([]string, 1+random.IntN(3))
		secrets := make([]signature.Secret, len(texts))
		for i := range texts {
			texts[i] = "whsec_" + base64.StdEncoding.EncodeToString(randomBytes(random, 24+random.IntN(41)))
			secrets[i] = parse(t, texts[i])
		}

		ours := signed(t, string(id), at, string(payload), secrets...)
		theirs := http.Header{}
		theirs.Set(official.HeaderWebhookID, string(id))
		theirs.Set(official.HeaderWebhookTimestamp, fmt.Sprint(at.Unix()))
		var signatures []string
		for _, text := range texts {
			library, err := official.NewWebhook(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := library.VerifyIgnoringTimestamp(payload, ours); err != nil {
				t.Fatalf("the official library refuses %v: %v", ours, err)
			}
			one, err := library.Sign(string(id), at, payload)
			if err != nil {
				t.Fatal(err)
			}
			signatures = append(signatures, one)
		}
		theirs.Set(official.HeaderWebhookSignature, strings.Join(signatures, " "))
		if ours, theirs := ours.Get("webhook-signature"), theirs.Get("webhook-signature"); ours != theirs {
			t.Fatalf("signed as %s\nthe official library as %s", ours, theirs)
		}
		for _, s := range secrets {
			v := signature.Verifier{Secrets: []signature.Secret{s}, Tolerance: whenever}
			if err := verify(v, theirs, string(payload)); err != nil {
				t.Fatalf("%v: %v", theirs, err)
			}
			if err := verify(v, theirs, " "+string(payload)); !errors.Is(err, signature.ErrMismatch) {
				t.Fatalf("altered: %v", err)
			}
		}
	}
	t.Logf("%d requests, each way", rounds)
}

func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// TestStricter has all that the official library accepts and this package
// doesn't, on purpose.
func TestStricter(t *testing.T) {
	library, err := official.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, id string
		alter    func(http.Header)
		want     error
	}{
		{"id with a full stop", "a.1", nil, signature.ErrHeaderMalformed},
		{"id with a space", "a 1", nil, signature.ErrHeaderMalformed},
		{"long id", strings.Repeat("a", 257), nil, signature.ErrHeaderMalformed},
		{"timestamp with a sign", testID, func(h http.Header) { h.Set("Webhook-Timestamp", "+1614265330") }, signature.ErrHeaderMalformed},
		{"timestamp with a zero before it", testID, func(h http.Header) { h.Set("Webhook-Timestamp", "01614265330") }, signature.ErrHeaderMalformed},
		{"header twice", testID, func(h http.Header) { h.Add("Webhook-Id", "another") }, signature.ErrHeaderMalformed},
		{"more behind a signature", testID, func(h http.Header) { h["Webhook-Signature"][0] += ",x" }, signature.ErrHeaderMalformed},
		{"17 signatures", testID, func(h http.Header) { h["Webhook-Signature"][0] += strings.Repeat(" v1,x", 16) }, signature.ErrHeaderMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			value, err := library.Sign(test.id, testTime, []byte(testPayload))
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{
				"Webhook-Id": {test.id}, "Webhook-Timestamp": {"1614265330"}, "Webhook-Signature": {value},
			}
			if test.alter != nil {
				test.alter(h)
			}
			if err := library.VerifyIgnoringTimestamp([]byte(testPayload), maps.Clone(h)); err != nil {
				t.Errorf("the official library refuses it, too: %v", err)
			}
			v := signature.Verifier{Secrets: []signature.Secret{parse(t, testSecret)}, Tolerance: whenever}
			if err := verify(v, h, testPayload); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	for name, text := range map[string]string{
		"secret without a prefix": testSecret[len("whsec_"):],
		"secret of 3 bytes":       "whsec_AAAA",
		"secret with a line end":  testSecret + "\n",
	} {
		if _, err := official.NewWebhook(text); err != nil {
			t.Errorf("%s: the official library refuses it, too: %v", name, err)
		}
		if _, err := signature.ParseSecret(text); !errors.Is(err, signature.ErrSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
