package diagnose

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
)

const (
	secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherText  = "whsec_AAKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	id         = "evt_1"
	payload    = `{"event_type":"run_failed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"wh_9","data":{"robotId":"r-1","runId":"u-1","robotName":"Café <5€> a/b","status":"failed","error":{"message":"x","type":"E","stack":"a\nb"},"metadata":{"n":1.0}}}`
)

var sent = time.Date(2026, 6, 25, 15, 53, 16, 0, time.UTC)

// hmacOf signs as somebody who has not read the specification.
func hmacOf(key []byte, content string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(content))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func seconds(d time.Duration) string { return strconv.FormatInt(sent.Add(d).Unix(), 10) }

func TestDiagnose(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secretText, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	right := func(body string) string { return hmacOf(key, id+"."+seconds(0)+"."+body) }
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = zip.Write([]byte(payload))
	zip.Close()
	indented := new(bytes.Buffer)
	if err := json.Indent(indented, []byte(payload), "", "  "); err != nil {
		t.Fatal(err)
	}
	var sorted any
	if err := json.Unmarshal([]byte(payload), &sorted); err != nil {
		t.Fatal(err)
	}
	byGo, err := json.Marshal(sorted)
	if err != nil {
		t.Fatal(err)
	}
	python := `{"event_type": "run_failed", "timestamp": "2026-06-25T15:53:15.595Z", "webhook_id": "wh_9", "data": {"robotId": "r-1", "runId": "u-1", "robotName": "Caf\u00e9 <5\u20ac> a/b", "status": "failed", "error": {"message": "x", "type": "E", "stack": "a\nb"}, "metadata": {"n": 1.0}}}`
	php := strings.ReplaceAll(strings.NewReplacer(`, "`, `,"`, `: `, `:`).Replace(python), "/", `\/`)
	jsonb := `{"data": {"error": {"type": "E", "stack": "a\nb", "message": "x"}, "runId": "u-1", "status": "failed", "robotId": "r-1", "metadata": {"n": 1.0}, "robotName": "Café <5€> a/b"}, "timestamp": "2026-06-25T15:53:15.595Z", "event_type": "run_failed", "webhook_id": "wh_9"}`
	latin := strings.ReplaceAll(payload, "€", "E")
	var asLatin []byte
	for _, r := range latin {
		asLatin = append(asLatin, byte(r))
	}

	for _, tt := range []struct {
		name      string
		body      string // as saved
		signature string
		secret    string
		header    func(http.Header)
		part      string // the one that disagrees, or "" if it is genuine
		want      string // in its text
		next      string // in what to do
	}{
		{name: "right", signature: right(payload)},
		{name: "one of two signatures", signature: hmacOf([]byte("older"), "x") + " " + right(payload)},
		{name: "no secret", signature: right(payload), secret: "-", part: PartSecret, want: "there is none", next: "give the secret"},

		{name: "a line feed was added", body: payload + "\n", signature: right(payload), part: PartBytes, want: "without the end of line after it", next: "an editor"},
		{name: "a line feed was lost", signature: right(payload + "\n"), part: PartBytes, want: "with a line feed after it"},
		{name: "CR LF was added", body: payload + "\r\n", signature: right(payload), part: PartBytes, want: "without the end of line"},
		{name: "CR LF became LF", body: indented.String(), signature: right(strings.ReplaceAll(indented.String(), "\n", "\r\n")), part: PartBytes, want: "CR LF for line feeds"},
		{name: "LF became CR LF", body: strings.ReplaceAll(indented.String(), "\n", "\r\n"), signature: right(indented.String()), part: PartBytes, want: "line feeds for CR LF"},
		{name: "curl -d", body: indented.String(), signature: right(strings.ReplaceAll(indented.String(), "\n", "")), part: PartBytes, want: "without its line feeds", next: "--data-binary"},
		{name: "white space around", body: "  " + payload + "\n\n", signature: right(payload), part: PartBytes, want: "without the white space around it"},
		{name: "pretty-printed", body: indented.String(), signature: right(payload), part: PartBytes, want: "without white space", next: "parsed and written again"},
		{name: "pretty before, compact now", signature: right(strings.ReplaceAll(indented.String(), "1.0", "1")), part: PartBytes, want: "JSON.stringify with an indent of 2"},
		{name: "JSON.stringify", signature: right(strings.ReplaceAll(payload, "1.0", "1")), part: PartBytes, want: "as JavaScript's JSON.stringify"},
		{name: "Python", signature: right(python), part: PartBytes, want: "as Python's json.dumps writes it"},
		{name: "Python here", body: python, signature: right(payload), part: PartBytes, want: "plain text"},
		{name: "PHP", signature: right(php), part: PartBytes, want: "as PHP's json_encode writes it"},
		{name: "a Go map", signature: right(string(byGo)), part: PartBytes, want: "Go's json.Marshal of a map"},
		{name: "jsonb", signature: right(jsonb), part: PartBytes, want: "PostgreSQL's jsonb"},
		{name: "a byte order mark here", body: "\ufeff" + payload, signature: right(payload), part: PartBytes, want: "without its byte order mark"},
		{name: "a byte order mark there", signature: right("\ufeff" + payload), part: PartBytes, want: "with a byte order mark before it"},
		{name: "encoded twice", signature: right(mojibake(payload)), part: PartBytes, want: "taken for Latin-1 and encoded again"},
		{name: "encoded twice here", body: mojibake(latin), signature: right(latin), part: PartBytes, want: "the body here is UTF-8 that was taken for Latin-1"},
		{name: "Latin-1 signed", body: latin, signature: right(string(asLatin)), part: PartBytes, want: "in Latin-1"},
		{name: "Latin-1 here", body: string(asLatin), signature: right(latin), part: PartBytes, want: "the body here is Latin-1"},
		{name: "question marks", signature: right(strings.NewReplacer("é", "?", "€", "?").Replace(payload)), part: PartBytes, want: "question marks"},
		{name: "JSON text of it", body: strconv.Quote("[1]"), signature: right("[1]"), part: PartBytes, want: "the JSON text"},
		{name: "base64 of it", body: base64.StdEncoding.EncodeToString([]byte(payload)), signature: right(payload), part: PartBytes, want: "the base64 of"},
		{name: "a form", body: "payload=" + url.QueryEscape(payload), signature: right(payload), part: PartBytes, want: "is a form"},
		{name: "gzip", body: zipped.String(), signature: right(payload), part: PartBytes, want: "gzip", next: "content encoding"},
		{name: "gzip, as the header says", body: zipped.String(), signature: right(payload), header: func(h http.Header) { h.Set("Content-Encoding", "gzip") }},
		{name: "gzip that was signed as it is", body: zipped.String(), signature: right(zipped.String()), header: func(h http.Header) { h.Set("Content-Encoding", "gzip") }},
		{name: "gzip, as the header says, and JSON that was written again", body: zipped.String(), signature: right(python), header: func(h http.Header) { h.Set("Content-Encoding", "gzip") }, part: PartBytes, want: "Python"},
		{name: "nothing was signed", signature: right(""), part: PartBytes, want: "over an empty body"},
		{name: "cut short", body: payload[:50], signature: right(payload), header: func(h http.Header) { h.Set("Content-Length", strconv.Itoa(len(payload))) }, part: PartSignature, want: "no usual mistake", next: "save the body as it arrives"},

		{name: "undecoded, with its prefix", signature: hmacOf([]byte(secretText), id+"."+seconds(0)+"."+payload), part: PartSecret, want: "prefix and all, undecoded", next: "decode the base64"},
		{name: "undecoded", signature: hmacOf([]byte(secretText[6:]), id+"."+seconds(0)+"."+payload), part: PartSecret, want: "text of the secret, undecoded"},
		{name: "undecoded, with a line feed", signature: hmacOf([]byte(secretText+"\n"), id+"."+seconds(0)+"."+payload), part: PartSecret, want: "with a line feed after it, undecoded"},
		{name: "in hexadecimal", signature: hmacOf([]byte(hex.EncodeToString(key)), id+"."+seconds(0)+"."+payload), part: PartSecret, want: "in hexadecimal text"},
		{name: "without its last characters", signature: hmacOf([]byte(secretText[6:len(secretText)-2]), id+"."+seconds(0)+"."+payload), part: PartSecret, want: "without its last 2 characters", next: "copy the secret again"},
		{name: "without its last quantum", signature: hmacOf(key[:len(key)-3], id+"."+seconds(0)+"."+payload), part: PartSecret, want: "without its last 4 characters"},
		{name: "given without its prefix", secret: secretText[6:], signature: right(payload), part: PartSecret, want: "lacks its prefix whsec_", next: "write it as whsec_"},
		{name: "given in hexadecimal", secret: hex.EncodeToString(key), signature: right(payload), part: PartSecret, want: "is hexadecimal"},
		{name: "given in the URL-safe alphabet", secret: "whsec_" + base64.RawURLEncoding.EncodeToString([]byte("\xff\xfe\xfd56789012345678901234567")), signature: hmacOf([]byte("\xff\xfe\xfd56789012345678901234567"), id+"."+seconds(0)+"."+payload), part: PartSecret, want: "URL-safe"},
		{name: "another secret", signature: hmacOf([]byte("another"), id+"."+seconds(0)+"."+payload), part: PartSignature, want: "no usual mistake", next: "the secret is a different one"},
		{name: "a secret of a few letters", secret: "hunter2", signature: hmacOf([]byte("hunter2"), id+"."+seconds(0)+"."+payload), part: PartSecret, want: "undecoded"},

		{name: "the endpoint's id", signature: hmacOf(key, "wh_9."+seconds(0)+"."+payload), part: PartID, want: "the payload's webhook_id", next: "the same in each attempt"},
		{name: "the run's id", signature: hmacOf(key, "u-1."+seconds(0)+"."+payload), part: PartID, want: "id of the run"},
		{name: "milliseconds signed", signature: hmacOf(key, id+"."+seconds(0)+"000."+payload), part: PartTimestamp, want: "is in milliseconds, and the one that was sent in seconds"},
		{name: "milliseconds sent", signature: right(payload), header: func(h http.Header) { h.Set(signature.HeaderTimestamp, seconds(0)+"123") }, part: PartTimestamp, want: "is in seconds, and the one that was sent in milliseconds", next: "in seconds"},
		{name: "milliseconds sent and signed", signature: hmacOf(key, id+"."+seconds(0)+"123."+payload), header: func(h http.Header) { h.Set(signature.HeaderTimestamp, seconds(0)+"123") }, part: PartTimestamp, want: "milliseconds since 1970", next: "in seconds"},
		{name: "a date-time signed", signature: hmacOf(key, id+"."+sent.Format(time.RFC3339)+"."+payload), part: PartTimestamp, want: "is a date-time"},
		{name: "the payload's timestamp signed", signature: hmacOf(key, id+".2026-06-25T15:53:15.595Z."+payload), part: PartTimestamp, want: "is the payload's"},
		{name: "of an earlier attempt", signature: hmacOf(key, id+"."+seconds(-35*time.Second)+"."+payload), part: PartTimestamp, want: "35s before the one that was sent"},
		{name: "old", signature: hmacOf(key, id+"."+seconds(-time.Hour)+"."+payload), header: func(h http.Header) { h.Set(signature.HeaderTimestamp, seconds(-time.Hour)) }, part: PartTimestamp, want: "1h0m1s before it arrived; receivers take 5m0s", next: "clocks"},
		{name: "ahead", signature: hmacOf(key, id+"."+seconds(time.Hour)+"."+payload), header: func(h http.Header) { h.Set(signature.HeaderTimestamp, seconds(time.Hour)) }, part: PartTimestamp, want: "after it arrived", next: "clocks"},
		{name: "a date sent", signature: right(payload), header: func(h http.Header) { h.Set(signature.HeaderTimestamp, sent.Format(time.RFC3339)) }, part: PartTimestamp, want: "RFC 3339 date-time"},

		{name: "over the body alone", signature: hmacOf(key, payload), part: PartSignature, want: "over the body alone", next: "ID.TIMESTAMP.BODY"},
		{name: "of timestamp.body", signature: hmacOf(key, seconds(0)+"."+payload), part: PartSignature, want: "without the id"},
		{name: "without full stops", signature: hmacOf(key, id+seconds(0)+payload), part: PartSignature, want: "without full stops"},
		{name: "in hexadecimal", signature: hexOf(right(payload)), part: PartSignature, want: "hexadecimal"},
		{name: "sha256=", signature: "sha256=" + strings.TrimPrefix(hexOf(right(payload)), "v1,"), part: PartSignature, want: "hexadecimal"},
		{name: "without its version", signature: strings.TrimPrefix(right(payload), "v1,"), part: PartSignature, want: "has no version"},
		{name: "v1=", signature: strings.Replace(right(payload), ",", "=", 1), part: PartSignature, want: "= for the comma"},
		{name: "without padding", signature: strings.TrimRight(right(payload), "="), part: PartSignature, want: "padding"},
		{name: "SHA-1", signature: "v1," + base64.StdEncoding.EncodeToString(sha1Of(key, id+"."+seconds(0)+"."+payload)), part: PartSignature, want: "SHA-1"},
		{name: "GitHub's", signature: "", header: func(h http.Header) {
			h.Del(signature.HeaderSignature)
			h.Set("X-Hub-Signature-256", "sha256="+strings.TrimPrefix(hexOf(hmacOf(key, payload)), "v1,"))
		}, part: PartSignature, want: "X-Hub-Signature-256, which another scheme has"},
		{name: "missing", header: func(h http.Header) { h.Del(signature.HeaderSignature) }, part: PartSignature, want: "the header Webhook-Signature is missing", next: "each once"},
		{name: "all missing", header: func(h http.Header) { clear(h) }, part: PartTimestamp, want: "Webhook-Timestamp is missing", next: "is not signed at all"},
		{name: "an id missing", signature: right(payload), header: func(h http.Header) { h.Del(signature.HeaderID) }, part: PartID, want: "the header Webhook-Id is missing"},
		{name: "v1a", signature: "v1a," + base64.StdEncoding.EncodeToString(make([]byte, 64)), part: PartSecret, want: "the signature is v1a, of a key pair", next: "public key"},

		{name: "two mistakes", body: payload + "\n", signature: hmacOf([]byte(secretText), id+"."+seconds(0)+"."+payload), part: PartBytes, want: "without the end of line", next: "decode the base64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, secrets := tt.body, []string{secretText}
			if body == "" {
				body = payload
			}
			switch tt.secret {
			case "":
			case "-":
				secrets = nil
			default:
				secrets = []string{tt.secret}
			}
			h := http.Header{signature.HeaderID: {id}, signature.HeaderTimestamp: {seconds(0)}, signature.HeaderSignature: {tt.signature}}
			if tt.header != nil {
				tt.header(h)
			}
			at := sent.Add(time.Second)
			r := Diagnose(Request{h, []byte(body), at}, secrets, 0, at)
			text := fmt.Sprintf("%+v", r)
			for _, s := range append(secrets, hex.EncodeToString(key)) {
				if strings.Contains(text, s) || strings.Contains(text, strings.TrimPrefix(s, "whsec_")) {
					t.Errorf("it shows a secret: %s", text)
				}
			}
			if r.Genuine != (tt.part == "") || r.Genuine != (r.Next == "") {
				t.Fatalf("genuine: %v\n%s", r.Genuine, text)
			}
			for _, part := range r.Parts {
				if part.Name == tt.part && (part.State == Agrees || !strings.Contains(part.Text, tt.want)) {
					t.Errorf("%+v, want %q\n%s", part, tt.want, text)
				}
			}
			if !strings.Contains(r.Next, tt.next) {
				t.Errorf("next: %s\nwant %q", r.Next, tt.next)
			}
		})
	}
}

func mojibake(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

func hexOf(value string) string {
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(value, "v1,"))
	return "v1," + hex.EncodeToString(raw)
}

func sha1Of(key []byte, content string) []byte {
	mac := hmac.New(sha1.New, key)
	mac.Write([]byte(content))
	return mac.Sum(nil)
}
