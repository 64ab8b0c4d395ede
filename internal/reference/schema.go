package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/runhooks/runhooks/internal/ordered"
	"github.com/runhooks/runhooks/jsonschema"
)

// A schema is as much of a JSON Schema as the contract uses.
type schema struct {
	Ref         string            `json:"$ref"`
	Defs        properties        `json:"$defs"`
	Description string            `json:"description"`
	Type        string            `json:"type"`
	Format      string            `json:"format"`
	Const       *string           `json:"const"`
	Enum        []string          `json:"enum"`
	MinLength   int               `json:"minLength"`
	Minimum     *int              `json:"minimum"`
	Items       *schema           `json:"items"`
	Additional  *schema           `json:"additionalProperties"`
	Required    []string          `json:"required"`
	Properties  properties        `json:"properties"`
	AllOf       []*schema         `json:"allOf"`
	AnyOf       []*schema         `json:"anyOf"`
	If          *schema           `json:"if"`
	Then        *schema           `json:"then"`
	Else        *schema           `json:"else"`
	Canonical   string            `json:"x-canonical"`
	Unit        string            `json:"x-unit"`
	Rulings     []namedRuling     `json:"x-rulings"`
	Dialect     *dialect          `json:"x-dialect"`
	Examples    []json.RawMessage `json:"examples"`
}

// A dialect is what an observed schema says of a branch that leaves the contract.
type dialect struct {
	Code      string `json:"code"`
	Severity  string `json:"severity"`
	Member    string `json:"member"`
	InsteadOf string `json:"instead-of"`
	Missing   string `json:"missing"`
}

// properties are schemas by names, in the order in which they are written.
type properties = ordered.Object[*schema]

type property = ordered.Member[*schema]

// A namedRuling is an element of x-rulings: a ruling that is stated there, or the ID
// of one that is stated elsewhere.
type namedRuling struct {
	id     string
	stated *Ruling
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *namedRuling) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &r.id)
	}
	members := json.NewDecoder(bytes.NewReader(text))
	members.DisallowUnknownFields()
	r.stated = &Ruling{}
	if err := members.Decode(r.stated); err != nil {
		return fmt.Errorf("x-rulings: %w", err)
	}
	r.id = r.stated.ID
	for _, text := range []string{r.id, r.stated.Title, r.stated.Page, r.stated.Ruling, r.stated.Reason} {
		if text == "" {
			return fmt.Errorf("x-rulings: %q: a ruling has an id, a title, a page, a ruling and a reason", r.id)
		}
	}
	return nil
}

// readSchema reads a file of the contract.
func readSchema(file string) (*schema, error) {
	text, err := fs.ReadFile(jsonschema.FS, file)
	if err != nil {
		return nil, err
	}
	s := &schema{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(s.Examples) == 0 {
		return nil, errors.New(file + " has no example")
	}
	return s, nil
}

// inner returns the schemas that s is made of, in the order in which a reader
// expects them: members first, and then the objects that they refer to.
func (s *schema) inner() (all []*schema) {
	for _, p := range slices.Concat(s.Properties, s.Defs) {
		all = append(all, p.Value)
	}
	all = append(all, s.AllOf...)
	all = append(all, s.AnyOf...)
	for _, one := range []*schema{s.Items, s.Additional, s.If, s.Then, s.Else} {
		if one != nil {
			all = append(all, one)
		}
	}
	return all
}
