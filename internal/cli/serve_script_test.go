package cli_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxy starts a forward proxy, as "proxy NAME [STATUS]", and puts its host and port
// into $NAME. It passes requests of http on to their port of 127.0.0.1, whatever their
// host is, or answers each with a status.
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: proxy NAME [STATUS]")
	}
	var handler http.Handler = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		_, port, _ := net.SplitHostPort(r.In.Host)
		r.Out.URL.Host = net.JoinHostPort("127.0.0.1", port)
	}}
	if len(args) == 2 {
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	server := httptest.NewServer(handler)
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.Listener.Addr().String())
}
