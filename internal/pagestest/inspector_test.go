package pagestest

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// deviating is an event as servers send it: a member has another name than documented.
const deviating = `{"event_type": "run_failed", "timestamp": "2025-05-29T15:53:15.595Z", "webhook_id": "1b480cbd", "data": {
  "robot_id": "d453def3", "runId": "110c4dae", "robotName": "<script>alert('name')</script>", "status": "failed",
  "error": {"message": "Timeout", "type": "TimeoutError", "stack": ""}, "metadata": {}}}`

func TestInspector(t *testing.T) {
	s := serve(t)
	p := s.open(t)
	p.signIn(s.token)
	p.click("Inspector")
	p.sees("No inspector yet")
	p.accessible()
	p.click("Make an inspector")
	p.sees("Nothing has arrived yet")
	p.accessible()
	address := regexp.MustCompile(`http://127\S+/in/\S+`).FindString(p.text())
	page := p.path()

	p.remember()
	answer, err := http.Post(address, "application/json", strings.NewReader(deviating))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	p.sees("POST", "deviates")
	p.isTheSame()

	p.click("POST")
	p.sees(`"robot_id" should be "robotId"`, "<script>alert('name')</script>")
	p.accessible()
	p.harmless()
	if !strings.HasPrefix(p.path(), page+"/") {
		t.Errorf("the request is at %s", p.path())
	}

	receiver := newSink(t)
	p.click("Send it again")
	p.fill("URL", receiver.URL+"/")
	p.click("Send it")
	eventually(t, "the receiver gets it", func() bool { return receiver.received() == 1 })
	p.sees("204")
	p.accessible()

	p.visit("/inspector")
	p.sees("New inspector")
	p.accessible()
	p.visit(page)
	p.click("Delete the inspector")
	p.sees("No inspector yet")
}
