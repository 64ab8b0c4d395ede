package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	api "github.com/runhooks/runhooks/gen/service"
)

// maxForm is the most bytes of a form.
const maxForm = 512 << 10

// A problem is an answer of the API that is not what was asked for. It is shown as a
// page, or beside the fields of a form.
type problem struct {
	Status   int
	Detail   string
	Findings []api.Finding
}

func (p *problem) Error() string {
	if p.Detail == "" {
		return http.StatusText(p.Status)
	}
	return p.Detail
}

// title is the heading of the page that shows the problem.
func (p *problem) title() string {
	switch p.Status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusForbidden:
		return "Not allowed"
	case http.StatusServiceUnavailable:
		return "Not available at the moment"
	case http.StatusInternalServerError:
		return "Something failed"
	default:
		return "This was not done"
	}
}

// A request changes what do sends.
type request func(*http.Request)

// ifMatch makes a change conditional on the version that a page showed.
func ifMatch(version string) request {
	return func(r *http.Request) { r.Header.Set("If-Match", `"`+version+`"`) }
}

// do asks the API, as the session's token. in is sent as JSON, unless it is nil, and
// the answer is read into out, unless that is nil; a
// *[]byte gets it as it is. An answer that isn't 2xx is a
// *problem.
func (s *session) do(ctx context.Context, method, path string, in, out any, with ...request) error {
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, path, body)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, change := range with {
		change(r)
	}
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "pages"
	answer := &answer{header: http.Header{}}
	s.p.service.ServeHTTP(answer, r)
	if answer.status/100 != 2 {
		var p api.Problem
		if err := json.Unmarshal(answer.body.Bytes(), &p); err != nil {
			return fmt.Errorf("the API answered %d, and no problem: %w", answer.status, err)
		}
		refused := &problem{Status: answer.status, Findings: p.Findings}
		if p.Detail != nil {
			refused.Detail = sentence(*p.Detail)
		}
		return refused
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = answer.body.Bytes()
		return nil
	}
	if err := json.Unmarshal(answer.body.Bytes(), out); err != nil {
		return fmt.Errorf("read the API's answer to %s %s: %w", method, r.URL.Path, err)
	}
	return nil
}

// An answer is that of the API, in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// parseForm reads the form of a request.
func parseForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return &problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("The form is larger than %d KB. Nothing was done.", maxForm>>10)}
		}
		return &problem{Status: http.StatusBadRequest, Detail: "The form can't be read. Nothing was done."}
	}
	return nil
}
