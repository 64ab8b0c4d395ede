package receiver_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
	"github.com/runhooks/runhooks/pkg/signature"
)

func TestMemory(t *testing.T) {
	receivertest.TestDeduplicator(t, func(_ *testing.T, l receivertest.Limits) receiver.Deduplicator {
		return &receiver.Memory{TTL: l.TTL, Lease: l.Lease}
	})
}

// TestMemoryForgets: beyond MaxKeys the oldest are forgotten, but none that is
// being handled.
func TestMemoryForgets(t *testing.T) {
	m := &receiver.Memory{MaxKeys: 3}
	claim := func(key string, want receiver.ClaimState) receiver.Claim {
		t.Helper()
		c, err := m.Claim(t.Context(), key)
		if err != nil || c.State != want {
			t.Fatalf("claim of %s: %+v, %v; want state %d", key, c, err, want)
		}
		return c
	}
	claim("busy", receiver.Claimed)
	for i := range 100 {
		if err := m.Commit(t.Context(), claim(fmt.Sprint(i), receiver.Claimed)); err != nil {
			t.Fatal(err)
		}
	}
	claim("busy", receiver.Busy)
	claim("99", receiver.Done)
	claim("0", receiver.Claimed)
}

// TestMemoryIsFull: while more than MaxKeys events are being handled, none of
// these is forgotten, and those that were handled are.
func TestMemoryIsFull(t *testing.T) {
	m := &receiver.Memory{MaxKeys: 3}
	claim := func(key string) receiver.Claim {
		t.Helper()
		c, err := m.Claim(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for i := range 10 {
		if c := claim(fmt.Sprint(i)); c.State != receiver.Claimed {
			t.Errorf("claim of %d: %+v", i, c)
		}
	}
	if err := m.Commit(t.Context(), claim("handled")); err != nil {
		t.Fatal(err)
	}
	if c := claim("handled"); c.State != receiver.Claimed {
		t.Errorf("what was handled is remembered: %+v", c)
	}
	for i := range 10 {
		if c := claim(fmt.Sprint(i)); c.State != receiver.Busy {
			t.Errorf("claim of %d: %+v", i, c)
		}
	}
}

// TestIDLikeHash: a sender that signs can't have an event of one that doesn't taken
// for handled by sending the hash by which that is known, or the other way round.
func TestIDLikeHash(t *testing.T) {
	unsigned, signed := vector(t, "page.run-completed"), vector(t, "page.run-failed")
	hash := fmt.Sprintf("sha256:%x", sha256.Sum256(unsigned))
	for _, first := range []string{"signed", "unsigned"} {
		var rec recorder
		rc := rec.receiver(t, receiver.Options{
			Verifier:     &signature.Verifier{Secrets: []signature.Secret{secret(t)}},
			Basic:        []receiver.Credentials{{"robot", "s3cret"}},
			Deduplicator: &receiver.Memory{},
		})
		byBasic, bySignature := post(unsigned), post(signed)
		byBasic.SetBasicAuth("robot", "s3cret")
		if err := signature.SetHeaders(bySignature.Header, hash, time.Now(), signed, secret(t)); err != nil {
			t.Fatal(err)
		}
		requests := []*http.Request{byBasic, bySignature}
		if first == "signed" {
			slices.Reverse(requests)
		}
		for _, r := range requests {
			w := httptest.NewRecorder()
			rc.ServeHTTP(w, r)
			if w.Code != http.StatusNoContent {
				t.Errorf("%s first: status %d: %s", first, w.Code, w.Body)
			}
		}
		if len(rec.calls) != 2 {
			t.Errorf("%s first: calls %q, want one each", first, rec.calls)
		}
	}
}

// A broken Deduplicator fails where it is told to.
type broken struct {
	claim, commit, release error
}

func (b broken) Claim(_ context.Context, key string) (receiver.Claim, error) {
	return receiver.Claim{Key: key, State: receiver.Claimed}, b.claim
}
func (b broken) Commit(context.Context, receiver.Claim) error  { return b.commit }
func (b broken) Release(context.Context, receiver.Claim) error { return b.release }

func TestDeduplicatorFails(t *testing.T) {
	down := errors.New("hunter2 is down")
	for _, test := range []struct {
		name         string
		deduplicator broken
		handler      error
		status       int
		disposition  receiver.Disposition
		calls        int
	}{
		{"claim", broken{claim: down}, nil, 503, receiver.Unavailable, 0},
		{"commit", broken{commit: down}, nil, 204, receiver.Accepted, 1},
		{"release", broken{release: down}, errors.New("no"), 500, receiver.Failed, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			rec := recorder{fail: func() error { return test.handler }}
			rc := rec.receiver(t, receiver.Options{Deduplicator: test.deduplicator})
			w := httptest.NewRecorder()
			rc.ServeHTTP(w, post(vector(t, "page.run-completed")))
			if w.Code != test.status || len(rec.calls) != test.calls {
				t.Errorf("status %d, %d calls; want %d, %d", w.Code, len(rec.calls), test.status, test.calls)
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("the answer tells too much: %s", w.Body)
			}
			if d := rec.decisions[0]; d.Disposition != test.disposition || !errors.Is(d.Err, down) {
				t.Errorf("decision %s: %v", d.Disposition, d.Err)
			}
		})
	}
}

// TestSignedAsAHash: an id that a sender chooses can't pass for the hash by which
// events without a signature are known, so that they are taken for handled.
func TestSignedAsAHash(t *testing.T) {
	signed, other := vector(t, "page.run-completed"), vector(t, "page.run-failed")
	var rec recorder
	rc := rec.receiver(t, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret(t)}},
		Basic:    []receiver.Credentials{{"robot", "s3cret"}},
	})
	posing := post(signed)
	id := fmt.Sprintf("sha256:%x", sha256.Sum256(other))
	if err := signature.SetHeaders(posing.Header, id, time.Now(), signed, secret(t)); err != nil {
		t.Fatal(err)
	}
	unsigned := post(other)
	unsigned.SetBasicAuth("robot", "s3cret")
	for _, r := range []*http.Request{posing, unsigned} {
		w := httptest.NewRecorder()
		rc.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	}
	var ids []string
	for _, d := range rec.decisions {
		ids = append(ids, string(d.Disposition)+" "+d.Delivery.EventID)
	}
	if want := []string{"accepted " + id, "accepted " + id}; !slices.Equal(ids, want) {
		t.Errorf("decisions %q, want %q", ids, want)
	}
}

// TestSettlesWithoutTheSender: a handler that ends after its sender has gone has
// handled the event anyway.
func TestSettlesWithoutTheSender(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var settled error = errors.New("not called")
	rc, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { cancel(); return nil },
	}, receiver.Options{
		InsecureNoAuthentication: true, Logger: slog.New(slog.DiscardHandler),
		Deduplicator: watched{&settled},
	})
	if err != nil {
		t.Fatal(err)
	}
	rc.ServeHTTP(httptest.NewRecorder(), post(vector(t, "page.run-completed")).WithContext(ctx))
	if settled != nil {
		t.Errorf("the context of Commit: %v", settled)
	}
}

// watched tells how the context of Commit is.
type watched struct{ settled *error }

func (w watched) Claim(ctx context.Context, key string) (receiver.Claim, error) {
	return again{}.Claim(ctx, key)
}

func (w watched) Commit(ctx context.Context, _ receiver.Claim) error {
	*w.settled = ctx.Err()
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Minute {
		*w.settled = errors.New("it has no deadline")
	}
	return nil
}

func (w watched) Release(context.Context, receiver.Claim) error { return nil }
