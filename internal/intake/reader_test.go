package intake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/runhooks/runhooks/internal/intake"
)

// seen is a payload as the tests compare it.
type seen struct {
	Line int
	At   string
	Text string
	Size int64 // of one that is too large
}

// collect reads src, and checks what holds of every payload.
func collect(t *testing.T, r *intake.Reader, src intake.Source) ([]seen, error) {
	t.Helper()
	var got []seen
	var last error
	for b, err := range r.Read(t.Context(), src) {
		if last != nil {
			t.Fatalf("something follows the error %v", last)
		}
		if err != nil {
			last = err
			continue
		}
		if b.Source != src.Name || len(b.Payloads) == 0 {
			t.Errorf("a batch of %d payloads says source %q", len(b.Payloads), b.Source)
		}
		var size int64
		for _, p := range b.Payloads {
			if p.Index != len(got) {
				t.Errorf("payload %d says index %d", len(got), p.Index)
			}
			s := seen{Line: p.Line, At: p.At, Text: string(p.Data)}
			if p.TooLarge {
				s.Size = p.Size
				if p.Data != nil {
					t.Errorf("payload %d is too large, and has data", p.Index)
				}
			} else if p.Size != int64(len(p.Data)) || b.Form == intake.NDJSON && cap(p.Data) > len(p.Data) {
				t.Errorf("payload %d: size %d, len %d, cap %d", p.Index, p.Size, len(p.Data), cap(p.Data))
			}
			size += int64(len(p.Data))
			got = append(got, s)
		}
		if b.Size < size {
			t.Errorf("a batch says that it takes %d bytes, and has payloads of %d", b.Size, size)
		}
		b.Free()
	}
	return got, last
}

// file writes a file and gives it as a source.
func file(t *testing.T, name string, data []byte) intake.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return intake.Source{Name: name, Path: path, Size: int64(len(data))}
}

var stdin = intake.Source{Name: "stdin", Path: "-", Size: -1}

func gzipped(t testing.TB, data string) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstded(t testing.TB, data string, opts ...zstd.EOption) []byte {
	w, err := zstd.NewWriter(nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll([]byte(data), nil)
}

const (
	object  = "{\n  \"event_type\": \"run_completed\"\n}\n"
	lines   = "\n{\"n\":1}\r\n \t\r\n[2]\n{\"n\":\n3"
	archive = `{"log":{"version":"1.2","entries":[
{"request":{"method":"GET"},"response":{"content":{"text":"{}"}}},
{"request":{"postData":{"mimeType":"application/json",
  "text" :
    "{\"a\":\n\"\u00e9\ud83d\ude00\/\\\"\b\f\r\t\"}"},"method":"post"}},
{"request":{"method":"POST","postData":{"text":"eyJiIjoyfQ==","encoding":"base64"}}},
{"request":{"method":"POST","postData":{"text":""}}},
{"request":{"method":"POST"}},
{"request":{"method":"POST","postData":{"text":null}}},
{"request":{"method":"PUT","postData":{"text":"{}"}}},
{"request":{"method":"POST","postData":{"text":"{}"}}}
]}}
`
)

var (
	inObject  = []seen{{Line: 1, Text: object}}
	inLines   = []seen{{Line: 2, Text: `{"n":1}`}, {Line: 4, Text: "[2]"}, {Line: 5, Text: `{"n":`}, {Line: 6, Text: "3"}}
	inArchive = []seen{
		{Line: 5, At: "/log/entries/1/request/postData/text", Text: "{\"a\":\n\"é😀/\\\"\b\f\r\t\"}"},
		{Line: 6, At: "/log/entries/2/request/postData/text", Text: `{"b":2}`},
		{Line: 11, At: "/log/entries/7/request/postData/text", Text: "{}"},
	}
)

// Every form, with every compression, from a file that says so, from one that
// does not, and from standard input.
func TestRead(t *testing.T) {
	forms := []struct {
		ext, data string
		want      []seen
	}{
		{".json", object, inObject},
		{".ndjson", lines, inLines},
		{".jsonl", lines, inLines},
		{".har", archive, inArchive},
		{".HAR", bom + archive, inArchive},
	}
	packs := []struct {
		ext  string
		pack func(string) []byte
	}{
		{"", func(s string) []byte { return []byte(s) }},
		{".gz", func(s string) []byte { return gzipped(t, s) }},
		{".GZ", func(s string) []byte { return append(gzipped(t, s[:9]), gzipped(t, s[9:])...) }},
		{".zst", func(s string) []byte { return zstded(t, s) }},
		{".zst", func(s string) []byte { return append([]byte("\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"), zstded(t, s)...) }},
	}
	for _, form := range forms {
		for _, pack := range packs {
			data := pack.pack(form.data)
			for _, name := range []string{"a" + form.ext + pack.ext, "a" + form.ext, "plain"} {
				var total int64
				r := &intake.Reader{Progress: func(n int64) { total += n }}
				got, err := collect(t, r, file(t, name, data))
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if diff := cmp.Diff(form.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				if total != int64(len(data)) {
					t.Errorf("%s: progress says %d of %d bytes", name, total, len(data))
				}
			}
			got, err := collect(t, &intake.Reader{Stdin: iotest.OneByteReader(bytes.NewReader(data))}, stdin)
			if err != nil {
				t.Errorf("standard input like a%s%s: %v", form.ext, pack.ext, err)
			}
			if diff := cmp.Diff(form.want, got); diff != "" {
				t.Errorf("standard input like a%s%s (-want +got):\n%s", form.ext, pack.ext, diff)
			}
		}
	}
}

const bom = "\ufeff"

func TestSniff(t *testing.T) {
	long := `{"s":"` + strings.Repeat("x", 1<<20) + `"}`
	tests := []struct {
		name, data string
		want       intake.Form
	}{
		{"empty", "", intake.JSON},
		{"blank", " \n\n", intake.JSON},
		{"text", "hello\nworld\n", intake.JSON},
		{"scalars", "1\n2\n", intake.JSON},
		{"one line", `{"a":1}`, intake.JSON},
		{"one line with its end", "{\"a\":1}\n \n\t\n", intake.JSON},
		{"two lines", "{\"a\":1}\n{\"a\":2}", intake.NDJSON},
		{"arrays", "[1]\r\n[2]\r\n", intake.NDJSON},
		{"late second line", "\n\n{}\n\n\n \n{}", intake.NDJSON},
		{"broken second line", "{}\n}", intake.NDJSON},
		{"byte order mark", bom + "{}\n{}", intake.NDJSON},
		{"broken first line", "{,}\n{}", intake.JSON},
		{"two on a line", "{} {}\n{}", intake.JSON},
		{"pretty", "{\n\"a\":1}\n{}", intake.JSON},
		{"first line too long", long + "\n{}", intake.JSON},
		{"long second line", "{}\n" + long, intake.NDJSON},
		{"archive", `{"log":{"version":"1.2"`, intake.HAR},
		{"archive late in the object", `{"comment":{"log":1},"log":{"comment":"","entries":`, intake.HAR},
		{"archive with mark", bom + ` {"log" : {"creator":`, intake.HAR},
		{"other log", `{"log":{"level":"info"}}`, intake.JSON},
		{"log of another type", "{\"log\":[\"entries\"]}\n{}", intake.NDJSON},
		{"nested log", `{"a":{"log":{"entries":[]}}}`, intake.JSON},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := intake.Sniff(strings.NewReader(test.data)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// The first payloads of a pipe come while it is still open.
func TestReadOpenPipe(t *testing.T) {
	in, feed := io.Pipe()
	go io.WriteString(feed, "{\"n\":1}\n{\"n\":2}\n{")
	n := 0
	for b, err := range (&intake.Reader{Stdin: in}).Read(t.Context(), stdin) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range b.Payloads {
			if n++; string(p.Data) != fmt.Sprintf(`{"n":%d}`, n) {
				t.Fatalf("got %q", p.Data)
			}
		}
		if n == 2 {
			break
		}
	}
	in.Close()
}

func TestReadForm(t *testing.T) {
	tests := []struct {
		name, data string
		form       intake.Form
		want       []seen
	}{
		{"a.json", "{}\n{}\n", intake.Auto, []seen{{Line: 1, Text: "{}\n{}\n"}}},
		{"a.json", "{}\n{}\n", intake.NDJSON, []seen{{Line: 1, Text: "{}"}, {Line: 2, Text: "{}"}}},
		{"a.json", archive, intake.HAR, inArchive},
		{"a.har", archive, intake.JSON, []seen{{Line: 1, Text: archive}}},
		{"a.json", "", "", []seen{{Line: 1}}},
		{"a.ndjson", "", "", nil},
		{"a.ndjson", bom + "{}\n" + bom, "", []seen{{Line: 1, Text: "{}"}, {Line: 2, Text: bom}}},
		{"a.json", bom + "{}", "", []seen{{Line: 1, Text: bom + "{}"}}},
	}
	for _, test := range tests {
		got, err := collect(t, &intake.Reader{Form: test.form}, file(t, test.name, []byte(test.data)))
		if err != nil {
			t.Errorf("%s as %s: %v", test.name, test.form, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s as %s (-want +got):\n%s", test.name, test.form, diff)
		}
	}
}

// Lines of every length around the chunk and the limit, however the bytes come.
func TestReadLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ends := []string{"\n", "\r\n"}
	for round := range 2000 {
		chunk, limit := 1+rng.IntN(20), 1+rng.IntN(40)
		var data strings.Builder
		var want []seen
		lines := 1 + rng.IntN(12)
		for i := range lines {
			n := rng.IntN(60)
			text := strings.Repeat("x", n)
			if n > 0 && rng.IntN(4) == 0 {
				text = strings.Repeat(" ", n-1) + "\t"
			}
			data.WriteString(text)
			if i < lines-1 || rng.IntN(2) == 0 {
				data.WriteString(ends[rng.IntN(2)])
			}
			switch {
			case strings.TrimSpace(text) == "":
			case n > limit:
				want = append(want, seen{Line: i + 1, Size: int64(n)})
			default:
				want = append(want, seen{Line: i + 1, Text: text})
			}
		}
		var in io.Reader = strings.NewReader(data.String())
		switch round % 4 {
		case 1:
			in = iotest.OneByteReader(in)
		case 2:
			in = iotest.HalfReader(in)
		case 3:
			in = iotest.DataErrReader(in)
		}
		var got []seen
		var held [][]byte
		err := intake.ReadLines(in, chunk, int64(limit), '\n', func(b *intake.Batch) error {
			for _, p := range b.Payloads {
				s := seen{Line: p.Line, Text: string(p.Data)}
				if p.TooLarge {
					s.Size = p.Size
				}
				got, held = append(got, s), append(held, p.Data)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("chunk %d, limit %d, %q (-want +got):\n%s", chunk, limit, data.String(), diff)
		}
		for i, data := range held {
			if string(data) != got[i].Text {
				t.Fatalf("chunk %d, limit %d: payload %d was written over: %q, was %q", chunk, limit, i, data, got[i].Text)
			}
		}
	}
}

// However short the lines, a batch has a bounded number of them.
func TestReadManyLines(t *testing.T) {
	const n = 100_000
	src := file(t, "a.ndjson", []byte(strings.Repeat("1\n", n)))
	got, err := collect(t, &intake.Reader{}, src) // which checks what a batch says
	if err != nil || len(got) != n || got[n-1] != (seen{Line: n, Text: "1"}) {
		t.Errorf("%d payloads, %v, %v", len(got), got[len(got)-1:], err)
	}
	for b, err := range new(intake.Reader).Read(t.Context(), src) {
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Payloads) > 5000 {
			t.Errorf("a batch of %d payloads", len(b.Payloads))
		}
		b.Free()
	}
}

// TestReadGrowing: a file ends where it did when its size was taken, whatever is
// added to it meanwhile.
func TestReadGrowing(t *testing.T) {
	src := file(t, "a.ndjson", []byte("1\n2\n"))
	grow, err := os.OpenFile(src.Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer grow.Close()
	got := 0
	for b, err := range new(intake.Reader).Read(t.Context(), src) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range b.Payloads {
			if got++; got > 2 {
				t.Fatalf("line %d was added while the file was read", p.Line)
			}
			if _, err := grow.Write(append(p.Data, '\n')); err != nil {
				t.Fatal(err)
			}
		}
		b.Free()
	}
	if got != 2 {
		t.Errorf("%d payloads of 2", got)
	}
}

func TestReadTooLarge(t *testing.T) {
	big := `"` + strings.Repeat("x", 30) + `"` // 32 bytes
	har := func(text, encoding string) string {
		return fmt.Sprintf(`{"log":{"entries":[
			{"request":{"method":"POST","postData":{"text":%q,"encoding":%q}}},
			{"request":{"method":"POST","postData":{"text":"{}"}}}]}}`, text, encoding)
	}
	encoded := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	const first, second = "/log/entries/0/request/postData/text", "/log/entries/1/request/postData/text"
	tests := []struct {
		name string
		data []byte
		max  int64
		want []seen
	}{
		{"a.json", []byte(big), 32, []seen{{Line: 1, Text: big}}},
		{"a.json", []byte(big), 31, []seen{{Line: 1, Size: 32}}},
		{"a.json.gz", gzipped(t, big), 32, []seen{{Line: 1, Text: big}}},
		{"a.json.gz", gzipped(t, big), 30, []seen{{Line: 1, Size: 31}}},
		{"a.json.zst", zstded(t, strings.Repeat(big, 1<<20)), 1 << 20, []seen{{Line: 1, Size: 1<<20 + 1}}},
		{"a.ndjson", []byte("{}\n" + big + "\r\n[]\n" + big), 32,
			[]seen{{Line: 1, Text: "{}"}, {Line: 2, Text: big}, {Line: 3, Text: "[]"}, {Line: 4, Text: big}}},
		{"a.ndjson", []byte("{}\n" + big + "\r\n[]\n" + big), 31,
			[]seen{{Line: 1, Text: "{}"}, {Line: 2, Size: 32}, {Line: 3, Text: "[]"}, {Line: 4, Size: 32}}},
		{"a.ndjson.gz", gzipped(t, "{}\n"+strings.Repeat(" ", 5<<20)+"\n"+strings.Repeat("x", 5<<20)+"\n[]\n"), 3 << 20,
			[]seen{{Line: 1, Text: "{}"}, {Line: 3, Size: 5 << 20}, {Line: 4, Text: "[]"}}},
		{"a.har", []byte(har(big, "")), 32, []seen{{Line: 2, At: first, Text: big}, {Line: 3, At: second, Text: "{}"}}},
		{"a.har", []byte(har(big, "")), 31, []seen{{Line: 2, At: first, Size: 32}, {Line: 3, At: second, Text: "{}"}}},
		{"a.har", []byte(har(strings.Repeat(`"\`, 1<<16), "")), 1 << 17, []seen{{Line: 2, At: first, Text: strings.Repeat(`"\`, 1<<16)}, {Line: 3, At: second, Text: "{}"}}},
		{"a.har", []byte(har(strings.Repeat("\\", 2<<20), "")), 1 << 20, []seen{{Line: 2, At: first, Size: 3<<19 + 8<<10}, {Line: 3, At: second, Text: "{}"}}},
		{"a.har", []byte(har(encoded(90), "base64")), 90, []seen{{Line: 2, At: first, Text: strings.Repeat("\x00", 90)}, {Line: 3, At: second, Text: "{}"}}},
		{"a.har", []byte(har(encoded(90), "base64")), 89, []seen{{Line: 2, At: first, Size: 90}, {Line: 3, At: second, Text: "{}"}}},
		{"a.har", []byte(har(encoded(2<<20), "base64")), 1 << 20, []seen{{Line: 2, At: first, Size: 1<<20 + 1}, {Line: 3, At: second, Text: "{}"}}},
	}
	for _, test := range tests {
		var total int64
		r := &intake.Reader{MaxBytes: test.max, Progress: func(n int64) { total += n }}
		got, err := collect(t, r, file(t, test.name, test.data))
		if err != nil {
			t.Errorf("%s up to %d: %v", test.name, test.max, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s up to %d (-want +got):\n%s", test.name, test.max, diff)
		}
		if total != int64(len(test.data)) {
			t.Errorf("%s up to %d: progress says %d of %d bytes", test.name, test.max, total, len(test.data))
		}
	}
}

// What is not Unicode in an archive is not papered over.
func TestReadArchiveNotUnicode(t *testing.T) {
	tests := []struct{ text, want string }{
		{"\xff", "\xff"},
		{`\ud800`, "\xed\xa0\x80"},
		{`\udc00\ud83d\ude00`, "\xed\xb0\x80😀"},
		{`\ud83dx\ude00`, "\xed\xa0\xbdx\xed\xb8\x80"},
		{`\ud83d\u0041`, "\xed\xa0\xbdA"},
	}
	for _, test := range tests {
		data := `{"log":{"entries":[{"request":{"method":"POST","postData":{"text":"` + test.text + `"}}}]}}`
		got, err := collect(t, &intake.Reader{}, file(t, "a.har", []byte(data)))
		if err != nil || len(got) != 1 || got[0].Text != test.want {
			t.Errorf("%q: got %v, %v, want %q", test.text, got, err, test.want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	post := `{"request":{"method":"POST","postData":{"text":"{}"}}}`
	one := []seen{{Line: 1, At: "/log/entries/0/request/postData/text", Text: "{}"}}
	var numbers strings.Builder // does not shrink to nothing
	for i := range 100_000 {
		fmt.Fprintf(&numbers, "%d\n", i*i)
	}
	numbersGzip, numbersZstd := gzipped(t, numbers.String()), zstded(t, numbers.String())
	wide := zstded(t, strings.Repeat("x", 33<<20), zstd.WithWindowSize(64<<20))
	long := strings.Repeat("y", 100_000)
	tests := []struct {
		name, data string
		want       []seen // nil: some, but not all of the numbers
		err        string
	}{
		{"a.json.gz", "{}", []seen{}, "a.json.gz: neither gzip nor zstd data, though its name says so; rename it, or compress it again"},
		{"a.json.zst", "", []seen{}, "a.json.zst: it is empty; make sure that it is written before it is read"},
		{"a.json.gz", "\x1f\x8b\x08", []seen{}, "a.json.gz: truncated gzip data: it ends too early; fetch or compress it again"},
		{"a.json", string(gzipped(t, "{}")[:20]), []seen{}, "a.json: truncated gzip data: it ends too early; fetch or compress it again"},
		{"a.json.gz", string(gzipped(t, "{}")) + "garbage that is longer than a header", []seen{}, "a.json.gz: broken gzip data: gzip: invalid header; fetch or compress it again"},
		{"a.ndjson.gz", string(numbersGzip[:len(numbersGzip)/2]), nil, "a.ndjson.gz: truncated gzip data: it ends too early; fetch or compress it again"},
		{"a.ndjson.zst", string(numbersZstd[:len(numbersZstd)-2]), nil, "a.ndjson.zst: truncated zstd data: it ends too early; fetch or compress it again"},
		{"a.ndjson.zst", string(wide), []seen{}, "a.ndjson.zst: broken zstd data: decompressed size exceeds configured limit; it needs more than 32 MiB to decompress: compress it at a level below 20 and without --long"},
		{"a.har", `{"log":{"entries":[` + post + `],}}`, one,
			"a.har: not an HTTP archive: byte 74: invalid character ',' at start of value; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{"log":{"entries":[` + post, one,
			"a.har: not an HTTP archive: byte 73: unexpected EOF; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{"log":{"entries":[` + post + `]}} x`, one,
			"a.har: not an HTTP archive: byte 77: invalid character 'x' at start of value; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{"log":{"entries":[` + post + `]}} {}`, one,
			"a.har: not an HTTP archive: byte 78: expected nothing after the object; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", bom + `{"a":"` + long + `","b":"` + long + `",}`, []seen{},
			"a.har: not an HTTP archive: byte 200017: invalid character ',' at start of value; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{"a":1` + strings.Repeat("0", 1<<20) + `}`, []seen{},
			"a.har: not an HTTP archive: byte 1048581: a number or a stretch of whitespace of more than 1 MiB; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `[]`, []seen{}, "a.har: not an HTTP archive: byte 2: expected an object with a member log; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", ``, []seen{}, "a.har: not an HTTP archive: byte 0: expected an object with a member log; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{}`, []seen{}, "a.har: not an HTTP archive: byte 2: expected log with a member entries; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{"log":1}`, []seen{}, "a.har: not an HTTP archive: byte 8: expected an object as value of log; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{"log":{"entries":{}}}`, []seen{}, "a.har: not an HTTP archive: byte 20: expected an array as value of log.entries; export the archive again, or set the form of the input if it isn't one"},
		{"a.har", `{"log":{"entries":[{"request":{"method":"POST","postData":{"text":"?","encoding":"base64"}}},` + post + `]}}`,
			[]seen{{Line: 1, At: "/log/entries/1/request/postData/text", Text: "{}"}},
			"a.har: /log/entries/0/request/postData/text is not base64, though its encoding says so: illegal base64 data at input byte 0"},
	}
	for _, test := range tests {
		got, err := collect(t, &intake.Reader{}, file(t, test.name, []byte(test.data)))
		if err == nil {
			t.Errorf("%s: no error, want %s", test.name, test.err)
			continue
		}
		if _, ok := err.(*intake.Error); !ok {
			t.Errorf("%v is a %T", err, err)
		}
		if diff := cmp.Diff(test.err, err.Error()); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
		if test.want == nil {
			if len(got) < 1000 {
				t.Errorf("%s: only %d payloads before the fault", test.name, len(got))
			}
			for i, s := range got {
				if s.Text != fmt.Sprint(i*i) {
					t.Fatalf("%s: payload %d is %q", test.name, i, s.Text)
				}
			}
		} else if len(got)+len(test.want) > 0 {
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
	}
}

func TestReadMissing(t *testing.T) {
	src := intake.Source{Name: "gone.json", Path: filepath.Join(t.TempDir(), "gone.json"), Size: 3}
	got, err := collect(t, &intake.Reader{}, src)
	if len(got) > 0 || !errors.Is(err, os.ErrNotExist) || err.Error() != "gone.json: no such file or directory; check the path" {
		t.Errorf("got %v, %v", got, err)
	}
}

// A fault of the disk is not taken for one of the data.
func TestReadDiskFault(t *testing.T) {
	fault := errors.New("disk on fire")
	for _, data := range []string{"", "{", "{}\n{}", archive[:100], string(gzipped(t, lines)[:15]), string(zstded(t, lines)[:10])} {
		in := io.MultiReader(strings.NewReader(data), iotest.ErrReader(fault))
		_, err := collect(t, &intake.Reader{Stdin: in}, stdin)
		if err == nil || err.Error() != "stdin: disk on fire" || !errors.Is(err, fault) {
			t.Errorf("after %q: %v", data, err)
		}
	}
}

// endless repeats its text forever, and counts the bytes.
type endless struct {
	text string
	n    int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.n%len(e.text)]
		e.n++
	}
	return len(p), nil
}

func TestReadCancel(t *testing.T) {
	for _, test := range []struct {
		name string
		form intake.Form
		text string
	}{
		{"lines", intake.NDJSON, "{}\n"},
		{"one line", intake.NDJSON, "x"},
		{"blank", intake.NDJSON, " "},
		{"whole", intake.JSON, " "},
		{"archive", intake.HAR, `{"log":`},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			in := &endless{text: test.text}
			read := int64(0)
			r := &intake.Reader{Form: test.form, Stdin: in, MaxBytes: 1 << 40, Progress: func(n int64) {
				if read += n; read >= 3<<20 {
					cancel()
				}
			}}
			if test.form == intake.HAR {
				r.Progress = func(int64) { cancel() } // nested too deep before long
			}
			var err error
			for _, err = range r.Read(ctx, stdin) {
			}
			if err != context.Canceled {
				t.Errorf("ended with %v", err)
			}
			if read > 5<<20 {
				t.Errorf("read %d bytes", read)
			}
		})
	}
}

// Not even a read that never returns holds a cancelled Read up.
func TestReadCancelStuck(t *testing.T) {
	in, feed := io.Pipe()
	defer feed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		io.WriteString(feed, "{}\n{}\n") // returns once all is read, and the next read is stuck
		cancel()
	}()
	n := 0
	var last error
	for b, err := range (&intake.Reader{Form: intake.NDJSON, Stdin: in}).Read(ctx, stdin) {
		if last = err; err == nil {
			n += len(b.Payloads)
		}
	}
	if n > 2 || last != context.Canceled {
		t.Errorf("got %d payloads, then %v", n, last)
	}
}

func TestReadStops(t *testing.T) {
	in := &endless{text: "{}\n"}
	for range (&intake.Reader{Stdin: in}).Read(t.Context(), stdin) {
		break
	}
	for range (&intake.Reader{}).Read(t.Context(), file(t, "a.har", []byte(archive))) {
		break
	}
}

// A long stream of lines holds no more than a few chunks at any time.
func TestReadMemory(t *testing.T) {
	line := `{"event_type":"run_completed","n":"` + strings.Repeat("x", 1000) + "\"}\n"
	har := `{"log":{"entries":[{"response":{"text":"` + strings.Repeat("é", 32<<20) + `"}},` +
		strings.Repeat(`{"request":{"method":"POST","postData":{"text":"{}"}},"response":{"text":"`+strings.Repeat("x", 10_000)+`"}},`, 1000) + `{}]}}`
	for _, test := range []struct {
		name string
		in   io.Reader
		n    int
	}{
		{"lines", io.LimitReader(&endless{text: line}, int64(len(line))*60_000), 60_000},
		{"archive", io.LimitReader(strings.NewReader(har), 1<<40), 1000}, // hides WriteTo, which copies it all
	} {
		t.Run(test.name, func(t *testing.T) {
			heap := func() int64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			before, n := heap(), 0
			for b, err := range (&intake.Reader{Stdin: test.in}).Read(t.Context(), stdin) {
				if err != nil {
					t.Fatal(err)
				}
				for range b.Payloads {
					if n++; n%(test.n/10) == 1 {
						if held := heap() - before; held > 6<<20 {
							t.Fatalf("%d bytes are held after %d payloads", held, n)
						}
					}
				}
			}
			if n != test.n {
				t.Errorf("got %d payloads, want %d", n, test.n)
			}
		})
	}
}

// A payload of the largest size takes time in proportion to it: were anything
// quadratic, this would take minutes.
func TestReadLargest(t *testing.T) {
	text := strings.Repeat("x", 63<<20)
	for name, data := range map[string]string{
		"a.ndjson": text,
		"a.har":    `{"log":{"entries":[{"request":{"method":"POST","postData":{"text":"` + text + `"}}}]}}`,
	} {
		got, err := collect(t, &intake.Reader{}, file(t, name, []byte(data)))
		if err != nil || len(got) != 1 || got[0].Text != text {
			t.Errorf("%s: %d payloads, %v", name, len(got), err)
		}
	}
}

// otherFraming reports whether data may be in another encoding, or have other ends of lines.
func otherFraming(data []byte) bool {
	cr, lf := bytes.IndexByte(data, '\r'), bytes.IndexByte(data, '\n')
	return bytes.HasPrefix(data, []byte(bom)) || bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) ||
		bytes.IndexByte(data[:min(4, len(data))], 0) >= 0 || cr >= 0 && (lf < 0 || cr < lf-1)
}

func FuzzRead(f *testing.F) {
	forms := []intake.Form{intake.Auto, intake.JSON, intake.NDJSON, intake.HAR}
	for i := range forms {
		for _, data := range []string{object, lines, archive, bom + archive, "", "\n\r\n \r", "{}\n{}\r", strings.Repeat("x", 300) + "\n1"} {
			f.Add([]byte(data), uint8(i))
			f.Add(gzipped(f, data), uint8(i))
			f.Add(zstded(f, data), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, form uint8) {
		const limit = 200
		r := &intake.Reader{Form: forms[int(form)%len(forms)], MaxBytes: limit, Stdin: bytes.NewReader(data)}
		var got []seen
		var last error
		for b, err := range r.Read(t.Context(), stdin) {
			if last != nil {
				t.Fatalf("something follows the error %v", last)
			}
			if last = err; err != nil {
				continue
			}
			for _, p := range b.Payloads {
				if p.Index != len(got) || p.Line < 1 || p.TooLarge != (p.Size > limit) || !p.TooLarge && p.Size != int64(len(p.Data)) {
					t.Fatalf("payload %d: %+v", len(got), p)
				}
				got = append(got, seen{Line: p.Line, Text: string(p.Data), Size: p.Size})
			}
			b.Free()
		}
		packed := bytes.HasPrefix(data, []byte("\x1f\x8b")) || bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd")) ||
			len(data) >= 4 && data[0]&0xf0 == 0x50 && string(data[1:4]) == "\x2a\x4d\x18"
		if r.Form != intake.NDJSON || packed {
			return
		}
		var want []seen
		for i, line := range strings.Split(string(data), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if strings.Trim(line, " \t\r") == "" {
				continue
			}
			s := seen{Line: i + 1, Text: line, Size: int64(len(line))}
			if len(line) > limit {
				s.Text = ""
			}
			want = append(want, s)
		}
		if last != nil { // it is not lines, and what to do is said
			if e, ok := last.(*intake.Error); !ok || e.Hint == "" {
				t.Fatal(last)
			}
			return
		}
		if otherFraming(data) {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
