package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// What follows is an image layout, https://github.com/opencontainers/image-spec.

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

type imageConfig struct {
	Created string `json:"created"`
	platform
	Config struct {
		User       string              `json:"User"`
		Env        []string            `json:"Env"`
		Entrypoint []string            `json:"Entrypoint"`
		Cmd        []string            `json:"Cmd"`
		Ports      map[string]struct{} `json:"ExposedPorts"`
		Volumes    map[string]struct{} `json:"Volumes"`
		StopSignal string              `json:"StopSignal"`
		Labels     map[string]string   `json:"Labels"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []map[string]string `json:"history"`
}

const ociPrefix = "application/vnd.oci.image."

// user runs the command, and has no rights.
const user = 65532

// image returns the tar of an image layout, FROM scratch, which is like that of
// packaging/Dockerfile: for each architecture of Linux one layer with the command,
// root certificates, and the folder of the service's data. A new volume gets the
// owner of the folder that it covers.
func image(archives []archive, date time.Time) ([]byte, error) {
	var files []file
	blob := func(mediaType string, data []byte) descriptor {
		name := "blobs/sha256/" + sum(data)
		if !slices.ContainsFunc(files, func(f file) bool { return f.name == name }) {
			files = append(files, file{name: name, mode: 0o644, data: data})
		}
		return descriptor{MediaType: ociPrefix + mediaType, Digest: "sha256:" + sum(data), Size: len(data)}
	}
	object := func(mediaType string, v any) (descriptor, error) {
		data, err := json.Marshal(v)
		return blob(mediaType, data), err
	}
	created := date.Format(time.RFC3339)
	images := index{SchemaVersion: 2, MediaType: ociPrefix + "index.v1+json"}
	for _, a := range archives {
		if a.os != "linux" {
			continue
		}
		var layer, zipped bytes.Buffer
		content := []file{
			{name: "data/", mode: 0o700, owner: user},
			{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: certificates()},
			{name: "runhooks", mode: 0o755, data: a.binary},
		}
		if err := writeTar(&layer, content, date); err != nil {
			return nil, err
		}
		zip := gzip.NewWriter(&zipped)
		if _, err := zip.Write(layer.Bytes()); err != nil {
			return nil, err
		}
		if err := zip.Close(); err != nil {
			return nil, err
		}
		labels := map[string]string{
			"org.opencontainers.image.title":    "runhooks",
			"org.opencontainers.image.version":  a.info.Main.Version,
			"org.opencontainers.image.source":   repository,
			"org.opencontainers.image.licenses": "MIT",
			"org.opencontainers.image.created":  created,
		}
		for _, setting := range a.info.Settings {
			if setting.Key == "vcs.revision" {
				labels["org.opencontainers.image.revision"] = setting.Value
			}
		}
		config := imageConfig{Created: created, platform: platform{a.arch, a.os}}
		config.Config.User = fmt.Sprintf("%d:%d", user, user)
		config.Config.Env = []string{"PATH=/", "RUNHOOKS_DATA=/data", "RUNHOOKS_ADDR=0.0.0.0:8080"}
		config.Config.Entrypoint = []string{"/runhooks"}
		config.Config.Cmd = []string{"serve"}
		config.Config.Ports = map[string]struct{}{"8080/tcp": {}}
		config.Config.Volumes = map[string]struct{}{"/data": {}}
		config.Config.StopSignal = "SIGTERM"
		config.Config.Labels = labels
		config.RootFS.Type = "layers"
		config.RootFS.DiffIDs = []string{"sha256:" + sum(layer.Bytes())}
		config.History = []map[string]string{{"created": created, "created_by": "runhooks tools/release"}}
		configured, err := object("config.v1+json", config)
		if err != nil {
			return nil, err
		}
		described, err := object("manifest.v1+json", manifest{
			SchemaVersion: 2, MediaType: ociPrefix + "manifest.v1+json", Config: configured,
			Layers: []descriptor{blob("layer.v1.tar+gzip", zipped.Bytes())}, Annotations: labels,
		})
		if err != nil {
			return nil, err
		}
		described.Platform = &config.platform
		images.Manifests = append(images.Manifests, described)
	}
	all, err := object("index.v1+json", images)
	if err != nil {
		return nil, err
	}
	all.Annotations = map[string]string{"org.opencontainers.image.ref.name": archives[0].info.Main.Version}
	top, err := json.Marshal(index{SchemaVersion: 2, MediaType: ociPrefix + "index.v1+json", Manifests: []descriptor{all}})
	if err != nil {
		return nil, err
	}
	files = append(files,
		file{name: "oci-layout", mode: 0o644, data: []byte(`{"imageLayoutVersion":"1.0.0"}`)}, file{name: "index.json", mode: 0o644, data: top})
	var layout bytes.Buffer
	err = writeTar(&layout, files, date)
	return layout.Bytes(), err
}

// certificates returns the roots that Mozilla trusts without conditions, in PEM,
// for runhooks trigger and listen --forward to https. They come from a module, so
// go.sum pins them. A file can't say on which condition to trust a root.
func certificates() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes everything
		}
	}
	return all.Bytes()
}
