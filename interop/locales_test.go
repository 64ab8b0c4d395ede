package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
	_ "time/tzdata" // for machines without

	"github.com/runhooks/runhooks/internal/skiptest"
	"github.com/runhooks/runhooks/pkg/event"
)

// toLocaleString writes each instant in each locale and zone that Node.js knows.
const toLocaleString = `
const { tags, zones, instants } = JSON.parse(require("fs").readFileSync(0));
const texts = Intl.DateTimeFormat.supportedLocalesOf(tags).flatMap((tag) =>
  zones.flatMap((zone) =>
    instants.map((instant) => ({
      tag, zone, instant, text: new Date(instant).toLocaleString(tag, { timeZone: zone }),
    }))));
process.stdout.write(JSON.stringify(texts));
`

// TestLocales: pkg/event reads what Node.js writes in every locale, and reads no text as
// another instant, whatever locale it was told.
func TestLocales(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		skiptest.Missing(t, "node")
	}
	type text struct {
		Tag, Zone, Text string
		Instant         time.Time
	}
	given := map[string][]string{
		"tags":  event.Locales(),
		"zones": {"UTC", "Europe/Berlin", "Asia/Kathmandu"},
		"instants": {
			"2026-06-25T13:53:15Z", "2026-03-04T05:06:07Z", "2026-12-11T10:11:12Z", "2026-06-05T00:00:00Z",
			"2026-06-05T00:00:59Z", "2026-06-05T12:59:59Z", "2024-02-29T23:08:07Z", "2025-03-20T12:00:00Z",
			"2025-03-21T12:00:00Z", "2029-03-20T12:00:00Z", "2026-12-31T23:59:59Z",
		},
	}
	input, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(node, "-e", toLocaleString)
	command.Stdin, command.Stderr = bytes.NewReader(input), os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var texts []text
	if err := json.Unmarshal(output, &texts); err != nil {
		t.Fatal(err)
	}
	if most := len(given["tags"]) * len(given["zones"]) * len(given["instants"]); len(texts) < most*9/10 {
		t.Errorf("Node.js writes %d of %d texts", len(texts), most)
	}
	// Releases of Node.js disagree here, so that what they write is not certain: day and
	// month changed places, and es-AR has hours of 12 without a day period since ICU 78.
	uncertain := map[string]bool{"es-AR": true, "ti": true, "ti-ER": true, "ti-ET": true}
	unread := make(map[string]string)
	for _, text := range texts {
		zone, err := time.LoadLocation(text.Zone)
		if err != nil {
			t.Fatal(err)
		}
		locale, err := event.LoadLocale(text.Tag)
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Parser{Zone: zone, Locale: locale}.Parse(scrapeAt(t, text.Text))
		if err != nil {
			t.Fatal(err)
		}
		switch at := e.Run.FinishedAt; {
		case !at.Known && !uncertain[text.Tag]:
			unread[text.Tag] = text.Text
		case at.Known && !at.Instant.Equal(text.Instant):
			t.Errorf("%s in %s: %q is read as %v, and is %v", text.Tag, text.Zone, text.Text, at.Instant, text.Instant)
		}
	}
	for tag, text := range unread {
		t.Errorf("%s: %q is not read", tag, text)
	}
}

// scrapeAt returns a payload as servers send it, of a run that finished at a local time.
func scrapeAt(t *testing.T, finished string) []byte {
	t.Helper()
	text, err := json.Marshal(finished)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"event_type":"run_completed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"w",
"data":{"robotId":"r","runId":"u","robotName":"T","status":"success","finishedAt":%s,"markdown":"m"}}`, text)
}
