package rtmp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimestampsHaveToFollowTheClock(t *testing.T) {
	t.Parallel()
	const ms, sec = time.Millisecond, time.Second
	step := 40 * ms
	tests := map[string]struct {
		next func(n int) (media, clock time.Duration) // since the message before
		text string
	}{
		"in time":             {func(int) (time.Duration, time.Duration) { return step, step }, ""},
		"a clock 1 % off":     {func(int) (time.Duration, time.Duration) { return step + step/100, step }, ""},
		"a picture a second":  {func(int) (time.Duration, time.Duration) { return sec, sec }, ""},
		"a picture in 3 s":    {func(int) (time.Duration, time.Duration) { return 3 * sec, 3 * sec }, ""},
		"a jump now and then": {func(n int) (time.Duration, time.Duration) { return jumpEvery(n, 100, time.Hour), step }, ""},
		"15 s lost on the way": {func(n int) (time.Duration, time.Duration) {
			return jumpEvery(n, 1000, 15*sec), jumpEvery(n, 1000, 15*sec)
		}, ""},
		"15 s held and made up": {func(n int) (time.Duration, time.Duration) { return step, heldUp(n) }, ""},
		"all at one time": {
			func(int) (time.Duration, time.Duration) { return 0, step },
			"the video's timestamps advance by 0 seconds in a second: they have to follow the clock",
		},
		"half as fast": {
			func(int) (time.Duration, time.Duration) { return step / 2, step },
			"the video's timestamps advance by 0.5 seconds in a second: they have to follow the clock",
		},
		"a file as fast as it goes": {
			func(int) (time.Duration, time.Duration) { return step, ms },
			"the stream comes faster than it plays: send it in real time (with ffmpeg: -re)",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p pace
			var at time.Duration
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			var err error
			for n := 0; n < 10_000 && err == nil; n++ {
				media, clock := tt.next(n)
				at, now = at+media, now.Add(clock)
				err = p.observe(at, now, "video")
			}
			if tt.text == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.text)
		})
	}
}

func jumpEvery(n, every int, jump time.Duration) time.Duration {
	if n%every == 0 {
		return jump
	}
	return 40 * time.Millisecond
}

// heldUp is when messages come that were held up for 15 s and then made up for.
func heldUp(n int) time.Duration {
	switch n %= 2000; {
	case n == 0:
		return 15 * time.Second
	case n < 376:
		return 0
	}
	return 40 * time.Millisecond
}
