package ladder

import (
	"bytes"
	"image/jpeg"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
	"bandstand/media/stream/flv/flvtest"
)

func newLadder(t testing.TB, cfg Config) *Ladder {
	t.Helper()
	l, err := New(cfg)
	require.NoError(t, err)
	return l
}

// encodeAll runs a whole session.
func encodeAll(t *testing.T, l *Ladder, source []*stream.Packet) *recorder {
	t.Helper()
	out := newRecorder()
	require.NoError(t, l.Run(t.Context(), queueOf(source), nil, out))
	return out
}

func TestEveryFrameKeepsItsTime(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T) []*stream.Packet{
		"B-frames": func(t *testing.T) []*stream.Packet {
			return clip(t, picture("320x180", "30", "3", "-bf", "3")...)
		},
		"60 fps": func(t *testing.T) []*stream.Packet {
			return clip(t, picture("320x180", "60", "3", "-bf", "0")...)
		},
		"odd size": func(t *testing.T) []*stream.Packet {
			return clip(t, append(picture("322x182", "24000/1001", "2"), "-vf", "crop=321:181:exact=1", "-pix_fmt", "yuv444p")...)
		},
		"HEVC": func(t *testing.T) []*stream.Packet {
			haveEncoder(t, "libx265")
			return packets(t, flvtest.Enhanced(t, flvtest.Picture("2", "libx265", "-preset", "ultrafast",
				"-x265-params", "keyint=15:min-keyint=15:log-level=error", "-tag:v", "hvc1")...), 0, epochStart)
		},
		"AV1": func(t *testing.T) []*stream.Packet {
			haveEncoder(t, "libsvtav1")
			return packets(t, flvtest.Enhanced(t, flvtest.Picture("2", "libsvtav1", "-preset", "10", "-g", "15")...), 0, epochStart)
		},
	}
	for name, source := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := source(t)
			require.Greater(t, len(keyTimes(src)), 2)
			l := newLadder(t, Config{FFmpeg: fast(), Rungs: twoRungs()})
			out := encodeAll(t, l, src)
			for _, rung := range twoRungs() {
				got := out.rungs[rung.Name]
				requireAligned(t, src, got)
				require.Len(t, got, len(src))
				require.Equal(t, keyTimes(src), keyTimes(got))
				require.Equal(t, rung.Height, got[0].Track.Height)
				require.Zero(t, got[0].Track.Width%2)
				require.Same(t, got[0].Epoch, got[len(got)-1].Epoch)
				require.Len(t, got[0].Track.Params, 2)
			}
			require.Empty(t, out.breaks)
			requirePicture(t, out)
		})
	}
}

func requirePicture(t *testing.T, out *recorder) {
	t.Helper()
	require.NotEmpty(t, out.thumbnails)
	img, err := jpeg.DecodeConfig(bytes.NewReader(out.thumbnails[0]))
	require.NoError(t, err)
	require.Positive(t, img.Width)
}

func TestFrameRateCapKeepsKeyframes(t *testing.T) {
	t.Parallel()
	// An odd number of frames from keyframe to keyframe: every second one is at odds
	// with the rhythm of every second frame.
	src := clip(t, append(picture("320x180", "60", "4"), "-force_key_frames", "expr:not(mod(n,31))", "-bf", "2")...)
	rungs := twoRungs()
	rungs[0].MaxFrameRate = 30
	out := encodeAll(t, newLadder(t, Config{FFmpeg: fast(), Rungs: rungs}), src)

	half, all := out.rungs["120p"], out.rungs["90p"]
	requireAligned(t, src, half)
	require.Len(t, all, len(src))
	require.Equal(t, keyTimes(src), keyTimes(half))
	require.InDelta(t, len(src)/2, len(half), float64(len(keyTimes(src))))
	require.InDelta(t, 30, half[0].Track.FrameRate, 0.1)
}

func TestBitrateHoldsWhenFramesAreLeftOut(t *testing.T) {
	t.Parallel()
	src := clip(t, picture("640x360", "60", "6")...)
	rungs := []stream.Rung{{Name: "180p", Height: 180, BitrateBPS: 250_000, MaxFrameRate: 30}}
	out := encodeAll(t, newLadder(t, Config{Rungs: rungs}), src)
	size := 0
	for _, p := range out.rungs["180p"] {
		size += len(p.Payload)
	}
	require.InEpsilon(t, 250_000, float64(size*8)/6, 0.2)
}

func TestEpochsFollowWithoutLoss(t *testing.T) {
	t.Parallel()
	first := clip(t, picture("320x180", "30", "2", "-bf", "3")...)
	second := packets(t, flvtest.Clip(t, picture("640x360", "25", "2", "-bf", "0")...), 1, epochStart+2*time.Second)
	third := packets(t, flvtest.Clip(t, picture("160x100", "25", "1")...), 2, epochStart+4*time.Second)
	src := append(append(first, second...), third...)
	out := encodeAll(t, newLadder(t, Config{FFmpeg: fast(), Rungs: twoRungs()}), src)

	require.Len(t, out.rungs["120p"], len(first)+len(second))
	require.Equal(t, []int{len(first) + len(second)}, out.breaks["120p"], "the third epoch is lower than that")
	requireAligned(t, src, out.rungs["90p"])
	require.Len(t, out.rungs["90p"], len(src))
	require.Empty(t, out.breaks["90p"])
	epochs := make(map[*stream.Epoch]bool)
	for _, p := range out.rungs["90p"] {
		epochs[p.Epoch] = true
	}
	require.Len(t, epochs, 3)
}

func TestSourceThatKeepsChangingGetsNoEncoderEachTime(t *testing.T) {
	t.Parallel()
	tags := flvtest.Clip(t, picture("320x180", "30", "0.2")...)
	var src []*stream.Packet
	for n := range 30 {
		src = append(src, packets(t, tags, n, epochStart+time.Duration(n)*200*time.Millisecond)...)
	}
	binary, pidFile := wrapped(t, "")
	cfg := Config{FFmpeg: fast(), Rungs: twoRungs()}
	cfg.FFmpeg.Binary = binary
	out := encodeAll(t, newLadder(t, cfg), src)
	requireAligned(t, src, out.rungs["90p"])
	require.Len(t, pids(t, pidFile), mostBrief)
	require.Len(t, out.breaks["90p"], 1)
}

func TestLostSourceFramesBreakTheRungs(t *testing.T) {
	t.Parallel()
	src := clip(t, picture("320x180", "30", "3")...)
	q := stream.NewQueue(stream.QueueConfig{Packets: 60})
	for _, p := range src {
		q.Push(p) // there is no room for the last third, nor for more until half is taken
	}
	out := newRecorder()
	l := newLadder(t, Config{FFmpeg: fast(), Rungs: twoRungs(), ThumbnailEvery: -1})
	done := make(chan error)
	go func() { done <- l.Run(t.Context(), q, nil, out) }()
	out.until(t, "half of that", func() bool { return len(out.rungs["90p"]) >= 30 })
	again := make([]*stream.Packet, 0, 30)
	for _, p := range src[:30] {
		p = later(p, 3*time.Second)
		again = append(again, p)
		q.Push(p)
	}
	q.Close()
	require.NoError(t, <-done)
	requireAligned(t, append(src, again...), out.rungs["90p"])
	require.Len(t, out.rungs["90p"], 60+len(again))
	at := out.breaks["90p"]
	require.Len(t, at, 1)
	require.True(t, out.rungs["90p"][at[0]].Key)
	require.Empty(t, out.thumbnails)
}

func TestSourceWithoutRungsGetsStills(t *testing.T) {
	t.Parallel()
	src := clip(t, picture("320x180", "30", "2")...)
	l := newLadder(t, Config{FFmpeg: fast(), Rungs: []stream.Rung{}})
	out := encodeAll(t, l, src)
	require.Empty(t, out.rungs)
	requirePicture(t, out)
}

func TestAudioAloneGetsNothing(t *testing.T) {
	t.Parallel()
	track := &stream.Track{Codec: stream.AAC, ClockRate: 48000, Channels: 2, FrameSamples: 1024}
	epoch := &stream.Epoch{Format: stream.Format{Audio: track}}
	var src []*stream.Packet
	for i := range int64(100) {
		src = append(src, &stream.Packet{Epoch: epoch, Track: track, Key: true, DTS: i * 1024, PTS: i * 1024, Payload: []byte{1}})
	}
	out := encodeAll(t, newLadder(t, Config{FFmpeg: fast()}), src)
	require.Empty(t, out.rungs)
	require.Empty(t, out.thumbnails)
}

func TestNoFrameIsHeldBack(t *testing.T) {
	t.Parallel()
	src := clip(t, picture("320x180", "30", "2", "-bf", "0")...)
	q, out, done := stream.NewQueue(stream.QueueConfig{}), newRecorder(), make(chan error)
	l := newLadder(t, Config{FFmpeg: fast(), Rungs: twoRungs()})
	go func() { done <- l.Run(t.Context(), q, nil, out) }()
	for i, p := range src { // each frame is out before the next comes in
		q.Push(p)
		out.until(t, "the frame", func() bool {
			return len(out.rungs["120p"]) > i && len(out.rungs["90p"]) > i
		})
	}
	q.Close()
	require.NoError(t, <-done)
	require.Len(t, out.rungs["90p"], len(src))
}
