package storetest

import (
	"bytes"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

var capturesTests = []test{
	{"Captures", func(b *bench) {
		add := func(inspector, request string) {
			b.Helper()
			b.ok(b.AddCapture(b.ctx, delivery.Capture{Inspector: inspector, Request: []byte(request)}, 3, 100))
		}
		// list returns the requests, newest first.
		list := func(inspector string, p delivery.Page) (requests []string, last int64) {
			b.Helper()
			found, err := b.Captures(b.ctx, inspector, p)
			b.ok(err)
			for _, c := range found {
				if c.Request != nil || c.Inspector != inspector || c.At.Before(b.now.Add(-time.Second)) {
					b.Errorf("the list has %+v", c)
				}
				whole, err := b.Capture(b.ctx, inspector, c.ID)
				b.ok(err)
				b.same(whole.At, c.At)
				requests, last = append(requests, string(whole.Request)), c.ID
			}
			return requests, last
		}
		all := delivery.Page{Limit: 10}
		got, _ := list("one", all)
		b.same(got, []string{})
		add("one", "1")
		add("two", "a\x00\xff")
		add("one", "2")
		got, last := list("one", delivery.Page{Limit: 1})
		b.same(got, []string{"2"})
		got, last = list("one", delivery.Page{Limit: 1, Before: last})
		b.same(got, []string{"1"})
		_, err := b.Capture(b.ctx, "two", last)
		b.is(err, delivery.ErrNotFound) // it is another's

		// At most 3 are kept.
		add("one", "3")
		add("one", "4")
		got, _ = list("one", all)
		b.same(got, []string{"4", "3", "2"})
		_, err = b.Capture(b.ctx, "one", last)
		b.is(err, delivery.ErrNotFound)
		// At most 100 bytes are kept, but for the newest.
		long, longer := string(bytes.Repeat([]byte("x"), 99)), string(bytes.Repeat([]byte("x"), 101))
		add("one", long)
		got, _ = list("one", all)
		b.same(got, []string{long, "4"})
		add("one", longer)
		got, newest := list("one", all)
		b.same(got, []string{longer})
		got, _ = list("two", all)
		b.same(got, []string{"a\x00\xff"})

		b.ok(b.ClearCaptures(b.ctx, "one"))
		got, _ = list("one", all)
		b.same(got, []string{})
		got, _ = list("two", all)
		b.same(got, []string{"a\x00\xff"})
		add("one", "5")
		if _, next := list("one", all); next <= newest {
			b.Errorf("the id %d comes after %d", next, newest)
		}
	}},
	{"RetainCaptures", func(b *bench) {
		b.ok(b.AddCapture(b.ctx, delivery.Capture{Inspector: "one", Request: []byte("1")}, 3, 100))
		b.same(b.retain(delivery.Retention{}), 0)
		b.same(b.retain(delivery.Retention{Expired: time.Hour}), 0)
		b.soon("the end of the capture", func() bool {
			b.retain(delivery.Retention{Expired: time.Millisecond})
			left, err := b.Captures(b.ctx, "one", delivery.Page{Limit: 10})
			b.ok(err)
			return len(left) == 0
		})
	}},
}
