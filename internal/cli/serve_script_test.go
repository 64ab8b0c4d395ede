package cli_test

import (
	"database/sql"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // as pgx
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // as sqlite
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

// newer makes a database one that a newer release has migrated, as "newer FILE" or
// "newer URL".
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer FILE|URL")
	}
	driver, source, table := "sqlite", ts.MkAbs(args[0]), "goose_db_version"
	if strings.HasPrefix(args[0], "postgres") {
		driver, source, table = "pgx", args[0], "runhooks.goose_db_version"
	}
	db, err := sql.Open(driver, source)
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec("INSERT INTO " + table + " (version_id, is_applied) VALUES (99999, true)")
	ts.Check(err)
}
