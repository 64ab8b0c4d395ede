package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/cli"
)

// TestPortal: the link of runhooks portal-link leads to a page in the platform's looks, which
// the platform may frame.
func TestPortal(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	logo := filepath.Join(t.TempDir(), "logo.svg")
	if err := os.WriteFile(logo, []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), 0o600); err != nil {
		t.Fatal(err)
	}
	service := start(t, nil, "serve", "--addr", "127.0.0.1:0", "--data", data, "--log-format", "text", "--log-level", "error",
		"--brand-name", "Shop", "--brand-logo", logo, "--brand-color", "#ffd400", "--frame-ancestors", "https://app.example.com")
	service.until("Ctrl-C ends")
	_, url, _ := strings.Cut(service.seen.String(), "listening on ")
	url, _, _ = strings.Cut(url, "\n")

	var out, errOut bytes.Buffer
	if code := cli.Run(t.Context(), []string{"portal-link", "prices", "--server", url, "--data", data}, nil, &out, &errOut); code != 0 {
		t.Fatalf("it ends with %d: %s", code, errOut.String())
	}
	answer, err := http.Get(strings.TrimSpace(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for _, want := range []string{"prices", "Shop", "/static/brand?v=", "/static/brand.css?v="} {
		if answer.StatusCode != http.StatusOK || !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page (%s) doesn't have %s:\n%s", answer.Status, want, page)
		}
	}
	if csp := answer.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors https://app.example.com") {
		t.Errorf("the policy is %s", csp)
	}
	service.stop()
	if code := service.ended(); code != 0 {
		t.Errorf("the service ends with %d", code)
	}
}
