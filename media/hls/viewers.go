package hls

import (
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxViewers bounds what one stream remembers: beyond it, new viewers are served
// but not counted.
const maxViewers = 1 << 16

// maxTotal bounds how many distinct viewers one stream can tell apart.
const maxTotal = 1 << 18

// viewers remembers who asked for a media playlist, by a hash of address and
// user agent.
type viewers struct {
	seed maphash.Seed

	mu    sync.Mutex
	until map[uint64]time.Time // guarded by mu: counts as watching until then
	total map[uint64]struct{}  // guarded by mu: everyone so far
}

func newViewers() *viewers {
	return &viewers{seed: maphash.MakeSeed(), until: make(map[uint64]time.Time), total: make(map[uint64]struct{})}
}

// saw notes that the sender of r is watching until then.
func (v *viewers) saw(r *http.Request, until time.Time) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	var h maphash.Hash
	h.SetSeed(v.seed)
	_, _ = h.WriteString(host)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(r.UserAgent())
	key := h.Sum64()
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.until[key]; known || len(v.until) < maxViewers {
		v.until[key] = until
	}
	if len(v.total) < maxTotal {
		v.total[key] = struct{}{}
	}
}

// ever returns how many different ones were seen.
func (v *viewers) ever() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.total)
}

// count forgets who left and returns how many are left.
func (v *viewers) count(now time.Time) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, until := range v.until {
		if now.After(until) {
			delete(v.until, key)
		}
	}
	return len(v.until)
}
