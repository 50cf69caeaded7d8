package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"bandstand/configs"
)

// loadTLS returns a TLS configuration, nil if no certificate is named. It reads the
// files again for new connections after they change, at most once a minute.
func loadTLS(files configs.TLS) (*tls.Config, error) {
	if files.Cert == "" {
		return nil, nil //nolint:nilnil // no certificate is a valid outcome, not an error
	}
	r := &certificate{files: files}
	if _, err := r.get(nil); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: r.get}, nil
}

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
		ErrorLog:          slog.NewLogLogger(w.log.With("service", w.name).Handler(), slog.LevelDebug),
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
