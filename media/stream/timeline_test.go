package stream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is a hand-turned wall clock.
type clock struct{ t time.Time }

func (c *clock) add(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

const ms = time.Millisecond

func TestTimelineStartsAnywhere(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]time.Duration{
		"zero":              0,
		"past 4 h 39 min":   0x1000010 * ms,
		"just below a wrap": 0xFFFFFFF0 * ms,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			tl := NewTimeline()
			require.Equal(t, timelineStart, tl.Map(VideoTrack, start, c.t))
			c.add(33 * ms)
			require.Equal(t, timelineStart+33*ms, tl.Map(VideoTrack, start+33*ms, c.t))
			require.Equal(t, c.t, tl.Wall(timelineStart+33*ms))
		})
	}
}

func TestTimelineAbsorbsJumps(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{
		"an hour forward":    time.Hour,
		"an hour back":       -time.Hour,
		"eight seconds back": -8 * time.Second,
		"half a second back": -500 * ms,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			tl := NewTimeline()
			in, last := 2*time.Hour, time.Duration(0)
			for i := range 100 {
				if i == 50 {
					in += jump
				}
				out := tl.Map(VideoTrack, in, c.t)
				if i > 0 {
					require.Greater(t, out, last)
					require.LessOrEqual(t, out-last, 50*ms)
				}
				last = out
				in += 33 * ms
				c.add(33 * ms)
			}
			require.Equal(t, 1, tl.Jumps())
		})
	}
}

func TestTimelinePlacesStragglersOfTheOtherTrackByTheOldClock(t *testing.T) {
	t.Parallel()
	c := newClock()
	tl := NewTimeline()
	tl.Map(VideoTrack, 0, c.t)
	tl.Map(AudioTrack, 0, c.t)
	c.add(40 * ms)
	tl.Map(VideoTrack, time.Hour, c.t)
	require.Equal(t, timelineStart+23*ms, tl.Map(AudioTrack, 23*ms, c.t))
	c.add(23 * ms)
	after := tl.Map(AudioTrack, time.Hour+6*ms, c.t)
	require.InDelta(t, float64(timelineStart+46*ms), float64(after), float64(10*ms))
	require.Equal(t, 1, tl.Jumps())
}

func TestTimelineKeepsASendersPause(t *testing.T) {
	t.Parallel()
	c := newClock()
	tl := NewTimeline()
	tl.Map(VideoTrack, 0, c.t)
	c.add(time.Minute)
	require.Equal(t, timelineStart+time.Minute, tl.Map(VideoTrack, time.Minute, c.t))
	require.Zero(t, tl.Jumps())
}

func TestTimelineContinuesAtTheWallClockAfterARestart(t *testing.T) {
	t.Parallel()
	c := newClock()
	tl := NewTimeline()
	tl.Map(VideoTrack, 5*time.Hour, c.t)
	c.add(7 * time.Second)
	tl.Restart()
	out := tl.Map(VideoTrack, 12*ms, c.t)
	require.Equal(t, timelineStart+7*time.Second, out)
	require.Equal(t, c.t, tl.Wall(out))
}

func TestTimelineNeverGoesBackAfterAFastSender(t *testing.T) {
	t.Parallel()
	c := newClock()
	tl := NewTimeline()
	tl.Map(VideoTrack, 0, c.t)
	tl.Map(VideoTrack, 9*time.Second, c.t) // nine seconds of media at once
	tl.Restart()
	require.Greater(t, tl.Map(VideoTrack, 0, c.t), timelineStart+9*time.Second)
}

func TestTicksAndDurationRoundTrip(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 44100, 48000, 90000} {
		for _, ticks := range []int64{0, 1, 1024, 44099, 90001, 1 << 40, -1024} {
			require.Equal(t, ticks, Ticks(Duration(ticks, rate), rate), "%d at %d", ticks, rate)
		}
	}
}
