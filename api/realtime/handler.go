package realtime

import (
	"context"
	"encoding/json"
	"errors"
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
	cookie string // access token
}

type arrivalKey struct{}

func arrivalOf(ctx context.Context) arrival {
	a, _ := ctx.Value(arrivalKey{}).(arrival)
	return a
}

var (
	errClosed    = rest.Unavailable("not_running", "the server is starting or shutting down")
	errOrigin    = rest.Forbidden("bad_origin", "pages of this site may not connect")
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
		in := arrival{client: auth.Client{Addr: addrOf(r), UserAgent: r.UserAgent()}}
		switch {
		case !n.running.Load():
			refuse(w, rest.Later(errClosed, time.Second))
			return
		case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
			w.Header().Set("Upgrade", "websocket")
			refuse(w, errNotSocket)
			return
		case !n.fromOurs(r):
			refuse(w, errOrigin)
			return
		}
		leave, err := n.doors.enter(in.client.Addr)
		if err != nil {
			n.metrics.refused.Inc()
			refuse(w, err)
			return
		}
		defer leave()
		if cookie, err := r.Cookie(auth.AccessCookie); err == nil {
			in.cookie = cookie.Value
		}
		upgrade.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), arrivalKey{}, in)))
	})
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
	return from.Addr().Unmap()
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
