// Package eventstest has the test that each program passes, whatever its router.
package eventstest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

// TestRouter POSTs events to a router at /events.
func TestRouter(t *testing.T, newRouter func(signature.Secret) (http.Handler, error)) {
	secret := signature.NewSecret()
	router, err := newRouter(secret)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(router)
	defer server.Close()
	server.Client().Timeout = time.Minute // for a router that doesn't answer
	payload, err := os.ReadFile("../../../vectors/deviates/dialect.field-case.json")
	if err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name   string
		method string
		change func(r *http.Request)
		status int
		want   string // in the answer
	}{
		{name: "signed", method: http.MethodPost, status: 204},
		{name: "the same again", method: http.MethodPost, status: 200},
		{
			name: "tampered with", method: http.MethodPost, status: 401, want: "does not verify",
			change: func(r *http.Request) {
				altered := bytes.Replace(payload, []byte("run_"), []byte("Run_"), 1)
				r.Body = io.NopCloser(bytes.NewReader(altered))
			},
		},
		{
			name: "not signed", method: http.MethodPost, status: 401, want: "is not signed",
			change: func(r *http.Request) { r.Header.Del(signature.HeaderSignature) },
		},
		{
			name: "signed in hexadecimal", method: http.MethodPost, status: 401, want: "is in hexadecimal, not in base64",
			change: func(r *http.Request) {
				r.Header.Set(signature.HeaderSignature, "v1,"+strings.Repeat("0a", 32))
			},
		},
		{name: "what a redirect left", method: http.MethodGet, status: 405, want: "a redirect on the way lost its body", change: func(r *http.Request) {
			r.Body, r.ContentLength = http.NoBody, 0
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequest(test.method, server.URL+"/events", bytes.NewReader(payload))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if err := signature.SetHeaders(r.Header, "msg_1", time.Now(), payload, secret); err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				test.change(r)
			}
			answer, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != test.status || !strings.Contains(string(body), test.want) {
				t.Errorf("%s, want %d with %q; %s", answer.Status, test.status, test.want, body)
			}
		})
	}

	// The router lets the receiver answer before the body has come, and close
	// the connection.
	t.Run("refused before the body", func(t *testing.T) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "POST /events HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n")
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
			t.Errorf("%v: %s", err, answer)
		}
	})
}
