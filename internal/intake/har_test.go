package intake_test

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/intake"
)

// post is an entry of an archive: a POST with what else its request has.
func post(members string) string {
	return `{"startedDateTime":"2025-01-01T00:00:00Z","time":1,"request":{"method":"POST","url":"https://example.com/hooks/a?b=c",` +
		`"httpVersion":"HTTP/1.1","cookies":[],"queryString":[],"headersSize":-1,` + members +
		`},"response":{"status":204,"content":{"size":0,"mimeType":""}},"cache":{},"timings":{"send":0,"wait":0,"receive":0}}`
}

func har(entries ...string) string {
	return `{"log":{"version":"1.2","creator":{"name":"test","version":"1"},"entries":[` + strings.Join(entries, ",") + `]}}`
}

// TestReadArchives reads bodies as different recorders keep them, and says which are missing.
func TestReadArchives(t *testing.T) {
	const event = `{"event_type":"run_failed","a":"é😀"}`
	quoted := strconv.Quote(event)
	zipped := string(gzipped(t, event))
	coded := base64.StdEncoding.EncodeToString
	var latin strings.Builder // the bytes as characters of the same numbers
	for i := range len(zipped) {
		fmt.Fprintf(&latin, `\u%04x`, zipped[i])
	}
	const again = "; record it again with the bodies of requests"
	const at = "/log/entries/0/request"
	for _, tt := range []struct {
		name, entries string
		want          []string
		err, note     string
	}{
		{"Chrome", post(`"headers":[{"name":"content-length","value":"40"}],"bodySize":40,"postData":{"mimeType":"application/json","text":` + quoted + `}`),
			[]string{event}, "", ""},
		{"Chrome, without the body", post(`"headers":[{"name":"Content-Length","value":"40"}],"bodySize":0`), nil,
			"1 POST request, 1 without the body that was sent: " + at + again, ""},
		{"Firefox", post(`"bodySize":40,"headers":[],"postData":{"mimeType":"application/json","params":[],"text":` + quoted + `}`), []string{event}, "", ""},
		{"Firefox, without the body", post(`"bodySize":40,"headers":[]`), nil, "1 POST request, 1 without the body that was sent: " + at + again, ""},
		{"Playwright", post(`"headers":[],"bodySize":-1,"postData":{"mimeType":"application/json","text":` + quoted + `,"params":[]}`), []string{event}, "", ""},
		{"Playwright, with the body in a file", post(`"headers":[{"name":"content-length","value":"40"}],"bodySize":-1,"postData":{"mimeType":"application/json","text":"","params":[],"_file":"x.json"}`),
			nil, "1 POST request, 1 without the body that was sent: " + at + again, ""},
		{"mitmproxy", post(`"headers":[],"bodySize":40,"postData":{"mimeType":"application/json","text":` + quoted + `,"params":[]}`), []string{event}, "", ""},
		{"mitmproxy, of bytes that are not text", post(`"headers":[],"bodySize":40,"postData":{"mimeType":"application/json","text":null,"params":[]}`), nil,
			"1 POST request, 1 without the body that was sent: " + at + again, ""},
		{"no body was sent", post(`"headers":[{"name":"content-length","value":"0"}],"bodySize":0`), nil, "", "1 POST request, 1 without a body"},
		{"nobody knows", post(`"headers":0,"bodySize":"?"`) + "," + post(`"postData":{"text":`+quoted+`}`), []string{event}, "", "2 POST requests, 1 without a body"},
		{"one of two", post(`"bodySize":40,"postData":{"text":`+quoted+`}`) + "," + post(`"bodySize":40`), []string{event},
			"2 POST requests, 1 without the body that was sent: /log/entries/1/request" + again, ""},
		{"base64", post(`"bodySize":40,"postData":{"text":"` + coded([]byte(event)) + `","encoding":"base64"}`), []string{event}, "", ""},
		{"gzip in base64", post(`"bodySize":40,"postData":{"text":"` + coded([]byte(zipped)) + `","encoding":"base64"}`), []string{event}, "", ""},
		{"gzip in base64, unsaid", post(`"bodySize":40,"postData":{"text":"` + coded([]byte(zipped)) + `"}`), []string{event}, "", ""},
		{"zstd in base64", post(`"bodySize":40,"postData":{"text":"` + coded(zstded(t, event)) + `"}`), []string{event}, "", ""},
		{"gzip as characters", post(`"bodySize":40,"postData":{"text":"` + latin.String() + `"}`), []string{event}, "", ""},
		{"gzip that lost bytes", post(`"bodySize":40,"postData":{"text":"\u001f\ufffd\u0008\u0000"}`), nil,
			at + "/postData/text is gzip data, of which the archive has lost some" + again, ""},
		{"gzip that is cut off", post(`"bodySize":40,"postData":{"text":"` + coded([]byte(zipped[:30])) + `"}`), nil,
			at + "/postData/text: truncated gzip data: it ends too early" + again, ""},
		{"text that looks like base64", post(`"bodySize":40,"postData":{"text":"H4sI am not"}`), []string{"H4sI am not"}, "", ""},
		{"no POST", strings.Replace(post(`"bodySize":0`), "POST", "GET", 1), nil, "", "no POST request is in it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			note := ""
			r := &intake.Reader{Note: func(_, text string) { note += text }}
			payloads, err := collect(t, r, file(t, "a.har", []byte(har(tt.entries))))
			var got []string
			for _, p := range payloads {
				got = append(got, p.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || note != tt.note {
				t.Errorf("note %q, want %q; (-want +got):\n%s", note, tt.note, diff)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != "a.har: "+tt.err) {
				t.Errorf("error %v, want %s", err, tt.err)
			}
		})
	}
}

// TestReadArchiveURLs: of an archive with requests of all kinds, a glob takes some.
func TestReadArchiveURLs(t *testing.T) {
	entry := func(url, text string) string {
		return strings.Replace(post(`"bodySize":4,"postData":{"text":`+text+`}`), "https://example.com/hooks/a?b=c", url, 1)
	}
	data := []byte(har(
		entry("https://example.com/hooks/a", `"1"`),
		entry("https://example.com/hooks/b?x=1", `"2"`),
		entry("https://stats.example.org/collect", `""`), // lacks its body, which only matters if it is asked for
		entry("http://127.0.0.1:3000/", `"4"`)))
	const first = "no POST request is to a URL that was asked for; the first is to \"https://example.com/hooks/a\""
	for _, tt := range []struct {
		globs      []string
		want, note string
		fails      bool
	}{
		{nil, "124", "", true},
		{[]string{"*"}, "124", "", true},
		{[]string{"https://example.com/*"}, "12", "", false},
		{[]string{"https://example.com/hooks/a"}, "1", "", false},
		{[]string{"*/hooks/*", "http://127.*"}, "124", "", false},
		{[]string{"*?x=1"}, "2", "", false},
		{[]string{"*example*a"}, "1", "", false},
		{[]string{"hooks"}, "", first, false},
		{[]string{"**/hooks/**a**"}, "1", "", false},
		{[]string{"https://example.com/hooks/a*a"}, "", first, false},
		{[]string{""}, "", first, false},
	} {
		note := ""
		r := &intake.Reader{URLs: tt.globs, Note: func(_, text string) { note += text }}
		payloads, err := collect(t, r, file(t, "a.har", data))
		got := ""
		for _, p := range payloads {
			got += p.Text
		}
		if got != tt.want || note != tt.note || (err != nil) != tt.fails {
			t.Errorf("%q: got %q, note %q, error %v", tt.globs, got, note, err)
		}
	}
}

// TestReadArchiveBomb: a compressed body is not let grow beyond the limit.
func TestReadArchiveBomb(t *testing.T) {
	text := base64.StdEncoding.EncodeToString(gzipped(t, strings.Repeat("x", 10<<20)))
	got, err := collect(t, &intake.Reader{MaxBytes: 1 << 20}, file(t, "a.har", []byte(har(post(`"postData":{"text":"`+text+`"}`)))))
	if err != nil || len(got) != 1 || got[0].Size != 1<<20+1 {
		t.Errorf("got %v, %v", got, err)
	}
}
