package bundle_test

import (
	"fmt"
	"testing/fstest"

	"github.com/runhooks/runhooks/internal/bundle"
)

func ExampleLoad() {
	sources := fstest.MapFS{
		"openapi.yaml": {Data: []byte(`openapi: 3.1.1
info: {title: Pets, version: 1.0.0}
components:
  schemas:
    Pet: {$ref: pet.json}
`)},
		"pet.json": {Data: []byte(`{"$id": "https://example.com/pet.json", "title": "Pet", "type": "object"}`)},
	}
	document, err := bundle.Load(sources, "openapi.yaml")
	if err != nil {
		panic(err)
	}
	text, err := document.YAML()
	if err != nil {
		panic(err)
	}
	fmt.Print(string(text))
	// Output:
	// # Generated from openapi.yaml by internal/bundle; do not edit.
	// openapi: "3.1.1"
	// info:
	//   title: Pets
	//   version: "1.0.0"
	// components:
	//   schemas:
	//     Pet:
	//       title: Pet
	//       type: object
}
