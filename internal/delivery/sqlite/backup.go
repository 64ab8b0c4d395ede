package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"modernc.org/sqlite"
)

// Backup writes a copy of the database in the folder dir to a new file, which only
// the user can read. A service may use the database meanwhile: what is committed
// before the call is in the copy. The error is os.ErrNotExist if there is no
// database, and os.ErrExist if there is a file.
func Backup(ctx context.Context, dir, file string) error {
	path := filepath.Join(dir, File)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return writeNew(file, func(partial string) error {
		db, err := openBeside(path)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(ctx, "VACUUM INTO ?", partial)
		return explain(err)
	})
}

// Restore makes a backup the database of the folder dir, in which there must not be
// one: the error is otherwise os.ErrExist. It is delivery.ErrLocked if a service
// runs in the folder, and delivery.ErrNewer if a newer release made the backup.
func Restore(ctx context.Context, file, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	locked, err := lock(dir)
	if err != nil {
		return err
	}
	defer locked.Close()
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	return writeNew(filepath.Join(dir, File), func(partial string) error {
		to, err := os.OpenFile(partial, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, from)
		if err := errors.Join(err, to.Close()); err != nil {
			return err
		}
		return examine(ctx, partial)
	})
}

// examine says what is wrong with a backup.
func examine(ctx context.Context, path string) error {
	db, err := openBeside(path)
	if err != nil {
		return err
	}
	defer db.Close()
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return fmt.Errorf("it is no backup: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("the backup is damaged: %s", found)
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name IN ('deliveries', 'endpoints')").Scan(&tables); err != nil {
		return err
	}
	if tables < 2 {
		return errors.New("it is no backup of a service")
	}
	p, err := migrator(db)
	if err != nil {
		return err
	}
	return notNewer(ctx, p)
}

// openBeside opens a database that another process may use.
func openBeside(path string) (*sql.DB, error) {
	// As in prepare: two connections of this process may have the file.
	if _, err := sqlite.OFDLocking(true); err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) {
		return nil, err
	}
	connector, err := sqlite.NewConnector(dsn(path, "busy_timeout(5000)"))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

// writeNew makes a file by way of one beside it, which is empty when write gets its
// name. Either the file is there, and on disk, or it isn't.
func writeNew(file string, write func(partial string) error) (err error) {
	file, err = filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s: %w", file, os.ErrExist)
	}
	partial, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	defer partial.Close()
	if err := write(partial.Name()); err != nil {
		return err
	}
	if err := partial.Sync(); err != nil {
		return err
	}
	// Unlike a rename, a link replaces no file that was made meanwhile.
	if err := os.Link(partial.Name(), file); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which has no such thing
		return nil
	}
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
