// Package imports holds no code but a test: that packages import only what the
// layout allows. Data flows one way, schema → gen → pkg → internal → cmd, and
// who imports a package of pkg gets little else with it.
package imports

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Here a package of ours is named by its path in the module, and one of another
// module by its import path. The standard library is free for all, and so is
// what tests import. A package that no rule names may import what it likes; of
// one that several name, all hold.

// layout says which packages of ours may import which: those that match of,
// those that match one of may and no others. p/... is p and all below it.
var layout = []struct {
	of      string
	may     []string
	why     string
	refuses []string // examples of what the rule is there to refuse
}{
	{
		of:      "jsonschema/...",
		why:     "the source of truth depends on nothing",
		refuses: []string{"gen/webhook", "pkg/conformance"},
	},
	{
		of:      "gen/...",
		why:     "generated code stands on its own",
		refuses: []string{"jsonschema", "pkg/event", "internal/bundle"},
	},
	{
		of:      "internal/validate",
		why:     "generated code stands on its own",
		refuses: []string{"jsonschema", "pkg/conformance", "internal/schemac/scan"},
	},
	{
		of:      "internal/jsonpointer",
		why:     "who names a place needs nothing else for it",
		refuses: []string{"jsonschema", "pkg/conformance"},
	},
	{
		of:      "internal/addrspace",
		why:     "a register of addresses knows of nobody who looks into it",
		refuses: []string{"pkg/emitter", "pkg/conformance"},
	},
	{
		of:      "internal/bundle/...",
		may:     []string{"jsonschema", "internal/jsonpointer", "internal/bundle/..."},
		why:     "what generates must build before anything is generated",
		refuses: []string{"gen/webhook", "pkg/conformance"},
	},
	{
		of:      "internal/schemac/...",
		may:     []string{"jsonschema", "internal/jsonpointer", "internal/schemac/..."},
		why:     "what generates must build before anything is generated",
		refuses: []string{"internal/validate", "pkg/conformance"},
	},
	{
		of:      "internal/wrapped",
		may:     []string{"internal/validate", "internal/jsonpointer"},
		why:     "where an event stands is told by its event_type, and nothing is judged",
		refuses: []string{"gen/webhook", "pkg/conformance"},
	},
	{
		of:      "pkg/...",
		may:     []string{"jsonschema", "internal/validate", "internal/jsonpointer", "internal/addrspace", "internal/wrapped", "pkg/..."},
		why:     "pkg is an API that is kept: nothing in it depends on types that a generator may change, or on internals but the validators, how pointers are written, which addresses are public, and where events stand",
		refuses: []string{"gen/webhook", "internal/delivery", "internal/cli"},
	},
	{
		of:      "pkg/signature",
		why:     "signatures need the standard library only",
		refuses: []string{"pkg/event"},
	},
	{
		of:      "pkg/event",
		may:     []string{"internal/validate", "internal/jsonpointer", "jsonschema", "pkg/conformance"},
		why:     "an event asks the judge, and knows nothing of who sends or receives it",
		refuses: []string{"pkg/receiver", "pkg/emitter", "pkg/signature"},
	},
	{
		of:      "pkg/conformance",
		may:     []string{"internal/validate", "internal/jsonpointer", "internal/addrspace", "internal/wrapped", "jsonschema"},
		why:     "a judge shares no code with the judged, but how pointers are written, which addresses are public, and where events stand",
		refuses: []string{"pkg/event", "pkg/receiver", "pkg/emitter", "pkg/signature"},
	},
	{
		of:      "pkg/receiver/...",
		may:     []string{"internal/validate", "pkg/event", "pkg/conformance", "pkg/signature", "pkg/receiver"},
		why:     "the two ends of the wire share the contract and nothing else",
		refuses: []string{"pkg/emitter"},
	},
	{
		of:      "pkg/emitter",
		may:     []string{"internal/addrspace", "pkg/event", "pkg/conformance", "pkg/signature"},
		why:     "the two ends of the wire share the contract and nothing else",
		refuses: []string{"pkg/receiver"},
	},
	{
		of:      "internal/form",
		may:     []string{"pkg/event"},
		why:     "a form is that of an event, whoever delivers it",
		refuses: []string{"internal/delivery", "internal/cli"},
	},
	{
		of:      "internal/delivery",
		may:     []string{"gen/service", "internal/form", "pkg/..."},
		why:     "the engine knows of stores by an interface, and nothing of who calls it",
		refuses: []string{"internal/delivery/sqlite", "internal/service", "internal/keyring", "internal/cli"},
	},
	{
		of:      "internal/delivery/memory",
		may:     []string{"internal/delivery"},
		why:     "a store keeps rows, and decides nothing",
		refuses: []string{"internal/delivery/sqlite", "internal/service", "pkg/emitter"},
	},
	{
		of:      "internal/delivery/sqlite",
		may:     []string{"internal/delivery", "internal/form"},
		why:     "a store keeps rows, and decides nothing",
		refuses: []string{"internal/delivery/postgres", "internal/service", "pkg/emitter"},
	},
	{
		of:      "internal/delivery/postgres",
		may:     []string{"internal/delivery", "internal/form"},
		why:     "a store keeps rows, and decides nothing",
		refuses: []string{"internal/delivery/sqlite", "internal/service", "pkg/emitter"},
	},
	{
		of:      "internal/service",
		may:     []string{"internal/delivery", "internal/form", "internal/jsonpointer", "internal/keyring", "internal/redact", "internal/sample", "gen/service", "jsonschema", "openapi", "pkg/..."},
		why:     "the API works over any store",
		refuses: []string{"internal/delivery/sqlite", "internal/delivery/postgres", "internal/cli"},
	},
	{
		of: "internal/pages",
		may: []string{".", "docs", "internal/delivery", "internal/jsonpointer", "internal/keyring", "internal/redact", "internal/reference", "internal/report", "internal/sample", "internal/service",
			"gen/service", "jsonschema", "openapi", "pkg/..."},
		why:     "the pages are a client of the API, and know nothing of stores",
		refuses: []string{"internal/delivery/sqlite", "internal/delivery/postgres", "internal/cli"},
	},
	{
		of:      "internal/reference",
		may:     []string{"internal/ordered", "jsonschema", "pkg/conformance"},
		why:     "what people read of the contract comes from its schemas and the registry of codes alone",
		refuses: []string{"internal/pages", "docs", "openapi"},
	},
	{
		of:      "internal/module",
		may:     []string{"pkg/..."},
		why:     "the module of other languages answers by what Go programs call, and by nothing else",
		refuses: []string{"internal/validate", "internal/report", "internal/cli"},
	},
	{
		of:      "bindings/...",
		may:     []string{"internal/module"},
		why:     "main is a few lines; what the module answers is in internal/module, where tests reach it",
		refuses: []string{"pkg/conformance", "internal/report"},
	},
	{
		of:      "cmd/...",
		may:     []string{"internal/cli"},
		why:     "main is a few lines; what it does is in internal/cli, where tests reach it",
		refuses: []string{"pkg/conformance", "internal/report"},
	},
}

// modules says what of other modules a package may bring with it: what it
// imports itself or by way of packages of ours.
var modules = []struct {
	of      string
	may     []string
	why     string
	refuses []string
}{
	{
		of:      "jsonschema/...",
		why:     "the source of truth depends on nothing",
		refuses: []string{"github.com/santhosh-tekuri/jsonschema/v5"},
	},
	{
		of:      "gen/...",
		may:     []string{"github.com/oapi-codegen/runtime", "github.com/go-json-experiment/json"},
		why:     "generated code brings its runtime, a JSON decoder and nothing else",
		refuses: []string{"github.com/getkin/kin-openapi/openapi3"},
	},
	{
		of:      "gen/webhook",
		may:     []string{"github.com/go-json-experiment/json"},
		why:     "the types need a decoder that compares names exactly, and nothing else",
		refuses: []string{"github.com/oapi-codegen/runtime"},
	},
	{
		of: "pkg/...",
		may: []string{
			"github.com/santhosh-tekuri/jsonschema/v5",
			"github.com/go-json-experiment/json",
		},
		why: "who imports a package of pkg gets the standard library, the judge and little else",
		refuses: []string{
			"github.com/santhosh-tekuri/jsonschema/v6", "github.com/jackc/pgx/v5",
			"github.com/labstack/echo/v4", "github.com/spf13/cobra",
		},
	},
	{
		of:      "pkg/signature",
		why:     "signatures need the standard library only",
		refuses: []string{"github.com/go-json-experiment/json/jsontext"},
	},
	{
		of:      "internal/jsonpointer",
		why:     "it goes wherever pointers are written",
		refuses: []string{"github.com/go-json-experiment/json/jsontext"},
	},
}

// reserved are packages of ours that only some may import.
var reserved = []struct {
	packages string
	by       []string
	why      string
	refuses  []string // examples of importers that the rule is there to refuse
}{
	{
		packages: "internal/cli/...",
		by:       []string{"cmd/...", "internal/cli/..."},
		why:      "commands are for people; code calls what they call",
		refuses:  []string{"internal/service"},
	},
	{
		packages: "internal/delivery/sqlite",
		by:       []string{"internal/cli"},
		why:      "only the command line picks a store",
		refuses:  []string{"internal/delivery", "internal/service", "pkg/receiver"},
	},
	{
		packages: "internal/delivery/postgres",
		by:       []string{"internal/cli"},
		why:      "only the command line picks a store",
		refuses:  []string{"internal/delivery", "internal/service", "pkg/receiver"},
	},
	{
		packages: "internal/delivery/memory",
		why:      "it is for tests",
		refuses:  []string{"internal/delivery", "internal/service", "internal/cli"},
	},
}

func TestImports(t *testing.T) {
	g, err := readModule(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, must := range []string{"jsonschema", "pkg/conformance"} {
		if _, ok := g[must]; !ok {
			t.Fatalf("package %s was not found; found %q", must, slices.Sorted(maps.Keys(g)))
		}
	}
	for _, v := range g.violations() {
		t.Errorf("%s\n\tThe rules are the tables of internal/imports.", v)
	}
}

// TestTools: tools/codegen pins the generators that tools.go names, and no others.
func TestTools(t *testing.T) {
	named, err := parser.ParseFile(token.NewFileSet(), "../../tools.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, spec := range named.Imports {
		want = append(want, "tool "+strings.Trim(spec.Path.Value, `"`))
	}
	gomod, err := os.ReadFile("../../tools/codegen/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(gomod)) {
		if strings.HasPrefix(line, "tool ") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tools.go and tools/codegen/go.mod differ (-tools.go +go.mod):\n%s", diff)
	}
}

// TestRefuses shows each rule what it is there to refuse.
func TestRefuses(t *testing.T) {
	refused := func(importer, imported, why string) {
		t.Helper()
		want := violation(importer, imported, "", why)
		if got := (graph{importer: {imported}}).violations(); !slices.Contains(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	}
	for _, r := range layout {
		for _, imported := range r.refuses {
			refused(example(r.of), imported, r.why)
		}
	}
	for _, r := range modules {
		for _, imported := range r.refuses {
			refused(example(r.of), imported, r.why)
		}
	}
	for _, r := range reserved {
		for _, importer := range r.refuses {
			refused(importer, example(r.packages), r.why)
		}
	}
}

func TestViolations(t *testing.T) {
	const why = "who imports a package of pkg gets the standard library, the judge and little else"
	tests := []struct {
		name  string
		graph graph
		want  []string
	}{
		{
			name: "as planned",
			graph: graph{
				"":            {"github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"},
				"jsonschema":  {},
				"gen/service": {"github.com/oapi-codegen/runtime/types"},
				"pkg/event": {
					"internal/validate", "jsonschema", "pkg/conformance", "github.com/go-json-experiment/json/jsontext",
				},
				"pkg/conformance": {
					"internal/validate", "jsonschema", "github.com/santhosh-tekuri/jsonschema/v5",
				},
				"pkg/signature":            {},
				"pkg/receiver":             {"pkg/conformance", "pkg/event", "pkg/signature"},
				"pkg/emitter":              {"pkg/conformance", "pkg/event", "pkg/signature"},
				"internal/delivery":        {"pkg/emitter", "go.opentelemetry.io/otel"},
				"internal/delivery/sqlite": {"internal/delivery", "modernc.org/sqlite"},
				"internal/cli":             {"internal/delivery/sqlite", "github.com/spf13/cobra"},
				"cmd/runhooks":             {"internal/cli"},
			},
		},
		{
			name:  "a module whose path starts like that of an allowed one",
			graph: graph{"pkg/a": {"github.com/go-json-experiment/json-two"}},
			want:  []string{"pkg/a imports github.com/go-json-experiment/json-two: " + why},
		},
		{
			name:  "by way of others, in a circle",
			graph: graph{"pkg/a": {"pkg/b"}, "pkg/b": {"pkg/c"}, "pkg/c": {"pkg/a", "example.com/d"}},
			want: []string{
				"pkg/a imports example.com/d by way of pkg/c: " + why,
				"pkg/b imports example.com/d by way of pkg/c: " + why,
				"pkg/c imports example.com/d: " + why,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.graph.violations()); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// A graph has what each package of ours imports, without the standard library.
type graph map[string][]string

// violations tells of each import that a rule refuses.
func (g graph) violations() []string {
	var all []string
	for _, importer := range slices.Sorted(maps.Keys(g)) {
		for _, r := range layout {
			for _, imported := range g[importer] {
				if matches(r.of, importer) && isOurs(imported) && !matchesAny(r.may, imported) {
					all = append(all, violation(importer, imported, "", r.why))
				}
			}
		}
		for _, r := range reserved {
			for _, imported := range g[importer] {
				if matches(r.packages, imported) && !matchesAny(r.by, importer) {
					all = append(all, violation(importer, imported, "", r.why))
				}
			}
		}
		for _, r := range modules {
			if !matches(r.of, importer) {
				continue
			}
			for _, via := range g.reach(importer) {
				for _, imported := range g[via] {
					allowed := slices.ContainsFunc(r.may, func(m string) bool { return matches(m+"/...", imported) })
					if !isOurs(imported) && !allowed {
						all = append(all, violation(importer, imported, via, r.why))
					}
				}
			}
		}
	}
	return all
}

// reach gives importer and all packages of ours that it imports, directly or
// not.
func (g graph) reach(importer string) []string {
	all := []string{importer}
	for i := 0; i < len(all); i++ {
		for _, imported := range g[all[i]] {
			if isOurs(imported) && !slices.Contains(all, imported) {
				all = append(all, imported)
			}
		}
	}
	return all
}

func violation(importer, imported, via, why string) string {
	way := ""
	if via != "" && via != importer {
		way = " by way of " + via
	}
	return fmt.Sprintf("%s imports %s%s: %s", importer, imported, way, why)
}

func matches(pattern, pkg string) bool {
	below, ok := strings.CutSuffix(pattern, "/...")
	return pkg == below || ok && strings.HasPrefix(pkg, below+"/")
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// example gives a package that matches pattern.
func example(pattern string) string { return strings.TrimSuffix(pattern, "/...") }

// isOurs tells a package of ours from one of another module, whose path starts
// with a host.
func isOurs(pkg string) bool { return !hasHost(pkg) }

func hasHost(importPath string) bool {
	host, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(host, ".")
}

// readModule reads the graph of the module at root, without its tests, whatever
// the platform or build tag that a file is for. (The go command could list it,
// but the cache of go test knows only of files that the test itself reads.)
func readModule(root string) (graph, error) {
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(gomod), "\n")
	module, ok := strings.CutPrefix(first, "module ")
	if !ok {
		return nil, fmt.Errorf("go.mod starts with %q, not with the module's path", first)
	}
	g := make(graph)
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || file == root {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			_, err := os.Stat(filepath.Join(file, "go.mod"))
			if err == nil || strings.ContainsAny(name[:1], "._") || name == "testdata" || name == "node_modules" {
				return fs.SkipDir // not of this module
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		importer := strings.TrimPrefix(path.Clean(filepath.ToSlash(dir)), ".")
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				imported = ours
			} else if !hasHost(imported) {
				continue // of the standard library
			}
			if !slices.Contains(g[importer], imported) {
				g[importer] = append(g[importer], imported)
			}
		}
		if g[importer] == nil {
			g[importer] = []string{}
		}
		return nil
	})
	return g, err
}
