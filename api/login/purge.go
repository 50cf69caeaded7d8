package login

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
)

// PurgeArgs is the job of forgetting refresh tokens and logins that have expired.
type PurgeArgs struct{}

// Kind implements river.JobArgs.
func (PurgeArgs) Kind() string { return "login_purge" }

// Purge is its worker.
type Purge struct {
	river.WorkerDefaults[PurgeArgs]

	logins *Service
}

// Workers returns what does the jobs of s.
func (s *Service) Workers() []jobs.Worker { return []jobs.Worker{jobs.Work(s.NewPurge())} }

// Periodic returns the jobs of s that come by the clock.
func (s *Service) Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{jobs.Every(purgeEvery, PurgeArgs{})}
}

// NewPurge returns the worker that purges the logins of s.
func (s *Service) NewPurge() *Purge { return &Purge{logins: s} }

// Work implements river.Worker. An expired token shown after it is as one that never was.
func (p *Purge) Work(ctx context.Context, _ *river.Job[PurgeArgs]) error {
	q, now := p.logins.cfg.DB.Write(), column.At(p.logins.now())
	for what, forget := range map[string]func() (int64, error){
		"refresh tokens": func() (int64, error) {
			return q.DeleteExpiredRefreshTokens(ctx, store.DeleteExpiredRefreshTokensParams{ExpiresAt: now, Limit: purgeBatch})
		},
		"logins": func() (int64, error) {
			return q.DeleteExpiredLogins(ctx, store.DeleteExpiredLoginsParams{ExpiresAt: now, Limit: purgeBatch})
		},
	} {
		for n := int64(purgeBatch); n == purgeBatch; {
			var err error
			if n, err = forget(); err != nil {
				return fmt.Errorf("login: purge %s: %w", what, err)
			}
		}
	}
	return nil
}
