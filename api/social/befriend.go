package social

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// befriend makes two people friends, who are locked. The first accepts what the other
// has asked.
func (s *Service) befriend(ctx context.Context, tx *db.Tx, me, other uuid.UUID, after *later) error {
	now := column.At(s.cfg.Now())
	for _, pair := range [][2]uuid.UUID{{me, other}, {other, me}} {
		n, err := tx.CountFriends(ctx, pair[0])
		if err != nil {
			return fmt.Errorf("count friends: %w", err)
		}
		if n >= maxFriends {
			return ErrTooManyFriends
		}
		id, err := newID()
		if err != nil {
			return err
		}
		if _, err := tx.CreateFriend(ctx, store.CreateFriendParams{ID: id, UserID: pair[0], FriendID: pair[1], CreatedAt: now}); err != nil {
			return fmt.Errorf("write a friend: %w", err)
		}
	}
	if err := s.settle(ctx, tx, me, other, after); err != nil {
		return err
	}
	told, err := s.NotifyTx(ctx, tx, other, FriendAccepted, me, nil, "")
	if err != nil {
		return err
	}
	after.add(func() {
		s.tellFriend(ctx, me, other)
		s.tellFriend(ctx, other, me)
		told()
	})
	return nil
}

// settle takes away the requests between two people, and what is in inboxes of them.
func (s *Service) settle(ctx context.Context, tx *db.Tx, one, other uuid.UUID, after *later) error {
	settled, err := tx.DeleteFriendRequestsBetween(ctx, store.DeleteFriendRequestsBetweenParams{One: one, Other: other})
	if err != nil {
		return fmt.Errorf("take requests away: %w", err)
	}
	for _, r := range settled {
		if err := s.forget(ctx, tx, r.ToID, aboutRequest(r.ID), after); err != nil {
			return err
		}
		if r.DeclinedAt == nil {
			after.add(func() { s.tellNoRequest(ctx, r.ToID, r.ID) })
		}
		if r.CancelledAt == nil {
			after.add(func() { s.tellNoRequest(ctx, r.FromID, r.ID) })
		}
	}
	return nil
}

// later is what is done once a transaction is committed.
type later []func()

func (l *later) add(do func()) { *l = append(*l, do) }

func (l later) do() {
	for _, do := range l {
		do()
	}
}
