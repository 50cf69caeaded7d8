package call

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Join takes part in the call of a party, which begins with the first who does. The
// outcomes are ErrPartyNotFound, also for who is not in it, ErrInCall and ErrFull.
func (s *Service) Join(ctx context.Context, me Device, party uuid.UUID, video bool) (Seat, error) {
	ok, err := s.cfg.Parties.IsMember(ctx, party, me.User.UserID)
	if err != nil {
		return Seat{}, fmt.Errorf("call: join: %w", err)
	}
	if !ok {
		return Seat{}, ErrPartyNotFound
	}
	var seat Seat
	err = retry(func() error {
		return s.inTx(ctx, func(q *db.Tx, then *effects) error {
			var err error
			seat, err = s.join(ctx, q, then, me, party, video)
			return err
		})
	}, onePerParty)
	switch {
	case db.IsUnique(err, onePerPerson):
		return Seat{}, ErrInCall
	case db.IsForeignKey(err):
		return Seat{}, ErrPartyNotFound
	case err != nil:
		return Seat{}, fmt.Errorf("call: join: %w", err)
	}
	return seat, nil
}

func (s *Service) join(ctx context.Context, q *db.Tx, then *effects, me Device, party uuid.UUID, video bool) (Seat, error) {
	c, err := s.openCall(ctx, q, party)
	if errors.Is(err, db.ErrNotFound) {
		now := s.cfg.Now()
		c = store.Call{
			ID: newID(), Kind: Party, PartyID: known(party), CallerID: known(me.User.UserID),
			State: Active, Outcome: Answered, Video: video, CreatedAt: column.At(now), AnsweredAt: column.Maybe(now),
		}
		err = create(ctx, q, c)
		then.add(func(context.Context) { s.metrics.started(Party) })
	}
	if err != nil {
		return Seat{}, err
	}
	if err := s.vacate(ctx, q, then, me.User.UserID, c.ID); err != nil {
		return Seat{}, err
	}
	people, err := q.CallParticipantsIn(ctx, c.ID)
	if err != nil {
		return Seat{}, err
	}
	if slices.ContainsFunc(people, func(p store.CallParticipantsInRow) bool { return p.UserID == me.User.UserID }) {
		return Seat{}, ErrInCall
	}
	if len(people) >= s.cfg.MaxInCall {
		return Seat{}, ErrFull
	}
	return s.sit(ctx, q, then, c, me)
}

// openCall returns the call of a party that is not over, and locks it.
func (s *Service) openCall(ctx context.Context, q *db.Tx, party uuid.UUID) (store.Call, error) {
	c, err := q.CallOfParty(ctx, known(party))
	if err != nil {
		return store.Call{}, err
	}
	n, err := q.LockCall(ctx, c.ID)
	if err != nil {
		return store.Call{}, err
	}
	if n == 0 { // it has ended in this moment
		return store.Call{}, db.ErrNotFound
	}
	return c, nil
}

// Expel takes somebody out of the call of a party that they are no longer in.
func (s *Service) Expel(ctx context.Context, party, user uuid.UUID) error {
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error {
		c, err := q.CallOfParty(ctx, known(party))
		if errors.Is(err, db.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		p, err := q.CallParticipantOfUser(ctx, user)
		if errors.Is(err, db.ErrNotFound) || (err == nil && p.CallID != c.ID) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.leave(ctx, q, then, c.ID, p.ID, removed, s.anyTime())
	})
	if err != nil {
		return fmt.Errorf("call: expel: %w", err)
	}
	return nil
}
