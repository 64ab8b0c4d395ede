// Package events is what the programs below this folder have in common: what
// they do with an event, and how they know who sent it. Each mounts it in another
// router.
package events

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// SecretFromEnv returns the secret that the environment has as RUNHOOKS_SECRET.
func SecretFromEnv() (signature.Secret, error) {
	secret, err := signature.ParseSecret(os.Getenv("RUNHOOKS_SECRET"))
	if err != nil {
		return signature.Secret{}, fmt.Errorf("RUNHOOKS_SECRET: %w", err)
	}
	return secret, nil
}

// AddressFromEnv returns where to listen: on loopback, and the port that the
// environment has as PORT, or 8080.
func AddressFromEnv() string {
	return net.JoinHostPort("127.0.0.1", cmp.Or(os.Getenv("PORT"), "8080"))
}

// NewReceiver returns a receiver of events that were signed with secret.
func NewReceiver(secret signature.Secret) (*receiver.Receiver, error) {
	return receiver.New(receiver.Handlers{
		RunCompleted: completed,
		RunFailed:    failed,
		// A test event has nothing to store. No handler wants it, so it is
		// acknowledged.
	}, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}},
	})
}

// completed is where the rows would go into a queue or a database.
func completed(ctx context.Context, d *receiver.Delivery) error {
	run := d.Event.Run
	slog.InfoContext(ctx, "a run has completed", "robot", run.RobotName, "status", run.Status, "rows", d.Event.Counted().Rows.Value)
	return nil
}

// failed is where somebody would be told.
func failed(ctx context.Context, d *receiver.Delivery) error {
	slog.WarnContext(ctx, "a run has failed", "robot", d.Event.Run.RobotName, "error", d.Event.Error.Message)
	return nil
}
