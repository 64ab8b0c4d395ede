package main

import (
	"testing"

	"github.com/runhooks/runhooks/examples/receiver/eventstest"
)

func TestRouter(t *testing.T) { eventstest.TestRouter(t, newRouter) }
