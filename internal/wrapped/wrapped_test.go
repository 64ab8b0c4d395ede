package wrapped_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/wrapped"
)

const (
	failed    = `{"event_type":"run_failed","data":{"a":"é😀"}}`
	completed = `{ "event_type" : "run_completed" }`
)

// text is s as a string of JSON.
func text(s string) string { return strconv.Quote(s) }

func coded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestFind finds events in what tools make of a request, and in what nobody has named.
func TestFind(t *testing.T) {
	at := func(pointer, event string) []string { return []string{pointer + " " + event} }
	for _, tt := range []struct {
		name, document, shape string
		want                  []string
	}{
		{"an event", failed, "", at("", failed)},
		{"what is in an event is part of it", `{"event_type":"run_failed","data":` + completed + `}`, "",
			at("", `{"event_type":"run_failed","data":`+completed+`}`)},
		{"also before its type", `{"data":` + completed + `,"event_type":"run_failed"}`, "",
			at("", `{"data":`+completed+`,"event_type":"run_failed"}`)},
		{"n8n", `[{"headers":{},"params":{},"query":{},"body":` + failed + `,"webhookUrl":"u","executionMode":"test"}]`,
			"a request as n8n shows it", at("/0/body", failed)},
		{"n8n, one item", `{"body":` + failed + `,"headers":{},"query":{},"params":{}}`, "a request as n8n shows it", at("/body", failed)},
		{"only a body", `{"body":` + failed + `}`, "", at("/body", failed)},
		{"a recorded request", `{"request":{"headers":{},"body":` + text(failed) + `},"response":{}}`, "a recorded request", at("/request/body", failed)},
		{"API Gateway", `{"version":"2.0","requestContext":{"http":{"method":"POST"}},"body":` + text(failed) + `,"isBase64Encoded":false}`,
			"a request as AWS API Gateway passes it on", at("/body", failed)},
		{"API Gateway in base64", `{"isBase64Encoded":true,"body":"` + coded(failed) + `"}`,
			"a request as AWS API Gateway passes it on", at("/body", failed)},
		{"SQS and SNS", `{"Records":[{"messageId":"1","receiptHandle":"r","body":` +
			text(`{"Type":"Notification","TopicArn":"t","Message":`+text(failed)+`}`) + `}]}`, "a message of Amazon SQS", at("/Records/0/body/Message", failed)},
		{"SNS", `{"Type":"Notification","TopicArn":"t","Message":` + text(failed) + `}`, "a message of Amazon SNS", at("/Message", failed)},
		{"EventBridge", `{"detail-type":"run","source":"s","detail":` + failed + `}`, "an event of Amazon EventBridge", at("/detail", failed)},
		{"Kinesis", `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"` + coded(failed) + `"}}]}`,
			"a record of Amazon Kinesis", at("/Records/0/kinesis/data", failed)},
		{"CloudEvents", `{"specversion":"1.0","type":"t","data":` + failed + `}`, "an envelope of CloudEvents", at("/data", failed)},
		{"CloudEvents in base64", `{"specversion":"1.0","type":"t","data_base64":"` + coded(failed) + `"}`, "an envelope of CloudEvents", at("/data_base64", failed)},
		{"Pub/Sub", `{"message":{"data":"` + coded(failed) + `","messageId":"1"},"subscription":"s"}`, "a message of Google Pub/Sub", at("/message/data", failed)},
		{"Event Grid", `[{"eventType":"t","subject":"s","data":` + failed + `}]`, "an event of Azure Event Grid", at("/0/data", failed)},
		{"Svix", `{"eventType":"run.failed","payload":` + failed + `}`, "a message of Svix", at("/payload", failed)},
		{"Pipedream", `{"method":"POST","client_ip":"::1","headers":{},"body":` + failed + `}`, "a request as Pipedream shows it", at("/body", failed)},
		{"Pipedream, as a step exports it", `{"trigger":{"event":{"client_ip":"::1","headers":{},"body":` + failed + `}}}`,
			"a request as Pipedream shows it", at("/trigger/event/body", failed)},
		{"Zapier", `{"headers":{},"raw_body":` + text(failed) + `}`, "a request as Zapier shows it", at("/raw_body", failed)},
		{"Make", `[{"__IMTLENGTH__":1,"value":` + failed + `}]`, "a bundle of Make", at("/0/value", failed)},
		{"webhook.site", `{"uuid":"u","method":"POST","content":` + text(failed) + `}`, "a request as webhook.site shows it", at("/content", failed)},
		{"Node-RED", `{"_msgid":"1","payload":` + failed + `}`, "a message of Node-RED", at("/payload", failed)},
		{"GitHub", `{"event_type":"scraped","client_payload":` + failed + `}`, "a dispatch of GitHub", at("/client_payload", failed)},
		{"an archive", `{"log":{"creator":{},"entries":[{"request":{"postData":{"text":` + text(failed) + `}}}]}}`,
			"an HTTP archive", at("/log/entries/0/request/postData/text", failed)},
		{"an array", "[\n" + failed + ",\n null, " + completed + "]", "", []string{"/0 " + failed, "/2 " + completed}},
		{"an array in text in an array", `[` + text(`[`+failed+`,`+completed+`]`) + `]`, "", []string{"/0/0 " + failed, "/0/1 " + completed}},
		{"encoded twice", text(failed), "", at("", failed)},
		{"encoded three times", text(text(failed)), "", at("", failed)},
		{"encoded too often", text(text(text(text(failed)))), "", nil},
		{"base64 alone", `"` + coded(failed) + `"`, "", at("", failed)},
		{"base64 of URLs", `"` + base64.RawURLEncoding.EncodeToString([]byte(failed+"?>")) + `"`, "", at("", failed+"?>")},
		{"indented text", text(" \n" + failed + "\n"), "", at("", " \n"+failed+"\n")},
		{"text that is cut off", `{"body":` + text(failed[:40]) + `}`, "", at("/body", failed[:40])},
		{"text that goes on", `{"body":` + text(failed+" x") + `}`, "", at("/body", failed+" x")},
		{"names that are escaped", `{"a/b":{"~":` + failed + `}}`, "", at("/a~1b/~0", failed)},
		{"a name that is nearly one", `{"body":{"event_type":"run_complete"}}`, "", nil},
		{"two types, of which the last counts", `{"body":{"event_type":"run_failed","event_type":"x"}}`, "", nil},
		{"no event, but a shape", `[{"headers":{},"body":{"robot_id":"r"},"webhookUrl":"u"}]`, "a request as n8n shows it", nil},
		{"not JSON", `{"body":` + failed, "", nil},
		{"text about an event", `{"note":"event_type is run_failed"}`, "", nil},
		{"too deep", strings.Repeat(`[`, 12) + failed + strings.Repeat(`]`, 12), "", nil},
		{"just not too deep", strings.Repeat(`[`, 11) + failed + strings.Repeat(`]`, 11), "", at(strings.Repeat("/0", 11), failed)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := wrapped.Find([]byte(tt.document), 100)
			var got []string
			for _, e := range found.List {
				got = append(got, e.Pointer([]byte(tt.document))+" "+string(e.Data))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || !found.Complete {
				t.Errorf("(-want +got), complete %v:\n%s", found.Complete, diff)
			}
			if want := map[string]int{"an array": 1}[tt.name]; found.Empty != want {
				t.Errorf("%d items without an event, want %d", found.Empty, want)
			}
			if found.Shape != tt.shape {
				t.Errorf("shape %q, want %q", found.Shape, tt.shape)
			}
		})
	}
}

// TestOffsets holds each byte of an event that starts a character to where it is written.
func TestOffsets(t *testing.T) {
	const event = `{"event_type":"run_failed","a":"x/é😀"}`
	for _, tt := range []struct{ name, document, written string }{
		{"in the document", `[{"body": ` + event + `}]`, `"x/é😀"`},
		{"in a text", `{"body":` + text(event) + `}`, `\"x/é😀\"`},
		{"in a text of escapes", `{"body":"{\u0022event_type\u0022:\"run_failed\",\"a\":\"x\/\u00e9\ud83d\ude00\"}"}`, `\"x\/\u00e9\ud83d\ude00\"`},
		{"in a text in a text", text(`[` + text(event) + `]`), `\\\"x/é😀\\\"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := wrapped.Find([]byte(tt.document), 1)
			if len(found.List) != 1 {
				t.Fatalf("%d events", len(found.List))
			}
			from := strings.Index(string(found.List[0].Data), `"x/`)
			offsets := []int{0, from, from + len(`"x/é😀"`)}
			found.List[0].Offsets(offsets)
			if got := tt.document[offsets[1]:offsets[2]]; got != tt.written || !strings.HasPrefix(tt.document[offsets[0]:], "{") {
				t.Errorf("got %q at %d, want %q", got, offsets[1], tt.written)
			}
		})
	}
	document := `{"data":"` + coded(event) + `"}`
	offsets := []int{0, 3, len(event) - 1}
	wrapped.Find([]byte(document), 1).List[0].Offsets(offsets)
	if want := []int{9, 13, len(document) - 3}; offsets[0] != want[0] || offsets[1] != want[1] || offsets[2] > want[2] || offsets[2] < want[2]-4 {
		t.Errorf("in base64: got %v, want about %v", offsets, want)
	}
}

// TestLimit: of many events there are no more than were asked for.
func TestLimit(t *testing.T) {
	document := []byte("[" + strings.Repeat(failed+",", 99) + failed + "]")
	for _, limit := range []int{1, 99, 100, 101} {
		found := wrapped.Find(document, limit)
		if len(found.List) != min(limit, 100) || found.Complete != (limit > 100) {
			t.Errorf("limit %d: %d events, complete %v", limit, len(found.List), found.Complete)
		}
	}
}

// TestLinear: twice as long a document takes about twice the memory, whatever it is made of.
func TestLinear(t *testing.T) {
	for _, tt := range []struct{ name, start, middle, end string }{
		{"arrays", "", "[", ""},
		{"objects", `[`, `{"a":{}},`, `0]`},
		{"texts in arrays", `[`, `"{\"event_type\":",`, `0]`},
		{"one text of texts", `"{\"event_type`, `\\\"{\\\\\"event_type`, `"`},
		{"quotes", `"[event_type`, `\\\\\\\"`, `"`},
		{"base64", `"`, `eyJldmVudF90eXBl`, `"`},
	} {
		allocated := func(n int) float64 {
			document := []byte(tt.start + strings.Repeat(tt.middle, n) + tt.end)
			return testing.AllocsPerRun(3, func() { wrapped.Find(document, wrapped.MaxEvents) })
		}
		if one, two := allocated(2_000), allocated(4_000); two > 2.5*one+100 {
			t.Errorf("%s: %v allocations, and %v for twice as much", tt.name, one, two)
		}
	}
}

// TestManyInText: to find the places of the events in a long text takes time in proportion
// to it. Were it quadratic, this would take minutes.
func TestManyInText(t *testing.T) {
	const n = 50_000
	document := []byte(`{"body":` + text(text("["+strings.Repeat(failed+",", n-1)+completed+"]")) + `}`)
	found := wrapped.Find(document, wrapped.MaxEvents)
	if len(found.List) != n {
		t.Fatalf("%d events of %d", len(found.List), n)
	}
	for i := range found.List {
		offsets := []int{0, len(`{"event_type"`)}
		found.List[i].Offsets(offsets)
		if i < n-1 && string(document[offsets[0]:offsets[1]]) != `{\\\"event_type\\\"` {
			t.Fatalf("event %d is at %q", i, document[offsets[0]:offsets[1]])
		}
	}
}

// FuzzFind: each event is where it is said to be.
func FuzzFind(f *testing.F) {
	for _, s := range []string{failed, text(failed), `[{"body":` + text(text(failed)) + `}]`, `{"data":"` + coded(failed) + `"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		for _, e := range wrapped.Find(document, 10).List {
			if pointer := e.Pointer(document); (pointer == "") != (e.Tokens() == 0) {
				t.Errorf("the pointer of %d tokens is %q", e.Tokens(), pointer)
			}
			offsets := make([]int, len(e.Data)+1)
			for i := range offsets {
				offsets[i] = i
			}
			e.Offsets(offsets)
			if !slices.IsSorted(offsets) || offsets[0] < 0 || offsets[len(offsets)-1] > len(document) {
				t.Errorf("offsets of %d bytes: %d to %d of %d", len(e.Data), offsets[0], offsets[len(offsets)-1], len(document))
			}
			if !e.IsText() && string(document[offsets[0]:offsets[len(e.Data)]]) != string(e.Data) {
				t.Errorf("%q is not at %d", e.Data, offsets[0])
			}
		}
	})
}

func ExampleFind() {
	document := []byte(`[{"headers":{},"body":{"event_type":"run_failed"},"webhookUrl":"https://n8n.example"}]`)
	found := wrapped.Find(document, wrapped.MaxEvents)
	for _, event := range found.List {
		fmt.Printf("%s: %s at %s\n", found.Shape, event.Data, event.Pointer(document))
	}
	// Output:
	// a request as n8n shows it: {"event_type":"run_failed"} at /0/body
}
