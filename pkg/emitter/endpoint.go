package emitter

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

// An Endpoint is where events go. It has either Secrets or Unsigned.
type Endpoint struct {
	// URL is absolute, http or https, without user information and without a
	// fragment. Its host is an address, or a name in its ASCII form (xn--…).
	URL string

	// Secrets sign: a request has a signature by each, so that a receiver may
	// hold any of them while they are rotated.
	Secrets []signature.Secret

	// Unsigned lets an endpoint be without secrets. Its receiver can't tell
	// real events from forged ones.
	Unsigned bool

	// Header has further headers for each request, such as an Authorization
	// that the receiver asks for. Those that the attempt itself sets are an
	// error: the webhook headers, those about the body, the connection or the
	// host, and User-Agent, which is [Client.UserAgent].
	Header http.Header

	// Timeout is how long an attempt may take. 0 stands for [Client.Timeout].
	// Where it is longer than that, resolving and connecting together, and TLS,
	// still take no more than a second longer than Client.Timeout each.
	Timeout time.Duration
}

// An EndpointError says why no attempt can be made to an endpoint as it is
// configured. Nothing was sent, and trying again doesn't help.
type EndpointError struct {
	// Reason says what is wrong and what to do about it. It quotes no more of
	// a URL than its scheme, host and port: the rest may hold secrets.
	Reason string
}

func (e *EndpointError) Error() string { return "endpoint: " + e.Reason }

func endpointErrorf(format string, args ...any) *EndpointError {
	return &EndpointError{Reason: fmt.Sprintf(format, args...)}
}

// parseURL takes a URL that means one thing to everybody who reads it. Whatever
// parsers are known to disagree on is an error, harmless or not.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, endpointErrorf("the URL can't be parsed; it has to be like https://example.com/path")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, endpointErrorf("the URL has scheme %q; it has to be https, or http", u.Scheme)
	case u.User != nil:
		return nil, endpointErrorf("the URL has user information; give it as an Authorization header")
	case u.Hostname() == "":
		return nil, endpointErrorf("the URL has no host; it has to be like https://example.com/path")
	case strings.Contains(raw, "#"):
		return nil, endpointErrorf("the URL has a fragment, which no server would see; leave it out")
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, endpointErrorf("the URL has port %q; a port is from 1 to 65535", port)
		}
	}
	if reason := checkHost(u.Hostname()); reason != "" {
		return nil, endpointErrorf("the URL has host %q: %s", u.Hostname(), reason)
	}
	return u, nil
}

// checkHost says what is wrong with a host, and is empty for an IP address in
// its usual form and for a name that DNS could have (RFC 1123, section 2.1, and
// underscores).
func checkHost(host string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		if zone := addr.Zone(); zone != "" && !isToken(zone) {
			return "a zone has letters and digits"
		}
		return ""
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return "it is longer than a name can be"
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return "the parts of a name have from 1 to 63 characters"
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			case c >= 0x80:
				return "write it in its ASCII form (xn--…)"
			default:
				return "a name has letters, digits, hyphens and dots"
			}
		}
	}
	// Some resolvers take 2130706433, 127.1 and 0x7f.1 for 127.0.0.1; in names
	// the last part is never a number.
	if isNumber(labels[len(labels)-1]) {
		return "write an IPv4 address as four decimal numbers, without leading zeros"
	}
	return ""
}

// isNumber tells what the URL standard calls a number: decimal, octal or
// hexadecimal digits.
func isNumber(label string) bool {
	digits, set := label, "0123456789"
	if len(label) >= 2 && (label[:2] == "0x" || label[:2] == "0X") {
		digits, set = label[2:], "0123456789abcdefABCDEF"
	}
	return strings.Trim(digits, set) == ""
}

// reserved are the headers that an endpoint can't set, besides those of
// webhookPrefix: the attempt sets them, or they are not about the event.
var reserved = map[string]bool{
	"Accept-Encoding":     true,
	"Connection":          true,
	"Content-Encoding":    true,
	"Content-Length":      true,
	"Content-Type":        true,
	"Expect":              true,
	"Host":                true,
	"Keep-Alive":          true,
	"Proxy-Authorization": true,
	"Proxy-Connection":    true,
	"Te":                  true,
	"Trailer":             true,
	"Transfer-Encoding":   true,
	"Upgrade":             true,
	"User-Agent":          true,
}

const webhookPrefix = "Webhook-"

// ownHeader returns a copy of an endpoint's headers that others can be set in.
func ownHeader(own http.Header) (http.Header, error) {
	h := make(http.Header, len(own)+8)
	for name, values := range own {
		if err := CheckHeader(name, ""); err != nil {
			return nil, err
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		for _, v := range values {
			if err := CheckHeader(name, v); err != nil {
				return nil, err
			}
			h[key] = append(h[key], v)
		}
	}
	return h, nil
}

// CheckHeader judges one value of [Endpoint.Header], so that settings can be refused when
// they are made. It returns an *[EndpointError] for a name that is not valid (RFC 9110,
// section 5.6.2), for a header that the attempt itself sets, and for a value with a control
// character other than a tab (section 5.5); and nil otherwise.
func CheckHeader(name, value string) error {
	key := textproto.CanonicalMIMEHeaderKey(name)
	switch {
	case !isToken(name):
		return endpointErrorf("%q is not the name of a header", name)
	case reserved[key] || strings.HasPrefix(key, webhookPrefix):
		return endpointErrorf("the header %s is set by the sender; leave it out", key)
	case !isFieldValue(value):
		return endpointErrorf("the value of the header %s has a control character", key)
	}
	return nil
}

// connections are the headers that belong to the connection and not to the request,
// or that follow from its body.
var connections = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// rawHeader returns a copy of a header that is to be sent as it stands.
func rawHeader(header http.Header) (http.Header, error) {
	h := make(http.Header, len(header))
	for name, values := range header {
		key := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !isToken(name):
			return nil, endpointErrorf("%q is not the name of a header", name)
		case slices.Contains(connections, key):
			return nil, endpointErrorf("the header %s is set by the connection; leave it out", key)
		case slices.ContainsFunc(values, func(v string) bool { return !isFieldValue(v) }):
			return nil, endpointErrorf("the value of the header %s has a control character", key)
		}
		h[key] = append(h[key], values...)
	}
	return h, nil
}

// isToken tells a token of RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// isFieldValue tells what may stand in a header: no control characters but tabs
// (RFC 9110, section 5.5).
func isFieldValue(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}
