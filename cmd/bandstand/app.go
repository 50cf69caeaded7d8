package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"bandstand/api/auth"
	"bandstand/configs"
	"bandstand/media/hls"
	"bandstand/media/live"
)

// lastCall is how long playlists that have ended stay served at shutdown.
const lastCall = time.Second

// app is the wired program.
type app struct {
	cfg     configs.Config
	log     *slog.Logger
	metrics *prometheus.Registry
	secret  []byte // signs tokens; nil on a lone ingest that was told none

	viewers *hls.ViewerTokens // tell viewers apart

	onAir  *onAir   // nil unless this process has the role ingest
	stores *stores  // nil unless this process has the role api
	api    *apiSide // nil unless this process has the role api

	sessions *live.Registry // of publishers; nil unless this process has the role ingest

	httpListener net.Listener // served once everything is there

	addresses map[string]net.Addr // of listeners, by service

	live    []func(context.Context) error // publishers and sessions: they end first
	serving []func(context.Context) error // what viewers need until then
	closers []func() error
}

// newApp opens and listens on what cfg names. Nothing is served before run. The
// caller must close it.
func newApp(ctx context.Context, cfg configs.Config, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, metrics: prometheus.NewRegistry(), addresses: map[string]net.Addr{}}
	a.metrics.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for _, open := range []func(context.Context) error{
		a.openData, a.openHTTP, a.openMedia, a.openStorage, a.openAPI, a.openIngest, a.openJobs, a.serveHTTP, a.openMetrics,
	} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, a.close())
		}
	}
	return a, nil
}

// openData makes the data folder and reads the secret kept there, if this process
// signs tokens.
func (a *app) openData(context.Context) error {
	if err := os.MkdirAll(a.cfg.DataDir, 0o750); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if !a.cfg.Has(configs.RoleAPI) {
		if a.secret = []byte(a.cfg.Secret.Reveal()); len(a.secret) == 0 {
			a.log.Warn("no secret is set: private channels cannot be watched from this node, and viewers who pause are not counted")
			a.viewers = hls.NewViewerTokens(nil)
			return nil
		}
	}
	var err error
	if len(a.secret) == 0 {
		if a.secret, err = makeSecret(a.cfg); err != nil {
			return fmt.Errorf("secret: %w", err)
		}
	}
	key, err := auth.DeriveKey(a.secret, "bandstand viewer tokens")
	if err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	a.viewers = hls.NewViewerTokens(key)
	return nil
}

// openHTTP opens the listener of API, pages, playlists and media: from then on it is
// known how this server is reached.
func (a *app) openHTTP(ctx context.Context) (err error) {
	a.httpListener, err = a.listen(ctx, "http", a.cfg.HTTP.Listen)
	return err
}

// serveHTTP serves what has been opened.
func (a *app) serveHTTP(context.Context) error {
	certificate, err := loadTLS(a.cfg.HTTP.TLS, a.log)
	if err != nil {
		return fmt.Errorf("http.tls: %w", err)
	}
	handler, err := a.handler()
	if err != nil {
		return err
	}
	server := &webServer{
		name: "http", ln: a.httpListener, handler: handler, tls: certificate,
		h2c: a.cfg.HTTP.H2C, grace: a.cfg.ShutdownTimeout, log: a.log,
	}
	a.serving = append(a.serving, server.run)
	return nil
}

func (a *app) openMetrics(ctx context.Context) error {
	if a.cfg.Metrics.Listen == "" {
		return nil
	}
	ln, err := a.listen(ctx, "metrics", a.cfg.Metrics.Listen)
	if err != nil { // nobody measures, but everybody can watch
		a.log.ErrorContext(ctx, "metrics are not served", "err", err)
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}))
	server := &webServer{name: "metrics", ln: ln, handler: mux, grace: a.cfg.ShutdownTimeout, log: a.log}
	a.serving = append(a.serving, server.run)
	return nil
}

// run serves until ctx ends or a part of the program fails. Sessions end first, so
// that viewers still see their playlists closed; then the listeners.
func (a *app) run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()

	var listeners, sessions errgroup.Group
	for _, run := range a.serving {
		listeners.Go(func() error { return failing(fail, run(serving)) })
	}
	for _, run := range a.live {
		sessions.Go(func() error { return failing(fail, run(ctx)) })
	}
	<-ctx.Done()
	a.log.Info("shutting down")
	onAir := a.onAir.viewers()
	err := sessions.Wait()
	if onAir > 0 { // those who poll come for the end of their playlist
		time.Sleep(min(lastCall, a.cfg.ShutdownTimeout))
	}
	stopServing()
	return errors.Join(err, listeners.Wait())
}

// failing ends the program when a part of it ends with err, and returns err.
func failing(fail context.CancelCauseFunc, err error) error {
	if err != nil {
		fail(err)
	}
	return err
}

// close releases what newApp opened, in reverse order.
func (a *app) close() error {
	var errs []error
	for _, c := range slices.Backward(a.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// dataFile returns the path of a file in the data folder.
func (a *app) dataFile(name string) string { return dataFile(a.cfg, name) }

func dataFile(cfg configs.Config, name string) string { return filepath.Join(cfg.DataDir, name) }

// listen opens the listener of a service and logs where, so that port 0 can be used.
func (a *app) listen(ctx context.Context, service, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s.listen: %w", service, err)
	}
	a.closers = append(a.closers, func() error { // for when it never gets to run
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	a.addresses[service] = ln.Addr()
	a.log.InfoContext(ctx, "listening", "service", service, "address", ln.Addr().String())
	return ln, nil
}
