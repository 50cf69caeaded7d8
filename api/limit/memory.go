package limit

import (
	"context"
	"sync"
	"time"
)

// MemoryConfig is what a Memory needs.
type MemoryConfig struct {
	MaxKeys int              // counted at a time; 65536 if zero
	Now     func() time.Time // time.Now if nil
}

// Memory counts in this process. However many keys come, it remembers MaxKeys at most,
// and among those the ones that were counted most.
type Memory struct {
	max int
	now func() time.Time

	mu     sync.Mutex
	counts map[string]*count // guarded by mu
	swept  time.Time         // guarded by mu: when those that are over were last forgotten
}

// count is how often something happened until ends.
type count struct {
	n    int64
	ends time.Time
}

const (
	// sweepEvery is how often all counts are looked at for those that are over.
	sweepEvery = 10 * time.Second
	// sampled is among how many counts the least is looked for when there is no room.
	sampled = 8
)

// NewMemory returns a Memory that has counted nothing.
func NewMemory(cfg MemoryConfig) *Memory {
	if cfg.MaxKeys == 0 {
		cfg.MaxKeys = 1 << 16
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Memory{max: cfg.MaxKeys, now: cfg.Now, counts: map[string]*count{}}
}

// Count implements Store. It never fails.
func (m *Memory) Count(_ context.Context, key string, r Rate) (State, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.swept) >= sweepEvery {
		m.sweep(now)
	}
	c, ok := m.counts[key]
	if !ok {
		if len(m.counts) >= m.max {
			m.makeRoom(now)
		}
		c = &count{}
		m.counts[key] = c
	}
	if !now.Before(c.ends) {
		*c = count{ends: now.Add(r.Window)}
	}
	c.n++
	return stateOf(r, c.n, c.ends.Sub(now)), nil
}

// sweep forgets the counts that are over. The caller holds mu.
func (m *Memory) sweep(now time.Time) {
	m.swept = now
	for key, c := range m.counts {
		if !now.Before(c.ends) {
			delete(m.counts, key)
		}
	}
}

// makeRoom forgets one count: of a few, which are any, one that is over or the least.
// So a flood of addresses does not make the busy ones forgotten. The caller holds mu.
func (m *Memory) makeRoom(now time.Time) {
	var least string
	var n int64
	looked := 0
	for key, c := range m.counts { // begins anywhere
		over := !now.Before(c.ends)
		if looked == 0 || over || c.n < n {
			least, n = key, c.n
		}
		looked++
		if over || looked == sampled {
			break
		}
	}
	delete(m.counts, least)
}

// Len returns how many keys are remembered.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.counts)
}
