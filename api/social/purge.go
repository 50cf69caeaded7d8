package social

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
	"bandstand/storage/jobs"
)

const (
	purgeEvery = time.Hour
	purgeBatch = 500 // rows in one statement: others want to write too
	inboxKeeps = 90 * 24 * time.Hour
)

// PurgeArgs is the job of forgetting old notifications, and requests that were declined
// long ago.
type PurgeArgs struct{}

// Kind implements river.JobArgs.
func (PurgeArgs) Kind() string { return "social_purge" }

// Purge is its worker.
type Purge struct {
	river.WorkerDefaults[PurgeArgs]

	s *Service
}

// Workers returns what does the jobs of s.
func (s *Service) Workers() []jobs.Worker {
	return []jobs.Worker{jobs.Work(s.NewPurge()), jobs.Work(NewLiveWorker(s))}
}

// Periodic returns the jobs of s that come by the clock.
func (s *Service) Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{jobs.Every(purgeEvery, PurgeArgs{})}
}

// Work implements river.Worker.
func (p *Purge) Work(ctx context.Context, _ *river.Job[PurgeArgs]) error {
	q, now := p.s.cfg.DB.Write(), p.s.cfg.Now()
	for what, forget := range map[string]func() (int64, error){
		"notifications": func() (int64, error) {
			return q.DeleteOldNotifications(ctx, store.DeleteOldNotificationsParams{Before: column.At(now.Add(-inboxKeeps)), Most: purgeBatch})
		},
		"requests": func() (int64, error) {
			return q.DeleteOldDeclinedRequests(ctx, store.DeleteOldDeclinedRequestsParams{Before: column.Maybe(now.Add(-declinedRests)), Most: purgeBatch})
		},
	} {
		for n := int64(purgeBatch); n == purgeBatch; {
			var err error
			if n, err = forget(); err != nil {
				return fmt.Errorf("social: purge %s: %w", what, err)
			}
		}
	}
	return nil
}

// NewPurge returns the worker that clears up.
func (s *Service) NewPurge() *Purge { return &Purge{s: s} }
