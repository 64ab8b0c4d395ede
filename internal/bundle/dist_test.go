package bundle_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/bundle"
	"github.com/runhooks/runhooks/jsonschema"
)

// dist gives the files that the sources make, by name.
func dist(t *testing.T) map[string]string {
	t.Helper()
	files, err := bundle.Dist(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]string{}
	for _, file := range files {
		if _, twice := byName[file.Name]; twice {
			t.Errorf("%s is made twice", file.Name)
		}
		byName[file.Name] = string(file.Data)
	}
	return byName
}

func TestDistIsCurrent(t *testing.T) {
	committed := map[string]string{}
	dir := os.DirFS(root + "/openapi/dist")
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, name)
		committed[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dist(t), committed); diff != "" {
		t.Errorf("openapi/dist is not what the sources give; run go generate ./... (-sources +files):\n%s", diff)
	}
}

func TestDistIsTheSameEveryTime(t *testing.T) {
	first := dist(t)
	for range 5 {
		if diff := cmp.Diff(first, dist(t)); diff != "" {
			t.Fatalf("the same sources gave other files:\n%s", diff)
		}
	}
}

// What the files hold doesn't depend on where they were made, or when.
func TestDistHasNoTraces(t *testing.T) {
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range dist(t) {
		for _, trace := range []string{here, "file:", "../"} {
			if strings.Contains(text, trace) {
				t.Errorf("%s holds %q", name, trace)
			}
		}
	}
}

// A schema has its own $id, which is not that of its source, and the version of the
// contract. An OpenAPI document has a place for the version, and none for an $id.
func TestDistSaysWhatItIs(t *testing.T) {
	files := dist(t)
	var api struct{ Info struct{ Version string } }
	if err := json.Unmarshal([]byte(files["webhooks.json"]), &api); err != nil || api.Info.Version == "" {
		t.Fatalf("webhooks.json has no version (%v)", err)
	}
	schemas := 0
	for name, text := range files {
		if path.Ext(name) != ".json" {
			continue
		}
		want := 0
		if path.Dir(name) != "." {
			schemas++
			want = 1
			var schema struct {
				ID      string `json:"$id"`
				Comment string `json:"$comment"`
			}
			if err := json.Unmarshal([]byte(text), &schema); err != nil {
				t.Fatal(err)
			}
			if id := jsonschema.Base + "openapi/" + name; schema.ID != id {
				t.Errorf("%s: $id is %s; want %s", name, schema.ID, id)
			}
			if comment := "Version " + api.Info.Version + " of the contract."; schema.Comment != comment {
				t.Errorf("%s: $comment is %q; want %q", name, schema.Comment, comment)
			}
		}
		if got := strings.Count(text, `"$id"`); got != want {
			t.Errorf("%s has %d $id; want %d", name, got, want)
		}
	}
	if schemas != 14 {
		t.Errorf("saw %d schemas", schemas)
	}
}

// Every file has an entry in README.md: its name without the extension.
func TestDistREADME(t *testing.T) {
	files := dist(t)
	readme := files["README.md"]
	for name := range files {
		base := strings.TrimSuffix(path.Base(name), path.Ext(name))
		if base != "README" && !strings.Contains(readme, "`"+base+"`") {
			t.Errorf("README.md says nothing of %s", name)
		}
	}
}
