package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// connectionAdvice says what to do about a request that has no answer: "" where the
// error says it. The phase is that of the attempt, or "" if it is not known.
func connectionAdvice(err error, to string, phase emitter.Phase) string {
	u, parseErr := url.Parse(to)
	if parseErr != nil {
		return ""
	}
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		op       *net.OpError
		dns      *net.DNSError
	)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "start what listens there; runhooks listen is a receiver to try with"
	case errors.As(err, &unknown):
		return "its certificate is from an authority that this machine doesn't know: give --ca FILE with that authority's certificate, or the server's own; or try with --insecure-skip-verify"
	case errors.As(err, &hostname):
		return fmt.Sprintf("its certificate is not for %s: use a name that it has, or make one for this name; or try with --insecure-skip-verify", u.Hostname())
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet: renew it, and compare the clocks; or try with --insecure-skip-verify"
	case errors.As(err, &invalid):
		return "its certificate can't be used for a server: make another; or try with --insecure-skip-verify"
	case errors.As(err, &record):
		u.Scheme = "http"
		return fmt.Sprintf("what listens there doesn't speak https: send to %s, or have it speak TLS", redact.URL(u.String()))
	case errors.As(err, &op) && op.Op == "remote error": // an alert of TLS
		return "it ended the TLS handshake: it may ask for a certificate of the client, or for another name or version of TLS; its log says which"
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("no name server knows %s: check the spelling", u.Hostname())
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`): // an alert of TLS
		return useHTTPS(to)
	case strings.Contains(err.Error(), "malformed HTTP"):
		return "its answer is not HTTP: check the port, and whether the receiver writes a whole answer"
	case errors.Is(err, context.DeadlineExceeded) && (phase == emitter.Waiting || phase == emitter.Sending):
		return "it accepted the connection, but didn't answer in time: a receiver should store the event, answer, and work afterwards"
	case errors.Is(err, context.DeadlineExceeded):
		return "nothing answers at that address: check the host and port, and firewalls"
	case isDropped(err) && u.Scheme == "https" && phase == emitter.Securing:
		return "it closed the connection during the TLS handshake: does what listens there speak https?"
	case isDropped(err):
		next := "it closed the connection without an answer: its log says why; a handler that crashes does that, and so does a proxy that lost its upstream"
		if u.Scheme == "http" {
			next += "; so does what expects https"
		}
		return next
	}
	return ""
}

// isDropped tells the errors of a connection that was there and was closed.
func isDropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || strings.Contains(err.Error(), "server closed idle connection")
}

// speaksTLS tells the answers of servers that want https and were sent plain http.
func speaksTLS(status int, answer []byte) bool {
	if status != http.StatusBadRequest {
		return false
	}
	for _, text := range []string{
		"Client sent an HTTP request to an HTTPS server", // net/http
		"plain HTTP request was sent to HTTPS port",      // nginx
		"speaking plain HTTP to an SSL-enabled server",   // Apache
		"This combination of host and port requires TLS", // Tomcat
	} {
		if bytes.Contains(answer, []byte(text)) {
			return true
		}
	}
	return false
}

func useHTTPS(to string) string {
	return fmt.Sprintf("what listens there speaks https: send to %s", redact.URL("https"+strings.TrimPrefix(to, "http")))
}
