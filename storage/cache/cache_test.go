package cache_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"bandstand/storage/cache"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits for what must happen; a busy machine needs some.
const patience = 30 * time.Second

var errDown = fmt.Errorf("ask: %w", driver.ErrBadConn)

func TestValueIsKeptForItsTime(t *testing.T) {
	t.Parallel()
	c, clock := newCache(t, dbtest.SQLite(t))
	require.Equal(t, 1, get(t, c, "a", value(1)))
	clock.add(time.Minute - 1)
	require.Equal(t, 1, get(t, c, "a", value(2)))
	clock.add(1)
	require.Equal(t, 2, get(t, c, "a", value(2)))
	require.Equal(t, 3, get(t, c, "b", value(3)))
}

func TestErrorIsNotKept(t *testing.T) {
	t.Parallel()
	c, clock := newCache(t, dbtest.SQLite(t))
	get(t, c, "a", value(1))
	clock.add(time.Minute)
	_, err := c.Get(t.Context(), "a", failing(db.ErrNotFound))
	require.ErrorIs(t, err, db.ErrNotFound)
	_, err = c.Get(t.Context(), "a", failing(errDown))
	require.ErrorIs(t, err, driver.ErrBadConn, "what is gone is not served for being old")
	require.Equal(t, 2, get(t, c, "a", value(2)))
}

func TestOldValueIsServedWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	c, clock := newCache(t, dbtest.SQLite(t))
	_, err := c.Get(t.Context(), "a", failing(errDown))
	require.ErrorIs(t, err, driver.ErrBadConn)
	get(t, c, "a", value(1))
	clock.add(time.Minute)
	require.Equal(t, 1, get(t, c, "a", failing(errDown)))
	require.Equal(t, 1, get(t, c, "a", value(2)), "the database has a moment's rest")
	clock.add(time.Second)
	require.Equal(t, 2, get(t, c, "a", value(2)))

	clock.add(time.Hour - 1)
	require.Equal(t, 2, get(t, c, "a", failing(errDown)))
	clock.add(1)
	_, err = c.Get(t.Context(), "a", failing(errDown))
	require.ErrorIs(t, err, driver.ErrBadConn, "it is too old")
}

func TestOldValueIsServedWhileTheDatabaseHangs(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	clock := &clock{}
	c, err := cache.New[string, int](cache.Config[string]{
		DB: d, Topic: "things", Key: name, TTL: time.Minute, MaxStale: time.Hour,
		LoadTimeout: time.Millisecond, Now: clock.now, Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	get(t, c, "a", value(1))
	clock.add(time.Minute)
	hang := func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	require.Equal(t, 1, get(t, c, "a", hang))
	_, err = c.Get(t.Context(), "b", hang)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestManyAskOnce(t *testing.T) {
	t.Parallel()
	c, _ := newCache(t, dbtest.SQLite(t))
	var asked atomic.Int64
	began, goOn := make(chan struct{}, 100), make(chan struct{})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			began <- struct{}{}
			v, err := c.Get(t.Context(), "a", func(context.Context) (int, error) {
				asked.Add(1)
				<-goOn
				return 7, nil
			})
			if v != 7 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
		})
	}
	for range 100 {
		<-began
	}
	close(goOn)
	wg.Wait()
	require.EqualValues(t, 1, asked.Load())
}

func TestWhoAskedMayLeave(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(context.CancelFunc){
		"by context": func(cancel context.CancelFunc) { cancel() },
		"by panic":   func(context.CancelFunc) { panic("half way") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newCache(t, dbtest.SQLite(t))
			began, goOn := make(chan struct{}), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() {
				defer func() { _ = recover() }()
				_, err := c.Get(ctx, "a", func(ctx context.Context) (int, error) {
					close(began)
					<-goOn
					leave(cancel)
					return 0, ctx.Err()
				})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
			<-began
			ended, leaveToo := context.WithCancel(t.Context())
			leaveToo()
			_, err := c.Get(ended, "a", value(1))
			require.ErrorIs(t, err, context.Canceled)
			wg.Go(func() {
				if v, err := c.Get(t.Context(), "a", value(2)); v != 2 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
			close(goOn)
		})
	}
}

func TestNoticeForgets(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c, _ := newCache(t, d)
		get(t, c, "a", value(1))
		get(t, c, "b", value(1))
		refused := errors.New("refused")
		require.ErrorIs(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			require.NoError(t, tx.Notify(t.Context(), "things", "a"))
			return refused
		}), refused)
		require.Equal(t, 1, get(t, c, "a", value(2)), "rolled back")
		notify(t, d, "a")
		require.Equal(t, 2, get(t, c, "a", value(2)))
		require.Equal(t, 1, get(t, c, "b", value(2)))
	})
}

// TestNoticeForgetsWhatIsBeingRead: it may be what was true before.
func TestNoticeForgetsWhatIsBeingRead(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	c, _ := newCache(t, d)
	require.Equal(t, 1, get(t, c, "a", func(context.Context) (int, error) {
		notify(t, d, "a")
		require.Equal(t, 2, get(t, c, "a", value(2)), "asked after the change")
		return 1, nil
	}))
	require.Equal(t, 2, get(t, c, "a", value(3)))
}

func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	c, err := cache.New[string, int](cache.Config[string]{
		DB: dbtest.SQLite(t), Topic: "things", Key: name, TTL: time.Minute, MaxEntries: 10,
		Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	for i := range 1000 {
		get(t, c, fmt.Sprint(i), value(i))
	}
	kept := 0
	for i := range 1000 {
		if v, err := c.Get(t.Context(), fmt.Sprint(i), failing(errDown)); err == nil {
			require.Equal(t, i, v)
			kept++
		}
	}
	require.LessOrEqual(t, kept, 10)
	require.Positive(t, kept)
}

func TestNodesForgetTogether(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	a, b := node(t, url), node(t, url)
	atA, _ := newCache(t, a)
	atB, clock := newCache(t, b)
	heard := make(chan string, 10)
	missed := make(chan struct{}, 10)
	b.Subscribe("things", func(key string) { heard <- key }, func() { missed <- struct{}{} }) // after the cache
	listen(t, b)
	next(t, missed)

	get(t, atA, "a", value(1))
	get(t, atB, "a", value(1))
	notify(t, a, "a")
	next(t, heard)
	require.Equal(t, 2, get(t, atA, "a", value(2)))
	require.Equal(t, 2, get(t, atB, "a", value(2)))

	// Away: what is old is served. Back: nothing is believed any more.
	ask := func(ctx context.Context) (int, error) {
		_, err := b.Read().HasUserWithRole(ctx, "admin")
		return 3, err
	}
	proxy.Cut()
	clock.add(time.Minute)
	require.Equal(t, 2, get(t, atB, "a", ask))
	proxy.Restore()
	next(t, missed)
	require.Eventually(t, func() bool { // each broken connection of the pool shows once
		clock.add(2 * time.Second)
		return get(t, atB, "a", ask) == 3
	}, 10*time.Second, 10*time.Millisecond)
}

func TestOldValuesOutliveAGap(t *testing.T) {
	t.Parallel()
	c, _ := newCache(t, dbtest.SQLite(t))
	get(t, c, "a", value(1))
	cache.Doubt(c)
	require.Equal(t, 1, get(t, c, "a", failing(errDown)), "it went away again")
	cache.Doubt(c)
	require.Equal(t, 2, get(t, c, "a", value(2)), "what may have changed is asked for")
	require.Equal(t, 2, get(t, c, "a", value(3)))
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	full := cache.Config[string]{
		DB: dbtest.SQLite(t), Topic: "things", Key: name, TTL: time.Minute, Registerer: prometheus.NewRegistry(),
	}
	for want, change := range map[string]func(*cache.Config[string]){
		"a database":   func(c *cache.Config[string]) { c.DB = nil },
		"a key":        func(c *cache.Config[string]) { c.Key = nil },
		"a topic":      func(c *cache.Config[string]) { c.Topic = "" },
		"time to live": func(c *cache.Config[string]) { c.TTL = 0 },
		"negative":     func(c *cache.Config[string]) { c.MaxEntries = -1 },
	} {
		cfg := full
		change(&cfg)
		_, err := cache.New[string, int](cfg)
		require.ErrorContains(t, err, want)
	}
}

func newCache(t *testing.T, d *db.DB) (*cache.Cache[string, int], *clock) {
	t.Helper()
	clock := &clock{}
	c, err := cache.New[string, int](cache.Config[string]{
		DB: d, Topic: "things", Key: name, TTL: time.Minute, MaxStale: time.Hour,
		LoadTimeout: patience, Now: clock.now, Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	return c, clock
}

func name(key string) string { return key }

func value(v int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return v, nil }
}

func failing(err error) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return 0, err }
}

func get(t *testing.T, c *cache.Cache[string, int], key string, ask func(context.Context) (int, error)) int {
	t.Helper()
	v, err := c.Get(t.Context(), key, ask)
	require.NoError(t, err)
	return v
}

func notify(t *testing.T, d *db.DB, key string) {
	t.Helper()
	require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error { return tx.Notify(t.Context(), "things", key) }))
}

func node(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func listen(t *testing.T, d *db.DB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Listen(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// clock is a time that tests move.
type clock struct{ since atomic.Int64 }

func (c *clock) add(d time.Duration) { c.since.Add(int64(d)) }

func (c *clock) now() time.Time { return time.Unix(1_700_000_000, c.since.Load()) }
