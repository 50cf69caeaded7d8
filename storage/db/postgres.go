package db

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	cfg.MaxConns = int32(min(maxConns, 1000))
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
