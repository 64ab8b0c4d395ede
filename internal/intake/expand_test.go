package intake_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/intake"
)

// tree makes files, each of four bytes, in a new working directory.
func tree(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("null"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExpand(t *testing.T) {
	tree(t, "-", "b.json", "a.json", "notes.txt", "[x].json",
		"dir/z.NDJSON", "dir/sub/y.jsonl.gz", "dir/sub/x.har.zst", "dir/README.md", "dir/w.gz",
		"dir/.git/config.json", "dir/.hidden.json",
		"dots/..json", "dots/.cache/a.json")
	if err := os.Symlink("dir", "link"); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := os.Symlink("..", filepath.Join("dir", "up")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", "a.json"), filepath.Join("dir", "linked.json")); err != nil {
		t.Fatal(err)
	}
	inDir := []string{"dir/linked.json", "dir/sub/x.har.zst", "dir/sub/y.jsonl.gz", "dir/z.NDJSON"}
	inLink := []string{"link/linked.json", "link/sub/x.har.zst", "link/sub/y.jsonl.gz", "link/z.NDJSON"}
	tests := []struct {
		name string
		args []string
		want []string
		errs []string
	}{
		{name: "nothing"},
		{name: "order of arguments", args: []string{"b.json", "-", "a.json"}, want: []string{"b.json", "stdin", "a.json"}},
		{name: "a file of any name", args: []string{"notes.txt"}, want: []string{"notes.txt"}},
		{name: "taken once", args: []string{"a.json", "./a.json", "-", "*.json", "-"}, want: []string{"a.json", "stdin", "[x].json", "b.json"}},
		{name: "a file called -", args: []string{"-", "./-"}, want: []string{"stdin", "./-"}},
		{name: "a file like a glob", args: []string{"[x].json"}, want: []string{"[x].json"}},
		{name: "directory", args: []string{"dir"}, want: inDir},
		{name: "directory with a slash", args: []string{"./dir/"}, want: inDir},
		{name: "directory behind a link", args: []string{"link"}, want: inLink},
		{name: "hidden directory by name", args: []string{"dots/.cache"}, want: []string{"dots/.cache/a.json"}},
		{name: "glob", args: []string{"dir/*"}, want: []string{"dir/README.md", "dir/linked.json", "dir/w.gz", "dir/z.NDJSON"}},
		{name: "glob through directories", args: []string{"dir/**/*.{gz,zst}"}, want: []string{"dir/sub/x.har.zst", "dir/sub/y.jsonl.gz", "dir/w.gz"}},
		{
			name: "leads nowhere",
			args: []string{"missing.json", "a.json", "*.xml", "dots", "", "a[.json"},
			want: []string{"a.json"},
			errs: []string{
				"missing.json: no such file or directory; check the path",
				"*.xml: no file matches; check the pattern; * stays within one directory, ** also goes into those below",
				"dots: no payload files in this directory; it takes .json, .ndjson, .jsonl and .har, also with .gz or .zst; name files of other names one by one",
				`"": no such file or directory; check the path`,
				`a[.json: syntax error in pattern; check its brackets and braces, or write \ before those that are meant literally`,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sources, errs := intake.Expand(test.args)
			var got, gotErrs []string
			for _, src := range sources {
				got = append(got, src.Name)
				if want := int64(4); src.Path != "-" && src.Size != want {
					t.Errorf("%s: size %d, want %d", src.Name, src.Size, want)
				}
				if src.Path == "-" && src != (intake.Source{Name: "stdin", Path: "-", Size: -1}) {
					t.Errorf("standard input is %+v", src)
				}
			}
			for _, err := range errs {
				if _, ok := err.(*intake.Error); !ok {
					t.Errorf("%v is a %T", err, err)
				}
				gotErrs = append(gotErrs, err.Error())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("sources (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.errs, gotErrs); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExpandGoesOnBehindWhatCannotBeRead(t *testing.T) {
	tree(t, "dir/a.json", "dir/locked/b.json")
	if err := os.Symlink("gone", filepath.Join("dir", "dangling.json")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := os.Chmod("dir/locked", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod("dir/locked", 0o777) })
	_, lockedErr := os.ReadDir("dir/locked") // nothing is locked for root

	sources, errs := intake.Expand([]string{"dir"})
	if len(sources) == 0 || sources[0].Name != "dir/a.json" {
		t.Errorf("sources %v", sources)
	}
	var text strings.Builder
	for _, err := range errs {
		text.WriteString(err.Error() + "\n")
	}
	want := "dir/dangling.json: no such file or directory; check the path\n"
	if lockedErr != nil {
		want += "dir/locked: permission denied; allow this user to read it\n"
	}
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestExpandNotUTF8(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"dir", "dir/\xff"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Skip("no such names here:", err)
		}
	}
	if err := os.WriteFile("dir/\xff/\xfe.json", []byte("null"), 0o666); err != nil {
		t.Skip("no such names here:", err)
	}
	sources, errs := intake.Expand([]string{"dir"})
	want := []intake.Source{{Name: "dir/\xff/\xfe.json", Path: filepath.FromSlash("dir/\xff/\xfe.json"), Size: 4}}
	if diff := cmp.Diff(want, sources); diff != "" || len(errs) > 0 {
		t.Errorf("errors %v, sources (-want +got):\n%s", errs, diff)
	}
}

func TestExpandPipe(t *testing.T) {
	info, err := os.Stat("/dev/null")
	if err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Skip("no /dev/null here")
	}
	sources, errs := intake.Expand([]string{"/dev/null"})
	want := []intake.Source{{Name: "/dev/null", Path: "/dev/null", Size: -1}}
	if diff := cmp.Diff(want, sources); diff != "" || len(errs) > 0 {
		t.Errorf("errors %v, sources (-want +got):\n%s", errs, diff)
	}
}
