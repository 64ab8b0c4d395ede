//go:build ignore && tools

// Package tools names the code generators. tools/codegen/go.mod has their versions,
// so that they are not among the requirements of who imports Runhooks. go get and
// go mod tidy read what is behind any build tag but "ignore".
package tools

import _ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
