package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	liveRoot  = "/live/"
	aliasRoot = "/hls-live/"
	alias     = ".m3u8"

	// tokenMark begins the element of a path that is a token. No channel and no
	// rendition has such a name.
	tokenMark = "~"

	// complainEvery is how often the log is told that nobody knows what is private.
	complainEvery = time.Minute
)

// ErrExpired is what Verify says of a token that was good once.
var ErrExpired = errors.New("access: the token has expired")

// Config is what a Handler needs. Fields without a default are required.
type Config struct {
	// Private reports whether a channel may be watched with a token only. It gets
	// whatever stands in the path, and is asked with every request: it must be cheap.
	// A channel that does not exist is not private. An error means "cannot tell": then
	// channels that were private the last time stay so, and all others are open, so
	// that streams go on while nobody can be asked.
	Private func(ctx context.Context, channel string) (bool, error)

	// Verify returns nil if the token opens the channel now, ErrExpired (wrapped
	// perhaps) if it did once, and any other error if it never did.
	Verify func(channel, token string) error

	Next       http.Handler // serves playlists and media by paths without tokens
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now if nil
}

func (c *Config) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Private": c.Private == nil, "Verify": c.Verify == nil, "Next": c.Next == nil,
		"Logger": c.Logger == nil, "Registerer": c.Registerer == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", name))
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return errors.Join(errs...)
}

// Handler lets requests through to playlists and media. It is safe for concurrent use.
type Handler struct {
	cfg     Config
	metrics *metrics

	mu         sync.Mutex                          // held to change private
	private    atomic.Pointer[map[string]struct{}] // channels that were private the last time; never changed but replaced
	complained atomic.Int64                        // when the log was last told, in Unix nanoseconds
}

// New returns a Handler.
func New(cfg Config) (*Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	h := &Handler{cfg: cfg, metrics: m}
	h.private.Store(&map[string]struct{}{})
	return h, nil
}

// Path returns where the multivariant playlist of a channel is for who has token.
// Without one it is where everybody finds it.
func Path(channel, token string) string {
	if token == "" {
		return liveRoot + url.PathEscape(channel) + "/index.m3u8"
	}
	return liveRoot + url.PathEscape(channel) + "/" + tokenMark + url.PathEscape(token) + "/index.m3u8"
}

// ServeHTTP implements http.Handler. What is not private goes to the next handler
// with the ResponseWriter as it is.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := parse(r.URL.Path)
	if !ok {
		h.cfg.Next.ServeHTTP(w, r)
		return
	}
	// A preflight tells nothing but what may be asked for.
	if r.Method != http.MethodOptions && h.isPrivate(r.Context(), a.channel) {
		if why := h.check(a); why != nil {
			h.refuse(w, why)
			return
		}
		w.Header()["Cache-Control"] = onlyPrivate // if the next handler says nothing
		w = &privately{ResponseWriter: w}
	}
	if a.token != "" {
		if a.alias {
			h.lead(w, r, a)
			return
		}
		r = at(r, a.path)
	}
	h.cfg.Next.ServeHTTP(w, r)
}

// isPrivate asks whether a channel is private, and remembers those that are.
func (h *Handler) isPrivate(ctx context.Context, channel string) bool {
	private, err := h.cfg.Private(ctx, channel)
	_, before := (*h.private.Load())[channel]
	switch {
	case err != nil:
		h.complain(ctx, err)
		return before
	case private != before:
		h.remember(strings.Clone(channel), private)
	}
	return private
}

// remember notes whether a channel is private. That changes seldom.
func (h *Handler) remember(channel string, private bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := maps.Clone(*h.private.Load())
	if private {
		known[channel] = struct{}{}
	} else {
		delete(known, channel)
	}
	h.private.Store(&known)
}

// complain logs, now and then, that Private cannot tell.
func (h *Handler) complain(ctx context.Context, err error) {
	h.metrics.unknown.Inc()
	now, last := h.cfg.Now(), h.complained.Load()
	if ctx.Err() != nil || now.Sub(time.Unix(0, last)) < complainEvery || !h.complained.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	h.cfg.Logger.WarnContext(ctx, "nobody knows which channels are private: as the last time", "err", err)
}

// check returns why a does not open its channel; nil if it does.
func (h *Handler) check(a address) *refusal {
	if a.token == "" {
		return &noToken
	}
	switch err := h.cfg.Verify(a.channel, a.token); {
	case err == nil:
		return nil
	case errors.Is(err, ErrExpired):
		return &expired
	}
	return &badToken
}

// lead sends a player from the short address to that on which all others stand.
func (h *Handler) lead(w http.ResponseWriter, r *http.Request, a address) {
	to := Path(a.channel, a.token)
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Cache-Control", "private, no-cache")
	header.Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// address is what a path says.
type address struct {
	channel string
	token   string // empty if there is none
	alias   bool   // below aliasRoot
	path    string // without the token; only if there is one
}

// parse reads a path as the handler of playlists and media does; false if it names
// no channel.
func parse(path string) (address, bool) {
	if rest, ok := strings.CutPrefix(path, liveRoot); ok {
		channel, file, _ := strings.Cut(rest, "/")
		a := address{channel: channel}
		if marked, ok := strings.CutPrefix(file, tokenMark); ok {
			token, file, _ := strings.Cut(marked, "/")
			a.token, a.path = token, liveRoot+channel+"/"+file
		}
		return a, true
	}
	rest, ok := strings.CutPrefix(path, aliasRoot)
	if !ok {
		return address{}, false
	}
	rest, _ = strings.CutSuffix(rest, alias)
	channel, file, _ := strings.Cut(rest, "/")
	a := address{channel: channel, alias: true}
	if token, ok := strings.CutPrefix(file, tokenMark); ok {
		a.token = token
	}
	return a, true
}

// at returns r as a request for path. The request that the server has stays as it is.
func at(r *http.Request, path string) *http.Request {
	other, where := *r, *r.URL
	where.Path, where.RawPath = path, ""
	other.URL = &where
	return &other
}
