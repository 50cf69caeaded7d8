// Package rtmp lets publishers in over RTMP and RTMPS.
package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	gortmp "github.com/yutopp/go-rtmp"

	"bandstand/media/ingest/rtmp/guard"
	"bandstand/media/live"
)

// ErrUnknownKey is the Authorizer's answer to a stream key that opens nothing.
var ErrUnknownKey = errors.New("unknown stream key")

// Authorizer resolves a stream key.
type Authorizer interface {
	// Authorize returns what the owner of key may publish. app is the first part of
	// the publisher's URL, for the record. An unknown or revoked key is
	// ErrUnknownKey; any other error means "could not ask".
	Authorize(ctx context.Context, app, key string) (live.Grant, error)
}

// Streams puts publishers on air. live.Registry is one.
type Streams interface {
	// Open returns live.ErrBusy while another publisher holds the channel, and
	// live.ErrClosed at shutdown. The caller must Close the Publisher.
	Open(ctx context.Context, g live.Grant, s live.Source) (*live.Publisher, error)
}

// Config is what a Server needs. Fields without a default are required.
type Config struct {
	Keys    Authorizer
	Streams Streams

	TLS *tls.Config // nil for plain RTMP

	// MaxConnections is of all, publishing or not; 2000 if zero. When it or that of an
	// address is reached, the oldest that has yet to publish makes room for the next.
	MaxConnections        int
	MaxPublishers         int // 1000 if zero
	MaxConnectionsPerAddr int // 32 if zero

	// An address may connect ConnectBurst times at once and ConnectBurst times in
	// every ConnectEvery; a refused stream key counts as several connections.
	ConnectBurst int           // 20 if zero
	ConnectEvery time.Duration // 10s if zero

	// Trusted addresses have no limits of their own. Loopback if nil: behind a proxy
	// on this machine all publishers share it.
	Trusted []netip.Prefix

	MaxBitrateBPS    int           // averaged over 10 s; 100 Mbit/s if zero
	AuthorizeTimeout time.Duration // 5s if zero
	Limits           guard.Limits

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (c *Config) validate() error {
	setDefault(&c.MaxConnections, 2000)
	setDefault(&c.MaxPublishers, 1000)
	setDefault(&c.MaxConnectionsPerAddr, 32)
	setDefault(&c.ConnectBurst, 20)
	setDefault(&c.ConnectEvery, 10*time.Second)
	setDefault(&c.MaxBitrateBPS, 100_000_000)
	setDefault(&c.AuthorizeTimeout, 5*time.Second)
	if c.Trusted == nil {
		c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	var errs []error
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Keys", c.Keys == nil},
		{"Streams", c.Streams == nil},
		{"Logger", c.Logger == nil},
		{"Registerer", c.Registerer == nil},
	} {
		if need.missing {
			errs = append(errs, errors.New(need.name+" is required"))
		}
	}
	for _, n := range []int{c.MaxConnections, c.MaxPublishers, c.MaxConnectionsPerAddr, c.ConnectBurst, c.MaxBitrateBPS} {
		if n < 0 {
			errs = append(errs, errors.New("limits cannot be negative"))
			break
		}
	}
	if c.ConnectEvery < 0 || c.AuthorizeTimeout < 0 {
		errs = append(errs, errors.New("durations cannot be negative"))
	}
	return errors.Join(errs...)
}

func setDefault[T int | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

const (
	batchFrom = 8 // publishers
	batchTick = 20 * time.Millisecond
)

// Server takes publishers.
type Server struct {
	cfg     Config
	ln      net.Listener
	metrics *metrics
	gate    *gate
	quiet   *logrus.Logger
	library *library

	mu      sync.Mutex
	conns   map[*conn]struct{} // guarded by mu
	closing bool               // guarded by mu

	publishers atomic.Int32
}

// NewServer returns a Server that accepts publishers from ln once Run is called.
// It owns ln from then on. A bad cfg is an error, and then ln stays the caller's.
func NewServer(ln net.Listener, cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("rtmp: %w", err)
	}
	quiet := logrus.New() // the library logs what strangers send, line by line
	quiet.SetOutput(io.Discard)
	quiet.SetLevel(logrus.PanicLevel)
	s := &Server{
		cfg:     cfg,
		ln:      ln,
		metrics: newMetrics(cfg.Registerer),
		gate:    newGate(cfg, time.Now),
		quiet:   quiet,
		library: newLibrary(),
		conns:   map[*conn]struct{}{},
	}
	s.cfg.Limits.Batch = s.batch
	return s, nil
}

// Addr returns where the Server listens.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Run serves publishers until ctx ends, then tells them why they have to go and
// returns nil when the last has gone. Any other return means no publisher can
// connect.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var lib, conns sync.WaitGroup
	lib.Go(s.library.run)
	defer lib.Wait()
	defer s.library.stop()
	defer conns.Wait()
	conns.Go(func() {
		<-ctx.Done()
		_ = s.ln.Close()
		s.hangUpAll()
	})
	defer cancel()
	var pause backoff
	for {
		nc, err := s.ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = nc.Close()
			}
			return nil
		}
		if err != nil {
			if !pause.wait(ctx, err) {
				return fmt.Errorf("rtmp: accept: %w", err)
			}
			s.cfg.Logger.WarnContext(ctx, "cannot accept a connection", "err", err)
			continue
		}
		pause = 0
		addr := remoteAddr(nc)
		stay, hangUp := context.WithCancel(ctx)
		v, reason := s.gate.enter(addr, func() {
			s.metrics.rejected("shed")
			hangUp()
			_ = nc.Close()
		})
		if reason != "" {
			s.metrics.rejected(reason)
			hangUp()
			_ = nc.Close()
			continue
		}
		conns.Go(func() {
			defer hangUp()
			defer s.gate.leave(v)
			s.serve(stay, nc, v)
		})
	}
}

// backoff is how long to wait after an error that may pass, such as a process out
// of file descriptors.
type backoff time.Duration

func (b *backoff) wait(ctx context.Context, err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	*b = min(max(2*(*b), backoff(5*time.Millisecond)), backoff(time.Second))
	timer := time.NewTimer(time.Duration(*b))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// serve handles one connection from its first byte to its last.
func (s *Server) serve(ctx context.Context, nc net.Conn, v *visit) {
	source := live.Source{Protocol: "rtmp", Remote: v.addr.String()}
	if s.cfg.TLS != nil {
		nc = tls.Server(nc, s.cfg.TLS)
		source.Protocol = "rtmps"
	}
	c := newConn(ctx, s, nc, v, source)
	if !s.add(c) {
		_ = nc.Close()
		return
	}
	defer s.remove(c)
	s.library.serve(nc, c.guard, &gortmp.ConnConfig{
		Handler:                                 c,
		SkipHandshakeVerification:               true,
		IgnoreMessagesOnNotExistStream:          true,
		IgnoreMessagesOnNotExistStreamThreshold: 1 << 30,
		ControlState: gortmp.StreamControlStateConfig{
			DefaultChunkSize:  guard.ChunkSize,
			MaxChunkStreams:   16,
			MaxMessageStreams: 8,
		},
		Logger: s.quiet,
	}, c.log)
	c.finish()
}

func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[c] = struct{}{}
	s.metrics.connections.Inc()
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.metrics.connections.Dec()
	if c.counted {
		s.publishers.Add(-1)
	}
}

// admit counts c as a publisher, if there is room for one.
func (s *Server) admit(c *conn) bool {
	if int(s.publishers.Add(1)) > s.cfg.MaxPublishers {
		s.publishers.Add(-1)
		return false
	}
	c.counted = true
	return true
}

// batch is how long reads may wait to be done together: a few publishers are read at
// once, for the least latency; many cost a third of the time when they are not.
func (s *Server) batch() time.Duration {
	if s.publishers.Load() < batchFrom {
		return 0
	}
	return batchTick
}

// hangUpAll tells every client that the server shuts down.
func (s *Server) hangUpAll() {
	s.mu.Lock()
	s.closing = true
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	var told sync.WaitGroup
	for _, c := range conns {
		told.Go(func() {
			c.guard.HangUp(guard.Status{Code: codeBadName, Text: live.ErrClosed.Error()})
		})
	}
	told.Wait()
}
