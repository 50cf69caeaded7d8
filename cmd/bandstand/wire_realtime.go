package main

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"bandstand/api/auth"
	"bandstand/api/limit"
	"bandstand/api/realtime"
)

// callsPerWrite is how many calls over the socket a person may make for each change
// over the REST API: a call between two people alone takes dozens to be set up.
const callsPerWrite = 4

// openSockets makes the node to which features add what they have to tell.
func (a *app) openSockets(context.Context) error {
	quota := callsPerWrite * int64(a.cfg.Limits.Users)
	var err error
	a.api.sockets, err = realtime.New(realtime.Config{
		Identity: a.api.identity, Channels: a.api.members, DB: a.api.db,
		RedisURL: a.cfg.Redis.URL.Reveal(), RedisPrefix: a.cfg.Redis.Prefix,
		Origins: a.ownOrigins(),
		Limits: realtime.Limits{
			Connections: a.cfg.Sockets.MaxConnections, PerAddress: a.cfg.Sockets.MaxPerAddress, PerUser: a.cfg.Sockets.MaxPerUser,
			Handshakes: a.cfg.Sockets.ConnectRate,
		},
		Allow: func(ctx context.Context, p auth.Principal) (time.Duration, bool) {
			state, err := a.api.counts.Count(ctx, "user sockets "+p.UserID.String(), limit.Rate{Quota: quota, Window: time.Minute})
			return state.Reset, err != nil || !state.Exceeded
		},
		Banned: func(addr netip.Addr) bool {
			_, banned := a.api.instance.Banned(addr)
			return banned
		},
		Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	a.serving = append(a.serving, a.api.sockets.Run)
	return nil
}

// ownOrigins returns the origin that people reach this server by, if it is known: a
// proxy in front may hide it from us.
func (a *app) ownOrigins() []string {
	u, err := url.Parse(a.cfg.PublicURL)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Host)}
}
