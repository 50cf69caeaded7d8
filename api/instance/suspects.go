package instance

import (
	"net/netip"
	"sync"
	"time"
)

const (
	maxSuspects   = 1 << 16 // households remembered at a time
	maxConvicted  = 256     // that wait to be banned
	sweepSuspects = time.Second
)

// suspects counts what is reported of households, each within a window that begins
// with the first report. What it remembers is bounded: when it is full, newcomers go
// uncounted until the windows of others have ended.
type suspects struct {
	most      int
	window    time.Duration
	convicted chan conviction // for Run

	mu    sync.Mutex
	seen  map[netip.Prefix]suspect // guarded by mu
	swept time.Time                // guarded by mu
}

type suspect struct {
	since time.Time
	count int
}

// conviction is a household that is to be banned.
type conviction struct {
	network netip.Prefix
	what    string // it did
}

func newSuspects(most int, window time.Duration) *suspects {
	return &suspects{
		most: most, window: window,
		convicted: make(chan conviction, maxConvicted), seen: map[netip.Prefix]suspect{},
	}
}

// report counts one offence, and convicts where it is one too many.
func (s *suspects) report(network netip.Prefix, what string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known := s.seen[network]
	if !known && len(s.seen) >= maxSuspects && !s.sweep(now) {
		return
	}
	if !known || now.Sub(one.since) >= s.window {
		one = suspect{since: now}
	}
	one.count++
	if one.count < s.most {
		s.seen[network] = one
		return
	}
	select {
	case s.convicted <- conviction{network, what}:
		delete(s.seen, network)
	default: // with the next report, perhaps
	}
}

// sweep forgets those whose window has ended. It reports whether there is room then.
func (s *suspects) sweep(now time.Time) bool {
	if now.Sub(s.swept) < sweepSuspects {
		return false
	}
	s.swept = now
	for network, one := range s.seen {
		if now.Sub(one.since) >= s.window {
			delete(s.seen, network)
		}
	}
	return len(s.seen) < maxSuspects
}
