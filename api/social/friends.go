package social

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Friend is a friend of somebody, and what the friend is doing.
type Friend struct {
	Person

	Present Present
	Since   time.Time // friends
	row     uuid.UUID // of this half of the friendship
}

// friendRow is a friend with what the friend shows.
type friendRow = store.FriendsBeforeRow

func (s *Service) friend(ctx context.Context, viewer uuid.UUID, row friendRow) (Friend, error) {
	present, err := s.present(ctx, viewer, row)
	return Friend{
		Person:  Person{row.FriendID, row.Username, row.DisplayName, row.AvatarID},
		Present: present, Since: row.CreatedAt.Time, row: row.ID,
	}, err
}

// friendOf returns somebody's friend.
func (s *Service) friendOf(ctx context.Context, user, friend uuid.UUID) (Friend, error) {
	row, err := s.cfg.DB.Read().FriendOf(ctx, store.FriendOfParams{UserID: user, FriendID: friend})
	if errors.Is(err, db.ErrNotFound) {
		return Friend{}, ErrUserNotFound
	}
	if err != nil {
		return Friend{}, fmt.Errorf("social: look a friend up: %w", err)
	}
	return s.friend(ctx, user, friendRow(row))
}

// Friends returns a page of the friends of p, the latest friendship first.
func (s *Service) Friends(ctx context.Context, p auth.Principal, page rest.PageQuery) (rest.Page[Friend], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Friend]{}, err
	}
	q, ask := s.cfg.DB.Read(), store.FriendsBeforeParams{UserID: p.UserID, Edge: c.ID, Most: int32(page.Limit) + 1}
	var rows []friendRow
	if c.Back {
		var after []store.FriendsAfterRow
		after, err = q.FriendsAfter(ctx, store.FriendsAfterParams(ask))
		for _, row := range after {
			rows = append(rows, friendRow(row))
		}
	} else {
		rows, err = q.FriendsBefore(ctx, ask)
	}
	if err != nil {
		return rest.Page[Friend]{}, fmt.Errorf("social: list friends: %w", err)
	}
	friends := make([]Friend, len(rows))
	for i, row := range rows {
		if friends[i], err = s.friend(ctx, p.UserID, row); err != nil {
			return rest.Page[Friend]{}, err
		}
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, friends, func(f Friend) rest.Cursor { return rest.Cursor{ID: f.row} }), nil
}

// Remove ends that p and somebody are friends, if they are.
func (s *Service) Remove(ctx context.Context, p auth.Principal, who string) error {
	other, _, err := s.anybody(ctx, who)
	if err != nil {
		return err
	}
	var after later
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := lockPair(ctx, tx, p.UserID, other.ID); err != nil {
			return err
		}
		return s.part(ctx, tx, p.UserID, other.ID, &after)
	})
	if err != nil {
		return fmt.Errorf("social: remove a friend: %w", err)
	}
	after.do()
	return nil
}

// part ends the friendship of two people, if there is one.
func (s *Service) part(ctx context.Context, tx *db.Tx, one, other uuid.UUID, after *later) error {
	n, err := tx.DeleteFriends(ctx, store.DeleteFriendsParams{One: one, Other: other})
	if err != nil || n == 0 {
		return err
	}
	after.add(func() {
		s.tellNoFriend(ctx, one, other)
		s.tellNoFriend(ctx, other, one)
	})
	return nil
}

// Requests returns a page of the requests to p, or else of those that p has sent, the
// latest first.
func (s *Service) Requests(ctx context.Context, p auth.Principal, incoming bool, page rest.PageQuery) (rest.Page[Request], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Request]{}, err
	}
	q, ask := s.cfg.DB.Read(), store.FriendRequestsToBeforeParams{UserID: p.UserID, Edge: c.ID, Most: int32(page.Limit) + 1}
	requests := []Request{}
	add := func(row store.FriendRequestsToBeforeRow) {
		requests = append(requests, Request{
			ID: row.ID, Person: Person{row.UserID, row.Username, row.DisplayName, row.AvatarID},
			Incoming: incoming, Note: row.Note, At: row.CreatedAt.Time,
		})
	}
	switch {
	case incoming && c.Back:
		var rows []store.FriendRequestsToAfterRow
		rows, err = q.FriendRequestsToAfter(ctx, store.FriendRequestsToAfterParams(ask))
		for _, row := range rows {
			add(store.FriendRequestsToBeforeRow(row))
		}
	case incoming:
		var rows []store.FriendRequestsToBeforeRow
		rows, err = q.FriendRequestsToBefore(ctx, ask)
		for _, row := range rows {
			add(row)
		}
	case c.Back:
		var rows []store.FriendRequestsFromAfterRow
		rows, err = q.FriendRequestsFromAfter(ctx, store.FriendRequestsFromAfterParams(ask))
		for _, row := range rows {
			add(store.FriendRequestsToBeforeRow(row))
		}
	default:
		var rows []store.FriendRequestsFromBeforeRow
		rows, err = q.FriendRequestsFromBefore(ctx, store.FriendRequestsFromBeforeParams(ask))
		for _, row := range rows {
			add(store.FriendRequestsToBeforeRow(row))
		}
	}
	if err != nil {
		return rest.Page[Request]{}, fmt.Errorf("social: list requests: %w", err)
	}
	return rest.NewPage(rest.ByNewest, c, page.Limit, requests, func(r Request) rest.Cursor { return rest.Cursor{ID: r.ID} }), nil
}
