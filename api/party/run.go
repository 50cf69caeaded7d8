package party

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	lookEvery  = 100 * time.Millisecond // while something is about to happen
	sweepEvery = 30 * time.Second
	atOnce     = 100 // parties that a sweep ends
)

// Run has parties wait for those who are not ready, does seeks that had to wait, tells
// who comes and goes, and ends parties that everybody has left. It returns nil when ctx
// ends.
func (s *Service) Run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	soon := time.NewTimer(0)
	defer soon.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			s.sweep(ctx)
			continue
		case <-s.wake:
		case <-soon.C:
		}
		if s.round(ctx) {
			soon.Reset(lookEvery)
		}
	}
}

// round does what is due, and reports whether more will soon be.
func (s *Service) round(ctx context.Context) (more bool) {
	more = s.greet(ctx)
	due, waiting := s.seeks.due(s.cfg.Now())
	more = more || waiting
	for key, w := range due {
		more = true
		if _, err := s.seek(ctx, w.by, key.party, w.to, w.loaded); err != nil {
			s.warn(ctx, "a seek in a party is not done", err)
		}
	}
	for _, id := range s.ears.restless() {
		more = true
		if err := s.judge(ctx, id); err != nil && !errors.Is(err, db.ErrNotFound) {
			s.warn(ctx, "a party cannot be looked at", err)
		}
	}
	return more
}

// warn logs a failure, unless it is that somebody was faster or is not in any more.
func (s *Service) warn(ctx context.Context, what string, err error) {
	if _, told := errors.AsType[*rest.Outcome](err); !told && ctx.Err() == nil {
		s.cfg.Logger.WarnContext(ctx, what, "err", err)
	}
}

// sweep notes where somebody is, ends parties where nobody was for long, and forgets
// those that ended long ago.
func (s *Service) sweep(ctx context.Context) {
	s.ears.prune()
	s.pace.prune()
	s.lines.prune()
	now := s.cfg.Now()
	for _, id := range s.here.parties() {
		if err := s.cfg.DB.Write().PartyTouch(ctx, store.PartyTouchParams{ID: id, Now: column.At(now)}); err != nil {
			s.warn(ctx, "who is in a party is not written", err)
			return
		}
	}
	left, err := s.cfg.DB.Read().PartiesLeft(ctx, store.PartiesLeftParams{
		EmptyBefore: column.At(now.Add(-s.cfg.EmptyFor)), IdleBefore: column.At(now.Add(-s.cfg.IdleFor)), Most: atOnce,
	})
	if err != nil {
		s.warn(ctx, "parties that are over cannot be found", err)
		return
	}
	for _, id := range left {
		if err := s.end(ctx, id, "left"); err != nil {
			s.warn(ctx, "a party that is over does not end", err)
		}
	}
	if _, err := s.cfg.DB.Write().PartiesForget(ctx, store.PartiesForgetParams{Before: column.Maybe(now.Add(-s.cfg.KeepFor)), Most: atOnce}); err != nil {
		s.warn(ctx, "parties of long ago are not forgotten", err)
	}
}

// end ends a party, if it has not ended.
func (s *Service) end(ctx context.Context, party uuid.UUID, reason string) error {
	n, err := s.cfg.DB.Write().PartyEnd(ctx, store.PartyEndParams{ID: party, Now: column.Maybe(s.cfg.Now())})
	if err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	s.tell(ctx, party, "party.ended", EndedView{Party: party.String(), Reason: reason})
	members, err := s.cfg.DB.Read().PartyMembers(context.WithoutCancel(ctx), party)
	if err != nil { // it has ended all the same
		s.warn(ctx, "who was in a party that ended is not known", err)
		return nil
	}
	for _, m := range members {
		s.gone(ctx, party, m.UserID)
	}
	return nil
}
