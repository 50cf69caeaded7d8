package audience

import (
	"time"

	"github.com/google/uuid"
)

const (
	// maxSeen bounds how many crowds one broadcast tells apart over time.
	maxSeen = 1 << 18

	// restAfter is how long a broadcast is measured on when nobody takes what was.
	restAfter = 15 * time.Second

	// forgetAfter is how long it is known then who was there: publishers return.
	forgetAfter = 2 * time.Hour

	// maxMinutes bounds the minutes that nobody has taken.
	maxMinutes = 60
)

// minute is the most at one time within a minute.
type minute struct {
	at                 time.Time
	viewers, listeners int
}

// airing is the audience of one broadcast.
type airing struct {
	session   uuid.UUID
	broadcast uuid.UUID // uuid.Nil until it is known
	before    *airing   // of the session before; until it is known whether that is the same broadcast
	taken     time.Time

	seen    map[uint64]int // the most of each crowd
	total   int            // the sum of these
	unnamed int            // the most whose crowds are not known

	viewers, listeners int
	peak               int      // since it was last taken
	minutes            []minute // those not taken; the last is not over
}

// Take returns how many watch a session on a channel now, and how many of these only
// listen; the most at one time since it was last asked for; and how many different
// ones there were in its broadcast since that was first asked for. It calls each for
// all minutes since it was last asked for, in order, with the most at one time in each:
// the last one is not over, and comes again. A broadcast that is not known yet is
// uuid.Nil.
//
// A total counts of each crowd the most that there were at one time, over all sessions
// of the broadcast. When the process is new it knows nobody.
func (s *Service) Take(slug string, session, broadcast uuid.UUID, each func(at time.Time, viewers, listeners int)) (viewers, listeners, peak, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	a := s.airings[slug]
	if a == nil || a.session != session || (broadcast != uuid.Nil && a.broadcast != uuid.Nil && a.broadcast != broadcast) {
		before := a
		if before != nil {
			before.before = nil
		}
		a = &airing{session: session, before: before, seen: map[uint64]int{}}
		s.airings[slug] = a
		a.note(s.countLocked(slug, now), now)
	}
	if broadcast != uuid.Nil {
		a.belongTo(broadcast)
	}
	a.taken = now
	for _, m := range a.minutes {
		each(m.at, m.viewers, m.listeners)
	}
	if n := len(a.minutes); n > 1 {
		a.minutes = append(a.minutes[:0], a.minutes[n-1])
	}
	peak = a.peak
	a.peak = 0
	return a.viewers, a.listeners, peak, a.total + a.unnamed
}

// belongTo notes which broadcast the session is of. Those who were there in the session
// before are known if that was of the same.
func (a *airing) belongTo(broadcast uuid.UUID) {
	if before := a.before; before != nil && before.broadcast == broadcast {
		for key, most := range before.seen {
			a.saw(key, most)
		}
		a.unnamed = max(a.unnamed, before.unnamed)
	}
	a.broadcast, a.before = broadcast, nil
}

// saw notes that so many of a crowd were there.
func (a *airing) saw(key uint64, n int) {
	most, known := a.seen[key]
	if n > most && (known || len(a.seen) < maxSeen) {
		a.seen[key] = n
		a.total += n - most
	}
}

// note takes what was counted at now.
func (a *airing) note(c counted, now time.Time) {
	a.viewers, a.listeners = c.viewers, c.listeners
	a.peak = max(a.peak, c.viewers)
	for _, crowd := range c.who.named {
		a.saw(crowd.key, crowd.all)
	}
	a.unnamed = max(a.unnamed, c.who.rest.all)
	at := now.Truncate(time.Minute)
	n := len(a.minutes)
	if n == 0 || !a.minutes[n-1].at.Equal(at) {
		if n >= maxMinutes {
			a.minutes = append(a.minutes[:0], a.minutes[1:]...)
		}
		a.minutes = append(a.minutes, minute{at: at})
		n = len(a.minutes)
	}
	last := &a.minutes[n-1]
	if c.viewers > last.viewers {
		last.viewers, last.listeners = c.viewers, c.listeners
	}
}

// sample measures what is on air, and forgets what is long over.
func (s *Service) sample() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	viewers, listeners := 0, 0
	for slug, a := range s.airings {
		switch idle := now.Sub(a.taken); {
		case idle > forgetAfter:
			delete(s.airings, slug)
		case idle <= restAfter:
			delete(s.counted, slug)
			c := s.countLocked(slug, now)
			a.note(c, now)
			viewers, listeners = viewers+c.viewers, listeners+c.listeners
		}
	}
	for slug, c := range s.counted {
		if now.Sub(c.at) > time.Minute {
			delete(s.counted, slug)
		}
	}
	s.metrics.viewers.Set(float64(viewers))
	s.metrics.listeners.Set(float64(listeners))
}
