package party

import (
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// How often one person may act, and write.
const (
	actsPerSecond  = 10
	actsBurst      = 10
	textsPerSecond = 2
	textsBurst     = 8
)

// pace counts what people do on this node.
type pace struct {
	mu    sync.Mutex
	acts  map[uuid.UUID]*rate.Limiter // guarded by mu
	texts map[uuid.UUID]*rate.Limiter // guarded by mu
}

func newPace() *pace {
	return &pace{acts: map[uuid.UUID]*rate.Limiter{}, texts: map[uuid.UUID]*rate.Limiter{}}
}

// allow counts an action of user; ErrTooFast if that is one too many.
func (p *pace) allow(user uuid.UUID) error { return p.take(p.acts, user, actsPerSecond, actsBurst) }

// allowText likewise counts a message.
func (p *pace) allowText(user uuid.UUID) error {
	return p.take(p.texts, user, textsPerSecond, textsBurst)
}

func (p *pace) take(of map[uuid.UUID]*rate.Limiter, user uuid.UUID, perSecond rate.Limit, burst int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := of[user]
	if l == nil {
		l = rate.NewLimiter(perSecond, burst)
		of[user] = l
	}
	if l.Allow() {
		return nil
	}
	return rest.Later(ErrTooFast, time.Second)
}

// prune forgets who has done nothing for a while.
func (p *pace) prune() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, of := range []map[uuid.UUID]*rate.Limiter{p.acts, p.texts} {
		for user, l := range of {
			if l.Tokens() >= float64(l.Burst()) {
				delete(of, user)
			}
		}
	}
}

// seekEvery is how often a seek of the same person is done.
const seekEvery = 150 * time.Millisecond

type seekKey struct{ party, user uuid.UUID }

type waitingSeek struct {
	by     auth.Principal
	to     Target
	loaded int64 // seq of the item that it is about
}

// seeks are those of the last moment.
type seeks struct {
	mu  sync.Mutex
	all map[seekKey]*lastSeek // guarded by mu
}

type lastSeek struct {
	at   time.Time
	wait *waitingSeek // behind it; nil if none
}

func newSeeks() *seeks { return &seeks{all: map[seekKey]*lastSeek{}} }

// busy reports whether the last seek was a moment ago; otherwise this one is the last.
func (s *seeks) busy(key seekKey, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.all[key]
	if last != nil && (last.wait != nil || now.Sub(last.at) < seekEvery) {
		return true
	}
	s.all[key] = &lastSeek{at: now}
	return false
}

// later has a seek wait, in the place of one that does.
func (s *seeks) later(key seekKey, w waitingSeek) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[key] == nil {
		s.all[key] = &lastSeek{}
	}
	s.all[key].wait = &w
}

// due returns the seeks that have waited long enough, and whether others still do.
func (s *seeks) due(now time.Time) (due map[seekKey]waitingSeek, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due = map[seekKey]waitingSeek{}
	for key, last := range s.all {
		switch {
		case now.Sub(last.at) < seekEvery:
			more = more || last.wait != nil
		case last.wait == nil:
			delete(s.all, key)
		default:
			due[key] = *last.wait
			last.at, last.wait = now, nil
		}
	}
	return due, more
}
