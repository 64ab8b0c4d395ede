// Package inlettest sends events to inlets of runhooks serve as today's servers do, even
// while the service is killed and started again.
package inlettest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A Server sends events as Maxun servers do: by POST and HTTP/1.1, with the headers of
// axios, without an id or a signature. What is not answered with 2xx is sent again, byte
// for byte, and lost after the third try. A redirect by 301, 302 or 303 is followed by a
// GET without a body, which loses the event, too, and counts as delivered if that is
// answered with 2xx.
type Server struct {
	// URL is that of the webhook in the server's settings.
	URL string
	// Pause waits before another try. Real servers wait for 5 s, and then for 10 s.
	Pause func(ctx context.Context) error
}

// tries is how often a server tries to send an event.
const tries = 3

// timeout is how long a server waits for an answer.
const timeout = 30 * time.Second

// client follows redirects as axios does, which is as net/http does.
var client = &http.Client{
	Timeout:   timeout,
	Transport: &http.Transport{MaxIdleConnsPerHost: 16}, // without ForceAttemptHTTP2, and so by HTTP/1.1
}

// An Answer is what came of an event: the last answer, which is 2xx unless the event is
// lost.
type Answer struct {
	Status int
	Body   []byte
	Tries  int
	// Took is how long it took to the answer, of the last try.
	Took time.Duration
	// Emptied says that a redirect made a GET of the request.
	Emptied bool
}

// Send sends an event. The error is the last one of those by which tries failed, or that
// of ctx.
func (s *Server) Send(ctx context.Context, payload []byte) (a Answer, err error) {
	for a.Tries = 1; ; a.Tries++ {
		err = s.try(ctx, payload, &a)
		if err == nil && a.Status/100 == 2 {
			return a, nil
		}
		if a.Tries == tries {
			if err == nil {
				err = fmt.Errorf("the last answer is %d: %.200s", a.Status, a.Body)
			}
			return a, err
		}
		if err := s.Pause(ctx); err != nil {
			return a, err
		}
	}
}

func (s *Server) try(ctx context.Context, payload []byte, a *Answer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json, text/plain, */*")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "axios/1.7.9")
	began := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	a.Took, a.Status, a.Emptied = time.Since(began), answer.StatusCode, answer.Request.Method != http.MethodPost
	a.Body, err = io.ReadAll(answer.Body)
	return err
}
