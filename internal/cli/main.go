package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the command line of this process and returns its exit code, that of
// [Run]. The first SIGINT or SIGTERM asks the command to stop. A second one ends the
// process at once, with the exit code that a shell shows for it: 130 or 143.
func Main() int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		second := <-signals
		fmt.Fprintf(os.Stderr, "runhooks: ended at once by a second signal (%v)\n", second)
		os.Exit(128 + int(second.(syscall.Signal)))
	}()
	signal.Ignore(syscall.SIGPIPE) // a write to a pipe that nobody reads is an error like others
	code := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err := os.Stdout.Close(); err != nil && code != exitUsage { // as network file systems say that a disk is full
		fmt.Fprintf(os.Stderr, "runhooks: the output can't be written: %v\n", err)
		return exitUsage
	}
	return code
}
