package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/delivery/sqlite"
)

func newBackup(s streams) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "backup [flags] FILE",
		Short: "Back up the service's database, while it runs",
		Long: `Backup writes a copy of the database in the service's data folder to FILE, which
must not exist. The service may run, and has to be on this machine. The copy has
all events, deliveries and settings of the moment when it began.

The keys that encrypt the secrets of endpoints are not in it: keep a copy of the
file keys of the data folder elsewhere, since the secrets can't be read without them.

With PostgreSQL (runhooks serve --store), use its own tools, such as pg_dump.

Exit codes: 0 the backup is written; 2 it is not.`,
		Example: `  runhooks backup runhooks-$(date +%F).db
  runhooks restore runhooks-2026-01-02.db --data restored`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := sqlite.Backup(cmd.Context(), data, args[0])
			switch {
			case errors.Is(err, os.ErrNotExist):
				return &exitError{exitUsage, fmt.Sprintf("there is no database in %s: name the folder with --data (%v)", data, err)}
			case err != nil:
				return &exitError{exitUsage, err.Error()}
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.out, "%s  %s\nnot in it: the keys; keep a copy of %s elsewhere\n", args[0], sizeText(info.Size()), filepath.Join(data, keysFile))
			return err
		},
	}
	dataVar(cmd, &data)
	settings(cmd)
	return cmd
}

func newRestore(s streams) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "restore [flags] FILE",
		Short: "Restore the service's database from a backup",
		Long: `Restore puts a backup into a data folder, which must not have a database: move an
older one away first. It checks that the backup is whole, and that this release can
read it. Also copy the files keys and admin-token to the data folder, before the
service starts.

What was delivered after the backup is delivered again; receivers recognize it by
its webhook-id.

Exit codes: 0 it is restored; 2 it is not.`,
		Example: `  runhooks restore runhooks-2026-01-02.db --data restored`,
		Args:    oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := sqlite.Restore(cmd.Context(), args[0], data)
			if err != nil {
				return &exitError{exitUsage, err.Error()}
			}
			if _, err := fmt.Fprintf(s.out, "%s  restored to %s\n", args[0], data); err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(data, keysFile)); err != nil {
				fmt.Fprintf(s.err, "next: copy the files %s and %s of the service that was backed up to %s\n", keysFile, adminTokenFile, data)
			}
			return nil
		},
	}
	dataVar(cmd, &data)
	settings(cmd)
	return cmd
}
