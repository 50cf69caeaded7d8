package realtime

import (
	"context"
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
	user    auth.Principal          // guarded by mu
	topics  map[string]Subscription // guarded by mu; by full name, those it asked for
	waiting []func()                // guarded by mu; what it called and is not done yet
	working bool                    // guarded by mu; whether a goroutine is at it
	gone    bool                    // guarded by mu
}

// proof is how a client showed who it is.
type proof struct {
	personal string // its personal access token: asked about again and again
	token    bool   // an access token that expires: the client brings a new one in time
}

func (s *socket) view() Socket { return Socket{ID: s.id, User: s.principal(), From: s.from} }

func (s *socket) principal() auth.Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

// queue has do done after what the client called before, or refuses it if too much
// waits already. An idle socket has no goroutine of its own.
func (s *socket) queue(do func(ctx context.Context), refuse func(error)) {
	s.mu.Lock()
	if s.gone || len(s.waiting) >= s.n.cfg.Limits.Waiting {
		s.mu.Unlock()
		refuse(s.n.errorOf(s.client.Context(), errTooMany))
		return
	}
	s.waiting = append(s.waiting, func() {
		// What was begun is finished, though the client may have left: it is told by
		// history then.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.client.Context()), callWithin)
		defer cancel()
		do(ctx)
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

func (s *socket) joined(topic string, sub Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics == nil {
		s.topics = map[string]Subscription{}
	}
	s.topics[topic] = sub
}

func (s *socket) left(topic string) (Subscription, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, ok := s.topics[topic]
	delete(s.topics, topic)
	return sub, ok
}

// subscribed returns the topics that the client asked for.
func (s *socket) subscribed() map[string]Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	subs := make(map[string]Subscription, len(s.topics))
	for topic, sub := range s.topics {
		subs[topic] = sub
	}
	return subs
}

// connected is centrifuge's handler for clients whose identity is known.
func (n *Node) connected(c *centrifuge.Client) {
	s, ok := c.Context().Value(socketKey{}).(*socket)
	if !ok {
		c.Disconnect(centrifuge.DisconnectServerError)
		return
	}
	s.client, s.id = c, c.ID()
	n.mu.Lock()
	n.sockets[s.id] = s
	n.mu.Unlock()
	c.OnRPC(func(e centrifuge.RPCEvent, reply centrifuge.RPCCallback) { n.call(s, e, reply) })
	c.OnSubscribe(func(e centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) { n.subscribe(s, e, reply) })
	c.OnUnsubscribe(func(e centrifuge.UnsubscribeEvent) {
		if !e.ServerSide {
			n.unsubscribed(s, e.Channel)
		}
	})
	c.OnRefresh(func(e centrifuge.RefreshEvent, reply centrifuge.RefreshCallback) { n.refresh(s, e, reply) })
	c.OnAlive(func() { n.recheck(s) })
	c.OnDisconnect(func(centrifuge.DisconnectEvent) { n.disconnected(s) })
	for _, w := range n.watchers {
		w.Connected(s.view())
	}
}

func (n *Node) disconnected(s *socket) {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	n.mu.Lock()
	delete(n.sockets, s.id)
	n.mu.Unlock()
	for topic := range s.subscribed() {
		n.unsubscribed(s, topic)
	}
	for _, w := range n.watchers {
		w.Disconnected(s.view())
	}
}

func (n *Node) unsubscribed(s *socket, topic string) {
	sub, ok := s.left(topic)
	if t := n.topics[kindOf(topic)+":"]; ok && t.Left != nil {
		t.Left(sub)
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
	if !ok || e.Command.Id == 0 { // connecting, or a pong
		return nil
	}
	if s.pace.Allow() {
		return nil
	}
	if s.pace.TokensAt(time.Now()) < -float64(s.pace.Burst()) {
		return closeFlooding
	}
	s.pace.ReserveN(time.Now(), 1) // in debt: too much of it, and it floods
	return &centrifuge.Error{Code: 429, Message: errTooMany.Code, Temporary: true}
}
