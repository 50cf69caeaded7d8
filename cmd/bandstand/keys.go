package main

import (
	"context"
	"errors"

	"bandstand/api/channel"
	"bandstand/api/channel/client"
	"bandstand/media/ingest/rtmp"
	"bandstand/media/live"
	"bandstand/media/stream"
)

// localKeys asks the channels of this process about stream keys.
type localKeys struct {
	channels *channel.Service
	onAir    *onAir
}

// Authorize implements rtmp.Authorizer.
func (k localKeys) Authorize(ctx context.Context, _, key string) (live.Grant, error) {
	return grantOf(k.channels.Authorize(ctx, key))
}

// Revoked implements live.Keys.
func (k localKeys) Revoked(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	channels := k.onAir.channelIDs()
	private, err := k.channels.PrivateAmong(ctx, channels)
	if err != nil {
		return nil, err
	}
	k.onAir.arePrivate(channels, private)
	return k.channels.Revoked(ctx, ids)
}

// remoteKeys asks the API of another process, and tells it what is on air here.
type remoteKeys struct {
	api       *client.Client
	node      string
	publicURL func() string // known once the listener is open
	onAir     *onAir
	end       func(session string) bool // takes a session off air
}

// Authorize implements rtmp.Authorizer.
func (k *remoteKeys) Authorize(ctx context.Context, app, key string) (live.Grant, error) {
	return grantOf(k.api.Authorize(ctx, app, key))
}

// Revoked implements live.Keys. The API answers for all that is reported to it.
func (k *remoteKeys) Revoked(ctx context.Context, ids []string) ([]string, error) {
	report := k.onAir.report(ids)
	reply, err := k.api.Heartbeat(ctx, channel.Report{Node: k.node, PublicURL: k.publicURL(), Live: report})
	if err != nil {
		return nil, err
	}
	channels := make([]string, len(report))
	for i, state := range report {
		channels[i] = state.ChannelID
	}
	k.onAir.arePrivate(channels, reply.Private)
	for _, session := range reply.EndSessions {
		k.end(session)
	}
	return reply.RevokedKeys, nil
}

func grantOf(g channel.Grant, err error) (live.Grant, error) {
	if errors.Is(err, channel.ErrUnknownKey) {
		return live.Grant{}, rtmp.ErrUnknownKey
	}
	if err != nil {
		return live.Grant{}, err
	}
	grant := live.Grant{Channel: g.Slug, ChannelID: g.ChannelID, KeyID: g.KeyID, Title: g.Title, Private: g.Private}
	if g.Ladder != nil {
		grant.Ladder = make([]stream.Rung, 0, len(g.Ladder))
		for _, r := range g.Ladder {
			grant.Ladder = append(grant.Ladder, stream.Rung{
				Name: r.Name, Height: r.Height, BitrateBPS: r.BitrateBPS, MaxFrameRate: r.MaxFrameRate,
			})
		}
	}
	return grant, nil
}
