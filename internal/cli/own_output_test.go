package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/skiptest"
)

// TestOwnOutput: a check doesn't judge what it writes, and says what it leaves out.
func TestOwnOutput(t *testing.T) {
	const note = "report.json is left out: it is where the output goes\n"
	for _, tt := range []struct {
		name    string
		args    []string
		note    string
		sources []string // of the report
		code    int
	}{
		{"in a directory", []string{"."}, "runhooks: link.json is left out: it is where the output goes; so are 2 others (--verbose lists all)\n", []string{"a.json"}, exitFail},
		{"of a glob", []string{"*.json"}, "runhooks: link.json is left out: it is where the output goes; so is another (--verbose lists both)\n", []string{"a.json"}, exitFail},
		{"named, as by a glob of the shell", []string{"a.json", "report.json"}, note, []string{"a.json"}, exitFail},
		{"named in another way", []string{"./sub/../report.json", "a.json"}, note, []string{"a.json"}, exitFail},
		{"by a link", []string{"link.json", "a.json"}, "runhooks: link.json is left out", []string{"a.json"}, exitFail},
		{"by another name", []string{"sub/same.json", "a.json"}, "runhooks: sub/same.json is left out", []string{"a.json"}, exitFail},
		{"by all its names", []string{"report.json", "link.json", "sub", "a.json"}, "so are 2 others (--verbose lists all)\n", []string{"a.json"}, exitFail},
		{"each if verbose", []string{"-v", "report.json", "link.json", "a.json"}, "runhooks: link.json is left out: it is where the output goes\n", []string{"a.json"}, exitFail},
		{"alone", []string{"report.json"}, note, nil, exitUsage},
		{"not", []string{"a.json"}, "", []string{"a.json"}, exitFail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, step := range []error{
				os.Mkdir("sub", 0o700),
				os.WriteFile("a.json", []byte("{}"), 0o600),
				os.WriteFile("report.json", []byte("[]"), 0o600),
				os.Symlink("report.json", "link.json"),
				os.Link("report.json", filepath.Join("sub", "same.json")),
			} {
				if step != nil {
					skiptest.Missing(t, "links")
				}
			}
			report, err := os.Create("report.json")
			if err != nil {
				t.Fatal(err)
			}
			defer report.Close()
			var said bytes.Buffer
			code := Run(t.Context(), append([]string{"check", "--format", "json"}, tt.args...), nil, report, &said)
			if code != tt.code || !strings.Contains(said.String(), tt.note) || tt.note == "" && said.Len() > 0 {
				t.Errorf("exit code %d, and it said %q; want %d, and %q", code, said.String(), tt.code, tt.note)
			}
			text, err := os.ReadFile("report.json")
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Payloads []struct{ Source string } }
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			var sources []string
			for _, p := range got.Payloads {
				sources = append(sources, p.Source)
			}
			if !slices.Equal(sources, tt.sources) {
				t.Errorf("it checked %q, want %q", sources, tt.sources)
			}
		})
	}
}

// TestOwnInput: of standard input that is the file to which the output is added, there
// would be no end.
func TestOwnInput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.ndjson")
	if err := os.WriteFile(name, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var said bytes.Buffer
	code := Run(t.Context(), []string{"check", "--format", "ndjson", "-"}, in, out, &said)
	if want := "runhooks: standard output goes to the file that standard input comes from; send it to another\n"; code != exitUsage || said.String() != want {
		t.Errorf("exit code %d, and it said %q; want %d, and %q", code, said.String(), exitUsage, want)
	}
	if text, err := os.ReadFile(name); string(text) != "{}\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// TestOwnOutputDash: standard input is not left out for output that goes to a file of
// the name -.
func TestOwnOutputDash(t *testing.T) {
	t.Chdir(t.TempDir())
	out, err := os.Create("-")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var said bytes.Buffer
	code := Run(t.Context(), []string{"check", "--format", "ndjson", "-"}, strings.NewReader("{}"), out, &said)
	if code != exitFail || said.Len() > 0 {
		t.Errorf("exit code %d, and it said %q", code, said.String())
	}
}

// TestWatchOwnOutput: what a check writes does not count as a change of its inputs.
func TestWatchOwnOutput(t *testing.T) {
	dir := t.TempDir()
	create := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	input, out, errOut := create("a.json"), create("out.json"), create("err.json")
	o := &checkOptions{intakeOptions: intakeOptions{paths: []string{dir}}}
	s := streams{out: &output{Writer: out}, err: errOut}
	before := o.snapshot(t.Context(), s)
	for _, tt := range []struct {
		to   io.Writer
		same bool
	}{{out, true}, {errOut, true}, {input, false}} {
		if _, err := io.WriteString(tt.to, "{}"); err != nil {
			t.Fatal(err)
		}
		if got := sameInputs(before, o.snapshot(t.Context(), s)); got != tt.same {
			t.Errorf("after a write to %s the inputs are the same: %v, want %v", tt.to.(*os.File).Name(), got, tt.same)
		}
	}
}
