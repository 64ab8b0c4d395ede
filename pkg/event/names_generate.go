//go:build ignore

// This program writes names.json: the schemas, without what doesn't tell which member of
// a payload is which field. "go generate" runs it.
package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log"
	"os"

	"github.com/runhooks/runhooks/jsonschema"
)

func main() {
	paths, err := fs.Glob(jsonschema.FS, "*/*.json")
	if err != nil {
		log.Fatal(err)
	}
	files := make(map[string]any)
	for _, path := range paths {
		text, err := fs.ReadFile(jsonschema.FS, path)
		if err != nil {
			log.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(text, &schema); err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		files[path] = strip(schema)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(files); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("names.json", text.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// strip returns what of a schema the type schema of names.go has.
func strip(schema map[string]any) map[string]any {
	kept := make(map[string]any)
	for keyword, value := range schema {
		switch keyword {
		case "$ref", "const", "x-canonical", "x-sent-as":
			kept[keyword] = value
		case "x-dialect":
			dialect := make(map[string]any)
			for _, key := range []string{"member", "instead-of"} {
				if v, ok := value.(map[string]any)[key]; ok {
					dialect[key] = v
				}
			}
			if len(dialect) > 0 {
				kept[keyword] = dialect
			}
		case "properties", "$defs":
			schemas := make(map[string]any)
			for name, sub := range value.(map[string]any) {
				schemas[name] = strip(sub.(map[string]any))
			}
			kept[keyword] = schemas
		case "allOf", "anyOf":
			var schemas []any
			for _, sub := range value.([]any) {
				schemas = append(schemas, strip(sub.(map[string]any)))
			}
			kept[keyword] = schemas
		case "then", "else":
			kept[keyword] = strip(value.(map[string]any))
		}
	}
	return kept
}
