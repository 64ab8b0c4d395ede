package scan

import "testing"

// TestInOrder: only the WebAssembly module, which has to be small, looks up every name.
func TestInOrder(t *testing.T) {
	if !inOrder {
		t.Error("members are not matched in the schema's order, which makes validators slow")
	}
}
