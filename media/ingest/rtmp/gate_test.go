package rtmp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newTestGate(change func(*Config)) (*gate, *time.Time) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cfg := Config{
		MaxConnections: 100, MaxConnectionsPerAddr: 4, ConnectBurst: 8, ConnectEvery: 8 * time.Second,
		Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	if change != nil {
		change(&cfg)
	}
	return newGate(cfg, func() time.Time { return now }), &now
}

func enter(g *gate, addr string, n int) (reasons []string) {
	for range n {
		reasons = append(reasons, g.enter(netip.MustParseAddr(addr)))
	}
	return reasons
}

func TestConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	g, now := newTestGate(nil)
	const home, away = "192.0.2.1", "192.0.2.2"
	require.Equal(t, []string{"", "", "", "", "address_connections"}, enter(g, home, 5))
	require.Equal(t, []string{""}, enter(g, away, 1))
	for range 4 {
		g.leave(netip.MustParseAddr(home))
	}
	require.Equal(t, []string{"", "", "", ""}, enter(g, home, 4))
	for range 4 {
		g.leave(netip.MustParseAddr(home))
	}
	require.Equal(t, []string{"address_rate"}, enter(g, home, 1))
	*now = now.Add(2 * time.Second)
	require.Equal(t, []string{"", "", "address_rate"}, enter(g, home, 3))
}

func TestRefusedKeysCost(t *testing.T) {
	t.Parallel()
	g, now := newTestGate(nil)
	addr := netip.MustParseAddr("192.0.2.1")
	for range 2 {
		require.Empty(t, g.enter(addr))
		g.failed(addr)
		g.leave(addr)
	}
	require.Equal(t, "address_rate", g.enter(addr))
	*now = now.Add(time.Second)
	require.Empty(t, g.enter(addr))
}

func TestAnIPv6HostIsItsNetwork(t *testing.T) {
	t.Parallel()
	g, _ := newTestGate(nil)
	require.Equal(t, []string{"", ""}, enter(g, "2001:db8::1", 2))
	require.Equal(t, []string{"", "", "address_connections"}, enter(g, "2001:db8::ffff:2", 3))
	require.Equal(t, []string{""}, enter(g, "2001:db8:0:1::1", 1))
}

func TestTrustedAddressesCountOnlyInAll(t *testing.T) {
	t.Parallel()
	g, _ := newTestGate(nil)
	for i, reason := range enter(g, "127.0.0.1", 101) {
		require.Equal(t, i == 100, reason == "connections", "connection %d: %q", i, reason)
	}
	g.failed(netip.MustParseAddr("127.0.0.1"))
	require.Empty(t, g.addrs)
}

func TestAddressesAreForgotten(t *testing.T) {
	t.Parallel()
	g, now := newTestGate(nil)
	enter(g, "192.0.2.1", 1)
	g.leave(netip.MustParseAddr("192.0.2.1"))
	enter(g, "192.0.2.2", 1)
	*now = now.Add(2 * sweepInterval)
	enter(g, "192.0.2.3", 1)
	require.Len(t, g.addrs, 2, "the one connected and the one that came")
}
