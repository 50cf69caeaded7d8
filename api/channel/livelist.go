package channel

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db"
)

// ListLive returns a page of the channels on air that f chooses: in the order l,
// which is rest.ByMost for most viewers first or rest.ByNewest for the newest channel
// first. Any text that is not a cursor of this list is rest.ErrBadCursor.
//
// Who is on air is in memory, so that viewers may move a channel to another page
// while somebody turns pages; nobody who stays where they are is skipped by it.
func (s *Service) ListLive(ctx context.Context, l rest.List, f Filter, page rest.PageQuery) (rest.Page[Listed], error) {
	c, err := l.Decode(page.Cursor)
	if err != nil {
		return rest.Page[Listed]{}, err
	}
	candidates := s.beyond(l, c)
	found := make([]Listed, 0, min(len(candidates), page.Limit+1))
	var failed error
	for _, on := range candidates {
		if len(found) > page.Limit {
			break
		}
		ch, err := s.Get(ctx, on.state.Slug)
		switch {
		case errors.Is(err, ErrNotFound): // deleted a moment ago
		case db.IsUnavailable(err): // others may be in memory
			failed = err
		case err != nil:
			return rest.Page[Listed]{}, err
		case ch.ID == on.id && f.matches(&ch):
			found = append(found, Listed{Channel: ch, live: on.state})
		}
	}
	if failed != nil && len(found) == 0 {
		return rest.Page[Listed]{}, failed
	}
	return rest.NewPage(l, c, page.Limit, found, func(ch Listed) rest.Cursor {
		return placeOf(l, onAir{ch.ID, ch.live})
	}), nil
}

// onAir is a channel on air.
type onAir struct {
	id    uuid.UUID
	state *LiveState
}

// placeOf returns where a channel on air is in the order l.
func placeOf(l rest.List, on onAir) rest.Cursor {
	place := rest.Cursor{ID: on.id}
	if l == rest.ByMost {
		place.Number = int64(on.state.Viewers)
	}
	return place
}

// beyond returns the channels on air beyond c, nearest first.
func (s *Service) beyond(l rest.List, c rest.Cursor) []onAir {
	all := s.allLive()
	compare := func(a, b rest.Cursor) int { // in the order of the list
		return cmp.Or(cmp.Compare(b.Number, a.Number), bytes.Compare(b.ID[:], a.ID[:]))
	}
	from := rest.Cursor{Number: c.Number, ID: c.ID}
	sign := 1
	if c.Back {
		sign = -1
	}
	all = slices.DeleteFunc(all, func(on onAir) bool { return sign*compare(placeOf(l, on), from) <= 0 })
	slices.SortFunc(all, func(a, b onAir) int { return sign * compare(placeOf(l, a), placeOf(l, b)) })
	return all
}

// allLive returns what is on air, each channel once: in this process, or as the
// node with the youngest session tells.
func (s *Service) allLive() []onAir {
	return s.counted(youngest(s.cfg.Live.All(), append(s.nodes.All(), s.peers.All()...)))
}

// counted has the same number of viewers as everywhere in what is on air.
func (s *Service) counted(all []onAir) []onAir {
	for _, on := range all {
		s.count(on.state)
	}
	return all
}

func (s *Service) count(st *LiveState) { st.Viewers = s.audience(st).Viewers }

// youngest returns each channel once: as local has it, or else its youngest session of
// remote.
func youngest(local, remote []LiveState) []onAir {
	byID := make(map[uuid.UUID]*LiveState, len(local)+len(remote))
	for i := range remote {
		id, err := uuid.Parse(remote[i].ChannelID)
		if other := byID[id]; err == nil && (other == nil || remote[i].StartedAt.After(other.StartedAt)) {
			byID[id] = &remote[i]
		}
	}
	for i := range local {
		if id, err := uuid.Parse(local[i].ChannelID); err == nil {
			byID[id] = &local[i]
		}
	}
	all := make([]onAir, 0, len(byID))
	for id, state := range byID {
		all = append(all, onAir{id, state})
	}
	return all
}

// OnAir returns what is on air, each channel once: in this process, on the nodes that
// report to it, and on those of the API that it hears of.
func (s *Service) OnAir() []LiveState { return statesOf(s.allLive()) }

// OnAirHere is OnAir without the other nodes of the API.
func (s *Service) OnAirHere() []LiveState {
	return statesOf(s.counted(youngest(s.cfg.Live.All(), s.nodes.All())))
}

func statesOf(all []onAir) []LiveState {
	states := make([]LiveState, len(all))
	for i, on := range all {
		states[i] = *on.state
	}
	return states
}

// EndRemote has a session on another node ended, within a second or two. It reports
// whether one has it.
func (s *Service) EndRemote(session string) bool {
	if s.nodes.end(session) {
		return true
	}
	known := slices.ContainsFunc(s.peers.All(), func(state LiveState) bool { return state.Session == session })
	if !known || s.cfg.Events == nil {
		return false
	}
	return s.cfg.Events.Announce(kindEnd, []byte(session)) == nil
}

// liveNow returns what is on air at slug, in this process or on another node; nil
// for nothing.
func (s *Service) liveNow(slug string) *LiveState {
	state, ok := s.cfg.Live.Lookup(slug)
	if !ok {
		if state, ok = s.nodes.Lookup(slug); !ok {
			if state, ok = s.peers.Lookup(slug); !ok {
				return nil
			}
		}
	}
	s.count(&state)
	return &state
}

// matches reports whether f lets ch through, as the queries of find would.
func (f Filter) matches(ch *Channel) bool {
	switch {
	case !f.Closed && ch.OwnerState != ownerActive,
		f.Visibility != "" && ch.Visibility != f.Visibility,
		f.Category != "" && ch.Category != f.Category,
		f.Tag != "" && !slices.Contains(ch.Tags, f.Tag),
		f.Owner != "" && !strings.EqualFold(ch.Owner, f.Owner):
		return false
	case f.Search == "":
		return true
	}
	words, asked := wordsOf(ch), rest.Asked(f.Search)
	for _, begin := range asked {
		if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, begin) }) {
			return false
		}
	}
	return len(asked) > 0
}
