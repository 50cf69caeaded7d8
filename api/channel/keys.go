package channel

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// CreateKey makes another stream key for a channel and returns its secret, which is
// kept nowhere. The outcomes are ErrBadLabel, ErrTooManyKeys and ErrNotFound.
func (s *Service) CreateKey(ctx context.Context, at auth.Access, label string) (Key, string, error) {
	label, err := cleanLabel(label)
	if err != nil {
		return Key{}, "", err
	}
	var key Key
	var secret string
	err = s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		if err := s.makeRoomForKey(ctx, q, at.ChannelID); err != nil {
			return err
		}
		if key, secret, err = s.addKey(ctx, q, at.ChannelID, label); err != nil {
			return err
		}
		return s.audit(ctx, q, at, "stream_key.create", map[string]any{"key": key.ID, "label": label})
	})
	if err != nil {
		return Key{}, "", fmt.Errorf("channel: create a stream key: %w", err)
	}
	return key, secret, nil
}

// RotateKey puts a new stream key in the place of the one with id, which it revokes,
// and returns the new secret. Whoever is on air with the old one is hung up on, see
// Revoked. A key that is not the channel's or is revoked already is ErrKeyNotFound.
func (s *Service) RotateKey(ctx context.Context, at auth.Access, id string) (Key, string, error) {
	var key Key
	var secret string
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		old, label, err := s.revoke(ctx, q, at.ChannelID, id)
		if err != nil {
			return err
		}
		if err := s.makeRoomForKey(ctx, q, at.ChannelID); err != nil {
			return err
		}
		if key, secret, err = s.addKey(ctx, q, at.ChannelID, label); err != nil {
			return err
		}
		return s.audit(ctx, q, at, "stream_key.rotate", map[string]any{"key": key.ID, "old": old, "label": label})
	})
	if err != nil {
		return Key{}, "", fmt.Errorf("channel: rotate a stream key: %w", err)
	}
	return key, secret, nil
}

// RevokeKey makes the stream key with id useless. Whoever is on air with it is hung
// up on within a second or two, see Revoked. A key that is not the channel's or is
// revoked already is ErrKeyNotFound.
func (s *Service) RevokeKey(ctx context.Context, at auth.Access, id string) error {
	err := s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		key, label, err := s.revoke(ctx, q, at.ChannelID, id)
		if err != nil {
			return err
		}
		return s.audit(ctx, q, at, "stream_key.revoke", map[string]any{"key": key, "label": label})
	})
	if err != nil {
		return fmt.Errorf("channel: revoke a stream key: %w", err)
	}
	return nil
}

// revoke revokes a key and returns its id and label.
func (s *Service) revoke(ctx context.Context, q *db.Tx, channelID uuid.UUID, id string) (uuid.UUID, string, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, "", ErrKeyNotFound
	}
	n, err := q.RevokeStreamKey(ctx, store.RevokeStreamKeyParams{
		ID: key, ChannelID: channelID, RevokedAt: column.Maybe(s.cfg.Now()),
	})
	if err != nil {
		return uuid.Nil, "", err
	}
	if n == 0 {
		return uuid.Nil, "", ErrKeyNotFound
	}
	label, err := q.StreamKeyLabel(ctx, store.StreamKeyLabelParams{ID: key, ChannelID: channelID})
	return key, label, err
}

// makeRoomForKey forgets keys that were revoked a while ago, and says whether the
// channel may have one more. Its keys are made one after the other.
func (s *Service) makeRoomForKey(ctx context.Context, q *db.Tx, channelID uuid.UUID) error {
	n, err := q.LockChannel(ctx, channelID)
	if err != nil {
		return fmt.Errorf("lock the channel: %w", err)
	}
	if n == 0 { // deleted meanwhile
		return ErrNotFound
	}
	_, err = q.DeleteRevokedStreamKeysOf(ctx, store.DeleteRevokedStreamKeysOfParams{
		ChannelID: channelID, RevokedAt: column.Maybe(s.cfg.Now().Add(-keepRevoked)),
	})
	if err != nil {
		return fmt.Errorf("forget old ones: %w", err)
	}
	if err := q.DeleteOldestRevokedStreamKeysOf(ctx, channelID); err != nil {
		return fmt.Errorf("forget the oldest: %w", err)
	}
	count, err := q.CountStreamKeysOf(ctx, channelID)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	if count >= maxKeys {
		return ErrTooManyKeys
	}
	return nil
}

func (s *Service) addKey(ctx context.Context, q *db.Tx, channelID uuid.UUID, label string) (Key, string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Key{}, "", fmt.Errorf("make an id: %w", err)
	}
	secret := newSecret()
	key := Key{ID: id, Label: label, Hint: hintOf(secret), CreatedAt: column.At(s.cfg.Now()).Time}
	err = q.CreateStreamKey(ctx, store.CreateStreamKeyParams{
		ID: id, ChannelID: channelID, Label: label,
		SecretHash: hashSecret(secret), Hint: key.Hint, CreatedAt: column.At(key.CreatedAt),
	})
	return key, secret, err
}

// Keys returns the stream keys of a channel: the oldest first, those revoked lately
// among them.
func (s *Service) Keys(ctx context.Context, at auth.Access) ([]Key, error) {
	rows, err := s.cfg.DB.Read().StreamKeysOf(ctx, at.ChannelID)
	if err != nil {
		return nil, fmt.Errorf("channel: list stream keys: %w", err)
	}
	keys := make([]Key, len(rows))
	for i, row := range rows {
		keys[i] = Key{
			ID: row.ID, Label: row.Label, Hint: row.Hint, CreatedAt: row.CreatedAt.Time,
			LastUsedAt: timeOf(row.LastUsedAt), RevokedAt: timeOf(row.RevokedAt),
		}
	}
	return keys, nil
}

// cleanLabel returns label as one line of text.
func cleanLabel(label string) (string, error) {
	label, ok := rest.Line(label, maxLabel)
	if !ok || label == "" {
		return "", ErrBadLabel
	}
	return label, nil
}

func timeOf(t *column.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
