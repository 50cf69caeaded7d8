package audience

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// view makes Sightings of crowds: key, all, listening.
func view(crowds ...[3]int) Sightings {
	var s Sightings
	for _, c := range crowds {
		s.named = append(s.named, crowd{uint64(c[0]), tally{c[1], c[1] - c[2], c[2]}})
	}
	s.sort()
	return s
}

// sockets makes Sightings of crowds of which only the number is known.
func socketsOf(crowds ...[2]int) Sightings {
	var s Sightings
	for _, c := range crowds {
		s.named = append(s.named, crowd{uint64(c[0]), tally{all: c[1]}})
	}
	return s
}

func TestWhoeverIsSeenTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		views              []Sightings
		viewers, listeners int
	}{
		"nobody":                                 {nil, 0, 0},
		"nobody anywhere":                        {[]Sightings{{}, {}}, 0, 0},
		"one way of watching":                    {[]Sightings{view([3]int{1, 1, 0}, [3]int{2, 3, 1})}, 4, 1},
		"different people":                       {[]Sightings{view([3]int{1, 1, 0}), view([3]int{2, 1, 0})}, 2, 0},
		"a player with a socket":                 {[]Sightings{view([3]int{1, 1, 0}), socketsOf([2]int{1, 1})}, 1, 0},
		"a paused player":                        {[]Sightings{{}, socketsOf([2]int{1, 1})}, 1, 0},
		"two behind a router, one has a socket":  {[]Sightings{view([3]int{1, 2, 0}), socketsOf([2]int{1, 1})}, 2, 0},
		"two behind a router, one has paused":    {[]Sightings{view([3]int{1, 1, 0}), socketsOf([2]int{1, 2})}, 2, 0},
		"a listener with a socket":               {[]Sightings{view([3]int{1, 1, 1}), socketsOf([2]int{1, 1})}, 1, 1},
		"who watches and listens watches":        {[]Sightings{view([3]int{1, 1, 0}), view([3]int{1, 1, 1})}, 1, 0},
		"one of two listens, told by two nodes":  {[]Sightings{view([3]int{1, 2, 1}), view([3]int{1, 2, 1})}, 2, 1},
		"three nodes that say the same":          {[]Sightings{view([3]int{7, 2, 0}), view([3]int{7, 2, 0}), view([3]int{7, 2, 0})}, 2, 0},
		"a socket of somebody who is not played": {[]Sightings{view([3]int{1, 1, 0}), socketsOf([2]int{3, 1})}, 2, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			viewers, listeners := Merge(tt.views...).Count()
			require.Equal(t, tt.viewers, viewers)
			require.Equal(t, tt.listeners, listeners)
		})
	}
}

// TestManyAreCountedWithoutTheirNames has more people than are named, on two nodes,
// most of whom have sockets on a third.
func TestManyAreCountedWithoutTheirNames(t *testing.T) {
	t.Parallel()
	const people = 3 * MaxNamed
	var played, onSockets Sightings
	for n := range people {
		key := 1 + rand.Uint64N(1<<20)<<16 + uint64(n)
		played.named = append(played.named, crowd{key, tally{1, 1, 0}})
		if n%4 != 0 {
			onSockets.named = append(onSockets.named, crowd{key, tally{all: 1}})
		}
	}
	played.sort()
	onSockets.sort()
	told := travel(t, played)
	require.Len(t, told.named, MaxNamed)
	viewers, _ := told.Count()
	require.Equal(t, people, viewers)
	for name, views := range map[string][]Sightings{
		"sockets here": {told, onSockets}, "sockets there": {played, travel(t, onSockets)}, "both there": {told, travel(t, onSockets)},
	} {
		viewers, _ = Merge(views...).Count()
		require.Equal(t, people, viewers, name)
		viewers, _ = Merge(travel(t, Merge(views...)), told, played).Count()
		require.Equal(t, people, viewers, "%s, told again", name)
	}
	none, names := played.Limit(0)
	require.Zero(t, names)
	viewers, _ = Merge(travel(t, none), onSockets).Count()
	require.Equal(t, people, viewers, "no name at all")
}

// travel sends s as text.
func travel(t *testing.T, s Sightings) (got Sightings) {
	t.Helper()
	text, err := s.MarshalText()
	require.NoError(t, err)
	require.LessOrEqual(t, len(text), MaxText)
	require.NoError(t, got.UnmarshalText(text))
	return got
}

func FuzzSightings(f *testing.F) {
	for _, s := range []Sightings{{}, view([3]int{1, 1, 0}, [3]int{1<<40 - 1, 2, 2}), {rest: tally{5, 1, 2}}} {
		text, err := s.MarshalText()
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Add("AQAAAAAA")
	f.Add("////////////////////////")
	f.Fuzz(func(t *testing.T, text string) {
		var s Sightings
		if s.UnmarshalText([]byte(text)) != nil {
			require.Empty(t, s)
			return
		}
		require.LessOrEqual(t, len(s.named), MaxNamed)
		require.Equal(t, s, travel(t, s))
		viewers, listeners := Merge(s, view([3]int{1, 1, 0})).Count()
		require.GreaterOrEqual(t, viewers, max(1, listeners))
	})
}
