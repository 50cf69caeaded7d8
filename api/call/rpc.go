package call

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
)

// A participant whose socket is lost for a moment catches up on this.
const (
	keepSignals = 256
	keepFor     = time.Minute
)

type (
	startParams struct {
		To    string `json:"to"` // username or id
		Video bool   `json:"video"`
	}
	callParams struct {
		Call uuid.UUID `json:"call"`
	}
	joinParams struct {
		Party uuid.UUID `json:"party"`
		Video bool      `json:"video"`
	}
	participantParams struct {
		Participant uuid.UUID `json:"participant"`
	}
	signalParams struct {
		Signal

		Participant uuid.UUID `json:"participant"` // of the sender
		To          uuid.UUID `json:"to"`          // participant
	}
)

// Methods adds the methods and the topic of calls to n.
func Methods(n *realtime.Node, s *Service) {
	n.AddTopic(realtime.Topic{
		Kind: Kind, Keep: keepSignals, For: keepFor,
		Admit: s.admit, Joined: s.joined, Left: s.left, Snapshot: s.state,
	})
	realtime.Handle(n, "call.start", func(ctx context.Context, in startParams) (Seat, error) {
		return s.Start(ctx, deviceOf(ctx), in.To, in.Video)
	})
	realtime.Handle(n, "call.accept", func(ctx context.Context, in callParams) (Seat, error) {
		return s.Accept(ctx, deviceOf(ctx), in.Call)
	})
	realtime.Handle(n, "call.reject", func(ctx context.Context, in callParams) (realtime.Nothing, error) {
		return realtime.Nothing{}, s.Reject(ctx, deviceOf(ctx), in.Call)
	})
	realtime.Handle(n, "call.cancel", func(ctx context.Context, in callParams) (realtime.Nothing, error) {
		return realtime.Nothing{}, s.Cancel(ctx, deviceOf(ctx), in.Call)
	})
	realtime.Handle(n, "call.join", func(ctx context.Context, in joinParams) (Seat, error) {
		return s.Join(ctx, deviceOf(ctx), in.Party, in.Video)
	})
	realtime.Handle(n, "call.resume", func(ctx context.Context, in participantParams) (Seat, error) {
		return s.Resume(ctx, deviceOf(ctx), in.Participant)
	})
	realtime.Handle(n, "call.leave", func(ctx context.Context, in participantParams) (realtime.Nothing, error) {
		err := s.Leave(ctx, deviceOf(ctx), in.Participant)
		if errors.Is(err, ErrParticipantNotFound) { // that is what was asked for
			err = nil
		}
		return realtime.Nothing{}, err
	})
	realtime.Handle(n, "call.signal", func(ctx context.Context, in signalParams) (realtime.Nothing, error) {
		return realtime.Nothing{}, s.Signal(ctx, deviceOf(ctx), in.Participant, in.To, in.Signal)
	})
	realtime.Handle(n, "call.media", func(ctx context.Context, in Media) (realtime.Nothing, error) {
		return realtime.Nothing{}, s.SetMedia(ctx, deviceOf(ctx), in)
	})
	realtime.Handle(n, "call.current", func(ctx context.Context, _ realtime.Nothing) (Current, error) {
		return s.Current(ctx, auth.User(ctx))
	})
}

// deviceOf returns whose device calls a method.
func deviceOf(ctx context.Context) Device {
	socket, _ := realtime.SocketOf(ctx)
	return Device{User: auth.User(ctx), Socket: socket.ID}
}
