package chat

import (
	"context"
	"time"

	"bandstand/api/realtime"
	"bandstand/api/rest"
)

// What a client that lost its connection can catch up on.
const (
	keepEvents = 100
	keepFor    = 10 * time.Minute
)

// Methods adds the topic of chats and the methods of the socket to n. They do what the
// operations of the same names do.
func Methods(n *realtime.Node, s *Service) {
	n.AddTopic(realtime.Topic{
		Kind: topicKind, Keep: keepEvents, For: keepFor,
		Snapshot: func(ctx context.Context, _ string) (realtime.Event, error) { return s.state(ctx) },
	})
	realtime.Handle(n, "chat.send", s.callSend)
	realtime.Handle(n, "chat.edit", s.callEdit)
	realtime.Handle(n, "chat.delete", s.callDelete)
	realtime.Handle(n, "chat.like", func(ctx context.Context, in messageParams) (LikedView, error) {
		return s.liking(ctx, in.Message, true)
	})
	realtime.Handle(n, "chat.unlike", func(ctx context.Context, in messageParams) (LikedView, error) {
		return s.liking(ctx, in.Message, false)
	})
}

type messageParams struct {
	realtime.OnChannel

	Message string `json:"message"`
}

type sendParams struct {
	realtime.OnChannel

	Body     string    `json:"body"`
	ReplyTo  string    `json:"reply_to"`
	Position time.Time `json:"position"`
	Key      string    `json:"key"`
}

func (s *Service) callSend(ctx context.Context, in sendParams) (MessageView, error) {
	draft, err := draftOf(in.Body, in.ReplyTo, in.Position, in.Key)
	if err != nil {
		return MessageView{}, err
	}
	m, err := s.Send(ctx, draft)
	return viewOf(m), err
}

type editParams struct {
	realtime.OnChannel

	Message string `json:"message"`
	Body    string `json:"body"`
}

func (s *Service) callEdit(ctx context.Context, in editParams) (MessageView, error) {
	id, err := idIn(in.Message)
	if err != nil {
		return MessageView{}, err
	}
	m, err := s.Edit(ctx, id, rest.IfMatch{}, in.Body)
	return viewOf(m), err
}

func (s *Service) callDelete(ctx context.Context, in messageParams) (realtime.Nothing, error) {
	id, err := idIn(in.Message)
	if err != nil {
		return realtime.Nothing{}, err
	}
	return realtime.Nothing{}, s.Delete(ctx, id)
}
