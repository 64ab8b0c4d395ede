package conformance_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

var update = flag.Bool("update", false, "write the goldens in testdata again")

// longestReport is how many bytes of a report the golden file repeats. Of a longer
// one it has the hash.
const longestReport = 4_000

// TestReports holds every field of the reports on all vectors, and on the payloads
// that other packages commit, to a golden file: one report a line.
func TestReports(t *testing.T) {
	const golden = "testdata/reports.jsonl"
	var got bytes.Buffer
	report := func(name string, payload []byte) {
		line, err := json.Marshal(conformance.Checker{Each: true}.Check(payload))
		if err != nil {
			t.Fatal(err)
		}
		if len(line) > longestReport {
			line = fmt.Appendf(nil, `{"sha256":"%x"}`, sha256.Sum256(line))
		}
		fmt.Fprintf(&got, "%q: %s\n", name, line)
	}
	for _, v := range vectors.All() {
		report(v.Name, v.Payload)
	}
	for _, pattern := range []string{
		"../../gen/webhook/testdata/*.json", "../../internal/sample/*.json", "../receiver/receivertest/shapes/*.json",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			report(strings.TrimPrefix(filepath.ToSlash(file), "../"), payload)
		}
	}
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	was, is := bytes.Split(want, []byte("\n")), bytes.Split(got.Bytes(), []byte("\n"))
	if len(was) != len(is) {
		t.Errorf("%d reports, want %d", len(is), len(was))
	}
	for i := range min(len(was), len(is)) {
		if !bytes.Equal(was[i], is[i]) {
			t.Errorf("a report is another one (see -update).\nwas: %s\nis:  %s", was[i], is[i])
		}
	}
}
