package service_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/runhooks/runhooks/openapi"
)

// spec is the document, read by another library than the service's own reading.
var spec = sync.OnceValue(func() *openapi3.T {
	text, err := openapi.Dist.ReadFile("dist/service.json")
	if err != nil {
		panic(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		panic(err)
	}
	return doc
})

// route finds the operation of a request: the path with the fewest parameters that
// fits.
func route(method, path string) *routers.Route {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	var found *routers.Route
	best := -1
	for template, item := range spec().Paths.Map() {
		op := item.GetOperation(method)
		names := strings.Split(template, "/")
		if op == nil || len(names) != len(parts) {
			continue
		}
		same := 0
		for i, name := range names {
			if name == parts[i] {
				same++
			} else if !strings.HasPrefix(name, "{") {
				same = -len(names) - 1
			}
		}
		if same > best {
			best, found = same, &routers.Route{Spec: spec(), Path: template, PathItem: item, Method: method, Operation: op}
		}
	}
	return found
}

// conform fails unless an answer is one that the document has for the request.
func conform(t testing.TB, req *http.Request, r reply) {
	t.Helper()
	found := route(req.Method, req.URL.Path)
	if found == nil {
		return
	}
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, Route: found},
		Status:                 r.status, Header: r.header, Body: io.NopCloser(bytes.NewBufferString(r.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
	if err != nil {
		t.Errorf("%s %s: the answer %d is not what the document has: %v\n%s", req.Method, req.URL.Path, r.status, err, r.body)
	}
	if r.status >= 400 && !strings.HasPrefix(r.header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("%s %s: an error is %s, not problem details", req.Method, req.URL.Path, r.header.Get("Content-Type"))
	}
}
