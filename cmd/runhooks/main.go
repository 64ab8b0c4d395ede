// Command runhooks holds the payloads of robot-run webhooks to their contract.
package main

import (
	"os"

	"github.com/runhooks/runhooks/internal/cli"
)

func main() {
	os.Exit(cli.Main())
}
