package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteSettings hold for every connection. WAL lets readers work beside the
// writer; with it NORMAL survives a crash of the program, and loses at most the
// last commits at a power cut.
const sqliteSettings = "_busy_timeout=5000&_journal_mode=WAL&_synchronous=NORMAL&_foreign_keys=1" +
	"&_time_format=sqlite&_timezone=UTC&_texttotime=1&_dqs=0&_defensive=1"

// openSQLite opens the file at path, making it and its folder where missing.
func openSQLite(ctx context.Context, path string, maxConns int) (*DB, error) {
	if path == "" || strings.HasPrefix(path, ":") {
		return nil, errors.New("SQLite needs a file: its connections cannot share a database in memory")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	file := (&url.URL{Scheme: "file", Path: path}).String()

	// _txlock=immediate: a transaction takes the write lock when it begins, so it
	// cannot fail half way for having read before another program wrote.
	write, err := sql.Open("sqlite", file+"?"+sqliteSettings+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil { // creates the database before any reader looks
		return nil, errors.Join(err, write.Close())
	}
	read, err := sql.Open("sqlite", file+"?"+sqliteSettings+"&_query_only=1")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(maxConns)
	read.SetMaxIdleConns(maxConns)
	return &DB{
		kind:  kindSQLite,
		write: write,
		read:  read,
		close: func() error { return errors.Join(read.Close(), write.Close()) },
	}, nil
}

// makePrivate creates an empty file that only this user may read: it will hold
// password hashes. SQLite gives its side files the same mode.
func makePrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	return f.Close()
}
