package intake_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/runhooks/runhooks/internal/intake"
)

// encode returns text in an encoding.
func encode(t testing.TB, e encoding.Encoding, text string) string {
	t.Helper()
	out, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var encodings = map[string]encoding.Encoding{
	"UTF-16 little":           unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"UTF-16 little with mark": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"UTF-16 big":              unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"UTF-16 big with mark":    unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"UTF-32 little":           utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"UTF-32 little with mark": utf32.UTF32(utf32.LittleEndian, utf32.UseBOM),
	"UTF-32 big":              utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	"UTF-32 big with mark":    utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
}

// TestReadWide: lines and archives in UTF-16 and UTF-32 are read, and that is noted once;
// a file that is one payload is left to be judged for its bytes.
func TestReadWide(t *testing.T) {
	text := "{\"a\":\"é😀" + strings.Repeat("x😀", 3_000) + "\"}"
	data := text + "\r\n\r\n[1]\r\n"
	inData := []seen{{Line: 1, Text: text}, {Line: 3, Text: "[1]"}}
	for name, e := range encodings {
		for _, tt := range []struct {
			file, data string
			want       []seen
			notes      int
		}{
			{"a.ndjson", encode(t, e, data), inData, 1},
			{"plain", encode(t, e, data), inData, 1},
			{"a.har", encode(t, e, archive), inArchive, 2}, // it has requests without a body
			{"plain", encode(t, e, archive), inArchive, 2},
			{"a.json", encode(t, e, text), []seen{{Line: 1, Text: encode(t, e, text)}}, 0},
			{"plain", encode(t, e, text), []seen{{Line: 1, Text: encode(t, e, text)}}, 0},
		} {
			for _, packed := range []bool{false, true} {
				var notes []string
				r := &intake.Reader{Note: func(source, text string) { notes = append(notes, source+": "+text) }}
				data := []byte(tt.data)
				if packed {
					data = gzipped(t, tt.data)
				}
				src := file(t, tt.file, data)
				got, err := collect(t, r, src)
				if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
					t.Errorf("%s of %s: %v (-want +got):\n%s", tt.file, name, err, diff)
				}
				if len(notes) != tt.notes || len(notes) > 0 && !strings.HasPrefix(notes[0], tt.file+": it is "+name[:6]+", as the > of Windows PowerShell") {
					t.Errorf("%s of %s: notes %q", tt.file, name, notes)
				}
				r.Stdin = iotest.OneByteReader(bytes.NewReader(data))
				if got, err := collect(t, r, stdin); tt.file == "plain" && (err != nil || !cmp.Equal(tt.want, got)) {
					t.Errorf("standard input of %s: %v, %v", name, got, err)
				}
			}
		}
	}
}

// TestReadHalfWide: what is not Unicode is not papered over, and what ends within a
// character is told.
func TestReadHalfWide(t *testing.T) {
	wide := func(units ...uint16) string {
		var b []byte
		for _, u := range append(utf16.Encode([]rune(`{"a":"`)), units...) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return string(b)
	}
	for _, tt := range []struct{ data, want, err string }{
		{wide(0xd83d, '"', '}', '\n'), "{\"a\":\"\xed\xa0\xbd\"}", ""},
		{wide(0xde00, 0xd83d, 0xde00, '"', '}'), "{\"a\":\"\xed\xb8\x80😀\"}", ""},
		{wide('"', '}', 0xd83d), "{\"a\":\"\"}\xed\xa0\xbd", ""},
		{wide('"', '}', '\n') + "x", `{"a":""}`, "a.ndjson: broken UTF-16: it ends within a character; make sure that it is written before it is read"},
	} {
		got, err := collect(t, &intake.Reader{}, file(t, "a.ndjson", []byte(tt.data)))
		if len(got) != 1 || got[0].Text != tt.want || tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%q: got %v, %v", tt.data, got, err)
		}
	}
}

// TestReadFraming: what frames the payloads is judged once, for the source.
func TestReadFraming(t *testing.T) {
	const pretty = "{\n  \"event_type\": \"run_failed\",\n  \"data\": {\n    \"a\": [\n      1\n    ]\n  }\n}\n"
	long := "{\n" + strings.Repeat("  \"a\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\n", 40_000) + "\"b\": 1}\n"
	two := []seen{{Line: 1, Text: `{"a":1}`}, {Line: 2, Text: `[2]`}}
	for _, tt := range []struct {
		name, data string
		want       []seen
		err, note  string
	}{
		{"a.ndjson", pretty, nil, "not one payload per line: the first takes up lines 1 to 8", ""},
		{"a.ndjson", "\n\n" + pretty, nil, "not one payload per line: the first takes up lines 3 to 10", ""},
		{"a.ndjson", bom + pretty + pretty, nil, "not one payload per line: the first takes up lines 1 to 8", "it starts with a byte order mark"},
		{"a.ndjson", strings.ReplaceAll(pretty, "\n", "\r\n"), nil, "not one payload per line: the first takes up lines 1 to 8", ""},
		{"a.ndjson", strings.ReplaceAll(pretty, "\n", "\r"), nil, "not one payload per line: the first takes up lines 1 to 8", ""},
		{"a.ndjson", "{\"a\":1,\n\"b\":2}\n", nil, "not one payload per line: the first takes up lines 1 to 2", ""},
		{"a.ndjson", "[\n{\"a\":1},\n{\"a\":2}\n]\n", nil, "not one payload per line: the first takes up lines 1 to 4", ""},
		{"a.ndjson", long, nil, "not one payload per line: what starts on line 1 goes on over the next ones", ""},
		{"a.ndjson", "{\"a\":1}\n[2]\n" + pretty, two, "not one payload per line: what starts on line 3 goes on over the next ones", ""},
		{"a.ndjson", "{\"a\":1}\n[2]\n{", append(two[:2:2], seen{Line: 3, Text: "{"}), "", ""},
		{"a.ndjson", "{\"a\":1}\n{\n[2]", []seen{two[0], {Line: 2, Text: "{"}, {Line: 3, Text: "[2]"}}, "", ""},
		{"a.ndjson", "{\"a\":1,\n[2]\n", []seen{{Line: 1, Text: `{"a":1,`}, two[1]}, "", ""},
		{"a.ndjson", "{\"a\":\n{\"a\":1}\n[2]\n", []seen{{Line: 1, Text: `{"a":`}, {Line: 2, Text: `{"a":1}`}, {Line: 3, Text: "[2]"}}, "", ""},
		{"a.ndjson", "{\"a\":1}\r[2]\r", two, "", `its lines end in only \r`},
		{"a.ndjson", "{\"a\":1}\r[2]", two, "", `its lines end in only \r`},
		{"a.ndjson", "\r{\"a\":1}\r\r[2]", []seen{{Line: 2, Text: `{"a":1}`}, {Line: 4, Text: `[2]`}}, "", `its lines end in only \r`},
		{"a.ndjson", "{\"a\":1}\r\n[2]\r\n", two, "", ""},
		{"a.ndjson", "{\"a\":\r1}\n[2]\n", []seen{{Line: 1, Text: "{\"a\":\r1}"}, two[1]}, "", ""},
		{"a.ndjson", "{\"a\":1}\r", two[:1], "", ""},
		{"a.ndjson", bom + "{\"a\":1}\n[2]\n", two, "", "it starts with a byte order mark, which is not counted as part of the first payload"},
		{"plain", bom + "{\"a\":1}\n[2]\n", two, "", "it starts with a byte order mark"},
		{"a.ndjson", "", nil, "", "it holds no payload"},
		{"a.ndjson", "\n \r\n", nil, "", "it holds no payload"},
		{"a.json", "", []seen{{Line: 1}}, "", ""},
		{"a.har", `{"log":{"entries":[]}}`, nil, "", "no POST request is in it"},
		{"a.json", "PK\x03\x04zip", nil, "it is a zip archive", ""},
		{"a.ndjson", "BZh91AY&SY", nil, "it is bzip2 data", ""},
		{"a.har", "\xfd7zXZ\x00", nil, "it is xz data", ""},
		{"a.json.gz", string(gzipped(t, string(gzipped(t, "{}")))), nil, "it is data that is compressed twice", ""},
		{"a.tar.gz", string(gzipped(t, "a.json"+strings.Repeat("\x00", 251)+"ustar")), nil, "it is a tar archive", ""},
		{"a.ndjson.gz", string(gzipped(t, "{\"a\":1}\n[2]\n")) + strings.Repeat("\x00", 10_000), two, "", ""},
		{"a.ndjson.gz", string(gzipped(t, "{\"a\":1}\n")) + "\x00\x00" + string(gzipped(t, "")) + string(gzipped(t, "[2]\n")) + "\x00", two, "", ""},
		{"a.ndjson.gz", string(gzipped(t, "{\"a\":1}\n")) + string(gzipped(t, "[2]\n"))[:12], two[:1], "truncated gzip data: it ends too early", ""},
		{"a.ndjson.gz", string(gzipped(t, "{\"a\":1}\n")) + "\x00\x00x", two[:1], "truncated gzip data: it ends too early", ""},
		{"a.ndjson.gz", string(gzipped(t, "{\"a\":1}\n")) + "\x00\x00this is not gzip data", two[:1], "broken gzip data: gzip: invalid header", ""},
	} {
		note := ""
		r := &intake.Reader{Note: func(_, text string) { note = text }}
		got, err := collect(t, r, file(t, tt.name, []byte(tt.data)))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s of %.60q (-want +got):\n%s", tt.name, tt.data, diff)
		}
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.name+": "+tt.err+"; ")) {
			t.Errorf("%s of %.60q: error %v, want %q", tt.name, tt.data, err, tt.err)
		}
		if tt.note == "" && note != "" || !strings.HasPrefix(note, tt.note) {
			t.Errorf("%s of %.60q: note %q, want %q", tt.name, tt.data, note, tt.note)
		}
	}
}

// TestLineEndOpenPipe: to tell how lines end, no more is waited for than the first line.
func TestLineEndOpenPipe(t *testing.T) {
	for _, data := range []string{"{\"n\":1}\n", "{\"n\":1}\r\n", encode(t, encodings["UTF-16 little"], "{\"n\":1}\n")} {
		in, feed := io.Pipe()
		go io.WriteString(feed, data)
		for b, err := range (&intake.Reader{Stdin: in, Form: intake.NDJSON}).Read(t.Context(), stdin) {
			if err != nil || string(b.Payloads[0].Data) != `{"n":1}` {
				t.Errorf("%q: %v", data, err)
			}
			break
		}
		in.Close()
	}
}
