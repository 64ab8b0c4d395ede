package cli_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// normalize runs runhooks normalize, which has to end with that code.
func normalize(t *testing.T, code int, args ...string) (out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := cli.Run(t.Context(), append([]string{"normalize"}, args...), strings.NewReader(""), &o, &e); got != code {
		t.Fatalf("exit code %d, want %d: %s", got, code, e.String())
	}
	return o.String(), e.String()
}

// TestNormalizeVectors: each vector becomes its canonical form, in order, whoever else is
// read at the same time.
func TestNormalizeVectors(t *testing.T) {
	var args []string
	var want []vectors.Vector
	for _, v := range vectors.All() {
		if v.Canonical != nil {
			args, want = append(args, filepath.Join("../../vectors", v.Verdict, v.Name+".json")), append(want, v)
		}
	}
	out, _ := normalize(t, 0, append(args, "--repeats", "--jobs", "2")...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines of %d vectors", len(lines), len(want))
	}
	for i, v := range want {
		if !equalJSON(t, []byte(lines[i]), v.Canonical) {
			t.Errorf("%s is\n%s\nwant\n%s", v.Name, lines[i], v.Canonical)
		}
	}

	// What is canonical stays as it is.
	once := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(once, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if twice, _ := normalize(t, 0, once, "--repeats"); twice != out {
		for i, line := range strings.Split(strings.TrimSuffix(twice, "\n"), "\n") {
			if i < len(lines) && line != lines[i] {
				t.Errorf("%s becomes\n%s\nand was\n%s", want[i].Name, line, lines[i])
			}
		}
	}
}

func equalJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	values := make([]any, 2)
	for i, text := range [][]byte{a, b} {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&values[i]); err != nil {
			t.Fatal(err)
		}
	}
	return reflect.DeepEqual(values[0], values[1]) // go-cmp takes long for what is deep
}

// TestNormalizeRows: every cell of every row that servers send is in the tables, whether
// there is one or one for each list.
func TestNormalizeRows(t *testing.T) {
	t.Run("vectors", func(t *testing.T) {
		var payloads [][]byte
		for _, v := range vectors.All() {
			if strings.HasPrefix(v.Name, "wild.") {
				payloads = append(payloads, v.Payload)
			}
		}
		testNormalizeRows(t, payloads)
	})
	t.Run("captured", func(t *testing.T) {
		var payloads [][]byte
		for _, p := range judgetest.Captured(t) {
			payloads = append(payloads, p.Text)
		}
		testNormalizeRows(t, payloads)
	})
}

func testNormalizeRows(t *testing.T, payloads [][]byte) {
	want := map[string]int{} // cells by run, kind, list, row, column and text
	dir := t.TempDir()
	seen := map[string]bool{}
	for i, payload := range payloads {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i/26))+string(rune('a'+i%26))+".json"), payload, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := event.Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		form, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == event.Test || seen[string(form)] {
			continue
		}
		seen[string(form)] = true
		for kind, groups := range map[string][]event.Group{"text": e.TextGroups, "list": e.Lists} {
			for _, g := range groups {
				for _, row := range g.Rows {
					for _, c := range row {
						if c.Text != "" {
							want[strings.Join([]string{e.Run.ID, kind, g.Name, c.Name, c.Text}, "|")]++
						}
					}
				}
			}
		}
	}
	one := filepath.Join(dir, "one.csv")
	normalize(t, 0, dir, "--rows", one, "--raw-cells")
	normalize(t, 0, dir, "--rows", filepath.Join(dir, "each")+"/", "--raw-cells")
	each, err := filepath.Glob(filepath.Join(dir, "each", "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range [][]string{{one}, each} {
		got := map[string]int{}
		for _, name := range files {
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			table, err := csv.NewReader(file).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range table[1:] {
				if kind := row[5]; kind != "text" && kind != "list" {
					continue
				}
				for i, text := range row[8:] {
					if text != "" {
						got[strings.Join([]string{row[3], row[5], row[6], table[0][8+i], text}, "|")]++
					}
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%d files (-want +got):\n%s", len(files), diff)
		}
	}
}
