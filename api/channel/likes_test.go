package channel

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/rest"
)

func TestRestsAreKept(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	r := newRests(func() time.Time { return now })
	take := func(key string) time.Duration {
		wait, err := r.Take(t.Context(), key, 10*time.Second)
		require.NoError(t, err)
		return wait
	}
	require.Zero(t, take("ada"))
	require.Zero(t, take("bob"))
	require.Equal(t, 10*time.Second, take("ada"))
	now = now.Add(9 * time.Second)
	require.Equal(t, time.Second, take("ada"))
	now = now.Add(time.Second)
	require.Zero(t, take("ada"))
	now = now.Add(time.Hour)
	require.Zero(t, take("ada"))
	for i := range 3 * maxRests {
		take(fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(r.until)+len(r.untilBefore), 2*maxRests)
	require.Equal(t, 10*time.Second, take(fmt.Sprint(3*maxRests-1)))
}

func TestAbuseIsToldOnceAMinute(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	a := newAbused(func() time.Time { return now })
	for minute := range 3 {
		for i := range 100 {
			require.Equal(t, i == abuseAfter, a.refused("192.0.2.7"), "minute %d, refusal %d", minute, i)
			if i < 20 {
				require.False(t, a.refused("192.0.2.8"))
			}
		}
		now = now.Add(abuseWindow)
	}
	for i := range 3 * maxAbused {
		a.refused(fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(a.counts), maxAbused)
}

func TestHouseholds(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		require.Equal(t, want, rest.Household(netip.MustParseAddr(addr)))
	}
}

func TestLikesAreCountedOnceWhateverFails(t *testing.T) {
	t.Parallel()
	id, other := uuid.New(), uuid.New()
	l := newLikes()
	_, ok := l.add(id)
	require.False(t, ok)
	require.Equal(t, int64(8), l.addTo(id, 7))
	require.Equal(t, int64(9), l.addTo(id, 7), "stored ones are counted once")
	total, ok := l.add(id)
	require.True(t, ok)
	require.Equal(t, int64(10), total)
	require.Equal(t, int64(10), l.shown(id, 7))
	require.Equal(t, int64(3), l.shown(other, 3))
	l.addTo(other, 3)

	batch := l.take()
	require.Equal(t, map[uuid.UUID]int64{id: 3, other: 1}, batch)
	require.Equal(t, int64(11), l.addTo(id, 10), "while they are written")
	l.undo(batch)
	batch = l.take()
	require.Equal(t, map[uuid.UUID]int64{id: 4, other: 1}, batch)
	l.addTo(id, 7)
	l.written(batch, map[uuid.UUID]int64{id: 15}) // four from another node; other is gone
	require.Equal(t, int64(16), l.shown(id, 15))
	require.Equal(t, map[uuid.UUID]int64{id: 1}, l.take())
	require.Empty(t, l.take())
	require.Empty(t, l.of, "idle channels are forgotten")
}
