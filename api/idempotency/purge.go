package idempotency

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"bandstand/storage/jobs"
)

// PurgeArgs is the work of forgetting replies that nobody asks for any more.
type PurgeArgs struct{}

// Kind implements river.JobArgs.
func (PurgeArgs) Kind() string { return "idempotency_purge" }

type purger struct {
	river.WorkerDefaults[PurgeArgs]

	store *Store
}

// Work implements river.Worker.
func (p *purger) Work(ctx context.Context, _ *river.Job[PurgeArgs]) error {
	_, err := p.store.Purge(ctx)
	return err
}

// Workers returns what does the work in the background.
func (s *Store) Workers() []jobs.Worker { return []jobs.Worker{jobs.Work(&purger{store: s})} }

// Periodic returns the work that comes by the clock.
func Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{jobs.Every(time.Hour, PurgeArgs{})}
}
