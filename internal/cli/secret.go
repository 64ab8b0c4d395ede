package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/pkg/signature"
)

func newSecret(s streams) *cobra.Command {
	keyPair := false
	cmd := &cobra.Command{
		Use:   "secret [flags]",
		Short: "Make a secret to sign and verify events with",
		Long: `Secret prints a new secret on a line of its own: whsec_…, of 32 random bytes.
Sender and receiver share it.

With --key-pair it prints two lines: first the private key, whsk_…, with which
the sender signs; then its public key, whpk_…, with which a receiver verifies
and nobody can sign.

The forms are those of Standard Webhooks. Nothing is stored: keep a secret where
your programs read their secrets from, and in no file that others can read.`,
		Example: `  export RUNHOOKS_SECRET=$(runhooks secret)   # for listen and trigger
  runhooks secret --key-pair`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			lines, next := signature.NewSecret().Text(), "listen verifies with it, and trigger signs with it"
			if keyPair {
				private, public := signature.NewKeyPair()
				lines = private.Text() + "\n" + public.Text()
				next = "trigger signs with the first, and listen verifies with the second"
			}
			if _, err := fmt.Fprintln(s.out, lines); err != nil {
				return err
			}
			if _, tty := terminal(s.out); tty {
				fmt.Fprintf(s.err, "next: put it into %s: runhooks %s\n", secretVariable, next)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&keyPair, "key-pair", false, "print a key pair: the private key, and on the next line the public key")
	return cmd
}
