package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// checkout is this one, with a module that needs no building.
func checkout(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{"bindings/wasm/runhooks.wasm": {Data: []byte("\x00asm")}}
	for _, name := range []string{"internal/pages/static/page.css", "internal/pages/static/icon.svg", "bindings/npm/create.js"} {
		data, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

// TestBuild: the site has every file that its files name, by a path that works anywhere.
func TestBuild(t *testing.T) {
	files, err := build(checkout(t))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?:href|src)="([^#"]+)"|from "([^"]+)"|(?:Worker|fetch)\("([^"]+)"`)
	for file, data := range files {
		if !strings.HasSuffix(file, ".js") && !strings.HasSuffix(file, ".html") {
			continue
		}
		for _, m := range names.FindAllStringSubmatch(string(data), -1) {
			name := strings.TrimPrefix(m[1]+m[2]+m[3], "./")
			// What is linked to, and not loaded: the repository, and what the contract's text links to.
			linked := strings.HasPrefix(name, "https://github.com/") || name == "https://www.standardwebhooks.com/"
			if _, ok := files[name]; !ok && name != "" && !linked {
				t.Errorf("%s names %s, which is not there", file, name)
			}
		}
	}
	var index []samples
	if err := json.Unmarshal(files["samples.json"], &index); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, group := range index {
		for _, s := range group.Samples {
			if n++; len(files[s.File]) == 0 || s.Title == "" {
				t.Errorf("the sample %v has no payload or title", s)
			}
		}
	}
	if n < 20 {
		t.Errorf("there are %d samples", n)
	}
	again, err := build(checkout(t))
	if err != nil || !bytes.Equal(files["runhooks.wasm.gz"], again["runhooks.wasm.gz"]) {
		t.Errorf("a second module is another (%v)", err)
	}
}

// TestPolicy: no inline script or style, and the policy is a header as well.
func TestPolicy(t *testing.T) {
	files, err := build(checkout(t))
	if err != nil {
		t.Fatal(err)
	}
	page := string(files["index.html"])
	if regexp.MustCompile(`(?i)<style|<script>| style=| on[a-z]+=`).MatchString(page) {
		t.Error("the page has something inline")
	}
	policy := policyOf(files["index.html"])
	for _, part := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'", "form-action 'none'"} {
		if !strings.Contains(policy+";", part+";") {
			t.Errorf("the policy %q has no %s", policy, part)
		}
	}
	served := fstest.MapFS{}
	for name, data := range files {
		served[name] = &fstest.MapFile{Data: data}
	}
	answer := httptest.NewRecorder()
	handler(served).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/worker.js", nil))
	if got := answer.Header().Get("Content-Security-Policy"); answer.Code != 200 || !strings.HasPrefix(got, policy) {
		t.Errorf("worker.js is served with %d and the policy %q", answer.Code, got)
	}
}

func TestNoModule(t *testing.T) {
	files := checkout(t)
	delete(files, "bindings/wasm/runhooks.wasm")
	if _, err := build(files); err == nil || !strings.Contains(err.Error(), "make wasm") {
		t.Errorf("without a module: %v", err)
	}
	if err := run(t.TempDir(), "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "make docs") {
		t.Errorf("without a site: %v", err)
	}
}
