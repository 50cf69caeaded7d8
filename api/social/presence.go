package social

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Times of presence.
const (
	grace      = 10 * time.Second       // after which somebody whose last device has left is gone: a page that is loaded again takes less
	settle     = 250 * time.Millisecond // before friends are told: other nodes know by then who listens to them
	fallback   = 3 * time.Second        // and more, before a node tells what another should have told
	pause      = 2 * time.Second        // between two times that friends are told of one person
	refresh    = 20 * time.Second       // between two times that nodes say the same again
	claimGood  = 70 * time.Second       // what a node said is believed: it says so again, or is dead
	sweepEvery = 5 * time.Second        // nodes that are dead are looked for
	seenEvery  = 15 * time.Minute       // it is noted that somebody is still here
	mostTold   = 200                    // people at a time whose friends are told
	mostSeen   = 500
)

// doing is what friends hear of.
type doing struct {
	online   bool
	watching string // slug of a channel; "" for none
}

// claim is what one node says of a person.
type claim struct {
	doing

	since time.Time // online
	at    time.Time // when watching was said
	seq   int64     // of the node: news come out of order
	until time.Time // good until then; of other nodes
}

// device is a socket of this node.
type device struct {
	watching string
	at       time.Time // when watching was said
	left     time.Time // zero while connected
}

// person is somebody with a device on any node.
type person struct {
	devices map[string]device // of this node, by id of the socket
	since   time.Time         // when the first of these came
	shows   bool              // what they watch; nobody hears of it otherwise
	others  map[string]claim  // of other nodes, by node

	said  doing     // to the other nodes, of devices here
	stale bool      // they are to be told again
	seen  time.Time // when it was last noted that this one is here

	told   doing     // to friends, by whichever node
	force  bool      // friends are to be told again: what they may know has changed
	tellAt time.Time // zero if friends are up to date
	rested time.Time // friends are not told before
}

// presence is who is here, on this node and on others. Nodes tell each other of changes
// at once, and of everybody again and again, so that what is lost is made up for and
// the people of a node that dies fall silent. The node whose devices changed tells
// their friends; others do so only when it does not.
type presence struct {
	delay time.Duration // fallback, a little different on each node

	mu        sync.Mutex
	people    map[uuid.UUID]*person  // guarded by mu
	pending   map[uuid.UUID]struct{} // guarded by mu; those that tick looks at
	seq       int64                  // guarded by mu; of what this node says
	refreshed time.Time              // guarded by mu
	swept     time.Time              // guarded by mu
}

func newPresence() *presence {
	return &presence{
		delay:  fallback + rand.N(2*time.Second), //nolint:gosec // so that nodes do not speak at once
		people: map[uuid.UUID]*person{}, pending: map[uuid.UUID]struct{}{},
	}
}

// of returns the record of a person, which tick will look at. mu is held.
func (c *presence) of(user uuid.UUID) *person {
	p := c.people[user]
	if p == nil {
		p = &person{devices: map[string]device{}, others: map[string]claim{}}
		c.people[user] = p
	}
	c.pending[user] = struct{}{}
	return p
}

// here returns what the devices of this node say.
func (p *person) here(now time.Time) claim {
	var own claim
	for _, d := range p.devices {
		if !d.left.IsZero() && now.Sub(d.left) >= grace {
			continue
		}
		own.online, own.since = true, p.since
		if p.shows && d.watching != "" && (own.watching == "" || d.at.After(own.at)) {
			own.watching, own.at = d.watching, d.at
		}
	}
	return own
}

// anywhere returns what the devices of all nodes say: whoever came first says since when
// the person is online, the latest to watch something says what.
func (p *person) anywhere(now time.Time) claim {
	all := p.here(now)
	for _, o := range p.others {
		if !o.online || !now.Before(o.until) {
			continue
		}
		if !all.online || o.since.Before(all.since) {
			all.since = o.since
		}
		all.online = true
		if o.watching != "" && (all.watching == "" || o.at.After(all.at)) {
			all.watching, all.at = o.watching, o.at
		}
	}
	return all
}

// came hears that a socket of this node has connected.
func (c *presence) came(user uuid.UUID, socket string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.of(user)
	if !p.here(now).online {
		p.since = now
		if all := p.anywhere(now); all.online {
			p.since = all.since
		}
	}
	p.devices[socket] = device{}
}

// left hears that a socket of this node is gone.
func (c *presence) left(user uuid.UUID, socket string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.of(user)
	if d, ok := p.devices[socket]; ok {
		d.left = now
		p.devices[socket] = d
	}
}

// watches hears what a socket of this node watches, "" for nothing, and whether the
// person shows it.
func (c *presence) watches(user uuid.UUID, socket, slug string, shows bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.of(user)
	p.shows = shows
	if d, ok := p.devices[socket]; ok && d.left.IsZero() {
		d.watching, d.at = slug, now
		p.devices[socket] = d
	}
}

// shows hears whether a person shows what they watch.
func (c *presence) shows(user uuid.UUID, shows bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.people[user] != nil {
		c.of(user).shows = shows
	}
}

// now returns what a person is doing, and since when they are online.
func (c *presence) now(user uuid.UUID, now time.Time) claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.people[user]
	if p == nil {
		return claim{}
	}
	return p.anywhere(now)
}

// online returns those of users who are online.
func (c *presence) online(users []uuid.UUID, now time.Time) []uuid.UUID {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := []uuid.UUID{}
	for _, user := range users {
		if p := c.people[user]; p != nil && p.anywhere(now).online {
			found = append(found, user)
		}
	}
	return found
}

// among returns those of users who have a device on this node.
func (c *presence) among(users []uuid.UUID, now time.Time) []uuid.UUID {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := []uuid.UUID{}
	for _, user := range users {
		if p := c.people[user]; p != nil && p.here(now).online {
			found = append(found, user)
		}
	}
	return found
}

// size returns how many people have a device on this node.
func (c *presence) size(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, p := range c.people {
		if p.here(now).online {
			n++
		}
	}
	return n
}

// again has the friends of a person told again, not before an instant.
func (c *presence) again(user uuid.UUID, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.people[user] == nil {
		return // their friends know nothing
	}
	p := c.of(user)
	p.force, p.tellAt = true, at
}

// watched returns what is watched by devices of this node.
func (c *presence) watched() map[string][]uuid.UUID {
	c.mu.Lock()
	defer c.mu.Unlock()
	by := map[string][]uuid.UUID{}
	for user, p := range c.people {
		for _, d := range p.devices {
			if d.watching != "" && !slices.Contains(by[d.watching], user) {
				by[d.watching] = append(by[d.watching], user)
			}
		}
	}
	return by
}

// untold takes back that friends were told, and has it tried again at an instant.
func (c *presence) untold(t telling, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.of(t.user)
	p.told, p.force, p.tellAt, p.rested = t.was, t.force, at, at
}
