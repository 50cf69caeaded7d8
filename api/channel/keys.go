package channel

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// CreateKey makes another stream key for the channel at slug in the name of p,
// its owner or an admin, and returns its secret, which is kept nowhere.
func (s *Service) CreateKey(ctx context.Context, p auth.Principal, slug, label string) (Key, string, error) {
	ch, err := s.managed(ctx, p, slug)
	if err != nil {
		return Key{}, "", err
	}
	var key Key
	var secret string
	err = s.cfg.DB.InTx(ctx, func(q *db.Tx) error {
		_, err := q.DeleteRevokedStreamKeysOf(ctx, store.DeleteRevokedStreamKeysOfParams{
			ChannelID: ch.ID, RevokedAt: column.Maybe(s.cfg.Now().Add(-keepRevoked)),
		})
		if err != nil {
			return fmt.Errorf("forget old ones: %w", err)
		}
		count, err := q.CountStreamKeysOf(ctx, ch.ID)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		if count >= maxKeys {
			return ErrTooManyKeys
		}
		key, secret, err = s.addKey(ctx, q, ch.ID, cleanLabel(label))
		return err
	})
	if db.IsForeignKey(err) { // deleted meanwhile
		return Key{}, "", ErrNotFound
	}
	if err != nil {
		return Key{}, "", fmt.Errorf("channel: create a stream key: %w", err)
	}
	return key, secret, nil
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

// Keys returns the stream keys of the channel at slug to p, its owner or an
// admin: the oldest first, those revoked lately among them.
func (s *Service) Keys(ctx context.Context, p auth.Principal, slug string) ([]Key, error) {
	ch, err := s.managed(ctx, p, slug)
	if err != nil {
		return nil, err
	}
	rows, err := s.cfg.DB.Read().StreamKeysOf(ctx, ch.ID)
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

// RevokeKey makes the stream key with id useless, in the name of p. Whoever is on
// air with it is hung up on within a second or two, see Revoked. A key that is
// not the channel's or is revoked already is ErrKeyNotFound.
func (s *Service) RevokeKey(ctx context.Context, p auth.Principal, slug, id string) error {
	ch, err := s.managed(ctx, p, slug)
	if err != nil {
		return err
	}
	keyID, err := uuid.Parse(id)
	if err != nil {
		return ErrKeyNotFound
	}
	n, err := s.cfg.DB.Write().RevokeStreamKey(ctx, store.RevokeStreamKeyParams{
		ID: keyID, ChannelID: ch.ID, RevokedAt: column.Maybe(s.cfg.Now()),
	})
	if err != nil {
		return fmt.Errorf("channel: revoke a stream key: %w", err)
	}
	if n == 0 {
		return ErrKeyNotFound
	}
	return nil
}

// cleanLabel makes one short line of text of label.
func cleanLabel(label string) string {
	label = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, label))
	if runes := []rune(label); len(runes) > maxLabel {
		label = string(runes[:maxLabel])
	}
	return label
}

func timeOf(t *column.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
