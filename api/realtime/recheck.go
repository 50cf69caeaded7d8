package realtime

import (
	"context"
	"errors"
	"time"

	"bandstand/api/auth"
)

// recheckEvery is how often each socket is looked at again, beside what the database
// tells of at once.
const recheckEvery = time.Minute

// rechecksAtOnce is how many sockets are looked at together: when something has changed
// for all of them, the database is not to be flooded.
const rechecksAtOnce = 8

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

func (n *Node) recheckAll() { n.each(n.recheck) }

// personalTokenChanged hears that some personal access token was revoked.
func (n *Node) personalTokenChanged(string) {
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
		}
	})
}

// channelChanged hears that something about a channel has changed: who may see it, its
// address, its members, that it is gone.
func (n *Node) channelChanged(slug string) {
	n.each(func(s *socket) {
		if s.isAbout(slug) {
			n.recheck(s)
		}
	})
}

// RecheckAddresses hears that bans of addresses have changed.
func (n *Node) RecheckAddresses() {
	n.each(func(s *socket) {
		if n.cfg.Banned(s.from.Addr) {
			s.client.Disconnect(closeBanned)
		}
	})
}

// alive is called for each socket now and then.
func (n *Node) alive(s *socket) {
	s.mu.Lock()
	isLong := time.Since(s.checked) >= recheckEvery
	s.mu.Unlock()
	if isLong || n.cfg.Banned(s.from.Addr) {
		n.recheck(s)
	}
}

// recheck looks whether whoever s speaks for may still be here, what they are, and
// whether they may have their subscriptions. It does so behind what s called before;
// what it learns goes for what comes after.
func (n *Node) recheck(s *socket) {
	if n.cfg.Banned(s.from.Addr) {
		s.client.Disconnect(closeBanned)
		return
	}
	s.mu.Lock()
	if s.due || s.gone {
		s.mu.Unlock()
		return
	}
	s.due = true
	s.push(func(ctx context.Context) {
		s.mu.Lock()
		s.due, s.checked = false, time.Now() // what changes from here on has it looked at again
		s.mu.Unlock()
		n.rechecks <- struct{}{}
		defer func() { <-n.rechecks }()
		if n.recheckPerson(ctx, s) {
			n.recheckTopics(ctx, s)
		}
	})
}

// recheckPerson reports whether whoever s speaks for may still be here, and closes the
// socket otherwise.
func (n *Node) recheckPerson(ctx context.Context, s *socket) bool {
	if !s.principal().IsUser() {
		return true
	}
	// If nobody could be asked, they are who they were.
	if _, err := n.ask(ctx, s); errors.Is(err, auth.ErrBadToken) {
		s.client.Disconnect(closeSignedOut)
		return false
	}
	return true
}

// ask finds out anew whom s speaks for, and notes it.
func (n *Node) ask(ctx context.Context, s *socket) (p auth.Principal, err error) {
	ctx = auth.WithClient(ctx, s.from)
	if s.proof.personal != "" {
		p, err = n.cfg.Identity.Verify(ctx, s.proof.personal)
	} else {
		p, err = n.cfg.Identity.Renew(ctx, s.principal())
	}
	if err == nil {
		s.mu.Lock()
		s.user = p
		s.mu.Unlock()
	}
	return p, err
}

// recheckTopics ends those subscriptions of s that it may not have any more.
func (n *Node) recheckTopics(ctx context.Context, s *socket) {
	for name, id := range s.asked() {
		t := n.topics[kindOf(name)+":"]
		if n.isOpen(ctx, s, t, id) || !s.client.IsSubscribed(name) {
			continue
		}
		err := caught(func() error {
			_, err := n.admit(ctx, s, t, id)
			return err
		})
		if o := outcomeOf(err); o != nil && o.Status < 429 {
			s.client.Unsubscribe(name, endNoAccess)
		}
	}
}

// isOpen reports whether a topic is about a channel that everybody sees, and its rule
// asks no more: then nobody has to be asked what s is there.
func (n *Node) isOpen(ctx context.Context, s *socket, t Topic, id string) bool {
	if !t.rule.Viewers || t.Admit != nil || !t.rule.Admits(s.principal(), 0) {
		return false
	}
	_, err := n.cfg.Channels.BySlug(ctx, auth.Principal{}, id)
	return err == nil
}
