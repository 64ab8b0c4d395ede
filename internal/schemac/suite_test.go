package schemac_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	schemav6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/internal/schemac"
)

// The least of the official suite that compiles: what was reached once may not
// be lost.
const (
	compiledFloor = 149
	agreeFloor    = 547 // cases
)

// A group is a schema of the official suite, and its cases.
type group struct {
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`
	Tests       []test          `json:"tests"`
	file, fn    string
}

type test struct {
	Description string          `json:"description"`
	Data        json.RawMessage `json:"data"`
	Valid       bool            `json:"valid"`
}

// suite reads the groups of the official JSON-Schema-Test-Suite's required
// cases of 2020-12. They aren't part of this repository.
func suite(t *testing.T) (groups []*group) {
	t.Helper()
	dir, required := os.Getenv("JSON_SCHEMA_TEST_SUITE"), true
	if dir == "" {
		dir, required = filepath.Join("..", "..", "..", "shared", "json-schema-test-suite"), false
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		if required {
			t.Fatalf("JSON_SCHEMA_TEST_SUITE is %s, which has no *.json (%v)", dir, err)
		}
		t.Skip("the JSON-Schema-Test-Suite is not here: set JSON_SCHEMA_TEST_SUITE to its folder tests/draft2020-12")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var some []*group
		if err := json.Unmarshal(data, &some); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, g := range some {
			g.file = strings.TrimSuffix(filepath.Base(file), ".json")
			g.fn = fmt.Sprintf("Schema%d", len(groups))
			groups = append(groups, g)
		}
	}
	return groups
}

func (g *group) document() schemac.Document {
	return schemac.Document{
		Path: g.file + ".json: " + g.Description, URI: "https://example.com/" + g.fn,
		Data: g.Schema, Func: g.fn,
	}
}

// TestSuite holds what is generated to the official suite: each schema either
// can't be compiled, and the error says for which keyword, or accepts nothing
// that is invalid.
func TestSuite(t *testing.T) {
	groups := suite(t)
	var compiled []*group
	refused := map[string]int{}
	for _, g := range groups {
		_, err := schemac.Compile([]schemac.Document{g.document()}, schemac.Options{Package: "p"})
		var e *schemac.Error
		switch {
		case err == nil:
			compiled = append(compiled, g)
		case errors.As(err, &e):
			refused[e.Keyword]++
			t.Logf("not compiled: %v", err)
		default:
			t.Errorf("%s: %s: %v", g.file, g.Description, err)
		}
	}
	got := run(t, compiled)
	cases, agree, unsure := 0, 0, 0
	for _, g := range compiled {
		for i, test := range g.Tests {
			cases++
			switch accepted := got[g.fn][i]; {
			case accepted == test.Valid:
				agree++
			case accepted:
				t.Errorf("%s: %s: %s: %s is accepted", g.file, g.Description, test.Description, test.Data)
			default:
				unsure++
				t.Logf("not sure: %s: %s: %s: %s", g.file, g.Description, test.Description, test.Data)
			}
		}
	}
	t.Logf("%d of %d schemas compile; of their %d cases %d agree, and %d that are valid are not sure", len(compiled), len(groups), cases, agree, unsure)
	t.Logf("keywords that are refused: %v", refused)
	if len(compiled) < compiledFloor || agree < agreeFloor {
		t.Errorf("%d schemas compile and %d cases agree; it were %d and %d once", len(compiled), agree, compiledFloor, agreeFloor)
	}
}

// What is nearly that for which there is a function in package scan isn't taken for it.
func TestShortcuts(t *testing.T) {
	values := []string{`0`, `1`, `-1`, `-0`, `0.0`, `5.0`, `1.5`, `-1.5`, `7`, `""`, `"a"`, `"ab"`, `"\u0061"`, `"ba"`, `null`, `true`, `[]`, `[0]`, `["a"]`, `{}`, `{"a": "b"}`, `{"a": ""}`, `{"a": 1}`}
	var groups []*group
	for n, schema := range []string{
		`{"type": "integer", "minimum": 0}`, `{"type": "integer", "minimum": 1}`, `{"type": "integer", "minimum": -1}`,
		`{"type": "integer", "exclusiveMinimum": 0}`, `{"type": "integer", "minimum": 0, "maximum": 5}`, `{"type": "integer", "minimum": 0, "exclusiveMaximum": 5}`,
		`{"type": "number"}`, `{"type": "number", "minimum": 0}`, `{"type": "number", "minimum": 1}`, `{"type": ["number", "null"], "minimum": 1}`,
		`{"type": "string", "minLength": 1}`, `{"type": "string", "minLength": 2}`, `{"type": "string", "minLength": 1, "maxLength": 1}`,
		`{"type": "string", "minLength": 1, "pattern": "^a"}`, `{"type": ["string", "null"], "minLength": 2}`,
		`{"const": "a"}`, `{"const": "a", "minLength": 2}`, `{"enum": ["a", "ab"]}`, `{"enum": ["a", "ab"], "minLength": 2}`, `{"enum": ["a", null, 1]}`,
		`{"type": "array", "items": {"type": "integer", "minimum": 1}}`, `{"type": "array", "minItems": 1}`,
		`{"type": "object", "additionalProperties": {"type": "string"}}`, `{"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}`,
		`{"type": "object", "additionalProperties": {"type": "string"}, "required": ["a"]}`,
	} {
		g := &group{file: "shortcuts", Description: schema, Schema: json.RawMessage(schema), fn: fmt.Sprintf("Schema%d", n)}
		reference, err := v6(t, schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			v, err := schemav6.UnmarshalJSON(strings.NewReader(value))
			if err != nil {
				t.Fatal(err)
			}
			g.Tests = append(g.Tests, test{Data: json.RawMessage(value), Valid: reference.Validate(v) == nil})
		}
		groups = append(groups, g)
	}
	got := run(t, groups)
	for _, g := range groups {
		for i, test := range g.Tests {
			if got[g.fn][i] != test.Valid {
				t.Errorf("%s: %s: %v, want %v", g.Schema, test.Data, got[g.fn][i], test.Valid)
			}
		}
	}
}

var identifier = regexp.MustCompile(`"\$(?:id|anchor|dynamicAnchor)":\s*"[^"]*"`)

// run builds the functions of groups as one program, and gives what they say.
func run(t *testing.T, groups []*group) map[string][]bool {
	t.Helper()
	// Schemas that have the same URI are in packages of their own.
	var packages [][]schemac.Document
	var taken []map[string]bool
	type input struct {
		Fn   string
		Data []json.RawMessage
	}
	var inputs []input
	var table strings.Builder
	for _, g := range groups {
		ids := identifier.FindAllString(string(g.Schema), -1)
		at := 0
	next:
		for ; at < len(packages); at++ {
			for _, id := range ids {
				if taken[at][id] {
					continue next
				}
			}
			break
		}
		if at == len(packages) {
			packages = append(packages, nil)
			taken = append(taken, map[string]bool{})
		}
		for _, id := range ids {
			taken[at][id] = true
		}
		packages[at] = append(packages[at], g.document())
		fmt.Fprintf(&table, "\t%q: p%d.%s,\n", g.fn, at, g.fn)
		in := input{Fn: g.fn}
		for _, test := range g.Tests {
			in.Data = append(in.Data, test.Data)
		}
		inputs = append(inputs, in)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var imports strings.Builder
	for i, docs := range packages {
		name := fmt.Sprintf("p%d", i)
		files, err := schemac.Compile(docs, schemac.Options{Package: name})
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range files {
			write(filepath.Join(name, file), string(data))
		}
		fmt.Fprintf(&imports, "\t\"suite/%s\"\n", name)
	}
	write("go.mod", "module suite\n\ngo 1.26\n")
	write("main.go", fmt.Sprintf(program, imports.String(), table.String()))
	in, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("go run: %v\n%s", err, stderr.String())
	}
	var got map[string][]bool
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

const program = `package main

import (
	"encoding/json"
	"os"

%s)

var functions = map[string]func([]byte) bool{
%s}

func main() {
	var inputs []struct {
		Fn   string
		Data []json.RawMessage
	}
	if err := json.NewDecoder(os.Stdin).Decode(&inputs); err != nil {
		panic(err)
	}
	got := map[string][]bool{}
	for _, in := range inputs {
		for _, data := range in.Data {
			got[in.Fn] = append(got[in.Fn], functions[in.Fn](data))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		panic(err)
	}
}
`
