package service_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/service"
)

func TestInspectorsAreBounded(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	create := func(robot string) (service.Inspector, error) { return w.service.CreateInspector(ctx, "tok_1", robot) }
	last := ""
	for robot := range 5 {
		for range service.MaxInspectors {
			i, err := create(fmt.Sprint(robot))
			if err != nil {
				t.Fatal(err)
			}
			last = i.Code
		}
		if _, err := create(fmt.Sprint(robot)); !errors.Is(err, service.ErrTooManyInspectors) {
			t.Errorf("one more for robot %d: %v", robot, err)
		}
	}
	if _, err := create("another"); !errors.Is(err, service.ErrTooManyInspectors) {
		t.Errorf("one more for another robot: %v", err)
	}
	if _, err := create(""); err != nil {
		t.Errorf("those of single robots leave no room for one of all: %v", err)
	}
	i, err := w.service.Inspector(ctx, last)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.service.DeleteInspector(ctx, "tok_1", i); err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.Inspector(ctx, last); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("a deleted inspector: %v", err)
	}
	if _, err := create("another"); err != nil {
		t.Errorf("after one was deleted: %v", err)
	}
	if n := len(w.tokens()); n != 0 {
		t.Errorf("the list of tokens has %d inspectors", n)
	}
	w.want(401, w.do(i.Code, "GET", "/v1/endpoints", ""))
}

// TestCapture: what is secret is not stored, and the rest is as it came.
func TestCapture(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	i, err := w.service.CreateInspector(ctx, "tok_1", "")
	if err != nil {
		t.Fatal(err)
	}
	sent := service.Capture{
		Method: "POST", Path: "/a?token=s3cret", Host: "h", From: "192.0.2.1:1", Body: []byte("{\n\xff\x00}"),
		Header: http.Header{"Authorization": {"Bearer s3cret"}, "X-Api-Key": {"s3cret"}, "Cookie": {"a=s3cret"}, "Referer": {"https://u:s3cret@h/"}, "Webhook-Id": {"1", "2"}},
	}
	if err := w.service.Capture(ctx, i, sent); err != nil {
		t.Fatal(err)
	}
	if sent.Header.Get("Authorization") != "Bearer s3cret" {
		t.Error("the header of the request was changed")
	}
	list, err := w.service.Captures(ctx, i)
	if err != nil || len(list) != 1 {
		t.Fatalf("the list is %+v, %v", list, err)
	}
	got, err := w.service.FindCapture(ctx, i, list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	want := sent
	want.ID, want.At, want.Path = list[0].ID, list[0].At, "/a?token=***"
	want.Header = http.Header{"Authorization": {"***"}, "X-Api-Key": {"***"}, "Cookie": {"***"}, "Referer": {"https://***@h/"}, "Webhook-Id": {"1", "2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	stored, err := w.store.Capture(ctx, i.Code, list[0].ID)
	if err != nil || strings.Contains(string(stored.Request), "s3cret") {
		t.Errorf("what is stored is %s, %v", stored.Request, err)
	}
}
