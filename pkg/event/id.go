package event

import "crypto/rand"

// NewID returns an id for a new event: "evt_" and 26 letters and digits (A to Z and 2 to 7)
// that hold 130 random bits. No two calls return the same id, even in different processes.
//
// An id is made once, when the event happens, and stored with it: all attempts
// to deliver the event carry it in the header webhook-id, and receivers drop
// what they have handled under it. It is fit for that header, whose rules are
// those of Standard Webhooks: see package signature.
//
// Ids don't sort by time, and nothing can be read from one: when the event
// happened is in its payload, and no clock can make two ids alike.
func NewID() string { return "evt_" + rand.Text() }
