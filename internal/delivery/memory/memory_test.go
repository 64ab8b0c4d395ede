package memory_test

import (
	"testing"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) delivery.Store { return memory.NewDB().Node() }, storetest.Options{
		Node: nil,
	})
}
