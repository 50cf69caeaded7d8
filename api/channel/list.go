package channel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

// Filter chooses channels. What is empty lets all through.
type Filter struct {
	Search     string // words, or beginnings of words
	Tag        string
	Category   string
	Owner      string // username
	Visibility string
	Closed     bool // also those of owners who are deleted or suspended
}

// Listed is a channel in a list.
type Listed struct {
	Channel
	live *LiveState // nil if it is not on air
}

// List returns a page of channels, newest first. Any text that is not a cursor of
// this list is rest.ErrBadCursor.
func (s *Service) List(ctx context.Context, f Filter, page rest.PageQuery) (rest.Page[Listed], error) {
	c, err := rest.ByNewest.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Listed]{}, err
	}
	ids, err := s.find(ctx, f, c, page.Limit+1)
	if err != nil {
		return rest.Page[Listed]{}, fmt.Errorf("channel: list: %w", err)
	}
	found := rest.NewPage(rest.ByNewest, c, page.Limit, ids, atID)
	listed, err := s.listed(ctx, found.Items)
	return rest.Page[Listed]{Items: listed, Next: found.Next, Prev: found.Prev}, err
}

// atID is where an id is in a list of them.
func atID(id uuid.UUID) rest.Cursor { return rest.Cursor{ID: id} }

// find returns the ids of up to most channels beyond c, nearest first, by the query
// that begins with the filter which leaves the fewest.
func (s *Service) find(ctx context.Context, f Filter, c rest.Cursor, most int) ([]uuid.UUID, error) {
	q := s.cfg.DB.Read()
	owner, n := strings.ToLower(f.Owner), int32(most)
	closed := int64(0)
	if f.Closed {
		closed = 1
	}
	for _, text := range []string{f.Search, f.Tag, f.Category, f.Owner} {
		if !isText(text) { // Postgres would not take it
			return nil, nil
		}
	}
	switch {
	case f.Search != "":
		return findByWords(ctx, q, f, c, most)
	case f.Tag != "":
		p := store.ChannelIDsByTagBeforeParams{
			Tag: f.Tag, Edge: c.ID, Owner: owner, Category: f.Category, Visibility: f.Visibility, Closed: closed, Most: n,
		}
		if c.Back {
			return q.ChannelIDsByTagAfter(ctx, store.ChannelIDsByTagAfterParams(p))
		}
		return q.ChannelIDsByTagBefore(ctx, p)
	case f.Owner != "":
		p := store.ChannelIDsByOwnerBeforeParams{
			Owner: owner, Edge: c.ID, Category: f.Category, Visibility: f.Visibility, Closed: closed, Most: n,
		}
		if c.Back {
			return q.ChannelIDsByOwnerAfter(ctx, store.ChannelIDsByOwnerAfterParams(p))
		}
		return q.ChannelIDsByOwnerBefore(ctx, p)
	case f.Category != "":
		p := store.ChannelIDsByCategoryBeforeParams{
			Category: f.Category, Edge: c.ID, Visibility: f.Visibility, Closed: closed, Most: n,
		}
		if c.Back {
			return q.ChannelIDsByCategoryAfter(ctx, store.ChannelIDsByCategoryAfterParams(p))
		}
		return q.ChannelIDsByCategoryBefore(ctx, p)
	case f.Visibility != "":
		p := store.ChannelIDsByVisibilityBeforeParams{Visibility: f.Visibility, Edge: c.ID, Closed: closed, Most: n}
		if c.Back {
			return q.ChannelIDsByVisibilityAfter(ctx, store.ChannelIDsByVisibilityAfterParams(p))
		}
		return q.ChannelIDsByVisibilityBefore(ctx, p)
	}
	if c.Back {
		return q.AllChannelIDsAfter(ctx, store.AllChannelIDsAfterParams{Edge: c.ID, Most: n})
	}
	return q.AllChannelIDsBefore(ctx, store.AllChannelIDsBeforeParams{Edge: c.ID, Most: n})
}

// findByWords is find for a search. One without any word finds nothing.
func findByWords(ctx context.Context, q *store.Queries, f Filter, c rest.Cursor, most int) ([]uuid.UUID, error) {
	asked := rest.Asked(f.Search)
	if len(asked) == 0 {
		return nil, nil
	}
	p := store.ChannelIDsByWordsBeforeParams{
		Edge: c.ID, Tag: f.Tag, Owner: strings.ToLower(f.Owner), Category: f.Category, Visibility: f.Visibility, Most: int32(most),
	}
	if f.Closed {
		p.Closed = 1
	}
	places := []struct{ word, after *string }{
		{&p.Word1, &p.After1},
		{&p.Word2, &p.After2},
		{&p.Word3, &p.After3},
		{&p.Word4, &p.After4},
		{&p.Word5, &p.After5},
		{&p.Word6, &p.After6},
	}
	for i, word := range asked[:min(len(asked), len(places))] {
		*places[i].word, *places[i].after = word, rest.After(word)
	}
	if c.Back {
		return q.ChannelIDsByWordsAfter(ctx, store.ChannelIDsByWordsAfterParams(p))
	}
	return q.ChannelIDsByWordsBefore(ctx, p)
}

// listed returns the channels with these ids, in this order. Those that do not exist
// any more are left out.
func (s *Service) listed(ctx context.Context, ids []uuid.UUID) ([]Listed, error) {
	channels, err := s.byIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make([]Listed, 0, len(ids))
	for _, id := range ids {
		if ch, ok := channels[id]; ok {
			found = append(found, Listed{Channel: ch, live: s.liveNow(ch.Slug)})
		}
	}
	return found, nil
}

// byIDs returns the channels with these ids that exist.
func (s *Service) byIDs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Channel, error) {
	channels := make(map[uuid.UUID]Channel, len(ids))
	for batch := range slices.Chunk(ids, idsBatch) {
		rows, err := s.cfg.DB.Read().ChannelsByIDs(ctx, joinIDs(batch))
		if err != nil {
			return nil, fmt.Errorf("channel: get several: %w", err)
		}
		for _, row := range rows {
			ch, err := channelOf(store.ChannelBySlugRow(row))
			if err != nil {
				return nil, err
			}
			channels[ch.ID] = ch
		}
	}
	return channels, nil
}

// idsBatch is how many ids one query takes.
const idsBatch = 500

func joinIDs(ids []uuid.UUID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ",")
}
