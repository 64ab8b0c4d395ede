package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/sample"
)

// The guide is what its sources give, and has all shapes.
func TestGuideIsFresh(t *testing.T) {
	want, err := write(sample.Maxun())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../../docs/maxun.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/maxun.md is not fresh: run go generate ./vectors (-want +got):\n%s", diff)
	}
	for _, s := range sample.Maxun().Shapes {
		if n := strings.Count(string(want), "\n### "+s.Name+"\n"); n != 1 {
			t.Errorf("%s is there %d times", s.Name, n)
		}
	}
}
