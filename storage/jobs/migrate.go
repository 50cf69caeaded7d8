package jobs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"bandstand/storage/db"
)

// Migrated says which version the tables had and which they have now; 0 is none.
type Migrated struct{ From, To int }

// Migrate brings the tables of jobs up to date. Nodes that start together take
// turns, among themselves and with the migrations of db.
func Migrate(ctx context.Context, d *db.DB) (Migrated, error) {
	return migrate(ctx, d, rivermigrate.DirectionUp, nil)
}

func migrate(ctx context.Context, d *db.DB, to rivermigrate.Direction, opts *rivermigrate.MigrateOpts) (Migrated, error) {
	var m Migrated
	err := d.WhileMigrating(ctx, func(ctx context.Context) (err error) {
		if pool := d.Pool(); pool != nil {
			m, err = migrateWith(ctx, riverpgxv5.New(pool), to, opts)
		} else {
			m, err = migrateWith(ctx, riversqlite.New(d.Writer()), to, opts)
		}
		return err
	})
	if err != nil {
		return m, fmt.Errorf("jobs: migrate: %w", err)
	}
	return m, nil
}

func migrateWith[Tx any](
	ctx context.Context, driver riverdriver.Driver[Tx], to rivermigrate.Direction, opts *rivermigrate.MigrateOpts,
) (Migrated, error) {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Migrated{}, err
	}
	var m Migrated
	if m.From, err = versionOf(ctx, migrator); err != nil {
		return m, err
	}
	if _, err := migrator.Migrate(ctx, to, opts); err != nil {
		return m, err
	}
	m.To, err = versionOf(ctx, migrator)
	return m, err
}

func versionOf[Tx any](ctx context.Context, migrator *rivermigrate.Migrator[Tx]) (int, error) {
	versions, err := migrator.ExistingVersions(ctx)
	if err != nil || len(versions) == 0 {
		return 0, err
	}
	return versions[len(versions)-1].Version, nil
}
