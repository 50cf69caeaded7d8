// Package hls turns packets into HTTP Live Streaming: it cuts them into parts and
// segments, holds those of the DVR window, and serves them with their playlists,
// low-latency by default, as RFC 8216bis has it.
package hls

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bandstand/media/stream"
)

// Config is what a Server needs. Every field has a default.
type Config struct {
	// SegmentTarget is how long segments are meant to be; 2s if zero. They end at
	// the first keyframe from there on.
	SegmentTarget time.Duration

	// PartTarget is how long low-latency parts are meant to be; 200ms if zero. The
	// playlists advertise a little more, so that whole frames of every usual rate
	// fill at least 85 % of it.
	PartTarget time.Duration

	// Plain turns low latency off: segments only, no blocking reloads.
	Plain bool

	// Window is how far back viewers may seek; 60s if zero.
	Window time.Duration

	// Linger is how long an ended stream stays served; 60s if zero.
	Linger time.Duration

	// MaxStreamBytes bounds the media that one stream holds, all renditions
	// together; 512 MiB if zero. A stream that reaches it has a shorter window.
	MaxStreamBytes int64

	// SendTimeout is how long a viewer may take for one segment or part; 1 min if
	// zero. Until then it holds on to the memory, also of what has left the window.
	SendTimeout time.Duration

	// Viewers tells viewers apart. With the ViewerTokens of another process they are
	// the same in both; if nil it has a key of its own.
	Viewers *ViewerTokens

	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now if nil
}

func (c *Config) validate() error {
	if c.SegmentTarget == 0 {
		c.SegmentTarget = 2 * time.Second
	}
	if c.PartTarget == 0 {
		c.PartTarget = 200 * time.Millisecond
	}
	if c.Window == 0 {
		c.Window = time.Minute
	}
	if c.Linger == 0 {
		c.Linger = time.Minute
	}
	if c.MaxStreamBytes == 0 {
		c.MaxStreamBytes = 512 << 20
	}
	if c.SendTimeout == 0 {
		c.SendTimeout = time.Minute
	}
	if c.Viewers == nil {
		c.Viewers = NewViewerTokens(nil)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	var errs []error
	if c.SegmentTarget < 500*time.Millisecond || c.SegmentTarget > 30*time.Second {
		errs = append(errs, errors.New("SegmentTarget must be 0.5s to 30s"))
	}
	if c.PartTarget < 50*time.Millisecond || c.PartTarget > c.SegmentTarget {
		errs = append(errs, errors.New("PartTarget must be 50ms to SegmentTarget"))
	}
	if c.Window < 0 || c.Linger < 0 || c.SendTimeout < 0 {
		errs = append(errs, errors.New("negative Window, Linger or SendTimeout: use zero for the default"))
	}
	if c.MaxStreamBytes < 1<<20 {
		errs = append(errs, errors.New("MaxStreamBytes must be at least 1 MiB"))
	}
	return errors.Join(errs...)
}

// Server holds the streams of all channels and serves them over HTTP.
type Server struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	zippers *sync.Pool    // of *gzip.Writer
	buffers sync.Pool     // of *[copyBelow]byte
	done    chan struct{} // closed when Run ends: waiting requests end

	mu      sync.RWMutex
	streams map[string]*Stream // guarded by mu; by channel
	stopped bool               // guarded by mu
}

// New returns a Server without streams. It serves at once; Run keeps it clean.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("hls: %w", err)
	}
	s := &Server{
		cfg:     cfg,
		log:     cfg.Logger,
		zippers: newZippers(),
		done:    make(chan struct{}),
		streams: make(map[string]*Stream),
	}
	s.metrics = newMetrics(cfg.Registerer)
	return s, nil
}

// Run forgets streams that ended long enough ago and counts viewers, until ctx
// ends. Then it ends the requests that wait, releases all media and returns nil.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.sweep(s.cfg.Now())
		case <-ctx.Done():
			s.stop()
			return nil
		}
	}
}

// sweep removes what lingered long enough and refreshes the gauges.
func (s *Server) sweep(now time.Time) {
	s.mu.Lock()
	var gone, kept []*Stream
	for channel, st := range s.streams {
		if st.expired(now) {
			delete(s.streams, channel)
			gone = append(gone, st)
			continue
		}
		kept = append(kept, st)
	}
	s.mu.Unlock()
	for _, st := range gone {
		st.release()
	}
	var viewers int
	var stored int64
	for _, st := range kept {
		st.look(now)
		viewers += st.viewers.count(now)
		stored += st.storedBytes()
	}
	s.metrics.streams.Set(float64(len(kept)))
	s.metrics.viewers.Set(float64(viewers))
	s.metrics.stored.Set(float64(stored))
}

func (s *Server) stop() {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return
	}
	s.stopped = true
	streams := s.streams
	s.streams = make(map[string]*Stream)
	s.mu.Unlock()
	close(s.done)
	for _, st := range streams {
		st.release()
	}
}

// Options describes a stream before its first packet.
type Options struct {
	// ExpectRungs is the ladder that is going to be written. The multivariant
	// playlist waits a moment for these.
	ExpectRungs []stream.Rung
}

// Open returns a new Stream that is served as channel. It takes the place of the
// channel's last one, which is ended first if it was not.
func (s *Server) Open(channel string, o Options) *Stream {
	st := newStream(s, channel, rand.Text(), o)
	s.mu.Lock()
	old := s.streams[channel]
	if !s.stopped {
		s.streams[channel] = st
	}
	s.mu.Unlock()
	if old != nil {
		old.End()
		old.release()
	}
	return st
}

// Viewers returns how many viewers asked for a media playlist of channel just now,
// listeners included.
func (s *Server) Viewers(channel string) int {
	st := s.stream(channel)
	if st == nil {
		return 0
	}
	return st.viewers.count(s.cfg.Now())
}

// TotalViewers returns how many different viewers the stream of channel has had
// since it began. Those who share an address and a user agent count as often as they
// watched at one time.
func (s *Server) TotalViewers(channel string) int {
	st := s.stream(channel)
	if st == nil {
		return 0
	}
	return st.viewers.ever()
}

// Crowds calls f for every crowd, see ViewerTokens, that watches channel now: with how
// many viewers it is, and how many of these hear audio only. f must be quick, and ask
// nothing of s.
func (s *Server) Crowds(channel string, f func(crowd uint64, viewers, listeners int)) {
	if st := s.stream(channel); st != nil {
		st.viewers.each(s.cfg.Now(), f)
	}
}

// stream returns the stream of channel, nil if there is none.
func (s *Server) stream(channel string) *Stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.streams[channel]
}

var _ http.Handler = (*Server)(nil)
