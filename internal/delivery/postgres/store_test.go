package postgres

import (
	"testing"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

func TestStore(t *testing.T) {
	urls := map[delivery.Store]string{}
	start := func(t *testing.T, url string) delivery.Store {
		s := open(t, url)
		urls[s] = url
		return s
	}
	again := func(t *testing.T, s delivery.Store) delivery.Store { return start(t, urls[s]) }
	storetest.Run(t, func(t *testing.T) delivery.Store { return start(t, database(t)) }, storetest.Options{
		Again:     again,
		Node:      again,
		WholeDays: true,                                                      // TestOldDaysAreDropped
		Kill:      func(t *testing.T, s delivery.Store) { s.(*Store).end() }, // without Leave
		Spoil: func(b *delivery.Batch) {
			p := publication("r")
			p.Event.RunID = "\x00" // which text can't hold
			b.Publish = append(b.Publish, p)
		},
		Outbox: func(t *testing.T, s delivery.Store, events [][2]string) {
			for _, e := range events {
				exec(t, s.(*Store), "SELECT runhooks.publish($1, $2)", e[0], e[1])
			}
		},
	})
}
