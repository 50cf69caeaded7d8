package realtime

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"

	"bandstand/api/auth"
	"bandstand/api/rest"
)

// Path is where the socket is served.
const Path = "/api/v1/ws"

// arrival is what the request for a socket told.
type arrival struct {
	client auth.Client
	cookie string // access token, until it has been looked at
}

type arrivalKey struct{}

func arrivalOf(ctx context.Context) *arrival {
	if a, ok := ctx.Value(arrivalKey{}).(*arrival); ok {
		return a
	}
	return &arrival{}
}

// takeCookie returns the access token of the cookie. It is not kept for as long as the
// socket lives, and there is one connect command.
func (a *arrival) takeCookie() string {
	cookie := a.cookie
	a.cookie = ""
	return cookie
}

var (
	errClosed    = rest.Unavailable("not_running", "the server is starting or shutting down")
	errOrigin    = rest.Forbidden("bad_origin", "pages of this site may not connect")
	errCookie    = rest.Forbidden("bad_origin", "a cookie is taken from pages of this site only: send a token in the connect command")
	errProtobuf  = rest.BadRequest("json_only", "this socket speaks JSON")
	errNotSocket = &rest.Outcome{Status: http.StatusUpgradeRequired, Code: "upgrade_required", Detail: "this is a WebSocket"}
)

// handler serves the socket. A page of another site is refused: it would come with the
// cookies of whoever looks at it. Programs that are not browsers send no Origin.
func (n *Node) handler() http.Handler {
	upgrade := centrifuge.NewWebsocketHandler(n.node, centrifuge.WebsocketConfig{
		CheckOrigin:        func(*http.Request) bool { return true }, // checked here, with a reply that says so
		ReadBufferSize:     1024,
		WriteBufferSize:    1024,
		UseWriteBufferPool: true,
		MessageSizeLimit:   n.cfg.Limits.MessageBytes,
		WriteTimeout:       5 * time.Second,
		PingPongConfig:     centrifuge.PingPongConfig{PingInterval: n.cfg.PingEvery, PongTimeout: n.cfg.PingEvery / 3},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := &arrival{client: auth.Client{Addr: addrOf(r), UserAgent: r.UserAgent()}}
		if err := n.mayCome(r, in); err != nil {
			if errors.Is(err, errNotSocket) {
				w.Header().Set("Upgrade", "websocket")
			}
			refuse(w, err)
			return
		}
		leave, err := n.doors.enter(in.client.Addr, n.cfg.Now())
		if err != nil {
			n.metrics.refused.Inc()
			refuse(w, err)
			return
		}
		guest := &guest{ResponseWriter: w, leave: leave}
		upgrade.ServeHTTP(guest, r.WithContext(context.WithValue(r.Context(), arrivalKey{}, in)))
		if !guest.hijacked {
			leave() // it was refused
		}
	})
}

// mayCome returns why r may not become a socket, and notes in in the cookie that it
// brings. Browsers name the page in Origin whenever they open a socket, so whoever
// sends a cookie without is none, and has no business with cookies.
func (n *Node) mayCome(r *http.Request, in *arrival) error {
	cookie, err := r.Cookie(auth.AccessCookie)
	hasCookie := err == nil && cookie.Value != ""
	switch {
	case !n.running.Load():
		return rest.Later(errClosed, time.Second)
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return errNotSocket
	case !n.fromOurs(r):
		return errOrigin
	case hasCookie && r.Header.Get("Origin") == "":
		return errCookie
	case wantsProtobuf(r):
		return errProtobuf
	}
	if hasCookie {
		in.cookie = cookie.Value
	}
	return nil
}

// wantsProtobuf reports whether r asks for the other encoding of centrifuge, of which
// nothing here has a need.
func wantsProtobuf(r *http.Request) bool {
	if slices.Contains(r.URL.Query()["format"], "protobuf") || slices.Contains(r.URL.Query()["cf_protocol"], "protobuf") {
		return true
	}
	return strings.Contains(strings.Join(r.Header.Values("Sec-Websocket-Protocol"), ","), "protobuf")
}

// guest is a request that becomes a connection, which is known to be gone only when
// that is closed: the handler returns before.
type guest struct {
	http.ResponseWriter

	leave    func()
	hijacked bool
}

// Hijack implements http.Hijacker.
func (g *guest) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	g.hijacked = true
	return &guestConn{conn, g.leave}, rw, nil
}

type guestConn struct {
	net.Conn

	leave func()
}

// Close implements net.Conn.
func (c *guestConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// fromOurs reports whether r comes from a page of this server or of one that is
// allowed, or from a program that is not a browser.
func (n *Node) fromOurs(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.Contains(n.cfg.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

func addrOf(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap().WithZone("")
}

// refuse replies with a problem, as the REST API does. RFC 9457.
func refuse(w http.ResponseWriter, err error) {
	o, ok := errors.AsType[*rest.Outcome](err)
	if !ok {
		o = errBusy
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if after := rest.RetryAfter(err); after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	w.WriteHeader(o.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that has left
		"type": "/api/problems/" + o.Code, "title": http.StatusText(o.Status),
		"status": o.Status, "code": o.Code, "detail": o.Detail,
	})
}
