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

// sit makes me a participant of c, and tells the others.
func (s *Service) sit(ctx context.Context, q *db.Tx, then *effects, c store.Call, me Device) (Seat, error) {
	id, device := newID(), newDevice()
	if err := q.CreateCallParticipant(ctx, store.CreateCallParticipantParams{
		ID: id, CallID: c.ID, UserID: me.User.UserID, Device: device, Node: s.cfg.Sockets.ID(), JoinedAt: column.At(s.cfg.Now()),
	}); err != nil {
		return Seat{}, err
	}
	all, err := q.CallParticipantsIn(ctx, c.ID)
	if err != nil {
		return Seat{}, err
	}
	for _, p := range all {
		if p.ID == id {
			s.tellPeers(then, p, all)
		}
	}
	s.tellParty(then, c, len(all))
	return s.seat(c, id, device, me), nil
}

// seat returns what me gets as a participant of c.
func (s *Service) seat(c store.Call, participant uuid.UUID, device string, me Device) Seat {
	servers, expires := s.cfg.ICE.Servers(me.User.UserID)
	if servers == nil {
		servers = []ICEServer{}
	}
	return Seat{
		Call: callOf(c), Participant: participant, Topic: topicOf(participant, device),
		ICEServers: servers, ICEExpires: expires.UTC(),
	}
}

// Leave hangs up.
func (s *Service) Leave(ctx context.Context, me Device, participant uuid.UUID) error {
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error {
		p, err := q.CallParticipantByID(ctx, participant)
		if errors.Is(err, db.ErrNotFound) || (err == nil && p.UserID != me.User.UserID) {
			return ErrParticipantNotFound
		}
		if err != nil {
			return err
		}
		return s.leave(ctx, q, then, p.CallID, p.ID, hungUp, s.anyTime())
	})
	if err != nil {
		return fmt.Errorf("call: leave: %w", err)
	}
	return nil
}

// Why a call is over for a participant, beside the outcomes of the call itself.
const (
	hungUp    = "left"
	lost      = "lost"      // its socket was away for too long
	elsewhere = "elsewhere" // the person is in another call now
	removed   = "removed"   // the person is not in the party any more
)

// leave takes a participant out of a call, which ends with the last one of a party, and
// with the first of a direct call. Somebody who was there at seenBefore or later stays.
func (s *Service) leave(ctx context.Context, q *db.Tx, then *effects, call, participant uuid.UUID, why string, seenBefore time.Time) error {
	if n, err := q.LockCall(ctx, call); err != nil || n == 0 {
		return err
	}
	p, err := q.CallParticipantByID(ctx, participant)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := q.CallParticipantLeft(ctx, store.CallParticipantLeftParams{
		ID: participant, LeftAt: column.Maybe(s.cfg.Now()), SeenBefore: column.At(seenBefore),
	})
	if err != nil || n == 0 {
		return err
	}
	then.add(func(ctx context.Context) { s.publish(ctx, p.ID, p.Device, eventEnded, ended{Call: call, Outcome: why}) })
	c, err := q.CallByID(ctx, call)
	if err != nil {
		return err
	}
	others, err := q.CallParticipantsIn(ctx, call)
	if err != nil {
		return err
	}
	switch {
	case c.State == Ringing:
		return s.end(ctx, q, then, c, Cancelled)
	case len(others) == 0, c.Kind == Direct:
		return s.end(ctx, q, then, c, Answered)
	}
	for _, other := range others {
		then.add(func(ctx context.Context) {
			s.publish(ctx, other.ID, other.Device, eventLeft, left{Participant: participant})
		})
	}
	s.tellParty(then, c, len(others))
	return nil
}

// end ends a call, which is locked, for all who are in it.
func (s *Service) end(ctx context.Context, q *db.Tx, then *effects, c store.Call, outcome string) error {
	now := column.Maybe(s.cfg.Now())
	others, err := q.CallParticipantsIn(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.State == Ringing {
		_, err = q.EndRingingCall(ctx, store.EndRingingCallParams{ID: c.ID, Outcome: outcome, EndedAt: now})
	} else {
		_, err = q.EndActiveCall(ctx, store.EndActiveCallParams{ID: c.ID, EndedAt: now})
	}
	if err != nil {
		return err
	}
	if err := q.AllLeftCall(ctx, store.AllLeftCallParams{CallID: c.ID, LeftAt: now}); err != nil {
		return err
	}
	for _, p := range others {
		then.add(func(ctx context.Context) {
			s.publish(ctx, p.ID, p.Device, eventEnded, ended{Call: c.ID, Outcome: outcome})
		})
	}
	if c.State == Ringing {
		s.stopRinging(then, c, outcome, "")
		if outcome != Rejected {
			if err := s.missedBy(ctx, q, then, c); err != nil {
				return err
			}
		}
	}
	then.add(func(context.Context) { s.metrics.over(outcome) })
	c.State = Ended
	s.tellParty(then, c, 0)
	return nil
}

// missedBy is missed for a call whose caller has to be looked up.
func (s *Service) missedBy(ctx context.Context, q *db.Tx, then *effects, c store.Call) error {
	caller, err := q.UserByID(ctx, c.CallerID.UUID)
	if errors.Is(err, db.ErrNotFound) { // gone meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	s.missed(then, c, personOf(caller.Username, caller.DisplayName, caller.AvatarID))
	return nil
}

// vacate takes user out of another call than this, where their device is away: what
// they begin now is what they want.
func (s *Service) vacate(ctx context.Context, q *db.Tx, then *effects, user, call uuid.UUID) error {
	p, err := q.CallParticipantOfUser(ctx, user)
	if errors.Is(err, db.ErrNotFound) || (err == nil && (p.AwaySince == nil || p.CallID == call)) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.leave(ctx, q, then, p.CallID, p.ID, elsewhere, s.anyTime())
}

// anyTime is later than anybody was seen, whatever the clocks of the nodes.
func (s *Service) anyTime() time.Time { return s.cfg.Now().AddDate(1, 0, 0) }
