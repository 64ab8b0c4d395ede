package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// git runs git in dir, as somebody who commits.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := command(dir, []string{
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}, "git", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// clone copies all that git knows or would add, as one commit of a repository
// without tags.
func clone(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "runhooks")
	for _, name := range strings.Split(git(t, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		info, err := os.Stat(from)
		if name == "" || os.IsNotExist(err) { // deleted, but not staged
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "--quiet", "--initial-branch=main")
	commit(t, dir)
	return dir
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "add", "--all")
	git(t, dir, "-c", "commit.gpgsign=false", "commit", "--quiet", "--no-verify", "-m", "a commit")
}

const mock = "v0.1.0"

// released is a clone at the commit of a first release, whatever came out so far.
func released(t *testing.T) string {
	t.Helper()
	dir := clone(t)
	changelog := "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Everything.\n\n[Unreleased]: https://example.com\n"
	if err := os.WriteFile(filepath.Join(dir, "CHANGELOG.md"), []byte(changelog), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := prepare(dir, mock, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	commit(t, dir)
	git(t, dir, "tag", mock)
	return dir
}

// TestBuild builds one release in two clones, and looks into it.
func TestBuild(t *testing.T) {
	first := released(t)
	second := filepath.Join(t.TempDir(), "elsewhere")
	git(t, first, "clone", "--quiet", first, second)
	dist, again := buildMock(t, first), buildMock(t, second)
	entries, err := os.ReadDir(dist)
	if err != nil {
		t.Fatal(err)
	}
	// The archives, checksums, SBOM, image, notes, and the page of the contract.
	if len(entries) != len(targets)+5 {
		t.Errorf("%d files: %v", len(entries), entries)
	}
	for _, entry := range entries {
		if !bytes.Equal(read(t, dist, entry.Name()), read(t, again, entry.Name())) {
			t.Errorf("%s differs when it is built again, in another folder", entry.Name())
		}
	}

	version := strings.TrimPrefix(mock, "v")
	sums := string(read(t, dist, "checksums.txt"))
	for _, target := range targets {
		suffix, exe := ".tar.gz", ""
		if target.os == "windows" {
			suffix, exe = ".zip", ".exe"
		}
		name := fmt.Sprintf("runhooks_%s_%s_%s%s", version, target.os, target.arch, suffix)
		files := unpack(t, name, read(t, dist, name))
		for _, want := range []string{"runhooks" + exe, "README.md", "LICENSE", "CHANGELOG.md"} {
			if len(files[want]) == 0 {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		if line := sum(read(t, dist, name)) + "  " + name + "\n"; !strings.Contains(sums, line) {
			t.Errorf("checksums.txt lacks %s", line)
		}
		if target.os != runtime.GOOS || target.arch != runtime.GOARCH {
			continue
		}
		binary := filepath.Join(t.TempDir(), "runhooks"+exe)
		if err := os.WriteFile(binary, files["runhooks"+exe], 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(binary, "version").CombinedOutput()
		if want := "runhooks " + mock + " "; err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("runhooks version: %v, %s; want %s", err, out, want)
		}
	}
	if got, want := string(read(t, dist, "notes.md")), "### Added\n\n- Everything.\n"; got != want {
		t.Errorf("notes.md is %q, want %q", got, want)
	}
	page := read(t, dist, "runhooks-contract.html")
	if !bytes.HasPrefix(page, []byte("<!doctype html>")) || !bytes.Contains(page, []byte(`id="run_failed.data.robotId"`)) {
		t.Errorf("runhooks-contract.html is\n%.500s", page)
	}
	if line := sum(page) + "  runhooks-contract.html\n"; !strings.Contains(sums, line) {
		t.Errorf("checksums.txt lacks %s", line)
	}
	testSBOM(t, read(t, dist, "runhooks_"+version+".spdx.json"))
	testImage(t, unpack(t, "oci.tar", read(t, dist, "runhooks_"+version+".oci.tar")))
}

// buildMock builds the release in dir, and returns the folder of its files.
func buildMock(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dist")
	if err := build(dir, out, mock); err != nil {
		t.Fatal(err)
	}
	return out
}

func testSBOM(t *testing.T, data []byte) {
	var doc spdxDocument
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != "SPDX-2.3" || doc.License != "CC0-1.0" || !strings.HasPrefix(doc.Namespace, "https://") {
		t.Errorf("SBOM: %+v", doc)
	}
	ids := map[string]bool{doc.ID: true}
	names := map[string]bool{}
	for _, p := range doc.Packages {
		if ids[p.ID] || p.ID == "" || p.Version == "" || p.Download == "" {
			t.Errorf("SBOM: package %+v", p)
		}
		ids[p.ID], names[p.Name] = true, true
	}
	for _, want := range []string{module, "stdlib", "github.com/spf13/cobra", "runhooks-windows-arm64"} {
		if !names[want] {
			t.Errorf("SBOM: %s is not listed", want)
		}
	}
	described := 0
	for _, r := range doc.Relationships {
		if !ids[r.Of] || !ids[r.To] {
			t.Errorf("SBOM: relationship %+v", r)
		}
		if r.Type == "DESCRIBES" {
			described++
		}
	}
	if described != len(targets) {
		t.Errorf("SBOM: it describes %d archives", described)
	}
}

// testImage follows the descriptors of an image layout.
func testImage(t *testing.T, files map[string][]byte) {
	blob := func(d descriptor, v any) []byte {
		t.Helper()
		data := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if len(data) != d.Size || fmt.Sprintf("sha256:%x", sha256.Sum256(data)) != d.Digest {
			t.Fatalf("image: the blob %s is not what its descriptor says", d.Digest)
		}
		if v != nil {
			if err := json.Unmarshal(data, v); err != nil {
				t.Fatal(err)
			}
		}
		return data
	}
	var top, images index
	if err := json.Unmarshal(files["index.json"], &top); err != nil || len(top.Manifests) != 1 {
		t.Fatalf("image: %v, %s", err, files["index.json"])
	}
	blob(top.Manifests[0], &images)
	var arches []string
	for _, d := range images.Manifests {
		arches = append(arches, d.Platform.OS+"/"+d.Platform.Architecture)
		var m manifest
		blob(d, &m)
		var config imageConfig
		blob(m.Config, &config)
		if len(m.Layers) != 1 || config.Config.Entrypoint[0] != "/runhooks" || config.Config.Labels["org.opencontainers.image.version"] != mock {
			t.Errorf("image: %+v, %+v", m, config)
		}
		unzip, err := gzip.NewReader(bytes.NewReader(blob(m.Layers[0], nil)))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(unzip)
		if err != nil {
			t.Fatal(err)
		}
		if config.RootFS.DiffIDs[0] != "sha256:"+sum(layer) {
			t.Error("image: diff_ids is not of the layer")
		}
		// A volume gets the owner of the folder that it covers, who has to be the user.
		folder, err := tar.NewReader(bytes.NewReader(layer)).Next()
		if err != nil {
			t.Fatal(err)
		}
		owner := fmt.Sprintf("%d:%d", folder.Uid, folder.Gid)
		if folder.Name != "data/" || folder.Typeflag != tar.TypeDir || folder.Mode != 0o700 || owner != config.Config.User {
			t.Errorf("image: the folder of data is %+v, and the user %s", folder, config.Config.User)
		}
		if _, ok := config.Config.Volumes["/data"]; !ok || !slices.Contains(config.Config.Env, "RUNHOOKS_DATA=/data") {
			t.Errorf("image: its data isn't in the volume: %+v", config.Config)
		}
		content := unpack(t, "layer.tar", layer)
		if len(content) != 3 || len(content["runhooks"]) == 0 {
			t.Errorf("image: a layer of %d files", len(content))
		}
		if block, _ := pem.Decode(content["etc/ssl/certs/ca-certificates.crt"]); block == nil {
			t.Error("image: no certificates")
		}
	}
	if got := strings.Join(arches, " "); got != "linux/amd64 linux/arm64" {
		t.Errorf("image: it is for %s", got)
	}
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unpack returns what is in an archive, by the end of whose name its form is told.
func unpack(t *testing.T, name string, data []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			if files[f.Name], err = fs.ReadFile(z, f.Name); err != nil {
				t.Fatal(err)
			}
		}
		return files
	}
	var r io.Reader = bytes.NewReader(data)
	if strings.HasSuffix(name, ".gz") {
		unzip, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = unzip
	}
	for unpacked := tar.NewReader(r); ; {
		header, err := unpacked.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(unpacked); err != nil {
			t.Fatal(err)
		}
	}
}

// A version is built only where the files that name it do.
func TestUnprepared(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"has nothing about " + mock: func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "CHANGELOG.md"), []byte("# Changelog\n"), 0o666)
		},
		"requires v0.0.9": func(dir string) error {
			_, err := command(filepath.Join(dir, "pkg/receiver/otelobserver"), nil, "go", "mod", "edit", "-require="+module+"@v0.0.9")
			return err
		},
	} {
		dir := released(t)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		commit(t, dir)
		if err := build(dir, filepath.Join(t.TempDir(), "dist"), mock); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrepare(t *testing.T) {
	dir := released(t)
	want := "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n\n### Added\n\n- Everything.\n\n" +
		"[Unreleased]: " + repository + "/compare/v0.1.0...main\n[0.1.0]: " + repository + "/releases/tag/v0.1.0\n"
	if got := string(read(t, dir, "CHANGELOG.md")); got != want {
		t.Errorf("CHANGELOG.md is\n%s\nwant\n%s", got, want)
	}
	for version, want := range map[string]string{mock: "already has", "0.2.0": "not a version", "v0.2": "not a version", "v0.2.0": "nothing under Unreleased"} {
		if err := prepare(dir, version, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", version, err, want)
		}
	}
}

// TestNotes: links of the changelog lead to the same files from the notes.
func TestNotes(t *testing.T) {
	const changelog = "## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n\n" +
		"- [releases](docs/release.md), [status](README.md#status), [above](#unreleased), [site](https://example.com/a).\n"
	for version, ref := range map[string]string{mock: mock, "": "main"} {
		files := repository + "/blob/" + ref
		want := "- [releases](" + files + "/docs/release.md), [status](" + files + "/README.md#status), " +
			"[above](#unreleased), [site](https://example.com/a)."
		if got := notes(changelog, "0.1.0", version); got != want {
			t.Errorf("notes of %q are\n%s\nwant\n%s", version, got, want)
		}
	}
}

func TestAPIDiff(t *testing.T) {
	dir := released(t)
	diff := func() (string, error) {
		t.Helper()
		var out bytes.Buffer
		err := apidiff(dir, &out)
		return out.String(), err
	}
	edit := func(name, old, new string) {
		t.Helper()
		path := filepath.Join(dir, name)
		text := string(read(t, path))
		if !strings.Contains(text, old) {
			t.Fatalf("%s has no %q", name, old)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(text, old, new, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := diff(); err != nil || !strings.Contains(out, "compared with "+mock) {
		t.Errorf("unchanged: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "pkg/conformance/added.go"), []byte("package conformance\n\nfunc Added() {}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := diff(); err != nil || !strings.Contains(out, "pkg/conformance: compatible: Added: added") {
		t.Errorf("added: %v\n%s", err, out)
	}
	edit("pkg/receiver/prometheusobserver/prometheusobserver.go", "\nfunc New(", "\nfunc Renamed(")
	out, err := diff()
	if err == nil || !strings.Contains(err.Error(), "prometheusobserver") || strings.Contains(err.Error(), "pkg/conformance") || !strings.Contains(out, "INCOMPATIBLE: New: removed") {
		t.Errorf("renamed: %v\n%s", err, out)
	}
	edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Changed\n\n- `pkg/receiver`: nothing\n")
	if _, err := diff(); err == nil {
		t.Error("renamed, and another package named: it passes")
	}
	edit("CHANGELOG.md", "nothing\n", "nothing\n- `pkg/receiver/prometheusobserver`: `New` is `Renamed`\n")
	if out, err := diff(); err != nil {
		t.Errorf("renamed, and said so: %v\n%s", err, out)
	}
	commit(t, dir)
	git(t, dir, "tag", "v1.0.0")
	edit("pkg/receiver/prometheusobserver/prometheusobserver.go", "\nfunc Renamed(", "\nfunc New(")
	if _, err := diff(); err == nil || !strings.Contains(err.Error(), "not compatible with v1.0.0") {
		t.Errorf("after v1: %v", err)
	}
}
