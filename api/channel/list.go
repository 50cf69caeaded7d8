package channel

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"bandstand/storage/db/store"
)

// Page is a part of the list of channels, newest first.
type Page struct {
	Channels []Channel
	Next     string // cursor of the page after this; empty on the last
}

// List returns up to limit channels after cursor, or only those on air. Any text
// that is not a cursor is ErrBadCursor.
func (s *Service) List(ctx context.Context, onlyLive bool, cursor string, limit int) (Page, error) {
	before, err := decodeCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	if onlyLive {
		return s.listLive(ctx, before, limit)
	}
	rows, err := s.cfg.DB.Read().ChannelsBefore(ctx, store.ChannelsBeforeParams{ID: before, Limit: int32(limit) + 1})
	if err != nil {
		return Page{}, fmt.Errorf("channel: list: %w", err)
	}
	var page Page
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = encodeCursor(rows[limit-1].ID)
	}
	page.Channels, err = channelsOf(rows)
	return page, err
}

// listLive pages through the ids of channels on air, which are in memory, and
// asks the database for one page of them. A channel deleted a moment ago is left
// out, so a page may be shorter than limit and not be the last.
func (s *Service) listLive(ctx context.Context, before uuid.UUID, limit int) (Page, error) {
	ids := s.liveIDs(before)
	var page Page
	if len(ids) > limit {
		ids = ids[:limit]
		page.Next = encodeCursor(ids[limit-1])
	}
	if len(ids) == 0 {
		return page, nil
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	rows, err := s.cfg.DB.Read().ChannelsByIDs(ctx, strings.Join(texts, ","))
	if err != nil {
		return Page{}, fmt.Errorf("channel: list live: %w", err)
	}
	page.Channels, err = channelsOf(rows)
	return page, err
}

// liveIDs returns the ids of channels on air that come after before, newest first.
func (s *Service) liveIDs(before uuid.UUID) []uuid.UUID {
	var ids []uuid.UUID
	for _, state := range append(s.cfg.Live.All(), s.nodes.All()...) {
		id, err := uuid.Parse(state.ChannelID)
		if err == nil && bytes.Compare(id[:], before[:]) < 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(b[:], a[:]) })
	return slices.Compact(ids)
}

// live returns what is on air at slug, in this process or on another node.
func (s *Service) live(slug string) (LiveState, bool) {
	if state, ok := s.cfg.Live.Lookup(slug); ok {
		return state, true
	}
	return s.nodes.Lookup(slug)
}

// channelsOf returns the channels of rows, which all queries name alike.
func channelsOf[R store.ChannelsBeforeRow | store.ChannelsByIDsRow](rows []R) ([]Channel, error) {
	channels := make([]Channel, 0, len(rows))
	for _, row := range rows {
		ch, err := channelOf(store.ChannelBySlugRow(row))
		if err != nil {
			return nil, err
		}
		channels = append(channels, ch)
	}
	return channels, nil
}
