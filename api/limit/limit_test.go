package limit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bandstand/api/limit"
	"bandstand/api/limit/limittest"
)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func count(t testing.TB, s limit.Store, key string, r limit.Rate) limit.State {
	t.Helper()
	state, err := s.Count(t.Context(), key, r)
	require.NoError(t, err)
	return state
}

// TestEveryStoreCounts runs what all of them have in common.
func TestEveryStoreCounts(t *testing.T) {
	t.Parallel()
	rate := limit.Rate{Quota: 3, Window: time.Minute}
	for name, newStore := range map[string]func(t *testing.T) limit.Store{
		"memory": func(*testing.T) limit.Store { return limit.NewMemory(limit.MemoryConfig{}) },
		"redis": func(t *testing.T) limit.Store {
			t.Helper()
			return limit.NewRedis(limittest.Redis(t), uuid.NewString()+":")
		},
		"failover": func(t *testing.T) limit.Store {
			t.Helper()
			return limit.New(limit.Config{Redis: limittest.Redis(t), Prefix: uuid.NewString() + ":", Logger: slog.New(slog.DiscardHandler)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			for i := range 5 {
				state := count(t, s, "a", rate)
				require.Equal(t, max(0, int64(2-i)), state.Remaining)
				require.Equal(t, i >= 3, state.Exceeded)
				require.Greater(t, state.Reset, time.Duration(0))
				require.LessOrEqual(t, state.Reset, time.Minute)
			}
			require.False(t, count(t, s, "b", rate).Exceeded, "another key")

			var together sync.WaitGroup
			var mu sync.Mutex
			passed := 0
			for range 20 {
				together.Go(func() {
					state, err := s.Count(t.Context(), "crowd", limit.Rate{Quota: 7, Window: time.Minute})
					mu.Lock()
					defer mu.Unlock()
					if err == nil && !state.Exceeded {
						passed++
					}
				})
			}
			together.Wait()
			require.Equal(t, 7, passed)

			rests := limit.NewRests(s)
			wait, err := rests.Take(t.Context(), "like", 10*time.Second)
			require.NoError(t, err)
			require.Zero(t, wait)
			wait, err = rests.Take(t.Context(), "like", 10*time.Second)
			require.NoError(t, err)
			require.Greater(t, wait, time.Duration(0))
			require.LessOrEqual(t, wait, 10*time.Second)
		})
	}
}

func TestWindowsEnd(t *testing.T) {
	t.Parallel()
	now := &clock{now: time.Unix(1e9, 0)}
	s := limit.NewMemory(limit.MemoryConfig{Now: now.read})
	rate := limit.Rate{Quota: 1, Window: time.Minute}
	require.False(t, count(t, s, "a", rate).Exceeded)
	now.add(59 * time.Second)
	state := count(t, s, "a", rate)
	require.True(t, state.Exceeded)
	require.Equal(t, time.Second, state.Reset)
	now.add(time.Second)
	require.False(t, count(t, s, "a", rate).Exceeded)

	rests := limit.NewRests(s)
	_, err := rests.Take(t.Context(), "x", 10*time.Second)
	require.NoError(t, err)
	now.add(4 * time.Second)
	wait, err := rests.Take(t.Context(), "x", 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, 6*time.Second, wait, "to have been refused does not make it longer")
	now.add(wait)
	wait, err = rests.Take(t.Context(), "x", 10*time.Second)
	require.NoError(t, err)
	require.Zero(t, wait)
}

func TestRedisEndsWindows(t *testing.T) {
	t.Parallel()
	client := limittest.Redis(t)
	prefix := uuid.NewString() + ":"
	s := limit.NewRedis(client, prefix)
	rate := limit.Rate{Quota: 1, Window: time.Hour}
	require.False(t, count(t, s, "a", rate).Exceeded)
	require.True(t, count(t, s, "a", rate).Exceeded)
	left, err := client.PTTL(t.Context(), prefix+"a").Result()
	require.NoError(t, err)
	require.Greater(t, left, time.Duration(0))
	require.LessOrEqual(t, left, time.Hour)

	require.NoError(t, client.Persist(t.Context(), prefix+"a").Err())
	require.Equal(t, time.Hour, count(t, s, "a", rate).Reset, "a key that lost its end gets another")

	require.NoError(t, client.PExpire(t.Context(), prefix+"a", time.Millisecond).Err())
	require.Eventually(t, func() bool { return client.Exists(t.Context(), prefix+"a").Val() == 0 }, 10*time.Second, time.Millisecond)
	require.False(t, count(t, s, "a", rate).Exceeded)
}

func TestTwoNodesShareTheirLimits(t *testing.T) {
	t.Parallel()
	prefix := uuid.NewString() + ":"
	here, there := limit.NewRedis(limittest.Redis(t), prefix), limit.NewRedis(limittest.Redis(t), prefix)
	rate := limit.Rate{Quota: 2, Window: time.Minute}
	require.False(t, count(t, here, "a", rate).Exceeded)
	require.False(t, count(t, there, "a", rate).Exceeded)
	require.True(t, count(t, here, "a", rate).Exceeded)
	require.True(t, count(t, there, "a", rate).Exceeded)
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	now := &clock{now: time.Unix(1e9, 0)}
	s := limit.NewMemory(limit.MemoryConfig{MaxKeys: 1000, Now: now.read})
	rate := limit.Rate{Quota: 20, Window: time.Minute}
	for range 21 {
		count(t, s, "busy", rate)
	}
	for i := range 200_000 {
		count(t, s, fmt.Sprint("passer-by ", i), rate)
	}
	require.Equal(t, 1000, s.Len())
	require.True(t, count(t, s, "busy", rate).Exceeded, "a flood of addresses does not make it forgotten")
	now.add(time.Minute)
	require.False(t, count(t, s, "busy", rate).Exceeded)
	require.Equal(t, 1, s.Len(), "what is over is forgotten")
}

// broken is a Store that fails while it is told to.
type broken struct {
	limit.Store

	mu    sync.Mutex
	fails bool // guarded by mu
	asked int  // guarded by mu
}

func (b *broken) Count(ctx context.Context, key string, r limit.Rate) (limit.State, error) {
	b.mu.Lock()
	b.asked++
	fails := b.fails
	b.mu.Unlock()
	if fails {
		return limit.State{}, errors.New("no answer")
	}
	return b.Store.Count(ctx, key, r)
}

func TestLimitsHoldWithoutRedis(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	now := &clock{now: time.Unix(1e9, 0)}
	first := &broken{Store: limit.NewMemory(limit.MemoryConfig{})}
	s := limit.NewFailover(first, limit.NewMemory(limit.MemoryConfig{}), slog.New(slog.NewTextHandler(&log, nil)))
	limit.SetClock(s, now.read)
	rate := limit.Rate{Quota: 2, Window: time.Minute}
	count(t, s, "a", rate)
	first.fails = true
	for i := range 5 {
		require.Equal(t, i >= 2, count(t, s, "a", rate).Exceeded, "counted in memory, from the beginning")
	}
	require.Equal(t, 2, first.asked, "it is left alone for a second")
	now.add(time.Second)
	count(t, s, "a", rate)
	require.Equal(t, 3, first.asked)
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "told once: %s", log.String())

	first.fails = false
	now.add(time.Second)
	require.Zero(t, count(t, s, "a", rate).Remaining, "the count of the first goes on")
	require.Equal(t, 4, first.asked)
	require.Contains(t, log.String(), "counted in Redis again")

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	first.fails = true
	_, err := s.Count(gone, "a", rate)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(log.String(), "\n"), "that a caller left says nothing of Redis")
}

func TestLimitsHoldWhileRedisIsDown(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	var log strings.Builder
	s := limit.New(limit.Config{Redis: client, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 4 {
		require.Equal(t, i >= 2, count(t, s, "a", limit.Rate{Quota: 2, Window: time.Minute}).Exceeded)
	}
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
}

func BenchmarkMemory(b *testing.B) {
	s := limit.NewMemory(limit.MemoryConfig{})
	rate := limit.Rate{Quota: 600, Window: time.Minute}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, _ = s.Count(b.Context(), fmt.Sprint("writes ", i%100_000), rate)
		}
	})
}
