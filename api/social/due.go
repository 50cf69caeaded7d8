package social

import (
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// telling is that friends hear what a person is doing.
type telling struct {
	user  uuid.UUID
	was   doing // what they knew
	force bool  // though it is the same: what they may know of it has changed
}

// todo is what follows from what has happened.
type todo struct {
	say  []said      // to other nodes
	tell []telling   // to friends
	seen []uuid.UUID // of whom it is noted that they are, or were just, here
}

// tick returns what is to be done by now.
func (c *presence) tick(now time.Time) todo {
	c.mu.Lock()
	defer c.mu.Unlock()
	var do todo
	if now.Sub(c.swept) >= sweepEvery {
		c.swept = now
		c.sweep(now)
	}
	if now.Sub(c.refreshed) >= refresh {
		c.refreshed = now
		c.restate(now, &do)
	}
	for user := range c.pending {
		if c.look(user, c.people[user], now, &do) {
			delete(c.pending, user)
		}
	}
	// In one order on all nodes: rows of several people are written together.
	slices.SortFunc(do.seen, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return do
}

// look does what is to be done for one person, and reports whether that was all for
// now. mu is held.
func (c *presence) look(user uuid.UUID, p *person, now time.Time, do *todo) bool {
	waiting := false
	for id, d := range p.devices {
		switch {
		case d.left.IsZero():
		case now.Sub(d.left) >= grace:
			delete(p.devices, id)
		default:
			waiting = true
		}
	}
	own, speak := p.here(now), p.stale
	if own.doing != p.said {
		if own.online != p.said.online {
			do.seen, p.seen = append(do.seen, user), now
		}
		p.said, speak = own.doing, true
		p.sooner(now.Add(settle))
	}
	if all := p.anywhere(now); all.doing == p.told && !p.force {
		p.tellAt = time.Time{}
	} else {
		p.sooner(now.Add(c.delay))
		if now.Before(p.tellAt) || now.Before(p.rested) || len(do.tell) >= mostTold {
			waiting = true
		} else {
			do.tell = append(do.tell, telling{user, p.told, p.force})
			p.told, p.force, p.tellAt, p.rested, speak = all.doing, false, time.Time{}, now.Add(pause), true
		}
	}
	if speak {
		p.stale = false
		c.seq++
		do.say = append(do.say, sayOf(user, c.seq, own, p.told))
	}
	if !waiting && len(p.devices) == 0 && len(p.others) == 0 {
		delete(c.people, user)
	}
	return !waiting
}

// sooner has friends told at an instant if nothing else was to be told before.
func (p *person) sooner(at time.Time) {
	if p.tellAt.IsZero() || at.Before(p.tellAt) {
		p.tellAt = at
	}
}

// sweep forgets what other nodes said and did not say again. mu is held.
func (c *presence) sweep(now time.Time) {
	for user, p := range c.people {
		known := len(p.others)
		maps.DeleteFunc(p.others, func(_ string, o claim) bool { return !now.Before(o.until) })
		if len(p.others) < known {
			c.pending[user] = struct{}{}
		}
	}
}

// restate has those who are here said again to other nodes, and noted as seen. mu is held.
func (c *presence) restate(now time.Time, do *todo) {
	for user, p := range c.people {
		if !p.said.online {
			continue
		}
		p.stale = true
		c.pending[user] = struct{}{}
		if now.Sub(p.seen) >= seenEvery && len(do.seen) < mostSeen {
			do.seen, p.seen = append(do.seen, user), now
		}
	}
}
