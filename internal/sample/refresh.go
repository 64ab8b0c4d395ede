package sample

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// timeLayouts are the forms of times that are made fresh: those of the contract,
// and of servers whose locale is en-US. (That has no zone; it is taken for UTC.)
var timeLayouts = []string{"2006-01-02T15:04:05.000Z", "1/2/2006, 3:04:05 PM"}

// refresh gives payload with other UUIDs, one for each, and, where there is a
// clock, with its times moved so that its timestamp is now. All else stays as it
// is, to the byte. It goes by how a value looks and not by what it is called, so
// that it holds for every shape. What fresh has stands for a text from the start; what
// takes the place of a UUID is added to it.
func (m Maker) refresh(payload []byte, fresh map[string]string) ([]byte, error) {
	var shift time.Duration
	if m.Now != nil {
		var envelope struct {
			Timestamp time.Time `json:"timestamp"`
		}
		if err := json.Unmarshal(payload, &envelope); err != nil {
			return nil, fmt.Errorf("a sample has no timestamp to start from: %w", err)
		}
		shift = m.Now().Sub(envelope.Timestamp).Truncate(time.Millisecond)
	}
	renew := func(s string) string {
		if isUUID(s) && fresh[s] == "" {
			fresh[s] = m.uuid()
		}
		if is, ok := fresh[s]; ok {
			return is
		}
		for _, layout := range timeLayouts {
			if t, err := time.Parse(layout, s); err == nil && shift != 0 {
				return t.Add(shift).UTC().Format(layout)
			}
		}
		return s
	}

	out := make([]byte, 0, len(payload))
	copied := 0
	dec := jsontext.NewDecoder(bytes.NewReader(payload))
	for {
		token, err := dec.ReadToken()
		if err == io.EOF {
			return append(out, payload[copied:]...), nil
		}
		if err != nil {
			return nil, err
		}
		if token.Kind() != '"' {
			continue
		}
		if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' && n%2 == 1 {
			continue // a name
		}
		// What is made fresh is written without escapes, so its length tells
		// where it starts.
		s, end := token.String(), int(dec.InputOffset())-1
		start := end - len(s)
		if start < copied || string(payload[start:end]) != s {
			continue
		}
		out = append(append(out, payload[copied:start]...), renew(s)...)
		copied = end
	}
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
				return false
			}
		}
	}
	return true
}

// uuid makes one at random (RFC 9562, section 5.4).
func (m Maker) uuid() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(m.Rand.Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
