package exchange

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// build builds runhooks.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "runhooks")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it may have all to compile
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/runhooks")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// Our own receiver passes, and one that is wrong in one way is told so.
func TestSuite(t *testing.T) {
	program := build(t)
	tests := []struct {
		name string
		wrap func(own http.Handler) http.Handler
		// unexplained has a text for each cell of which something doesn't hold.
		unexplained [4]string
	}{
		{"our own", func(own http.Handler) http.Handler { return own }, [4]string{}},
		{"takes everything", func(http.Handler) http.Handler {
			return status(http.StatusNoContent)
		}, [4]string{1: "run_completed of another secret: is answered with 204, and should be with 400 or 401", 3: "column.cjk: is taken"}},
		{"fails", func(http.Handler) http.Handler {
			return status(http.StatusInternalServerError)
		}, [4]string{"run_failed: is answered with 500", "no timestamp: is answered with 500", "webhook_test as maxun: is answered with 500", "is answered with 500"}},
		{"drops the connection at a timestamp beyond bounds", func(own http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.Header.Get("Webhook-Timestamp"), "-9") {
					panic(http.ErrAbortHandler)
				}
				own.ServeHTTP(w, r)
			})
		}, [4]string{1: "the least of 64 bits: is answered with no answer: EOF"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			secret := signature.NewSecret()
			own, err := receiver.New(receiver.Handlers{
				Event: func(context.Context, *receiver.Delivery) error { return nil },
			}, receiver.Options{
				Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}}, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(tt.wrap(own))
			defer server.Close()
			server.Client().Timeout = time.Minute // for a receiver that doesn't answer
			cells, err := sender{
				url: server.URL + "/events", runhooks: program,
				secret: secret, other: signature.NewSecret(), client: server.Client(),
			}.suite(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range cells {
				got := strings.Join(c.Unexplained, "\n")
				if want := tt.unexplained[i]; !strings.Contains(got, want) || want == "" && got != "" || c.Of < 30 {
					t.Errorf("%s of %d: %.500q, want %q", matrix.Checks[matrix.Receiver][i].Title, c.Of, got, want)
				}
			}
		})
	}
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(code)
	})
}

// A receiver that can't start is told, with where it says why.
func TestRunErrors(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "serve.sh"), []byte("echo no such thing; exit 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), folder, "runhooks")
	if err == nil || !strings.Contains(err.Error(), "the receiver has ended: exit status 3; see "+folder) {
		t.Errorf("error %v", err)
	}
	log, err := os.ReadFile(filepath.Join(folder, "receiver.log"))
	if err != nil || string(log) != "no such thing\n" {
		t.Errorf("the log has %q (%v)", log, err)
	}
}
