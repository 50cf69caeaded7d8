package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// maxBodyBytes bounds the body of a request.
	maxBodyBytes = 1 << 20
	// requestTimeout bounds the time to serve a request, waiting included.
	requestTimeout = 15 * time.Second
)

// secured sets headers for replies that are data: browsers run nothing in them,
// show them in no frame, and caches do not keep them.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// sameOrigin refuses requests that change something and that a browser sends for
// a page of another origin.
func sameOrigin(protection *http.CrossOriginProtection) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if protection.Check(c.Request()) != nil {
				return newProblem(http.StatusForbidden, "cross_origin", "this request comes from a page of another origin")
			}
			return next(c)
		}
	}
}

// bounded limits the size of a request's body and the time to serve it.
func bounded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.ContentLength > maxBodyBytes {
			return newProblem(http.StatusRequestEntityTooLarge, "", "the request body is too large")
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, maxBodyBytes)
		c.SetRequest(r)
		return next(c)
	}
}
