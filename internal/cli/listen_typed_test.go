package cli_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

// A typed is a receiver behind a listener, with what it received.
type typed struct {
	*httptest.Server
	received chan delivery
}

// A delivery is one request that a typed receiver has verified.
type delivery struct {
	header http.Header
	body   []byte
}

// newTyped starts a receiver that takes only what is signed with the secret of a listener's
// environment.
func newTyped(t *testing.T, status int) *typed {
	t.Helper()
	secret := signature.NewSecret()
	t.Setenv("RUNHOOKS_SECRET", "")
	t.Setenv("RUNHOOKS_FORWARD_SECRET", secret.Text())
	verifier := signature.Verifier{Secrets: []signature.Secret{secret}}
	received := make(chan delivery, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := verifier.VerifyRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		received <- delivery{r.Header, body}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return &typed{s, received}
}

func post(t *testing.T, url string, header http.Header, body []byte) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer
}

// Whatever servers send, and none of it is signed, a receiver gets signed: as canonical
// with nothing lost, and as documented what can be documented.
func TestListenForwardAs(t *testing.T) {
	var payloads [][]byte
	for _, v := range vectors.All() {
		if strings.HasPrefix(v.Name, "wild.") || strings.HasPrefix(v.Name, "page.run-failed") {
			payloads = append(payloads, v.Payload)
		}
	}
	t.Run("vectors", func(t *testing.T) { testListenForwardAs(t, payloads) })
	t.Run("captured", func(t *testing.T) {
		var payloads [][]byte
		for _, p := range judgetest.Captured(t) {
			payloads = append(payloads, p.Text)
		}
		testListenForwardAs(t, payloads)
	})
}

func testListenForwardAs(t *testing.T, payloads [][]byte) {
	parser, err := form.NewParser("Europe/Berlin", "en-US", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range []string{"canonical", "documented"} {
		target := newTyped(t, http.StatusAccepted)
		url, end := startListener(t, "--forward", target.URL, "--forward-as", asked,
			"--zone", "Europe/Berlin", "--locale", "en-US", "--count", fmt.Sprint(len(payloads)))
		ids, documented := map[string]string{}, 0
		for _, payload := range payloads {
			want, err := parser.Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			if answer := post(t, url, nil, payload); answer.StatusCode != http.StatusAccepted {
				t.Fatalf("status %d for %s", answer.StatusCode, payload)
			}
			got := <-target.received
			id := got.header.Get("Webhook-Id")
			if before, ok := ids[id]; ok && before != string(payload) || !strings.HasPrefix(id, "sha256:") {
				t.Errorf("two payloads have the id %q", id)
			}
			ids[id] = string(payload)
			switch as := got.header.Get("Runhooks-Form"); {
			case as == "documented" && asked == as:
				documented++
				if !conformance.Valid(got.body) {
					t.Errorf("documented, it is %s", got.body)
				}
			case as == "canonical":
				if _, err := want.Documented(); asked == "documented" && err == nil {
					t.Errorf("it can be documented, and went as canonical: %s", payload)
				}
				var e event.Event
				if err := json.Unmarshal(got.body, &e); err != nil {
					t.Fatalf("%v: %s", err, got.body)
				}
				if diff := cmp.Diff([]any{want.Run, want.Counted(), want.Texts()}, []any{e.Run, e.Counted(), e.Texts()}); diff != "" {
					t.Errorf("(-sent +received):\n%s", diff)
				}
			default:
				t.Errorf("as %s it is %q", asked, as)
			}
		}
		out := end()
		if asked == "documented" && (documented == 0 || strings.Count(out, "it goes on as canonical: it can't be documented") != len(payloads)-documented) {
			t.Errorf("%d of %d are documented, and it says\n%s", documented, len(payloads), out)
		}
		if strings.Count(out, "on as ") < len(payloads) {
			t.Errorf("it says\n%s", out)
		}
	}
}

// What goes on is a delivery of the listener's: none of the sender's headers about the
// bytes or about who it is, the sender's id only if that is authentic, and a repetition
// has the same.
func TestListenForwardHeaders(t *testing.T) {
	target := newTyped(t, http.StatusSeeOther)
	payload := sample(t, "wild.ui-extract")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(payload); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	header := http.Header{
		"Content-Encoding": {"gzip"}, "Content-Digest": {"sha-256=:x:"}, "Authorization": {"Basic cm9ib3Q6ZE43ckoya1hxMHZCNXdadA=="},
		"Webhook-Id": {"evt_claimed"}, "Webhook-Signature": {"v1,claimed"}, "Runhooks-Form": {"documented"}, "X-Team": {"robots"},
	}
	url, end := startListener(t, "--forward", target.URL, "--forward-as", "canonical", "--basic", "robot:dN7rJ2kXq0vB5wZt", "--count", "2")
	id := ""
	for range 2 {
		if answer := post(t, url, header, zipped.Bytes()); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("status %d", answer.StatusCode)
		}
		got := <-target.received
		for name, want := range map[string]string{
			"Content-Encoding": "", "Content-Digest": "", "Authorization": "", "Runhooks-Form": "canonical", "X-Team": "robots",
			"Content-Type": "application/json",
		} {
			if got := got.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		switch got := got.header.Get("Webhook-Id"); {
		case id == "" && strings.HasPrefix(got, "sha256:"):
			id = got
		case got != id:
			t.Errorf("the id is %q, and was %q", got, id)
		}
	}
	end()

	secret := signature.NewSecret()
	signed := make(http.Header)
	if err := signature.SetHeaders(signed, "evt_authentic", time.Now(), payload, secret); err != nil {
		t.Fatal(err)
	}
	url, end = startListener(t, "--forward", target.URL, "--forward-as", "canonical", "--secret", secret.Text(), "--count", "1")
	post(t, url, signed, payload)
	if got := (<-target.received).header.Get("Webhook-Id"); got != "evt_authentic" {
		t.Errorf("the id is %q", got)
	}
	end()
}

// What isn't an event goes as received, but signed, and the listener says so.
func TestListenForwardNoEvent(t *testing.T) {
	target := newTyped(t, http.StatusNoContent)
	url, end := startListener(t, "--forward", target.URL, "--forward-as", "documented", "--against", "all", "--count", "1", "--format", "ndjson")
	post(t, url, nil, []byte(`{"event_type": "run_paused"}`))
	got := <-target.received
	if string(got.body) != `{"event_type": "run_paused"}` || got.header["Runhooks-Form"] != nil {
		t.Errorf("%v %s", got.header, got.body)
	}
	if out := end(); !strings.Contains(out, `"form":"received","form_reason":"it goes on as received: the contract doesn't know this event","signed":true`) {
		t.Errorf("it says %s", out)
	}
}

// What comes in the canonical form goes on in the form that is asked for, as do payloads.
func TestListenForwardCanonical(t *testing.T) {
	failure := sample(t, "page.run-failed")
	e, err := event.Parse(failure)
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	documented, err := e.Documented()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		flags []string
		form  string
		body  []byte
	}{
		{nil, "canonical", canonical},
		{[]string{"--forward-as", "canonical"}, "canonical", canonical},
		{[]string{"--forward-as", "documented"}, "documented", documented},
	} {
		target := newTyped(t, http.StatusNoContent)
		url, end := startListener(t, append([]string{"--forward", target.URL, "--count", "1"}, tt.flags...)...)
		post(t, url, http.Header{"Runhooks-Form": {"canonical"}}, canonical)
		got := <-target.received
		if got.header.Get("Runhooks-Form") != tt.form || !bytes.Equal(got.body, tt.body) {
			t.Errorf("%q: as %q it is %s", tt.flags, got.header.Get("Runhooks-Form"), got.body)
		}
		end()
	}
}
