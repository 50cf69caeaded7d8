package rtmp

import (
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

// gate decides who may connect, before anything is known about them.
type gate struct {
	cfg Config
	now func() time.Time

	mu    sync.Mutex
	total int                    // guarded by mu
	addrs map[netip.Addr]*caller // guarded by mu
	swept time.Time              // guarded by mu
}

// caller is an address that has connected lately.
type caller struct {
	open   int     // connections
	tokens float64 // connections that it may still open
	at     time.Time
}

func newGate(cfg Config, now func() time.Time) *gate {
	return &gate{cfg: cfg, now: now, addrs: map[netip.Addr]*caller{}, swept: now()}
}

// enter lets a connection in, and then returns nothing, or returns the reason why
// not. Whoever got in has to leave.
func (g *gate) enter(addr netip.Addr) (reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.cfg.MaxConnections {
		return "connections"
	}
	if g.trusted(addr) {
		g.total++
		return ""
	}
	c := g.caller(addr)
	switch {
	case c == nil:
		return "addresses"
	case c.open >= g.cfg.MaxConnectionsPerAddr:
		return "address_connections"
	case c.tokens < 1:
		return "address_rate"
	}
	c.tokens--
	c.open++
	g.total++
	return ""
}

func (g *gate) leave(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.trusted(addr) {
		return
	}
	if c := g.addrs[network(addr)]; c != nil {
		c.open--
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
