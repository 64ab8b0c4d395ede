package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oapi-codegen/oapi-codegen/v2/pkg/codegen"
	"github.com/ogen-go/ogen"
	"github.com/ogen-go/ogen/gen"

	"github.com/runhooks/runhooks/interop/matrix"
)

// testdata has the documents of the rules of runhooks lint.
const testdata = root + "internal/portability/testdata/"

// A symptom is by which a tool is seen to break: what it makes of a document, or
// its error, holds one text and not another.
type symptom struct{ has, hasNot string }

// A breaker is a tool that breaks on the documents of some rules.
type breaker struct {
	tool, module string
	// output gives what the tool makes of the document in a file.
	output   func(file string) (string, error)
	symptoms map[string]symptom // by rule
}

var breakers = []breaker{
	{"oapi-codegen", "github.com/oapi-codegen/oapi-codegen/v2", oapiCodegen, map[string]symptom{
		"const-without-type":          {has: "A interface{}"},
		"enum-without-type":           {has: "A interface{}"},
		"type-list":                   {has: "unhandled Schema type"},
		"pattern-properties":          {has: "A map[string]interface{}"},
		"go-extension":                {has: "A Identifier", hasNot: "type Identifier"},
		"ref-to-file":                 {has: "A struct {"},
		"ref-to-defs":                 {has: "unrecognized external reference"},
		"ref-siblings":                {hasNot: "C *string"},
		"union-without-discriminator": {has: "union json.RawMessage", hasNot: "ValueByDiscriminator"},
		"nullable-in-3.1":             {has: "\tA string"},
		"not-in-3.0":                  {has: "\tA string"},
		"webhooks-only":               {has: "= Event", hasNot: "type Event struct"},
		"no-operation-id":             {has: "PostEvents"},
		"inline-object":               {has: "A struct {"},
		"condition":                   {has: "B *string"}, // as if the condition weren't there
		"null-type":                   {has: "unhandled Schema type"},
		"unquoted-version":            {has: "cannot unmarshal !!float into string"},
		"duplicate-key":               {has: "already defined"},
		"yaml-number":                 {has: `EventA = "83"`},
		"yaml-directive":              {has: "found incompatible YAML document"},
	}},
	{"ogen", "github.com/ogen-go/ogen", byOgenGenerator, map[string]symptom{
		"const-without-type":          {has: "A jx.Raw"},
		"enum-without-type":           {has: "A jx.Raw"},
		"type-list":                   {has: "multiple types are not supported"},
		"boolean-schema":              {has: "cannot unmarshal !!bool"},
		"exclusive-bound":             {has: "into bool"},
		"ref-to-file":                 {has: "external references are disabled"},
		"ref-to-defs":                 {has: "external references are disabled"},
		"ref-siblings":                {hasNot: "\tC "},
		"union-without-discriminator": {has: "infer fields discriminator"},
		"not-in-3.0":                  {has: "\tA string"},
		"inline-object":               {has: "EventA"},
		"condition":                   {has: "B OptString"},
		"duplicate-key":               {has: "already defined"},
		"yaml-boolean":                {has: `EventA = "false"`},
		"yaml-number":                 {has: `EventA = "83"`},
	}},
	{"kin-openapi", "github.com/getkin/kin-openapi", kinOpenAPI, map[string]symptom{
		"not-in-3.0":       {has: "field const is for OpenAPI >=3.1"},
		"null-type":        {has: "unsupported 'type' value"},
		"unquoted-version": {has: "cannot unmarshal !!float into string"},
		"duplicate-key":    {has: "already defined"},
		"yaml-directive":   {has: "found incompatible YAML document"},
	}},
}

// rules reports whether the tools still break on the documents of the rules.
func rules(versions map[string]string) (reports []matrix.Report, err error) {
	for _, b := range breakers {
		for _, rule := range slices.Sorted(maps.Keys(b.symptoms)) {
			s := b.symptoms[rule]
			report := matrix.Report{Kind: matrix.Rule, Rule: rule, Tool: b.tool, Version: versions[b.module]}
			report.Breaks = b.shows(s, rule+".yaml", true)
			// Nothing can be written that says the same as a condition.
			if rule != "condition" {
				report.Helps = b.shows(s, rule+".fixed.yaml", false)
			}
			reports = append(reports, report)
		}
	}
	return reports, nil
}

var blanks = regexp.MustCompile(` +`)

// shows tells whether a document has the symptom or not, as is wanted, and what is
// seen if not.
func (b breaker) shows(s symptom, name string, want bool) *matrix.Answer {
	text, err := b.output(testdata + name)
	if err != nil {
		text = err.Error()
	}
	text = blanks.ReplaceAllString(text, " ") // gofmt aligns types
	broken := strings.Contains(text, s.has) && (s.hasNot == "" || !strings.Contains(text, s.hasNot))
	if broken == want {
		return &matrix.Answer{OK: true}
	}
	return &matrix.Answer{Note: fmt.Sprintf("%s gives %.300q", name, text)}
}

func oapiCodegen(file string) (string, error) {
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true // files of testdata
	document, err := loader.LoadFromFile(file)
	if err != nil {
		return "", err
	}
	version := "of interop" // stands in a comment of what is generated
	return codegen.Generate(document, codegen.Configuration{
		PackageName:          "api",
		Generate:             codegen.GenerateOptions{Models: true, StdHTTPServer: true},
		NoVCSVersionOverride: &version,
	})
}

// sources are what a generator writes.
type sources struct{ strings.Builder }

func (s *sources) WriteFile(_ string, source []byte) error {
	_, err := s.Write(source)
	return err
}

func byOgenGenerator(file string) (string, error) {
	var options gen.Options
	document, err := options.SetLocation(file, gen.RemoteOptions{})
	if err != nil {
		return "", err
	}
	spec, err := ogen.Parse(document)
	if err != nil {
		return "", err
	}
	g, err := gen.NewGenerator(spec, options)
	if err != nil {
		return "", err
	}
	var code sources
	err = g.WriteSource(&code, "api")
	return code.String(), err
}

func kinOpenAPI(file string) (string, error) {
	document, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return "", err
	}
	return "", document.Validate(context.Background())
}
