package jobs

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"bandstand/storage/db"
)

// client is a river.Client, whichever database it works on.
type client interface {
	insert(context.Context, *db.Tx, river.JobArgs, *river.InsertOpts) error
	Start(context.Context) error
	Stopped() <-chan struct{}
}

func newClient(d *db.DB, cfg river.Config) (client, error) {
	if pool := d.Pool(); pool != nil {
		c, err := river.NewClient(riverpgxv5.New(pool), &cfg)
		return postgresClient{c}, err
	}
	c, err := river.NewClient(riversqlite.New(d.Writer()), &cfg)
	return sqliteClient{c}, err
}

type postgresClient struct{ *river.Client[pgx.Tx] }

func (c postgresClient) insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	return tx.PGX(ctx, func(p pgx.Tx) error {
		_, err := c.InsertTx(ctx, p, args, opts)
		return err
	})
}

type sqliteClient struct{ *river.Client[*sql.Tx] }

func (c sqliteClient) insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	_, err := c.InsertTx(ctx, tx.SQL(), args, opts)
	return err
}

// takeUp makes jobs run again that were under way when this program died. On
// Postgres they may be another node's: there River waits until their time is over.
// Those at their last attempt are left to River as well, which gives them up.
func (j *Jobs) takeUp(ctx context.Context) error {
	if j.db.Pool() != nil {
		return nil
	}
	_, err := j.db.Writer().ExecContext(ctx,
		"UPDATE river_job SET state = 'available' WHERE state = 'running' AND attempt < max_attempts")
	return err
}

// backoff is a river.ClientRetryPolicy.
type backoff func(attempt int) time.Duration

func (b backoff) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(b(job.Attempt))
}
