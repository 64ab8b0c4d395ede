// Package skiptest skips tests that a machine can't run, by name. Where every test is
// required, as in CI, it fails them.
package skiptest

import (
	"os"
	"testing"
)

// Missing skips a test that needs something which this machine doesn't have, such as "node"
// or "named pipes". If the environment has REQUIRE_ALL=1, the test fails.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatalf("REQUIRE_ALL is set, and this machine has no %s", what)
	}
	t.Skipf("SKIP %s: this machine has no %s", t.Name(), what)
}
