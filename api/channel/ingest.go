package channel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Grant is what the holder of a stream key may publish.
type Grant struct {
	ChannelID string `json:"channel_id" format:"uuid"`
	Slug      string `json:"channel"`
	Title     string `json:"title"`
	KeyID     string `json:"key_id" format:"uuid"`
	Ladder    []Rung `json:"ladder" doc:"The channel's own rungs; null for the server's, empty for the source alone."`
}

// Authorize returns what key opens and notes that it was used. A key that opens
// nothing is ErrUnknownKey; any other error means that the database could not say.
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
	err = s.cfg.DB.Write().TouchStreamKey(ctx, store.TouchStreamKeyParams{
		ID: row.KeyID, LastUsedAt: column.Maybe(s.cfg.Now()),
	})
	if err != nil { // the publisher need not suffer for it
		s.cfg.Logger.WarnContext(ctx, "use of a stream key not noted", "channel", row.Slug, "err", err)
	}
	return Grant{
		ChannelID: row.ChannelID.String(), Slug: row.Slug, Title: row.Title,
		KeyID: row.KeyID.String(), Ladder: ladder,
	}, nil
}

// revokedBatch is how many ids one query takes.
const revokedBatch = 500

// Revoked returns which of keyIDs are revoked or gone, be it with their channel.
// Whoever has sessions on air asks every second for all of their keys, and ends
// those. It is one query for up to 500 keys.
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
	for len(known) > 0 {
		n := min(len(known), revokedBatch)
		unusable, err := s.cfg.DB.Read().UnusableStreamKeys(ctx, strings.Join(known[:n], ","))
		if err != nil {
			return nil, fmt.Errorf("channel: look for revoked stream keys: %w", err)
		}
		revoked = append(revoked, unusable...)
		known = known[n:]
	}
	return revoked, nil
}

// Heartbeat takes note of what a node has on air, for five seconds, and returns
// which of its keys are revoked. A report that makes no sense is ErrBadReport.
func (s *Service) Heartbeat(ctx context.Context, r Report) ([]string, error) {
	if err := s.nodes.put(r); err != nil {
		return nil, err
	}
	keyIDs := make([]string, len(r.Live))
	for i, state := range r.Live {
		keyIDs[i] = state.KeyID
	}
	return s.Revoked(ctx, keyIDs)
}
