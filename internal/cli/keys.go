package cli

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/keyring"
)

// Files of the data folder.
const (
	keysFile       = "keys"
	adminTokenFile = "admin-token"
)

func newKeys(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys COMMAND",
		Short: "Make and replace the keys of a service",
		Long: `The secrets of endpoints are encrypted in the service's database, with keys that
are not in it: those of runhooks serve --key-file, of the variable RUNHOOKS_KEY, or
of the file keys in the data folder, which the first start makes. Each line has one
key. The first encrypts, and all decrypt.`,
		SuggestionsMinimumDistance: 2,
		Args:                       noSuchCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "new",
		Short: "Print a new key",
		Long: `New prints a new key on a line of its own. Nothing is stored: nodes that share a
PostgreSQL get it as RUNHOOKS_KEY, or in the file of --key-file.`,
		Example: `  RUNHOOKS_KEY=$(runhooks keys new)`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			key, err := newKey()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(s.out, key)
			return err
		},
	}, newKeysRotate(s))
	return cmd
}

func newKeysRotate(s streams) *cobra.Command {
	var file, data string
	cmd := &cobra.Command{
		Use:   "rotate [flags]",
		Short: "Put a new key before the others",
		Long: `Rotate puts a new key before the others in the file with the keys. The service
encrypts everything with it when it starts the next time, and then logs which keys
are not needed any more. Then remove their lines, and keep them with the
backups that need them.

Nodes that share a PostgreSQL need a new key before any of them encrypts with it:
docs/service.md has the steps.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if file == "" { // where serve looks for them
				if os.Getenv(variable("key")) != "" {
					return fmt.Errorf("the keys are those of %[1]s: put the line that runhooks keys new prints before them, in %[1]s", variable("key"))
				}
				file = cmp.Or(os.Getenv(variable("key")+"_FILE"), filepath.Join(data, keysFile))
			}
			before, err := os.ReadFile(file)
			if err != nil {
				return &exitError{exitUsage, err.Error()}
			}
			if _, err := keyring.Parse(string(before)); err != nil {
				return &exitError{exitUsage, file + ": " + err.Error()}
			}
			key, err := newKey()
			if err != nil {
				return err
			}
			if err := replaceFile(file, key+"\n"+string(before)); err != nil {
				return &exitError{exitUsage, err.Error()}
			}
			id, _, _ := strings.Cut(key, ":")
			if _, err := fmt.Fprintf(s.out, "%s is the first key of %s\n", id, file); err != nil {
				return err
			}
			fmt.Fprintln(s.err, "next: restart runhooks serve")
			return nil
		},
	}
	dataVar(cmd, &data)
	settings(cmd)
	cmd.Flags().StringVar(&file, "key-file", "", "the `FILE` with the keys (default: the file keys in --data) ["+variable("key")+"_FILE]")
	return cmd
}

// newKey returns a new key, with an id that no other has.
func newKey() (string, error) {
	return keyring.NewKey("k-" + strings.ToLower(rand.Text()[:8]))
}

// keys returns the keys of a service, and where they are from. It makes the file in
// the data folder if mayMake, and none are given.
func loadKeys(file, data string, mayMake bool) (_ *keyring.Ring, from string, _ error) {
	if file == "" {
		text, from, err := environment("key")
		if err != nil {
			return nil, "", err
		}
		if text != "" {
			ring, err := keyring.Parse(text)
			return ring, from, err
		}
		file = filepath.Join(data, keysFile)
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && mayMake {
		var key string
		if key, err = newKey(); err != nil {
			return nil, "", err
		}
		text = []byte("# The keys that encrypt the secrets of endpoints. Keep a copy elsewhere.\n" + key + "\n")
		if err := os.MkdirAll(data, 0o700); err != nil {
			return nil, "", err
		}
		err = replaceFile(file, string(text))
	}
	if err != nil {
		return nil, "", err
	}
	ring, err := keyring.Parse(string(text))
	return ring, file, err
}

// replaceFile writes a file that only the user can read, by way of one beside it, so
// that it is never half written.
func replaceFile(file, text string) error {
	partial, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	defer partial.Close()
	if _, err := partial.WriteString(text); err != nil {
		return err
	}
	if err := partial.Sync(); err != nil {
		return err
	}
	if err := partial.Close(); err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}
