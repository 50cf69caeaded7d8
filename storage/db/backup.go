package db

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNotSQLite is what Backup returns for Postgres.
var ErrNotSQLite = errors.New("db: only SQLite is backed up here: use pg_dump for Postgres")

// Backup writes the SQLite database at rawURL to a new file at path, readable by
// this user alone. It may run beside a server that writes: the copy is of one
// moment, and opens like any other database. A file that exists is not touched.
func Backup(ctx context.Context, rawURL, path string) error {
	file, ok := sqliteFile(rawURL)
	if !ok {
		return ErrNotSQLite
	}
	if _, err := os.Stat(file); err != nil { // it is not made by looking at it
		return fmt.Errorf("db: backup: %w", err)
	}
	d, err := openSQLite(ctx, file, 1)
	if err != nil {
		return fmt.Errorf("db: backup: %w", err)
	}
	return errors.Join(d.Backup(ctx, path), d.Close())
}

// Backup is the function Backup for a database that is open.
func (d *DB) Backup(ctx context.Context, path string) error {
	if d.kind != kindSQLite {
		return ErrNotSQLite
	}
	if err := d.backup(ctx, path); err != nil {
		return fmt.Errorf("db: backup: %w", err)
	}
	return nil
}

func (d *DB) backup(ctx context.Context, path string) (err error) {
	// An empty file holds the name, so that nothing is overwritten at the end.
	held, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	part := fmt.Sprintf("%s.%s.part", path, rand.Text())
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(part), remove(path))
		}
	}()
	if err := held.Close(); err != nil {
		return err
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.copyTo(ctx, part); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// copyTo copies what a reader sees to an empty file.
func (d *DB) copyTo(ctx context.Context, path string) error {
	conn, err := d.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// It must be allowed to write elsewhere, and so is never a reader again.
	defer conn.Raw(func(any) error { return driver.ErrBadConn }) //nolint:errcheck // that error is its purpose
	if _, err := conn.ExecContext(ctx, "PRAGMA query_only = 0"); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "VACUUM INTO $1", path)
	return err
}

// remove removes a file that may not be there.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes sure that the names in a folder outlive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
