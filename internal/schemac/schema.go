package schemac

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// An object is a JSON object in its order.
type object struct {
	names  []string
	values map[string]any
}

func (o *object) get(name string) any {
	if o == nil {
		return nil
	}
	return o.values[name]
}

// parseJSON reads one document into *object, []any, string, json.Number, bool
// and nil.
func parseJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more behind the document")
	}
	return v, nil
}

func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := &object{values: map[string]any{}}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			if _, ok := o.values[name.(string)]; ok {
				return nil, fmt.Errorf("member %q stands there twice", name)
			}
			o.names = append(o.names, name.(string))
			o.values[name.(string)] = v
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		array := []any{}
		for d.More() {
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			array = append(array, v)
		}
		_, err := d.Token()
		return array, err
	}
	return token, nil
}

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

// A schema is what a schema asserts, by its keywords. Numbers that are absent
// are -1 or nil.
type schema struct {
	doc     *Document
	pointer string // in doc
	title   string
	says    string // its description

	never bool // the schema false
	ref   *schema
	types types
	enums [][]any // enum, const: a value is in each of them

	minimum, maximum, above, below, multipleOf json.Number // or ""

	minLength, maxLength int
	pattern              string
	dateTime             bool

	prefix                   []*schema
	items                    *schema
	minItems, maxItems       int
	contains                 *schema
	unique                   bool
	minContains, maxContains int

	required                     []string
	properties                   []member
	patterns                     []member
	additional                   *schema
	names                        *schema
	minProperties, maxProperties int
	dependentRequired            []dependency
	dependentSchemas             []member

	allOf, anyOf, oneOf    []*schema
	not, when, then, other *schema

	annotations
	counted bool // its rows are counted for a sibling that says how many there are
}

// annotations are the keywords that assert nothing, and of which a remark is
// made where a value isn't as they say.
type annotations struct {
	placeholder string   // what the text should not be
	plainText   bool     // no escape sequences of terminals are expected
	usualFormat string   // the format that the text mostly has
	notBefore   string   // the sibling whose time is not later
	counts      string   // the sibling whose rows the value counts
	sums        []string // the siblings whose sum the value is
	usual       []string // the members that are mostly there
}

// A member is a schema of the members of a name or of a pattern.
type member struct {
	name   string
	schema *schema
}

// A dependency is what has to be there where a member is.
type dependency struct {
	name     string
	required []string
}

// loader reads schemas from documents.
type loader struct {
	formats   bool
	strict    bool
	resources map[string]place // by URI, with the anchor as its fragment
	schemas   map[*object]*schema
}

// annotation gives the keyword by which s says something of its value that
// remarks are made of, or "".
func (s *schema) annotation() string {
	switch {
	case s.placeholder != "":
		return "x-placeholder"
	case s.plainText:
		return "x-plain-text"
	case s.usualFormat != "":
		return "x-usual-format"
	case s.notBefore != "":
		return "x-not-before"
	case s.counts != "":
		return "x-counts"
	case s.sums != nil:
		return "x-sums"
	}
	return ""
}

// A place is a value in a document, and the URI by which references in it are
// resolved.
type place struct {
	doc     *Document
	pointer string
	base    *url.URL
	value   any
}

// Where schemas are in schemas.
var (
	inSchema  = []string{"additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema"}
	inSchemas = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	inMap     = []string{"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}
)

// index finds what references may name, in p and in the schemas in it.
func (l *loader) index(p place) error {
	o, ok := p.value.(*object)
	if !ok {
		return nil
	}
	if id, ok := o.get("$id").(string); ok {
		u, err := p.base.Parse(id)
		if err != nil {
			return err
		}
		p.base = u
		if err := l.register(u, p); err != nil {
			return err
		}
	}
	for _, keyword := range []string{"$anchor", "$dynamicAnchor"} {
		if anchor, ok := o.get(keyword).(string); ok {
			u := *p.base
			u.Fragment = anchor
			if err := l.register(&u, p); err != nil {
				return err
			}
		}
	}
	for _, keyword := range inSchema {
		if err := l.index(p.child(o.get(keyword), keyword)); err != nil {
			return err
		}
	}
	for _, keyword := range inSchemas {
		array, _ := o.get(keyword).([]any)
		for i, v := range array {
			if err := l.index(p.child(v, keyword, strconv.Itoa(i))); err != nil {
				return err
			}
		}
	}
	for _, keyword := range inMap {
		m, _ := o.get(keyword).(*object)
		if m == nil {
			continue
		}
		for _, name := range m.names {
			if err := l.index(p.child(m.values[name], keyword, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// register notes that p is what u names.
func (l *loader) register(u *url.URL, p place) error {
	uri := strings.TrimSuffix(u.String(), "#")
	if other, ok := l.resources[uri]; ok && other.value != p.value {
		return fmt.Errorf("%s names two schemas", uri)
	}
	l.resources[uri] = p
	return nil
}

func (p place) child(v any, tokens ...string) place {
	for _, t := range tokens {
		p.pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(t)
	}
	p.value = v
	return p
}

// resolve finds what ref names at p.
func (l *loader) resolve(p place, ref string) (place, error) {
	u, err := p.base.Parse(ref)
	if err != nil {
		return p, err
	}
	if target, ok := l.resources[strings.TrimSuffix(u.String(), "#")]; ok {
		return target, nil
	}
	fragment := u.Fragment
	u.Fragment, u.RawFragment = "", ""
	target, ok := l.resources[u.String()]
	if !ok || !strings.HasPrefix(fragment, "/") {
		return p, fmt.Errorf("there is no schema %s", ref)
	}
	for _, token := range strings.Split(fragment[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		var next any
		switch v := target.value.(type) {
		case *object:
			next, ok = v.values[token]
		case []any:
			i, err := strconv.Atoi(token)
			if ok = err == nil && 0 <= i && i < len(v); ok {
				next = v[i]
			}
		default:
			ok = false
		}
		if !ok {
			return p, fmt.Errorf("there is no schema %s", ref)
		}
		target = target.child(next, token)
		if o, ok := next.(*object); ok {
			if id, ok := o.get("$id").(string); ok {
				if target.base, err = target.base.Parse(id); err != nil {
					return p, err
				}
			}
		}
	}
	return target, nil
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

// load reads the schema at p, and those that it is made of.
func (l *loader) load(p place) (*schema, error) {
	s := &schema{
		doc: p.doc, pointer: p.pointer,
		minLength: -1, maxLength: -1, minItems: -1, maxItems: -1,
		minProperties: -1, maxProperties: -1, minContains: -1, maxContains: -1,
		types: anyType,
	}
	var o *object
	switch v := p.value.(type) {
	case bool:
		s.never = !v
		return s, nil
	case *object:
		o = v
	default:
		return nil, &Error{s.where(), "schema", "neither an object nor a boolean"}
	}
	if known, ok := l.schemas[o]; ok {
		return known, nil
	}
	l.schemas[o] = s
	s.title, _ = o.get("title").(string)
	s.says, _ = o.get("description").(string)
	if id, ok := o.get("$id").(string); ok {
		var err error
		if p.base, err = p.base.Parse(id); err != nil {
			return nil, &Error{s.where(), "$id", err.Error()}
		}
	}
	for _, keyword := range o.names {
		if err := l.keyword(s, p, keyword, o.values[keyword]); err != nil {
			if _, ok := err.(*Error); !ok {
				err = &Error{s.where(), keyword, err.Error()}
			}
			return nil, err
		}
	}
	if s.contains == nil {
		s.minContains, s.maxContains = -1, -1
	} else if s.minContains < 0 {
		s.minContains = 1
	}
	if s.when == nil {
		s.then, s.other = nil, nil
	}
	return s, nil
}

// remarkText reads an annotation whose value is a text, in a document of which
// remarks are made.
func (s *schema) remarkText(v any) (string, error) {
	if !s.doc.Remarks {
		return "", nil
	}
	text, ok := v.(string)
	if !ok {
		return "", errKeyword
	}
	return text, nil
}

func (s *schema) where() string { return s.doc.Path + "#" + s.pointer }

const draft = "https://json-schema.org/draft/2020-12/schema"

var errKeyword = fmt.Errorf("not a value that this keyword may have")

// silent are the keywords that assert nothing and lead to no remarks.
var silent = map[string]bool{
	"$id": true, "$anchor": true, "$dynamicAnchor": true, "$defs": true, "$comment": true,
	"title": true, "description": true, "default": true, "examples": true, "deprecated": true,
	"readOnly": true, "writeOnly": true, "discriminator": true, "x-unit": true, "x-canonical": true,
}

// keyword reads one keyword of s. One that asserts nothing is ignored, and so is one
// that the compiler doesn't know, as the standard asks for, unless it is strict.
func (l *loader) keyword(s *schema, p place, keyword string, v any) (err error) {
	child := func(v any, tokens ...string) *schema {
		if err != nil {
			return nil
		}
		var c *schema
		c, err = l.load(p.child(v, tokens...))
		return c
	}
	schemas := func() (all []*schema) {
		array, ok := v.([]any)
		if !ok {
			err = errKeyword
		}
		for i, v := range array {
			all = append(all, child(v, keyword, strconv.Itoa(i)))
		}
		return all
	}
	members := func() (all []member) {
		m, ok := v.(*object)
		if !ok {
			err = errKeyword
			return nil
		}
		for _, name := range m.names {
			all = append(all, member{name, child(m.values[name], keyword, name)})
		}
		return all
	}
	strs := func(v any) (all []string) {
		array, ok := v.([]any)
		if !ok {
			err = errKeyword
		}
		for _, v := range array {
			text, ok := v.(string)
			if !ok {
				err = errKeyword
			}
			all = append(all, text)
		}
		return all
	}
	count := func() int {
		n, ok := v.(json.Number)
		if !ok {
			err = errKeyword
			return -1
		}
		r, ok := new(big.Rat).SetString(string(n))
		if !ok || !r.IsInt() || !r.Num().IsInt64() || r.Sign() < 0 || r.Num().Int64() > 1<<31 {
			err = errKeyword
			return -1
		}
		return int(r.Num().Int64())
	}
	number := func() json.Number {
		n, ok := v.(json.Number)
		if !ok {
			err = errKeyword
		}
		return n
	}
	switch keyword {
	case "$schema":
		if v != draft {
			err = fmt.Errorf("the compiler knows %s only", draft)
		}
	case "$ref":
		ref, _ := v.(string)
		var target place
		if target, err = l.resolve(p, ref); err == nil {
			s.ref, err = l.load(target)
		}
	case "$dynamicRef", "$recursiveRef":
		err = fmt.Errorf("the compiler has to know the schema that is meant")
	case "unevaluatedProperties", "unevaluatedItems":
		err = fmt.Errorf("the compiler does not follow what other schemas have evaluated")
	case "uniqueItems":
		s.unique = v == true
	case "dependencies":
		err = fmt.Errorf("not a keyword of 2020-12; write dependentRequired or dependentSchemas")
	case "type":
		names, ok := v.([]any)
		if !ok {
			names = []any{v}
		}
		s.types = 0
		for _, name := range names {
			text, _ := name.(string)
			if typeNames[text] == 0 {
				return errKeyword
			}
			s.types |= typeNames[text]
		}
	case "enum":
		values, ok := v.([]any)
		if !ok {
			return errKeyword
		}
		s.enums = append(s.enums, values)
	case "const":
		s.enums = append(s.enums, []any{v})
	case "minimum":
		s.minimum = number()
	case "maximum":
		s.maximum = number()
	case "exclusiveMinimum":
		s.above = number()
	case "exclusiveMaximum":
		s.below = number()
	case "multipleOf":
		s.multipleOf = number()
	case "minLength":
		s.minLength = count()
	case "maxLength":
		s.maxLength = count()
	case "pattern":
		text, ok := v.(string)
		if !ok {
			return errKeyword
		}
		s.pattern = text
		_, err = regexp.Compile(text)
	case "format":
		if l.formats && v == "date-time" {
			s.dateTime = true
		} else if name, _ := v.(string); l.formats && otherFormats[name] {
			err = fmt.Errorf("format %s is asserted by jsonschema/v5, and unknown to the compiler", name)
		} else if l.strict && v != "date-time" {
			err = fmt.Errorf("the compiler doesn't know this format")
		}
	case "prefixItems":
		s.prefix = schemas()
	case "items":
		s.items = child(v, keyword)
	case "minItems":
		s.minItems = count()
	case "maxItems":
		s.maxItems = count()
	case "contains":
		s.contains = child(v, keyword)
	case "minContains":
		s.minContains = count()
	case "maxContains":
		s.maxContains = count()
	case "required":
		s.required = strs(v)
	case "properties":
		s.properties = members()
	case "patternProperties":
		s.patterns = members()
		for _, m := range s.patterns {
			if _, e := regexp.Compile(m.name); e != nil {
				err = e
			}
		}
	case "additionalProperties":
		s.additional = child(v, keyword)
	case "propertyNames":
		s.names = child(v, keyword)
	case "minProperties":
		s.minProperties = count()
	case "maxProperties":
		s.maxProperties = count()
	case "dependentRequired":
		m, ok := v.(*object)
		if !ok {
			return errKeyword
		}
		for _, name := range m.names {
			s.dependentRequired = append(s.dependentRequired, dependency{name, strs(m.values[name])})
		}
	case "dependentSchemas":
		s.dependentSchemas = members()
	case "allOf":
		s.allOf = schemas()
	case "anyOf":
		s.anyOf = schemas()
	case "oneOf":
		s.oneOf = schemas()
	case "x-placeholder":
		s.placeholder, err = s.remarkText(v)
	case "x-usual-format":
		if s.usualFormat, err = s.remarkText(v); s.usualFormat != "" && s.usualFormat != "uuid" {
			err = fmt.Errorf("the compiler makes remarks on the format uuid only")
		}
	case "x-not-before":
		s.notBefore, err = s.remarkText(v)
	case "x-counts":
		s.counts, err = s.remarkText(v)
	case "x-plain-text":
		s.plainText = s.doc.Remarks && v == true
	case "x-sums":
		if s.doc.Remarks {
			s.sums = strs(v)
		}
	case "x-usual":
		if s.doc.Remarks {
			s.usual = strs(v)
		}
	case "x-dialect":
		if s.doc.Remarks {
			err = fmt.Errorf("the compiler can't make remarks on branches")
		}
	case "not":
		s.not = child(v, keyword)
	case "if":
		s.when = child(v, keyword)
	case "then":
		s.then = child(v, keyword)
	case "else":
		s.other = child(v, keyword)
	default:
		if l.strict && !silent[keyword] {
			err = fmt.Errorf("the compiler doesn't know this keyword")
		}
	}
	return err
}

// otherFormats are the formats that jsonschema/v5 knows, but for date-time.
var otherFormats = map[string]bool{
	"date": true, "time": true, "duration": true, "period": true, "hostname": true, "email": true,
	"ip-address": true, "ipv4": true, "ipv6": true, "uri": true, "iri": true, "uri-reference": true,
	"uriref": true, "iri-reference": true, "uri-template": true, "regex": true, "json-pointer": true,
	"relative-json-pointer": true, "uuid": true,
}
