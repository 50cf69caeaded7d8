package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	taken, forbidden := rest.Conflict("slug_taken", "this address is taken"), rest.Forbidden("forbidden", "not for you")
	tests := map[string]struct {
		err    error
		status int
		body   string
		known  bool
	}{
		"outcome":              {taken, 409, `"code":"slug_taken"`, true},
		"wrapped outcome":      {fmt.Errorf("channel: %w", db.ErrNotFound), 404, `"status":404`, true},
		"joined outcome":       {errors.Join(errors.New("x"), forbidden), 403, `"code":"forbidden"`, true},
		"out of time":          {fmt.Errorf("db: %w", context.DeadlineExceeded), 503, `"code":"busy"`, true},
		"body too large":       {fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 1}), 413, `"status":413`, true},
		"of echo":              {echo.ErrMethodNotAllowed, 405, `"detail":"method not allowed"`, true},
		"of echo, internal":    {echo.NewHTTPError(500, "secret"), 500, `"detail":"internal error"`, false},
		"problem":              {newProblem(418, "", "teapot"), 418, `"detail":"teapot"`, true},
		"secret stays inside":  {errors.New("dial postgres: password"), 500, `"detail":"internal error"`, false},
		"secret of a 404 also": {fmt.Errorf("SELECT secret: %w", db.ErrNotFound), 404, `"detail":"there is no such thing"`, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, known := problemOf(test.err)
			require.Equal(t, test.known, known)
			w := httptest.NewRecorder()
			writeProblem(w, p)
			require.Equal(t, test.status, w.Code)
			require.Contains(t, w.Body.String(), test.body)
			require.NotContains(t, w.Body.String(), "secret")
			require.NotContains(t, w.Body.String(), "password")
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.True(t, json.Valid(w.Body.Bytes()))
		})
	}
}

func TestInvalidFieldsKeepNoValues(t *testing.T) {
	t.Parallel()
	p := humaProblem(nil, 422, "validation failed",
		&huma.ErrorDetail{Location: "body.password", Message: "expected length >= 8", Value: "hunter2"},
		&huma.ErrorDetail{Location: "body", Message: "invalid character hunter2", Value: "hunter2"},
		errors.New("hunter2"),
		nil,
	)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(text), "hunter2")
	require.JSONEq(t, `{"type":"/api/problems/unprocessable_entity","title":"Unprocessable Entity","status":422,"code":"unprocessable_entity","detail":"validation failed","errors":[
		{"location":"body.password","message":"expected length >= 8"},
		{"location":"body","message":"not valid JSON of the expected form"},
		{"message":"not valid"}]}`, string(text))
}

// TestPanicsAreInternalErrors sends requests through the real middleware to
// handlers that panic.
func TestPanicsAreInternalErrors(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(t, err)
	e := echo.New()
	e.HTTPErrorHandler = handleEchoError
	e.Use(observe(slog.New(slog.NewTextHandler(&log, nil)), m), recovered, secured(false), bounded(&routes{}, time.Minute))
	e.GET("/panic", func(echo.Context) error { panic("secret cause") })
	e.GET("/abort", func(echo.Context) error { panic(http.ErrAbortHandler) })
	e.GET("/late", func(c echo.Context) error {
		_, err := io.WriteString(c.Response(), "begun")
		require.NoError(t, err)
		panic("late")
	})

	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/panic", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Contains(t, w.Body.String(), `"detail":"internal error"`)
	require.NotContains(t, w.Body.String(), "secret cause")
	require.Contains(t, log.String(), "secret cause")
	require.Contains(t, log.String(), "problem_test.go", "the stack")

	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/abort", nil))
	})
	w = httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/late", nil))
	require.Equal(t, "begun", w.Body.String(), "nothing is added to a reply that has begun")
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := map[string]struct {
		trusted   []netip.Prefix
		remote    string
		forwarded string
		want      string
		household string
	}{
		"direct":              {nil, "203.0.113.7:1234", "", "203.0.113.7", "203.0.113.7"},
		"forged":              {nil, "203.0.113.7:1234", "198.51.100.1", "203.0.113.7", "203.0.113.7"},
		"forged past a proxy": {trusted, "203.0.113.7:1234", "198.51.100.1", "203.0.113.7", "203.0.113.7"},
		"proxied":             {trusted, "10.0.0.1:1234", "198.51.100.1", "198.51.100.1", "198.51.100.1"},
		"proxied twice":       {trusted, "10.0.0.1:1234", "198.51.100.66, 198.51.100.1, 10.9.9.9", "198.51.100.1", "198.51.100.1"},
		"nonsense":            {trusted, "10.0.0.1:1234", "unknown", "10.0.0.1", "10.0.0.1"},
		"loopback untrusted":  {trusted, "127.0.0.1:1234", "198.51.100.1", "127.0.0.1", "127.0.0.1"},
		"ipv6":                {nil, "[2001:db8:1:2:3::4]:1234", "", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		"ipv6 proxy":          {trusted, "[fd00::1]:1234", "2001:db8::1", "2001:db8::1", "2001:db8::/64"},
		"ipv4 in ipv6":        {nil, "[::ffff:203.0.113.7]:1234", "", "203.0.113.7", "203.0.113.7"},
		"unix socket":         {nil, "@", "", "invalid IP", "invalid IP"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = test.remote
			if test.forwarded != "" {
				r.Header.Set("X-Forwarded-For", test.forwarded)
			}
			var addr netip.Addr
			TrustProxies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				addr = remote(r)
			}), test.trusted).ServeHTTP(nil, r)
			require.Equal(t, test.want, addr.String())
			require.Equal(t, test.household, rest.Household(addr))
		})
	}
}

func TestStrictOperationsAreKnown(t *testing.T) {
	t.Parallel()
	for id := range strict {
		_, known := auth.RuleOf(id)
		require.True(t, known, id)
	}
}
