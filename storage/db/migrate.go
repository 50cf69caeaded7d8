package db

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrated says which version the tables had when the database was opened and which
// they have now; 0 is none.
type Migrated struct{ From, To int64 }

// Migrated returns what Open did to the tables.
func (d *DB) Migrated() Migrated { return d.migrated }

// migrate applies what is missing. On Postgres nodes that start together take
// turns; on SQLite the file has one owner.
func (d *DB) migrate(ctx context.Context) error {
	provider, err := d.migrator(ctx)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	if err := d.makeCollation(ctx); err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		d.log.InfoContext(ctx, "migration applied", "file", r.Source.Path, "took", r.Duration)
	}
	if err != nil {
		return err
	}
	to, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if to > newest {
		return fmt.Errorf("the tables are of version %d, made by a newer program: this one knows up to %d", to, newest)
	}
	d.migrated = Migrated{From: to, To: to}
	if len(results) > 0 {
		d.migrated.From = results[0].Source.Version - 1
	}
	return nil
}

// makeCollation makes known to Postgres what SQLite calls "binary": text in the order
// of its bytes, whatever language the database was made for. Beginnings of words are
// looked up in that order.
func (d *DB) makeCollation(ctx context.Context) error {
	if d.kind != kindPostgres {
		return nil
	}
	return d.WhileMigrating(ctx, func(ctx context.Context) error {
		_, err := d.write.ExecContext(ctx, `CREATE COLLATION IF NOT EXISTS "binary" (provider = libc, locale = 'C')`)
		return err
	})
}

func (d *DB) migrator(ctx context.Context) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{
		goose.WithSlog(slog.New(slog.DiscardHandler)),
		goose.WithDisableGlobalRegistry(true),
	}
	if d.kind == kindPostgres {
		locker, err := d.sessionLocker(ctx)
		if err != nil {
			return nil, err
		}
		dialect, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, d.write, files, options...)
}

// WhileMigrating runs do while no other node migrates, for libraries that bring
// tables of their own. It takes one connection beside those that do takes. On SQLite
// the file has one owner, and do just runs.
func (d *DB) WhileMigrating(ctx context.Context, do func(context.Context) error) (err error) {
	if d.kind != kindPostgres {
		return do(ctx)
	}
	locker, err := d.sessionLocker(ctx)
	if err != nil {
		return fmt.Errorf("db: lock migrations: %w", err)
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("db: lock migrations: %w", err)
	}
	defer conn.Close()
	if err := locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("db: lock migrations: %w", err)
	}
	defer func() {
		// The lock outlives a cancelled ctx otherwise: the connection goes back to the pool.
		err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn))
	}()
	return do(ctx)
}

// sessionLocker returns a lock for the current schema, so that programs with
// schemas of their own in one database do not wait for each other. It asks once
// a second until the context of the migration ends.
func (d *DB) sessionLocker(ctx context.Context) (lock.SessionLocker, error) {
	var schema string
	if err := d.write.QueryRowContext(ctx, "SELECT COALESCE(current_schema(), '')").Scan(&schema); err != nil {
		return nil, fmt.Errorf("ask for the schema: %w", err)
	}
	id := fnv.New32a()
	id.Write([]byte("bandstand migrations in " + schema))
	return lock.NewPostgresSessionLocker(
		lock.WithLockID(int64(id.Sum32())),
		lock.WithLockTimeout(1, 3600),
	)
}
