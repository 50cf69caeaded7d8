package ladder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

func framesFrom(pts ...int64) []*stream.Packet {
	var all []*stream.Packet
	for _, p := range pts {
		all = append(all, &stream.Packet{PTS: p * ticksPerMS, Key: len(all) == 0})
	}
	return all
}

func TestFramesAreFoundUntilAllRungsHavePassed(t *testing.T) {
	t.Parallel()
	src := framesFrom(50_000, 50_100, 50_033, 50_066)
	f := newFrames(src[0], 2)
	for i, p := range src {
		ms, err := f.add(p, i == 0, 0, wallClock)
		require.NoError(t, err)
		require.EqualValues(t, startMS+p.PTS/ticksPerMS-50_000, ms)
	}
	got, lag, ok := f.take(0, startMS+33, wallClock.Add(time.Second))
	require.True(t, ok)
	require.Same(t, src[2], got.packet)
	require.Equal(t, time.Second, lag)
	require.Equal(t, time.Second, f.lagging())
	_, _, ok = f.take(0, startMS+34, wallClock)
	require.False(t, ok)

	f.take(1, startMS, wallClock)
	f.forget()
	require.Len(t, f.byTime, 3, "the other rung has shown one only")
	f.take(0, startMS+100, wallClock)
	f.take(1, startMS+100, wallClock)
	f.forget()
	require.Empty(t, f.byTime)
	require.Empty(t, f.order)
}

func TestFramesShownAtOnceAreToldApart(t *testing.T) {
	t.Parallel()
	src := framesFrom(50_000, 50_033, 50_033)
	f := newFrames(src[0], 1)
	var times []uint64
	for _, p := range src {
		ms, err := f.add(p, false, 0, wallClock)
		require.NoError(t, err)
		times = append(times, ms)
	}
	require.Equal(t, []uint64{startMS, startMS + 33, startMS + 34}, times)
	got, _, _ := f.take(0, startMS+34, wallClock)
	require.Same(t, src[2], got.packet)
}

func TestEncoderTimesWrap(t *testing.T) {
	t.Parallel()
	src := framesFrom(50_000, 50_000+timeMask)
	f := newFrames(src[0], 1)
	for _, p := range src {
		_, err := f.add(p, false, 0, wallClock)
		require.NoError(t, err)
	}
	got, _, ok := f.take(0, startMS-1, wallClock)
	require.True(t, ok)
	require.Same(t, src[1], got.packet)
}

func TestEncoderThatSwallowsEverythingIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFrames(framesFrom(0)[0], 1)
	var err error
	for i := range int64(maxPending + 1) {
		_, err = f.add(&stream.Packet{PTS: i * ticksPerMS}, false, 0, wallClock)
	}
	require.ErrorIs(t, err, errTooManyPending)
}

func TestPatience(t *testing.T) {
	t.Parallel()
	src := framesFrom(0, 33, 66, 100)
	f := newFrames(src[0], 2)
	at := func(s int) time.Time { return wallClock.Add(time.Duration(s) * time.Second) }
	left := func(s int) time.Duration { return f.patience(at(s), startupTime, 3*time.Second) }
	require.Equal(t, startupTime, left(100), "nothing was fed")
	_, _ = f.add(src[0], false, 0, at(0))
	require.Equal(t, 8*time.Second, left(2), "starting up")
	f.take(0, startMS, at(2))
	f.take(1, startMS, at(3))
	_, _ = f.add(src[1], false, 0, at(4))
	require.Equal(t, time.Second, left(4), "the first rung is the quieter")
	require.LessOrEqual(t, left(5), time.Duration(0))
	_, _ = f.add(src[2], false, 20*time.Second, at(24))
	require.Equal(t, 3*time.Second, left(24), "the source had rested")
}
