// Package jsonschema embeds the contract: the JSON Schema 2020-12 documents
// from which everything else in this module is generated, and by which every
// payload is judged.
//
// There are three layers. v1 is the documented contract: what a sender must
// emit. observed is a superset of it: what a receiver must survive. canonical is
// the one form to which package event normalises what either accepts.
package jsonschema

import "embed"

// Base is the URL below which every schema has its $id: the $id of a file of [FS] is
// Base followed by the file's path. The project's site has the file there.
const Base = "https://runhooks.github.io/runhooks/schemas/"

// FS holds the schemas, as v1/NAME.json, observed/NAME.json and canonical/run-event.json.
//
//go:embed v1/*.json observed/*.json canonical/*.json
var FS embed.FS
