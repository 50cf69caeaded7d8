// Package api serves the JSON API with its OpenAPI document, and hands requests
// for media and for the web client on to others.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bandstand/api/auth"
	"bandstand/api/idempotency"
	"bandstand/api/limit"
	"bandstand/api/realtime"
)

// Config is what the API needs. Fields without a default are required.
type Config struct {
	Features []Feature     // that make up the API
	Tokens   auth.Verifier // finds out who a request speaks for
	Channels *auth.Channels

	Sockets http.Handler // gets requests for realtime.Path as they are; 404 if nil

	Files map[string]http.Handler // get requests below a prefix, such as /images/; as they are

	Media         http.Handler // gets requests below MediaPrefixes as they are; 404 if nil
	MediaPrefixes []string     // /live/ and /hls-live/ if nil
	Web           http.Handler // gets GET and HEAD of everything else; 404 if nil
	MediaOrigins  []string     // other nodes' origins, from which pages of ours may play

	Ready          map[string]func(context.Context) error // checks of /readyz, by name
	TrustedProxies []netip.Prefix                         // whose X-Forwarded-For counts, for Media too
	TrustedOrigins []string                               // other origins whose pages may change things here
	PublicURL      string                                 // how people reach this server; "" if nobody knows
	RequestTimeout time.Duration                          // to serve a request; 15s if zero
	Version        string                                 // of the program; "dev" if empty

	Limits      Limits
	Counts      limit.Store        // counts for Limits; in memory if nil
	Bans        Bans               // whose requests are refused; nobody's if nil
	BanMedia    bool               // refuse them media too
	Abuse       Abuse              // hears of who goes over a limit; may be nil
	Idempotency *idempotency.Store // keeps replies to requests that may be sent again; without it none may

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Feature adds its operations to the API. Each needs a rule in auth's table of
// permissions.
type Feature func(huma.API)

// New returns the handler for everything that is served on the public listener.
// It sets no deadlines on connections; that is for the http.Server around it.
// A bad cfg is an error.
func New(cfg Config) (http.Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	operations, err := newOperations(cfg)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	media := cfg.Media
	if media != nil && cfg.BanMedia {
		media = RefuseBanned(media, cfg.Bans)
	}
	sockets := cfg.Sockets
	if sockets != nil {
		sockets = RefuseBanned(sockets, cfg.Bans)
	}
	return TrustProxies(&router{
		sockets:  sockets,
		media:    media,
		files:    cfg.Files,
		prefixes: cfg.MediaPrefixes,
		api:      operations,
		web:      cfg.Web,
		policy:   webPolicy(cfg.MediaOrigins),
		https:    cfg.isHTTPS(),
		ready:    ready(cfg.Ready, cfg.Logger),
	}, cfg.TrustedProxies), nil
}

func (cfg *Config) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Channels": cfg.Channels == nil, "Tokens": cfg.Tokens == nil,
		"Logger": cfg.Logger == nil, "Registerer": cfg.Registerer == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", name))
		}
	}
	if cfg.MediaPrefixes == nil {
		cfg.MediaPrefixes = []string{"/live/", "/hls-live/"}
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Counts == nil {
		cfg.Counts = limit.NewMemory(limit.MemoryConfig{})
	}
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = requestTimeout
	}
	cfg.Limits = cfg.Limits.withDefaults()
	return errors.Join(errs...)
}

// isHTTPS reports whether people reach this server by HTTPS.
func (cfg *Config) isHTTPS() bool { return strings.HasPrefix(cfg.PublicURL, "https://") }

// newOperations returns what serves /api: echo with huma's operations on it. The
// order of the middleware is the order in which a request passes.
func newOperations(cfg Config) (http.Handler, error) {
	installProblems()
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	protection := http.NewCrossOriginProtection()
	for _, origin := range cfg.TrustedOrigins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trusted origin: %w", err)
		}
	}
	known := &routes{}
	counted := newLimiter(cfg, m, known)
	e := echo.New()
	e.HTTPErrorHandler = handleEchoError
	e.Use(
		observe(cfg.Logger, m),
		recovered,
		secured(cfg.isHTTPS()),
		refuseBanned(cfg.Bans),
		sameOrigin(protection),
		counted.perAddress,
		readable,
		bounded(known, cfg.RequestTimeout),
	)
	operations := humaecho.New(e, humaConfig(cfg))
	operations.UseMiddleware(
		auth.Guard(operations, auth.GuardConfig{Tokens: cfg.Tokens, Channels: cfg.Channels}),
		counted.perPerson(operations),
		wellFormed(operations, known),
	)
	if cfg.Idempotency != nil {
		operations.UseMiddleware(idempotency.Middleware(operations, cfg.Idempotency))
	}
	for _, register := range cfg.Features {
		register(operations)
	}
	if err := describe(operations.OpenAPI()); err != nil {
		return nil, err
	}
	known.fill(operations.OpenAPI())
	if err := serveDocument(e, operations.OpenAPI()); err != nil {
		return nil, err
	}
	serveDocs(e)
	if err := serveProblems(e); err != nil {
		return nil, err
	}
	m.routes = map[string]bool{}
	for _, route := range e.Routes() {
		m.routes[route.Path] = true
	}
	return e, nil
}

// router sends a request to whom it is for, ahead of echo and without wrapping
// the ResponseWriter: files of media go out by sendfile.
type router struct {
	sockets  http.Handler
	media    http.Handler
	prefixes []string
	files    map[string]http.Handler
	api      http.Handler
	web      http.Handler
	policy   string
	https    bool
	ready    http.Handler
}

// ServeHTTP implements http.Handler.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if rt.media != nil {
		for _, prefix := range rt.prefixes {
			if strings.HasPrefix(path, prefix) {
				rt.media.ServeHTTP(w, r)
				return
			}
		}
	}
	for prefix, handler := range rt.files {
		if strings.HasPrefix(path, prefix) {
			handler.ServeHTTP(w, r)
			return
		}
	}
	switch {
	case path == realtime.Path && rt.sockets != nil:
		rt.sockets.ServeHTTP(w, r)
	case path == "/api" || strings.HasPrefix(path, "/api/"):
		rt.api.ServeHTTP(w, asGet(r))
	case path == "/healthz":
		alive(w, r)
	case path == "/readyz":
		rt.ready.ServeHTTP(w, r)
	default:
		rt.servePage(w, r)
	}
}

// servePage serves the web client. It may set headers of its own over these.
func (rt *router) servePage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Content-Security-Policy", rt.policy)
	if rt.https {
		h.Set("Strict-Transport-Security", strictTransport)
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		writeProblem(w, newProblem(http.StatusMethodNotAllowed, "", "method not allowed"))
	case rt.web == nil:
		writeProblem(w, newProblem(http.StatusNotFound, "", "not found"))
	default:
		rt.web.ServeHTTP(w, r)
	}
}

// webPolicy is the Content-Security-Policy of our own pages: scripts and styles
// from here alone; media also from origins; blob: is how players feed a video.
func webPolicy(origins []string) string {
	from := strings.Join(append([]string{"'self'"}, origins...), " ")
	return "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
		"img-src " + from + " data: blob:; media-src " + from + " blob:; connect-src " + from + "; " +
		"worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
}
