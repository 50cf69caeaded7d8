package realtime

import (
	"cmp"
	"net/netip"
	"sync"
	"time"

	"bandstand/api/rest"
)

// Limits of sockets. What is zero has the default that is named.
type Limits struct {
	Connections       int // at once on this node; 20000
	PerAddress        int // at once from one address or household; 200
	PerUser           int // at once of one person on this node; 30
	Handshakes        int // a minute from one address or household, at once or spread; 600
	Topics            int // of one socket; 64
	Waiting           int // calls of one socket that are not answered yet; 32
	MessageBytes      int // of one frame from a client; 64 KiB
	QueueBytes        int // that wait for a client before it is dropped as too slow; 256 KiB
	CommandsPerSecond int // of one socket, on average; 30
	CommandBurst      int // of one socket, at once; 90
}

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, 20_000)
	l.PerAddress = cmp.Or(l.PerAddress, 200)
	l.PerUser = cmp.Or(l.PerUser, 30)
	l.Handshakes = cmp.Or(l.Handshakes, 600)
	l.Topics = cmp.Or(l.Topics, 64)
	l.Waiting = cmp.Or(l.Waiting, 32)
	l.MessageBytes = cmp.Or(l.MessageBytes, 64<<10)
	l.QueueBytes = cmp.Or(l.QueueBytes, 256<<10)
	l.CommandsPerSecond = cmp.Or(l.CommandsPerSecond, 30)
	l.CommandBurst = cmp.Or(l.CommandBurst, 90)
	return l
}

// doors counts who is connected, from where, and who knocks.
type doors struct {
	limits Limits

	mu    sync.Mutex
	total int                 // guarded by mu
	from  map[string]*visitor // guarded by mu; by household
	swept time.Time           // guarded by mu
}

// visitor is an address or a household from which sockets come.
type visitor struct {
	inside int
	knocks float64 // lately: falls by the rate that is allowed
	last   time.Time
}

func newDoors(l Limits) *doors {
	return &doors{limits: l, from: map[string]*visitor{}}
}

var (
	errFull        = rest.Unavailable("too_many_sockets", "this server has no room for more sockets")
	errManySockets = rest.TooMany("too_many_sockets_of_address", "too many sockets from your address")
	errKnocking    = rest.TooMany("too_many_handshakes", "sockets are opened too often from your address")
)

// enter counts one more from addr, and returns what to call when it has left; or why
// there is no room.
func (d *doors) enter(addr netip.Addr, now time.Time) (leave func(), err error) {
	household := rest.Household(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	v := d.from[household]
	if v == nil {
		v = &visitor{last: now}
		d.from[household] = v
	}
	v.calm(now, d.limits.Handshakes)
	if addr.IsValid() && v.knocks > float64(d.limits.Handshakes-1) {
		return nil, rest.Later(errKnocking, time.Minute/time.Duration(d.limits.Handshakes)+time.Second)
	}
	v.knocks++
	switch {
	case d.total >= d.limits.Connections:
		return nil, rest.Later(errFull, 30*time.Second)
	case addr.IsValid() && v.inside >= d.limits.PerAddress:
		return nil, rest.Later(errManySockets, 30*time.Second)
	}
	d.total++
	v.inside++
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.total--
		v.inside--
	}), nil
}

// inside returns how many there are.
func (d *doors) inside() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total
}

// calm forgets knocks of long ago.
func (v *visitor) calm(now time.Time, perMinute int) {
	v.knocks = max(0, v.knocks-now.Sub(v.last).Minutes()*float64(perMinute))
	v.last = now
}

// sweep forgets, once a minute, from where nobody is inside and nobody knocked lately.
func (d *doors) sweep(now time.Time) {
	if now.Sub(d.swept) < time.Minute {
		return
	}
	d.swept = now
	for household, v := range d.from {
		v.calm(now, d.limits.Handshakes)
		if v.inside == 0 && v.knocks == 0 {
			delete(d.from, household)
		}
	}
}
