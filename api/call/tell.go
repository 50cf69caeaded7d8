package call

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/realtime"
	"bandstand/storage/db/store"
)

// Kind is the kind of the topics of participants.
const Kind = "call:"

// Types of events. The first two are told to all sockets of the callee, callParty to
// those who are on the topic of a party, and the rest to participants.
const (
	eventRinging = "call.ringing"
	eventStopped = "call.stopped"
	eventParty   = "call.party"
	eventState   = "call.state"
	eventPeer    = "call.peer"
	eventLeft    = "call.left"
	eventEnded   = "call.ended"
	eventMoved   = "call.moved"
	eventSignal  = "call.signal"
	eventMedia   = "call.media"
)

// topicOf returns the topic of a participant at a device. That of another device is
// another: one that was followed by another hears no more, and says no more.
func topicOf(participant uuid.UUID, device string) string {
	return Kind + participant.String() + "." + device
}

// parseTopic is the reverse of topicOf, without the kind.
func parseTopic(id string) (participant uuid.UUID, device string, ok bool) {
	first, device, ok := strings.Cut(id, ".")
	if !ok || len(device) != deviceLength {
		return uuid.Nil, "", false
	}
	participant, err := uuid.Parse(first)
	return participant, device, err == nil && participant.String() == first
}

const deviceLength = 20

// newDevice returns the secret part of a new topic.
func newDevice() string { return rand.Text()[:deviceLength] }

// publish tells a participant, wherever its socket is.
func (s *Service) publish(ctx context.Context, participant uuid.UUID, device, kind string, data any) {
	s.cfg.Sockets.Publish(ctx, topicOf(participant, device), realtime.Event{Type: kind, Data: data})
}

// tellPeers tells all others how a participant is.
func (s *Service) tellPeers(then *effects, p store.CallParticipantsInRow, others []store.CallParticipantsInRow) {
	for _, other := range others {
		if other.ID == p.ID {
			continue
		}
		then.add(func(ctx context.Context) { s.publish(ctx, other.ID, other.Device, eventPeer, peerOf(other.ID, p)) })
	}
}

// tellParty tells the people of a call's party how many are in it.
func (s *Service) tellParty(then *effects, c store.Call, people int) {
	if !c.PartyID.Valid {
		return
	}
	then.add(func(ctx context.Context) {
		s.cfg.Sockets.Publish(ctx, "party:"+c.PartyID.UUID.String(), realtime.Event{
			Type: eventParty, Data: partyCall{Call: c.ID, State: c.State, People: people},
		})
	})
}

// stopRinging tells all devices of the callee that a call rings no more.
func (s *Service) stopRinging(then *effects, c store.Call, why, device string) {
	if !c.CalleeID.Valid {
		return
	}
	then.add(func(ctx context.Context) {
		s.cfg.Sockets.Tell(ctx, c.CalleeID.UUID, realtime.Event{Type: eventStopped, Data: stopped{Call: c.ID, Why: why, Device: device}})
	})
}

// missed notes for the callee that a call was not taken.
func (s *Service) missed(then *effects, c store.Call, caller PersonInCall) {
	if !c.CalleeID.Valid || !c.CallerID.Valid {
		return
	}
	then.add(func(ctx context.Context) {
		err := s.cfg.Inbox.MissedCall(ctx, c.CalleeID.UUID, Missed{
			Call: c.ID, CallerID: c.CallerID.UUID, Caller: caller, Video: c.Video, At: c.CreatedAt.Time,
		})
		if err != nil { // it is in the list of calls all the same
			s.cfg.Logger.WarnContext(ctx, "a missed call is not in the inbox", "call", c.ID, "err", err)
		}
	})
}
