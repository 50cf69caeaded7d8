package party

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"bandstand/api/realtime"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// here is who is in which party over a socket of this node.
type here struct {
	mu      sync.Mutex
	sockets map[uuid.UUID]map[string]uuid.UUID // guarded by mu; users by party and socket
	news    []arrival                          // guarded by mu; not told yet
	gone    map[seekKey]time.Time              // guarded by mu; when the last socket of somebody left
}

// arrival is a socket that came to a party, or left.
type arrival struct {
	party, user uuid.UUID
	socket      string
	left        bool
}

func newHere() *here {
	return &here{sockets: map[uuid.UUID]map[string]uuid.UUID{}, gone: map[seekKey]time.Time{}}
}

func (h *here) has(party uuid.UUID, socket string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.sockets[party][socket]
	return ok
}

func (h *here) add(a arrival, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.sockets[a.party]
	if of == nil {
		of = map[string]uuid.UUID{}
		h.sockets[a.party] = of
	}
	if a.left {
		delete(of, a.socket)
		if len(of) == 0 {
			delete(h.sockets, a.party)
		}
	} else {
		of[a.socket] = a.user
	}
	for _, user := range of {
		if user == a.user {
			delete(h.gone, seekKey{a.party, a.user})
			h.news = append(h.news, a)
			return
		}
	}
	h.gone[seekKey{a.party, a.user}] = now
	h.news = append(h.news, a)
}

// take returns what is not told yet, and who has been gone for long enough, and whether
// others are about to be.
func (h *here) take(now time.Time) (news []arrival, gone []seekKey, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news, h.news = h.news, nil
	for key, since := range h.gone {
		if now.Sub(since) < awayAfter {
			more = true
			continue
		}
		delete(h.gone, key)
		gone = append(gone, key)
	}
	return news, gone, more
}

// parties returns where somebody is.
func (h *here) parties() []uuid.UUID {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]uuid.UUID, 0, len(h.sockets))
	for id := range h.sockets {
		ids = append(ids, id)
	}
	return ids
}

// awayAfter is how long somebody may take to come back before others are told.
const awayAfter = 3 * time.Second

func (s *Service) joined(_ context.Context, sub realtime.Subscription) { s.arrived(sub, false) }

func (s *Service) left(sub realtime.Subscription) { s.arrived(sub, true) }

func (s *Service) arrived(sub realtime.Subscription, left bool) {
	party, ok := parseID(sub.ID)
	if !ok {
		return
	}
	s.here.add(arrival{party: party, user: sub.Socket.User.UserID, socket: sub.Socket.ID, left: left}, s.cfg.Now())
	s.look()
}

// greet tells who has come and who is away.
func (s *Service) greet(ctx context.Context) (more bool) {
	news, gone, more := s.here.take(s.cfg.Now())
	for _, a := range news {
		if a.left {
			s.announce(word{Party: a.party, Socket: a.socket})
			continue
		}
		// Whether it waits is not known to a node that has just started.
		s.announce(word{Party: a.party, Waiting: true})
		s.tell(ctx, a.party, "party.member", MemberEvent{Event: "online", UserID: a.user.String()})
	}
	for _, key := range gone {
		present, err := s.cfg.Node.Present(topicOf(key.party))
		if err != nil {
			continue
		}
		elsewhere := false
		for _, user := range present {
			elsewhere = elsewhere || user == key.user
		}
		if elsewhere {
			continue
		}
		if err := s.cfg.DB.Write().PartySeen(ctx, store.PartySeenParams{PartyID: key.party, UserID: key.user, SeenAt: column.At(s.cfg.Now())}); err != nil {
			s.cfg.Logger.WarnContext(ctx, "when a member was last in a party is not written", "err", err)
		}
		s.tell(ctx, key.party, "party.member", MemberEvent{Event: "offline", UserID: key.user.String()})
	}
	return more
}
