package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// targets are the platforms that a release has archives for.
var targets = []struct{ os, arch string }{
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"linux", "amd64"}, {"linux", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// A file is of an archive.
type file struct {
	name  string // with a slash at its end, a folder
	mode  int64
	data  []byte
	owner int // user and group; 0 is root
}

// An archive has the command for one platform.
type archive struct {
	os, arch string
	name     string // of its file
	sum      string // SHA-256, in hex
	binary   []byte
	info     *buildinfo.BuildInfo
}

// build writes to out all files of a release of the commit that is checked out. The
// same commit and the same Go give the same bytes, wherever the repository is. The
// go command takes the version from the tag of the commit, as it does for go install.
func build(repository, out, version string) error {
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", out)
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	// A clone has nothing that isn't committed. In a work tree of git worktree the go
	// command doesn't see the version.
	temp, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	root, err := filepath.Abs(repository)
	if err != nil {
		return err
	}
	dir := filepath.Join(temp, "runhooks")
	if _, err := command(temp, nil, "git", "clone", "--quiet", "--shared", root, dir); err != nil {
		return err
	}
	var common []file
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "README.md"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		common = append(common, file{name: name, mode: 0o644, data: data})
	}
	changelog := string(common[0].data)
	heading := "Unreleased"
	if version != "" {
		if err := isPrepared(dir, version, changelog); err != nil {
			return err
		}
		heading = strings.TrimPrefix(version, "v")
	}
	seconds, err := command(dir, nil, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return err
	}
	date := time.Unix(unix, 0).UTC()

	var archives []archive
	for _, target := range targets {
		a := archive{os: target.os, arch: target.arch}
		if err := a.compile(dir); err != nil {
			return err
		}
		if version != "" && a.info.Main.Version != version {
			return fmt.Errorf("the command is of version %s, not %s; tag the commit", a.info.Main.Version, version)
		}
		command := file{name: "runhooks", mode: 0o755, data: a.binary}
		write, suffix := writeTarGz, ".tar.gz"
		if a.os == "windows" {
			command.name += ".exe"
			write, suffix = writeZip, ".zip"
		}
		var packed bytes.Buffer
		if err := write(&packed, append([]file{command}, common...), date); err != nil {
			return err
		}
		a.name = fmt.Sprintf("runhooks_%s_%s_%s%s", a.version(), a.os, a.arch, suffix)
		a.sum = sum(packed.Bytes())
		if err := os.WriteFile(filepath.Join(out, a.name), packed.Bytes(), 0o666); err != nil {
			return err
		}
		archives = append(archives, a)
	}

	bom, err := sbom(archives, date)
	if err != nil {
		return err
	}
	image, err := image(archives, date)
	if err != nil {
		return err
	}
	prefix := "runhooks_" + archives[0].version()
	for name, data := range map[string][]byte{
		prefix + ".spdx.json": bom,
		prefix + ".oci.tar":   image,
	} {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o666); err != nil {
			return err
		}
	}
	// The page of the contract is the same in any release of the same contract, so that its
	// name has no version.
	page, err := filepath.Abs(filepath.Join(out, "runhooks-contract.html"))
	if err != nil {
		return err
	}
	if _, err := command(dir, []string{"GOFLAGS=", "GOWORK=off"}, "go", "run", "./internal/site", "-contract", page); err != nil {
		return err
	}
	if err := writeChecksums(out); err != nil {
		return err
	}
	// What is not downloaded has no checksum.
	return os.WriteFile(filepath.Join(out, "notes.md"), []byte(notes(changelog, heading, version)+"\n"), 0o666)
}

// compile builds the command, for which no C is needed.
func (a *archive) compile(dir string) error {
	temp, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	path := filepath.Join(temp, "runhooks")
	// Nothing of the environment may change what is built.
	env := []string{
		"GOOS=" + a.os, "GOARCH=" + a.arch, "CGO_ENABLED=0",
		"GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOAMD64=", "GOARM64=", "GOFIPS140=",
	}
	if _, err := command(dir, env, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", path, "./cmd/runhooks"); err != nil {
		return err
	}
	if a.binary, err = os.ReadFile(path); err != nil {
		return err
	}
	a.info, err = buildinfo.Read(bytes.NewReader(a.binary))
	return err
}

// version is that of the command, as names of files have it.
func (a *archive) version() string { return strings.TrimPrefix(a.info.Main.Version, "v") }

func writeTar(w io.Writer, files []file, date time.Time) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		if err := t.WriteHeader(&tar.Header{
			Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: date, Uid: f.owner, Gid: f.owner,
		}); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeTarGz(w io.Writer, files []file, date time.Time) error {
	zipped := gzip.NewWriter(w)
	if err := writeTar(zipped, files, date); err != nil {
		return err
	}
	return zipped.Close()
}

func writeZip(w io.Writer, files []file, date time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: date}
		header.SetMode(os.FileMode(f.mode))
		part, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}

// writeChecksums writes what sha256sum --check reads.
func writeChecksums(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var lines []string
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(out, entry.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, sum(data)+"  "+entry.Name()+"\n")
	}
	slices.Sort(lines)
	return os.WriteFile(filepath.Join(out, "checksums.txt"), []byte(strings.Join(lines, "")), 0o666)
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
