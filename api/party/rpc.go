package party

import (
	"context"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
)

// Topics keep this many events for clients that lost their connection.
const (
	keptEvents = 100
	keptFor    = 2 * time.Minute
)

// Methods adds the topic and the methods of watch parties to n.
func Methods(n *realtime.Node, s *Service) {
	n.AddTopic(realtime.Topic{
		Kind: topicKind, Keep: keptEvents, For: keptFor, Presence: true,
		Admit: func(ctx context.Context, id string) error {
			party, ok := parseID(id)
			if !ok {
				return ErrNotFound
			}
			_, err := s.row(ctx, auth.User(ctx).UserID, party)
			return err
		},
		Joined: s.joined, Left: s.left,
		Snapshot: func(ctx context.Context, id string) (realtime.Event, error) {
			party, _ := parseID(id)
			v, _, err := s.Snapshot(ctx, auth.User(ctx), party)
			return realtime.Event{Type: "party.snapshot", Data: v}, err
		},
	})
	n.Heard(wordKind, s.heard)
	realtime.Handle(n, "party.play", s.inParty(s.Play))
	realtime.Handle(n, "party.pause", s.inParty(s.Pause))
	realtime.Handle(n, "party.seek", func(ctx context.Context, in SeekParams) (Done, error) {
		return in.do(func(party uuid.UUID) (Done, error) {
			return s.Seek(ctx, auth.User(ctx), party, Target{Position: in.Position, By: in.By, Seq: in.Seq})
		})
	})
	realtime.Handle(n, "party.rate", func(ctx context.Context, in RateParams) (Done, error) {
		return in.do(func(party uuid.UUID) (Done, error) { return s.Rate(ctx, auth.User(ctx), party, in.Rate) })
	})
	realtime.Handle(n, "party.load", func(ctx context.Context, in LoadParams) (Done, error) {
		return in.do(func(party uuid.UUID) (Done, error) {
			return s.Load(ctx, auth.User(ctx), party, in.Item, in.Position, in.Paused)
		})
	})
	realtime.Handle(n, "party.next", func(ctx context.Context, in NextParams) (Done, error) {
		return in.do(func(party uuid.UUID) (Done, error) { return s.Next(ctx, auth.User(ctx), party, in.Seq) })
	})
	realtime.Handle(n, "party.state", func(ctx context.Context, in PartyParams) (Snapshot, error) {
		party, ok := parseID(in.Party)
		if !ok {
			return Snapshot{}, ErrNotFound
		}
		v, _, err := s.Snapshot(ctx, auth.User(ctx), party)
		return v, err
	})
	realtime.Handle(n, "party.ready", func(ctx context.Context, in Ready) (realtime.Nothing, error) {
		return realtime.Nothing{}, s.Ready(ctx, auth.User(ctx), in)
	})
	realtime.Handle(n, "party.send", func(ctx context.Context, in SendParams) (PartyMessageView, error) {
		party, ok := parseID(in.Party)
		if !ok {
			return PartyMessageView{}, ErrNotFound
		}
		m, err := s.Send(ctx, auth.User(ctx), party, in.Text, in.SendKey)
		return viewOfMessage(m), err
	})
}

// inParty has do called for the party that the parameters name.
func (s *Service) inParty(do func(context.Context, auth.Principal, uuid.UUID) (Done, error)) func(context.Context, PartyParams) (Done, error) {
	return func(ctx context.Context, in PartyParams) (Done, error) {
		return in.do(func(party uuid.UUID) (Done, error) { return do(ctx, auth.User(ctx), party) })
	}
}

// PartyParams are those of methods that need no more than the party's id.
type PartyParams struct {
	Party string `json:"party"`
}

func (in PartyParams) do(act func(party uuid.UUID) (Done, error)) (Done, error) {
	party, ok := parseID(in.Party)
	if !ok {
		return Done{}, ErrNotFound
	}
	return act(party)
}

// SeekParams are those of party.seek, see Target.
type SeekParams struct {
	PartyParams

	Position *float64 `json:"position"`
	By       *float64 `json:"by"`
	Seq      int64    `json:"seq"`
}

// RateParams are those of party.rate.
type RateParams struct {
	PartyParams

	Rate float64 `json:"rate"`
}

// LoadParams are those of party.load.
type LoadParams struct {
	PartyParams

	Item     ItemInput `json:"item"`
	Position *float64  `json:"position"`
	Paused   bool      `json:"paused"`
}

// NextParams are those of party.next.
type NextParams struct {
	PartyParams

	Seq int64 `json:"seq"`
}

// SendParams are those of party.send.
type SendParams struct {
	PartyParams

	Text    string `json:"text"`
	SendKey string `json:"send_key"`
}
