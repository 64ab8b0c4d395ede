// Package docs is the documentation. It holds no code: findings.md is generated
// from the registry of codes.
package docs

//go:generate go run github.com/runhooks/runhooks/cmd/runhooks explain --markdown --out findings.md
