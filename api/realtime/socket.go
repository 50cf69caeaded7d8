package realtime

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	"golang.org/x/time/rate"

	"bandstand/api/auth"
)

// socket is what is known of one connected client.
type socket struct {
	id     string
	n      *Node
	client *centrifuge.Client
	from   auth.Client
	proof  proof
	pace   *rate.Limiter // of its commands

	mu      sync.Mutex
	user    auth.Principal    // guarded by mu
	places  map[string]*place // guarded by mu; by full name of the topic, those it asked for
	waiting []func()          // guarded by mu; what it called and is not done yet
	working bool              // guarded by mu; whether a goroutine is at it
	gone    bool              // guarded by mu
	due     bool              // guarded by mu; it waits to be looked at again
	checked time.Time         // guarded by mu; when it was last
}

// proof is how a client showed who it is.
type proof struct {
	personal string // its personal access token: asked about again and again
	token    bool   // an access token that expires: the client brings a new one in time
}

// place is a topic that a client asked for.
type place struct {
	sub    Subscription
	joined bool // Topic.Joined has been told, and Topic.Left has not
}

func (s *socket) view() Socket { return Socket{ID: s.id, User: s.principal(), From: s.from} }

func (s *socket) principal() auth.Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

// queue has do done after what the client called before, or refuses it if too much
// waits already.
func (s *socket) queue(do func(ctx context.Context), refuse func(error)) {
	s.mu.Lock()
	if s.gone || len(s.waiting) >= s.n.cfg.Limits.Waiting {
		s.mu.Unlock()
		refuse(s.n.errorOf(s.client.Context(), errTooMany))
		return
	}
	s.push(do)
}

// after has do done after what the client called before, however much that is, and
// though the client may be gone.
func (s *socket) after(do func(ctx context.Context)) {
	s.mu.Lock()
	s.push(do)
}

// push adds to what waits, and releases s.mu. An idle socket has no goroutine of its own.
func (s *socket) push(do func(ctx context.Context)) {
	s.waiting = append(s.waiting, func() {
		// What was begun is finished, though the client may have left: it is told by
		// history then.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.client.Context()), callWithin)
		defer cancel()
		if err := caught(func() error { do(ctx); return nil }); err != nil {
			s.n.cfg.Logger.ErrorContext(ctx, "something about a socket failed", "err", err)
		}
	})
	start := !s.working
	s.working = true
	s.mu.Unlock()
	if start {
		go s.work()
	}
}

// work does what waits, until nothing does.
func (s *socket) work() {
	for {
		s.mu.Lock()
		if len(s.waiting) == 0 {
			s.working, s.waiting = false, nil
			s.mu.Unlock()
			return
		}
		do := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.mu.Unlock()
		do()
	}
}

// caught returns what do returns; a panic as an error, so that it ends no more than
// what was called.
func caught(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("realtime: panic: %v\n%s", v, debug.Stack())
		}
	}()
	return do()
}

// ask notes that the client asked for a topic: what changes from now on is looked at.
// It returns what it had there before and has left without a word, if anything.
func (s *socket) ask(topic string, sub Subscription) (before *place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places == nil {
		s.places = map[string]*place{}
	}
	before = s.places[topic]
	s.places[topic] = &place{sub: sub}
	return before
}

// joined notes that the client is subscribed to a topic that it asked for.
func (s *socket) joined(topic string, sub Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places[topic] = &place{sub: sub, joined: true}
}

// left forgets a topic, and returns what the client had there.
func (s *socket) left(topic string) *place {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[topic]
	delete(s.places, topic)
	return p
}

// asked returns the topics that the client asked for, and what they are about.
func (s *socket) asked() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	topics := make(map[string]string, len(s.places))
	for topic, p := range s.places {
		topics[topic] = p.sub.ID
	}
	return topics
}

// isAbout reports whether the client asked for a topic about id.
func (s *socket) isAbout(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.places {
		if p.sub.ID == id {
			return true
		}
	}
	return false
}

// connected is centrifuge's handler for clients whose identity is known.
func (n *Node) connected(c *centrifuge.Client) {
	s, ok := c.Context().Value(socketKey{}).(*socket)
	if !ok {
		c.Disconnect(centrifuge.DisconnectServerError)
		return
	}
	s.client, s.id, s.checked = c, c.ID(), time.Now()
	n.mu.Lock()
	n.sockets[s.id] = s
	n.mu.Unlock()
	c.OnRPC(func(e centrifuge.RPCEvent, reply centrifuge.RPCCallback) { n.call(s, e, reply) })
	c.OnSubscribe(func(e centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) { n.subscribe(s, e, reply) })
	c.OnUnsubscribe(func(e centrifuge.UnsubscribeEvent) {
		if !e.ServerSide {
			s.after(func(context.Context) { n.unsubscribed(s, e.Channel) })
		}
	})
	c.OnRefresh(func(e centrifuge.RefreshEvent, reply centrifuge.RefreshCallback) { n.refresh(s, e, reply) })
	c.OnAlive(func() { n.alive(s) })
	c.OnDisconnect(func(centrifuge.DisconnectEvent) { n.disconnected(s) })
	for _, w := range n.watchers {
		w.Connected(s.view())
	}
	if s.principal().IsUser() {
		n.recheck(s) // what changed between the look at the token and now
	}
}

// disconnected is centrifuge's handler for clients that are gone: it has ended their
// subscriptions by then.
func (n *Node) disconnected(s *socket) {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	n.mu.Lock()
	delete(n.sockets, s.id)
	n.mu.Unlock()
	for _, w := range n.watchers {
		w.Disconnected(s.view())
	}
}

// Watcher hears of sockets that come and go on this node. It must not block.
type Watcher interface {
	Connected(s Socket)
	Disconnected(s Socket)
}

// AddWatcher adds w. Called before Handler.
func (n *Node) AddWatcher(w Watcher) { n.watchers = append(n.watchers, w) }

// commandRead counts what a client sends: what comes too fast is refused, and who
// goes on is disconnected.
func (n *Node) commandRead(c *centrifuge.Client, e centrifuge.CommandReadEvent) error {
	s, ok := c.Context().Value(socketKey{}).(*socket)
	if !ok || e.Command.Id == 0 { // connecting, or what ends the connection anyway
		return nil
	}
	now := time.Now()
	if s.pace.AllowN(now, 1) {
		return nil
	}
	if s.pace.TokensAt(now) < -float64(s.pace.Burst()) {
		return closeFlooding
	}
	s.pace.ReserveN(now, 1) // in debt: too much of it, and it floods
	return &centrifuge.Error{Code: 429, Message: errTooMany.Code, Temporary: true}
}
