package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// method is what clients call over the socket.
type method struct {
	rule auth.Rule
	call func(ctx context.Context, n *Node, s *socket, data []byte) ([]byte, error)
	now  bool // answered at once, ahead of what waits
}

// OnChannel is embedded in the parameters of methods that are about a channel, as
// auth's rule says.
type OnChannel struct {
	Channel string `json:"channel"` // slug
}

func (c OnChannel) slug() string { return c.Channel }

// Nothing is the parameter or the result of a method that has none.
type Nothing struct{}

// Handle adds a method. do has a context in the name of the caller, with
// auth.AccessOf if auth's rule for name is about a channel; In embeds OnChannel then.
// It has callWithin to answer. What a client calls is done in that order; nobody waits
// for another's. Errors are told as those of the REST API.
func Handle[In, Out any](n *Node, name string, do func(ctx context.Context, in In) (Out, error)) {
	add(n, name, false, do)
}

// HandleNow is Handle for what takes no time and asks nobody: it does not wait for
// what the same client called before.
func HandleNow[In, Out any](n *Node, name string, do func(ctx context.Context, in In) (Out, error)) {
	add(n, name, true, do)
}

func add[In, Out any](n *Node, name string, now bool, do func(ctx context.Context, in In) (Out, error)) {
	rule, ok := auth.SocketRuleOf(name)
	if !ok || strings.HasSuffix(name, ":") {
		n.wrong = append(n.wrong, fmt.Errorf("method %q has no rule", name))
	}
	var zero In
	if _, about := any(zero).(interface{ slug() string }); about != rule.NeedsChannel() {
		n.wrong = append(n.wrong, fmt.Errorf("method %q: only rules about a channel take OnChannel", name))
	}
	n.methods[name] = method{rule: rule, now: now, call: func(ctx context.Context, n *Node, s *socket, data []byte) ([]byte, error) {
		var in In
		if err := decode(data, &in); err != nil {
			return nil, err
		}
		slug := ""
		if about, ok := any(in).(interface{ slug() string }); ok {
			slug = about.slug()
		}
		if err := n.beSure(ctx, s, rule); err != nil {
			return nil, err
		}
		ctx, err := n.enter(ctx, s, rule, slug)
		if err == nil {
			err = n.count(ctx, rule)
		}
		if err != nil {
			return nil, err
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}}
}

var (
	errBadParams = rest.Invalid("bad_params", "the parameters are not those of the method")
	errNoMethod  = rest.NotFound("method_not_found", "there is no such method")
)

// decode reads the parameters of a method; none at all are empty ones.
func decode(data []byte, in any) error {
	if len(data) == 0 {
		data = []byte("{}")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return errBadParams
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errBadParams
	}
	return nil
}

// callWithin is how long a method may take.
const callWithin = 10 * time.Second

// call is centrifuge's handler for methods called by s.
func (n *Node) call(s *socket, e centrifuge.RPCEvent, reply centrifuge.RPCCallback) {
	m, ok := n.methods[e.Method]
	if !ok {
		reply(centrifuge.RPCReply{}, n.errorOf(s.client.Context(), errNoMethod))
		return
	}
	do := func(ctx context.Context) {
		start := n.cfg.Now()
		var out []byte
		err := caught(func() (err error) {
			out, err = m.call(ctx, n, s, e.Data)
			return err
		})
		n.metrics.called(e.Method, n.cfg.Now().Sub(start), err)
		if err != nil {
			reply(centrifuge.RPCReply{}, n.errorOf(ctx, err))
			return
		}
		reply(centrifuge.RPCReply{Data: out}, nil)
	}
	if m.now {
		do(s.client.Context())
		return
	}
	s.queue(do, func(err error) { reply(centrifuge.RPCReply{}, err) })
}

// enter returns a context in the name of whoever s speaks for now, and with what they
// are on the channel at slug; why they may not come in otherwise. It is the gate of the
// socket, as auth.Guard is of the REST API.
func (n *Node) enter(ctx context.Context, s *socket, rule auth.Rule, slug string) (context.Context, error) {
	p := s.principal()
	if p.Token != [16]byte{} && (rule.Scope == "" || !slices.Contains(p.Scopes, rule.Scope)) {
		if !rule.Everyone || rule.Viewers {
			return ctx, errNotYou
		}
		p = auth.Principal{} // as everyone
	}
	ctx = auth.With(auth.WithClient(withSocket(ctx, s), s.from), p)
	var access auth.Access
	if rule.NeedsChannel() {
		var err error
		if access, err = n.cfg.Channels.BySlug(ctx, p, slug); err != nil {
			return ctx, err
		}
		ctx = auth.WithAccess(ctx, access)
	}
	if !rule.Admits(p, access.Role) {
		if !p.IsUser() {
			return ctx, errNoToken
		}
		return ctx, errNotYou
	}
	return ctx, nil
}

// count counts what the person does in whose name ctx is, and returns an error if that
// is too much.
func (n *Node) count(ctx context.Context, rule auth.Rule) error {
	if rule.Everyone || n.cfg.Allow == nil {
		return nil
	}
	if retry, ok := n.cfg.Allow(ctx, auth.User(ctx)); !ok {
		return rest.Later(errTooMany, retry)
	}
	return nil
}

// beSure asks again about whoever s speaks for, if the database could not be asked when
// that was found out: as in the REST API, they may read only until it can.
func (n *Node) beSure(ctx context.Context, s *socket, rule auth.Rule) error {
	if rule.Everyone || !s.principal().Unchecked {
		return nil
	}
	p, err := n.ask(ctx, s)
	switch {
	case errors.Is(err, auth.ErrBadToken):
		s.client.Disconnect(closeSignedOut)
		return errNoToken
	case err != nil || p.Unchecked:
		return rest.Later(errUnavailable, 2*time.Second)
	}
	return nil
}

type socketKey struct{}

func withSocket(ctx context.Context, s *socket) context.Context {
	return context.WithValue(ctx, socketKey{}, s)
}

// SocketOf returns the socket that a method is called over, or a topic subscribed to;
// false in a request of the REST API.
func SocketOf(ctx context.Context) (Socket, bool) {
	s, ok := ctx.Value(socketKey{}).(*socket)
	if !ok {
		return Socket{}, false
	}
	return s.view(), true
}

// Clock is the server's time, for clients that estimate how theirs is off.
type Clock struct {
	Now int64 `json:"now"` // microseconds since 1970, UTC
}

// addClock adds the method by which clients learn the server's time.
func (n *Node) addClock() {
	HandleNow(n, "clock", func(context.Context, Nothing) (Clock, error) {
		return Clock{Now: n.cfg.Now().UnixMicro()}, nil
	})
}
