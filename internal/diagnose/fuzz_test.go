package diagnose

import (
	"net/http"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/signature"
)

// FuzzDiagnose: whatever was saved, what is genuine is what package signature says, and
// a secret is not shown.
func FuzzDiagnose(f *testing.F) {
	f.Add([]byte(payload), id, "1782402796", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", secretText)
	f.Add([]byte("\xff\xfe{\x00"), "", "x", "sha256=00", "whsec_")
	f.Add([]byte("\x1f\x8b"), ".", "1e9", "v1a,", "'%zz'\n")
	f.Fuzz(func(t *testing.T, body []byte, id, timestamp, signed, secret string) {
		if len(body) > 4<<10 {
			return // the work grows with it
		}
		h := http.Header{signature.HeaderID: {id}, signature.HeaderTimestamp: {timestamp}, signature.HeaderSignature: {signed}}
		r := Diagnose(Request{Header: h, Body: body, At: sent}, []string{secret}, 0, sent)
		if len(r.Parts) != 5 {
			t.Fatalf("%d parts", len(r.Parts))
		}
		for _, part := range r.Parts {
			if len(secret) > 12 && strings.Contains(part.Text, secret) && !strings.Contains(id+timestamp, secret) {
				t.Errorf("it shows the secret: %s", part.Text)
			}
		}
		if parsed, err := signature.ParseSecret(strings.Trim(strings.TrimSpace(secret), "'")); err == nil && r.Genuine {
			v := signature.Verifier{Secrets: []signature.Secret{parsed}, Tolerance: 1 << 62}
			if _, err := v.Verify(h, body); err != nil {
				t.Errorf("genuine, and %v", err)
			}
		}
	})
}
