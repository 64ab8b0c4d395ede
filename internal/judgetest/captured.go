package judgetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Payloads that were captured from real servers are not part of the project. Where
// they are beside it, or where OBSERVED_DIR says, they are a test of it. The tests of
// a package two levels below the root find them here.
const besideProject = "../../../shared/observed"

// A Payload is one that was captured, with a name for it.
type Payload struct {
	Name string
	Text []byte
}

// Captured returns the payloads that were captured from real servers: those of the
// .json files, and of the lines of ../cases/real-servers.ndjson, which may be missing.
// Without any it skips the test, or fails it if OBSERVED_DIR is set.
func Captured(t testing.TB) (all []Payload) {
	t.Helper()
	dir := os.Getenv("OBSERVED_DIR")
	required := dir != ""
	if !required {
		dir = besideProject
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Payload{filepath.Base(file), payload})
	}
	const lines = "real-servers.ndjson"
	payloads, err := os.ReadFile(filepath.Join(dir, "..", "cases", lines))
	for i, payload := range bytes.Split(bytes.TrimSpace(payloads), []byte("\n")) {
		if err == nil {
			all = append(all, Payload{fmt.Sprintf("%s:%d", lines, i+1), payload})
		}
	}
	switch {
	case len(all) > 0:
	case required:
		t.Fatalf("there are no captured payloads in %s", dir)
	default:
		t.Skipf("captured payloads: there are none in %s", dir)
	}
	return all
}
