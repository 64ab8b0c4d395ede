package main

import (
	"testing"

	"github.com/runhooks/runhooks/internal/reference"
)

// What Markdown would take for its own is escaped, but not in code.
func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"snake_case, <b>, [x] | *y*":         `snake\_case, &lt;b>, \[x] \| \*y\*`,
		"`robot_id` and `[]`, or run_failed": "`robot_id` and `[]`, or run\\_failed",
	} {
		if got := text(in); got != want {
			t.Errorf("%s is written %s; want %s", in, got, want)
		}
	}
}

func TestAbout(t *testing.T) {
	completed, failed := "run_completed", "run_failed"
	for _, test := range []struct {
		where []reference.Place
		want  string
	}{
		{[]reference.Place{{Event: completed}, {Event: failed}}, "the payload"},
		{[]reference.Place{{Event: completed, Path: "data"}, {Event: failed, Path: "data"}, {Event: failed, Path: "data.error"}}, "`data`, `data.error`"},
		{[]reference.Place{{Event: failed, Path: "data.status"}}, "`data.status` of `run_failed`"},
	} {
		if got := about(&reference.Ruling{Where: test.where}); got != test.want {
			t.Errorf("%v: %s; want %s", test.where, got, test.want)
		}
	}
}
