// Package docs has the guides that the service shows.
package docs

import "embed"

// Languages has the guides to a receiver, as languages/NAME.md.
//
//go:embed languages/*.md
var Languages embed.FS
