package event

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^evt_[A-Z2-7]{26}$`)
	known := make(map[string]bool)
	for range 10_000 {
		id := NewID()
		if !form.MatchString(id) || known[id] {
			t.Fatalf("the id %q is malformed or was made before (%t)", id, known[id])
		}
		known[id] = true
	}
	if err := signature.SetHeaders(make(http.Header), NewID(), time.Now(), nil, signature.NewSecret()); err != nil {
		t.Error(err)
	}
}
