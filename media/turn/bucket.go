package turn

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// bucket holds what may still be spent: rate a second, burst at once.
type bucket struct {
	tokens float64
	at     time.Time
}

// take spends n if that is there.
func (b *bucket) take(now time.Time, n, rate, burst float64) bool {
	if b.at.IsZero() {
		b.tokens = burst
	} else if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(b.tokens+passed.Seconds()*rate, burst)
	}
	b.at = now
	if b.tokens < n {
		return false
	}
	b.tokens -= n
	return true
}

// pace limits how many requests an address may make. It has a fixed number of
// buckets, which addresses share by chance: forged ones cannot fill its memory.
type pace struct {
	rate, burst float64
	seed        maphash.Seed

	mu      sync.Mutex
	buckets [4096]bucket // guarded by mu
}

func newPace(perSecond int) *pace {
	return &pace{rate: float64(perSecond), burst: 2 * float64(perSecond), seed: maphash.MakeSeed()}
}

// allow reports whether addr may make one more request now.
func (p *pace) allow(addr netip.Addr, now time.Time) bool {
	i := maphash.Comparable(p.seed, household(addr)) % uint64(len(p.buckets))
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buckets[i].take(now, 1, p.rate, p.burst)
}

// household returns what counts as one address: IPv6 gives each customer a /64.
func household(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, _ := addr.Prefix(64)
		return p.Addr()
	}
	return addr
}
