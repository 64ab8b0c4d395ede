package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"
	_ "github.com/oapi-codegen/runtime" // what is generated for a union imports it
)

// oapi-codegen, with no more configuration than it needs, makes Go of every
// OpenAPI document that go vet finds nothing in.
func TestOapiCodegen(t *testing.T) {
	if testing.Short() {
		t.Skip("vets four generated packages, which takes 10 s; left out by -short")
	}
	// A module of its own that has what this one has.
	module := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(module, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(module, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, data)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	edit := exec.Command("go", "mod", "edit", "-replace=github.com/runhooks/runhooks="+root)
	edit.Dir = module
	if out, err := edit.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	version := "in a test"
	for _, name := range []string{"webhooks", "receiver", "receiver-3.0", "service"} {
		doc, err := openapi3.NewLoader().LoadFromFile("../../openapi/dist/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		code, err := codegen.Generate(doc, codegen.Configuration{
			PackageName:          "api",
			Generate:             codegen.GenerateOptions{Models: true, Client: true, StdHTTPServer: true},
			OutputOptions:        codegen.OutputOptions{SkipPrune: true},
			NoVCSVersionOverride: &version,
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		write(filepath.Join(name, "api.go"), []byte(code))
	}
	vet := exec.Command("go", "vet", "./...")
	vet.Dir = module
	vet.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
