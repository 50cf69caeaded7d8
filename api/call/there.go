package call

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Resume takes a participant over to another device of the same person, or to a page
// that was opened anew. A device whose socket was lost for a moment has no need of it:
// it subscribes to its topic again. ErrParticipantNotFound is the outcome if it was lost
// for too long.
func (s *Service) Resume(ctx context.Context, me Device, participant uuid.UUID) (Seat, error) {
	var seat Seat
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error {
		p, err := q.CallParticipantByID(ctx, participant)
		if errors.Is(err, db.ErrNotFound) || (err == nil && p.UserID != me.User.UserID) {
			return ErrParticipantNotFound
		}
		if err != nil {
			return err
		}
		c, err := q.CallByID(ctx, p.CallID)
		if err != nil {
			return err
		}
		device := newDevice()
		n, err := q.MoveCallParticipant(ctx, store.MoveCallParticipantParams{
			ID: p.ID, UserID: p.UserID, Device: device, Node: s.cfg.Sockets.ID(), Now: column.Maybe(s.cfg.Now()),
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrParticipantNotFound
		}
		then.add(func(ctx context.Context) { s.publish(ctx, p.ID, p.Device, eventMoved, moved{Participant: p.ID}) })
		seat = s.seat(c, p.ID, device, me)
		return nil
	})
	if err != nil {
		return Seat{}, fmt.Errorf("call: resume: %w", err)
	}
	return seat, nil
}

// admit lets the device of a participant, and nobody else, hear what is told to it.
func (s *Service) admit(ctx context.Context, id string) error {
	p, err := s.participant(ctx, id)
	if err != nil {
		return err
	}
	if p.UserID != auth.User(ctx).UserID {
		return ErrParticipantNotFound
	}
	return nil
}

// participant returns the participant whose topic has this id.
func (s *Service) participant(ctx context.Context, id string) (store.CallParticipantByIDRow, error) {
	participant, device, ok := parseTopic(id)
	if !ok {
		return store.CallParticipantByIDRow{}, ErrParticipantNotFound
	}
	p, err := s.cfg.DB.Read().CallParticipantByID(ctx, participant)
	if errors.Is(err, db.ErrNotFound) || (err == nil && subtle.ConstantTimeCompare([]byte(p.Device), []byte(device)) == 0) {
		return store.CallParticipantByIDRow{}, ErrParticipantNotFound
	}
	return p, err
}

// joined notes that the device of a participant is there.
func (s *Service) joined(ctx context.Context, sub realtime.Subscription) {
	id, device, ok := parseTopic(sub.ID)
	if !ok {
		return
	}
	s.mu.Lock()
	at := s.here[id]
	if at == nil || at.device != device {
		at = &seated{device: device, pace: rate.NewLimiter(rate.Limit(s.cfg.SignalsPerSecond), s.cfg.SignalBurst)}
		s.here[id] = at
	}
	at.socket = sub.Socket.ID
	s.mu.Unlock()
	err := s.inTx(ctx, func(q *db.Tx, then *effects) error {
		n, err := q.CallParticipantHere(ctx, store.CallParticipantHereParams{
			ID: id, Device: device, Node: s.cfg.Sockets.ID(), Now: column.At(s.cfg.Now()),
		})
		if err != nil || n == 0 {
			return err
		}
		return s.tellOf(ctx, q, then, id)
	})
	if err != nil { // it is taken for lost then, and has to come again
		s.cfg.Logger.WarnContext(ctx, "a participant of a call cannot be noted", "err", err)
	}
}

// left notes, later, that the device of a participant is not there any more: unless
// another socket has followed.
func (s *Service) left(sub realtime.Subscription) {
	id, device, ok := parseTopic(sub.ID)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.here[id]; at != nil && at.socket == sub.Socket.ID {
		delete(s.here, id)
		s.gone = append(s.gone, departure{id, device})
	}
}

// away notes that the device of a participant is not there any more.
func (s *Service) away(ctx context.Context, d departure) error {
	return s.inTx(ctx, func(q *db.Tx, then *effects) error {
		n, err := q.CallParticipantAway(ctx, store.CallParticipantAwayParams{
			ID: d.participant, Device: d.device, Node: s.cfg.Sockets.ID(), Now: column.Maybe(s.cfg.Now()),
		})
		if err != nil || n == 0 {
			return err
		}
		return s.tellOf(ctx, q, then, d.participant)
	})
}

// tellOf tells the others of a call how a participant is.
func (s *Service) tellOf(ctx context.Context, q *db.Tx, then *effects, id uuid.UUID) error {
	p, err := q.CallParticipantByID(ctx, id)
	if err != nil {
		return err
	}
	all, err := q.CallParticipantsIn(ctx, p.CallID)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.ID == id {
			s.tellPeers(then, one, all)
		}
	}
	return nil
}

// state is the first event that a participant gets.
func (s *Service) state(ctx context.Context, id string) (realtime.Event, error) {
	p, err := s.participant(ctx, id)
	if err != nil {
		return realtime.Event{}, err
	}
	c, err := s.cfg.DB.Read().CallByID(ctx, p.CallID)
	if err != nil {
		return realtime.Event{}, err
	}
	all, err := s.cfg.DB.Read().CallParticipantsIn(ctx, p.CallID)
	if err != nil {
		return realtime.Event{}, err
	}
	st := State{Call: callOf(c), Participant: p.ID, Peers: []Peer{}}
	for _, other := range all {
		if other.ID != p.ID {
			st.Peers = append(st.Peers, peerOf(p.ID, other))
		}
	}
	return realtime.Event{Type: eventState, Data: st}, nil
}

// Current is what a page asks that has just been opened.
type Current struct {
	Ringing     []ringing  `json:"ringing"`               // calls to you
	Participant *uuid.UUID `json:"participant,omitempty"` // of yours in a call: resume it, or leave
	Here        bool       `json:"here"`                  // whether a device of yours is at it
}

// maxRinging is how many calls somebody is told of that ring at once.
const maxRinging = 10

// Current returns the calls that ring for somebody, and the one that they are in.
func (s *Service) Current(ctx context.Context, p auth.Principal) (Current, error) {
	rows, err := s.cfg.DB.Read().RingingCallsTo(ctx, store.RingingCallsToParams{
		CalleeID: known(p.UserID), Now: column.Maybe(s.cfg.Now()), Most: maxRinging,
	})
	if err != nil {
		return Current{}, fmt.Errorf("call: current: %w", err)
	}
	now := Current{Ringing: []ringing{}}
	for _, row := range rows {
		now.Ringing = append(now.Ringing, ringing{
			Call: Call{
				ID: row.ID, Kind: Direct, State: Ringing, Video: row.Video,
				StartedAt: row.CreatedAt.Time, RingsUntil: &row.RingsUntil.Time,
			},
			From: personOf(row.Username, row.DisplayName, row.AvatarID),
		})
	}
	in, err := s.cfg.DB.Read().CallParticipantOfUser(ctx, p.UserID)
	switch {
	case err == nil:
		now.Participant, now.Here = &in.ID, in.AwaySince == nil
	case !errors.Is(err, db.ErrNotFound):
		return Current{}, fmt.Errorf("call: current: %w", err)
	}
	return now, nil
}
