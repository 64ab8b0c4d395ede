package conformance

// Explain is Check without the generated validators' word on remarks.
func (c Checker) Explain(payload []byte) Report { return c.explain(payload) }

// Remark tells whether the generated validators have all there is to say.
func Remark(payload []byte) bool {
	_, _, ok := remark(payload)
	return ok
}
