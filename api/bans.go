package api

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"bandstand/api/rest"
)

// Bans knows whose requests are refused.
type Bans interface {
	// Banned reports whether requests from addr are refused now, and until when; the
	// zero Time is for good. It is asked ahead of every request, and does not block.
	Banned(addr netip.Addr) (until time.Time, banned bool)
}

var errBanned = rest.Forbidden("banned", "requests from your address are refused")

// RefuseBanned returns a handler that hands requests on to next, but for those from
// addresses that are banned. It belongs behind TrustProxies. The ResponseWriter goes
// through as it is.
func RefuseBanned(next http.Handler, bans Bans) http.Handler {
	if bans == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := banOf(bans, r); err != nil {
			w.Header().Set("Cache-Control", "no-store")
			p, _ := problemOf(err)
			tellRetry(w.Header(), p, err)
			writeProblem(w, p)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseBanned is RefuseBanned for the API, whose requests have ids and are counted.
func refuseBanned(bans Bans) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if bans != nil {
				if err := banOf(bans, c.Request()); err != nil {
					exchangeOf(c.Request().Context()).banned = true
					return err
				}
			}
			return next(c)
		}
	}
}

// banOf returns why r is refused; nil if it is not.
func banOf(bans Bans, r *http.Request) error {
	addr := remote(r)
	if !addr.IsValid() {
		return nil
	}
	until, banned := bans.Banned(addr)
	switch {
	case !banned:
		return nil
	case until.IsZero():
		return errBanned
	}
	return rest.Later(errBanned, time.Until(until))
}
