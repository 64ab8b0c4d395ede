package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/reference"
	"github.com/runhooks/runhooks/pkg/conformance"
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
	for _, p := range published {
		err := fs.WalkDir(os.DirFS("../.."), p.from, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile("../../" + file)
			files[file] = &fstest.MapFile{Data: data}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
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
			linked := file == "contract.html" && strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "https://github.com/")
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

// TestPolicy: no inline script or style in the page that checks payloads, and the policy
// of each page is a header as well.
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
	for path, want := range map[string]string{
		"/worker.js": policy, "/": policy, "/contract.html": policyOf(files["contract.html"]),
	} {
		answer := httptest.NewRecorder()
		handler(served).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if got := answer.Header().Get("Content-Security-Policy"); answer.Code != 200 || got != want+"; frame-ancestors 'none'" {
			t.Errorf("%s is served with %d and the policy %q, want %q", path, answer.Code, got, want)
		}
	}
}

// TestContractIsOneFile: contract.html asks for nothing, and its policy allows its own
// style and script by their hashes, and nothing else.
func TestContractIsOneFile(t *testing.T) {
	page, err := contractHTML(checkout(t), "./")
	if err != nil {
		t.Fatal(err)
	}
	hash := func(element string) string {
		m := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllSubmatch(page, -1)
		if len(m) != 1 {
			t.Fatalf("there are %d of %s", len(m), element)
		}
		sum := sha256.Sum256(m[0][1])
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	want := "default-src 'none'; style-src " + hash("style") + "; script-src " + hash("script") + "; img-src data:; base-uri 'none'; form-action 'none'"
	if got := policyOf(page); got != want {
		t.Errorf("the policy is %q, want %q", got, want)
	}
	if loads := regexp.MustCompile(`(?i)<(?:img|iframe|object|embed|video|audio|source|base)\b| src=| style=| on[a-z]+="|<link [^>]*href="(?:[^d]|d[^a])|@import|url\(`).FindAll(page, -1); loads != nil {
		t.Errorf("the page has %q", loads)
	}
}

// TestContractIsWhole: whatever there is in the contract has an ID of its own, and each
// link in the page leads to one.
func TestContractIsWhole(t *testing.T) {
	page, err := contractHTML(checkout(t), "")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllSubmatch(page, -1) {
		id := html.UnescapeString(string(m[1]))
		if ids[id] {
			t.Errorf("the ID %s is there twice", id)
		}
		ids[id] = true
	}
	contract, err := reference.Read()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, event := range contract.Events {
		want = append(want, event.Name, event.Name+"-payload")
		for _, object := range event.Objects {
			want = append(want, objectID(object.ID))
			for _, member := range slices.Concat(object.Members, object.Additions) {
				want = append(want, event.Name+"."+member.Path)
			}
		}
	}
	for _, r := range contract.Rulings {
		want = append(want, "ruling-"+r.ID)
	}
	for _, rule := range conformance.Rules() {
		want = append(want, string(rule.Code))
	}
	if len(want) < 140 {
		t.Errorf("the contract has only %d parts", len(want))
	}
	for _, id := range want {
		if !ids[id] {
			t.Errorf("the page has no %s", id)
		}
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllSubmatch(page, -1) {
		to := html.UnescapeString(string(m[1]))
		if to == "" || to == "./" {
			t.Error("the page links to one that checks payloads, which it has not been told of")
		}
		if id, local := strings.CutPrefix(to, "#"); local && !ids[id] {
			t.Errorf("the page has a link to %s, which is not there", to)
		}
	}
	payload := regexp.MustCompile(`(?s)id="run_failed-payload"[^>]*>(.*?)</pre>`).FindSubmatch(page)
	if payload == nil {
		t.Fatal("run_failed has no payload")
	}
	text := html.UnescapeString(string(regexp.MustCompile(`<[^>]*>`).ReplaceAll(payload[1], nil)))
	if diff := cmp.Diff(contract.Events[1].Example, text); diff != "" {
		t.Errorf("the payload of run_failed (-want +got):\n%s", diff)
	}
}

// TestCompared: what holds in both events is said once, and what differs is told apart.
func TestCompared(t *testing.T) {
	contract, err := reference.Read()
	if err != nil {
		t.Fatal(err)
	}
	p := newContractPage(contract)
	row := func(object, name string) comparedMember {
		t.Helper()
		for _, o := range p.Objects {
			for _, m := range slices.Concat(o.Members, o.Additions) {
				if o.Path == object && m.Name == name {
					return m
				}
			}
		}
		t.Fatalf("%s has no %s", object, name)
		return comparedMember{}
	}
	if m := row("data", "robot_id"); m.Description == "" || m.Cells[1].Name != "robotId" || len(m.Rulings) != 1 || m.Rulings[0].Only != "" {
		t.Errorf("robot_id is %+v", m)
	}
	if m := row("data", "status"); m.Description != "" || !slices.ContainsFunc(m.Rulings, func(r ruled) bool { return r.Only == "run_failed" }) {
		t.Errorf("status is %+v", m)
	}
	if m := row("data", "started_at"); m.Cells[0].Addition || !m.Cells[1].Addition {
		t.Errorf("started_at is %+v", m)
	}
	if m := row("data", "text"); !m.Cells[0].Here || m.Cells[1].Here || m.Cells[1].Event != "run_failed" {
		t.Errorf("text is %+v", m)
	}
	if m := row("data.extracted_data", "total_rows"); m.Unit != "rows" || len(m.Cells) != 1 {
		t.Errorf("total_rows is %+v", m)
	}
	if places := p.codes["dialect.user-id-string"]; len(places) != 2 || places[1].ID != "run_failed.data.metadata.userId" {
		t.Errorf("dialect.user-id-string is at %v", places)
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
