package receivertest

import "embed"

//go:embed shapes/*.json
var files embed.FS

// A Shape is a payload as it is documented, or as real servers send it. Its
// values are made up.
type Shape string

// The shapes. A receiver accepts all of them by default, and has an event for
// each.
const (
	// DocumentedCompleted is a run_completed that conforms. It captured a text
	// row and a list.
	DocumentedCompleted Shape = "documented-completed"
	// DocumentedFailed is a run_failed that conforms.
	DocumentedFailed Shape = "documented-failed"

	// Test is a webhook_test, which servers send to try an endpoint.
	Test Shape = "test"

	// Extract is a run_completed of a robot that captures: texts by name, null
	// cells, run times in a server's local time, and no total.
	Extract Shape = "extract"
	// Extract0024 is the same from release 0.0.24: lists without names, one of them null.
	Extract0024 Shape = "extract-0.0.24"
	// ExtractByAPI is the same for a run that was started by the API: a success with
	// nothing in it, whatever the run captured.
	ExtractByAPI Shape = "extract-by-api"
	// Scrape is a run_completed of a robot that scrapes pages: names in camelCase,
	// and the page as Markdown, HTML and links.
	Scrape Shape = "scrape"
	// Crawl is a run_completed of a robot that crawls a site.
	Crawl Shape = "crawl"
	// Failed is a run_failed: names in snake_case, run times, and a message with
	// a terminal's escape sequences in it.
	Failed Shape = "failed"
)

// Shapes returns all shapes.
func Shapes() []Shape {
	return []Shape{
		DocumentedCompleted, DocumentedFailed, Test,
		Extract, Extract0024, ExtractByAPI, Scrape, Crawl, Failed,
	}
}

// Payload returns the payload, which is the caller's to change; nil for a Shape that is not
// one of the constants.
func (s Shape) Payload() []byte {
	payload, _ := files.ReadFile("shapes/" + string(s) + ".json")
	return payload
}
