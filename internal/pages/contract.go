package pages

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/openapi"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// showContract answers with the reference of the two events. All of it is read
// from the schemas, from the registry of codes and from the downloads themselves.
func (p *Pages) showContract(w http.ResponseWriter, r *http.Request, _ *session) error {
	reference, err := contract()
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "contract", view{Title: "Contract", Here: "contract", Data: reference})
}

// contractFile answers with one of the files for other tools, to be saved.
func (p *Pages) contractFile(w http.ResponseWriter, r *http.Request, _ *session) error {
	reference, err := contract()
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	file, ok := reference.files[name]
	if !ok {
		return &problem{Status: http.StatusNotFound, Detail: "There is no such file: the page of the contract lists them all."}
	}
	w.Header().Set("Content-Type", mediaTypes[path.Ext(name)])
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", path.Base(name)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
	return nil
}

// mediaTypes are those of the downloads.
var mediaTypes = map[string]string{
	".json": "application/json",
	".yaml": "application/yaml", // RFC 9512
	".md":   "text/markdown; charset=utf-8",
}

// A contractReference is what the page of the contract shows.
type contractReference struct {
	Events    []eventReference
	Families  []familyReference
	Downloads []download

	files map[string][]byte // of openapi.Dist, by their paths below dist
}

// An eventReference describes one of the two events.
type eventReference struct {
	Name        string // as in event_type
	Description string
	Objects     []objectReference
	Example     string // a whole payload
}

// An objectReference describes the payload itself, or an object in it.
type objectReference struct {
	ID          string // of its heading, if it has one
	Path        string // such as data.error, or "" for the payload
	Description string
	Members     []memberReference
	Holds       string // instead of members, what the values of all members are
}

// A memberReference is a row of an object's table.
type memberReference struct {
	Name        string
	Type        string
	Object      string // the ID of the object that it is or consists of, or ""
	Required    string // "Required", "Optional", or on what it depends
	Description string
	Example     string // compact JSON, or "" for an object
	Elsewhere   string // its name in run_completed, where that differs
}

// A familyReference describes the codes of one family.
type familyReference struct {
	conformance.Family
	Rules []conformance.Rule
}

// A download is a document that there is as YAML and as JSON.
type download struct {
	Name  string // its path without the extension
	About string
}

// contract reads the contract, once. It is embedded, and a test reads it, too: the
// error is for whoever edits it.
var contract = sync.OnceValues(func() (*contractReference, error) {
	c := &contractReference{files: map[string][]byte{}}
	for _, file := range []string{"v1/run-completed.json", "v1/run-failed.json"} {
		event, err := readEvent(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		c.Events = append(c.Events, event)
	}
	for _, family := range conformance.Families() {
		f := familyReference{Family: family}
		for _, rule := range conformance.Rules() {
			if rule.Code.Family() == family.ID {
				f.Rules = append(f.Rules, rule)
			}
		}
		c.Families = append(c.Families, f)
	}
	err := c.readFiles()
	return c, err
})

// A schema is as much of a JSON Schema as the contract uses.
type schema struct {
	Ref         string             `json:"$ref"`
	Defs        map[string]*schema `json:"$defs"`
	Description string             `json:"description"`
	Type        string             `json:"type"`
	Format      string             `json:"format"`
	Const       *string            `json:"const"`
	Enum        []string           `json:"enum"`
	MinLength   int                `json:"minLength"`
	Minimum     *int               `json:"minimum"`
	Items       *schema            `json:"items"`
	Additional  *schema            `json:"additionalProperties"`
	Required    []string           `json:"required"`
	Properties  properties         `json:"properties"`
	If          *schema            `json:"if"`
	Then        *schema            `json:"then"`
	Else        *schema            `json:"else"`
	Canonical   string             `json:"x-canonical"`
	Examples    []json.RawMessage  `json:"examples"`
}

// properties are the members of an object in the order in which the schema has them.
type properties []property

type property struct {
	name   string
	schema *schema
}

// UnmarshalJSON implements [json.Unmarshaler].
func (p *properties) UnmarshalJSON(text []byte) error {
	members := json.NewDecoder(bytes.NewReader(text))
	if _, err := members.Token(); err != nil { // the brace
		return err
	}
	for members.More() {
		name, err := members.Token()
		if err != nil {
			return err
		}
		member := property{schema: &schema{}}
		member.name, _ = name.(string)
		if err := members.Decode(member.schema); err != nil {
			return err
		}
		*p = append(*p, member)
	}
	return nil
}

// readEvent reads the schema of an event.
func readEvent(file string) (eventReference, error) {
	text, err := fs.ReadFile(jsonschema.FS, file)
	if err != nil {
		return eventReference{}, err
	}
	var root schema
	if err := json.Unmarshal(text, &root); err != nil {
		return eventReference{}, err
	}
	if len(root.Examples) == 0 {
		return eventReference{}, errors.New("it has no example")
	}
	e := eventReference{Description: root.Description}
	for _, p := range root.Properties {
		if p.name == "event_type" && p.schema.Const != nil {
			e.Name = *p.schema.Const
		}
	}
	var example bytes.Buffer
	if err := json.Indent(&example, root.Examples[0], "", "  "); err != nil {
		return eventReference{}, err
	}
	e.Example = example.String()
	reader := eventReader{event: &e, defs: root.Defs, places: map[string]string{}}
	err = reader.object("", &root)
	return e, err
}

// An eventReader reads the objects of an event, each once.
type eventReader struct {
	event  *eventReference
	defs   map[string]*schema
	places map[string]string // the IDs of objects, by their names in defs
}

// object describes the object at a path, and then the objects in it.
func (r *eventReader) object(at string, s *schema) error {
	o := objectReference{ID: r.event.Name + "." + strings.TrimSuffix(at, "[]"), Path: at, Description: s.Description}
	type nested struct {
		at     string
		schema *schema
	}
	var inner []nested
	for _, p := range s.Properties {
		member := p.schema
		name, placed := r.within(member)
		if name != "" && !placed {
			below := strings.TrimPrefix(at+"."+p.name, ".")
			r.places[name] = r.event.Name + "." + below
			if member.Ref == "" {
				below += "[]" // an element of it
			}
			inner = append(inner, nested{below, r.defs[name]})
		}
		text, err := r.typeOf(member)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		description := member.Description
		if member.Ref != "" {
			description = r.defs[name].Description
		}
		row := memberReference{
			Name: p.name, Type: text, Object: r.places[name], Description: description,
			Required: required(s, p.name), Elsewhere: member.Canonical,
		}
		if len(member.Examples) > 0 {
			var example bytes.Buffer
			if err := json.Compact(&example, member.Examples[0]); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			row.Example = example.String()
		}
		o.Members = append(o.Members, row)
	}
	if len(s.Properties) == 0 && s.Additional != nil {
		holds, err := r.typeOf(s.Additional)
		if err != nil {
			return err
		}
		o.Holds = holds
	}
	r.event.Objects = append(r.event.Objects, o)
	for _, n := range inner {
		if err := r.object(n.at, n.schema); err != nil {
			return err
		}
	}
	return nil
}

// within returns the name in defs of the object that a value of s is or consists
// of, or "", and whether that is described already.
func (r *eventReader) within(s *schema) (name string, placed bool) {
	for s.Ref == "" {
		s = cmp.Or(s.Items, s.Additional)
		if s == nil {
			return "", false
		}
	}
	name = path.Base(s.Ref)
	_, placed = r.places[name]
	return name, placed
}

// typeOf describes the type of what conforms to s.
func (r *eventReader) typeOf(s *schema) (string, error) {
	if s.Ref != "" {
		def, ok := r.defs[path.Base(s.Ref)]
		if !ok {
			return "", fmt.Errorf("%s is not in this schema", s.Ref)
		}
		return def.Type, nil
	}
	switch {
	case s.Const != nil:
		return fmt.Sprintf("%s, always %q", s.Type, *s.Const), nil
	case len(s.Enum) > 0:
		return s.Type + ": " + oneOf(s.Enum), nil
	case s.Format != "":
		return s.Type + ", " + s.Format, nil
	case s.MinLength > 0:
		return s.Type + ", not empty", nil
	case s.Minimum != nil:
		return fmt.Sprintf("%s, %d or more", s.Type, *s.Minimum), nil
	}
	for _, of := range []*schema{s.Items, s.Additional} {
		if of != nil {
			text, err := r.typeOf(of)
			return fmt.Sprintf("%s of %s", s.Type, plural(text)), err
		}
	}
	return s.Type, nil
}

// plural returns the plural of a type: arrays of objects, of "array of objects".
func plural(text string) string {
	kind, rest, _ := strings.Cut(text, " ")
	return strings.TrimSuffix(kind+"s "+rest, " ")
}

// oneOf lists values: "a", "b" or "c".
func oneOf(values []string) string {
	var text strings.Builder
	for i, value := range values {
		switch {
		case i == 0:
		case i == len(values)-1:
			text.WriteString(" or ")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%q", value)
	}
	return text.String()
}

// required says whether objects of s have the member, or on what that depends.
func required(s *schema, name string) string {
	switch {
	case slices.Contains(s.Required, name):
		return "Required"
	case s.If == nil || len(s.If.Properties) != 1 || s.If.Properties[0].schema.Const == nil:
		return "Optional"
	}
	condition := fmt.Sprintf("%s is %q", s.If.Properties[0].name, *s.If.Properties[0].schema.Const)
	switch {
	case s.Then != nil && slices.Contains(s.Then.Required, name):
		return "Only if " + condition
	case s.Else != nil && slices.Contains(s.Else.Required, name):
		return "Unless " + condition
	}
	return "Optional"
}

// readFiles reads the files for other tools, and describes them: OpenAPI before the
// schemas, which are in folders.
func (c *contractReference) readFiles() error {
	err := fs.WalkDir(openapi.Dist, "dist", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(openapi.Dist, file)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, "dist/")
		if mediaTypes[path.Ext(name)] == "" {
			return fmt.Errorf("%s: the type of such files is not known", file)
		}
		c.files[name] = text
		if path.Ext(name) != ".json" {
			return nil // each document exists as JSON
		}
		about, err := aboutFile(text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		c.Downloads = append(c.Downloads, download{Name: strings.TrimSuffix(name, ".json"), About: about})
		return nil
	})
	slices.SortStableFunc(c.Downloads, func(a, b download) int {
		return cmp.Compare(strings.Count(a.Name, "/"), strings.Count(b.Name, "/"))
	})
	return err
}

// aboutFile returns in a few words what a document says: the first sentence of a
// schema's description, or of OpenAPI its title and what is in it.
func aboutFile(text []byte) (string, error) {
	var doc struct {
		OpenAPI         string
		Info            struct{ Title string }
		Paths, Webhooks map[string]any
		Description     string
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return "", err
	}
	if doc.OpenAPI != "" {
		return fmt.Sprintf("%s: OpenAPI %s with %s and %s", doc.Info.Title, doc.OpenAPI,
			counted(len(doc.Paths), "path"), counted(len(doc.Webhooks), "webhook")), nil
	}
	about, _, _ := strings.Cut(doc.Description, ". ")
	return strings.TrimSuffix(about, "."), nil
}

// counted returns a number of things, such as "no paths", "1 path" or "2 paths".
func counted(n int, thing string) string {
	switch n {
	case 0:
		return "no " + thing + "s"
	case 1:
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
