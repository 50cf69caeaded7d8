package turn

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/pion/turn/v5"
)

var (
	errNoRoom    = errors.New("no room for another relay")
	errNoRelay   = errors.New("no relays of this kind")
	errTransport = errors.New("relays are for UDP alone")
)

// relays makes the relays and knows those that are open. The library has it as its
// RelayAddressGenerator.
type relays struct {
	cfg     Config
	metrics *metrics
	listen  []netip.AddrPort // of the server itself
	local   []netip.Addr     // of this machine
	unread  sync.WaitGroup   // relays whose reader has not ended

	mu      sync.Mutex
	ports   map[uint16]*relay // guarded by mu
	users   map[string]int    // guarded by mu; relays of each
	clients map[string]*relay // guarded by mu; by their owner's connection
}

func newRelays(cfg Config, m *metrics, p *peers, listen []netip.AddrPort) *relays {
	return &relays{
		cfg: cfg, metrics: m, listen: listen, local: p.host,
		ports: map[uint16]*relay{}, users: map[string]int{}, clients: map[string]*relay{},
	}
}

// Validate has nothing to add to Config.validate.
func (*relays) Validate() error { return nil }

// AllocatePacketConn opens a relay for conf.UserID, which is the whole user name.
func (t *relays) AllocatePacketConn(conf turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	user, expires, ok := parseUsername(conf.UserID)
	if !ok || conf.RequestedPort != 0 { // pairs of ports are of no use to WebRTC
		t.metrics.rejected("ports")
		return nil, nil, errNoRelay
	}
	public, ok := t.public(conf.Network)
	if !ok {
		t.metrics.rejected("ports")
		return nil, nil, errNoRelay
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full(user) != "" {
		return nil, nil, errNoRoom
	}
	conn, port, err := t.bind(conf.Network, public)
	if err != nil {
		t.metrics.rejected("ports")
		return nil, nil, err
	}
	r := &relay{
		UDPConn: conn,
		table:   t,
		public:  netip.AddrPortFrom(public, port),
		user:    user,
		name:    conf.UserID,
		expires: expires,
		opened:  t.cfg.Now(),
		peers:   map[netip.Addr]struct{}{},
	}
	t.ports[port] = r
	t.users[user]++
	t.unread.Add(1)
	t.metrics.relays.Inc()
	t.metrics.opened.Inc()
	r.prolong(t.cfg.Lifetime)
	return r, net.UDPAddrFromAddrPort(r.public), nil
}

// AllocateListener refuses relays over TCP (RFC 6062), which WebRTC has no use for.
func (t *relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	t.metrics.rejected("transport")
	return nil, nil, errTransport
}

// AllocateConn refuses connections to peers over TCP.
func (t *relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) {
	t.metrics.rejected("transport")
	return nil, errTransport
}

// room reports whether user may have one more relay.
func (t *relays) room(user string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	reason := t.full(user)
	if reason != "" {
		t.metrics.rejected(reason)
	}
	return reason == ""
}

func (t *relays) full(user string) string {
	switch {
	case t.users[user] >= t.cfg.MaxRelaysPerUser:
		return "user_relays"
	case len(t.ports) >= t.cfg.MaxRelays:
		return "relays"
	}
	return ""
}

func (t *relays) public(network string) (netip.Addr, bool) {
	i := slices.IndexFunc(t.cfg.PublicIPs, func(ip netip.Addr) bool { return ip.Is4() == (network == "udp4") })
	if i < 0 {
		return netip.Addr{}, false
	}
	return t.cfg.PublicIPs[i], true
}

// bind opens a socket on one of the ports for relays that nobody can guess: at the
// public address if this machine has it, else at all of them.
func (t *relays) bind(network string, public netip.Addr) (*net.UDPConn, uint16, error) {
	at := public
	if !slices.Contains(t.local, at) {
		at = netip.IPv4Unspecified()
		if network == "udp6" {
			at = netip.IPv6Unspecified()
		}
	}
	n := int(t.cfg.MaxPort) - int(t.cfg.MinPort) + 1
	first := rand.N(n)
	err := errNoRoom
	for i, tried := 0, 0; i < n && tried < 32; i++ {
		port := t.cfg.MinPort + uint16((first+i)%n)
		if t.ports[port] != nil {
			continue
		}
		tried++
		var conn *net.UDPConn
		if conn, err = net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, port))); err == nil {
			return conn, port, nil
		}
	}
	return nil, 0, err
}

// route returns where a packet for a peer goes. At the addresses of this server that
// are other relays and nothing else, and those are reached from within: whatever
// stands in front of it may not send packets back to where they came from.
func (t *relays) route(to netip.AddrPort) (netip.AddrPort, bool) {
	if slices.Contains(t.listen, to) {
		return to, false
	}
	if !slices.Contains(t.cfg.PublicIPs, to.Addr()) {
		return to, true
	}
	t.mu.Lock()
	r := t.ports[to.Port()]
	t.mu.Unlock()
	if r == nil || r.public != to {
		return to, within(t.cfg.AllowNetworks, to.Addr())
	}
	return r.inside(), true
}

// inside returns where a relay is reached from this machine.
func (r *relay) inside() netip.AddrPort {
	at, _ := addrPort(r.LocalAddr())
	switch at.Addr() {
	case netip.IPv4Unspecified():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	case netip.IPv6Unspecified():
		return netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
	}
	return at
}

// origin returns the address by which peers know the sender of a packet: what another
// relay sends from within comes from that relay's public address.
func (t *relays) origin(from netip.AddrPort) netip.AddrPort {
	if !from.Addr().IsLoopback() {
		return from
	}
	t.mu.Lock()
	r := t.ports[from.Port()]
	t.mu.Unlock()
	if r == nil || r.inside() != from {
		return from
	}
	return r.public
}

// own links a relay to the connection of its owner.
func (t *relays) own(client string, relayAddr net.Addr) {
	at, _ := addrPort(relayAddr)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.ports[at.Port()]
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.owner = client
		t.clients[client] = r
	}
}

// of returns the relay of a client's connection; nil if it has none.
func (t *relays) of(client string) *relay {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clients[client]
}

func (t *relays) remove(r *relay, owner string) {
	t.mu.Lock()
	delete(t.ports, r.public.Port())
	t.users[r.user]--
	if t.users[r.user] <= 0 {
		delete(t.users, r.user)
	}
	if t.clients[owner] == r {
		delete(t.clients, owner)
	}
	t.mu.Unlock()
	t.metrics.relays.Dec()
	t.cfg.Logger.LogAttrs(context.Background(), slog.LevelDebug, "relay closed",
		slog.String("user", r.user),
		slog.Duration("age", t.cfg.Now().Sub(r.opened)),
		slog.Int64("sent_bytes", r.toPeers.Load()),
		slog.Int64("received_bytes", r.fromPeers.Load()))
}

// clientKey names the connection of a client: the library keeps UDP and TCP apart.
func clientKey(a net.Addr) string { return a.Network() + " " + a.String() }
