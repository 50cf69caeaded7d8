package social

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Bounds of friendships and requests.
const (
	maxFriends    = 1000
	maxPending    = 100 // requests of one person that wait
	maxSent       = 30  // requests of one person in sentWindow
	sentWindow    = 24 * time.Hour
	declinedRests = 7 * 24 * time.Hour // before who was declined may ask again
	maxNote       = 200                // characters
)

// Request is that somebody asks to be somebody's friend.
type Request struct {
	ID       uuid.UUID
	Person   Person // the other one
	Incoming bool   // the other one asks
	Note     string
	At       time.Time
	Accepted bool // at once: the other one had asked too
}

// Ask sends a friend request of p to somebody, named by username or id. Where that one
// has asked p, they are friends at once. A person who declined is not bothered again for
// some days, and p is not told: the request looks as if it waited.
func (s *Service) Ask(ctx context.Context, p auth.Principal, who, note string) (Request, error) {
	note, ok := rest.Line(note, maxNote)
	if !ok {
		return Request{}, ErrBadNote
	}
	to, err := s.somebody(ctx, who)
	if err != nil {
		return Request{}, err
	}
	if to.ID == p.UserID {
		return Request{}, ErrYourself
	}
	id, err := newID()
	if err != nil {
		return Request{}, err
	}
	r := Request{ID: id, Person: to, Note: note, At: column.At(s.cfg.Now()).Time}
	var after later
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		there, err := lockPair(ctx, tx, p.UserID, to.ID)
		if err != nil {
			return err
		}
		if !there {
			return ErrUserNotFound
		}
		return s.ask(ctx, tx, p.UserID, &r, &after)
	})
	if err != nil {
		return Request{}, fmt.Errorf("social: ask: %w", err)
	}
	after.do()
	return r, nil
}

// ask does what Ask does, with both people locked.
func (s *Service) ask(ctx context.Context, tx *db.Tx, me uuid.UUID, r *Request, after *later) error {
	to := r.Person.ID
	if friends, err := areFriends(ctx, tx.Queries, me, to); err != nil || friends {
		return orElse(err, ErrAlreadyFriends)
	}
	blockers, err := blockersAmong(ctx, tx.Queries, me, to)
	switch {
	case err != nil:
		return err
	case slices.Contains(blockers, me):
		return ErrYouBlocked
	case len(blockers) > 0:
		return ErrNoRequests
	}
	theirs, waits, err := s.between(ctx, tx, to, me)
	if err != nil {
		return err
	}
	if waits && theirs.CancelledAt == nil {
		r.ID, r.Accepted = theirs.ID, true
		return s.befriend(ctx, tx, me, to, after)
	}
	settings, err := settingsOf(ctx, tx.Queries, to)
	if err != nil {
		return err
	}
	if settings.AllowRequests == FromNobody {
		return ErrNoRequests
	}
	mine, waits, err := s.between(ctx, tx, me, to)
	if err != nil {
		return err
	}
	if waits && mine.CancelledAt == nil {
		return ErrAlreadyRequested
	}
	if err := s.countAsked(ctx, tx, me); err != nil {
		return err
	}
	now := column.At(r.At)
	asking, err := personByID(ctx, tx, me)
	if err != nil {
		return err
	}
	after.add(func() { s.tellRequest(ctx, me, *r) })
	if waits { // was declined, and cancelled: for the sender it is there again
		return tx.RepeatDeclinedFriendRequest(ctx, store.RepeatDeclinedFriendRequestParams{ID: mine.ID, NewID: r.ID, Note: r.Note, CreatedAt: now})
	}
	err = tx.CreateFriendRequest(ctx, store.CreateFriendRequestParams{ID: r.ID, FromID: me, ToID: to, Note: r.Note, CreatedAt: now})
	if err != nil {
		return fmt.Errorf("write a request: %w", err)
	}
	told, err := s.NotifyTx(ctx, tx, to, FriendRequest, me, map[string]any{"request": r.ID.String(), "note": r.Note}, aboutRequest(r.ID))
	if err != nil {
		return err
	}
	after.add(func() {
		s.tellRequest(ctx, to, Request{ID: r.ID, Person: asking, Incoming: true, Note: r.Note, At: r.At})
		told()
	})
	return nil
}

// between returns the request of one person to another, and whether there is one that
// counts: one that was declined long ago is taken away.
func (s *Service) between(ctx context.Context, tx *db.Tx, from, to uuid.UUID) (r store.FriendRequest, counts bool, err error) {
	r, err = tx.FriendRequestBetween(ctx, store.FriendRequestBetweenParams{FromID: from, ToID: to})
	if errors.Is(err, db.ErrNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("look a request up: %w", err)
	}
	if r.DeclinedAt == nil || s.cfg.Now().Sub(r.DeclinedAt.Time) < declinedRests {
		return r, true, nil
	}
	_, err = tx.DeleteFriendRequest(ctx, r.ID)
	return r, false, err
}

// countAsked says whether a person may ask one more.
func (s *Service) countAsked(ctx context.Context, tx *db.Tx, me uuid.UUID) error {
	pending, err := tx.CountFriendRequestsFrom(ctx, me)
	if err != nil {
		return fmt.Errorf("count requests: %w", err)
	}
	if pending >= maxPending {
		return ErrTooManyPending
	}
	now := s.cfg.Now()
	sent, err := tx.CountFriendRequestSent(ctx, store.CountFriendRequestSentParams{
		UserID: me, At: column.Maybe(now), Now: column.At(now), Since: column.Maybe(now.Add(-sentWindow)),
	})
	if err != nil {
		return fmt.Errorf("count what was sent: %w", err)
	}
	if sent.Asked > maxSent {
		return rest.Later(ErrTooManyToday, sent.AskedAt.Add(sentWindow).Sub(now))
	}
	return nil
}

// Accept makes p and whoever asked friends.
func (s *Service) Accept(ctx context.Context, p auth.Principal, request uuid.UUID) (Friend, error) {
	r, err := s.requestTo(ctx, p, request)
	if err != nil {
		return Friend{}, err
	}
	var after later
	err = s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		there, err := lockPair(ctx, tx, p.UserID, r.FromID)
		if err != nil {
			return err
		}
		if still, err := tx.FriendRequestByID(ctx, request); errors.Is(err, db.ErrNotFound) || !there || still.DeclinedAt != nil {
			return ErrRequestNotFound
		} else if err != nil {
			return err
		}
		return s.befriend(ctx, tx, p.UserID, r.FromID, &after)
	})
	if err != nil {
		return Friend{}, fmt.Errorf("social: accept: %w", err)
	}
	after.do()
	return s.friendOf(ctx, p.UserID, r.FromID)
}

// Decline says no to a request to p. Whoever asked is not told.
func (s *Service) Decline(ctx context.Context, p auth.Principal, request uuid.UUID) error {
	var after later
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.SocialLockUser(ctx, p.UserID); err != nil {
			return err
		}
		n, err := tx.DeclineFriendRequest(ctx, store.DeclineFriendRequestParams{ID: request, ToID: p.UserID, DeclinedAt: column.Maybe(s.cfg.Now())})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrRequestNotFound
		}
		after.add(func() { s.tellNoRequest(ctx, p.UserID, request) })
		return s.forget(ctx, tx, p.UserID, aboutRequest(request), &after)
	})
	if err != nil {
		return fmt.Errorf("social: decline: %w", err)
	}
	after.do()
	return nil
}

// Cancel takes a request of p back. One that was declined is kept where nobody sees it,
// so that the next has to wait.
func (s *Service) Cancel(ctx context.Context, p auth.Principal, request uuid.UUID) error {
	var after later
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.SocialLockUser(ctx, p.UserID); err != nil {
			return err
		}
		r, err := tx.FriendRequestByID(ctx, request)
		if errors.Is(err, db.ErrNotFound) || (err == nil && r.FromID != p.UserID) {
			return ErrRequestNotFound
		}
		if err != nil {
			return err
		}
		after.add(func() { s.tellNoRequest(ctx, p.UserID, request) })
		n, err := tx.CancelFriendRequest(ctx, store.CancelFriendRequestParams{ID: request, FromID: p.UserID})
		if err != nil {
			return err
		}
		if n == 1 {
			after.add(func() { s.tellNoRequest(ctx, r.ToID, request) })
			return s.forget(ctx, tx, r.ToID, aboutRequest(request), &after)
		}
		n, err = tx.CancelDeclinedFriendRequest(ctx, store.CancelDeclinedFriendRequestParams{
			ID: request, FromID: p.UserID, CancelledAt: column.Maybe(s.cfg.Now()),
		})
		if err == nil && n == 0 {
			return ErrRequestNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("social: cancel: %w", err)
	}
	after.do()
	return nil
}

// requestTo returns a request to p that waits.
func (s *Service) requestTo(ctx context.Context, p auth.Principal, id uuid.UUID) (store.FriendRequest, error) {
	r, err := s.cfg.DB.Read().FriendRequestByID(ctx, id)
	if errors.Is(err, db.ErrNotFound) || (err == nil && (r.ToID != p.UserID || r.DeclinedAt != nil)) {
		return r, ErrRequestNotFound
	}
	if err != nil {
		return r, fmt.Errorf("social: look a request up: %w", err)
	}
	return r, nil
}

// aboutRequest is what a notification about a request is known by.
func aboutRequest(id uuid.UUID) string { return "friend_request:" + id.String() }

// orElse returns err, or if that is nil other.
func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
