package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	sweepMost   = 100              // rows at a time
	sweepWithin = 10 * time.Second // of one round
	seeEvery    = 5 * time.Second
)

// Run ends calls that ring for too long, and takes those out of theirs who were lost
// for too long, until ctx ends. Every node does so; the rows decide which of them was
// first.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.SweepEvery)
	defer tick.Stop()
	var seen time.Time
	failing := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.stopped(ctx)
			return nil
		}
		err := s.round(ctx, &seen)
		if err != nil && ctx.Err() == nil && !failing {
			s.cfg.Logger.WarnContext(ctx, "calls cannot be looked after", "err", err)
		}
		failing = err != nil
	}
}

// round looks after all calls once. It stops at the first thing that cannot be done:
// while the database is away, nobody is taken for lost.
func (s *Service) round(ctx context.Context, seen *time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, sweepWithin)
	defer cancel()
	if err := s.noteGone(ctx); err != nil {
		return err
	}
	if now := time.Now(); now.Sub(*seen) >= seeEvery {
		if err := s.see(ctx); err != nil {
			return err
		}
		*seen = now
	}
	return s.Sweep(ctx)
}

// noteGone notes who has lost their socket here.
func (s *Service) noteGone(ctx context.Context) error {
	for {
		s.mu.Lock()
		if len(s.gone) == 0 {
			s.gone = nil
			s.mu.Unlock()
			return nil
		}
		d := s.gone[0]
		s.mu.Unlock()
		if err := s.away(ctx, d); err != nil {
			return err
		}
		s.mu.Lock()
		s.gone = s.gone[1:]
		s.mu.Unlock()
	}
}

// see notes that this node has those who are here.
func (s *Service) see(ctx context.Context) error {
	s.mu.Lock()
	here := len(s.here)
	s.mu.Unlock()
	if here == 0 {
		return nil
	}
	return s.cfg.DB.Write().SeeCallParticipants(ctx, store.SeeCallParticipantsParams{
		Node: s.cfg.Sockets.ID(), Now: column.At(s.cfg.Now()),
	})
}

// ringOut ends a call that nobody has taken.
func (s *Service) ringOut(ctx context.Context, id uuid.UUID) error {
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error { return s.stop(ctx, q, then, id, MissedIt) })
	if errors.Is(err, ErrOver) || errors.Is(err, ErrAnswered) { // another was first
		return nil
	}
	return err
}

// stopped notes that the sockets of this node go: they come back to another.
func (s *Service) stopped(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepWithin)
	defer cancel()
	err := s.cfg.DB.Write().CallParticipantsOfNodeAway(ctx, store.CallParticipantsOfNodeAwayParams{
		Node: s.cfg.Sockets.ID(), Now: column.Maybe(s.cfg.Now()),
	})
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "participants of calls cannot be noted as away", "err", err)
	}
}

// Sweep ends what is due.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.cfg.Now()
	rung, err := s.cfg.DB.Read().CallsRungOut(ctx, store.CallsRungOutParams{Now: column.Maybe(now), Most: sweepMost})
	if err != nil {
		return fmt.Errorf("call: sweep: %w", err)
	}
	for _, id := range rung {
		if err := s.ringOut(ctx, id); err != nil {
			return fmt.Errorf("call: sweep: %w", err)
		}
	}
	gone, err := s.cfg.DB.Read().LostCallParticipants(ctx, store.LostCallParticipantsParams{
		AwayBefore: column.At(now.Add(-s.cfg.ReturnWithin)), DeadBefore: column.At(now.Add(-s.cfg.DeadAfter)), Most: sweepMost,
	})
	if err != nil {
		return fmt.Errorf("call: sweep: %w", err)
	}
	for _, p := range gone {
		before := now.Add(-s.cfg.ReturnWithin)
		if p.AwaySince == nil {
			before = now.Add(-s.cfg.DeadAfter)
		}
		err := s.inTx(ctx, func(q *db.Tx, then *effects) error { return s.leave(ctx, q, then, p.CallID, p.ID, lost, before) })
		if err != nil {
			return fmt.Errorf("call: sweep: %w", err)
		}
	}
	return nil
}
