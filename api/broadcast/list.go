package broadcast

import (
	"context"
	"fmt"
	"math"
	"time"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// What the public list shows.
const (
	ListLive     = "live"     // on air, the latest first
	ListUpcoming = "upcoming" // scheduled, the next first
	ListEnded    = "ended"    // published, the latest first
)

// List is broadcasts of public channels.
type List struct {
	State  string // one of the above
	Tag    string // with this tag; all if empty
	Search string // with words that begin like these; all if empty
	Cursor string
	Limit  int
}

// List returns a page of broadcasts of public channels. Any text that is not a cursor
// of the list is rest.ErrBadCursor.
func (s *Service) List(ctx context.Context, l List) (rest.Page[Broadcast], error) {
	earliest := l.State == ListUpcoming
	list, cursor, err := decode(earliest, l.Cursor)
	if err != nil {
		return rest.Page[Broadcast]{}, err
	}
	now := s.cfg.Now()
	f := filter{
		state: l.State, tag: l.Tag, words: rest.Asked(l.Search),
		now: column.Maybe(now), since: instant(math.MinInt64), at: instant(cursor.Number),
		cursor: cursor, most: int32(l.Limit) + 1,
	}
	if l.State == ListUpcoming { // what was missed long ago is not even looked at
		f.state, f.since = Scheduled, column.Maybe(now.Add(-maxLength))
	}
	if (l.Search != "" && len(f.words) == 0) || (l.Tag != "" && !tagForm.MatchString(l.Tag)) { // nothing has such
		return rest.Page[Broadcast]{}, nil
	}
	rows, err := f.rows(ctx, s.cfg.DB.Read(), earliest != cursor.Back)
	if err != nil {
		return rest.Page[Broadcast]{}, fmt.Errorf("broadcast: list: %w", err)
	}
	return pageOf(list, cursor, l.Limit, rows)
}

// filter is what the queries of the public list ask for.
type filter struct {
	state, tag     string
	words          []string
	now, since, at *column.Time
	cursor         rest.Cursor
	most           int32
}

// rows asks the query that leaves the fewest broadcasts to look at.
func (f *filter) rows(ctx context.Context, q *store.Queries, after bool) ([]row, error) {
	switch {
	case len(f.words) > 0:
		p := f.found()
		if after {
			rows, err := q.BroadcastsFoundAfter(ctx, store.BroadcastsFoundAfterParams(p))
			return rowsOf(rows), err
		}
		rows, err := q.BroadcastsFoundBefore(ctx, p)
		return rowsOf(rows), err
	case f.tag != "":
		p := store.BroadcastsTaggedBeforeParams{
			Tag: f.tag, State: f.state, Now: f.now, Since: f.since, At: f.at, ID: f.cursor.ID, Most: f.most,
		}
		if after {
			rows, err := q.BroadcastsTaggedAfter(ctx, store.BroadcastsTaggedAfterParams(p))
			return rowsOf(rows), err
		}
		rows, err := q.BroadcastsTaggedBefore(ctx, p)
		return rowsOf(rows), err
	}
	p := store.BroadcastsListedBeforeParams{
		State: f.state, Now: f.now, Since: f.since, At: f.at, ID: f.cursor.ID, Most: f.most,
	}
	if after {
		rows, err := q.BroadcastsListedAfter(ctx, store.BroadcastsListedAfterParams(p))
		return rowsOf(rows), err
	}
	rows, err := q.BroadcastsListedBefore(ctx, p)
	return rowsOf(rows), err
}

func (f *filter) found() store.BroadcastsFoundBeforeParams {
	p := store.BroadcastsFoundBeforeParams{
		State: f.state, Tag: f.tag, Now: f.now, Since: f.since, At: f.at, ID: f.cursor.ID, Most: f.most,
	}
	for i, to := range []struct{ word, after *string }{
		{&p.Word1, &p.After1},
		{&p.Word2, &p.After2},
		{&p.Word3, &p.After3},
		{&p.Word4, &p.After4},
		{&p.Word5, &p.After5},
		{&p.Word6, &p.After6},
	} {
		if i < len(f.words) {
			*to.word, *to.after = f.words[i], rest.After(f.words[i])
		}
	}
	return p
}

// ChannelList is broadcasts of one channel.
type ChannelList struct {
	State    string // all if empty
	Earliest bool   // first, rather than the latest
	Cursor   string
	Limit    int
}

// ListOf returns a page of the broadcasts of the channel of an operation, as its
// caller may see them: viewers those on air, those to come and those published.
func (s *Service) ListOf(ctx context.Context, l ChannelList) (rest.Page[Broadcast], error) {
	list, cursor, err := decode(l.Earliest, l.Cursor)
	if err != nil {
		return rest.Page[Broadcast]{}, err
	}
	rows, err := s.channelRows(ctx, store.BroadcastsOfInBeforeParams{
		ChannelID: auth.AccessOf(ctx).ChannelID, State: l.State, Hidden: flag(seesHidden(ctx)),
		Now: column.Maybe(s.cfg.Now()), At: instant(cursor.Number), ID: cursor.ID, Most: int32(l.Limit) + 1,
	}, l.Earliest != cursor.Back)
	if err != nil {
		return rest.Page[Broadcast]{}, err
	}
	return pageOf(list, cursor, l.Limit, rows)
}

// channelRows returns broadcasts of a channel before a place or after it.
func (s *Service) channelRows(ctx context.Context, p store.BroadcastsOfInBeforeParams, after bool) ([]row, error) {
	q := s.cfg.DB.Read()
	rows, err := func() ([]row, error) {
		switch {
		case p.State != "" && after:
			rows, err := q.BroadcastsOfInAfter(ctx, store.BroadcastsOfInAfterParams(p))
			return rowsOf(rows), err
		case p.State != "":
			rows, err := q.BroadcastsOfInBefore(ctx, p)
			return rowsOf(rows), err
		}
		all := store.BroadcastsOfBeforeParams{
			ChannelID: p.ChannelID, Hidden: p.Hidden, Now: p.Now, At: p.At, ID: p.ID, Most: p.Most,
		}
		if after {
			rows, err := q.BroadcastsOfAfter(ctx, store.BroadcastsOfAfterParams(all))
			return rowsOf(rows), err
		}
		rows, err := q.BroadcastsOfBefore(ctx, all)
		return rowsOf(rows), err
	}()
	if err != nil {
		return nil, fmt.Errorf("broadcast: list of a channel: %w", err)
	}
	return rows, nil
}

func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

func decode(earliest bool, text string) (rest.List, rest.Cursor, error) {
	list := rest.ByTimeLast
	if earliest {
		list = rest.ByTimeFirst
	}
	cursor, err := list.Decode(text)
	return list, cursor, err
}

func pageOf(list rest.List, cursor rest.Cursor, limit int, rows []row) (rest.Page[Broadcast], error) {
	all := make([]Broadcast, len(rows))
	for i, r := range rows {
		var err error
		if all[i], err = broadcastOf(r); err != nil {
			return rest.Page[Broadcast]{}, err
		}
	}
	return rest.NewPage(list, cursor, limit, all, func(b Broadcast) rest.Cursor {
		return rest.Cursor{Number: rest.Micros(b.when()), ID: b.ID}
	}), nil
}

// rowsOf returns the broadcasts of rows, which all queries name alike.
func rowsOf[R store.BroadcastsListedBeforeRow | store.BroadcastsTaggedBeforeRow | store.BroadcastsFoundBeforeRow |
	store.BroadcastsOfBeforeRow | store.BroadcastsOfInBeforeRow | store.BroadcastsListedAfterRow |
	store.BroadcastsTaggedAfterRow | store.BroadcastsFoundAfterRow | store.BroadcastsOfAfterRow |
	store.BroadcastsOfInAfterRow](rows []R,
) []row {
	all := make([]row, len(rows))
	for i, r := range rows {
		all[i] = row(r)
	}
	return all
}

// Times that both databases can compare with any other that is stored.
var (
	dawn = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	dusk = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// instant returns the time of a cursor's number, which may be anything.
func instant(micros int64) *column.Time {
	switch {
	case micros < dawn.UnixMicro():
		return column.Maybe(dawn)
	case micros > dusk.UnixMicro():
		return column.Maybe(dusk)
	}
	return column.Maybe(time.UnixMicro(micros))
}

// Sessions returns a page of the publishers' sessions within the broadcast that an
// operation is about, the latest first.
func (s *Service) Sessions(ctx context.Context, text string, limit int) (rest.Page[store.BroadcastSession], error) {
	cursor, err := rest.ByNewest.Decode(text)
	if err != nil {
		return rest.Page[store.BroadcastSession]{}, err
	}
	q := s.cfg.DB.Read()
	p := store.BroadcastSessionsBeforeParams{BroadcastID: auth.AccessOf(ctx).BroadcastID, ID: cursor.ID, Most: int32(limit) + 1}
	var rows []store.BroadcastSession
	if cursor.Back {
		rows, err = q.BroadcastSessionsAfter(ctx, store.BroadcastSessionsAfterParams(p))
	} else {
		rows, err = q.BroadcastSessionsBefore(ctx, p)
	}
	if err != nil {
		return rest.Page[store.BroadcastSession]{}, fmt.Errorf("broadcast: list sessions: %w", err)
	}
	return rest.NewPage(rest.ByNewest, cursor, limit, rows, func(session store.BroadcastSession) rest.Cursor {
		return rest.Cursor{ID: session.ID}
	}), nil
}
