package intake_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/skiptest"
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
		skiptest.Missing(t, "symbolic links")
	}
	if err := os.Symlink("..", filepath.Join("dir", "up")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("sub", "y.jsonl.gz"), filepath.Join("dir", "linked.json")); err != nil {
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
			sources, _, errs := intake.Expand(t.Context(), test.args)
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

// What a directory or a glob leads to and is not a payload below it is left out, and
// said: a link out of it may lead to anything. What is named is taken.
func TestExpandLeavesOut(t *testing.T) {
	tree(t, "dir/a.json", "dir/sub/b.json", "out/c.json", "out/d.json", "dir2/e.json")
	for _, link := range []struct{ to, from string }{
		{"a.json", "dir/in.json"},
		{"../a.json", "dir/sub/up.json"},
		{filepath.Join("..", "out", "c.json"), "dir/out.json"},
		{filepath.Join("..", "dir2", "e.json"), "dir/prefix.json"}, // dir is the start of that name
		{"out.json", "dir/by-way.json"},
		{filepath.Join("..", "out"), "dir/folder.json"},
		{"sub", "dir/inner.json"},
		{".", "dir/loop"},
		{"/dev/zero", "dir/zero.json"},
		{"/proc/kmsg", "dir/kmsg.ndjson"},
		{"dir", "link"},
	} {
		if err := os.Symlink(link.to, filepath.FromSlash(link.from)); err != nil {
			skiptest.Missing(t, "symbolic links")
		}
	}
	const leads = " is a link that leads out of its directory"
	left := func(dir string) []string {
		return []string{dir + "by-way.json" + leads, dir + "folder.json" + leads, dir + "kmsg.ndjson" + leads, dir + "out.json" + leads, dir + "prefix.json" + leads, dir + "zero.json" + leads}
	}
	for _, tt := range []struct {
		args       []string
		want, left []string
	}{
		{[]string{"dir"}, []string{"dir/a.json", "dir/in.json", "dir/sub/b.json", "dir/sub/up.json"}, left("dir/")},
		{[]string{"link"}, []string{"link/a.json", "link/in.json", "link/sub/b.json", "link/sub/up.json"}, left("link/")},
		{[]string{"dir/sub"}, []string{"dir/sub/b.json"}, []string{"dir/sub/up.json" + leads}},
		{[]string{"dir/s*/*.json"}, []string{"dir/sub/b.json", "dir/sub/up.json"}, nil},
		{[]string{"dir/o*.json"}, nil, []string{"dir/out.json" + leads}},
		{[]string{"d*/o*.json"}, []string{"dir/out.json"}, nil}, // it leads to out/, below where the glob starts
		{[]string{"dir/out.json", "dir/by-way.json"}, []string{"dir/out.json", "dir/by-way.json"}, nil},
		{[]string{"dir/sub", "dir/sub/up.json"}, []string{"dir/sub/b.json", "dir/sub/up.json"}, nil},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			sources, skipped, _ := intake.Expand(t.Context(), tt.args)
			var got, left []string
			for _, source := range sources {
				got = append(got, source.Name)
			}
			for _, s := range skipped {
				left = append(left, s.Name+" "+s.Why)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("sources (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.left, left); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
		})
	}
}

// A walk that doesn't end, such as on a file system that hangs, ends with its context.
func TestExpandCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tree(t, "dir/a.json")
	for range 100 { // it may be done first
		sources, skipped, errs := intake.Expand(ctx, []string{"dir"})
		if len(sources) == 1 && len(errs) == 0 {
			continue
		}
		if len(sources)+len(skipped) > 0 || len(errs) != 1 || errs[0] != context.Canceled {
			t.Fatalf("sources %v, skipped %v, errors %v", sources, skipped, errs)
		}
	}
}

func TestExpandGoesOnBehindWhatCannotBeRead(t *testing.T) {
	tree(t, "dir/a.json", "dir/locked/b.json")
	if err := os.Symlink("gone", filepath.Join("dir", "dangling.json")); err != nil {
		skiptest.Missing(t, "symbolic links")
	}
	if err := os.Chmod("dir/locked", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod("dir/locked", 0o777) })
	_, lockedErr := os.ReadDir("dir/locked") // nothing is locked for root

	sources, _, errs := intake.Expand(t.Context(), []string{"dir"})
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
			skiptest.Missing(t, "such names")
		}
	}
	if err := os.WriteFile("dir/\xff/\xfe.json", []byte("null"), 0o666); err != nil {
		skiptest.Missing(t, "such names")
	}
	sources, _, errs := intake.Expand(t.Context(), []string{"dir"})
	want := []intake.Source{{Name: "dir/\xff/\xfe.json", Path: filepath.FromSlash("dir/\xff/\xfe.json"), Size: 4, Found: true}}
	if diff := cmp.Diff(want, sources); diff != "" || len(errs) > 0 {
		t.Errorf("errors %v, sources (-want +got):\n%s", errs, diff)
	}
}

func TestExpandPipe(t *testing.T) {
	info, err := os.Stat("/dev/null")
	if err != nil || info.Mode()&fs.ModeDevice == 0 {
		skiptest.Missing(t, "/dev/null")
	}
	sources, _, errs := intake.Expand(t.Context(), []string{"/dev/null"})
	want := []intake.Source{{Name: "/dev/null", Path: "/dev/null", Size: -1}}
	if diff := cmp.Diff(want, sources); diff != "" || len(errs) > 0 {
		t.Errorf("errors %v, sources (-want +got):\n%s", errs, diff)
	}
}
