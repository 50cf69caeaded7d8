package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"bandstand/storage/db/store"
)

// Config says which database to open. Fields without a default are required.
type Config struct {
	// URL is postgres://… or postgresql://…, or for SQLite sqlite:FILE or a bare file path.
	URL string
	// MaxConns bounds the connections of a Postgres pool, or of SQLite's readers; 8 if zero.
	MaxConns int
	// MigrateTimeout bounds the wait for another node's migration and our own; 2 min if zero.
	MigrateTimeout time.Duration
	// Logger hears of applied migrations; nothing is logged if nil.
	Logger *slog.Logger
}

// kind tells the two databases apart where their SQL does not serve both.
type kind int

const (
	kindSQLite kind = iota + 1
	kindPostgres
)

// DB is an open database whose tables are up to date.
//
// SQLite has one writing handle, so writers wait for each other in the program
// and not by polling the file, and a pool of readers. On Postgres both are one pool.
type DB struct {
	kind  kind
	write *sql.DB
	read  *sql.DB
	pool  *pgxpool.Pool // nil on SQLite
	close func() error

	log      *slog.Logger
	migrated Migrated
	node     string // this program's name among those that share the database
	notices  notices
}

// Open connects to cfg.URL and brings its tables up to date. A SQLite file is
// created if missing, readable by this user alone. The caller must Close the DB.
// Errors do not show the password of a URL.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 8
	}
	if cfg.MigrateTimeout == 0 {
		cfg.MigrateTimeout = 2 * time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := connect(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("db: open: %w", err)
	}
	d.log, d.node, d.notices.subs = cfg.Logger, rand.Text(), make(map[string][]subscriber)
	ctx, cancel := context.WithTimeout(ctx, cfg.MigrateTimeout)
	defer cancel()
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("db: migrate: %w", err), d.Close())
	}
	return d, nil
}

func connect(ctx context.Context, cfg Config) (*DB, error) {
	if file, ok := sqliteFile(cfg.URL); ok {
		return openSQLite(ctx, file, cfg.MaxConns)
	}
	scheme, _, _ := strings.Cut(cfg.URL, ":")
	if scheme == "postgres" || scheme == "postgresql" {
		return openPostgres(ctx, cfg.URL, cfg.MaxConns)
	}
	return nil, fmt.Errorf("no database speaks %q: want postgres://… or sqlite:FILE", scheme)
}

// sqliteFile returns the file that a URL of SQLite names.
func sqliteFile(rawURL string) (string, bool) {
	switch scheme, rest, _ := strings.Cut(rawURL, ":"); scheme {
	case "sqlite":
		return strings.TrimPrefix(rest, "//"), true
	case "postgres", "postgresql":
		return "", false
	}
	u, err := url.Parse(rawURL)
	return rawURL, err != nil || u.Host == ""
}

// Close waits for queries under way and closes every connection.
func (d *DB) Close() error { return d.close() }

// Ping reports whether the database answers, for readers and for writers.
// It blocks behind a writer that holds SQLite's only writing handle.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.read.PingContext(ctx); err != nil {
		return fmt.Errorf("db: ping: %w", err)
	}
	if err := d.write.PingContext(ctx); err != nil {
		return fmt.Errorf("db: ping: %w", err)
	}
	return nil
}

// Read returns queries that only read. On SQLite a write through them fails.
func (d *DB) Read() *store.Queries { return store.New(d.read) }

// Write returns queries that each commit alone. Never use it inside InTx: on
// SQLite it would wait for that transaction for ever.
func (d *DB) Write() *store.Queries { return store.New(d.write) }

// Tx is a transaction. It must not be used after the function that it was given to
// returns.
type Tx struct {
	*store.Queries

	db      *DB
	tx      *sql.Tx
	conn    *sql.Conn // what tx runs on
	notices []notice  // for the subscribers of this node
}

// SQL returns the transaction itself, for libraries that write in it.
func (tx *Tx) SQL() *sql.Tx { return tx.tx }

// InTx runs do in one transaction: committed if do returns nil, rolled back if it
// returns an error or panics. Everything do asks of the database must go through
// tx. Errors of do come back unchanged.
func (d *DB) InTx(ctx context.Context, do func(tx *Tx) error) error {
	conn, tx, err := d.begin(ctx)
	if err != nil {
		return fmt.Errorf("db: begin: %w", err)
	}
	defer conn.Close()
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do and says so
	own := &Tx{Queries: store.New(tx), db: d, tx: tx, conn: conn}
	if err := do(own); err != nil {
		return err
	}
	err = tx.Commit()
	// Also after an error: the server may have committed and not been able to say so.
	for _, n := range own.notices {
		d.deliver(n)
	}
	if err != nil {
		return fmt.Errorf("db: commit: %w", err)
	}
	return nil
}

// begin begins a transaction. A connection that broke while nobody used it, such as
// all of them when Postgres was restarted, is no reason to fail: nothing was asked.
func (d *DB) begin(ctx context.Context) (*sql.Conn, *sql.Tx, error) {
	for first := true; ; first = false {
		conn, err := d.write.Conn(ctx)
		if err != nil {
			return nil, nil, err
		}
		tx, err := conn.BeginTx(ctx, nil)
		if err == nil {
			return conn, tx, nil
		}
		_ = conn.Close()
		if !first || d.pool == nil || ctx.Err() != nil || !IsUnavailable(err) {
			return nil, nil, err
		}
		d.pool.Reset() // connects anew
	}
}

// Pool returns the connections to Postgres; nil on SQLite. The DB owns it.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Writer returns the handle that writes: on SQLite its only one, which a statement
// outside of a transaction must not use while the same goroutine has one open. The
// DB owns it.
func (d *DB) Writer() *sql.DB { return d.write }
