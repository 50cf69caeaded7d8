package audience

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// sampleEvery is the time between looks at who watches, and how old a number may be.
	sampleEvery = time.Second

	// sightingLife is how long what a node has told counts: five missed reports.
	sightingLife = 5 * time.Second

	// maxNodes bounds how many nodes are listened to.
	maxNodes = 64
)

// Tokens reads the tokens that playlists carry.
type Tokens interface {
	// Read returns whom token was made for: a player of a crowd. It is false for one
	// that is forged or has expired.
	Read(token string, now time.Time) (crowd, player uint64, ok bool)
	// Crowd returns the crowd of those who come from addr with a user agent.
	Crowd(addr netip.Addr, agent string) uint64
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	Sources    []Source // what is played in this process; each answers at once
	Tokens     Tokens
	Peers      Peers            // other nodes with the role api; none if nil
	Now        func() time.Time // time.Now if nil
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service is the audience of all channels, as far as this process knows. It is safe
// for concurrent use.
type Service struct {
	cfg     Config
	metrics *metrics

	mu      sync.Mutex
	sockets *sockets           // guarded by mu
	reports map[string]report  // guarded by mu; of ingest nodes
	peers   map[string]report  // guarded by mu; of other nodes with the role api
	counted map[string]counted // guarded by mu; by slug
	airings map[string]*airing // guarded by mu; by slug
}

// report is what a node has told.
type report struct {
	seen     time.Time
	channels map[string]Sightings // by slug; never changed
}

// counted is how many watched a moment ago.
type counted struct {
	at        time.Time
	who       Sightings
	viewers   int
	listeners int
}

// NewService returns a Service. It measures broadcasts while Run runs.
func NewService(cfg Config) (*Service, error) {
	if cfg.Tokens == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return nil, errors.New("audience: tokens, a logger and a registerer are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("audience: %w", err)
	}
	s := &Service{
		cfg: cfg, metrics: m, sockets: newSockets(),
		reports: map[string]report{}, peers: map[string]report{},
		counted: map[string]counted{}, airings: map[string]*airing{},
	}
	if cfg.Peers != nil {
		s.listen()
	}
	return s, nil
}

// Run measures the audience of what is on air each second, and tells other nodes, until
// ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.sample()
			if s.cfg.Peers != nil {
				s.tell()
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Count returns how many watch a channel, and how many of these only listen. It is at
// most a second old, and the same for all who ask within it.
func (s *Service) Count(slug string) (viewers, listeners int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.countLocked(slug, s.cfg.Now())
	return c.viewers, c.listeners
}

// countLocked counts a channel, unless that was done a moment ago. s.mu is held.
func (s *Service) countLocked(slug string, now time.Time) counted {
	c, known := s.counted[slug]
	if age := now.Sub(c.at); known && age >= 0 && age < sampleEvery {
		return c
	}
	views := s.ownLocked(slug, now)
	for _, r := range s.peers {
		if r.fresh(now) {
			views = append(views, r.channels[slug])
		}
	}
	c = counted{at: now, who: Merge(views...)}
	c.viewers, c.listeners = c.who.Count()
	s.counted[slug] = c
	return c
}

// ownLocked returns who was seen here and on the ingest nodes that report here. s.mu
// is held.
func (s *Service) ownLocked(slug string, now time.Time) []Sightings {
	views := make([]Sightings, 0, len(s.cfg.Sources)+len(s.reports)+len(s.peers)+1)
	for _, source := range s.cfg.Sources {
		views = append(views, Collect(source, slug))
	}
	views = append(views, s.sockets.sightings(slug))
	for _, r := range s.reports {
		if r.fresh(now) {
			views = append(views, r.channels[slug])
		}
	}
	return views
}
