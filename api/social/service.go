// Package social is who is whose friend, who is here, and what people are told of in
// their inbox.
//
// Friendships, requests, blocks and notifications are stored. Who is online is not:
// nodes know it of their own sockets and tell each other, see presence.
package social

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
)

// Sockets is what a Service needs of the sockets of this node and of the other nodes.
type Sockets interface {
	// Tell sends an event to all sockets of a person, on all nodes.
	Tell(ctx context.Context, user uuid.UUID, e realtime.Event)
	// Announce tells all nodes something.
	Announce(kind string, data []byte) error
	// ID is this node's among all.
	ID() string
	// Running reports whether clients can connect, and other nodes be heard.
	Running() bool
}

// Channels finds out who may see a channel.
type Channels interface {
	// BySlug returns what p is on a channel; auth.ErrChannelNotFound if p may not see it.
	BySlug(ctx context.Context, p auth.Principal, slug string) (auth.Access, error)
}

// Jobs hands work to the queue.
type Jobs interface {
	Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// Config is what a Service needs. Fields without a default are required.
type Config struct {
	DB         *db.DB
	Channels   Channels
	Sockets    Sockets       // nobody is told of anything if nil
	Jobs       Jobs          // tell followers who are not connected; they are not told if nil
	Tick       time.Duration // how often Run looks at what is due; 250ms if zero
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service holds the rules of friends, presence and inbox. It is safe for concurrent use.
type Service struct {
	cfg      Config
	presence *presence
	metrics  *metrics
	begun    chan uuid.UUID // broadcasts that have begun

	mu      sync.Mutex
	open    map[string]bool        // guarded by mu; whether everyone may see what is watched here, by slug
	recheck map[string]struct{}    // guarded by mu; slugs in open of which that may have changed
	reread  map[uuid.UUID]struct{} // guarded by mu; whose settings may have changed
}

// NewService returns a Service. Nobody is told who is here unless Run runs.
func NewService(cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Channels == nil || cfg.Logger == nil || cfg.Registerer == nil {
		return nil, errors.New("social: a database, channels, a logger and a registerer are required")
	}
	if cfg.Sockets == nil {
		cfg.Sockets = noSockets{}
	}
	cfg.Tick = cmp.Or(cfg.Tick, 250*time.Millisecond)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Service{
		cfg: cfg, presence: newPresence(), begun: make(chan uuid.UUID, maxBegun),
		open: map[string]bool{}, recheck: map[string]struct{}{}, reread: map[uuid.UUID]struct{}{},
	}
	var err error
	if s.metrics, err = newMetrics(cfg.Registerer, s); err != nil {
		return nil, fmt.Errorf("social: %w", err)
	}
	cfg.DB.Subscribe(auth.TopicChannel, s.channelChanged, s.channelsMissed)
	cfg.DB.Subscribe(topicSettings, s.settingsChanged, s.settingsMissed)
	cfg.DB.Subscribe(topicBegun, s.heardBegun, func() {})
	return s, nil
}

// noSockets is a node that nobody is connected to.
type noSockets struct{}

func (noSockets) Tell(context.Context, uuid.UUID, realtime.Event) {}
func (noSockets) Announce(string, []byte) error                   { return nil }
func (noSockets) ID() string                                      { return "" }
func (noSockets) Running() bool                                   { return false }

// newID returns the id of a new row.
func newID() (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("social: make an id: %w", err)
	}
	return id, nil
}

// tell sends an event to all sockets of a person; also when the request that it follows
// from is over.
func (s *Service) tell(ctx context.Context, user uuid.UUID, kind string, data any) {
	s.cfg.Sockets.Tell(context.WithoutCancel(ctx), user, realtime.Event{Type: kind, Data: data})
}
