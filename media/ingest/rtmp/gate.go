package rtmp

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxAddresses  = 1 << 16 // remembered at a time
	failurePrice  = 5       // connections that a refused stream key counts as
	sweepInterval = time.Minute
)

// gate decides who may connect, before anything is known about them. Where there is
// no room, the one that has been there longest without publishing has to go: silent
// sockets do not keep publishers out.
type gate struct {
	cfg Config
	now func() time.Time

	mu      sync.Mutex
	total   int                    // guarded by mu
	waiting *list.List             // guarded by mu; of *visit that have yet to publish, oldest first
	addrs   map[netip.Addr]*caller // guarded by mu
	swept   time.Time              // guarded by mu
}

// visit is one connection that was let in. Its gate's mu guards it.
type visit struct {
	addr   netip.Addr
	hangUp func()        // ends it, without blocking
	place  *list.Element // in gate.waiting; nil once it publishes or has to go
	over   bool          // not counted any more
}

// caller is an address that has connected lately.
type caller struct {
	open   int     // connections
	tokens float64 // connections that it may still open
	at     time.Time
}

func newGate(cfg Config, now func() time.Time) *gate {
	return &gate{cfg: cfg, now: now, waiting: list.New(), addrs: map[netip.Addr]*caller{}, swept: now()}
}

// enter lets a connection in, which has to leave, or returns the reason why not.
// hangUp is called when it is to make room for another before it has settled; it must
// not block.
func (g *gate) enter(addr netip.Addr, hangUp func()) (v *visit, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var c *caller
	if !g.trusted(addr) {
		if c = g.caller(addr); c == nil {
			return nil, "addresses"
		}
		if c.tokens < 1 {
			return nil, "address_rate"
		}
		if c.open >= g.cfg.MaxConnectionsPerAddr && !g.shed(network(addr)) {
			return nil, "address_connections"
		}
	}
	if g.total >= g.cfg.MaxConnections && !g.shed(netip.Addr{}) {
		return nil, "connections"
	}
	if c != nil {
		c.tokens--
		c.open++
	}
	g.total++
	v = &visit{addr: addr, hangUp: hangUp}
	v.place = g.waiting.PushBack(v)
	return v, ""
}

// shed hangs up on the oldest connection that has yet to publish, of all or of one
// network. It says whether there was one.
func (g *gate) shed(of netip.Addr) bool {
	for e := g.waiting.Front(); e != nil; e = e.Next() {
		v := e.Value.(*visit) //nolint:forcetypeassert,errcheck // the list holds nothing else
		if of.IsValid() && network(v.addr) != of {
			continue
		}
		g.end(v)
		v.hangUp()
		return true
	}
	return false
}

// settle keeps a connection whose stream key is good from having to make room.
func (g *gate) settle(v *visit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unlist(v)
}

// leave says that a connection is over.
func (g *gate) leave(v *visit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.end(v)
}

// end stops counting v.
func (g *gate) end(v *visit) {
	if v.over {
		return
	}
	v.over = true
	g.unlist(v)
	g.total--
	if g.trusted(v.addr) {
		return
	}
	if c := g.addrs[network(v.addr)]; c != nil {
		c.open--
	}
}

func (g *gate) unlist(v *visit) {
	if v.place != nil {
		g.waiting.Remove(v.place)
		v.place = nil
	}
}

// failed makes an address that sent a wrong stream key wait longer.
func (g *gate) failed(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trusted(addr) {
		return
	}
	if c := g.caller(addr); c != nil {
		c.tokens = max(c.tokens-failurePrice, 0)
	}
}

// caller returns what is known about addr, brought up to date. It is nil when there
// are too many addresses to know another.
func (g *gate) caller(addr netip.Addr) *caller {
	now := g.now()
	if now.Sub(g.swept) > sweepInterval || len(g.addrs) >= maxAddresses {
		g.sweep(now)
	}
	addr = network(addr)
	c := g.addrs[addr]
	if c == nil {
		if len(g.addrs) >= maxAddresses {
			return nil
		}
		c = &caller{tokens: float64(g.cfg.ConnectBurst), at: now}
		g.addrs[addr] = c
	}
	c.tokens = g.refilled(c, now)
	c.at = now
	return c
}

func (g *gate) refilled(c *caller, now time.Time) float64 {
	burst := float64(g.cfg.ConnectBurst)
	return min(burst, c.tokens+burst*float64(now.Sub(c.at))/float64(g.cfg.ConnectEvery))
}

// sweep forgets the addresses about which there is nothing to remember.
func (g *gate) sweep(now time.Time) {
	g.swept = now
	for addr, c := range g.addrs {
		if c.open == 0 && g.refilled(c, now) >= float64(g.cfg.ConnectBurst) {
			delete(g.addrs, addr)
		}
	}
}

func (g *gate) trusted(addr netip.Addr) bool {
	for _, p := range g.cfg.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// network returns what is counted as one address: with IPv6 a host has a whole /64.
func network(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

func remoteAddr(nc net.Conn) netip.Addr {
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.IPv6Unspecified()
}
