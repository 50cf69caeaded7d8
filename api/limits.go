package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"bandstand/api/auth"
	"bandstand/api/limit"
	"bandstand/api/rest"
)

// Limits bounds how often one address, or one person, may ask, in requests a minute.
type Limits struct {
	Auth     int // an address: signing up, logging in, and whatever asks for a password; 60 if zero
	Writes   int // an address: other requests that change something; 600 if zero
	Ingest   int // an address: of ingest nodes, which report once a second; 1200 if zero
	Searches int // an address, and a person: lists with a text to look for; 120 if zero
	Users    int // a person, from wherever: requests that change something; 300 if zero
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		value *int
		usual int
	}{{&l.Auth, 60}, {&l.Writes, 600}, {&l.Ingest, 1200}, {&l.Searches, 120}, {&l.Users, 300}} {
		if *f.value == 0 {
			*f.value = f.usual
		}
	}
	return l
}

// Abuse hears of addresses that go on although they were told to stop.
type Abuse interface {
	// Report notes that a request from addr was refused by the limit what. It returns
	// at once.
	Report(ctx context.Context, addr netip.Addr, what string)
}

var errTooMany = rest.TooMany("too_many_requests", "too many requests, try again later")

// Kinds of requests that are counted apart; they are labels of a metric too.
const (
	kindAuth     = "auth"
	kindWrites   = "writes"
	kindIngest   = "ingest"
	kindSearches = "searches"
)

// strict are the operations beside those of /api/v1/auth that prove something by a
// password: they are counted as logins are.
var strict = map[string]bool{"change-password": true, "change-email": true, "delete-me": true}

// kindOf returns what a request for the operation with this id counts as; "" for none.
func kindOf(r *http.Request, id string) string {
	switch path := r.URL.Path; {
	case isRead(r.Method):
		if r.URL.RawQuery != "" && r.URL.Query().Get("q") != "" {
			return kindSearches
		}
		return ""
	case strings.HasPrefix(path, "/api/v1/auth/"), strict[id]:
		return kindAuth
	case strings.HasPrefix(path, "/api/v1/ingest/"):
		return kindIngest
	}
	return kindWrites
}

// limiter refuses requests that come too often.
type limiter struct {
	store   limit.Store
	metrics *metrics
	abuse   Abuse // nil if nobody wants to hear
	routes  *routes

	addresses map[string]int64 // quotas of an address, by kind
	people    map[string]int64 // quotas of a person, by kind; others have none
}

const limitWindow = time.Minute

func newLimiter(cfg Config, m *metrics, r *routes) *limiter {
	l := cfg.Limits
	return &limiter{
		store: cfg.Counts, metrics: m, abuse: cfg.Abuse, routes: r,
		addresses: map[string]int64{
			kindAuth: int64(l.Auth), kindWrites: int64(l.Writes), kindIngest: int64(l.Ingest), kindSearches: int64(l.Searches),
		},
		people: map[string]int64{
			kindAuth: int64(l.Auth), kindWrites: int64(l.Users), kindSearches: int64(l.Searches),
		},
	}
}

// perAddress counts requests of one address, or household, before anything is known
// of them.
func (l *limiter) perAddress(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		kind := kindOf(r, l.routes.idOf(c))
		if kind == "" {
			return next(c)
		}
		addr := remote(r)
		if err := l.count(c, kind, kind, kind+" "+rest.Household(addr), l.addresses[kind]); err != nil {
			if l.abuse != nil && addr.IsValid() && !isLured(r) {
				l.abuse.Report(r.Context(), addr, kind)
			}
			return err
		}
		return next(c)
	}
}

// isLured reports whether a page of another site had a browser send r. Whoever looks at
// that page knows nothing of it, and is not to be banned: pictures alone can ask for
// lists. Programs that say so are refused like all others.
func isLured(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// perPerson counts requests of one person, from wherever they come.
func (l *limiter) perPerson(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		p := auth.User(ctx.Context())
		c := humaecho.Unwrap(ctx)
		kind := kindOf(c.Request(), ctx.Operation().OperationID)
		quota, counted := l.people[kind]
		if !counted || !p.IsUser() {
			next(ctx)
			return
		}
		if err := l.count(c, kind, "user-"+kind, "user "+kind+" "+p.UserID.String(), quota); err != nil {
			_ = huma.WriteErr(api, ctx, http.StatusInternalServerError, "", err)
			return
		}
		next(ctx)
	}
}

// count counts one request under key, tells the client where it stands with the
// policy of this name, and returns errTooMany if that was one too many.
func (l *limiter) count(c echo.Context, kind, policy, key string, quota int64) error {
	state, err := l.store.Count(c.Request().Context(), key, limit.Rate{Quota: quota, Window: limitWindow})
	if err != nil {
		return fmt.Errorf("api: count requests: %w", err)
	}
	tellLimit(c.Response().Header(), policy, quota, state)
	if !state.Exceeded {
		return nil
	}
	l.metrics.limited.WithLabelValues(kind).Inc()
	return rest.Later(errTooMany, state.Reset)
}

// tellLimit adds a policy and where the client stands with it.
// draft-ietf-httpapi-ratelimit-headers-10. The three fields of draft 03, which clients
// know best, tell of the policy that has the least left.
func tellLimit(h http.Header, policy string, quota int64, state limit.State) {
	reset := int64((state.Reset + time.Second - 1) / time.Second)
	add := func(name, value string) {
		if before := h.Get(name); before != "" {
			value = before + ", " + value
		}
		h.Set(name, value)
	}
	add("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", policy, quota, int64(limitWindow/time.Second)))
	add("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", policy, state.Remaining, reset))
	if before, err := strconv.ParseInt(h.Get("RateLimit-Remaining"), 10, 64); err == nil && before <= state.Remaining {
		return
	}
	h.Set("RateLimit-Limit", strconv.FormatInt(quota, 10))
	h.Set("RateLimit-Remaining", strconv.FormatInt(state.Remaining, 10))
	h.Set("RateLimit-Reset", strconv.FormatInt(reset, 10))
}
