package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/prometheus/client_golang/prometheus"

	"bandstand/storage/db"
)

// Config is what a Cache needs. Fields without a default are required.
type Config[K comparable] struct {
	DB *db.DB
	// Topic is what db.Tx.Notify is told when an entry is no longer true. It also
	// labels the metrics.
	Topic string
	// Key is what Notify is told of the entries of k; entries may share one.
	Key func(k K) string
	// TTL is how long an entry is taken for true.
	TTL time.Duration
	// MaxStale is how old an entry may be that is served because the database
	// cannot be asked; none is if zero.
	MaxStale time.Duration
	// MaxEntries bounds the memory; 10000 if zero.
	MaxEntries int
	// LoadTimeout is how long the database is given to answer; 2s if zero.
	LoadTimeout time.Duration
	Now         func() time.Time // time.Now if nil
	Registerer  prometheus.Registerer
}

func (cfg *Config[K]) validate() error {
	var errs []error
	if cfg.DB == nil || cfg.Key == nil || cfg.Registerer == nil {
		errs = append(errs, errors.New("a database, a key and a registerer are needed"))
	}
	if cfg.Topic == "" {
		errs = append(errs, errors.New("a topic is needed"))
	}
	if cfg.TTL <= 0 {
		errs = append(errs, errors.New("the time to live must be positive"))
	}
	if cfg.MaxStale < 0 || cfg.MaxEntries < 0 || cfg.LoadTimeout < 0 {
		errs = append(errs, errors.New("a limit is negative"))
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = 10_000
	}
	if cfg.LoadTimeout == 0 {
		cfg.LoadTimeout = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return errors.Join(errs...)
}

// Cache holds values read from the database. Its values are shared: nobody may
// change them.
type Cache[K comparable, V any] struct {
	cfg     Config[K]
	metrics *metrics
	entries *otter.Cache[K, entry[V]] // written under mu
	// asleep is when the database may be asked again while there is an older value
	// to serve, in nanoseconds since 1970.
	asleep atomic.Int64

	// gaps counts the times when notices may have been missed: what was asked for
	// before the last of them is asked for again.
	gaps atomic.Int64

	mu    sync.Mutex
	loads map[K]*load[V] // guarded by mu; those under way
}

type entry[V any] struct {
	value V
	at    time.Time // when it was asked for
	gaps  int64     // that there had been by then
}

// isFresh reports whether e need not be asked for again.
func (c *Cache[K, V]) isFresh(e entry[V], now time.Time) bool {
	return e.gaps == c.gaps.Load() && now.Sub(e.at) < c.cfg.TTL
}

// load is one question to the database, for everyone who asks meanwhile. Its fields
// are set before done is closed.
type load[V any] struct {
	done      chan struct{}
	abandoned bool // whoever asked has left: the others ask again
	value     V
	err       error
}

// ended is the done of a load that needs no waiting.
var ended = func() chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}()

// rest is how long the database is left alone after it could not be asked, where
// there is an older value.
const rest = time.Second

// New returns an empty Cache that lasts as long as cfg.DB. Other nodes' changes are
// heard while DB.Listen runs; without it they show after cfg.TTL.
func New[K comparable, V any](cfg Config[K]) (*Cache[K, V], error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	entries, err := otter.New(&otter.Options[K, entry[V]]{
		MaximumSize: cfg.MaxEntries,
		Executor:    func(do func()) { do() }, // no goroutines that nobody waits for
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	c := &Cache[K, V]{
		cfg: cfg, metrics: newMetrics(cfg.Registerer, cfg.Topic),
		entries: entries, loads: make(map[K]*load[V]),
	}
	cfg.DB.Subscribe(cfg.Topic, c.forget, c.doubtAll)
	return c, nil
}

// Get returns the value of key, which ask reads from the database if it is not here.
// ask runs once for all who want the key at a time, and has LoadTimeout. Its errors
// come back and are not kept: what is often asked for in vain should be a value. If
// the database cannot be asked, a value that is not older than MaxStale is returned.
func (c *Cache[K, V]) Get(ctx context.Context, key K, ask func(context.Context) (V, error)) (V, error) {
	for {
		old, have := c.entries.GetIfPresent(key)
		now := c.cfg.Now()
		if have && c.isFresh(old, now) {
			c.metrics.hits.Inc()
			return old.value, nil
		}
		if have && now.Sub(old.at) < c.cfg.MaxStale && now.UnixNano() < c.asleep.Load() {
			c.metrics.stale.Inc()
			return old.value, nil
		}
		l, mine := c.join(key)
		if mine {
			c.run(ctx, key, l, ask)
			return l.value, l.err
		}
		select {
		case <-l.done:
			if !l.abandoned {
				c.metrics.hits.Inc()
				return l.value, l.err
			}
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
}

// join returns the load of key that is under way or has just ended, or a new one
// that is the caller's.
func (c *Cache[K, V]) join(key K) (l *load[V], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.loads[key]; ok {
		return l, false
	}
	if e, ok := c.entries.GetIfPresent(key); ok && c.isFresh(e, c.cfg.Now()) {
		return &load[V]{done: ended, value: e.value}, false
	}
	l = &load[V]{done: make(chan struct{})}
	c.loads[key] = l
	return l, true
}

// run asks for the value of key and settles l, also if ask panics.
func (c *Cache[K, V]) run(ctx context.Context, key K, l *load[V], ask func(context.Context) (V, error)) {
	c.metrics.loads.Inc()
	at := c.cfg.Now()
	l.abandoned = true // unless ask returns
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.loads[key] == l { // not forgotten meanwhile
			delete(c.loads, key)
			c.settle(key, l, at)
		}
		close(l.done)
	}()
	limited, cancel := context.WithTimeout(ctx, c.cfg.LoadTimeout)
	defer cancel()
	l.value, l.err = ask(limited)
	l.abandoned = l.err != nil && ctx.Err() != nil
}

// settle keeps what l brought, or puts an older value in the place of an error. c.mu
// is held.
func (c *Cache[K, V]) settle(key K, l *load[V], at time.Time) {
	switch {
	case l.err != nil && db.IsUnavailable(l.err):
		now := c.cfg.Now()
		if old, have := c.entries.GetIfPresent(key); have && now.Sub(old.at) < c.cfg.MaxStale {
			c.metrics.stale.Inc()
			c.asleep.Store(now.Add(rest).UnixNano())
			l.value, l.err, l.abandoned = old.value, nil, false
		}
	case l.abandoned:
	case l.err != nil:
		c.entries.Invalidate(key) // it is not what it was
	default:
		c.entries.Set(key, entry[V]{l.value, at, c.gaps.Load()})
	}
}

// forget drops the entries that Notify calls name. Loads under way may have read
// what was true before, so they are not kept.
func (c *Cache[K, V]) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.entries.Keys() {
		if c.cfg.Key(key) == name {
			c.entries.Invalidate(key)
		}
	}
	for key := range c.loads {
		if c.cfg.Key(key) == name {
			delete(c.loads, key)
		}
	}
}

// doubtAll has everything asked for again: notices may have been missed. What is here
// still stands in if the database goes away once more.
func (c *Cache[K, V]) doubtAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gaps.Add(1)
	c.asleep.Store(0)
	clear(c.loads)
}
