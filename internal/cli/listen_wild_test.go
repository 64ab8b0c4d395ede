package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/vectors"
)

// TestListenWild: of what servers send, listen loses nothing. It accepts each payload,
// passes it on and records it as it came.
func TestListenWild(t *testing.T) {
	t.Run("vectors", func(t *testing.T) {
		var payloads [][]byte
		for _, v := range vectors.All() {
			if strings.HasPrefix(v.Name, "wild.") && !bytes.ContainsAny(v.Payload, "\r\n") {
				payloads = append(payloads, v.Payload)
			}
		}
		testListenWild(t, payloads)
	})
	t.Run("captured", func(t *testing.T) {
		var payloads [][]byte
		for _, p := range judgetest.Captured(t) {
			payloads = append(payloads, bytes.TrimRight(p.Text, "\n"))
		}
		testListenWild(t, payloads)
	})
}

func testListenWild(t *testing.T, payloads [][]byte) {
	t.Setenv("RUNHOOKS_SECRET", "")
	passed := make(chan []byte, len(payloads))
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		passed <- body
		w.WriteHeader(http.StatusNoContent)
	}))
	defer target.Close()
	recording := filepath.Join(t.TempDir(), "events.ndjson")
	url, end := startListener(t, "--forward", target.URL, "--record", recording, "--count", fmt.Sprint(len(payloads)))
	var want bytes.Buffer
	for _, payload := range payloads {
		resp, err := client.Post(url, "application/json", bytes.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Fatalf("status %d for %s", resp.StatusCode, payload)
		}
		if got := <-passed; !bytes.Equal(got, payload) {
			t.Errorf("passed on:\n%s\nwant:\n%s", got, payload)
		}
		want.Write(append(bytes.ReplaceAll(payload, []byte("\n"), []byte(" ")), '\n'))
	}
	if out := end(); !strings.Contains(out, fmt.Sprintf("%d deviate, 0 invalid", len(payloads))) {
		t.Errorf("the end is %q", out[max(0, len(out)-200):])
	}
	got, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("recorded:\n%s\nwant:\n%s", got, want.Bytes())
	}
}
