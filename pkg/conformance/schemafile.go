//go:build !wasmmodule

package conformance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync"

	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/jsonschema"
)

// A Schema is a JSON Schema of the user's own, which payloads must satisfy besides the
// contract; see [Checker]. It may be used by several goroutines at once.
type Schema struct {
	// Robot is the identifier of the robot whose payloads must satisfy the schema, in
	// whichever spelling they have it. If it is empty, all payloads must.
	Robot string

	name       string
	evaluators sync.Pool
}

// CompileSchema returns the schema in data, which is JSON. Findings and errors refer to it
// by name, such as the name of its file. It is read as draft 2020-12, unless $schema names
// an older one, and its formats are asserted. It may refer to itself and to the contract's
// schemas, by their $id. Nothing is fetched. The error says what is wrong, and where.
func CompileSchema(name string, data []byte) (_ *Schema, err error) {
	s := &Schema{name: name}
	if plain := quote(name); plain != `"`+name+`"` {
		s.name = plain // shows as it is
	}
	refuse := func(f Finding) error {
		f = inOrder(data, []Finding{f})[0]
		return fmt.Errorf("%s:%d:%d: %s", s.name, f.Line, f.Column, f.Message)
	}
	doc, refused := readDocument(data)
	switch {
	case refused != nil:
		return nil, refuse(*refused)
	case doc.large() || doc.huge:
		return nil, fmt.Errorf("%s: it has too many values, or a number of too many digits", s.name)
	}
	compile := func() (*evaluator, error) {
		e := newEvaluator(jsonschema.FS)
		e.recursive = true
		file := "schema:///" + url.PathEscape(name)
		e.docs[file] = doc
		if err := e.compiler.AddResource(file, bytes.NewReader(data)); err != nil {
			return nil, err
		}
		return e, e.compile(file)
	}
	defer func() {
		if r := recover(); r != nil { // v5 relies on what the metaschema leaves open
			err = fmt.Errorf("%s: it can't be compiled: %v", s.name, r)
		}
	}()
	e, err := compile()
	var broken *judge.ValidationError
	if errors.As(err, &broken) {
		leaf := speaking(broken)[0]
		at := doc.located(leaf.InstanceLocation)
		return nil, refuse(Finding{Offset: at.offset, Message: cmp.Or(at.pointer, "the schema") + ": " + leaf.Message})
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s", s.name, strings.TrimPrefix(cmp.Or(errors.Unwrap(err), err).Error(), "jsonschema: "))
	}
	s.evaluators.Put(e)
	s.evaluators.New = func() any {
		e, err := compile()
		if err != nil {
			panic(fmt.Sprintf("conformance: %s compiled once, and not again: %v", s.name, err))
		}
		return e
	}
	return s, nil
}

// withSchemas adds to report what c.Schemas have against payload. What isn't strict JSON
// they are not asked about.
func (c Checker) withSchemas(payload []byte, report *Report) {
	if len(c.Schemas) == 0 || slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Code.Family() == "json" }) {
		return
	}
	found := report.Findings
	doc, refused := readDocument(payload)
	if refused != nil {
		refused.Hint = registry[refused.Code].hint(c.As)
		found = append(found, *refused)
	}
	for _, s := range c.Schemas {
		if refused != nil || s.Robot != "" && !doc.isOf(s.Robot) {
			continue
		}
		e := s.evaluators.Get().(*evaluator)
		faults, err := e.evaluate(0, doc)
		if err != nil {
			faults = []fault{{at: doc.at(""), text: err.Error()}}
		}
		more, truncated := c.word(doc, faults, s.name)
		found, report.Truncated = append(found, more...), report.Truncated || truncated
		s.evaluators.Put(e)
	}
	if len(found) > len(report.Findings) {
		report.Verdict, report.Findings = Invalid, inOrder(payload, found)
	}
}

// isOf reports whether a payload is of the robot.
func (d *document) isOf(robot string) bool {
	return slices.ContainsFunc(robotNames(), func(name string) bool { return d.at("/data/"+name).value == robot })
}

// robotNames are the names that the schemas of both layers have for robot_id.
var robotNames = sync.OnceValue(func() []string {
	names := []string{"robot_id"}
	for _, layer := range []string{"v1/*", "observed/*"} { // of dialects the documented name is known by then
		files, _ := fs.Glob(jsonschema.FS, layer)
		for _, file := range files {
			text, _ := fs.ReadFile(jsonschema.FS, file)
			d, _ := readDocument(text)
			for pointer, p := range d.nodes {
				s, _ := p.value.(map[string]any)
				dialect, _ := s["x-dialect"].(map[string]any)
				documented, _ := dialect["instead-of"].(string)
				if s["x-canonical"] == names[0] {
					_, name := cutLast(pointer)
					names = append(names, name)
				} else if member, _ := dialect["member"].(string); member != "" && slices.Contains(names, documented) {
					names = append(names, member)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
})

// An evaluator has v5 evaluate schemas. It is for one goroutine at a time.
type evaluator struct {
	compiler  *judge.Compiler
	schemas   []*judge.Schema
	docs      map[string]*document // what the schemas are in, by URL
	recursive bool                 // the schemas may lead to themselves
	left      int                  // steps
}

// maxValues is how many values a payload may have that v5 is to judge: its errors take up
// to three kilobytes for each.
const maxValues = 200_000

// large reports whether a document has more values, or longer pointers than so many mostly
// have: v5 makes a text of each.
func (d *document) large() bool { return len(d.nodes) > maxValues || d.paths > 64*maxValues }

var errLarge = errors.New("it is too large or too deep for jsonschema/v5 to judge")

func newEvaluator(files fs.FS) *evaluator {
	e := &evaluator{compiler: judge.NewCompiler(), docs: make(map[string]*document)}
	e.compiler.Draft = judge.Draft2020
	e.compiler.AssertFormat = true
	e.compiler.RegisterExtension("runhooks", nil, e)
	e.compiler.LoadURL = func(s string) (io.ReadCloser, error) {
		file, _ := strings.CutPrefix(s, jsonschema.Base)
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, fmt.Errorf("%q is not in the file, and nothing is fetched: put it under $defs; $schema may be draft 4, 6, 7, 2019-09 or 2020-12", s)
		}
		e.docs[s], _ = readDocument(text)
		return io.NopCloser(bytes.NewReader(text)), nil
	}
	return e
}

// compile adds the schema at a URL, which may call itself by another one.
func (e *evaluator) compile(url string) error {
	s, err := e.compiler.Compile(url)
	if err == nil {
		e.schemas = append(e.schemas, s)
		id, _, _ := strings.Cut(s.Location, "#")
		e.docs[id] = e.docs[url]
	}
	return err
}

// Compile makes an evaluator an extension of v5, which v5 thinks to be in every schema.
// It refuses what v5 would pass over.
func (e *evaluator) Compile(_ judge.CompilerContext, keywords map[string]any) (judge.ExtSchema, error) {
	// int64 is OpenAPI's, for generators, and asserts nothing: the contract's own counts have it.
	if format, ok := keywords["format"].(string); ok && judge.Formats[format] == nil && format != "int64" {
		return nil, fmt.Errorf("the format %q is not one that can be judged", format)
	}
	return e, nil
}

// Validate is called wherever v5 evaluates a schema. It ends what takes too many steps.
func (e *evaluator) Validate(_ judge.ValidationContext, v any) error {
	e.left--
	switch v := v.(type) {
	case map[string]any:
		e.left -= len(v)
	case []any:
		e.left -= len(v)
	}
	if e.left < 0 {
		panic(errLarge)
	}
	return nil
}

// evaluate returns how a payload breaks a schema: no faults if the schema accepts it.
func (e *evaluator) evaluate(schema int, d *document) (faults []fault, err error) {
	if d.large() || e.recursive && d.depth > 200 {
		return nil, errLarge
	}
	e.left = 8 * maxValues
	if d := d.depth; e.recursive { // the time that v5 takes for the locations in an error grows faster than its depth
		e.left = min(e.left, 4_000*maxValues/(1+d*d*d))
	}
	defer func() {
		if r := recover(); r == errLarge {
			err = errLarge
		} else if r != nil {
			panic(r)
		}
	}()
	err = e.schemas[schema].Validate(d.at("").value)
	var broken *judge.ValidationError
	if !errors.As(err, &broken) {
		return nil, err
	}
	for _, leaf := range speaking(broken) {
		faults = append(faults, e.faults(leaf, d)...)
	}
	return faults, nil
}

// speaking returns the errors without causes. Of alternatives that all failed only one
// speaks: the first of those that the value fits best.
func speaking(e *judge.ValidationError) (all []*judge.ValidationError) {
	if len(e.Causes) == 0 || strings.HasPrefix(e.Message, "valid must be") { // contains, which no single item has to match
		return append(all, e)
	}
	choice := e.Message == "anyOf failed" || e.Message == "oneOf failed"
	misfit := func(leaf *judge.ValidationError) bool {
		parent, _ := cutLast(leaf.InstanceLocation)
		_, keyword := cutLast(leaf.AbsoluteKeywordLocation)
		return leaf.InstanceLocation == e.InstanceLocation || parent == e.InstanceLocation && (keyword == "const" || keyword == "enum")
	}
	unfit := false
	for i, cause := range e.Causes {
		some := speaking(cause)
		if !choice {
			all = append(all, some...)
			continue
		}
		if u := slices.ContainsFunc(some, misfit); i == 0 || unfit && !u || unfit == u && len(some) < len(all) {
			all, unfit = some, u
		}
	}
	return all
}

func cutLast(location string) (before, last string) {
	i := strings.LastIndexByte(location, '/')
	return location[:max(i, 0)], location[i+1:]
}

// A fault is one rule that a payload breaks.
type fault struct {
	rule    string // where its keyword stands
	keyword string
	value   any // of the keyword
	at      *node
	named   bool   // it is about the member of the value, which is missing or must not be there
	member  string // its name
	offset  int
	text    string // what v5 says
}

// faults returns what a leaf is about in a payload: each member that is missing or must
// not be there, or else the value.
func (e *evaluator) faults(leaf *judge.ValidationError, payload *document) (all []fault) {
	at := payload.located(leaf.InstanceLocation)
	f := fault{rule: leaf.AbsoluteKeywordLocation, at: at, offset: at.offset, text: leaf.Message}
	url, location, _ := strings.Cut(f.rule, "#")
	d := e.docs[url]
	if leaf.Message == "not allowed" { // by the schema false, which has no keywords
		f.text = "no value is allowed here"
	}
	if d == nil || f.text != leaf.Message {
		return append(all, f)
	}
	location, f.keyword = cutLast(location)
	if strings.HasSuffix(location, "/propertyNames") {
		f.at = &node{pointer: at.pointer, pattern: at.pattern, offset: at.name}
		f.offset = at.name
	}
	schema, _ := d.located(location).value.(map[string]any)
	members, _ := at.value.(map[string]any)
	f.value = schema[f.keyword]
	member := func(name string) {
		f.named, f.member, f.offset = true, name, at.offset
		if _, there := members[name]; there {
			f.offset = payload.at(at.pointer + "/" + jsonpointer.Escape(name)).name
		}
		all = append(all, f)
	}
	names, _ := f.value.([]any)
	if of, ok := f.value.(map[string]any); ok {
		names, _ = of["required"].([]any)
	}
	switch f.keyword {
	case "required", "not":
		for _, n := range names {
			name, _ := n.(string)
			if _, there := members[name]; there == (f.keyword == "not") {
				member(name)
			}
		}
	case "additionalProperties":
		named, _ := schema["properties"].(map[string]any)
		for name := range members {
			if _, ok := named[name]; !ok && schema["patternProperties"] == nil {
				member(name)
			}
		}
	}
	if len(all) == 0 {
		all = append(all, f)
	}
	return all
}

// word makes findings of faults: one of those that are alike, unless c.Each. The schema
// is a name if it is the user's own.
func (c Checker) word(d *document, faults []fault, schema string) ([]Finding, bool) {
	slices.SortFunc(faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.rule, b.rule), cmp.Compare(a.member, b.member))
	})
	w := writer{payload: d.src}
	alike := make(map[string]int) // as the index of the first
	for _, f := range faults {
		pointer, pattern := f.at.pointer, f.at.pattern
		code := cmp.Or(keywordCodes[f.keyword], "schema.keyword")
		if f.named {
			token := "/" + jsonpointer.Escape(f.member)
			pointer, pattern = pointer+token, pattern+token
			if f.keyword != "required" {
				code = "schema.not-allowed"
			}
		}
		if i, ok := alike[f.rule+pattern]; ok && !c.Each {
			w.drafts[i].Count, w.drafts[i].Pattern = max(w.drafts[i].Count, 1)+1, pattern
			continue
		}
		if w.full {
			continue
		}
		finding := w.draft()
		finding.Finding = Finding{Code: code, Severity: SeverityError, Pointer: pointer, Offset: f.offset, Message: f.message(d), Hint: registry[code].hint(c.As)}
		if schema != "" {
			finding.Message = "the schema " + schema + ": " + finding.Message
			if finding.Hint = "send what the schema asks for, or change the schema"; c.As == Receiver {
				finding.Hint = "do without what the schema promises, or change the schema"
			}
		}
		if w.fit(finding); !w.full {
			alike[f.rule+pattern] = len(w.drafts) - 1
		}
	}
	return w.findings(), w.full
}

// message says what is wrong.
func (f fault) message(d *document) string {
	switch {
	case f.named && f.keyword == "required":
		return "the member " + quote(f.member) + " is missing"
	case f.named:
		return "the member " + quote(f.member) + " is not allowed here"
	}
	value, _ := json.Marshal(f.value) // which was JSON
	expected := expectation(&validate.Rule{Keyword: f.keyword, Value: string(value)})
	if expected == "" {
		return shorten(f.text)
	}
	return string(appendValue([]byte(expected+", found "), d.src, f.at.offset))
}
