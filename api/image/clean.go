package image

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/storage/db"
	"bandstand/storage/db/store"
	"bandstand/storage/jobs"
)

const (
	lostAfter   = 24 * time.Hour     // an image that is pending for so long has lost its job
	keepFailed  = 7 * 24 * time.Hour // for whoever has sent it
	sweepPage   = 500
	sweepTime   = 15 * time.Minute
	topicBlobs  = "image" // id: its blobs have been removed
	sweepEvery  = time.Hour
	searchEvery = 24 * time.Hour
)

// CleanArgs is the job of removing an image that nobody shows any more.
type CleanArgs struct {
	Image uuid.UUID `json:"image"`
}

// Kind implements river.JobArgs.
func (CleanArgs) Kind() string { return "image_clean" }

// SweepArgs is the job of removing what was forgotten: images that were replaced or
// have failed and, less often because it takes longer, those whose target is gone and
// blobs of no image.
type SweepArgs struct {
	All bool `json:"all"`
}

// Kind implements river.JobArgs.
func (SweepArgs) Kind() string { return "image_sweep" }

// Workers returns the workers of all jobs of images.
func (s *Service) Workers() []jobs.Worker {
	return []jobs.Worker{
		jobs.Work[MakeArgs](s.Maker()),
		jobs.Work[CleanArgs](s.Cleaner()),
		jobs.Work[SweepArgs](s.Sweeper()),
	}
}

// Periodic returns the jobs that come by the clock.
func (s *Service) Periodic() []*river.PeriodicJob {
	return []*river.PeriodicJob{jobs.Every(sweepEvery, SweepArgs{}), jobs.Every(searchEvery, SweepArgs{All: true})}
}

// Cleaner is the worker that removes single images.
type Cleaner struct {
	river.WorkerDefaults[CleanArgs]

	service *Service
}

// Cleaner returns the worker that removes single images.
func (s *Service) Cleaner() *Cleaner { return &Cleaner{service: s} }

// Work removes an image, unless somebody shows it. The sweep comes back to those.
func (c *Cleaner) Work(ctx context.Context, job *river.Job[CleanArgs]) error {
	return c.service.remove(ctx, job.Args.Image)
}

// Sweeper is the worker that removes what was forgotten.
type Sweeper struct {
	river.WorkerDefaults[SweepArgs]

	service *Service
}

// Sweeper returns the worker that removes what was forgotten.
func (s *Service) Sweeper() *Sweeper { return &Sweeper{service: s} }

// Timeout implements river.Worker.
func (*Sweeper) Timeout(*river.Job[SweepArgs]) time.Duration { return sweepTime }

// Work sweeps. One image that cannot be removed keeps it from none of the others.
func (w *Sweeper) Work(ctx context.Context, job *river.Job[SweepArgs]) error {
	s := w.service
	now := s.cfg.Now()
	sweeps := []struct {
		state  string
		before time.Time
		do     func(context.Context, uuid.UUID) error
	}{
		{statePending, now.Add(-lostAfter), func(ctx context.Context, id uuid.UUID) error { return s.fail(ctx, id, ErrNotMade) }},
		{stateFailed, now.Add(-keepFailed), s.remove},
		{stateReplaced, now.Add(-s.cfg.Linger), s.remove},
		{stateReady, now.Add(-s.cfg.Linger), s.remove},
	}
	if !job.Args.All {
		sweeps = sweeps[:3]
	}
	var errs []error
	for _, sweep := range sweeps {
		errs = append(errs, s.sweep(ctx, sweep.state, sweep.before, sweep.do))
	}
	if job.Args.All {
		errs = append(errs, s.clearOrphans(ctx, now.Add(-s.cfg.Linger)))
	}
	return errors.Join(errs...)
}

// sweep does something with every image that is in a state since before a time.
func (s *Service) sweep(ctx context.Context, state string, before time.Time, do func(context.Context, uuid.UUID) error) error {
	var last uuid.UUID
	var errs []error
	for {
		page, err := s.cfg.DB.Read().ImagesInState(ctx, store.ImagesInStateParams{State: state, ID: last, Most: sweepPage})
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("image: sweep: %w", err))...)
		}
		for _, row := range page {
			last = row.ID
			if !row.UpdatedAt.Before(before) {
				continue
			}
			if err := do(ctx, row.ID); err != nil && len(errs) < 10 {
				errs = append(errs, err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if len(page) < sweepPage {
			return errors.Join(errs...)
		}
	}
}

// remove removes an image with its blobs, unless somebody shows it or it is being made.
func (s *Service) remove(ctx context.Context, id uuid.UUID) error {
	row, err := s.cfg.DB.Read().ImageShown(ctx, id)
	switch {
	case errors.Is(err, db.ErrNotFound):
		return s.clear(ctx, id)
	case err != nil:
		return fmt.Errorf("image: ask whether one is shown: %w", err)
	case row.Shown != 0 || row.State == statePending:
		return nil
	}
	if err := s.clear(ctx, id); err != nil {
		return err
	}
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.DeleteImage(ctx, id); err != nil {
			return err
		}
		return tx.Notify(ctx, topicBlobs, id.String())
	})
	if err != nil {
		return fmt.Errorf("image: remove: %w", err)
	}
	return nil
}

// clear removes all blobs of an image.
func (s *Service) clear(ctx context.Context, id uuid.UUID) error {
	err := s.cfg.Blobs.List(ctx, folder(id), func(key string, _ int64, _ time.Time) error {
		return s.cfg.Blobs.Delete(ctx, key)
	})
	if err != nil {
		return fmt.Errorf("image: clear up: %w", err)
	}
	return nil
}

// clearSource removes what an image was made from.
func (s *Service) clearSource(ctx context.Context, id uuid.UUID) error {
	if err := s.cfg.Blobs.Delete(ctx, sourceKey(id)); err != nil {
		return fmt.Errorf("image: clear up: %w", err)
	}
	return nil
}

// clearOrphans removes blobs that are there since before a time and of no image: those
// of uploads that were cut off by a crash.
func (s *Service) clearOrphans(ctx context.Context, before time.Time) error {
	var known uuid.UUID
	err := s.cfg.Blobs.List(ctx, prefix, func(key string, _ int64, modified time.Time) error {
		name, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
		id, err := uuid.Parse(name)
		if err != nil || id == known || !modified.Before(before) {
			return nil // not ours, or not yet
		}
		n, err := s.cfg.DB.Read().ImageExists(ctx, id)
		if err != nil {
			return fmt.Errorf("image: look for orphans: %w", err)
		}
		if n > 0 {
			known = id
			return nil
		}
		return s.cfg.Blobs.Delete(ctx, key)
	})
	if err != nil {
		return fmt.Errorf("image: clear orphans: %w", err)
	}
	return nil
}
