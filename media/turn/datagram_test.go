package turn_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	pion "github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/media/turn"
)

// FuzzDatagrams sends what it likes to a server and to its relay's owner's port: the
// library reads it all in goroutines of its own, where a panic would end the program.
func FuzzDatagrams(f *testing.F) {
	udp, err := (&net.ListenConfig{}).ListenPacket(f.Context(), "udp4", "127.0.0.1:0")
	require.NoError(f, err)
	srv, err := turn.NewServer(udp, nil, turn.Config{
		Realm: realm, Secret: secret, PublicIPs: []netip.Addr{loopback},
		RequestsPerSecond: 1 << 30, MaxRelays: 8, Lifetime: time.Second,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(f, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		<-done
	})
	conn, err := (&net.Dialer{}).DialContext(f.Context(), "udp4", udp.LocalAddr().String())
	require.NoError(f, err)
	f.Cleanup(func() { _ = conn.Close() })
	username, password, _ := turn.Credentials{Secret: secret, TTL: 24 * time.Hour}.For("anna")
	key := stun.MessageIntegrity(pion.GenerateAuthKey(username, realm, password))
	nonce := func() stun.Nonce {
		m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest))
		var n stun.Nonce
		_ = n.GetFrom(ask(f, conn, m.Raw))
		return n
	}()

	f.Add(uint16(stun.MethodAllocate), []byte{0, 0x19, 0, 4, 17, 0, 0, 0})
	f.Add(uint16(stun.MethodRefresh), []byte{0, 0x0d, 0, 4, 0, 0, 0, 0})
	f.Add(uint16(stun.MethodCreatePermission), []byte{0, 0x12, 0, 8, 0, 1, 0x21, 0x12, 1, 2, 3, 4})
	f.Add(uint16(stun.MethodChannelBind), []byte{0, 0x0c, 0, 4, 0x40, 0, 0, 0, 0, 0x12, 0, 8, 0, 1, 0x21, 0x12, 1, 2, 3, 4})
	f.Add(uint16(0xffff), []byte{0x40, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, method uint16, p []byte) {
		if len(p) > 1000 {
			return
		}
		if method == 0xffff {
			_, err := conn.Write(p) // as it is
			require.NoError(t, err)
		} else {
			// Signed, so that the library takes it seriously.
			m := stun.New()
			m.SetType(stun.NewType(stun.Method(method&0xfff), stun.ClassRequest))
			m.TransactionID = stun.NewTransactionID()
			m.WriteHeader()
			m.Raw = append(m.Raw, p...)
			m.Length = uint32(len(p))
			for len(m.Raw)%4 != 0 {
				m.Raw = append(m.Raw, 0)
				m.Length++
			}
			m.WriteLength()
			for _, s := range []stun.Setter{stun.NewUsername(username), stun.NewRealm(realm), nonce, key} {
				if err := s.AddTo(m); err != nil {
					return
				}
			}
			_, err := conn.Write(m.Raw)
			require.NoError(t, err)
		}
		ask(t, conn, stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
	})
}

// ask sends a request and returns the answer to it: the server lives.
func ask(t testing.TB, conn net.Conn, request []byte) *stun.Message {
	t.Helper()
	for range 50 {
		_, err := conn.Write(request)
		require.NoError(t, err)
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		for {
			p := make([]byte, 2000)
			n, err := conn.Read(p)
			if err != nil {
				break
			}
			m := &stun.Message{Raw: p[:n]}
			if m.Decode() == nil && string(m.TransactionID[:]) == string(request[8:20]) {
				return m
			}
		}
	}
	require.Fail(t, "no answer")
	return nil
}
