package cli

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// tamperWays are what --tamper takes.
var tamperWays = []string{"body", "space", "newline", "truncate", "id", "timestamp", "signature", "secret", "missing"}

// tamper changes a signed request, so that its signature is no longer that of what
// is sent. (Of the way "secret", the signature itself is.)
func tamper(r *emitter.Request, way string) {
	switch way {
	case "body":
		r.Body = slices.Clone(r.Body)
		alter(r.Body)
	case "space":
		at := bytes.IndexByte(r.Body, '{') + 1 // 0 without one
		r.Body = slices.Insert(slices.Clone(r.Body), at, ' ')
	case "newline":
		r.Body = append(slices.Clone(r.Body), '\n')
	case "truncate":
		r.Body = r.Body[:max(0, len(r.Body)-1)]
	case "id":
		alterHeader(r, signature.HeaderID)
	case "timestamp":
		seconds, _ := strconv.ParseInt(r.Header.Get(signature.HeaderTimestamp), 10, 64) // which we wrote
		r.Header.Set(signature.HeaderTimestamp, strconv.FormatInt(seconds+1, 10))
	case "signature":
		alterHeader(r, signature.HeaderSignature)
	case "missing":
		r.Header.Del(signature.HeaderSignature)
	}
}

func alterHeader(r *emitter.Request, name string) {
	value := []byte(r.Header.Get(name))
	// The last characters of base64 may have bits that don't count.
	alter(value[:max(1, len(value)-4)])
	r.Header.Set(name, string(value))
}

// alter makes the last digit another one, or the last letter where there is no digit,
// so that JSON stays JSON and base64 stays base64.
func alter(text []byte) {
	for _, set := range []string{"0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
		if i := bytes.LastIndexAny(text, set); i >= 0 {
			text[i] = set[(bytes.IndexByte([]byte(set), text[i])+1)%len(set)]
			return
		}
	}
	if len(text) > 0 {
		text[len(text)-1] ^= 1
	}
}
