package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Registry holds the sessions that are on air, one a channel.
type Registry struct {
	cfg     Config
	metrics *metrics

	running sync.WaitGroup // the consumers of sessions
	blind   bool           // Run's: the stream keys could not be asked for

	mu       sync.Mutex
	sessions map[string]*Session // guarded by mu; by channel
	closed   bool                // guarded by mu
}

// New returns a Registry that takes publishers once Run is called.
func New(cfg Config) (*Registry, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("live: %w", err)
	}
	r := &Registry{cfg: cfg, sessions: map[string]*Session{}}
	r.metrics = newMetrics(cfg.Registerer, r)
	return r, nil
}

// Run watches the stream keys in use until ctx ends. Then it ends every session,
// waits for their consumers and returns nil.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(r.cfg.CheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.checkKeys(ctx)
		case <-ctx.Done():
			r.close()
			return nil
		}
	}
}

func (r *Registry) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	for _, s := range r.Sessions() {
		s.end(ErrClosed)
	}
	r.running.Wait()
}

// Open puts a publisher on air. A channel that waits for its publisher resumes its
// session; on one that is on air, the publisher there yields if it is silent or
// the policy is takeover, otherwise the error is ErrBusy. ErrClosed means that the
// server is shutting down. The caller must Close the Publisher.
func (r *Registry) Open(_ context.Context, g Grant, src Source) (*Publisher, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	s := r.sessions[g.Channel]
	if s == nil {
		s = newSession(r, g)
		r.sessions[g.Channel] = s
	}
	p, err := s.connect(g, src)
	if err != nil {
		r.metrics.refused.Inc()
		return nil, err
	}
	return p, nil
}

// forget takes s out of the registry, so that the next publisher begins a new one.
func (r *Registry) forget(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[s.Channel] == s {
		delete(r.sessions, s.Channel)
	}
}

// Session returns the session of a channel that is on air or waiting for its
// publisher to return.
func (r *Registry) Session(channel string) (*Session, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sessions[channel]
	return s, ok
}

// Sessions returns every session, in no order.
func (r *Registry) Sessions() []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*Session, 0, len(r.sessions))
	for _, s := range r.sessions {
		all = append(all, s)
	}
	return all
}

// checkKeys ends the sessions whose stream key was revoked.
func (r *Registry) checkKeys(ctx context.Context) {
	sessions := r.Sessions()
	ids := make([]string, 0, len(sessions))
	for _, s := range sessions {
		ids = append(ids, s.Grant().KeyID)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	revoked, err := r.cfg.Keys.Revoked(ctx, ids)
	if err != nil {
		if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			r.metrics.keyErrors.Inc()
			if !r.blind { // once for all the times that follow
				r.cfg.Logger.WarnContext(ctx, "could not ask for revoked stream keys: sessions go on", "err", err)
			}
			r.blind = true
		}
		return
	}
	if r.blind {
		r.cfg.Logger.InfoContext(ctx, "revoked stream keys are known again")
		r.blind = false
	}
	gone := make(map[string]bool, len(revoked))
	for _, id := range revoked {
		gone[id] = true
	}
	for _, s := range sessions {
		if gone[s.Grant().KeyID] {
			s.end(ErrRevoked)
		}
	}
}
