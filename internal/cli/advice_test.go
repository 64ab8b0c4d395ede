package cli

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// quiet starts a server whose log nobody reads.
func quiet(t *testing.T, start func(*httptest.Server), handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(server)
	t.Cleanup(server.Close)
	return server
}

// raw answers each connection with some bytes, or none, once it has sent something,
// and closes it.
func raw(t *testing.T, answer string) string {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 64<<10)
			_, _ = conn.Read(buf)
			_, _ = io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	return socket.Addr().String()
}

// What keeps a request from its answer is told apart, by trigger and where listen
// forwards to.
func TestConnectionsToldApart(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	secure := quiet(t, (*httptest.Server).StartTLS, ok)
	plain := quiet(t, (*httptest.Server).Start, ok)
	crashing := quiet(t, (*httptest.Server).Start, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mutual := quiet(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
		s.StartTLS()
	}, ok)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(ca, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(secure.URL, "https://")
	port := host[strings.LastIndexByte(host, ':'):]
	for _, tt := range []struct {
		name, url string
		flags     []string
		code      int
		want      string
	}{
		{"unknown authority", secure.URL, nil, 2, "from an authority that this machine doesn't know: give --ca FILE"},
		{"its authority is known", secure.URL, []string{"--ca", ca}, 0, ""},
		{"no certificate will do", secure.URL, []string{"--insecure-skip-verify"}, 0, ""},
		{"another name", "https://localhost" + port, []string{"--ca", ca}, 2, "its certificate is not for localhost"},
		{"http to https", "http://" + host, nil, 1, "what listens there speaks https: send to https://" + host},
		{"https to http", strings.Replace(plain.URL, "http", "https", 1), nil, 2, "doesn't speak https: send to " + plain.URL},
		{"a handler that crashes", crashing.URL, nil, 2, "it closed the connection without an answer: its log says why"},
		{"a TLS alert in answer to http", "http://" + raw(t, "\x15\x03\x01\x00\x02\x02\x46"), nil, 2, "what listens there speaks https"},
		{"closed in the handshake", "https://" + raw(t, ""), nil, 2, "it closed the connection during the TLS handshake"},
		{"closed at once", "http://" + raw(t, ""), nil, 2, "so does what expects https"},
		{"half an answer", "http://" + raw(t, "HTTP/1.1 20"), nil, 2, "its answer is not HTTP"},
		{"a certificate of the client", mutual.URL, []string{"--insecure-skip-verify"}, 2, "it may ask for a certificate of the client"},
		{"nobody there", "http://127.0.0.1:1", nil, 2, "start what listens there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			args := append([]string{"trigger", "run_failed", "--to", tt.url}, tt.flags...)
			code := Run(t.Context(), args, strings.NewReader(""), &out, &errOut)
			text := strings.Join(strings.Fields(out.String()+errOut.String()), " ")
			if code != tt.code || !strings.Contains(text, tt.want) || (tt.want == "") == strings.Contains(text, "next:") {
				t.Errorf("exit code %d, want %d; and %q in\n%s%s", code, tt.code, tt.want, out.String(), errOut.String())
			}
		})
	}
	for _, tt := range []struct{ file, want string }{
		{"none.pem", "--ca none.pem: no such file or directory"},
		{"advice_test.go", "--ca advice_test.go: it has no certificate in PEM form"},
	} {
		var out, errOut bytes.Buffer
		if code := Run(t.Context(), []string{"trigger", "run_failed", "--to", secure.URL, "--ca", tt.file}, strings.NewReader(""), &out, &errOut); code != 2 || !strings.Contains(errOut.String(), tt.want) {
			t.Errorf("exit code %d, %s", code, errOut.String())
		}
	}
}
