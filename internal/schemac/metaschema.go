package schemac

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	v6 "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// resolve has jsonschema/v6 compile the documents. What it refuses is an [Error] where
// the place is known: of a value that the metaschema of 2020-12 refuses, of an
// identifier of two schemas, and of a reference to nowhere that is in the document.
func resolve(docs []Document) ([]*v6.Schema, error) {
	c := v6.NewCompiler()
	values := make([]any, len(docs))
	paths := map[string]string{} // by URI
	for i := range docs {
		var err error
		if values[i], err = v6.UnmarshalJSON(bytes.NewReader(docs[i].Data)); err == nil {
			err = c.AddResource(docs[i].URI, values[i])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", docs[i].Path, err)
		}
		paths[docs[i].URI] = docs[i].Path
		root, _ := values[i].(map[string]any)
		if dialect := root["$schema"]; dialect != nil && dialect != draft {
			return nil, &Error{docs[i].Path + "#", "$schema", errDraft.Error()}
		}
	}
	schemas := make([]*v6.Schema, len(docs))
	for i := range docs {
		var err error
		if schemas[i], err = c.Compile(docs[i].URI); err == nil {
			continue
		}
		var invalid *v6.SchemaValidationError // of this document, or of one that it refers to
		var why *v6.ValidationError
		var id *v6.DuplicateIDError
		var anchor *v6.DuplicateAnchorError
		switch {
		case errors.As(err, &invalid) && errors.As(invalid.Err, &why):
			uri, pointer, _ := strings.Cut(invalid.URL, "#")
			return nil, violation(paths[uri]+"#"+pointer, why)
		case errors.As(err, &id):
			return nil, &Error{paths[id.URL] + "#" + max(id.Ptr1, id.Ptr2), "$id", id.ID + " names two schemas"}
		case errors.As(err, &anchor):
			return nil, &Error{paths[anchor.URL] + "#" + max(anchor.Ptr1, anchor.Ptr2), "$anchor", anchor.URL + "#" + anchor.Anchor + " names two schemas"}
		}
		if at := nowhere(values[i], docs[i].Path+"#", missing(err)); at != nil {
			return nil, at
		}
		return nil, fmt.Errorf("%s: %w", docs[i].Path, err)
	}
	return schemas, nil
}

// missing returns the URL of what v6 has not found, or "".
func missing(err error) string {
	var document *v6.LoadURLError
	var pointer *v6.JSONPointerNotFoundError
	var anchor *v6.AnchorNotFoundError
	switch {
	case errors.As(err, &document):
		return document.URL
	case errors.As(err, &pointer):
		return pointer.URL
	case errors.As(err, &anchor):
		return anchor.Reference
	}
	return ""
}

// nowhere returns the error of the first reference in a value that means a URL, as far
// as its end tells.
func nowhere(v any, at, missing string) *Error {
	children := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		for _, keyword := range []string{"$schema", "$ref", "$dynamicRef"} {
			ref, _ := v[keyword].(string)
			if file, _, _ := strings.Cut(ref, "#"); ref != "" && (strings.HasSuffix(missing, ref) || file != "" && strings.HasSuffix(missing, file)) {
				return &Error{at, keyword, "there is no schema " + ref}
			}
		}
		children = v
	case []any:
		for i, item := range v {
			children[strconv.Itoa(i)] = item
		}
	}
	for _, token := range slices.Sorted(maps.Keys(children)) {
		if err := nowhere(children[token], at+"/"+jsonpointer.Escape(token), missing); err != nil {
			return err
		}
	}
	return nil
}

// violation returns the first of the keywords below root whose values the
// metaschema refuses, in order of their places, and why it does.
func violation(root string, why *v6.ValidationError) *Error {
	var first *Error
	var reasons []string
	var walk func(*v6.ValidationError, []string)
	walk = func(e *v6.ValidationError, way []string) {
		_, ofName := e.ErrorKind.(*kind.PropertyNames) // its causes are about the name, and say no place
		for _, cause := range e.Causes {
			if !ofName {
				way = cause.InstanceLocation
			}
			walk(cause, way)
		}
		if e.Causes != nil {
			return
		}
		at, keyword := keywordAt(root, way)
		if first == nil || at+" "+keyword < first.Schema+" "+first.Keyword {
			first, reasons = &Error{Schema: at, Keyword: keyword}, nil
		}
		if at == first.Schema && keyword == first.Keyword {
			reasons = append(reasons, e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
		}
	}
	walk(why, why.InstanceLocation)
	slices.Sort(reasons)
	first.Reason = strings.Join(slices.Compact(reasons), "; ")
	return first
}

// keywordAt splits the way from the schema at root to a value: into the schema
// that the value is in, and its keyword there. That is "schema" if the value is a
// schema itself.
func keywordAt(root string, way []string) (schema, keyword string) {
	for len(way) > 0 {
		n := 1
		if slices.Contains(inSchemas, way[0]) || slices.Contains(inMap, way[0]) {
			n = 2
		} else if !slices.Contains(inSchema, way[0]) {
			n = len(way) + 1
		}
		if len(way) < n {
			return root, way[0]
		}
		root, way = root+jsonpointer.Join(way[:n]), way[n:]
	}
	return root, "schema"
}

// Where schemas are in schemas.
var (
	inSchema  = []string{"additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema"}
	inSchemas = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	inMap     = []string{"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}
)
