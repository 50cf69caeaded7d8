package turn_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	pion "github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"bandstand/media/turn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const realm = "bandstand.test"

var (
	secret   = []byte("a secret of the test, long enough")
	loopback = netip.MustParseAddr("127.0.0.1")
)

// server is a Server that runs, on loopback.
type server struct {
	Addr     net.Addr // of UDP
	TCP      net.Addr
	registry *prometheus.Registry
	ahead    atomic.Int64 // how much later it is for the server
	stop     func()
}

func startServer(t *testing.T, change func(*turn.Config)) *server {
	t.Helper()
	udp, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{Addr: udp.LocalAddr(), TCP: tcp.Addr(), registry: prometheus.NewRegistry()}
	cfg := turn.Config{
		Realm:         realm,
		Secret:        secret,
		PublicIPs:     []netip.Addr{loopback},
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Now:           func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		Logger:        slog.New(slog.DiscardHandler),
		Registerer:    s.registry,
	}
	if change != nil {
		change(&cfg)
	}
	srv, err := turn.NewServer(udp, []net.Listener{tcp}, cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	s.stop = func() {
		cancel()
		require.NoError(t, <-done)
		require.Zero(t, s.metric(t, "bandstand_turn_relays"))
		require.Zero(t, s.metric(t, "bandstand_turn_connections"))
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// metric returns the sum of what a metric says, of one label's value or of all.
func (s *server) metric(t *testing.T, name string, label ...string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if len(label) > 0 && m.GetLabel()[0].GetValue() != label[0] {
				continue
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

func (s *server) rejected(t *testing.T, reason string) float64 {
	return s.metric(t, "bandstand_turn_rejected_total", reason)
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 20*time.Second, 5*time.Millisecond)
}

// client returns a client of s who is user, over UDP or "tcp".
func (s *server) client(t *testing.T, network, user string) *pion.Client {
	t.Helper()
	username, password, _ := turn.Credentials{Secret: secret, TTL: time.Hour}.For(user)
	return s.clientAs(t, network, username, password)
}

func (s *server) clientAs(t *testing.T, network, username, password string) *pion.Client {
	t.Helper()
	var conn net.PacketConn
	server := s.Addr
	if network == "tcp" {
		server = s.TCP
		nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", s.TCP.String())
		require.NoError(t, err)
		conn = pion.NewSTUNConn(nc)
	} else {
		var err error
		conn, err = (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
		require.NoError(t, err)
	}
	c, err := pion.NewClient(&pion.ClientConfig{
		STUNServerAddr: server.String(), TURNServerAddr: server.String(),
		Username: username, Password: password, Realm: realm, Conn: conn,
	})
	require.NoError(t, err)
	require.NoError(t, c.Listen())
	t.Cleanup(func() {
		c.Close()
		_ = conn.Close()
	})
	return c
}

// relay returns a new relay of c.
func relay(t *testing.T, c *pion.Client) net.PacketConn {
	t.Helper()
	pc, err := c.Allocate()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// carries sends text from one end to another until it arrives.
func carries(t *testing.T, from, to net.PacketConn, dst net.Addr) net.Addr {
	t.Helper()
	text := []byte(rand.Text())
	var src net.Addr
	eventually(t, func() bool {
		if _, err := from.WriteTo(text, dst); err != nil {
			return false
		}
		_ = to.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		var p [2000]byte
		n, addr, err := to.ReadFrom(p[:])
		src = addr
		return err == nil && bytes.Equal(p[:n], text)
	})
	return src
}

// listen lets packets of peer in at r, as relays do for those whom they have written to.
func listen(t *testing.T, r, peer net.PacketConn) {
	t.Helper()
	_, err := r.WriteTo([]byte("hello"), peer.LocalAddr())
	require.NoError(t, err)
}

func plainPeer(t *testing.T) net.PacketConn {
	t.Helper()
	pc, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

func TestTwoPeopleMeetThroughTheirRelays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ network, public string }{
		"over UDP":            {"udp", "127.0.0.1"},
		"one of them by TCP":  {"tcp", "127.0.0.1"},
		"on a machine in NAT": {"udp", "203.0.113.7"}, // which nothing here would bring back
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, func(c *turn.Config) {
				c.AllowNetworks = nil
				c.PublicIPs = []netip.Addr{netip.MustParseAddr(tt.public)}
			})
			anna, ben := relay(t, s.client(t, tt.network, "anna")), relay(t, s.client(t, "udp", "ben"))
			require.Equal(t, tt.public, anna.LocalAddr().(*net.UDPAddr).IP.String())
			listen(t, ben, anna)
			require.Equal(t, anna.LocalAddr().String(), carries(t, anna, ben, ben.LocalAddr()).String())
			carries(t, ben, anna, anna.LocalAddr())
			require.Positive(t, s.metric(t, "bandstand_turn_relayed_bytes_total", "peer"))
		})
	}
}

func TestServerTellsPeopleTheirAddress(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	addr, err := s.client(t, "udp", "anna").SendBindingRequest()
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", addr.(*net.UDPAddr).IP.String())
}

func TestPeersOfTheInsideAreDenied(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(c *turn.Config) { c.AllowNetworks = nil })
	r := relay(t, s.client(t, "udp", "anna"))
	for _, ip := range []string{"10.0.0.1", "127.0.0.2", "169.254.169.254", "224.0.0.1"} {
		_, err := r.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.ParseIP(ip), Port: 80})
		require.Error(t, err, ip)
	}
	require.GreaterOrEqual(t, s.rejected(t, "peer"), 4.0)
}

// The address of the server is allowed, because other relays are there. Nothing else
// on it is.
func TestServerItselfIsNoPeer(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(c *turn.Config) { c.AllowNetworks = nil })
	r := relay(t, s.client(t, "udp", "anna"))
	neighbour := plainPeer(t)
	for _, at := range []net.Addr{neighbour.LocalAddr(), s.Addr} {
		before := s.metric(t, "bandstand_turn_packets_dropped_total", "own_port")
		eventually(t, func() bool {
			_, err := r.WriteTo([]byte("hello"), at)
			return err == nil && s.metric(t, "bandstand_turn_packets_dropped_total", "own_port") > before
		})
	}
	_ = neighbour.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, _, err := neighbour.ReadFrom(make([]byte, 100))
	require.Error(t, err)
}

func TestWrongCredentialsGetNoRelay(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	now := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	oldName, oldPassword, _ := turn.Credentials{Secret: secret, TTL: time.Hour, Now: now}.For("anna")
	name, password, _ := turn.Credentials{Secret: secret, TTL: time.Hour}.For("anna")
	_, foreign, _ := turn.Credentials{Secret: []byte("another secret that is long"), TTL: time.Hour}.For("anna")
	tests := map[string]struct{ username, password, reason string }{
		"expired":        {oldName, oldPassword, "expired"},
		"made longer":    {"9" + oldName[1:], oldPassword, "credentials"},
		"another user":   {name[:len(name)-4] + "otto", password, "credentials"},
		"another secret": {name, foreign, "credentials"},
		"no colon":       {"anna", password, "username"},
		"no user":        {"1777640400:", password, "username"},
	}
	for name, tt := range tests {
		before := s.rejected(t, tt.reason)
		_, err := s.clientAs(t, "udp", tt.username, tt.password).Allocate()
		require.Error(t, err, name)
		require.Greater(t, s.rejected(t, tt.reason), before, name)
	}
	require.Zero(t, s.metric(t, "bandstand_turn_relays_opened_total"))
}

func TestRelayEndsWithItsCredentials(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	username, password, _ := turn.Credentials{Secret: secret, TTL: time.Hour}.For("anna")
	s.ahead.Store(int64(time.Hour - 2*time.Second)) // as late as can be
	relay(t, s.clientAs(t, "udp", username, password))
	require.Positive(t, s.metric(t, "bandstand_turn_relays"))
	eventually(t, func() bool { return s.metric(t, "bandstand_turn_relays") == 0 })
}

func TestRelayEndsUnlessItsOwnerAsksForMore(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(c *turn.Config) { c.Lifetime = time.Second })
	r := relay(t, s.client(t, "udp", "anna")) // refreshes each half of a lifetime
	relay(t, s.client(t, "tcp", "otto")).Close()
	peer := plainPeer(t)
	eventually(t, func() bool { return s.metric(t, "bandstand_turn_relays") == 1 })
	end := time.Now().Add(1500 * time.Millisecond)
	eventually(t, func() bool { return time.Now().After(end) })
	carries(t, r, peer, peer.LocalAddr())
	_ = r.Close()
	eventually(t, func() bool { return s.metric(t, "bandstand_turn_relays") == 0 })
}

func TestNumberOfRelaysIsLimited(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(c *turn.Config) { c.MaxRelaysPerUser, c.MaxRelays = 2, 3 })
	relay(t, s.client(t, "udp", "anna"))
	again := relay(t, s.client(t, "tcp", "anna"))
	_, err := s.client(t, "udp", "anna").Allocate()
	require.ErrorContains(t, err, "486")
	relay(t, s.client(t, "udp", "ben"))
	_, err = s.client(t, "udp", "carl").Allocate()
	require.ErrorContains(t, err, "486")
	require.Equal(t, 1.0, s.rejected(t, "user_relays"))
	require.Equal(t, 1.0, s.rejected(t, "relays"))

	_ = again.Close()
	eventually(t, func() bool { return s.metric(t, "bandstand_turn_relays") == 2 })
	relay(t, s.client(t, "udp", "carl"))
}

func TestBitrateOfARelayIsLimited(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(c *turn.Config) { c.MaxBitrateBPS = 80_000 })
	r, peer := relay(t, s.client(t, "udp", "anna")), plainPeer(t)
	carries(t, r, peer, peer.LocalAddr())
	big := make([]byte, 1000)
	eventually(t, func() bool {
		_, err := r.WriteTo(big, peer.LocalAddr())
		return err == nil && s.metric(t, "bandstand_turn_packets_dropped_total", "bitrate") >= 10
	})
	require.Less(t, s.metric(t, "bandstand_turn_relayed_bytes_total"), 1e6)
	carries(t, peer, r, r.LocalAddr()) // again when it has calmed down
}

func TestConnectionsOfAnAddressAreLimited(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(c *turn.Config) { c.MaxConnectionsPerAddr = 3 })
	for range 3 {
		nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", s.TCP.String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = nc.Close() })
	}
	eventually(t, func() bool { return s.metric(t, "bandstand_turn_connections") == 3 })
	nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", s.TCP.String())
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Read(make([]byte, 1))
	require.Error(t, err)
	require.Equal(t, 1.0, s.rejected(t, "address_connections"))
}

// Whatever strangers send, a call goes on beside it.
func TestGarbageDisturbsNobody(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	anna, ben := relay(t, s.client(t, "udp", "anna")), relay(t, s.client(t, "tcp", "ben"))
	listen(t, ben, anna)
	carries(t, anna, ben, ben.LocalAddr())

	flood, err := (&net.Dialer{}).DialContext(t.Context(), "udp4", s.Addr.String())
	require.NoError(t, err)
	defer flood.Close()
	binding := []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	for i := range 20_000 {
		p := make([]byte, i%200)
		_, _ = rand.Read(p)
		if i%2 == 0 {
			copy(p, binding[:min(len(p), 8)]) // almost a message
		}
		_, _ = flood.Write(p)
	}
	for range 20_000 {
		_, _ = flood.Write(binding)
	}
	for _, junk := range [][]byte{
		{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0, 0, 0}, // lengths that overflow 16 bits
		{0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		[]byte("GET / HTTP/1.1\r\nHost: turn\r\n\r\n"),
		bytes.Repeat([]byte{0xff}, 5000),
	} {
		nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", s.TCP.String())
		require.NoError(t, err)
		_, _ = nc.Write(junk)
		_, err = nc.Read(make([]byte, 1))
		require.Error(t, err) // hung up on
		_ = nc.Close()
	}
	require.Equal(t, 4.0, s.rejected(t, "frame"))
	eventually(t, func() bool { return s.metric(t, "bandstand_turn_packets_dropped_total", "rate") > 0 })
	carries(t, anna, ben, ben.LocalAddr())
	carries(t, ben, anna, anna.LocalAddr())
}

func TestRelayHasALimitedNumberOfPeers(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	c := s.client(t, "udp", "anna")
	relay(t, c)
	var err error
	for i := 0; err == nil && i < 300; i++ {
		err = c.CreatePermission(&net.UDPAddr{IP: net.IPv4(127, 1, byte(i>>8), byte(i)), Port: 9})
	}
	require.Error(t, err)
	require.Equal(t, 1.0, s.rejected(t, "peers"))
}

func TestServerEndsAllWithItself(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	for _, network := range []string{"udp", "tcp"} {
		relay(t, s.client(t, network, "anna"))
	}
	require.Equal(t, 2.0, s.metric(t, "bandstand_turn_relays"))
	s.stop()
	s.stop = func() {}
}

func TestBadConfigIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	_, err := turn.NewServer(nil, nil, turn.Config{Secret: []byte("short"), MinPort: 5, MaxRelays: -1})
	for _, part := range []string{"Realm", "Secret", "PublicIPs", "MinPort", "Logger", "Registerer", "negative"} {
		require.ErrorContains(t, err, part)
	}
}
