// Package runhooks has the README, whose programs the service shows. What other
// modules import is below pkg.
package runhooks

import _ "embed"

// Readme is the README, in Markdown.
//
//go:embed README.md
var Readme string
