//go:build wasmmodule

package scan

// Half the code of each function: the JVM takes functions of 64 KB.
const inOrder = false
