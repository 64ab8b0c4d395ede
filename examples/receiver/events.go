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

	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// SecretFromEnv gives the secret that the environment has as RUNHOOKS_SECRET.
func SecretFromEnv() (signature.Secret, error) {
	secret, err := signature.ParseSecret(os.Getenv("RUNHOOKS_SECRET"))
	if err != nil {
		return signature.Secret{}, fmt.Errorf("RUNHOOKS_SECRET: %w", err)
	}
	return secret, nil
}

// AddressFromEnv gives where to listen: on loopback, and the port that the
// environment has as PORT, or 8080.
func AddressFromEnv() string {
	return net.JoinHostPort("127.0.0.1", cmp.Or(os.Getenv("PORT"), "8080"))
}

// NewReceiver gives a receiver of events that were signed with secret.
func NewReceiver(secret signature.Secret) (*receiver.Receiver, error) {
	return receiver.New(receiver.Handlers{Event: take}, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}},
	})
}

// take is where the event would go into a queue or a database.
func take(ctx context.Context, e *event.Event) error {
	slog.InfoContext(ctx, "a run has ended", "robot", e.Run.RobotName, "status", e.Run.Status, "rows", e.Counted().Rows.Value)
	return nil
}
