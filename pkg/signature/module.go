//go:build wasmmodule

package signature

// Verify is the Verify of http.go, for names of headers in the form of the constants.
func (v *Verifier) Verify(h map[string][]string, payload []byte) (by int, err error) {
	return v.verify(h, payload)
}
