package bundle_test

import (
	"fmt"
	"os"
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

func ExampleLoadSchema() {
	sources := fstest.MapFS{
		"pet.json": {Data: []byte(`{
			"$id": "https://example.com/pet.json",
			"title": "Pet",
			"properties": {"owner": {"$ref": "owner.json"}}
		}`)},
		"owner.json": {Data: []byte(`{"title": "Owner", "properties": {"pet": {"$ref": "pet.json"}}}`)},
	}
	schema, err := bundle.LoadSchema(sources, "pet.json")
	if err != nil {
		panic(err)
	}
	text, err := schema.YAML()
	if err != nil {
		panic(err)
	}
	fmt.Print(string(text))
	// Output:
	// # Generated from pet.json by internal/bundle; do not edit.
	// $schema: https://json-schema.org/draft/2020-12/schema
	// title: Pet
	// properties:
	//   owner:
	//     $ref: '#/$defs/Owner'
	// $defs:
	//   Owner:
	//     title: Owner
	//     properties:
	//       pet:
	//         $ref: '#'
}

func ExampleDocument_OpenAPI30() {
	sources := fstest.MapFS{
		"openapi.yaml": {Data: []byte(`openapi: 3.1.1
components:
  schemas:
    Pet: {type: [string, "null"], const: cat, examples: [cat]}
`)},
	}
	document, err := bundle.Load(sources, "openapi.yaml")
	if err != nil {
		panic(err)
	}
	older, err := document.OpenAPI30()
	if err != nil {
		panic(err)
	}
	text, err := older.JSON()
	if err != nil {
		panic(err)
	}
	fmt.Print(string(text))
	// Output:
	// {
	//   "openapi": "3.0.3",
	//   "components": {
	//     "schemas": {
	//       "Pet": {
	//         "type": "string",
	//         "nullable": true,
	//         "enum": [
	//           "cat"
	//         ],
	//         "example": "cat"
	//       }
	//     }
	//   }
	// }
}

func ExampleDist() {
	files, err := bundle.Dist(os.DirFS("../.."))
	if err != nil {
		panic(err)
	}
	for _, file := range files[:3] {
		fmt.Println(file.Name)
	}
	// Output:
	// README.md
	// webhooks.yaml
	// webhooks.json
}
