// Package turn relays the calls of people whose networks let nothing else through: a
// TURN server (RFC 8656), and so a STUN server, on pion/turn. It knows nobody: who
// comes with a user name and password that Credentials made with the same secret gets
// a relay, for as long as those are good.
//
// The library is kept from what strangers could do to it: what comes over TCP is read
// as whole messages here, the number of peers of a relay is limited, and errors that
// would end it do not reach it.
package turn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// Server relays packets.
type Server struct {
	cfg         Config
	credentials Credentials
	metrics     *metrics
	peers       *peers
	relays      *relays
	pace        *pace
	socket      *socket
	doors       []net.Listener

	failure chan error // why a listener has ended

	streams sync.WaitGroup // connections that the library has
	mu      sync.Mutex
	conns   map[string]*stream // guarded by mu; by clientKey
	homes   map[netip.Addr]int // guarded by mu; connections of each address
	closing bool               // guarded by mu
}

// NewServer returns a Server that takes clients from udp, and from each of tcp, which
// may speak TLS, once Run is called. It owns them from then on. A bad cfg is an error,
// and then they stay the caller's.
func NewServer(udp net.PacketConn, tcp []net.Listener, cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	s := &Server{
		cfg:         cfg,
		credentials: Credentials{Secret: cfg.Secret, Now: cfg.Now},
		metrics:     newMetrics(cfg.Registerer),
		peers:       newPeers(cfg),
		pace:        newPace(cfg.RequestsPerSecond),
		doors:       tcp,
		failure:     make(chan error, 1+len(tcp)),
		conns:       map[string]*stream{},
		homes:       map[netip.Addr]int{},
	}
	listen := []net.Addr{udp.LocalAddr()}
	for _, ln := range tcp {
		listen = append(listen, ln.Addr())
	}
	s.relays = newRelays(cfg, s.metrics, s.peers, s.ownPorts(listen))
	s.socket = newSocket(udp, s)
	return s, nil
}

// ownPorts returns every address at which the server itself may be reached.
func (s *Server) ownPorts(listen []net.Addr) []netip.AddrPort {
	var own []netip.AddrPort
	for _, a := range listen {
		at, ok := addrPort(a)
		if !ok {
			continue
		}
		own = append(own, at)
		for _, addr := range slices.Concat(s.cfg.PublicIPs, s.peers.host) {
			own = append(own, netip.AddrPortFrom(addr, at.Port()))
		}
	}
	return own
}

// Run serves until ctx ends, then ends all relays and returns nil when the last has
// gone. Any other return means that people cannot connect.
func (s *Server) Run(ctx context.Context) error {
	lib, err := turn.NewServer(s.library())
	if err != nil {
		_ = s.socket.Close()
		s.closeDoors()
		return fmt.Errorf("turn: %w", err)
	}
	var cause error
	select {
	case <-ctx.Done():
	case <-s.socket.over:
		cause = errors.New("turn: the UDP socket was closed")
	case err := <-s.failure:
		cause = fmt.Errorf("turn: accept: %w", err)
	}
	s.hangUp() // before the library ends their relays by itself
	s.streams.Wait()
	_ = lib.Close()
	<-s.socket.over
	s.relays.unread.Wait()
	return cause
}

// library returns what the library is to do.
func (s *Server) library() turn.ServerConfig {
	cfg := turn.ServerConfig{
		Realm:              s.cfg.Realm,
		AuthHandler:        s.authenticate,
		QuotaHandler:       s.quota,
		AllocationLifetime: s.cfg.Lifetime,
		// Without an address of IPv6 those who come by it get relays of IPv4.
		StrictAddressFamily: !slices.ContainsFunc(s.cfg.PublicIPs, netip.Addr.Is6),
		LoggerFactory:       silence{},
		EventHandler: turn.EventHandler{
			OnAuth:              s.authenticated,
			OnAllocationCreated: s.opened,
			OnAllocationDeleted: s.deleted,
			OnChannelCreated: func(src, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
				if r := s.relays.of(clientKey(src)); r != nil && !r.channel(1) {
					s.metrics.rejected("peers")
					r.kill()
				}
			},
			OnChannelDeleted: func(src, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) {
				if r := s.relays.of(clientKey(src)); r != nil {
					r.channel(-1)
				}
			},
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: s.socket, RelayAddressGenerator: s.relays, PermissionHandler: s.permit,
		}},
	}
	for _, ln := range s.doors {
		cfg.ListenerConfigs = append(cfg.ListenerConfigs, turn.ListenerConfig{
			Listener: &door{Listener: ln, s: s}, RelayAddressGenerator: s.relays, PermissionHandler: s.permit,
		})
	}
	return cfg
}

// authenticate returns the key that a message has to be signed with. The user that
// the library knows is the whole name: one relay, one time at which it ends.
func (s *Server) authenticate(ra *turn.RequestAttributes) (string, []byte, bool) {
	_, expires, ok := parseUsername(ra.Username)
	if !ok || ra.Realm != s.cfg.Realm {
		s.metrics.rejected("username")
		return "", nil, false
	}
	if !s.cfg.Now().Before(expires) {
		s.metrics.rejected("expired")
		return "", nil, false
	}
	return ra.Username, s.credentials.key(ra.Username, ra.Realm), true
}

// authenticated hears which requests were signed as they should be.
func (s *Server) authenticated(src, _ net.Addr, _, username, _, method string, ok bool) {
	if !ok {
		s.metrics.rejected("credentials")
		return
	}
	if method != stun.MethodRefresh.String() {
		return
	}
	if r := s.relays.of(clientKey(src)); r != nil && r.name == username {
		r.prolong(s.cfg.Lifetime)
	}
}

func (s *Server) quota(username, _ string, _ net.Addr) bool {
	user, _, ok := parseUsername(username)
	return ok && s.relays.room(user)
}

// permit decides whether a client may send to a peer.
func (s *Server) permit(client net.Addr, ip net.IP) bool {
	peer, ok := netip.AddrFromSlice(ip)
	if !ok || !s.peers.allow(peer) {
		s.metrics.rejected("peer")
		return false
	}
	r := s.relays.of(clientKey(client))
	if r == nil {
		return false
	}
	if !r.grant(peer.Unmap()) {
		s.metrics.rejected("peers")
		return false
	}
	return true
}

func (s *Server) opened(src, _ net.Addr, _, _, _ string, relayAddr net.Addr, _ int) {
	key := clientKey(src)
	s.relays.own(key, relayAddr)
	if c := s.conn(key); c != nil {
		c.settle(s.cfg.Lifetime + time.Minute)
	}
}

func (s *Server) deleted(src, _ net.Addr, _, _, _ string) {
	if c := s.conn(clientKey(src)); c != nil {
		c.unsettle()
	}
}

func (s *Server) conn(key string) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[key]
}

func (s *Server) failed(err error) {
	select {
	case s.failure <- err:
	default:
	}
}

func (s *Server) closeDoors() {
	for _, ln := range s.doors {
		_ = ln.Close()
	}
}

// hangUp ends all connections, and lets in no more.
func (s *Server) hangUp() {
	s.mu.Lock()
	s.closing = true
	conns := slices.Collect(maps.Values(s.conns))
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Conn.Close()
	}
}

// silence is a logger for the library, which would log what strangers send, packet by
// packet.
type silence struct{}

func (silence) NewLogger(string) logging.LeveledLogger { return silence{} }

func (silence) Trace(string)          {}
func (silence) Tracef(string, ...any) {}
func (silence) Debug(string)          {}
func (silence) Debugf(string, ...any) {}
func (silence) Info(string)           {}
func (silence) Infof(string, ...any)  {}
func (silence) Warn(string)           {}
func (silence) Warnf(string, ...any)  {}
func (silence) Error(string)          {}
func (silence) Errorf(string, ...any) {}
