package receiver_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// The test as it is meant takes -load.requests=100000.
var (
	loadRequests = flag.Int("load.requests", 4000, "requests to send to a receiver in TestLoad; from 100,000 on the ratio has to hold")
	loadSenders  = flag.Int("load.senders", 200, "senders at a time in TestLoad")
)

// TestLoad sends signed events to a receiver, many at a time, and the same to a
// handler that only reads the body. They take turns, so that what disturbs the
// machine disturbs both.
func TestLoad(t *testing.T) {
	const least = 0.7
	rounds := max(10, *loadRequests/1000) // short ones, since what else the machine does changes by the second
	goroutines, before := runtime.NumGoroutine(), settledHeap()

	var handled atomic.Int64
	rc, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { handled.Add(1); return nil },
	}, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret(t)}},
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	received := httptest.NewServer(rc)
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	turns := []*httptest.Server{received, bare}
	for _, server := range turns {
		server.Client().Timeout = 30 * time.Second
		server.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = *loadSenders
	}

	payload := vector(t, "page.run-completed")
	var rates, ratios, cpuRatios []float64
	size := *loadRequests / rounds
	for round := range rounds {
		ids := make([]string, size)
		for i := range ids {
			ids[i] = fmt.Sprintf("msg_%d", round*size+i)
		}
		var perSecond, perCPUSecond [2]float64
		for i := range turns {
			who := (i + round) % 2 // who goes first takes turns, too
			perSecond[who], perCPUSecond[who] = rate(t, turns[who], payload, ids)
		}
		rates = append(rates, perSecond[0])
		ratios = append(ratios, perSecond[0]/perSecond[1])
		cpuRatios = append(cpuRatios, perCPUSecond[0]/perCPUSecond[1])
	}
	ratio := median(cpuRatios)
	t.Logf("%d requests, %d at a time: medians %.0f requests/s, %.2f of a bare handler's; %.2f of its requests per second of CPU time",
		rounds*size, *loadSenders, median(rates), median(ratios), ratio)
	if got := handled.Load(); got != int64(rounds*size) {
		t.Errorf("%d events were handled, want %d", got, rounds*size)
	}
	if *loadRequests >= 100_000 && ratio < least {
		t.Errorf("ratio %.2f, want %.2f at least", ratio, least)
	}

	for i, server := range turns {
		server.Client().CloseIdleConnections()
		server.Close()
		turns[i] = nil
	}
	rc, received, bare = nil, nil, nil
	waitFor(t, func() error {
		if n := runtime.NumGoroutine(); n > goroutines {
			return fmt.Errorf("%d goroutines, and there were %d", n, goroutines)
		}
		return nil
	})
	waitFor(t, func() error {
		if after := settledHeap(); after > before+8<<20 {
			return fmt.Errorf("%d MB in use, and there were %d", after>>20, before>>20)
		}
		return nil
	})
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// waitFor waits until ok gives nil, but no longer than a while.
func waitFor(t *testing.T, ok func() error) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Error(err)
			return
		}
	}
}

// settledHeap gives the bytes that are in use once what isn't has been freed.
func settledHeap() uint64 {
	runtime.GC()
	runtime.GC() // the second time for what pools have kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// rate delivers as many events of that payload, as many at a time as there may
// be, and gives how many a second are answered.
func rate(t *testing.T, server *httptest.Server, payload []byte, ids []string) (perSecond, perCPUSecond float64) {
	s := secret(t)
	var next atomic.Int64
	var group sync.WaitGroup
	began, used := time.Now(), cpuTime()
	for range *loadSenders {
		group.Go(func() {
			for !t.Failed() {
				i := int(next.Add(1)) - 1
				if i >= len(ids) {
					return
				}
				if err := deliver(server, payload, ids[i], s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	n := float64(len(ids))
	return n / time.Since(began).Seconds(), n / (cpuTime() - used).Seconds()
}

// deliver does what a sender does.
func deliver(server *httptest.Server, payload []byte, id string, s signature.Secret) error {
	request, err := http.NewRequest(http.MethodPost, server.URL, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if err := signature.SetHeaders(request.Header, id, time.Now(), payload, s); err != nil {
		return err
	}
	answer, err := server.Client().Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s, want 204", answer.Status)
	}
	return nil
}
