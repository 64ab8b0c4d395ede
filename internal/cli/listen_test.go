package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

func TestListenAddr(t *testing.T) {
	for _, tt := range []struct {
		addr, want string // want is "" where the address is refused
	}{
		{"127.0.0.1:9000", "127.0.0.1:9000"},
		{":9000", "127.0.0.1:9000"}, // nobody gets to listen to the world by a slip
		{"9000", "127.0.0.1:9000"},
		{":0", "127.0.0.1:0"},
		{"0.0.0.0:9000", "0.0.0.0:9000"},
		{"[::1]:9000", "[::1]:9000"},
		{"localhost:9000", "localhost:9000"},
		{"::1", ""},
		{"localhost", ""},
		{"localhost:http", ""},
		{":65536", ""},
		{"", ""},
	} {
		got, err := parseAddr(tt.addr)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v, want %q", tt.addr, got, err, tt.want)
		}
	}
}

func TestListenerURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:9000": "http://127.0.0.1:9000/in",
		"[::1]:9000":     "http://[::1]:9000/in",
		"0.0.0.0:9000":   "http://localhost:9000/in",
		"[::]:9000":      "http://localhost:9000/in",
	} {
		o := listenOptions{path: "/in"}
		got, _ := o.url(httpAddr(addr))
		if got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

type httpAddr string

func (httpAddr) Network() string  { return "tcp" }
func (a httpAddr) String() string { return string(a) }

func TestTakesAt(t *testing.T) {
	for _, tt := range []struct {
		path, at string
		want     bool
	}{
		{"/", "/", true},
		{"/", "/events", true},
		{"/events", "/events", true},
		{"/events", "/events/", false},
		{"/events", "/eventsx", false},
		{"/events/", "/events/a", true},
		{"/events/", "/events", false},
	} {
		if got := (&listener{path: tt.path}).takesAt(tt.at); got != tt.want {
			t.Errorf("--path %s, %s: %v", tt.path, tt.at, got)
		}
	}
}

// What is known of events stays bounded, whoever sends how many.
func TestKnownIsBounded(t *testing.T) {
	l := &listener{}
	claim := func(key string) *arrival {
		a := new(arrival)
		if _, err := l.Claim(context.WithValue(t.Context(), arrivalKey{}, a), key); err != nil {
			t.Fatal(err)
		}
		return a
	}
	for i := range maxKnown + 10 {
		claim(fmt.Sprint(i))
	}
	if len(l.known) != maxKnown || len(l.order) != maxKnown {
		t.Errorf("knows %d, in an order of %d", len(l.known), len(l.order))
	}
	if a := claim(fmt.Sprint(maxKnown)); a.attempt != 2 {
		t.Errorf("a recent one is at attempt %d, want 2", a.attempt)
	}
	if a := claim("0"); a.attempt != 1 {
		t.Errorf("the oldest is at attempt %d, want 1", a.attempt)
	}
}

func TestOneLine(t *testing.T) {
	for _, tt := range []struct{ name, payload, want string }{
		{"one line", `{"a": 1}`, `{"a": 1}`},
		{"its end is the line's own", "{\"a\": 1}\r\n", `{"a": 1}`},
		{"white space", "{\n  \"a\":\t1\r\n}", "{   \"a\":\t1\r }"},
		{"an escaped line feed", `{"a": "x\ny"}`, `{"a": "x\ny"}`},
		{"an escaped quote", "{\"a\": \"\\\"\",\n\"b\":1}", `{"a": "\"", "b":1}`},
		{"in a string", "{\"a\": \"x\ny\"}", "{\"a\": \"x\ry\"}"},
		{"behind a backslash", "{\"a\": \"x\\\ny\"}", "{\"a\": \"x\\\ry\"}"},
		{"empty", "", ""},
		{"no JSON", "not\njson", "not json"},
	} {
		if got := string(oneLine([]byte(tt.payload))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A check says the same of a payload and of its line.
func FuzzOneLine(f *testing.F) {
	for _, v := range vectors.All() {
		f.Add(v.Payload)
	}
	f.Add([]byte("{\"a\": \"\\\n\"}"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		line := oneLine(payload)
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Fatalf("%q has a line feed", line)
		}
		type said struct {
			Code    conformance.Code
			Pointer string
			Offset  int
		}
		of := func(payload []byte) (conformance.Verdict, []said) {
			report := conformance.Check(payload)
			var all []said
			for _, f := range report.Findings {
				all = append(all, said{f.Code, f.Pointer, f.Offset})
			}
			return report.Verdict, all
		}
		wantVerdict, want := of(payload)
		gotVerdict, got := of(line)
		if wantVerdict != gotVerdict {
			t.Fatalf("%q is %s, and %q is %s", payload, wantVerdict, line, gotVerdict)
		}
		if diff := cmp.Diff(want, got); diff != "" && wantVerdict != conformance.Invalid {
			t.Fatalf("%q\n(-payload +line)\n%s", payload, diff)
		}
	})
}

// What is passed on is what came: its bytes, and its headers but for those of the
// connection. So is the answer.
func TestForward(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(`{"a":  1}`))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got struct {
		body   []byte
		header http.Header
		uri    string
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.body, _ = io.ReadAll(r.Body)
		got.header, got.uri = r.Header, r.RequestURI
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Connection", "X-Ours")
		w.Header().Set("X-Ours", "1")
		w.WriteHeader(http.StatusFound)
		fmt.Fprint(w, "over there")
	}))
	defer app.Close()
	f, err := newForwarder(app.URL+"/events?x=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	out := f.send(t.Context(), http.Header{
		"Content-Type":     {"application/json"},
		"Content-Encoding": {"gzip"},
		"Webhook-Id":       {"evt_1"},
		"Connection":       {"keep-alive, X-Hop"},
		"X-Hop":            {"1"},
		"Keep-Alive":       {"timeout=5"},
		"Te":               {"trailers"},
		"X-Many":           {"1", "2"},
		"Expect":           {"100-continue"},
	}, zipped.Bytes(), nil)
	if out.err != nil {
		t.Fatal(out.err)
	}
	defer out.answer.Body.Close()
	if !bytes.Equal(got.body, zipped.Bytes()) || got.uri != "/events?x=1" {
		t.Errorf("%q got %q", got.uri, got.body)
	}
	want := http.Header{
		"Content-Type":     {"application/json"},
		"Content-Encoding": {"gzip"},
		"Webhook-Id":       {"evt_1"},
		"X-Many":           {"1", "2"},
		"Content-Length":   {fmt.Sprint(zipped.Len())},
	}
	if diff := cmp.Diff(want, got.header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	body, err := io.ReadAll(out.body())
	if err != nil || string(body) != "over there" || out.answer.StatusCode != http.StatusFound {
		t.Errorf("%d %q, %v", out.answer.StatusCode, body, err)
	}
	if h := endToEnd(out.answer.Header); h.Get("Location") != "/elsewhere" || h.Get("X-Ours") != "" {
		t.Errorf("the answer's headers are %v", h)
	}
}

func TestForwardURL(t *testing.T) {
	for _, raw := range []string{"", "localhost:3000", "http://", "ftp://app/", "http://user:pass@app/", "http://app:x/"} {
		if _, err := newForwarder(raw, nil); err == nil {
			t.Errorf("%q is taken", raw)
		}
	}
	at := netip.MustParseAddrPort("127.0.0.1:9000")
	for raw, want := range map[string]bool{
		"http://127.0.0.1:9000/": true,
		"http://localhost:9000":  true,
		"http://127.0.0.1:9001/": false,
		"http://127.0.0.1/":      false,
		"http://127.0.0.2:9000/": false,
		"http://app:9000/":       false,
	} {
		f, err := newForwarder(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.leadsTo(at); got != want {
			t.Errorf("%s leads to %v: %v", raw, at, got)
		}
	}
}

func TestWriteText(t *testing.T) {
	for _, tt := range []struct {
		width            int
		lead, text, want string
	}{
		{40, "", "all of it fits", "  all of it fits\n"},
		{20, "", "some of it does not fit", "  some of it does\n  not fit\n"},
		{20, "next:", "some of it does not fit", "  next: some of it\n  does not fit\n"},
		{10, "", "incomprehensibilities", "  incomprehensibilities\n"},
		{14, "", "中文中文 中文中文", "  中文中文\n  中文中文\n"},
		{40, "", "a\x1b[31mb\nc", `  a\u001b[31mb\nc` + "\n"},
	} {
		var b strings.Builder
		writeText(&b, report.Terminal{Width: tt.width}, tt.lead, tt.text, 100)
		if b.String() != tt.want {
			t.Errorf("%q in %d columns:\n%s", tt.text, tt.width, b.String())
		}
	}
}

func TestWriteParts(t *testing.T) {
	var b strings.Builder
	writeParts(&b, report.Terminal{Width: 20}, []string{"one", "", "two", "three", "more than a line has room for", "end\x07"})
	want := "  one · two · three\n  more than a line has room for\n  end\\u0007\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
