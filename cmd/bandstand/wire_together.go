package main

import (
	"context"

	"github.com/google/uuid"

	"bandstand/api/call"
	"bandstand/api/chat"
	"bandstand/api/limit"
	"bandstand/api/moderation"
	"bandstand/api/party"
	"bandstand/api/social"
)

// openTogether makes what people do with each other: friends and inbox, chat, watch
// parties and calls.
func (a *app) openTogether(ctx context.Context) error {
	for _, open := range []func(context.Context) error{a.openSocial, a.openChat, a.openParties, a.openCalls} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	return a.api.sockets.Complete()
}

func (a *app) openSocial(context.Context) error {
	side := a.api
	var err error
	side.social, err = social.NewService(social.Config{
		DB: side.db, Channels: side.members, Sockets: side.sockets, Jobs: &a.stores.queue,
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	social.Methods(side.sockets, side.social)
	a.serving = append(a.serving, side.social.Run)
	side.workers = append(side.workers, side.social.Workers())
	side.periodic = append(side.periodic, side.social.Periodic())
	return nil
}

func (a *app) openChat(context.Context) error {
	side := a.api
	var err error
	side.moderation, err = moderation.NewService(moderation.Config{
		DB: side.db, Events: side.sockets, Rests: limit.NewRests(side.counts), System: chatLines{side},
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	side.chat, err = chat.NewService(chat.Config{
		DB: side.db, Gate: side.moderation, Settings: side.moderation, Sockets: side.sockets, Notifier: side.social,
		Summary: side.moderation.Summary, Logger: a.log,
	})
	if err != nil {
		return err
	}
	chat.Methods(side.sockets, side.chat)
	a.serving = append(a.serving, side.chat.Run)
	side.workers = append(side.workers, side.moderation.Workers())
	side.periodic = append(side.periodic, moderation.Periodic())
	return nil
}

// chatLines writes what the program has to say into chats: the service that does is
// made after those that use it.
type chatLines struct{ side *apiSide }

// SystemMessage implements moderation.System.
func (l chatLines) SystemMessage(ctx context.Context, channel uuid.UUID, slug, text, event string, data any) error {
	return l.side.chat.SystemMessage(ctx, channel, slug, text, event, data)
}

func (a *app) openParties(context.Context) error {
	side := a.api
	var err error
	side.parties, err = party.NewService(party.Config{
		DB: side.db, Node: side.sockets, Channels: side.members, Friends: side.social, Inbox: inbox{side.social},
		Gone: a.leaveCall, Logger: a.log,
	})
	if err != nil {
		return err
	}
	party.Methods(side.sockets, side.parties)
	a.serving = append(a.serving, side.parties.Run)
	return nil
}

// leaveCall takes somebody who is not in a party any more out of its call. Calls are
// made after parties.
func (a *app) leaveCall(ctx context.Context, party, user uuid.UUID) {
	if err := a.api.calls.Expel(ctx, party, user); err != nil {
		a.log.ErrorContext(ctx, "somebody who is not in a party any more may still be in its call", "err", err)
	}
}

func (a *app) openCalls(ctx context.Context) error {
	side := a.api
	ice, err := a.openTURN(ctx)
	if err != nil {
		return err
	}
	side.calls, err = call.NewService(call.Config{
		DB: side.db, Friends: side.social, Parties: side.parties, Inbox: inbox{side.social}, ICE: ice, Sockets: side.sockets,
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	call.Methods(side.sockets, side.calls)
	a.serving = append(a.serving, side.calls.Run)
	return nil
}

// inbox is the inbox as those features see it that hear whether it worked.
type inbox struct{ social *social.Service }

// Notify implements party.Notifier.
func (i inbox) Notify(ctx context.Context, user uuid.UUID, kind string, actor uuid.UUID, data any, dedup string) error {
	i.social.Notify(ctx, user, kind, actor, data, dedup)
	return nil
}

// MissedCall implements call.Inbox.
func (i inbox) MissedCall(ctx context.Context, callee uuid.UUID, m call.Missed) error {
	i.social.Notify(ctx, callee, "missed_call", m.CallerID, map[string]any{
		"call": m.Call, "video": m.Video, "at": m.At,
	}, "call "+m.Call.String())
	return nil
}
