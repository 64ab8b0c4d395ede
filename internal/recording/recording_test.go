package recording_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/recording"
)

func read(t *testing.T, text string) []recording.Request {
	t.Helper()
	var all []recording.Request
	for r, err := range recording.Read(strings.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// What is recorded is read again, byte for byte, and the archive is whole after each
// request and each start.
func TestRoundTrip(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.har")
	at := time.Date(2026, 6, 25, 15, 53, 16, 123456789, time.UTC)
	var want []recording.Request
	for _, body := range []string{`{"a":"é\u2028<>"}`, "", "\xff\xfe", "{}\r\n", "\u2028\x00\x1f", "\ufeff{}"} {
		w, err := recording.Open(name, "v1", false)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r := recording.Request{
				At: at, Method: "POST", URL: "http://127.0.0.1:9000/in", Proto: "HTTP/1.1", Status: 204,
				Header: http.Header{"Content-Type": {"application/json"}, "Webhook-Signature": {"v1,a", "v1,b"}},
			}
			if body != "" {
				r.Body = []byte(body)
			}
			want = append(want, r)
			if err := w.Add(r); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(name)
			if err != nil || !json.Valid(text) {
				t.Fatalf("it is not whole: %v\n%s", err, text)
			}
			if diff := cmp.Diff(want, read(t, string(text))); diff != "" {
				t.Fatalf("%q (-recorded +read):\n%s", body, diff)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Secrets are recorded only where that is asked for.
func TestSecrets(t *testing.T) {
	for _, clear := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "a.har")
		w, err := recording.Open(name, "v1", clear)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		err = w.Add(recording.Request{
			Method: "POST", URL: "http://me:hush@h/in?secret=hush&a=hush",
			Header: http.Header{"Authorization": {"Basic hush"}, "Cookie": {"a=hush"}, "X-Api-Key": {"hush"}, "X-Note": {"whsec_hush"}, "Webhook-Id": {"evt_1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "hush"); n != map[bool]int{false: 0, true: 7}[clear] {
			t.Errorf("%v: a secret is there %d times\n%s", clear, n, text)
		}
		r := read(t, string(text))[0]
		if hidden := strings.Join(r.Hidden, " "); (hidden == "Authorization Cookie X-Api-Key") == clear || r.Header.Get("Webhook-Id") != "evt_1" {
			t.Errorf("%v: %+v", clear, r)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, text := range []string{"x", "{}", `{"log":{"entries":[]}}`} {
		name := filepath.Join(t.TempDir(), "a.har")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := recording.Open(name, "v1", false); err == nil || !strings.Contains(err.Error(), "choose another name") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "x", "[]", "{}", `{"log":[]}`, `{"log":{}}`, `{"log":{"entries":{}}}`, `{"log":{"entries":[1]}}`, `{"log":{"entries":[{}`,
		`{"log":{"entries":[{"request":{"postData":{"text":"?","encoding":"base64"}}}]}}`} {
		failed := false
		for _, err := range recording.Read(strings.NewReader(text)) {
			failed = failed || err != nil
		}
		if !failed {
			t.Errorf("%s is read", text)
		}
	}
}
