//go:build !wasmmodule

package scan

// inOrder is whether members in the schema's order are matched without looking up their
// names. That code is as much again.
const inOrder = true
