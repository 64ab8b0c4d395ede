package conformance

import "fmt"

// Verdict says which layers of the contract accept a payload.
type Verdict string

// The verdicts, from best to worst.
const (
	// Conforms: the documented contract accepts the payload.
	Conforms Verdict = "conforms"
	// Deviates: only the observed superset accepts it. A receiver should
	// survive it; a sender must not emit it.
	Deviates Verdict = "deviates"
	// Invalid: neither accepts it.
	Invalid Verdict = "invalid"
)

// Severity says how much a finding weighs.
type Severity string

// The severities. Only errors make a verdict worse.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// A Role says on which side the reader of a report is.
type Role string

// The roles.
const (
	// Sender can change what the next payload says. Hints are about that.
	Sender Role = "sender"
	// Receiver has to make do with what was sent. Hints say where the data is in it.
	Receiver Role = "receiver"
)

// A Finding is one thing that a check says about a payload.
type Finding struct {
	// Code names the rule, such as "schema.required"; see [Rules].
	Code Code `json:"code"`
	// Severity is usually that of the rule, but not always.
	Severity Severity `json:"severity"`
	// Pointer is the RFC 6901 pointer to what the finding is about. For a member that is
	// missing it points to where the member would stand. It is empty for the whole
	// document. It is exact, so it is as long as the names in the payload, and has all
	// their characters: escape it before you show it.
	Pointer string `json:"pointer"`
	// Line and Column are 1-based; Column counts code points. For a missing
	// member they are the place of the object that lacks it.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Offset counts bytes from the start of the payload.
	Offset int `json:"offset"`
	// Message says what is wrong, in one sentence without a full stop. What it repeats of
	// the payload is in quotes, cut after 60 code points, and escaped where it does not
	// print. So a message is one line of at most 2,000 bytes, which is safe to show in a
	// terminal or a log. It may change with any release.
	Message string `json:"message"`
	// Hint says what to do about it, or is empty. It is as harmless as Message.
	Hint string `json:"hint,omitempty"`
	// Count says how many findings this one stands for, if more than one: those of the same
	// rule in the same column. Pointer, Line, Column, Offset and Message are those of the
	// first.
	Count int `json:"count,omitempty"`
	// Pattern is the pointer that all of them match, with * for the index of an array, such
	// as "/data/extracted_data/captured_lists/Prices/*/Price".
	Pattern string `json:"pattern,omitempty"`
}

// String returns the finding on one line: line, column, severity, code and message,
// without the hint. It is as harmless to show as the message.
func (f Finding) String() string {
	return fmt.Sprintf("%d:%d: %s: %s: %s", f.Line, f.Column, f.Severity, f.Code, f.Message)
}

// A Report is what a check says of one payload.
type Report struct {
	// EventType is the payload's event_type where it is a string, whether or not
	// the contract knows it. Its length and its characters are the payload's.
	EventType string `json:"event_type,omitempty"`
	// Verdict follows from the findings that are errors, except with the engine JSONSchema,
	// whose errors say what the documented layer refuses.
	Verdict Verdict `json:"verdict"`
	// Findings are in document order. There are none, in a slice that is not nil,
	// if there is nothing to say.
	Findings []Finding `json:"findings"`
	// Truncated is true where there are so many findings (ten thousand of a kind, or
	// pointers of 16 MiB together) that the check looked for no more. The verdict is still
	// right.
	Truncated bool `json:"truncated,omitempty"`
}
