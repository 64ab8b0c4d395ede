package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/cli"
)

// TestManyHeld: the service counts held deliveries up to a bound, and what is shown
// doesn't say that there are no more.
func TestManyHeld(t *testing.T) {
	t.Setenv("RUNHOOKS_TOKEN", "rh_x")
	for held, want := range map[string]string{"999": "  999 deliveries are held\n", "1000": "  at least 1000 deliveries are held\n"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"id":"e","state":"active","held":`+held+`}`)
		}))
		var out bytes.Buffer
		code := cli.Run(t.Context(), []string{"endpoints", "enable", "e", "--server", server.URL}, strings.NewReader(""), &out, io.Discard)
		if code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s held: exit code %d, and %q; want %q", held, code, out.String(), want)
		}
		server.Close()
	}
}
