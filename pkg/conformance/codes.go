package conformance

import (
	"slices"
	"strings"
)

// The page of codes is written by the command, which embeds what go generate
// makes in gen and openapi: packages that come before this one.
//go:generate go run github.com/runhooks/runhooks/cmd/runhooks explain --markdown --out ../../docs/findings.md

// A Code names the rule that a finding is about, such as "schema.required". Codes
// keep their meaning, so a program can compare with them as with any string:
//
//	if finding.Code == "dialect.local-time" { … }
//
// [Rules] returns all that there are.
type Code string

// Family returns the part of the code before the dot, such as "schema".
func (c Code) Family() string {
	family, _, _ := strings.Cut(string(c), ".")
	return family
}

// Rule returns the rule that the code names, and whether there is one.
func (c Code) Rule() (Rule, bool) {
	r, ok := registry[c]
	return r, ok
}

// A Rule is what the findings of one code are about: something that a payload can break, or
// that is worth mentioning.
type Rule struct {
	// Code names the rule.
	Code Code
	// Severity is that of its findings, unless a finding has another one.
	Severity Severity
	// Summary says in a sentence what a finding of this code means.
	Summary string
	// Detail says why the rule is there, and what follows from breaking it.
	Detail string
	// Hint says in a few words, without a full stop, what a sender has to do about it, and
	// ReceiverHint what a receiver can do. A finding may have a hint of its own, which says
	// more.
	Hint, ReceiverHint string

	// message is the text of a finding that a schema gives only the code of.
	message string
}

// hint returns the one for whoever reads the report.
func (r Rule) hint(as Role) string {
	if as == Receiver {
		return r.ReceiverHint
	}
	return r.Hint
}

// Rules returns the registry: every rule that a finding may be about, by family.
func Rules() []Rule { return slices.Clone(rules) }

var registry = func() map[Code]Rule {
	m := make(map[Code]Rule, len(rules))
	for _, r := range rules {
		m[r.Code] = r
	}
	return m
}()

// A Family is a group of codes: those that have its ID before the dot.
type Family struct {
	// ID is what [Code.Family] returns, such as "schema".
	ID string
	// Summary says what the findings of the family mean for the verdict.
	Summary string
}

// Families returns the families of codes, in the order in which they matter.
func Families() []Family { return slices.Clone(families) }

var families = []Family{
	{"json", "The bytes are not one strict JSON document (RFC 8259, RFC 7493). Nothing else is judged until they are. The verdict is invalid."},
	{"event", "The payload doesn't say which event it is. The verdict is invalid."},
	{"schema", "The payload breaks the documented contract in a way that no known server does, or it breaks a schema of your own (--schema). The verdict is invalid."},
	{"dialect", "The payload differs from the documented contract in a way that real servers do (their dialect). The verdict is deviates: senders must fix it, and receivers should survive it. Some codes are warnings or infos: there the contract leaves the member open, but receivers may still stumble over it."},
	{"data", "No rule is broken, but parts of the payload disagree, or may surprise a receiver. The verdict doesn't change."},
	{"contract", "The payload relies on something that is allowed, but not promised. The verdict doesn't change."},
}

var rules = []Rule{
	{
		Code: "json.syntax", Severity: SeverityError,
		Summary: "The payload is not well-formed JSON.",
		Detail:  "JSON is strict: no trailing commas, no comments, no single quotes, no NaN, nothing left open. What one parser lets pass, the parser of the next receiver refuses.",
		Hint:    "let a JSON library write the payload, not string formatting", ReceiverHint: "refuse it, and tell its sender where it breaks",
	},
	{
		Code: "json.invalid-utf8", Severity: SeverityError,
		Summary: "The payload holds bytes that are not UTF-8.",
		Detail:  "JSON that is exchanged between systems is UTF-8 (RFC 8259, section 8.1). Receivers replace or refuse other bytes, and once they have replaced any, the signature doesn't match.",
		Hint:    "encode the text as UTF-8 before it goes into the payload", ReceiverHint: "refuse it; verify signatures over the bytes as they came, before anything decodes them",
	},
	{
		Code: "json.byte-order-mark", Severity: SeverityError,
		Summary: "The payload starts with a byte order mark.",
		Detail:  "Implementations must not add a byte order mark to JSON that they send (RFC 8259, section 8.1); many parsers refuse it.",
		Hint:    "write the payload as UTF-8 without a byte order mark", ReceiverHint: "refuse it, or cut off its first three bytes once the signature is verified",
	},
	{
		Code: "json.lone-surrogate", Severity: SeverityError,
		Summary: "A string holds half of a surrogate pair.",
		Detail:  "A \\uD800–\\uDFFF escape means something only as one half of a pair. Alone it is not a character (RFC 7493, section 2.1): some parsers refuse it, others replace it. JavaScript makes one when it cuts text by UTF-16 units, as message.slice(0, 200) may do to the message of an error.",
		Hint:    "cut text between code points; JavaScript's message.slice(0, n) counts UTF-16 units", ReceiverHint: "refuse it, or replace the half with U+FFFD before you parse it",
	},
	{
		Code: "json.duplicate-key", Severity: SeverityError,
		Summary: "An object has two members of the same name.",
		Detail:  "Which of them counts depends on the parser (RFC 8259, section 4), so two receivers may read two different events. I-JSON forbids it (RFC 7493, section 2.3).",
		Hint:    "send each member once", ReceiverHint: "refuse it: only its sender knows which of the two counts",
	},
	{
		Code: "json.trailing-data", Severity: SeverityError,
		Summary: "There is more after the end of the JSON document.",
		Detail:  "A payload is one document. Several, one per line, are NDJSON, which runhooks check reads from .ndjson files or with --input ndjson.",
		Hint:    "send one document per request", ReceiverHint: "refuse it: a request has one document",
	},
	{
		Code: "json.too-deep", Severity: SeverityError,
		Summary: "Arrays and objects are nested more than 1,000 deep.",
		Detail:  "No event needs that depth, and recursive parsers run out of stack.",
		Hint:    "flatten the data", ReceiverHint: "refuse it before a recursive parser reads it",
	},
	{
		Code: "json.too-large", Severity: SeverityError,
		Summary: "The payload is larger than the limit, so it was not read.",
		Detail:  "The limit keeps a check's memory bounded. It is not part of the contract.",
		Hint:    "send less, or raise the limit", ReceiverHint: "raise the limit if you expect such payloads",
	},
	{
		Code: "event.type-missing", Severity: SeverityError,
		Summary: "The payload has no event_type.",
		Detail:  "event_type tells the events apart; without it a receiver of both can't know what it got.",
		Hint:    "add event_type", ReceiverHint: "refuse it, or keep its bytes: nothing says which event it is",
	},
	{
		Code: "event.type-unknown", Severity: SeverityError,
		Summary: "The contract doesn't know the payload's event_type.",
		Detail:  "The contract has run_completed and run_failed. Servers also send webhook_test, which is reported as dialect.test-event.",
		Hint:    "send an event of the contract", ReceiverHint: "take it and keep its bytes, since senders may add events; pkg/receiver hands it to Handlers.Unknown",
	},
	{
		Code: "schema.required", Severity: SeverityError,
		Summary: "A member that the contract requires is missing.",
		Detail:  "Every member in the contract's tables is required, except those that it calls optional or conditional.",
		Hint:    "add the member", ReceiverHint: "do without the member, or refuse the payload",
	},
	{
		Code: "schema.type", Severity: SeverityError,
		Summary: "A value doesn't have the JSON type that the contract requires.",
		Detail:  "An integer may be written 5, 5.0 or 5e0; a number in quotes is a string.",
		Hint:    "send a value of the type that the contract asks for", ReceiverHint: "refuse it, or convert the value where that loses nothing",
	},
	{
		Code: "schema.enum", Severity: SeverityError,
		Summary: "A value is not one of those that the contract lists.",
		Detail:  "Receivers branch on these values; any other takes a branch that nobody wrote.",
		Hint:    "send one of the values listed", ReceiverHint: "have a default branch for values that you don't know",
	},
	{
		Code: "schema.const", Severity: SeverityError,
		Summary: "A value is not the one that the contract allows here.",
		Detail:  "A run_failed has status \"failed\" and no other.",
		Hint:    "send the value that the contract asks for", ReceiverHint: "have a default branch for values that you don't know",
	},
	{
		Code: "schema.format", Severity: SeverityError,
		Summary: "A text doesn't have the format that the contract requires.",
		Detail:  "Times are RFC 3339 date-times, with their offset from UTC: 2025-05-29T15:53:15.595Z. A time without an offset names no instant.",
		Hint:    "write times as RFC 3339, such as JavaScript's toISOString() does", ReceiverHint: "keep the text as it came, and parse it only if you know its form",
	},
	{
		Code: "schema.minimum", Severity: SeverityError,
		Summary: "A number is smaller than the contract allows.",
		Detail:  "Counts start at 0.",
		Hint:    "send a count", ReceiverHint: "count the rows yourself",
	},
	{
		Code: "schema.min-length", Severity: SeverityError,
		Summary: "A text is shorter than the contract allows.",
		Detail:  "Identifiers are never empty: an empty one identifies nothing.",
		Hint:    "send the identifier", ReceiverHint: "treat it as absent",
	},
	{
		Code: "schema.not-allowed", Severity: SeverityError,
		Summary: "There is a member that the contract forbids here.",
		Detail:  "A run_completed carries error only when its status is \"failed\", and extracted_data only when it isn't.",
		Hint:    "leave the member out, or correct the status", ReceiverHint: "go by status, and keep the member for people to look at",
	},
	{
		Code: "schema.keyword", Severity: SeverityError,
		Summary: "A rule of the contract is broken, and it has no code of its own.",
		Detail:  "Every rule of a schema counts, including those whose keyword has no code yet. The message names the keyword. The contract has no such rule today, so only a schema of your own (--schema) gives this code.",
		Hint:    "see what the schema says about this place: runhooks schema writes it", ReceiverHint: "see what the schema says about this place: runhooks schema writes it",
	},
	{
		Code: "dialect.field-case", Severity: SeverityError,
		Summary: "A member is spelled in the other case: snake_case for camelCase or the reverse.",
		Detail:  "The members of run_completed are snake_case and those of run_failed camelCase. Servers send failures in snake_case, and scrape runs that succeed in camelCase.",
		Hint:    "spell the member as the contract does", ReceiverHint: "read it under either spelling; pkg/event's Event has it whatever the spelling",
		message: "{member} should be {documented}",
	},
	{
		Code: "dialect.old-name", Severity: SeverityError,
		Summary: "A member has the name that early servers gave it.",
		Detail:  "Before release 0.0.15 servers said workflow_id for robot_id, schema_items for captured_texts, list_items for captured_lists, and so on.",
		Hint:    "give the member the name that the contract gives it", ReceiverHint: "read it under either name; pkg/event's Event has it whatever the name",
		message: "{member} is what early servers called {documented}",
	},
	{
		Code: "dialect.local-time", Severity: SeverityError,
		Summary: "A run time is text in the server's own locale and zone.",
		Detail:  "Servers write run times with toLocaleString(). Nothing in the text says the zone, and 3/4/2026 is in March or in April, so no receiver can be certain of the instant.",
		Hint:    "write times as RFC 3339, such as JavaScript's toISOString() does", ReceiverHint: "parse it as local text, in the server's locale and zone; pkg/event's Parser does it, given both",
		message: "expected an RFC 3339 date-time, found {value}",
	},
	{
		Code: "dialect.test-event", Severity: SeverityError,
		Summary: "The event is webhook_test, which the contract doesn't document.",
		Detail:  "Servers send it when a user tries an endpoint: a run_completed with status \"test\" and metadata.test_mode.",
		Hint:    "send run_completed with status \"test\"", ReceiverHint: "answer with 2xx, and start nothing: somebody is trying your endpoint",
		message: "webhook_test is not an event of the contract; it is judged as run_completed",
	},
	{
		Code: "dialect.texts-map", Severity: SeverityError,
		Summary: "captured_texts is a map of names to rows, not an array of rows.",
		Detail:  "Servers since release 0.0.30 send such a map; when there are no texts, it is {}.",
		Hint:    "send the rows as one array", ReceiverHint: "read the rows under each name; pkg/event's Event has them as TextGroups",
		message: "expected an array of rows, found an object",
	},
	{
		Code: "dialect.lists-array", Severity: SeverityError,
		Summary: "captured_lists is an array of lists, not a map of names to lists.",
		Detail:  "Some servers number the lists by their place in an array; what was never captured leaves a hole there.",
		Hint:    "send the lists by name, as one object", ReceiverHint: "number the lists by their places; pkg/event's Event has them as list_0, list_1 and so on",
		message: "expected an object of lists by name, found an array",
	},
	{
		Code: "dialect.null-list", Severity: SeverityError,
		Summary: "A list is null.",
		Detail:  "Holes of a JavaScript array become null in JSON, and a server without lists may send null for all of them.",
		Hint:    "leave the list out, or send an empty one", ReceiverHint: "read it as no rows",
		message: "expected lists or rows, found null",
	},
	{
		Code: "dialect.null-cell", Severity: SeverityError,
		Summary: "A cell of a row is null.",
		Detail:  "Servers send null where the page had nothing to capture. The contract's cells are text.",
		Hint:    "send the empty text", ReceiverHint: "read it as nothing found; pkg/event's Cell tells it from an empty text",
		message: "expected the text of a cell, found null",
	},
	{
		Code: "dialect.user-id-string", Severity: SeverityError,
		Summary: "user_id is a number in quotes.",
		Detail:  "Scheduled runs send it as a string, other runs as a number.",
		Hint:    "send the number", ReceiverHint: "read it as text, whether it comes as text or as a number; pkg/event's Event has it as text",
		message: "expected an integer, found {value}",
	},
	{
		Code: "dialect.number-for-text", Severity: SeverityError,
		Summary: "A text is sent as a number.",
		Detail:  "Servers store what their API was given, and send it as it is: webhook_id 7, or a robot whose name is the number 2024. A receiver that accepts nothing but text loses the event.",
		Hint:    "send the number as text, in quotes", ReceiverHint: "read it as text, whether it comes as text or as a number; pkg/event's Event has it as text",
		message: "expected a string, found {value}",
	},
	{
		Code: "dialect.null-member", Severity: SeverityError,
		Summary: "A member is null where the contract has a value.",
		Detail:  "Servers store what their API was given, and send it as it is: webhook_id, robot_name and user_id may each be null.",
		Hint:    "send the value, or leave an optional member out", ReceiverHint: "read null as absent; in pkg/event's Event its field is empty",
		message: "expected a value, found null",
	},
	{
		Code: "dialect.empty-id", Severity: SeverityError,
		Summary: "An identifier is the empty text.",
		Detail:  "Servers store what their API was given, and a webhook whose id is empty was given an empty one. It identifies nothing.",
		Hint:    "send the identifier", ReceiverHint: "read an empty one as absent, and don't tell endpoints apart by it",
		message: "expected text that is not empty, found {value}",
	},
	{
		Code: "dialect.member-absent", Severity: SeverityError,
		Summary: "A member of the contract is absent, as it is from the payloads of some servers.",
		Detail:  "total_rows, started_at, metadata, extracted_data, error.type, error.stack, webhook_id and, from a fork, all counts are each absent from some payloads of real servers. metadata of a failure is optional, so there it is an info.",
		Hint:    "add the member", ReceiverHint: "do without it: some servers don't send it; in pkg/event's Event its field is empty",
		message: "the member {missing} is missing",
	},
	{
		Code: "dialect.failed-with-data", Severity: SeverityError,
		Summary: "A failure carries extracted_data.",
		Detail:  "Servers send null, or what the run had captured before it failed. By the contract, an event has it unless the run failed.",
		Hint:    "leave extracted_data out of failures", ReceiverHint: "treat it as partial: it was captured before the run failed",
		message: "a failed run has no {member}",
	},
	{
		Code: "data.count-mismatch", Severity: SeverityWarning,
		Summary: "A count is not the number of rows that the payload holds.",
		Detail:  "A count is of rows, and total_rows is texts plus lists. Servers count rows in the events of runs. The made-up event that tries an endpoint, webhook_test, gives 5 for one row, and the sample on Maxun's page gives 3, the number of cells in its one row of texts.",
		Hint:    "count the rows", ReceiverHint: "count the rows yourself; Counted of pkg/event's Event does",
	},
	{
		Code: "data.time-order", Severity: SeverityWarning,
		Summary: "The run finished before it started.",
		Detail:  "The two times come from clocks that disagree, or from different runs.",
		Hint:    "take both times from one clock", ReceiverHint: "don't compute a duration from these two times",
	},
	{
		Code: "data.ansi-escape", Severity: SeverityWarning,
		Summary: "A text holds the escape sequences of a terminal.",
		Detail:  "Error messages of browser drivers are coloured for terminals. In a web page or an email the sequences are clutter; a terminal obeys them.",
		Hint:    "strip ANSI escape sequences from the text", ReceiverHint: "strip the escape sequences before you show the text",
	},
	{
		Code: "data.placeholder", Severity: SeverityWarning,
		Summary: "A value is the placeholder that servers send when they don't know the value.",
		Detail:  "\"Unknown Robot\" is not the name of a robot: the server did not find the recording that the run belongs to.",
		Hint:    "send the robot's name; the server did not find it", ReceiverHint: "tell robots apart by their identifier, not by their name",
	},
	{
		Code: "data.empty-success", Severity: SeverityWarning,
		Summary: "The run succeeded, but the event holds nothing that it extracted.",
		Detail:  "Events of runs that were started by the API or an SDK hold empty texts and lists with counts of 0, whatever the stored run has. Servers also report success when a page can't be reached, when a run is stopped, and when a scrape returns text only. Rows, texts and links of the page, results of a crawl or a search, and URLs of screenshots are what counts as extracted; screenshots_count doesn't.",
		Hint:    "send what the run extracted; without it a receiver has to fetch the run", ReceiverHint: "fetch the run from the server's API before you believe it",
	},
	{
		Code: "data.repeated-rows", Severity: SeverityWarning,
		Summary: "Captured texts repeat what was captured before.",
		Detail:  "With each step of a capture, some servers send the rows of the earlier steps again: 1 row, then 2, then 4, of one page. Texts by name are reported if all rows of one name are the first rows of another (two cells or more), byte for byte; texts in an array, if the first rows (two or more) start again, once or more, each time followed by other rows than before.",
		Hint:    "send each row once", ReceiverHint: "of lists that start alike, keep the longest",
	},
	{
		Code: "data.unreachable-url", Severity: SeverityWarning,
		Summary: "A URL leads to a host that only the sender, or its network, can reach.",
		Detail:  "Servers build the URLs of screenshots from the address by which they know their store: localhost, a private address, a name of their own network. For a receiver such a URL leads nowhere, or to a host of its own that happens to have the same address. The addresses are those that IANA reserves for special purposes (RFC 6890), in any form that browsers accept: 2130706433 and 0x7f.1 are 127.0.0.1.",
		Hint:    "set the public address of the server's store", ReceiverHint: "don't fetch it from your own network; replace its host with the server's public one",
	},
	{
		Code: "data.nul", Severity: SeverityWarning,
		Summary: "A text or the name of a member holds U+0000.",
		Detail:  "JSON allows the escape \\u0000, but common stores don't accept the character that it stands for: PostgreSQL's jsonb and text refuse the whole document. C programs end the text there.",
		Hint:    "remove it from the text", ReceiverHint: "remove it before you store the payload",
	},
	{
		Code: "data.unsafe-integer", Severity: SeverityWarning,
		Summary: "An integer is too large for parsers that read numbers as doubles.",
		Detail:  "Beyond ±(2^53-1) a double doesn't hold every integer, so JavaScript's JSON.parse and others silently read a different number (RFC 7493, section 2.2). An integer that is written with a fraction or an exponent mostly comes from a double, and is reported only if reading it as a double changes it: 9007199254740993.0 and 1e400 are reported, 5.0 and 1e300 are not.",
		Hint:    "send large identifiers as text", ReceiverHint: "read it with a parser that keeps all digits",
	},
	{
		Code: "contract.unknown-member", Severity: SeverityInfo,
		Summary: "A member that the contract doesn't name.",
		Detail:  "Members may be added everywhere, and receivers must survive them. With --strict they are errors, for senders who want to know of each.",
		Hint:    "allowed; receivers ignore it", ReceiverHint: "keep it in case you need it, and go on without it; pkg/event's Event has it in Extra",
	},
	{
		Code: "contract.opaque-id", Severity: SeverityInfo,
		Summary: "An identifier is not a UUID.",
		Detail:  "The contract promises a text that is not empty, and nothing more. A receiver that stores identifiers as UUIDs loses this one.",
		Hint:    "allowed; receivers should store identifiers as text", ReceiverHint: "store identifiers as text, not as UUIDs",
	},
}
