// Package gen holds generated code only, in the packages below it.
package gen

// The bundle comes first: the other packages are generated from it. go generate
// takes packages in the order of their paths.
//go:generate go run github.com/runhooks/runhooks/internal/bundle/cmd/bundle ..
