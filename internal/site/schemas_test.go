package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/jsonschema"
)

// TestPublishedAt: GitHub Pages serves what make docs writes, below the address that
// belongs to the repository, so that what is in schemas/ is below [jsonschema.Base].
func TestPublishedAt(t *testing.T) {
	for file, words := range map[string]string{
		"../../go.mod":                        "module github.com/runhooks/runhooks\n",
		"../../.github/workflows/pages.yml":   "      - run: make docs\n      - uses: actions/upload-pages-artifact@v3\n        with:\n          path: site\n",
		"../../Makefile":                      "internal/site -out site\n",
		"../../jsonschema/v1/run-failed.json": `"https://runhooks.github.io/runhooks/schemas/v1/run-failed.json"`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), words) {
			t.Errorf("%s has no %q", file, words)
		}
	}
	if jsonschema.Base != "https://runhooks.github.io/runhooks/schemas/" {
		t.Errorf("the base of the schemas is %s", jsonschema.Base)
	}
}

// TestSchemasResolve: each schema of the site is at its $id, no other has the same, and
// each $ref leads to a place in a file of the site.
func TestSchemasResolve(t *testing.T) {
	files, err := build(checkout(t))
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]any{} // by URL
	for file, text := range files {
		if name, ok := strings.CutPrefix(file, "schemas/"); ok && path.Ext(name) == ".json" {
			var doc map[string]any
			if err := json.Unmarshal(text, &doc); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			address := jsonschema.Base + name
			// An OpenAPI document has no place to say what it is called.
			if id, ok := doc["$id"]; doc["openapi"] == nil && id != address || doc["openapi"] != nil && ok {
				t.Errorf("%s: $id is %v", file, id)
			}
			docs[address] = doc
		}
	}
	ids, refs := 0, 0
	for address, doc := range docs {
		base, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		walk(doc, func(keyword string, value string) {
			switch keyword {
			case "$id":
				if ids++; value != address {
					t.Errorf("%s has another $id in it: %s", address, value)
				}
			case "$ref":
				refs++
				target, err := base.Parse(value)
				if err != nil {
					t.Errorf("%s: %v", address, err)
					return
				}
				pointer := target.Fragment
				target.Fragment = ""
				if at(docs[target.String()], pointer) == nil {
					t.Errorf("%s refers to %s, which is not in the site", address, value)
				}
			}
		})
	}
	if len(docs) != 12+4+14+1 || ids != len(docs)-4 || refs < 500 {
		t.Errorf("saw %d documents, %d $id and %d $ref", len(docs), ids, refs)
	}
}

// walk calls visit for each member of a document that is text, whatever it is called.
func walk(value any, visit func(keyword, value string)) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if text, ok := inner.(string); ok {
				visit(key, text)
			}
			walk(inner, visit)
		}
	case []any:
		for _, inner := range v {
			walk(inner, visit)
		}
	}
}

// at returns what a pointer leads to, or nil.
func at(doc any, pointer string) any {
	tokens, ok := jsonpointer.Split(pointer)
	if !ok {
		return nil
	}
	for _, token := range tokens {
		object, _ := doc.(map[string]any)
		doc = object[token]
	}
	return doc
}
