package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/call"
	"bandstand/media/turn"
)

// turnTTL is how long somebody can sign in with at a TURN server: longer than a call
// takes to be set up, and a client asks again.
const turnTTL = 12 * time.Hour

// iceServers implements call.ICE.
type iceServers struct {
	stun  []string
	turn  []string          // addresses of the relay; none if there is none
	creds *turn.Credentials // for it
}

// Servers implements call.ICE.
func (s *iceServers) Servers(user uuid.UUID) (servers []call.ICEServer, expires time.Time) {
	expires = time.Now().Add(turnTTL)
	if len(s.stun) > 0 {
		servers = append(servers, call.ICEServer{URLs: s.stun})
	}
	if len(s.turn) > 0 {
		relay := call.ICEServer{URLs: s.turn}
		relay.Username, relay.Credential, expires = s.creds.For(user.String())
		servers = append(servers, relay)
	}
	return servers, expires
}

// openTURN listens for calls that need a relay, if this process is to have one, and
// returns what browsers are told.
func (a *app) openTURN(ctx context.Context) (*iceServers, error) {
	cfg := a.cfg.Calls
	ice := &iceServers{stun: cfg.STUN}
	if len(cfg.TURN.URLs) > 0 {
		ice.turn = cfg.TURN.URLs
		ice.creds = &turn.Credentials{Secret: []byte(cfg.TURN.Secret.Reveal()), TTL: turnTTL}
		return ice, nil
	}
	if cfg.TURN.Listen == "" {
		return ice, nil
	}
	secret, err := auth.DeriveKey(a.secret, "turn")
	if err != nil {
		return nil, err
	}
	ice.creds = &turn.Credentials{Secret: secret, TTL: turnTTL}
	tcp, err := a.listen(ctx, "calls.turn", cfg.TURN.Listen)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	udp, err := lc.ListenPacket(ctx, "udp", tcp.Addr().String())
	if err != nil {
		return nil, fmt.Errorf("calls.turn.listen: %w", err)
	}
	server, err := turn.NewServer(udp, []net.Listener{tcp}, turn.Config{
		Realm: a.realm(), Secret: secret, PublicIPs: cfg.TURN.PublicIPs,
		MinPort: uint16(cfg.TURN.MinPort), MaxPort: uint16(cfg.TURN.MaxPort), //nolint:gosec // validated as ports
		AllowNetworks: cfg.TURN.AllowNetworks, MaxRelays: cfg.TURN.MaxRelays, MaxBitrateBPS: int(cfg.TURN.MaxBitrate),
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("calls.turn: %w", err), udp.Close())
	}
	a.serving = append(a.serving, server.Run)
	port := netip.MustParseAddrPort(tcp.Addr().String()).Port()
	for _, ip := range cfg.TURN.PublicIPs {
		at := netip.AddrPortFrom(ip, port).String()
		ice.turn = append(ice.turn, "turn:"+at+"?transport=udp", "turn:"+at+"?transport=tcp")
	}
	return ice, nil
}

// realm is what the relay calls itself.
func (a *app) realm() string {
	if u, err := url.Parse(a.cfg.PublicURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "bandstand"
}
