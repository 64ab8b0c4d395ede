//go:build tools

// Package tools pins the code generators, so that go.mod knows their versions.
// The lines that run them stand in gen/*/generate.go: go generate passes over
// files behind a build tag in silence.
package tools

import _ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
