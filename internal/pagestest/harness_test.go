package pagestest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The browser complains: a page that is wrong in every way that tests of the other
// pages rely on to be noticed.
func TestTheBrowserComplains(t *testing.T) {
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Security-Policy", "script-src 'self'; style-src 'self'")
			fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><title>Bad</title><script>inline()</script><script src="/bad.js"></script>
				<img src="http://other.example/x.png"><img src="/missing.png" alt=""><p style="color: red">Hello`)
		case "/bad.js":
			fmt.Fprint(w, `console.error("said", "aloud"); setTimeout(() => alert("hello"), 0); missing()`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(bad.Close)
	p := (&service{url: bad.URL}).open(t)
	for _, complaint := range []string{
		"Executing inline script violates", "Applying inline style violates", "a request to another host: http://other.example/x.png",
		"status 404 of /missing.png", `console.error: "said" "aloud"`, "missing is not defined", "a dialog: hello", "a request failed",
	} {
		p.expect(complaint)
	}
	p.visit("/")
	p.wait("the browser complains of everything", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.expected) == 0
	})

	found := p.violations()
	for _, id := range []string{"image-alt", "html-has-lang"} {
		if !strings.Contains(strings.Join(found, "\n"), "("+id+")") {
			t.Errorf("axe-core does not find %s: %q", id, found)
		}
	}
}
