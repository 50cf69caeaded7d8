package call

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

const (
	maxSDP       = 16 << 10 // bytes
	maxCandidate = 1 << 10  // bytes
	maxMid       = 64       // bytes
)

// Signal is what one browser tells another to connect to it: an RTCSessionDescription
// or an RTCIceCandidate, as they are in JSON. What is in them is for the other browser
// to judge.
type Signal struct {
	Description *Description `json:"description,omitempty"`
	Candidate   *Candidate   `json:"candidate,omitempty"`
}

// Description is an offer or an answer.
type Description struct {
	Type string `json:"type"` // "offer" or "answer"
	SDP  string `json:"sdp"`
}

// Candidate is a way by which a browser may be reached. An empty one ends the list.
type Candidate struct {
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid,omitempty"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex,omitempty"`
	UsernameFragment *string `json:"usernameFragment,omitempty"`
}

func (sig Signal) check() error {
	if (sig.Description == nil) == (sig.Candidate == nil) {
		return ErrBadSignal
	}
	if d := sig.Description; d != nil {
		switch {
		case d.Type != "offer" && d.Type != "answer", d.SDP == "":
			return ErrBadSignal
		case len(d.SDP) > maxSDP:
			return ErrSignalTooLarge
		}
		return nil
	}
	c := sig.Candidate
	size := len(c.Candidate)
	for _, text := range []*string{c.SDPMid, c.UsernameFragment} {
		if text != nil && len(*text) > maxMid {
			return ErrSignalTooLarge
		}
	}
	if size > maxCandidate {
		return ErrSignalTooLarge
	}
	return nil
}

// received is a Signal as the other participant gets it.
type received struct {
	Signal

	From uuid.UUID `json:"from"`
}

// Signal passes a signal on to another participant of the same call. Whom it is from is
// known by the socket. The outcomes are ErrNotThere, ErrPeerNotFound, ErrBadSignal,
// ErrSignalTooLarge and ErrTooManySignals.
func (s *Service) Signal(ctx context.Context, me Device, from, to uuid.UUID, sig Signal) error {
	if err := sig.check(); err != nil {
		return err
	}
	device, err := s.mayTell(me, from)
	if err != nil {
		return err
	}
	peer, err := s.cfg.DB.Read().CallPeer(ctx, store.CallPeerParams{ID: from, Device: device, Other: to})
	if errors.Is(err, db.ErrNotFound) {
		return ErrPeerNotFound
	}
	if err != nil {
		return fmt.Errorf("call: signal: %w", err)
	}
	s.metrics.signals.Inc()
	s.publish(ctx, peer.ID, peer.Device, eventSignal, received{Signal: sig, From: from})
	return nil
}

// Media is what of a participant can be heard and seen.
type Media struct {
	Participant uuid.UUID `json:"participant"`
	Audio       bool      `json:"audio"`
	Video       bool      `json:"video"`
	Screen      bool      `json:"screen"` // whether what is seen is a screen
}

// SetMedia tells the others what of a participant can be heard and seen.
func (s *Service) SetMedia(ctx context.Context, me Device, m Media) error {
	device, err := s.mayTell(me, m.Participant)
	if err != nil {
		return err
	}
	p, err := s.cfg.DB.Read().CallParticipantByID(ctx, m.Participant)
	if errors.Is(err, db.ErrNotFound) || (err == nil && p.Device != device) {
		return ErrParticipantNotFound
	}
	if err != nil {
		return fmt.Errorf("call: media: %w", err)
	}
	all, err := s.cfg.DB.Read().CallParticipantsIn(ctx, p.CallID)
	if err != nil {
		return fmt.Errorf("call: media: %w", err)
	}
	for _, other := range all {
		if other.ID != p.ID {
			s.publish(ctx, other.ID, other.Device, eventMedia, m)
		}
	}
	return nil
}

// mayTell returns the device of a participant that is at the socket of me, which may
// speak for it. It asks nobody: those who signal to strangers cost nothing.
func (s *Service) mayTell(me Device, participant uuid.UUID) (device string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.here[participant]
	if at == nil || at.socket != me.Socket {
		return "", ErrNotThere
	}
	if !at.pace.AllowN(s.cfg.Now(), 1) {
		return "", ErrTooManySignals
	}
	return at.device, nil
}
