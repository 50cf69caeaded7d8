package moderation

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
	"bandstand/storage/jobs"
)

// RetentionArgs is the work of forgetting what is old, once an hour.
type RetentionArgs struct{}

// Kind implements river.JobArgs.
func (RetentionArgs) Kind() string { return "moderation_retention" }

// Retention is the worker that closes bans which have expired, and forgets bans and
// entries of logs that are old.
type Retention struct {
	river.WorkerDefaults[RetentionArgs]

	service *Service
}

// Retention returns the worker that forgets what is old.
func (s *Service) Retention() *Retention { return &Retention{service: s} }

// Workers returns what does the work in the background.
func (s *Service) Workers() []jobs.Worker { return []jobs.Worker{jobs.Work(s.Retention())} }

// Periodic returns the work that comes by the clock.
func Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{jobs.Every(time.Hour, RetentionArgs{})}
}

// purgeBatch bounds how long one statement keeps other writers waiting.
const purgeBatch = 500

// Work implements river.Worker.
func (r *Retention) Work(ctx context.Context, _ *river.Job[RetentionArgs]) error {
	s := r.service
	now := s.cfg.Now()
	q := s.cfg.DB.Write()
	if _, err := q.CloseExpiredChatBans(ctx, column.Maybe(now)); err != nil {
		return fmt.Errorf("moderation: close bans: %w", err)
	}
	for what, purge := range map[string]func() (int64, error){
		"bans": func() (int64, error) {
			return q.PurgeChatBans(ctx, store.PurgeChatBansParams{Before: column.Maybe(now.Add(-s.cfg.KeepBans)), Most: purgeBatch})
		},
		"logs": func() (int64, error) {
			return q.PurgeChatLog(ctx, store.PurgeChatLogParams{Before: column.At(now.Add(-s.cfg.KeepLog)), Most: purgeBatch})
		},
	} {
		for n := int64(purgeBatch); n == purgeBatch; {
			var err error
			if n, err = purge(); err != nil {
				return fmt.Errorf("moderation: forget old %s: %w", what, err)
			}
		}
	}
	return nil
}
