//go:build !wasmmodule

package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// What needs net/http stands here, and what needs log/slog. The WebAssembly module is
// built without them (see module.go): they are a quarter of it, and it has no use for them.

// SetHeaders signs as [Sign] does, and sets the three headers in h. On an error
// it leaves h as it is.
func SetHeaders(h http.Header, id string, at time.Time, payload []byte, secrets ...Secret) error {
	value, err := Sign(id, at, payload, secrets...)
	if err != nil {
		return err
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, value)
	return nil
}

// Verify reports whether payload, the exact bytes of a body, is genuine, by the
// headers that came with it. If it is, by is the index in Secrets of the secret
// that signed it; with a secret for each sender, it tells them apart. (If several
// did, it is that of the first whsec_, or else of the first other.) If it is not,
// by is -1, and the error wraps, by the first of these checks that fails:
//
//   - [ErrSecret] or [ErrNoSecret]: the Verifier itself can't verify.
//   - [ErrHeaderMissing] or [ErrHeaderMalformed]: the headers are not those of a
//     signed request. The error says what they look like instead.
//   - [ErrTooOld] or [ErrTooNew]: it may be a replay, or a clock is wrong. The
//     signature was not looked at.
//   - [ErrMismatch]: it is forged or altered, or signed with another secret.
//
// All but the first are the request's fault, and their texts may be sent to the sender:
// they hold no part of a secret or of an expected signature, nor the text of the headers.
// HMACs are compared in constant time, and each with each, so that the time tells neither
// how much of one is right nor which secret made it.
func (v *Verifier) Verify(h http.Header, payload []byte) (by int, err error) {
	return v.verify(h, payload)
}

// VerifyRequest reads the body of r, and reports whether it is genuine as
// [Verifier.Verify] does. It returns the exact bytes of a genuine body, and of no
// other. Nothing is read if the headers alone are reason to refuse.
//
// Besides the errors of Verify there is [ErrTooLarge], for a body of more than
// MaxBytes bytes or than an [http.MaxBytesReader] around it allows;
// [io.ErrUnexpectedEOF], for a body that ends before its Content-Length, because
// middleware has read it, say; and whatever error reading returns. The body is
// taken as it comes: if it is compressed, the compressed bytes are what must have
// been signed. (Package receiver undoes the content encoding first, and verifies
// what is left.)
func (v *Verifier) VerifyRequest(r *http.Request) (payload []byte, err error) {
	var c claim
	if err := v.read(&c, r.Header); err != nil {
		return nil, err
	}
	payload, err = v.readBody(r)
	if err != nil {
		return nil, err
	}
	if _, err := v.prove(&c, payload); err != nil {
		return nil, err
	}
	return payload, nil
}

// readAhead is what a body's declared length is believed for before it comes.
const readAhead = 64 << 10

func (v *Verifier) readBody(r *http.Request) ([]byte, error) {
	limit := v.MaxBytes
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	if r.ContentLength > limit {
		return nil, fmt.Errorf("%w: it has %d bytes; the limit is %d", ErrTooLarge, r.ContentLength, limit)
	}
	var buffer bytes.Buffer
	body := r.Body
	if body == nil {
		body = http.NoBody
	}
	buffer.Grow(int(max(0, min(r.ContentLength, readAhead))) + bytes.MinRead)
	if _, err := buffer.ReadFrom(http.MaxBytesReader(nil, body, limit)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, tooLarge.Limit)
		}
		return nil, fmt.Errorf("signature: reading the body: %w", err)
	}
	if n := int64(buffer.Len()); n < r.ContentLength {
		return nil, fmt.Errorf("signature: %d of the %d bytes that Content-Length declares are left of the body; "+
			"has middleware read it? %w", n, r.ContentLength, io.ErrUnexpectedEOF)
	}
	return buffer.Bytes(), nil
}

// LogValue returns what [Secret.String] returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
