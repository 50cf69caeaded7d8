package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/centrifugal/centrifuge"
	"golang.org/x/time/rate"

	"bandstand/api/auth"
)

// Welcome is what a client gets with the reply to connect.
type Welcome struct {
	User *WelcomeUser `json:"user,omitempty"` // none if not signed in
	Now  int64        `json:"now"`            // microseconds since 1970, UTC
}

// WelcomeUser is whose the socket is.
type WelcomeUser struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// connecting is centrifuge's handler for the connect command: it finds out whose the
// socket is. A token in the command comes before the cookie of the request. Without
// either the client is anybody; a token that is not good is refused, so that nobody
// takes part as anybody without knowing.
func (n *Node) connecting(ctx context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	in := arrivalOf(ctx)
	cookie := in.takeCookie()
	s := &socket{
		n: n, from: in.client,
		pace: rate.NewLimiter(rate.Limit(n.cfg.Limits.CommandsPerSecond), n.cfg.Limits.CommandBurst),
	}
	ctx = auth.WithClient(ctx, in.client)
	token, fromCookie := e.Token, false
	if token == "" {
		token, fromCookie = cookie, cookie != ""
	}
	reply := centrifuge.ConnectReply{ClientSideRefresh: true}
	credentials := &centrifuge.Credentials{}
	if token != "" {
		p, err := n.cfg.Identity.Verify(ctx, token)
		switch {
		case fromCookie && errors.Is(err, auth.ErrBadToken):
			return reply, centrifuge.ErrorTokenExpired // the page refreshes, and connects again
		case errors.Is(err, auth.ErrBadToken):
			return reply, tokenError(token, n.cfg.Now())
		case err != nil:
			n.cfg.Logger.WarnContext(ctx, "whose a socket is cannot be found out", "err", err)
			return reply, n.errorOf(ctx, errUnavailable)
		case p.Service:
			return reply, centrifuge.ErrorPermissionDenied
		}
		s.user = p
		credentials.UserID = p.UserID.String()
		switch expires, ok := auth.Expiry(token); {
		case p.Token != [16]byte{}:
			s.proof.personal = token
		case fromCookie, !ok:
		default:
			s.proof.token = true
			credentials.ExpireAt = expires.Unix()
		}
		if p.Token == [16]byte{} || slices.Contains(p.Scopes, auth.ScopeRead) {
			reply.Subscriptions = map[string]centrifuge.SubscribeOptions{userKind + p.UserID.String(): userTopic.options()}
		}
	}
	welcome, err := json.Marshal(n.welcome(s.user))
	if err != nil {
		return reply, fmt.Errorf("realtime: welcome: %w", err)
	}
	reply.Context = withSocket(ctx, s)
	reply.Credentials, reply.Data = credentials, welcome
	return reply, nil
}

func (n *Node) welcome(p auth.Principal) Welcome {
	w := Welcome{Now: n.cfg.Now().UnixMicro()}
	if p.IsUser() {
		w.User = &WelcomeUser{ID: p.UserID.String(), Name: p.Name, Role: string(p.Role)}
	}
	return w
}

// tokenError returns how a token that is not good is refused: its client gets a new one
// if it has only expired.
func tokenError(token string, now time.Time) error {
	if expires, ok := auth.Expiry(token); ok && !now.Before(expires) {
		return centrifuge.ErrorTokenExpired
	}
	return centrifuge.DisconnectInvalidToken
}

// refresh is centrifuge's handler for a new token in place of one that expires. It is
// of the same person; the connection then lasts as long as it. A connection that does
// not expire has none to replace.
func (n *Node) refresh(s *socket, e centrifuge.RefreshEvent, reply centrifuge.RefreshCallback) {
	if !s.proof.token {
		reply(centrifuge.RefreshReply{}, centrifuge.ErrorBadRequest)
		return
	}
	s.queue(func(ctx context.Context) {
		p, err := n.cfg.Identity.Verify(auth.WithClient(ctx, s.from), e.Token)
		expires, ok := auth.Expiry(e.Token)
		switch {
		case errors.Is(err, auth.ErrBadToken):
			reply(centrifuge.RefreshReply{Expired: true}, nil)
		case err != nil:
			n.cfg.Logger.WarnContext(ctx, "whose a socket is cannot be found out", "err", err)
			reply(centrifuge.RefreshReply{}, n.errorOf(ctx, errUnavailable))
		case p.Service || p.UserID != s.principal().UserID:
			reply(centrifuge.RefreshReply{}, closeOther)
		case !ok: // a personal access token
			reply(centrifuge.RefreshReply{}, centrifuge.ErrorBadRequest)
		default:
			s.mu.Lock()
			s.user = p
			s.mu.Unlock()
			reply(centrifuge.RefreshReply{ExpireAt: expires.Unix()}, nil)
		}
	}, func(err error) { reply(centrifuge.RefreshReply{}, err) })
}
