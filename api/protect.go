package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"bandstand/api/rest"
)

const (
	// maxBodyBytes bounds the body of a request, unless its operation says otherwise.
	maxBodyBytes = 1 << 20
	// bodyWithin bounds the time for a body to arrive, unless its operation says otherwise.
	bodyWithin = 5 * time.Second
	// requestTimeout bounds the time to serve a request, unless Config says otherwise.
	requestTimeout = 15 * time.Second
	// cookiePrefix begins the names of all our cookies.
	cookiePrefix = "bandstand_"
)

// Outcomes of requests that are refused before anybody looks at what they want.
var (
	errCrossOrigin = rest.Forbidden("cross_origin", "this request comes from a page of another origin")
	errNoOrigin    = rest.Forbidden("no_origin", "a request that changes something by a cookie must say where it comes from: send Origin, or a token in Authorization")
	errBadText     = rest.BadRequest("bad_text", "a part of the address is not UTF-8, or holds a zero character")
	errBadQuery    = rest.BadRequest("bad_query", "the query of the address is not well formed")
)

// strictTransport makes browsers come by HTTPS alone for a year.
const strictTransport = "max-age=31536000"

// secured sets headers for replies that are data: browsers run nothing in them,
// show them in no frame, and caches do not keep them.
func secured(https bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-store")
			if https {
				h.Set("Strict-Transport-Security", strictTransport)
			}
			return next(c)
		}
	}
}

// sameOrigin refuses requests that change something and that a browser sends for
// a page of another origin. Browsers that do not say so are refused if they bring a
// cookie of ours and no token: every browser sends Origin with such requests by now.
func sameOrigin(protection *http.CrossOriginProtection) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if protection.Check(r) != nil {
				return errCrossOrigin
			}
			h := r.Header
			if !isRead(r.Method) && h.Get("Origin") == "" && h.Get("Sec-Fetch-Site") == "" && h.Get("Authorization") == "" && hasCookie(r) {
				return errNoOrigin
			}
			return next(c)
		}
	}
}

// hasCookie reports whether r brings a cookie of ours.
func hasCookie(r *http.Request) bool {
	for _, cookie := range r.Cookies() {
		if name := strings.TrimPrefix(strings.TrimPrefix(cookie.Name, "__Host-"), "__Secure-"); strings.HasPrefix(name, cookiePrefix) {
			return true
		}
	}
	return false
}

// readable refuses addresses that are no text: no database holds them.
func readable(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		if !isText(u.Path) {
			return errBadText
		}
		if u.RawQuery == "" {
			return next(c)
		}
		query, err := url.ParseQuery(u.RawQuery)
		if err != nil {
			return errBadQuery
		}
		for name, values := range query {
			if !isText(name) || !isText(strings.Join(values, "")) {
				return errBadText
			}
		}
		return next(c)
	}
}

// isText reports whether s can be kept by every database.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// bounded limits the size of a request's body and the time to serve it, waiting
// included. An operation with a larger MaxBodyBytes or BodyReadTimeout gets that.
func bounded(known *routes, timeout time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			most, within := int64(maxBodyBytes), timeout
			if op := known.of(c); op != nil {
				most = max(most, op.MaxBodyBytes)
				within += op.bodyWithin - bodyWithin
			}
			if r.ContentLength > most {
				return errTooLarge
			}
			ctx, cancel := context.WithTimeout(r.Context(), within)
			defer cancel()
			r = r.WithContext(ctx)
			r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, most)
			c.SetRequest(r)
			return next(c)
		}
	}
}
