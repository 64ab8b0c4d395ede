package signature_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

// What is sent.
var payload = []byte(`{"event_type":"run_completed"}`)

func Example() {
	// Both ends have this secret; NewSecret made it.
	secret, err := signature.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		log.Fatal(err)
	}

	// The sender:
	h := make(http.Header)
	if err := signature.SetHeaders(h, "evt_1", time.Now(), payload, secret); err != nil {
		log.Fatal(err)
	}

	// The receiver:
	v := signature.Verifier{Secrets: []signature.Secret{secret}}
	_, err = v.Verify(h, payload)
	fmt.Println("as it was sent:", err)
	_, err = v.Verify(h, append(payload, ' '))
	fmt.Println("with a space:", err)
	// Output:
	// as it was sent: <nil>
	// with a space: signature: no signature matches: Webhook-Signature has 1 well-formed v1 and 0 v1a, none of them by a secret in force
}

func ExampleSign() {
	secret, err := signature.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		log.Fatal(err)
	}
	value, err := signature.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	fmt.Println(value, err)
	// Output: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= <nil>
}

func ExampleSetHeaders() {
	r, err := http.NewRequest(http.MethodPost, "https://example.com/events", strings.NewReader(string(payload)))
	if err != nil {
		log.Fatal(err)
	}
	if err := signature.SetHeaders(r.Header, "evt_1", time.Now(), payload, signature.NewSecret()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Header.Get("webhook-id"), len(r.Header.Get("webhook-timestamp")), "digits")

	err = signature.SetHeaders(r.Header, "evt.1", time.Now(), payload, signature.NewSecret())
	fmt.Println(err)
	// Output:
	// evt_1 10 digits
	// signature: malformed header: Webhook-Id has a full stop at byte 3; full stops separate the parts of what is signed, so an id can't have one
}

// A request that was recorded is genuine by the clock of its time.
func ExampleVerifier_now() {
	secret, err := signature.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		log.Fatal(err)
	}
	recorded := http.Header{
		"Webhook-Id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
		"Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}
	v := signature.Verifier{
		Secrets: []signature.Secret{secret},
		Now:     func() time.Time { return time.Unix(1614265390, 0) },
	}
	by, err := v.Verify(recorded, []byte(`{"test": 2432232314}`))
	fmt.Println(by, err)
	// Output: 0 <nil>
}

// A secret is replaced while both ends keep working: the sender signs with both
// for a day, the receiver takes the old one for an hour more.
func ExampleSecret_Until() {
	older, newer := signature.NewSecret(), signature.NewSecret()
	end := time.Now().Add(24 * time.Hour)
	verifier := &signature.Verifier{Secrets: []signature.Secret{newer, older.Until(end.Add(time.Hour))}}

	h := make(http.Header)
	if err := signature.SetHeaders(h, "evt_1", time.Now(), payload, newer, older.Until(end)); err != nil {
		log.Fatal(err)
	}
	fmt.Println("signatures:", len(strings.Fields(h.Get("webhook-signature"))))
	by, err := verifier.Verify(h, payload)
	fmt.Println("signed with the secret", by, err)

	if err := signature.SetHeaders(h, "evt_1", end, payload, newer, older.Until(end)); err != nil {
		log.Fatal(err)
	}
	fmt.Println("a day later:", len(strings.Fields(h.Get("webhook-signature"))))
	// Output:
	// signatures: 2
	// signed with the secret 0 <nil>
	// a day later: 1
}

// With a secret for each sender, Verify says who sent it.
func ExampleVerifier_Verify() {
	shop, press := signature.NewSecret(), signature.NewSecret()
	verifier := &signature.Verifier{Secrets: []signature.Secret{shop, press}}
	names := []string{"shop", "press"}

	h := make(http.Header)
	if err := signature.SetHeaders(h, "evt_1", time.Now(), payload, press); err != nil {
		log.Fatal(err)
	}
	by, err := verifier.Verify(h, payload)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("sent by", names[by])

	// A refusal says what is wrong.
	h.Set("webhook-timestamp", time.Now().Format(time.RFC3339))
	_, err = verifier.Verify(h, payload)
	fmt.Println(errors.Is(err, signature.ErrHeaderMalformed), err)
	// Output:
	// sent by press
	// true signature: malformed header: Webhook-Timestamp is an RFC 3339 date-time; it takes seconds since 1970: up to 18 digits, without a sign, space or leading zero
}

func ExampleNewKeyPair() {
	// The sender keeps the private key, and gives the public one to receivers.
	private, public := signature.NewKeyPair()
	fmt.Println(private, public, private.Public().Text() == public.Text())

	h := make(http.Header)
	if err := signature.SetHeaders(h, "evt_1", time.Now(), payload, private); err != nil {
		log.Fatal(err)
	}
	v := signature.Verifier{Secrets: []signature.Secret{public}}
	_, err := v.Verify(h, payload)
	fmt.Println(err)

	_, err = signature.Sign("evt_1", time.Now(), payload, public)
	fmt.Println(err)
	// Output:
	// whsk_*** whpk_*** true
	// <nil>
	// signature: unusable secret: number 1 of 1 is a public key, which can't sign
}

func ExampleNewSecret() {
	secret := signature.NewSecret()
	fmt.Println(secret)             // for logs
	fmt.Println(len(secret.Text())) // for who has to have it
	// Output:
	// whsec_***
	// 50
}

func ExampleParseSecret() {
	for _, text := range []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="} {
		_, err := signature.ParseSecret(text)
		fmt.Println(errors.Is(err, signature.ErrSecret), err)
	}
	// Output:
	// true signature: unusable secret: it starts with none of whsec_, whsk_ and whpk_ (bare base64 that is known to be a shared secret needs whsec_ before it)
	// true signature: unusable secret: whsec_: it has 5 bytes and takes 24 to 64
}

func ExampleVerifier_VerifyRequest() {
	secret := signature.NewSecret()
	verifier := &signature.Verifier{
		Secrets:  []signature.Secret{secret},
		MaxBytes: 1 << 20,
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		payload, err := verifier.VerifyRequest(r)
		switch {
		case errors.Is(err, signature.ErrTooLarge):
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		case errors.Is(err, signature.ErrSecret), errors.Is(err, signature.ErrNoSecret):
			http.Error(w, "not set up", http.StatusInternalServerError)
		case err != nil:
			http.Error(w, "not genuine", http.StatusUnauthorized) // log err: it says why
		default:
			fmt.Printf("received %s\n", payload)
			w.WriteHeader(http.StatusNoContent)
		}
	})

	for _, signer := range []signature.Secret{secret, signature.NewSecret()} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(payload)))
		if err := signature.SetHeaders(r.Header, "evt_1", time.Now(), payload, signer); err != nil {
			log.Fatal(err)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// received {"event_type":"run_completed"}
	// 204
	// 401
}
