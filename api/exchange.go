package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"bandstand/api/auth"
)

// heartbeatPath is where ingest nodes report once a second.
const heartbeatPath = "/api/v1/ingest/heartbeat"

// exchange is what is known of one request. The goroutine that serves the
// request owns it.
type exchange struct {
	id     string
	banned bool  // it was refused for where it came from
	err    error // why the reply is 5xx, for the log
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request; one that nobody reads if there is none.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// requestID is what we accept as an id that a proxy gave to a request.
var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// observe gives each request an id, and logs and counts it when it has been
// served. Of the request neither headers nor query are logged: they hold tokens.
func observe(log *slog.Logger, m *metrics) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			x := &exchange{id: r.Header.Get("X-Request-Id")}
			if !requestID.MatchString(x.id) {
				x.id = rand.Text()
			}
			c.Response().Header().Set("X-Request-Id", x.id)
			ctx := context.WithValue(r.Context(), exchangeKey{}, x)
			ctx = auth.WithClient(ctx, auth.Client{Addr: remote(r), UserAgent: short(r.UserAgent())})
			c.SetRequest(r.WithContext(ctx))

			began := time.Now()
			defer m.begin()()
			if err := next(c); err != nil {
				c.Error(err) // replies, so that the status is known
			}
			took, status := time.Since(began), c.Response().Status
			method := methodOf(r)
			m.served(method, c.Path(), status, took)

			attrs := []slog.Attr{
				slog.String("request", x.id), slog.String("method", short(method)), slog.String("path", short(r.URL.Path)),
				slog.Int("status", status), slog.Int64("bytes", c.Response().Size),
				slog.Duration("took", took), slog.String("remote", remote(r).String()),
			}
			if x.err != nil {
				attrs = append(attrs, slog.Any("err", x.err))
			}
			log.LogAttrs(r.Context(), levelOf(r, x, c.Path(), status), "request served", attrs...)
			return nil
		}
	}
}

type methodKey struct{}

// asGet lets HEAD be served by the routes of GET: net/http leaves the body out.
func asGet(r *http.Request) *http.Request {
	if r.Method != http.MethodHead {
		return r
	}
	get := r.WithContext(context.WithValue(r.Context(), methodKey{}, r.Method))
	get.Method = http.MethodGet
	return get
}

// methodOf returns the method that the client sent.
func methodOf(r *http.Request) string {
	if method, ok := r.Context().Value(methodKey{}).(string); ok {
		return method
	}
	return r.Method
}

// short keeps what strangers write to a length that a log can bear.
func short(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// levelOf keeps what happens every second, and what changes nothing, out of the log.
func levelOf(r *http.Request, x *exchange, route string, status int) slog.Level {
	switch {
	case r.Context().Err() != nil:
		return slog.LevelDebug // whoever asked has left: the status says nothing
	case status == http.StatusServiceUnavailable:
		return slog.LevelWarn
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	case x.banned, status == http.StatusTooManyRequests: // floods are counted, and not written down
		return slog.LevelDebug
	case isRead(r.Method), route == heartbeatPath && status < http.StatusBadRequest:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// isRead reports whether a request with this method changes nothing.
func isRead(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}

// recovered turns a panic of an operation into an internal error with its stack.
func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch cause := recover(); {
			case cause == nil:
			case cause == http.ErrAbortHandler: //nolint:errorlint // net/http compares it the same way
				panic(cause)
			default:
				err = errors.New(fmt.Sprint("panic: ", cause, "\n", string(debug.Stack())))
			}
		}()
		return next(c)
	}
}
