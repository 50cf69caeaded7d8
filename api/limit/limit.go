// Package limit counts how often something happens, so that it does not happen too
// often: in memory, or in Redis for all nodes together.
package limit

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// Rate is how often something may happen: Quota times in a Window, which begins
// with the first time.
type Rate struct {
	Quota  int64
	Window time.Duration
}

// State is where a count stands.
type State struct {
	Remaining int64         // times left in this window
	Reset     time.Duration // until the window ends
	Exceeded  bool          // this time was one too many
}

// stateOf returns where a count stands that has come to count.
func stateOf(r Rate, count int64, reset time.Duration) State {
	return State{Remaining: max(0, r.Quota-count), Reset: max(0, reset), Exceeded: count > r.Quota}
}

// Store counts.
type Store interface {
	// Count counts one more under key. A key is used with one Rate only.
	Count(ctx context.Context, key string, r Rate) (State, error)
}

// Config says where to count.
type Config struct {
	Redis  redis.UniversalClient // shared by all nodes; nil counts in memory. The caller closes it
	Prefix string                // of keys in Redis; "bandstand:limit:" if empty
	Logger *slog.Logger          // hears when Redis is lost and found; required with Redis
}

// New returns the Store for cfg. With Redis, it counts in memory while Redis does not
// answer: each node then for itself.
func New(cfg Config) Store {
	memory := NewMemory(MemoryConfig{})
	if cfg.Redis == nil {
		return memory
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "bandstand:limit:"
	}
	return NewFailover(NewRedis(cfg.Redis, cfg.Prefix), memory, cfg.Logger)
}

// Rests sees to it that something happens only once in a while.
type Rests struct{ store Store }

// NewRests returns Rests that counts in store.
func NewRests(store Store) *Rests { return &Rests{store} }

// Take notes that what key names happens now, if the last time was not within every.
// Otherwise nothing is noted, and wait is how long it takes until it may.
func (r *Rests) Take(ctx context.Context, key string, every time.Duration) (wait time.Duration, err error) {
	state, err := r.store.Count(ctx, "rest "+key, Rate{Quota: 1, Window: every})
	if err != nil || !state.Exceeded {
		return 0, err
	}
	return max(time.Millisecond, state.Reset), nil
}
