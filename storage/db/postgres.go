package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres opens a pool of at most maxConns connections and asks once whether
// the server answers.
func openPostgres(ctx context.Context, rawURL string, maxConns int) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		return nil, err // pgx leaves the password out of it
	}
	// Jobs hold one to listen on, and migrations one for their lock.
	cfg.MaxConns = int32(min(max(maxConns, 4), 1000))
	cfg.PingTimeout = 5 * time.Second
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.ConnConfig.RuntimeParams["application_name"] = "bandstand"
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	handle := stdlib.OpenDBFromPool(pool)
	d := &DB{
		kind:  kindPostgres,
		write: handle,
		read:  handle,
		pool:  pool,
		close: func() error {
			err := handle.Close()
			pool.Close()
			return err
		},
	}
	if err := handle.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("ask the server: %w", err), d.Close())
	}
	return d, nil
}

// PGX runs do with the transaction as a pgx.Tx, for libraries that write in it and
// speak only pgx. It fails on SQLite. If do returns an error, what it wrote is undone
// and tx goes on. Neither tx nor its queries may be used inside do.
func (tx *Tx) PGX(ctx context.Context, do func(pgx.Tx) error) error {
	return tx.conn.Raw(func(driverConn any) error {
		std, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errors.New("db: not a transaction on Postgres")
		}
		conn := std.Conn()
		if conn.PgConn().TxStatus() != 'T' { // ended by its context, or failed before
			return sql.ErrTxDone
		}
		nested, err := conn.BeginTx(ctx, pgx.TxOptions{
			BeginQuery:  "SAVEPOINT bandstand",
			CommitQuery: "RELEASE SAVEPOINT bandstand",
		})
		if err != nil {
			return fmt.Errorf("db: savepoint: %w", err)
		}
		if err := do(nested); err != nil {
			// Not nested.Rollback, which would end the transaction. If this fails
			// too, so does the commit.
			_, _ = conn.Exec(ctx, "ROLLBACK TO SAVEPOINT bandstand")
			return err
		}
		return nested.Commit(ctx)
	})
}
