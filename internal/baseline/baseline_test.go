package baseline_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/baseline"
	"github.com/runhooks/runhooks/internal/skiptest"
	"github.com/runhooks/runhooks/pkg/conformance"
)

func finding(severity conformance.Severity, code conformance.Code, pointer string) conformance.Finding {
	return conformance.Finding{Code: code, Severity: severity, Pointer: pointer}
}

var (
	localTime = finding(conformance.SeverityError, "dialect.local-time", "/data/started_at")
	fieldCase = finding(conformance.SeverityError, "dialect.field-case", "/data/runId")
	mismatch  = finding(conformance.SeverityWarning, "data.count-mismatch", "/data/extracted_data/total_rows")
	unknown   = finding(conformance.SeverityInfo, "contract.unknown-member", "/data/<b>&")
	html      = finding(conformance.SeverityError, "schema.type", "/data/<b>&")
	notUTF8   = finding(conformance.SeverityError, "json.invalid-utf8", "/data/a\xff\xffb")
)

const saved = `{
  "version": 2,
  "by": "place",
  "findings": [
    {"source":"a.json","code":"schema.type","pointer":"/data/<b>&","count":1},
    {"source":"a.json","code":"json.invalid-utf8","pointer":"/data/a` + "\ufffd" + `b","count":1},
    {"source":"a.json","code":"data.count-mismatch","pointer":"/data/extracted_data/total_rows","count":1},
    {"source":"dir/b.ndjson","code":"dialect.local-time","pointer":"/data/started_at","count":3}
  ]
}
`

func recorded() *baseline.File {
	f := new(baseline.File)
	f.Add("dir/b.ndjson", []conformance.Finding{localTime})
	f.Add("a.json", []conformance.Finding{mismatch, unknown, html, notUTF8})
	f.Add("./dir/b.ndjson", []conformance.Finding{localTime})
	f.Add("dir/b.ndjson", []conformance.Finding{localTime, unknown})
	f.Add("c.json", nil)
	return f
}

func TestSave(t *testing.T) {
	t.Chdir(t.TempDir())
	path := "known.json"
	for range 2 { // the second replaces the first
		if err := recorded().Save(path); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved, string(data)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	loaded, err := baseline.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(recorded().Entries(), loaded.Entries()); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("files left: %v, %v", files, err)
	}
}

func TestSaveEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known.json")
	if err := new(baseline.File).Save(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if want := "{\n  \"version\": 2,\n  \"by\": \"place\",\n  \"findings\": []\n}\n"; err != nil || string(data) != want {
		t.Errorf("got %q, %v", data, err)
	}
	loaded, err := baseline.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded.Add("a.json", []conformance.Finding{localTime})
	if fresh, known := loaded.Matcher().Filter("a.json", []conformance.Finding{localTime}); known != 1 || len(fresh) != 0 {
		t.Errorf("after Add, %d are known", known)
	}
}

func TestSaveKeepsLinkAndMode(t *testing.T) {
	t.Chdir(t.TempDir())
	target, link := "target.json", "link.json"
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target.json", link); err != nil {
		skiptest.Missing(t, "symbolic links")
	}
	if err := recorded().Save(link); err != nil {
		t.Fatal(err)
	}
	if got, err := os.Readlink(link); got != "target.json" || err != nil {
		t.Errorf("the link leads to %q, %v", got, err)
	}
	info, err := os.Stat(target)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != int64(len(saved)) {
		t.Errorf("the file has mode %v and size %d, %v", info.Mode(), info.Size(), err)
	}
}

// What Save doesn't replace is as it was, and CheckTarget says so before.
func TestSaveReplacesBaselinesOnly(t *testing.T) {
	t.Chdir(t.TempDir())
	path := "known.json"
	for _, tt := range []struct {
		there string
		want  bool
	}{
		{"", true},
		{" \n", true},
		{saved, true},
		{`{"findings":[],"version":7}`, true},
		{`{"version":1}`, false},
		{`{"version":1,"findings":null}`, false},
		{`{"version":"2.1.0","findings":[]}`, false},
		{`{"event_type":"run_failed"}`, false},
		{"[]", false},
		{"<<<<<<< mine\n" + saved, false},
		{saved + `{"event_type":"run_failed"}`, false},
		{saved + "notes", false},
		{saved + "\n", true},
		{"notes", false},
	} {
		if err := os.WriteFile(path, []byte(tt.there), 0o600); err != nil {
			t.Fatal(err)
		}
		checked, err := baseline.CheckTarget(path), recorded().Save(path)
		if (checked == nil) != tt.want || (err == nil) != tt.want {
			t.Errorf("%q: %v, %v", tt.there, checked, err)
		}
		want := tt.there
		if tt.want {
			want = saved
		}
		if got, err := os.ReadFile(path); string(got) != want || err != nil {
			t.Errorf("%q became %q, %v", tt.there, got, err)
		}
	}
}

func TestSaveFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "known.json")
	err := recorded().Save(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "baseline "+path+" can't be written: ") {
		t.Errorf("got %v", err)
	}
}

func TestLoadFails(t *testing.T) {
	const again = "; remove it and create it again with --write-baseline"
	t.Chdir(t.TempDir())
	if _, err := baseline.Load("known.json"); err == nil || err.Error() != "baseline known.json does not exist; create it with --write-baseline" {
		t.Errorf("missing file: %v", err)
	}
	for _, test := range []struct{ data, want string }{
		{"", "baseline known.json: byte 0: not JSON: unexpected end of JSON input" + again},
		{"{\n,}", "baseline known.json: byte 3: not JSON: invalid character ',' looking for beginning of object key string" + again},
		{"{}", "baseline known.json: not a baseline: it has no version" + again},
		{`{"version":3}`, "baseline known.json: version 3, where this program knows version 2" + again},
		{`{"version":0}`, "baseline known.json: version 0, where this program knows version 2" + again},
		{`{"version":2,"by":"colour"}`, `baseline known.json: it is by "colour", where this program knows place and code` + again},
		{`{"version":2,"by":"code","findings":[{"pointer":"/a"}]}`, "baseline known.json: /findings/0 needs a code" + again},
		{`{"version":2,"findings":[{"code":"a","pointer":"/a","count":1}]}`, "baseline known.json: /findings/0 needs a source, a code and a count of at least 1" + again},
		{`{"version":1,"findings":[{"source":"a","code":"b","pointer":"","count":1},{"source":"a","code":"b","pointer":""}]}`,
			"baseline known.json: /findings/1 needs a source, a code and a count of at least 1" + again},
	} {
		if err := os.WriteFile("known.json", []byte(test.data), 0o666); err != nil {
			t.Fatal(err)
		}
		if f, err := baseline.Load("known.json"); err == nil || err.Error() != test.want {
			t.Errorf("%q: got %v, %v\nwant %s", test.data, f, err, test.want)
		}
	}
	if err := os.WriteFile("known.json", []byte(`[]`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := baseline.Load("known.json"); err == nil || !strings.HasPrefix(err.Error(), "baseline known.json: not a baseline: ") || !strings.HasSuffix(err.Error(), again) {
		t.Errorf("an array: %v", err)
	}
}

func TestMatcher(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("elsewhere.json", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	f := recorded()
	for _, source := range []string{"elsewhere.json", "part.json", "gone.json", "stdin"} {
		f.Add(source, []conformance.Finding{fieldCase})
	}
	if err := os.WriteFile("part.json", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	m := f.Matcher()
	for i, step := range []struct {
		source   string
		findings []conformance.Finding
		fresh    []conformance.Finding
		known    int
	}{
		{"a.json", []conformance.Finding{unknown, html, localTime, notUTF8}, []conformance.Finding{unknown, localTime}, 2},
		{"dir/b.ndjson", []conformance.Finding{localTime, fieldCase, localTime}, []conformance.Finding{fieldCase}, 2},
		{"dir/b.ndjson", nil, nil, 0},
		{"./dir/b.ndjson", []conformance.Finding{localTime, localTime}, []conformance.Finding{localTime}, 1},
		{"part.json", nil, nil, 0},
	} {
		fresh, known := m.Filter(step.source, step.findings)
		if diff := cmp.Diff(step.fresh, fresh); diff != "" || known != step.known {
			t.Errorf("payload %d: %d known, want %d; (-want +got):\n%s", i, known, step.known, diff)
		}
	}
	m.Done("./a.json")
	m.Done("dir/b.ndjson")
	want := []baseline.Entry{
		{Source: "a.json", Code: "data.count-mismatch", Pointer: "/data/extracted_data/total_rows", Count: 1},
		{Source: "gone.json", Code: "dialect.field-case", Pointer: "/data/runId", Count: 1},
	}
	for range 2 {
		if diff := cmp.Diff(want, m.Stale()); diff != "" {
			t.Errorf("stale (-want +got):\n%s", diff)
		}
	}
	m.Done("stdin")
	if got := m.Stale(); len(got) != 3 || got[2].Source != "stdin" {
		t.Errorf("stale with standard input: %v", got)
	}
	if got := len(f.Entries()); got != 8 {
		t.Errorf("the file has changed: %d entries", got)
	}
}

// TestDirectories: a baseline is the same from wherever a check is run, and whatever
// leads to the payloads.
func TestDirectories(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"repo/payloads/sub", "repo/ci", "moved"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "repo"))
	f := new(baseline.File)
	for _, source := range []string{"payloads/a.json", "payloads/sub/b.json", "stdin"} {
		f.Add(source, []conformance.Finding{localTime})
	}
	if err := f.Save("ci/known.json"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("ci/known.json")
	if err != nil || !strings.Contains(string(data), `"source":"../payloads/sub/b.json"`) {
		t.Errorf("%s, %v", data, err)
	}
	for _, tt := range []struct {
		dir, file string
		sources   []string
		stale     string
	}{
		{"repo", "ci/known.json", []string{"payloads/a.json", "./payloads/sub/../sub/b.json"}, "stdin"},
		{"repo/ci", "known.json", []string{"../payloads/a.json", filepath.Join(root, "repo/payloads/sub/b.json")}, "stdin"},
		{"repo/payloads/sub", "../../ci/known.json", []string{"../a.json", "b.json"}, "stdin"},
		{".", "repo/ci/known.json", []string{"repo/payloads/a.json", "repo/payloads/sub/b.json"}, "stdin"},
		{"repo/payloads", filepath.Join(root, "repo/ci/known.json"), []string{"a.json"}, "stdin sub/b.json"},
	} {
		t.Run(tt.dir, func(t *testing.T) {
			t.Chdir(filepath.Join(root, tt.dir))
			loaded, err := baseline.Load(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			m := loaded.Matcher()
			for _, source := range tt.sources {
				if fresh, known := m.Filter(source, []conformance.Finding{localTime}); known != 1 || len(fresh) > 0 {
					t.Errorf("%s: %d known", source, known)
				}
			}
			m.Done("stdin")
			var stale []string
			for _, e := range m.Stale() {
				stale = append(stale, e.Source)
			}
			if got := strings.Join(stale, " "); got != tt.stale {
				t.Errorf("stale %q, want %q", got, tt.stale)
			}
			// Written again from there, it is the same.
			if err := loaded.Save(tt.file); err != nil {
				t.Fatal(err)
			}
			if again, err := os.ReadFile(filepath.Join(root, "repo/ci/known.json")); err != nil || string(again) != string(data) {
				t.Errorf("it became %s, %v", again, err)
			}
		})
	}
}

// TestVersion1: in an older file, sources are those of the directory that a check is run
// from.
func TestVersion1(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("ci", 0o777); err != nil {
		t.Fatal(err)
	}
	old := `{"version":1,"findings":[{"source":"dir/b.ndjson","code":"dialect.local-time","pointer":"/data/started_at","count":2}]}`
	if err := os.WriteFile("ci/known.json", []byte(old), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := baseline.Load("ci/known.json")
	if err != nil {
		t.Fatal(err)
	}
	if fresh, known := f.Matcher().Filter("dir/b.ndjson", []conformance.Finding{localTime, localTime, localTime}); known != 2 || len(fresh) != 1 {
		t.Errorf("%d known, %v", known, fresh)
	}
	if err := f.Save("ci/known.json"); err != nil {
		t.Fatal(err)
	}
	want := []baseline.Entry{{Source: "dir/b.ndjson", Code: "dialect.local-time", Pointer: "/data/started_at", Count: 2}}
	if f, err = baseline.Load("ci/known.json"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, f.Entries()); diff != "" {
		t.Error(diff)
	}
}

func TestByCode(t *testing.T) {
	t.Chdir(t.TempDir())
	cell := func(pointer string) conformance.Finding {
		return finding(conformance.SeverityError, "dialect.null-cell", "/data/extracted_data/"+pointer)
	}
	grouped := cell("captured_lists/Prices/0/Price")
	grouped.Count, grouped.Pattern = 7, "/data/extracted_data/captured_lists/Prices/*/Price"
	f := &baseline.File{By: baseline.Code}
	f.Add("a.json", []conformance.Finding{localTime, grouped, unknown, notUTF8})
	f.Add("b.json", []conformance.Finding{localTime})
	if err := f.Save("known.json"); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "version": 2,
  "by": "code",
  "findings": [
    {"code":"contract.unknown-member","pointer":"/data/<b>&"},
    {"code":"json.invalid-utf8","pointer":"/data/a�b"},
    {"code":"dialect.null-cell","pointer":"/data/extracted_data/captured_lists/*/*/*"},
    {"code":"dialect.local-time","pointer":"/data/started_at"}
  ]
}
`
	if data, err := os.ReadFile("known.json"); err != nil || string(data) != want {
		t.Errorf("%s, %v; want %s", data, err, want)
	}
	loaded, err := baseline.Load("known.json")
	if err != nil {
		t.Fatal(err)
	}
	finished := finding(conformance.SeverityError, "dialect.local-time", "/data/finished_at")
	for _, f := range []*baseline.File{f, loaded, loaded.ByCode()} {
		m := f.Matcher()
		for range 3 { // as often as it comes
			fresh, known := m.Filter("elsewhere.ndjson", []conformance.Finding{
				localTime, finished, grouped, cell("captured_lists/Other list/12/Name"), cell("captured_texts/3/Name"), unknown, html,
			})
			if diff := cmp.Diff([]conformance.Finding{finished, cell("captured_texts/3/Name"), html}, fresh); diff != "" || known != 10 {
				t.Errorf("%d known; (-want +got):\n%s", known, diff)
			}
		}
		m.Done("elsewhere.ndjson")
		if stale := m.Stale(); len(stale) > 0 {
			t.Errorf("stale %v", stale)
		}
	}
}

// TestByCodeOfPlaces: a baseline by place may be used by code.
func TestByCodeOfPlaces(t *testing.T) {
	m := recorded().ByCode().Matcher()
	fresh, known := m.Filter("other.json", []conformance.Finding{localTime, fieldCase, mismatch})
	if diff := cmp.Diff([]conformance.Finding{fieldCase}, fresh); diff != "" || known != 2 {
		t.Errorf("%d known\n%s", known, diff)
	}
}

// TestMembers: what counts as the same member, by the family of the code.
func TestMembers(t *testing.T) {
	for _, tt := range []struct {
		code      conformance.Code
		one, more string
		same      bool
	}{
		{"dialect.null-cell", "/data/extracted_data/captured_lists/a/0/b", "/data/extracted_data/captured_lists/c~1d/17/e", true},
		{"dialect.null-cell", "/data/extracted_data/captured_lists/a/0/b", "/data/extracted_data/captured_texts/0/b", false},
		{"dialect.null-cell", "/data/extracted_data/captured_lists/0/0/b", "/data/extracted_data/captured_lists/1/2/c", true},
		{"dialect.local-time", "/data/started_at", "/data/finished_at", false},
		{"contract.unknown-member", "/data/a", "/data/b", false},
		{"contract.unknown-member", "/data/1", "/data/2", true},
		{"schema.type", "/data/extracted_data/captured_lists/a/0/b", "/data/extracted_data/captured_lists/a/9/b", true},
		{"schema.type", "/data/extracted_data/captured_lists/a/0/b", "/data/extracted_data/captured_lists/a/0/c", false},
		{"json.syntax", "", "", true},
		{"json.syntax", "", "/", false},
	} {
		f := &baseline.File{By: baseline.Code}
		f.Add("a.json", []conformance.Finding{finding(conformance.SeverityError, tt.code, tt.one)})
		if _, known := f.Matcher().Filter("b.json", []conformance.Finding{finding(conformance.SeverityError, tt.code, tt.more)}); (known == 1) != tt.same {
			t.Errorf("%s at %s and %s: the same %t, want %t", tt.code, tt.one, tt.more, known == 1, tt.same)
		}
	}
}
