package ladder

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
	"bandstand/transcode"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	video := func(c stream.Codec, height int) stream.Format {
		return stream.Format{Video: &stream.Track{Codec: c, ClockRate: stream.VideoClockRate, Height: height}}
	}
	own := []stream.Rung{
		{Name: "low", Height: 240, BitrateBPS: 300_000},
		{Name: "odd", Height: 333, BitrateBPS: 300_000},
		{Name: "low", Height: 480, BitrateBPS: 300_000},
		{Name: "high", Height: 540, BitrateBPS: 900_000},
	}
	tests := map[string]struct {
		format   stream.Format
		override []stream.Rung
		want     map[string]int // name and height
	}{
		"1080p":                     {video(stream.H264, 1080), nil, map[string]int{"720p": 720, "480p": 480, "360p": 360}},
		"720p needs no 720p":        {video(stream.H264, 720), nil, map[string]int{"480p": 480, "360p": 360}},
		"never upscaled":            {video(stream.H264, 360), nil, nil},
		"HEVC also at its height":   {video(stream.HEVC, 720), nil, map[string]int{"720p": 720, "480p": 480, "360p": 360}},
		"AV1 gets one in any case":  {video(stream.AV1, 241), nil, map[string]int{"360p": 240}},
		"unknown height":            {video(stream.H264, 0), nil, map[string]int{"360p": 360}},
		"no video":                  {stream.Format{Audio: &stream.Track{Codec: stream.AAC}}, nil, nil},
		"own rungs, bad ones aside": {video(stream.H264, 1080), own, map[string]int{"high": 540, "low": 240}},
		"own rungs: none":           {video(stream.H264, 1080), []stream.Rung{}, nil},
	}
	l := newLadder(t, Config{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := l.Plan(tt.format, tt.override)
			require.Len(t, got, len(tt.want))
			for i, r := range got {
				require.Equal(t, tt.want[r.Name], r.Height)
				require.True(t, i == 0 || got[i-1].Height > r.Height, "highest first")
			}
		})
	}
}

func TestFrameRates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ source, most, capped, want float64 }{
		"below":         {25, 30, 0, 25},
		"a bit above":   {30.3, 30, 0, 30.3},
		"twice":         {60, 30, 30, 30},
		"not a divisor": {50, 30, 30, 25},
		"much more":     {120, 30, 30, 30},
		"no cap":        {60, 0, 0, 60},
		"unknown":       {0, 30, 30, 0},
	}
	l := newLadder(t, Config{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := stream.Rung{Name: "r", Height: 360, BitrateBPS: 1_000_000, MaxFrameRate: tt.most}
			job := l.job(&stream.Track{FrameRate: tt.source}, []stream.Rung{r})
			require.InDelta(t, tt.capped, job.Rungs[0].MaxFrameRate, 0)
			require.InDelta(t, tt.want, rungFrameRate(tt.source, r), 0.01)
		})
	}
}

func TestConfigTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		FFmpeg: transcode.Config{Encoder: "abacus"},
		Rungs: []stream.Rung{
			{Name: "a", Height: 721, BitrateBPS: 1_000_000},
			{Name: "a", Height: 480, BitrateBPS: 1},
			{Height: 480, BitrateBPS: 1_000_000},
			{Name: "b", Height: 480, BitrateBPS: 1_000_000, MaxFrameRate: -1},
		},
	})
	for _, part := range []string{"abacus", "height 721", "bitrate 1 bit/s", "taken twice", "has no name", "frame rate -1"} {
		require.ErrorContains(t, err, part)
	}
}

func TestBackoffGrowsUntilARunLasts(t *testing.T) {
	t.Parallel()
	b := backoff{first: firstBackoff, most: maxBackoff}
	var got []time.Duration
	for range 7 {
		got = append(got, b.after(time.Second))
	}
	ms := time.Millisecond
	require.Equal(t, []time.Duration{300 * ms, 600 * ms, 1200 * ms, 2400 * ms, 4800 * ms, 9600 * ms, 10000 * ms}, got)
	require.Equal(t, 300*ms, b.after(healthyAfter))
	require.Equal(t, 600*ms, b.after(time.Second))
}

func TestShedRungsStayAwayLongerEachTime(t *testing.T) {
	t.Parallel()
	now := wallClock
	s := shedding{after: 3 * time.Minute}
	require.False(t, s.due(now), "nothing is shed")
	s.drop(now)
	require.False(t, s.due(now.Add(2*time.Minute)))
	now = now.Add(3 * time.Minute)
	require.True(t, s.due(now))
	s.restore(now)
	require.Zero(t, s.count)
	require.False(t, s.due(now.Add(time.Hour)))

	now = now.Add(20 * time.Second)
	s.drop(now)
	require.False(t, s.due(now.Add(5*time.Minute)), "back too soon")
	now = now.Add(6 * time.Minute)
	require.True(t, s.due(now))
	s.restore(now)

	now = now.Add(time.Hour)
	s.drop(now)
	s.drop(now)
	require.True(t, s.due(now.Add(6*time.Minute)))
	s.restore(now.Add(6 * time.Minute))
	require.Equal(t, 1, s.count)
	require.False(t, s.due(now.Add(7*time.Minute)), "one at a time")
}

func TestLatenessMustLast(t *testing.T) {
	t.Parallel()
	l := lateness{most: 2 * time.Second, after: 5 * time.Second}
	now := wallClock
	require.False(t, l.observe(now, 3*time.Second))
	require.False(t, l.observe(now.Add(4*time.Second), 3*time.Second))
	require.False(t, l.observe(now.Add(5*time.Second), time.Second), "caught up")
	require.False(t, l.observe(now.Add(6*time.Second), 3*time.Second))
	require.True(t, l.observe(now.Add(11*time.Second), 3*time.Second))
}
