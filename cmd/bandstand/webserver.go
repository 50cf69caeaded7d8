package main

import (
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
}

// run serves until ctx ends, lets the requests in hand finish for the grace period,
// and returns nil. Any other return means that nobody can connect.
func (w *webServer) run(ctx context.Context) error {
	base, cancel := context.WithCancel(context.Background())
	defer cancel()
	srv := &http.Server{
		Handler:           w.handler,
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
