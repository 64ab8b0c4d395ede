package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"modernc.org/sqlite"
)

// Backup writes a copy of the database, as it is at one moment, to a new file, for
// its owner alone. It appears when it is whole.
func (s *Store) Backup(ctx context.Context, file string) error {
	return create(file, func(part string) error {
		c, err := connect(ctx, dsn(s.path, "busy_timeout(5000)"))
		if err != nil {
			return err
		}
		defer c.close()
		if _, err := c.exec(ctx, "VACUUM INTO ?", part); err != nil {
			return err
		}
		return syncFile(part)
	})
}

// Restore puts a backup in the place of a database that doesn't exist, in the folder
// dir. It refuses a file that isn't whole, or that a newer release made, with
// delivery.ErrNewer.
func Restore(ctx context.Context, file, dir string) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	l, err := lock(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	return create(filepath.Join(dir, File), func(part string) error {
		from, err := os.Open(file)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := os.OpenFile(part, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, from)
		if err := errors.Join(err, to.Close()); err != nil {
			return err
		}
		if err := check(ctx, part); err != nil {
			return fmt.Errorf("%s is not a backup that can be restored: %w", file, err)
		}
		return syncFile(part)
	})
}

// check looks whether a file is a whole database of ours, and of no newer release.
func check(ctx context.Context, path string) error {
	connector, err := sqlite.NewConnector(dsn(path, "query_only(1)"))
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var result string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
		return explain(err)
	}
	if result != "ok" {
		return errors.New(result)
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name IN ('deliveries', 'goose_db_version')").Scan(&tables); err != nil {
		return explain(err)
	}
	if tables != 2 {
		return errors.New("it is not a database of this service")
	}
	p, err := migrator(db)
	if err != nil {
		return err
	}
	return notNewer(ctx, p)
}

// create makes a new file that f fills under another name. It never replaces one.
func create(file string, f func(part string) error) (err error) {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists, and is not overwritten: choose another name, or move it away: %w", file, fs.ErrExist)
	}
	t, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".part-*") // 0600
	if err != nil {
		return err
	}
	part := t.Name()
	defer os.Remove(part)
	if err := t.Close(); err != nil {
		return err
	}
	if err := f(part); err != nil {
		return err
	}
	// A link, unlike a new name, replaces nothing that was made meanwhile.
	if err := os.Link(part, file); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s was made meanwhile, and is not overwritten: %w", file, err)
	} else if err != nil {
		if err := os.Rename(part, file); err != nil { // a file system without links
			return err
		}
	}
	return syncDir(filepath.Dir(file))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDir puts the names in a folder on disk.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it syncs no folders
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
