package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// What follows is SPDX 2.3, https://spdx.github.io/spdx-spec/v2.3/.

type spdxDocument struct {
	Version       string             `json:"spdxVersion"`
	License       string             `json:"dataLicense"`
	ID            string             `json:"SPDXID"`
	Name          string             `json:"name"`
	Namespace     string             `json:"documentNamespace"`
	Creation      spdxCreation       `json:"creationInfo"`
	Packages      []spdxPackage      `json:"packages"`
	Relationships []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Version       string         `json:"versionInfo"`
	File          string         `json:"packageFileName,omitempty"`
	Download      string         `json:"downloadLocation"`
	FilesAnalyzed bool           `json:"filesAnalyzed"`
	License       string         `json:"licenseDeclared"`
	Copyright     string         `json:"copyrightText"`
	Checksums     []spdxChecksum `json:"checksums,omitempty"`
	Refs          []spdxRef      `json:"externalRefs,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelationship struct {
	Of   string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// sbom lists the modules in each archive, and the Go that it was built with, as
// the go command has recorded them in the command.
func sbom(archives []archive, date time.Time) ([]byte, error) {
	version := archives[0].info.Main.Version
	doc := spdxDocument{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "runhooks " + version,
		Namespace: fmt.Sprintf("%s/releases/download/%s/runhooks_%s.spdx.json", repository, version, archives[0].version()),
		Creation:  spdxCreation{date.Format(time.RFC3339), []string{"Tool: runhooks-tools-release"}},
	}
	seen := map[string]bool{}
	add := func(p spdxPackage) string {
		p.ID = "SPDXRef-" + regexp.MustCompile(`[^A-Za-z0-9.-]+`).ReplaceAllString(p.Name+"-"+p.Version, "-")
		if p.License == "" {
			p.License = "NOASSERTION"
		}
		p.Copyright = "NOASSERTION"
		if !seen[p.ID] {
			seen[p.ID] = true
			doc.Packages = append(doc.Packages, p)
		}
		return p.ID
	}
	of := func(path, version string) spdxPackage {
		return spdxPackage{
			Name: path, Version: version, Download: "NOASSERTION",
			Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")}},
		}
	}
	for _, a := range archives {
		id := add(spdxPackage{
			Name: "runhooks-" + a.os + "-" + a.arch, Version: version, File: a.name, License: "MIT",
			Download:  fmt.Sprintf("%s/releases/download/%s/%s", repository, version, a.name),
			Checksums: []spdxChecksum{{"SHA256", a.sum}},
		})
		doc.Relationships = append(doc.Relationships, spdxRelationship{doc.ID, "DESCRIBES", id})
		contains := func(p spdxPackage) {
			doc.Relationships = append(doc.Relationships, spdxRelationship{id, "CONTAINS", add(p)})
		}
		main := of(a.info.Main.Path, version)
		main.License = "MIT"
		contains(main)
		contains(of("stdlib", strings.TrimPrefix(a.info.GoVersion, "go")))
		for _, m := range a.info.Deps {
			contains(of(m.Path, m.Version))
		}
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	return append(data, '\n'), err
}
