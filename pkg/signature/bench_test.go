package signature_test

import (
	"bytes"
	"testing"

	"github.com/runhooks/runhooks/pkg/signature"
)

func BenchmarkSign(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 1024)
	for _, text := range []string{testSecret, testPrivate} {
		b.Run(parse(b, text).String(), func(b *testing.B) {
			secret := parse(b, text)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signature.Sign(testID, testTime, payload, secret); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 1024)
	for _, text := range []string{testSecret, testPrivate} {
		b.Run(parse(b, text).String(), func(b *testing.B) {
			secret := parse(b, text)
			h := signed(b, testID, testTime, string(payload), secret)
			v := signature.Verifier{Secrets: []signature.Secret{secret}, Tolerance: whenever}
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(h, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
