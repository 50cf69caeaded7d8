package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// webServer serves HTTP on one listener.
type webServer struct {
	name    string
	ln      net.Listener
	handler http.Handler
	tls     *tls.Config // nil for plain HTTP
	h2c     bool
	grace   time.Duration // for requests in hand at the end
	log     *slog.Logger

	bodyWithin time.Duration // for the body of a request to arrive; 30s if zero
}

// run serves until ctx ends, lets the requests in hand finish for the grace period,
// and returns nil. Any other return means that nobody can connect.
func (w *webServer) run(ctx context.Context) error {
	base, cancel := context.WithCancel(context.Background())
	defer cancel()
	srv := &http.Server{
		Handler:           withBodyLimit(w.handler, cmp.Or(w.bodyWithin, 30*time.Second)),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		TLSConfig:         w.tls,
		Protocols:         w.protocols(),
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          complaints(w.log.With("service", w.name)),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		deadline, done := context.WithTimeout(context.Background(), w.grace)
		defer done()
		if srv.Shutdown(deadline) != nil {
			cancel()
			srv.Close() //nolint:errcheck,gosec // what is left is cut off: nothing more to do about it
		}
	})
	err := w.serve(srv)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", w.name, err)
}

func (w *webServer) serve(srv *http.Server) error {
	if w.tls != nil {
		return srv.ServeTLS(w.ln, "", "")
	}
	return srv.Serve(w.ln)
}

func (w *webServer) protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(w.h2c)
	return &p
}

// withBodyLimit bounds the time in which the body of a request must arrive; handlers may
// set less. net/http waits for what is left of it before it replies. Requests without
// one may take as long as they like: playlists that block do.
func withBodyLimit(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// What cannot be limited, such as a connection that is gone, ends by itself.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
		}
		next.ServeHTTP(w, r)
	})
}

// complaints returns a logger for what net/http has to say itself. It knows only one
// level, so the text decides: a panic of ours is an error, what clients do wrong is
// of little interest.
func complaints(log *slog.Logger) *stdlog.Logger {
	return stdlog.New(complaint{log}, "", 0)
}

type complaint struct{ log *slog.Logger }

// Write logs one line, and any stack below it.
func (c complaint) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelDebug
	switch {
	case strings.Contains(text, "panic serving"):
		level = slog.LevelError
	case strings.Contains(text, "Accept error"):
		level = slog.LevelWarn
	}
	c.log.Log(context.Background(), level, "http server", "err", text)
	return len(line), nil
}
