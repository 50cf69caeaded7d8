package audience

import (
	"context"
	"encoding/json"

	"bandstand/api/realtime"
)

// claim is what a client says of itself when it subscribes to a channel's events.
type claim struct {
	Viewer   string `json:"viewer"`   // token that its playlists carry
	Watching bool   `json:"watching"` // it plays in a way of its own
}

// maxClaim bounds what is read of it.
const maxClaim = 1024

// place is what a socket on a channel's events counts as.
type place struct {
	slug          string
	crowd, player uint64
}

// ownPlayer sets players that are sockets of their own apart from those of tokens,
// which are below.
const ownPlayer = 1 << 24

// sockets is who has a socket and watches.
type sockets struct {
	places   map[string]map[string]place          // by slug and id of the socket
	channels map[string]map[uint64]map[uint64]int // how many sockets, by slug, crowd and player
	next     uint64
}

func newSockets() *sockets {
	return &sockets{places: map[string]map[string]place{}, channels: map[string]map[uint64]map[uint64]int{}}
}

// Joined hears that a socket has subscribed to a channel's events; s.ID is the slug.
// Whoever shows the token of its playlists counts while the socket is there, also when
// it stops asking for these: it pauses, or has its media from others. Without a token
// it counts if it says that it watches. All others, such as a chat in a window of its
// own, do not.
func (s *Service) Joined(_ context.Context, sub realtime.Subscription) {
	if len(sub.Data) == 0 || len(sub.Data) > maxClaim {
		return
	}
	var c claim
	if json.Unmarshal(sub.Data, &c) != nil {
		return
	}
	p := place{slug: sub.ID}
	var ok bool
	p.crowd, p.player, ok = s.cfg.Tokens.Read(c.Viewer, s.cfg.Now())
	if !ok && !c.Watching {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		from := sub.Socket.From
		s.sockets.next++
		p.crowd, p.player = s.cfg.Tokens.Crowd(from.Addr, from.UserAgent), ownPlayer+s.sockets.next
	}
	s.sockets.leave(sub.ID, sub.Socket.ID)
	s.sockets.join(sub.Socket.ID, p)
}

// Left hears that a socket is no longer subscribed.
func (s *Service) Left(sub realtime.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.leave(sub.ID, sub.Socket.ID)
}

func (s *sockets) join(socket string, p place) {
	if s.places[p.slug] == nil {
		s.places[p.slug], s.channels[p.slug] = map[string]place{}, map[uint64]map[uint64]int{}
	}
	s.places[p.slug][socket] = p
	crowds := s.channels[p.slug]
	if crowds[p.crowd] == nil {
		crowds[p.crowd] = map[uint64]int{}
	}
	crowds[p.crowd][p.player]++
}

func (s *sockets) leave(slug, socket string) {
	p, ok := s.places[slug][socket]
	if !ok {
		return
	}
	delete(s.places[slug], socket)
	if len(s.places[slug]) == 0 {
		delete(s.places, slug)
		delete(s.channels, slug)
		return
	}
	crowds := s.channels[slug]
	players := crowds[p.crowd]
	players[p.player]--
	if players[p.player] > 0 {
		return
	}
	delete(players, p.player)
	if len(players) == 0 {
		delete(crowds, p.crowd)
	}
}

// sightings returns who is on a channel. What they hear and see is not known.
func (s *sockets) sightings(slug string) Sightings {
	crowds := s.channels[slug]
	if len(crowds) == 0 {
		return Sightings{}
	}
	view := Sightings{named: make([]crowd, 0, len(crowds))}
	for key, players := range crowds {
		view.named = append(view.named, crowd{key, tally{all: len(players)}})
	}
	view.sort()
	return view
}
