package db

import (
	"context"
	"errors"
	"log/slog"
)

// OpenAt opens the database of cfg with its tables at version, up or down from what
// they were.
func OpenAt(ctx context.Context, cfg Config, version int64) (*DB, error) {
	cfg.MaxConns = 4
	d, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d.log = slog.New(slog.DiscardHandler)
	if err := d.makeCollation(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	provider, err := d.migrator(ctx)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if version > 0 {
		_, err = provider.UpTo(ctx, version)
	}
	if err == nil {
		_, err = provider.DownTo(ctx, version)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}
