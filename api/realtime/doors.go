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
	l.Topics = cmp.Or(l.Topics, 64)
	l.Waiting = cmp.Or(l.Waiting, 32)
	l.MessageBytes = cmp.Or(l.MessageBytes, 64<<10)
	l.QueueBytes = cmp.Or(l.QueueBytes, 256<<10)
	l.CommandsPerSecond = cmp.Or(l.CommandsPerSecond, 30)
	l.CommandBurst = cmp.Or(l.CommandBurst, 90)
	return l
}

// doors counts who is connected, from where.
type doors struct {
	limits Limits

	mu    sync.Mutex
	total int            // guarded by mu
	from  map[string]int // guarded by mu; by household
}

func newDoors(l Limits) *doors {
	return &doors{limits: l, from: map[string]int{}}
}

var (
	errFull        = rest.Unavailable("too_many_sockets", "this server has no room for more sockets")
	errManySockets = rest.TooMany("too_many_sockets_of_address", "too many sockets from your address")
)

// enter counts one more from addr, and returns what to call when it has left; or why
// there is no room.
func (d *doors) enter(addr netip.Addr) (leave func(), err error) {
	household := rest.Household(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.total >= d.limits.Connections:
		return nil, rest.Later(errFull, 30*time.Second)
	case addr.IsValid() && d.from[household] >= d.limits.PerAddress:
		return nil, rest.Later(errManySockets, 30*time.Second)
	}
	d.total++
	d.from[household]++
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.total--
		d.from[household]--
		if d.from[household] <= 0 {
			delete(d.from, household)
		}
	}), nil
}
