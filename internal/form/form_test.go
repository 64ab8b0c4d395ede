package form_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

func parse(t *testing.T, p event.Parser, name string) *event.Event {
	t.Helper()
	for _, v := range vectors.All() {
		if v.Name == name {
			e, err := p.Parse(v.Payload)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

func TestRender(t *testing.T) {
	german, err := form.NewParser("Europe/Berlin", "en-US", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		vector string
		parser event.Parser
		form   form.Form
		want   form.Form
		holds  string // of the body
		why    string // empty for none
	}{
		{"wild.ui-extract", event.Parser{}, "", form.Received, `"event_type"`, ""},
		{"wild.ui-extract", event.Parser{}, form.Received, form.Received, `"event_type"`, ""},
		{"page.run-failed", event.Parser{}, form.Documented, form.Documented, `"robotId"`, ""},
		{"wild.ui-extract", german, form.Documented, form.Documented, `"finished_at":"20`, ""},
		{"wild.ui-extract", event.Parser{}, form.Documented, form.Canonical, "", "/data/started_at"},
	} {
		e := parse(t, tt.parser, tt.vector)
		body, as, why := form.Render(e, tt.form)
		if as != tt.want || !bytes.Contains(body, []byte(tt.holds)) {
			t.Errorf("%s as %s: it is %s, %s; want %s", tt.vector, tt.form, as, body, tt.want)
		}
		if as == form.Received && !bytes.Equal(body, e.Payload) {
			t.Errorf("%s: as received it is %s", tt.vector, body)
		}
		switch {
		case tt.why == "" && why != nil:
			t.Errorf("%s as %s: %v", tt.vector, tt.form, why)
		case tt.why != "":
			if _, ok := errors.AsType[*event.InvalidError](why); !ok || !strings.Contains(why.Error(), tt.why) {
				t.Errorf("%s as %s: the reason is %v, want one about %s", tt.vector, tt.form, why, tt.why)
			}
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name string
		want form.Form
	}{{"", form.Received}, {"received", form.Received}, {"canonical", form.Canonical}, {"documented", form.Documented}} {
		if got, err := form.Parse(tt.name); err != nil || got != tt.want || got.String() != string(tt.want) {
			t.Errorf("Parse(%q) = %q, %v", tt.name, got, err)
		}
	}
	if got, err := form.Parse("Canonical"); err == nil {
		t.Errorf("Parse takes Canonical for %q", got)
	}
}

func TestNewParser(t *testing.T) {
	for _, tt := range []struct {
		zone, locale string
		layouts      []string
		want         string // of the error; empty for none
	}{
		{"", "", nil, ""},
		{"Europe/Berlin", "de-DE", nil, ""},
		{"UTC", "", []string{"02.01.2006, 15:04:05", "1/2/2006, 3:04:05 PM"}, ""},
		{"Europe/Berlin", "", nil, "give the locale"},
		{"", "de-DE", nil, "give the zone"},
		{"", "", []string{"02.01.2006, 15:04:05"}, "give the zone"},
		{"Berlin", "de-DE", nil, "IANA"},
		{"Local", "de-DE", nil, "IANA"},
		{"Europe/Berlin", "xx-YY", nil, "not known"},
		{"UTC", "", []string{"yyyy-MM-dd HH:mm"}, "layout"},
		{"UTC", "", []string{"15:04:05"}, "layout"},
		{"UTC", "", []string{"2006-01-02"}, "layout"},
		{"UTC", "", []string{"2006-01-02 15:04:05 -0700"}, "has a zone"},
	} {
		_, err := form.NewParser(tt.zone, tt.locale, tt.layouts)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("NewParser(%q, %q, %q): %v, want an error with %q", tt.zone, tt.locale, tt.layouts, err, tt.want)
		}
	}
}
