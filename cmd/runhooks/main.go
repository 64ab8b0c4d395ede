// Command runhooks holds the payloads of robot-run webhooks to their contract.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/runhooks/runhooks/internal/cli"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks to stop; once it is heard, a second one kills.
	context.AfterFunc(ctx, stop)
	return cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
