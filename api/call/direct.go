package call

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Device is who acts: a person at a socket.
type Device struct {
	User   auth.Principal
	Socket string
}

// Start calls a friend, whose devices ring. Two friends who call each other at once are
// in one call. The outcomes are ErrUserNotFound, ErrYourself, ErrNotFriends, ErrInCall,
// ErrBusy, which the friend hears of as of any call that was missed, and
// ErrTooManyCalls.
func (s *Service) Start(ctx context.Context, me Device, to string, video bool) (Seat, error) {
	callee, err := s.callee(ctx, me, to)
	if err != nil {
		return Seat{}, fmt.Errorf("call: start: %w", err)
	}
	var seat Seat
	busy := false
	err = retry(func() error {
		busy = false
		return s.inTx(ctx, func(q *db.Tx, then *effects) error {
			var err error
			seat, busy, err = s.start(ctx, q, then, me, callee, video)
			return err
		})
	}, onePerPair)
	switch {
	case db.IsUnique(err, onePerPerson):
		return Seat{}, ErrInCall
	case err != nil:
		return Seat{}, fmt.Errorf("call: start: %w", err)
	case busy:
		return Seat{}, ErrBusy
	}
	return seat, nil
}

// callee returns whom me may call by the name, or the id, of to.
func (s *Service) callee(ctx context.Context, me Device, to string) (store.User, error) {
	if !utf8.ValidString(to) || strings.ContainsRune(to, 0) {
		return store.User{}, ErrUserNotFound
	}
	var callee store.User
	id, err := uuid.Parse(to)
	if err == nil && len(to) == len(id.String()) {
		callee, err = s.cfg.DB.Read().UserByID(ctx, id)
	} else {
		callee, err = s.cfg.DB.Read().UserByUsername(ctx, strings.ToLower(to))
	}
	if errors.Is(err, db.ErrNotFound) {
		return store.User{}, ErrUserNotFound
	}
	if err != nil {
		return store.User{}, err
	}
	if callee.ID == me.User.UserID {
		return store.User{}, ErrYourself
	}
	ok, err := s.cfg.Friends.AreFriends(ctx, me.User.UserID, callee.ID)
	if err != nil {
		return store.User{}, err
	}
	if !ok {
		return store.User{}, ErrNotFriends
	}
	return callee, nil
}

func (s *Service) start(ctx context.Context, q *db.Tx, then *effects, me Device, callee store.User, video bool) (_ Seat, busy bool, _ error) {
	now := s.cfg.Now()
	made, err := q.CountCallsOfSince(ctx, store.CountCallsOfSinceParams{
		CallerID: known(me.User.UserID), Since: firstIDOf(now.Add(-time.Minute)),
	})
	if err != nil {
		return Seat{}, false, err
	}
	if made >= int64(s.cfg.CallsPerMinute) {
		return Seat{}, false, rest.Later(ErrTooManyCalls, time.Minute)
	}
	if err := s.vacate(ctx, q, then, me.User.UserID, uuid.Nil); err != nil {
		return Seat{}, false, err
	}
	// In this order: what the callee is in by now, if that is a call to me, is seen next.
	_, err = q.CallParticipantOfUser(ctx, callee.ID)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return Seat{}, false, err
	}
	occupied := err == nil
	pair := pairOf(me.User.UserID, callee.ID)
	open, err := q.CallOfPair(ctx, sql.NullString{String: pair, Valid: true})
	switch {
	case err == nil && open.State == Ringing && open.CalleeID.UUID == me.User.UserID: // they call each other
		seat, err := s.answer(ctx, q, then, open, me)
		return seat, false, err
	case err == nil:
		return Seat{}, false, ErrInCall
	case !errors.Is(err, db.ErrNotFound):
		return Seat{}, false, err
	}
	caller, err := q.UserByID(ctx, me.User.UserID)
	if err != nil {
		return Seat{}, false, err
	}
	from := personOf(caller.Username, caller.DisplayName, caller.AvatarID)
	c := store.Call{
		ID: newID(), Kind: Direct, CallerID: known(caller.ID), CalleeID: known(callee.ID),
		Pair: sql.NullString{String: pair, Valid: true}, State: Ringing, Video: video,
		CreatedAt: column.At(now), RingsUntil: column.Maybe(now.Add(s.cfg.RingFor)),
	}
	if occupied {
		c.State, c.Outcome, c.Pair, c.RingsUntil, c.EndedAt = Ended, WasBusy, sql.NullString{}, nil, column.Maybe(now)
		s.missed(then, c, from)
		then.add(func(context.Context) { s.metrics.over(WasBusy) })
		return Seat{}, true, create(ctx, q, c)
	}
	if err := create(ctx, q, c); err != nil {
		return Seat{}, false, err
	}
	seat, err := s.sit(ctx, q, then, c, me)
	if err != nil {
		return Seat{}, false, err
	}
	then.add(func(ctx context.Context) {
		s.metrics.started(Direct)
		s.cfg.Sockets.Tell(ctx, callee.ID, realtime.Event{Type: eventRinging, Data: ringing{Call: callOf(c), From: from}})
	})
	return seat, false, nil
}

func create(ctx context.Context, q *db.Tx, c store.Call) error {
	return q.CreateCall(ctx, store.CreateCallParams(c))
}

// Accept takes a call at one device; the others stop ringing. Of several devices that
// do so at once, one has the call, and the others ErrAnswered. ErrOver is the outcome of
// a call that rings no more, and ErrInCall of one that comes while there is another.
func (s *Service) Accept(ctx context.Context, me Device, id uuid.UUID) (Seat, error) {
	var seat Seat
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error {
		c, err := callTo(ctx, q, me, id)
		if err != nil {
			return err
		}
		if err := s.vacate(ctx, q, then, me.User.UserID, id); err != nil {
			return err
		}
		seat, err = s.answer(ctx, q, then, c, me)
		return err
	})
	switch {
	case db.IsUnique(err, onePerPerson):
		return Seat{}, ErrInCall
	case err != nil:
		return Seat{}, fmt.Errorf("call: accept: %w", err)
	}
	return seat, nil
}

// callTo returns the call with this id if it is one to me.
func callTo(ctx context.Context, q *db.Tx, me Device, id uuid.UUID) (store.Call, error) {
	c, err := q.CallByID(ctx, id)
	if errors.Is(err, db.ErrNotFound) || (err == nil && (c.Kind != Direct || c.CalleeID.UUID != me.User.UserID)) {
		return store.Call{}, ErrCallNotFound
	}
	return c, err
}

// answer takes c, which rings, for me.
func (s *Service) answer(ctx context.Context, q *db.Tx, then *effects, c store.Call, me Device) (Seat, error) {
	now := s.cfg.Now()
	n, err := q.AnswerCall(ctx, store.AnswerCallParams{ID: c.ID, AnsweredAt: column.Maybe(now)})
	if err != nil {
		return Seat{}, err
	}
	if n == 0 {
		return Seat{}, s.notRinging(ctx, q, c.ID)
	}
	c.State, c.Outcome, c.AnsweredAt = Active, Answered, column.Maybe(now)
	s.stopRinging(then, c, Answered, me.Socket)
	return s.sit(ctx, q, then, c, me)
}

// notRinging returns why a call cannot be taken.
func (s *Service) notRinging(ctx context.Context, q *db.Tx, id uuid.UUID) error {
	c, err := q.CallByID(ctx, id)
	if err != nil {
		return err
	}
	if c.State == Active {
		return ErrAnswered
	}
	return ErrOver
}

// Reject declines a call that rings, at all devices of the callee.
func (s *Service) Reject(ctx context.Context, me Device, id uuid.UUID) error {
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error {
		c, err := callTo(ctx, q, me, id)
		if err != nil {
			return err
		}
		return s.stop(ctx, q, then, c.ID, Rejected)
	})
	if err != nil {
		return fmt.Errorf("call: reject: %w", err)
	}
	return nil
}

// Cancel takes a call back that rings. One that was answered meanwhile is ErrAnswered.
func (s *Service) Cancel(ctx context.Context, me Device, id uuid.UUID) error {
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error {
		c, err := q.CallByID(ctx, id)
		if errors.Is(err, db.ErrNotFound) || (err == nil && (c.Kind != Direct || c.CallerID.UUID != me.User.UserID)) {
			return ErrCallNotFound
		}
		if err != nil {
			return err
		}
		return s.stop(ctx, q, then, c.ID, Cancelled)
	})
	if err != nil {
		return fmt.Errorf("call: cancel: %w", err)
	}
	return nil
}

// stop ends a call that rings.
func (s *Service) stop(ctx context.Context, q *db.Tx, then *effects, id uuid.UUID, outcome string) error {
	n, err := q.LockCall(ctx, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrOver
	}
	c, err := q.CallByID(ctx, id)
	if err != nil {
		return err
	}
	if c.State != Ringing {
		return ErrAnswered
	}
	return s.end(ctx, q, then, c, outcome)
}

func known(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: true} }

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// firstIDOf returns an id that is less than all made at t or later.
func firstIDOf(t time.Time) uuid.UUID {
	var id uuid.UUID
	ms := t.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id
}

// pairOf names two people, whichever comes first.
func pairOf(a, b uuid.UUID) string {
	first, second := a.String(), b.String()
	if second < first {
		first, second = second, first
	}
	return first + " " + second
}
