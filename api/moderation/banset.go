package moderation

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// banSet is who may not write in a chat, until when; for good if that is zero. It does
// not change once made.
type banSet struct {
	users      map[uuid.UUID]time.Time
	households map[string]time.Time
}

func (b *banSet) isEmpty() bool { return len(b.users) == 0 && len(b.households) == 0 }

// find returns until when a person is banned.
func (b *banSet) find(user uuid.UUID, now time.Time) (until time.Time, banned bool) {
	return in(b.users, user, now)
}

// findHousehold returns until when somebody of a household is.
func (b *banSet) findHousehold(household string, now time.Time) (until time.Time, banned bool) {
	return in(b.households, household, now)
}

func in[K comparable](set map[K]time.Time, key K, now time.Time) (until time.Time, banned bool) {
	until, banned = set[key]
	return until, banned && (until.IsZero() || until.After(now))
}

// addTo adds a ban to a set in the making: the longer one counts.
func addTo[K comparable](set map[K]time.Time, key K, until time.Time) {
	old, had := set[key]
	if !had || (!old.IsZero() && (until.IsZero() || until.After(old))) {
		set[key] = until
	}
}

// bansIn returns who may not write in a chat, as it was some seconds ago or later.
func (s *Service) bansIn(ctx context.Context, channel uuid.UUID) (*banSet, error) {
	return s.bans.Get(ctx, channel, func(ctx context.Context) (*banSet, error) {
		rows, err := s.cfg.DB.Read().ActiveChatBans(ctx, store.ActiveChatBansParams{
			ChannelID: channel, Now: column.Maybe(s.cfg.Now()), Most: maxBans,
		})
		if err != nil {
			return nil, fmt.Errorf("moderation: read the bans: %w", err)
		}
		b := &banSet{}
		if len(rows) > 0 {
			b.users, b.households = map[uuid.UUID]time.Time{}, map[string]time.Time{}
		}
		for _, row := range rows {
			addTo(b.users, row.UserID.UUID, timeOf(row.ExpiresAt))
			if row.Address != "" {
				addTo(b.households, row.Address, timeOf(row.ExpiresAt))
			}
		}
		return b, nil
	})
}

func timeOf(t *column.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
