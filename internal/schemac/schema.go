package schemac

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	v6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// types is a set of types of values.
type types uint

const (
	nullType types = 1 << iota
	booleanType
	objectType
	arrayType
	stringType
	integerType  // numbers without a fraction
	fractionType // other numbers

	numberType = integerType | fractionType
	anyType    = nullType | booleanType | objectType | arrayType | stringType | numberType
)

var typeNames = map[string]types{
	"null": nullType, "boolean": booleanType, "object": objectType, "array": arrayType,
	"string": stringType, "integer": integerType, "number": numberType,
}

// A schema is what a schema asserts, by its keywords. An absent maxLength or maxItems
// is -1.
type schema struct {
	doc     *Document
	pointer string // in doc
	title   string
	says    string // its description

	never bool // the schema false
	ref   *schema
	types types
	enums []values // a value is in each of them

	minimum, maximum, above, below json.Number // or ""

	minLength, maxLength int
	pattern              string
	dateTime             bool

	items              *schema
	minItems, maxItems int

	required   []string
	properties []member
	additional *schema

	allOf, anyOf, oneOf    []*schema
	not, when, then, other *schema

	annotations
	counted bool                      // its items are counted for a sibling that says how many there are
	heads   bool                      // its first item is compared with that of other arrays
	source  map[string]jsontext.Value // all of its keywords
}

// annotations are the keywords that assert nothing, and of which a judge makes notes.
type annotations struct {
	dialect     *dialect
	placeholder string   // what the text should not be
	plainText   bool     // no escape sequences of terminals are expected
	usualFormat string   // the format that the text mostly has
	notBefore   string   // the sibling whose time is not later
	counts      string   // the sibling whose rows the value counts
	sums        []string // the siblings whose sum the value is
	usual       []string // the members that are mostly there
	noNul       bool     // no text or name in it has U+0000
	safe        bool     // no integer in it is beyond 2^53-1
	publicURL   bool     // the URLs in it are of hosts that everybody reaches
	once        bool     // rows don't come again, with others behind them
	holds       *holds
}

// holds says that at least one of some members holds something, if a member is a text.
type holds struct {
	member, text string
	any          []string
}

// A dialect is the known deviation that a branch of an observed schema stands for.
type dialect struct {
	member, missing string // the member that it is about, or that lacks
	breaks          bool   // it breaks the documented schema
}

// values are those of enum or const.
type values struct {
	keyword string
	of      []any
}

// A member is a schema of the members of a name.
type member struct {
	name   string
	schema *schema
}

// An Error says which keyword of which schema can't be compiled.
type Error struct {
	Schema  string // document and pointer: "v1/run-event.json#/oneOf/0"
	Keyword string
	Reason  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.Schema, e.Keyword, e.Reason)
}

// A loader reads schemas, of which jsonschema/v6 has resolved the references.
type loader struct {
	formats bool
	strict  bool
	docs    map[string]*Document // by URI
	schemas map[*v6.Schema]*schema
	err     error // the first
}

// anySchema returns one that accepts every value.
func anySchema() *schema { return &schema{types: anyType, maxLength: -1, maxItems: -1} }

// load reads a schema, and those that it is made of.
func (l *loader) load(v *v6.Schema) *schema {
	if v == nil || l.schemas[v] != nil {
		return l.schemas[v]
	}
	s := anySchema()
	l.schemas[v] = s
	uri, fragment, _ := strings.Cut(v.Location, "#")
	s.doc, s.title, s.says = l.docs[uri], v.Title, v.Description
	s.pointer, _ = url.PathUnescape(fragment) // which v6 has escaped
	if s.doc == nil {                         // one that v6 brings along
		s.doc = &Document{Path: uri}
		l.fail(&Error{s.where(), "schema", "it is in none of the documents"})
		return s
	}
	if s.never = v.Bool != nil && !*v.Bool; v.Bool != nil {
		return s
	}
	text := s.doc.lookUp(s.pointer)
	if err := jsonv2.Unmarshal(text, &s.source); err != nil {
		l.fail(&Error{s.where(), "schema", err.Error()})
	}
	for _, keyword := range names(text) {
		if err := l.keyword(s, v, keyword, s.source[keyword]); err != nil {
			l.fail(&Error{s.where(), keyword, err.Error()})
		}
	}
	if s.ref != nil && (s.once || s.holds != nil) {
		l.fail(&Error{s.where(), "$ref", "what is said beside it of a value as a whole is not compiled"})
	}
	if s.once && s.items == nil {
		if s.additional == nil || possible(s.additional) != arrayType {
			l.fail(&Error{s.where(), "x-captured-once", "it is said of an array, or of an object of arrays"})
		} else {
			target(s.additional).heads = true
		}
	}
	return s
}

func (l *loader) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// lookUp returns the value at a pointer, which is that of a schema.
func (d *Document) lookUp(pointer string) jsontext.Value {
	text := jsontext.Value(d.Data)
	tokens, _ := jsonpointer.Split(pointer)
	for _, token := range tokens {
		var object map[string]jsontext.Value
		var array []jsontext.Value
		if jsonv2.Unmarshal(text, &object) == nil {
			text = object[token]
		} else if i, err := strconv.Atoi(token); err == nil && jsonv2.Unmarshal(text, &array) == nil {
			text = array[i]
		}
	}
	return text
}

// names returns the names of an object in their order.
func names(object jsontext.Value) (all []string) {
	d := jsontext.NewDecoder(strings.NewReader(string(object)))
	for d.ReadToken(); d.PeekKind() == '"'; d.SkipValue() {
		name, _ := d.ReadToken()
		all = append(all, name.String())
	}
	return all
}

func (s *schema) where() string { return s.doc.Path + "#" + s.pointer }

const draft = "https://json-schema.org/draft/2020-12/schema"

var errDraft = errors.New("the compiler knows " + draft + " only")

var errKeyword = errors.New("not a value that this keyword may have")

// mute are the keywords that assert nothing, and that no notes are made of.
var mute = map[string]bool{
	"$id": true, "$anchor": true, "$dynamicAnchor": true, "$defs": true, "$comment": true,
	"title": true, "description": true, "default": true, "examples": true, "deprecated": true,
	"readOnly": true, "writeOnly": true, "x-unit": true, "x-canonical": true, "x-rulings": true,
}

// keyword reads one keyword of s, which is v. One that asserts nothing is ignored, and
// so is one that the compiler doesn't know, as the standard asks for, unless it is
// strict. The values of the standard's keywords are of the types that the metaschema
// allows.
func (l *loader) keyword(s *schema, v *v6.Schema, keyword string, value jsontext.Value) (err error) {
	schemas := func(of []*v6.Schema) (all []*schema) {
		for _, v := range of {
			all = append(all, l.load(v))
		}
		return all
	}
	text := func() (text string) {
		if json.Unmarshal(value, &text) != nil || text == "" {
			err = errKeyword
		}
		return text
	}
	strs := func() (all []string) {
		if json.Unmarshal(value, &all) != nil || all == nil {
			err = errKeyword
		}
		return all
	}
	yes := func() bool {
		if string(value) != "true" {
			err = errKeyword
		}
		return err == nil
	}
	count := func(n *int) int {
		if f, e := strconv.ParseFloat(string(value), 64); e != nil || f > 1<<31 { // of which v6 takes a part
			err = errKeyword
		}
		return *n
	}
	switch keyword {
	case "$schema":
		if text() != draft {
			err = errDraft
		}
	case "$ref":
		s.ref = l.load(v.Ref)
	case "contains", "minContains", "maxContains", "uniqueItems", "multipleOf", "prefixItems",
		"patternProperties", "propertyNames", "dependentSchemas",
		"dependentRequired", "minProperties", "maxProperties":
		err = fmt.Errorf("no schema of the contract has it, so the compiler doesn't know how to judge by it")
	case "$dynamicRef", "$recursiveRef":
		err = fmt.Errorf("the compiler has to know the schema that is meant")
	case "unevaluatedProperties", "unevaluatedItems":
		err = fmt.Errorf("the compiler does not follow what other schemas have evaluated")
	case "dependencies":
		err = fmt.Errorf("not a keyword of 2020-12; write dependentRequired or dependentSchemas")
	case "type":
		s.types = 0
		for _, name := range v.Types.ToStrings() {
			s.types |= typeNames[name]
		}
	case "enum":
		s.enums = append(s.enums, values{keyword, v.Enum.Values})
		err = simpleValues(v.Enum.Values)
	case "const":
		s.enums = append(s.enums, values{keyword, []any{*v.Const}})
		err = simpleValues([]any{*v.Const})
	case "minimum":
		s.minimum = json.Number(value)
	case "maximum":
		s.maximum = json.Number(value)
	case "exclusiveMinimum":
		s.above = json.Number(value)
	case "exclusiveMaximum":
		s.below = json.Number(value)
	case "minLength":
		s.minLength = count(v.MinLength)
	case "maxLength":
		s.maxLength = count(v.MaxLength)
	case "pattern":
		s.pattern = v.Pattern.String()
	case "format":
		switch {
		case !l.formats:
		case string(value) == `"date-time"`:
			s.dateTime = true
		case string(value) == `"int64"` && v.Types != nil && slices.Equal(v.Types.ToStrings(), []string{"integer"}):
			// OpenAPI's, for generators, and no assertion: a larger integer is one, too.
		default:
			err = fmt.Errorf("the compiler can't judge this format")
		}
	case "items":
		s.items = l.load(v.Items2020)
	case "minItems":
		s.minItems = count(v.MinItems)
	case "maxItems":
		s.maxItems = count(v.MaxItems)
	case "required":
		s.required = v.Required
	case "properties":
		for _, name := range names(value) {
			s.properties = append(s.properties, member{name, l.load(v.Properties[name])})
		}
	case "additionalProperties":
		s.additional = anySchema()
		if of, ok := v.AdditionalProperties.(*v6.Schema); ok {
			s.additional = l.load(of)
		}
		s.additional.never = s.additional.never || v.AdditionalProperties == false
	case "allOf":
		s.allOf = schemas(v.AllOf)
	case "anyOf":
		s.anyOf = schemas(v.AnyOf)
	case "oneOf":
		s.oneOf = schemas(v.OneOf)
	case "x-placeholder":
		s.placeholder = text()
	case "x-usual-format":
		if s.usualFormat = text(); s.usualFormat != "uuid" {
			err = fmt.Errorf("the compiler knows the format uuid only")
		}
	case "x-not-before":
		s.notBefore = text()
	case "x-counts":
		s.counts = text()
	case "x-plain-text":
		s.plainText = yes()
	case "x-no-nul", "x-safe-integers":
		if s.pointer != "" {
			return fmt.Errorf("it is said of a whole document")
		}
		if keyword == "x-no-nul" {
			s.noNul = yes()
		} else {
			s.safe = yes()
		}
	case "x-public-url":
		s.publicURL = yes()
	case "x-captured-once":
		s.once = yes()
	case "x-holds":
		s.holds, err = parseHolds(value)
	case "x-sums":
		s.sums = strs()
	case "x-usual":
		s.usual = strs()
	case "x-dialect":
		s.dialect, err = parseDialect(value)
	case "not":
		s.not = l.load(v.Not)
	case "if":
		s.when = l.load(v.If)
	case "then":
		s.then = l.load(v.Then)
	case "else":
		s.other = l.load(v.Else)
	default:
		if l.strict && !mute[keyword] {
			err = fmt.Errorf("the compiler doesn't know this keyword")
		}
	}
	return err
}

func simpleValues(list []any) error {
	for _, v := range list {
		if typeOf(v)&(arrayType|objectType) != 0 {
			return fmt.Errorf("the compiler compares no arrays and objects")
		}
	}
	return nil
}

// parseHolds reads the value of x-holds.
func parseHolds(value jsontext.Value) (*holds, error) {
	var d struct {
		When map[string]string `json:"when"`
		Any  []string          `json:"any"`
	}
	if err := jsonv2.Unmarshal(value, &d, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	for member, text := range d.When {
		if len(d.When) == 1 && text != "" && d.Any != nil && !slices.Contains(d.Any, "") {
			return &holds{member, text, d.Any}, nil
		}
	}
	return nil, errKeyword
}

// parseDialect reads the value of x-dialect.
func parseDialect(value jsontext.Value) (*dialect, error) {
	d := struct {
		Code      string `json:"code"`
		Severity  string `json:"severity"`
		Member    string `json:"member"`
		InsteadOf string `json:"instead-of"`
		Missing   string `json:"missing"`
		Receiver  string `json:"receiver"` // a hint
	}{Severity: "error"}
	if err := jsonv2.Unmarshal(value, &d, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if d.Code == "" || d.Member != "" && d.Missing != "" || !slices.Contains([]string{"error", "warning", "info"}, d.Severity) {
		return nil, errKeyword
	}
	return &dialect{member: d.Member, missing: d.Missing, breaks: d.Severity == "error"}, nil
}
