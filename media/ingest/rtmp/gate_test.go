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

// guests are the connections that a test has let in.
type guests struct {
	g    *gate
	in   []*visit
	shed []*visit
}

func (gs *guests) enter(addr string, n int) (reasons []string) {
	for range n {
		var v *visit
		var reason string
		v, reason = gs.g.enter(netip.MustParseAddr(addr), func() { gs.shed = append(gs.shed, v) })
		reasons = append(reasons, reason)
		if reason == "" {
			gs.in = append(gs.in, v)
		}
	}
	return reasons
}

// settle has every connection so far publish.
func (gs *guests) settle() {
	for _, v := range gs.in {
		gs.g.settle(v)
	}
}

func (gs *guests) leave() {
	for _, v := range gs.in {
		gs.g.leave(v)
	}
	gs.in = nil
}

func TestConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	g, now := newTestGate(nil)
	gs := &guests{g: g}
	const home, away = "192.0.2.1", "192.0.2.2"
	require.Equal(t, []string{"", "", "", ""}, gs.enter(home, 4))
	gs.settle()
	require.Equal(t, []string{"address_connections"}, gs.enter(home, 1))
	require.Equal(t, []string{""}, gs.enter(away, 1))
	gs.leave()
	require.Equal(t, []string{"", "", "", ""}, gs.enter(home, 4))
	gs.leave()
	require.Equal(t, []string{"address_rate"}, gs.enter(home, 1))
	*now = now.Add(2 * time.Second)
	require.Equal(t, []string{"", "", "address_rate"}, gs.enter(home, 3))
	require.Empty(t, gs.shed)
}

func TestTheOldestThatDoesNotPublishMakesRoom(t *testing.T) {
	t.Parallel()
	g, _ := newTestGate(func(c *Config) { c.MaxConnections = 4 })
	gs := &guests{g: g}
	require.Equal(t, []string{"", "", "", ""}, gs.enter("127.0.0.1", 4))
	g.settle(gs.in[0])
	require.Equal(t, []string{"", ""}, gs.enter("192.0.2.1", 2))
	require.Len(t, gs.shed, 2)
	require.Equal(t, gs.in[1:3], gs.shed)
	require.Equal(t, 4, g.total)
	gs.settle()
	require.Equal(t, []string{"connections"}, gs.enter("192.0.2.1", 1))
	gs.leave()
	require.Zero(t, g.total)
	require.Zero(t, g.waiting.Len())
	require.Zero(t, g.addrs[netip.MustParseAddr("192.0.2.1")].open)
}

func TestAnAddressMakesRoomForItself(t *testing.T) {
	t.Parallel()
	g, _ := newTestGate(nil)
	gs := &guests{g: g}
	gs.enter("192.0.2.2", 1)
	require.Equal(t, []string{"", "", "", "", ""}, gs.enter("192.0.2.1", 5))
	require.Equal(t, gs.in[1:2], gs.shed)
}

func TestRefusedKeysCost(t *testing.T) {
	t.Parallel()
	g, now := newTestGate(nil)
	gs := &guests{g: g}
	const addr = "192.0.2.1"
	for range 2 {
		require.Equal(t, []string{""}, gs.enter(addr, 1))
		g.failed(netip.MustParseAddr(addr))
		gs.leave()
	}
	require.Equal(t, []string{"address_rate"}, gs.enter(addr, 1))
	*now = now.Add(time.Second)
	require.Equal(t, []string{""}, gs.enter(addr, 1))
}

func TestAnIPv6HostIsItsNetwork(t *testing.T) {
	t.Parallel()
	g, _ := newTestGate(nil)
	gs := &guests{g: g}
	require.Equal(t, []string{"", ""}, gs.enter("2001:db8::1", 2))
	gs.settle()
	require.Equal(t, []string{"", ""}, gs.enter("2001:db8::ffff:2", 2))
	gs.settle()
	require.Equal(t, []string{"address_connections"}, gs.enter("2001:db8::ffff:2", 1))
	require.Equal(t, []string{""}, gs.enter("2001:db8:0:1::1", 1))
}

func TestTrustedAddressesCountOnlyInAll(t *testing.T) {
	t.Parallel()
	g, _ := newTestGate(nil)
	gs := &guests{g: g}
	for i, reason := range gs.enter("127.0.0.1", 100) {
		require.Empty(t, reason, "connection %d", i)
	}
	gs.settle()
	require.Equal(t, []string{"connections"}, gs.enter("127.0.0.1", 1))
	g.failed(netip.MustParseAddr("127.0.0.1"))
	require.Empty(t, g.addrs)
}

func TestAddressesAreForgotten(t *testing.T) {
	t.Parallel()
	g, now := newTestGate(nil)
	gs := &guests{g: g}
	gs.enter("192.0.2.1", 1)
	gs.leave()
	gs.enter("192.0.2.2", 1)
	*now = now.Add(2 * sweepInterval)
	gs.enter("192.0.2.3", 1)
	require.Len(t, g.addrs, 2, "the one connected and the one that came")
}
