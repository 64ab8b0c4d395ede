package sqlite

import (
	"context"
	"os"
	"path/filepath"
)

// Backup is [Store.Backup] of the database in the folder dir, which another process
// may use. Its error is fs.ErrNotExist if there is none.
func Backup(ctx context.Context, dir, file string) error {
	path := filepath.Join(dir, File)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return (&Store{path: path}).Backup(ctx, file)
}
