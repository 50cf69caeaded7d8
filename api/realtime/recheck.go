package realtime

import (
	"context"
	"errors"
	"strings"
	"time"

	"bandstand/api/auth"
)

// recheckEvery is how often everybody is looked at again, beside what the database
// tells of at once.
const recheckEvery = time.Minute

// watch looks at everybody again and again until ctx ends.
func (n *Node) watch(ctx context.Context) {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.recheckAll()
		case <-ctx.Done():
			return
		}
	}
}

// each calls do with the sockets that there are.
func (n *Node) each(do func(s *socket)) {
	n.mu.Lock()
	sockets := make([]*socket, 0, len(n.sockets))
	for _, s := range n.sockets {
		sockets = append(sockets, s)
	}
	n.mu.Unlock()
	for _, s := range sockets {
		do(s)
	}
}

func (n *Node) recheckAll() {
	n.each(func(s *socket) {
		n.recheck(s)
		n.recheckTopics(s, "")
	})
}

func (n *Node) recheckTokens() {
	n.each(func(s *socket) {
		if s.proof.personal != "" {
			n.recheck(s)
		}
	})
}

// userChanged hears that something about a person has changed: their role, that they
// are suspended or gone, that a login has ended.
func (n *Node) userChanged(id string) {
	n.each(func(s *socket) {
		if p := s.principal(); p.IsUser() && p.UserID.String() == id {
			n.recheck(s)
			n.recheckTopics(s, "")
		}
	})
}

// channelChanged hears that something about a channel has changed: who may see it, its
// address, its members, that it is gone.
func (n *Node) channelChanged(slug string) {
	n.each(func(s *socket) { n.recheckTopics(s, slug) })
}

// recheck looks whether whoever s speaks for may still be here, and what they are. It
// does so behind what s called before; what it learns goes for what comes after.
func (n *Node) recheck(s *socket) {
	if n.cfg.Banned(s.from.Addr) {
		go s.client.Disconnect(closeBanned)
		return
	}
	if !s.principal().IsUser() {
		return
	}
	s.queue(func(ctx context.Context) {
		ctx = auth.WithClient(ctx, s.from)
		was := s.principal()
		var p auth.Principal
		var err error
		if s.proof.personal != "" {
			p, err = n.cfg.Identity.Verify(ctx, s.proof.personal)
		} else {
			p, err = n.cfg.Identity.Renew(ctx, was)
		}
		switch {
		case errors.Is(err, auth.ErrBadToken):
			s.client.Disconnect(closeSignedOut)
		case err != nil: // nobody could be asked: they are who they were
		default:
			s.mu.Lock()
			s.user = p
			s.mu.Unlock()
		}
	}, func(error) {})
}

// recheckTopics ends those subscriptions of s that it may not have any more: all, or
// those about the channel at slug.
func (n *Node) recheckTopics(s *socket, slug string) {
	for topic, sub := range s.subscribed() {
		if slug != "" && sub.ID != slug {
			continue
		}
		kind, _, _ := strings.Cut(topic, ":")
		t := n.topics[kind+":"]
		s.queue(func(ctx context.Context) {
			_, err := n.admit(ctx, s, t, sub.ID)
			if o := outcomeOf(err); o != nil && o.Status < 429 {
				s.client.Unsubscribe(topic, endNoAccess)
			}
		}, func(error) {})
	}
}
