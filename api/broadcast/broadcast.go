package broadcast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// States of a broadcast.
const (
	Prepared  = "prepared"  // for the next publisher
	Scheduled = "scheduled" // for a time
	OnAir     = "live"
	Ended     = "ended"
)

// Broadcast is one airing of a channel: planned, on air or past.
type Broadcast struct {
	store.Broadcast

	ChannelSlug  string
	ChannelTitle string
	Tags         []string // in order
	Links        []BroadcastLink
}

// row is what every query for broadcasts returns.
type row = store.BroadcastByIDRow

func broadcastOf(r row) (Broadcast, error) {
	b := Broadcast{Broadcast: r.Broadcast, ChannelSlug: r.ChannelSlug, ChannelTitle: r.ChannelTitle, Tags: strings.Fields(r.Tags)}
	slices.Sort(b.Tags)
	if r.Broadcast.Links != nil {
		if err := json.Unmarshal(r.Broadcast.Links, &b.Links); err != nil {
			return Broadcast{}, fmt.Errorf("broadcast: stored links: %w", err)
		}
	}
	return b, nil
}

// when returns the place of b in lists: that which their queries have.
func (b *Broadcast) when() time.Time {
	switch {
	case b.StartedAt != nil:
		return b.StartedAt.Time
	case b.PlannedStart != nil:
		return b.PlannedStart.Time
	}
	return b.CreatedAt.Time
}

// missed reports whether the time of b went by without it.
func (b *Broadcast) missed(now time.Time) bool {
	return b.State == Scheduled && !b.PlannedEnd.After(now)
}

// seesHidden reports whether whoever ctx speaks for sees what a channel does not show.
func seesHidden(ctx context.Context) bool {
	return auth.AccessOf(ctx).Role&(auth.Owner|auth.Broadcaster) != 0 || auth.User(ctx).IsStaff()
}

// read returns the broadcast with id as q has it.
func read(ctx context.Context, q *store.Queries, id uuid.UUID) (Broadcast, error) {
	r, err := q.BroadcastByID(ctx, id)
	if errors.Is(err, db.ErrNotFound) {
		return Broadcast{}, ErrNotFound
	}
	if err != nil {
		return Broadcast{}, fmt.Errorf("broadcast: get: %w", err)
	}
	return broadcastOf(r)
}

// Get returns the broadcast that an operation is about. Hidden ones are left out by
// the guard; one that is only prepared is ErrNotFound for who does not see those.
func (s *Service) Get(ctx context.Context) (Broadcast, error) {
	b, err := read(ctx, s.cfg.DB.Read(), auth.AccessOf(ctx).BroadcastID)
	if err != nil {
		return Broadcast{}, err
	}
	if b.State == Prepared && !seesHidden(ctx) {
		return Broadcast{}, ErrNotFound
	}
	return b, nil
}

// saveWords writes the tags of b and the words under which it is found.
func saveWords(ctx context.Context, tx *db.Tx, id uuid.UUID, t *texts) error {
	if err := tx.DeleteBroadcastTags(ctx, id); err != nil {
		return fmt.Errorf("forget tags: %w", err)
	}
	if err := tx.DeleteBroadcastWords(ctx, id); err != nil {
		return fmt.Errorf("forget words: %w", err)
	}
	for _, tag := range t.tags {
		if err := tx.AddBroadcastTag(ctx, store.AddBroadcastTagParams{Tag: tag, BroadcastID: id}); err != nil {
			return fmt.Errorf("add a tag: %w", err)
		}
	}
	for _, word := range t.words() {
		if err := tx.AddBroadcastWord(ctx, store.AddBroadcastWordParams{Word: word, BroadcastID: id}); err != nil {
			return fmt.Errorf("add a word: %w", err)
		}
	}
	return nil
}

func encodeLinks(links []BroadcastLink) (column.JSON, error) {
	if len(links) == 0 {
		return nil, nil
	}
	return json.Marshal(links)
}

func maybe(t time.Time) *column.Time {
	if t.IsZero() {
		return nil
	}
	return column.Maybe(t)
}

// lock makes others who decide by what is on a channel wait until tx ends.
func lock(ctx context.Context, tx *db.Tx, channelID uuid.UUID) error {
	n, err := tx.LockChannelForBroadcasts(ctx, channelID)
	if err != nil {
		return fmt.Errorf("broadcast: lock a channel: %w", err)
	}
	if n == 0 {
		return ErrNoChannel
	}
	return nil
}
