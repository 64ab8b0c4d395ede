package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/gen/webhook"
)

// sample gives one of the two samples of the page that documents the events.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decode gives a sample as an event.
func decode[T any](t *testing.T, name string) *T {
	t.Helper()
	event := new(T)
	if err := json.Unmarshal(sample(t, name), event); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return event
}

func TestTypesHoldTheSamples(t *testing.T) {
	for name, event := range map[string]any{
		"run_completed": decode[webhook.RunCompleted](t, "run_completed"),
		"run_failed":    decode[webhook.RunFailed](t, "run_failed"),
	} {
		encoded, err := json.Marshal(event)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var want, got any
		if err := json.Unmarshal(sample(t, name), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s does not survive decoding and encoding (-sample +encoded):\n%s", name, diff)
		}
	}
}

// Absent members stay absent, and those that are there stay even if empty.
func TestOptionalMembers(t *testing.T) {
	for _, data := range []string{`{}`, `{"stack":""}`, `{"message":"m","stack":"s","type":"t"}`} {
		var e webhook.RunCompletedError
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != data {
			t.Errorf("%s became %s", data, got)
		}
	}
}

func TestSenderToDispatcher(t *testing.T) {
	wantCompleted := decode[webhook.RunCompleted](t, "run_completed")
	wantFailed := decode[webhook.RunFailed](t, "run_failed")
	var gotCompleted *webhook.RunCompleted
	var gotFailed *webhook.RunFailed
	server := httptest.NewServer(&webhook.Dispatcher{
		OnRunCompleted: func(_ context.Context, event *webhook.RunCompleted) error {
			gotCompleted = event
			return nil
		},
		OnRunFailed: func(_ context.Context, event *webhook.RunFailed) error {
			gotFailed = event
			return nil
		},
	})
	defer server.Close()
	sender, err := webhook.NewWebhookInitiator(webhook.WithWebhookHTTPClient(server.Client()))
	if err != nil {
		t.Fatal(err)
	}
	accepted := func(response *http.Response, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode != http.StatusNoContent {
			t.Errorf("status %d; want 204", response.StatusCode)
		}
	}

	accepted(sender.RunCompleted(t.Context(), server.URL, *wantCompleted))
	if diff := cmp.Diff(wantCompleted, gotCompleted); diff != "" {
		t.Errorf("run_completed (-sent +received):\n%s", diff)
	}
	if gotFailed != nil {
		t.Error("run_completed reached OnRunFailed")
	}
	accepted(sender.RunFailed(t.Context(), server.URL, *wantFailed))
	if diff := cmp.Diff(wantFailed, gotFailed); diff != "" {
		t.Errorf("run_failed (-sent +received):\n%s", diff)
	}
}

func TestDispatcherAnswers(t *testing.T) {
	const jsonType = "application/json"
	completed, failed := string(sample(t, "run_completed")), string(sample(t, "run_failed"))
	broken := errors.New("the disk with the secret name is full")
	full := &webhook.Dispatcher{
		OnRunCompleted: func(context.Context, *webhook.RunCompleted) error { return nil },
		OnRunFailed:    func(context.Context, *webhook.RunFailed) error { return broken },
		OnUnknown: func(_ context.Context, eventType string, payload []byte) error {
			if eventType == "run_paused" && string(payload) == `{"event_type":"run_paused"}` {
				return nil
			}
			return broken
		},
	}
	tests := []struct {
		name        string
		dispatcher  *webhook.Dispatcher
		method      string
		contentType string
		body        string
		status      int
		detail      string // in the problem details
	}{
		{"an event", full, "POST", jsonType, completed, 204, ""},
		{"a charset", full, "POST", "Application/JSON; charset=utf-8", completed, 204, ""},
		{"members unknown to the contract", full, "POST", jsonType, strings.Replace(completed, "{", `{"new": 1,`, 1), 204, ""},
		{"an event that nobody wants", &webhook.Dispatcher{}, "POST", jsonType, failed, 204, ""},
		{"an unknown event", full, "POST", jsonType, `{"event_type":"run_paused"}`, 204, ""},
		{"an unknown event that nobody wants", &webhook.Dispatcher{}, "POST", jsonType, `{"event_type":"x"}`, 204, ""},
		{"an unknown event, not handled", full, "POST", jsonType, `{"event_type":"x"}`, 500, "the event could not be handled"},
		{"an event, not handled", full, "POST", jsonType, failed, 500, "the event could not be handled"},
		{"GET, as after a redirect", full, "GET", "", "", 405, "an event is sent by POST"},
		{"PUT", full, "PUT", jsonType, completed, 405, "an event is sent by POST"},
		{"a form", full, "POST", "application/x-www-form-urlencoded", "a=b", 415, "an event is application/json"},
		{"no content type", full, "POST", "", completed, 415, "an event is application/json"},
		{"other spellings", full, "POST", jsonType, strings.Replace(completed, "{", `{"Event_Type":"run_failed","EVENT_TYPE":"x",`, 1), 204, ""},
		{"only in another spelling", full, "POST", jsonType, `{"Event_Type":"run_failed"}`, 400, "the payload has no event_type"},
		{"two types", full, "POST", jsonType, strings.Replace(completed, "{", `{"event_type":"run_failed",`, 1), 400, `duplicate object member name "event_type"`},
		{"two members", full, "POST", jsonType, strings.Replace(completed, "{", `{"data":1,`, 1), 400, `duplicate object member name "data"`},
		{"the page's comma", full, "POST", jsonType, strings.Replace(completed, `stars"`, `stars",`, 1), 400, "invalid character ','"},
		{"nothing", full, "POST", jsonType, "", 400, "unexpected EOF"},
		{"trailing data", full, "POST", jsonType, completed + "{}", 400, "invalid character '{' after top-level value"},
		{"not an object", full, "POST", jsonType, "null", 400, "null is not allowed here"},
		{"no event_type", full, "POST", jsonType, "{}", 400, "the payload has no event_type"},
		{"an event_type that is no string", full, "POST", jsonType, `{"event_type":1}`, 400, `unmarshal JSON number into Go string within "/event_type"`},
		{"a count that is not an integer", full, "POST", jsonType, strings.Replace(completed, `"total_rows": `, `"total_rows": 0.`, 1), 400, "is not an integer"},
		{"as much as may be", &webhook.Dispatcher{MaxBytes: int64(len(completed))}, "POST", jsonType, completed, 204, ""},
		{"more than may be", &webhook.Dispatcher{MaxBytes: 100}, "POST", jsonType, completed, 413, "the payload has more than 100 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.contentType)
			w := httptest.NewRecorder()
			tt.dispatcher.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status %d; want %d (%s)", w.Code, tt.status, w.Body)
			}
			if allow := w.Header().Get("Allow"); (allow == "POST") != (tt.status == 405) {
				t.Errorf("Allow: %q", allow)
			}
			if tt.status == 204 {
				if w.Body.Len() > 0 {
					t.Errorf("a body: %s", w.Body)
				}
				return
			}
			var problem struct {
				Title, Detail string
				Status        int
			}
			if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
				t.Fatalf("no problem details: %v", err)
			}
			if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type: %s", got)
			}
			if problem.Status != tt.status || problem.Title != http.StatusText(tt.status) {
				t.Errorf("problem %s", w.Body)
			}
			if !strings.Contains(problem.Detail, tt.detail) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("problem %s; want of its detail %q", w.Body, tt.detail)
			}
		})
	}
}

func TestDispatcherBodyThatBreaksOff(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), brokenReader{}))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	new(webhook.Dispatcher).ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("status %d; want 400", w.Code)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A signature has to be made over the bytes that are sent; an editor sees them.
func TestEditorSeesTheBytes(t *testing.T) {
	var signed, sent []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sent, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	sender, err := webhook.NewWebhookInitiator(webhook.WithWebhookRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			body, err := r.GetBody()
			if err != nil {
				return err
			}
			signed, err = io.ReadAll(body)
			return err
		}))
	if err != nil {
		t.Fatal(err)
	}
	response, err := sender.RunFailed(t.Context(), server.URL, *decode[webhook.RunFailed](t, "run_failed"))
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if len(sent) == 0 || !bytes.Equal(signed, sent) {
		t.Errorf("the editor saw %q; sent was %q", signed, sent)
	}
}

func ExampleDispatcher() {
	server := httptest.NewServer(&webhook.Dispatcher{
		OnRunCompleted: func(_ context.Context, event *webhook.RunCompleted) error {
			fmt.Println(event.Data.RobotName, event.Data.Status)
			return nil
		},
		OnRunFailed: func(_ context.Context, event *webhook.RunFailed) error {
			fmt.Println(event.Data.RobotName, "failed:", event.Data.Error.Message)
			return nil
		},
	})
	defer server.Close()

	payload := `{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w1",
		"data":{"robotId":"r1","runId":"u1","robotName":"Prices","status":"failed",
		"error":{"message":"Timeout exceeded","type":"TimeoutError","stack":""}}}`
	response, err := http.Post(server.URL, "application/json", strings.NewReader(payload))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// Prices failed: Timeout exceeded
	// 204 No Content
}

func ExampleRunCompleted() {
	payload := `{"event_type":"run_completed","timestamp":"2016-12-31T23:59:60Z","webhook_id":"w1",
		"data":{"robot_id":"r1","run_id":"u1","robot_name":"Prices","ROBOT_NAME":"not a member","status":"success",
		"started_at":"2016-12-31t23:58:00z","finished_at":"2016-12-31T23:59:59Z",
		"extracted_data":{"captured_texts":[{"Price":"$1"},{"Price":"$2"}],"captured_lists":{},
			"total_rows":2.0,"captured_texts_count":2,"captured_lists_count":0,"screenshots_count":0},
		"metadata":{}}}`
	var event webhook.RunCompleted
	if err := json.Unmarshal([]byte(payload), &event); err != nil {
		fmt.Println(err)
		return
	}
	rows, ok := event.Data.ExtractedData.TotalRows.Int64()
	fmt.Println(event.Data.RobotName, rows, ok)
	sent, ok := event.Timestamp.Time()
	fmt.Println(event.Timestamp, "is", sent, ok)
	// Output:
	// Prices 2 true
	// 2016-12-31T23:59:60Z is 2017-01-01 00:00:00 +0000 UTC true
}

func ExampleWebhookInitiator() {
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		payload, _ := io.ReadAll(r.Body)
		fmt.Println(r.Method, r.Header.Get("webhook-id"))
		fmt.Println(string(payload))
	}))
	defer endpoint.Close()

	// A redirect would turn the POST into a GET without the event.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	sender, err := webhook.NewWebhookInitiator(webhook.WithWebhookHTTPClient(client))
	if err != nil {
		fmt.Println(err)
		return
	}
	event := webhook.RunFailed{
		EventType: webhook.RunFailedEventTypeRunFailed,
		Timestamp: webhook.NewDateTime(time.Date(2025, time.May, 29, 15, 53, 15, 0, time.UTC)),
		WebhookID: "w1",
		Data: webhook.RunFailedData{
			RobotID: "r1", RunID: "u1", RobotName: "Prices",
			Status: webhook.RunFailedDataStatusFailed,
			Error:  webhook.RunFailedError{Message: "Timeout exceeded", Type: "TimeoutError"},
		},
	}
	response, err := sender.RunFailed(context.Background(), endpoint.URL, event,
		func(_ context.Context, r *http.Request) error {
			r.Header.Set("webhook-id", "evt_1")
			return nil
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// POST evt_1
	// {"data":{"error":{"message":"Timeout exceeded","stack":"","type":"TimeoutError"},"robotId":"r1","robotName":"Prices","runId":"u1","status":"failed"},"event_type":"run_failed","timestamp":"2025-05-29T15:53:15Z","webhook_id":"w1"}
	// 200 OK
}
