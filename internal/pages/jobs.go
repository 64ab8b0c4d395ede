package pages

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
)

// A jobPage is what the page of a job shows.
type jobPage struct {
	api.Job
	// URL is that of the endpoint that is recovered, if it is there.
	URL string
	// See is the path of the deliveries that the job is about; empty if it erases.
	See string
	// Live is the path of the stream; empty if the job is finished.
	Live string
}

// Recovers says what kind of job it is.
func (j *jobPage) Recovers() bool { return j.Kind == api.JobKindRecover }

// Most is how much there is to do, as far as that is known.
func (j *jobPage) Most() int64 { return max(j.Total, j.Done) }

func (s *session) job(ctx context.Context, id string) (*jobPage, error) {
	j := new(jobPage)
	if err := s.do(ctx, http.MethodGet, "/v1"+joinPath("jobs", id), nil, &j.Job); err != nil {
		return nil, err
	}
	if j.FinishedAt == nil {
		j.Live = joinPath("jobs", j.ID, "live")
	}
	if j.Recovers() {
		see := url.Values{"endpoint_id": {text(j.EndpointID)}}
		if j.Since != nil {
			see.Set("from", j.Since.UTC().Format(time.RFC3339))
		}
		j.See = "/deliveries?" + see.Encode()
	}
	return j, nil
}

func (p *Pages) showJob(w http.ResponseWriter, r *http.Request, s *session) error {
	j, err := s.job(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	title := "Erasing"
	if j.Recovers() {
		title = "Recovering deliveries"
		var e api.Endpoint
		err := s.do(r.Context(), http.MethodGet, "/v1"+joinPath("endpoints", text(j.EndpointID)), nil, &e)
		if err != nil && !isMissing(err) {
			return err
		}
		j.URL = e.URL
	}
	return p.render(w, r, http.StatusOK, "job", view{Title: title, Here: "deliveries", Data: j})
}

func (p *Pages) streamJob(w http.ResponseWriter, r *http.Request, s *session) error {
	id := r.PathValue("id")
	return p.stream(w, r, s, func(ctx context.Context) ([]byte, error) {
		j, err := s.job(ctx, id)
		if err != nil {
			return nil, err
		}
		text, err := p.part("job", "progress", j)
		if err == nil && j.FinishedAt != nil {
			err = io.EOF
		}
		return text, err
	})
}
