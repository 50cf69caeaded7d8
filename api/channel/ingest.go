package channel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Grant is what the holder of a stream key may publish.
type Grant struct {
	ChannelID      string `json:"channel_id" format:"uuid"`
	Slug           string `json:"channel"`
	Title          string `json:"title"`
	KeyID          string `json:"key_id" format:"uuid"`
	Ladder         []Rung `json:"ladder" doc:"The channel's own rungs; null for the server's, empty for the source alone."`
	Private        bool   `json:"private" doc:"Whether only those may watch who show a signed path."`
	BroadcastTitle string `json:"broadcast_title" doc:"Title of a broadcast that nobody scheduled."`
}

// Authorize returns what key opens and notes that it was used. A key that opens
// nothing is ErrUnknownKey; any other error means that the database could not say.
// A key that is revoked while this goes on may still open its channel: whoever is on
// air with it is then found by Revoked.
func (s *Service) Authorize(ctx context.Context, key string) (Grant, error) {
	if key == "" || len(key) > maxSecret {
		return Grant{}, ErrUnknownKey
	}
	row, err := s.cfg.DB.Read().GrantBySecretHash(ctx, hashSecret(key))
	if errors.Is(err, db.ErrNotFound) {
		return Grant{}, ErrUnknownKey
	}
	if err != nil {
		return Grant{}, fmt.Errorf("channel: look a stream key up: %w", err)
	}
	ladder, err := decodeLadder(row.Ladder)
	if err != nil {
		return Grant{}, err
	}
	used, err := s.cfg.DB.Write().TouchStreamKey(ctx, store.TouchStreamKeyParams{
		ID: row.KeyID, LastUsedAt: column.Maybe(s.cfg.Now()),
	})
	switch {
	case err != nil: // the publisher need not suffer for it
		s.cfg.Logger.WarnContext(ctx, "use of a stream key not noted", "channel", row.Slug, "err", err)
	case used == 0: // revoked meanwhile
		return Grant{}, ErrUnknownKey
	}
	return Grant{
		ChannelID: row.ChannelID.String(), Slug: row.Slug, Title: row.Title,
		KeyID: row.KeyID.String(), Ladder: ladder,
		Private: row.Visibility == Private, BroadcastTitle: cmp.Or(row.BroadcastTitle, row.Title),
	}, nil
}

// Revoked returns which of keyIDs open nothing: they are revoked or gone, be it with
// their channel, or its owner is deleted or suspended. Whoever has sessions on air
// asks every second for all of their keys, and ends those. It is one query for up to
// 500 keys.
func (s *Service) Revoked(ctx context.Context, keyIDs []string) ([]string, error) {
	revoked := []string{}
	known := make([]string, 0, len(keyIDs))
	for _, id := range keyIDs {
		if parsed, err := uuid.Parse(id); err == nil && parsed.String() == id {
			known = append(known, id)
		} else {
			revoked = append(revoked, id) // no key of ours ever had it
		}
	}
	for batch := range slices.Chunk(known, idsBatch) {
		unusable, err := s.cfg.DB.Read().UnusableStreamKeys(ctx, strings.Join(batch, ","))
		if err != nil {
			return nil, fmt.Errorf("channel: look for revoked stream keys: %w", err)
		}
		revoked = append(revoked, unusable...)
	}
	return revoked, nil
}

// PrivateAmong returns the addresses of those channels, named by their ids, that are
// private: that may change while they are on air.
func (s *Service) PrivateAmong(ctx context.Context, channelIDs []string) ([]string, error) {
	private := []string{}
	known := make([]uuid.UUID, 0, len(channelIDs))
	for _, text := range channelIDs {
		if id, err := uuid.Parse(text); err == nil {
			known = append(known, id)
		}
	}
	for batch := range slices.Chunk(known, idsBatch) {
		slugs, err := s.cfg.DB.Read().PrivateChannelsAmong(ctx, joinIDs(batch))
		if err != nil {
			return nil, fmt.Errorf("channel: look for private channels: %w", err)
		}
		private = append(private, slugs...)
	}
	return private, nil
}

// HeartbeatReply is what a node must do after a Report.
type HeartbeatReply struct {
	RevokedKeys []string `json:"revoked_keys" nullable:"false" doc:"Ids of stream keys whose sessions must end."`
	EndSessions []string `json:"end_sessions,omitempty" doc:"Ids of reported sessions that somebody ended."`
	Private     []string `json:"private" nullable:"false" doc:"Addresses of the reported channels that are private now: only those may watch who show a signed path. The others are for everyone."`
}

// Heartbeat takes note of what a node has on air, for five seconds, and returns what
// it must know of that. A report that makes no sense is ErrBadReport.
func (s *Service) Heartbeat(ctx context.Context, r Report) (HeartbeatReply, error) {
	audience := make(map[string]string, len(r.Live))
	r.Live = slices.Clone(r.Live)
	for i := range r.Live {
		if st := &r.Live[i]; st.Audience != "" {
			audience[st.Slug], st.Audience = st.Audience, ""
		}
	}
	if err := s.nodes.put(r); err != nil {
		return HeartbeatReply{}, err
	}
	if s.cfg.Seen != nil {
		s.cfg.Seen(r.Node, audience)
	}
	keyIDs, channelIDs := make([]string, len(r.Live)), make([]string, len(r.Live))
	for i, state := range r.Live {
		keyIDs[i], channelIDs[i] = state.KeyID, state.ChannelID
	}
	revoked, err := s.Revoked(ctx, keyIDs)
	if err != nil {
		return HeartbeatReply{}, err
	}
	private, err := s.PrivateAmong(ctx, channelIDs)
	return HeartbeatReply{RevokedKeys: revoked, EndSessions: s.nodes.toEnd(r.Live), Private: private}, err
}
