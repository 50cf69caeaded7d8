package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/store/memory"
)

// Limits bounds how often one address may ask, in requests a minute.
type Limits struct {
	Auth   int // signing up and logging in; 60 if zero
	Writes int // other requests that change something; 600 if zero
	Ingest int // of ingest nodes, which report once a second; 1200 if zero
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		value *int
		usual int
	}{{&l.Auth, 60}, {&l.Writes, 600}, {&l.Ingest, 1200}} {
		if *f.value == 0 {
			*f.value = f.usual
		}
	}
	return l
}

// limit refuses requests that come too often from one address, each kind of them
// counted apart. Requests that only read are not counted.
func limit(l Limits, m *metrics) echo.MiddlewareFunc {
	store := memory.NewStoreWithOptions(limiter.StoreOptions{CleanUpInterval: time.Minute})
	perMinute := func(n int) *limiter.Limiter {
		return limiter.New(store, limiter.Rate{Period: time.Minute, Limit: int64(n)})
	}
	kinds := map[string]*limiter.Limiter{
		"auth": perMinute(l.Auth), "writes": perMinute(l.Writes), "ingest": perMinute(l.Ingest),
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			kind := kindOf(c.Request())
			if kind == "" {
				return next(c)
			}
			state, err := kinds[kind].Get(c.Request().Context(), kind+" "+household(remote(c.Request())))
			if err != nil {
				return err
			}
			h := c.Response().Header()
			wait := max(0, state.Reset-time.Now().Unix())
			// draft-ietf-httpapi-ratelimit-headers-03, which clients know best.
			h.Set("RateLimit-Limit", strconv.FormatInt(state.Limit, 10))
			h.Set("RateLimit-Remaining", strconv.FormatInt(state.Remaining, 10))
			h.Set("RateLimit-Reset", strconv.FormatInt(wait, 10))
			if state.Reached {
				m.limited.WithLabelValues(kind).Inc()
				h.Set("Retry-After", strconv.FormatInt(max(1, wait), 10))
				return newProblem(http.StatusTooManyRequests, "", "too many requests, try again later")
			}
			return next(c)
		}
	}
}

// kindOf returns which limit a request counts against; "" for none.
func kindOf(r *http.Request) string {
	switch {
	case isRead(r.Method):
		return ""
	case strings.HasPrefix(r.URL.Path, "/api/v1/auth/"):
		return "auth"
	case strings.HasPrefix(r.URL.Path, "/api/v1/ingest/"):
		return "ingest"
	}
	return "writes"
}
