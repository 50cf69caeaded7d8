package hls

import (
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

// sloppy says which rules a strange source makes impossible.
type sloppy struct {
	shortParts bool // frames do not fill 85 % of PART-TARGET
	sums       bool // a segment may be longer than its parts
}

// checkRules checks what holds for every rendition at any time, against RFC 8216bis
// and the bytes that were stored.
func checkRules(t *testing.T, r *rendition, may sloppy) {
	t.Helper()
	st := r.st
	st.mu.Lock()
	defer st.mu.Unlock()
	require.NotEmpty(t, r.segs)
	var samples, ticks int64
	next := int64(-1)
	for i, seg := range r.segs {
		if i > 0 {
			require.Equal(t, r.segs[i-1].msn+1, seg.msn, "MSNs are contiguous")
			require.True(t, r.segs[i-1].closed, "only the last segment is open")
		}
		if seg.closed {
			require.LessOrEqual(t, seg.duration.Round(time.Second), st.target, "EXTINF of %d exceeds TARGETDURATION", seg.msn)
			require.Positive(t, seg.duration)
		}
		if seg.gap { // as a whole, or from where an encoder died
			checkGap(t, seg)
			next = -1
			continue
		}
		var sum time.Duration
		for k, p := range seg.parts {
			require.LessOrEqual(t, p.duration, st.partTarget, "part %d of %d", k, seg.msn)
			last := seg.closed && k == len(seg.parts)-1
			if !last && !may.shortParts {
				require.GreaterOrEqual(t, p.duration*100, st.partTarget*85, "part %d of %d", k, seg.msn)
			}
			sum += p.duration

			got := readPart(t, r, p)
			require.Len(t, got.Tracks, 1)
			first := got.Tracks[0].Samples[0]
			require.Equal(t, !first.IsNonSyncSample && (k == 0 || !seg.independent), p.independent)
			if k == 0 {
				require.Equal(t, seg.independent, p.independent)
			}
			base := int64(got.Tracks[0].BaseTime)
			if next >= 0 && !seg.discontinuity {
				require.InDelta(t, next, base, float64(r.track.ClockRate)/2, "decoding times go on")
			}
			next = base
			for _, s := range got.Tracks[0].Samples {
				next += int64(s.Duration)
				samples++
				ticks += int64(s.Duration)
			}
		}
		if seg.closed && !may.sums {
			require.Equal(t, seg.duration, sum, "the parts of segment %d sum to it", seg.msn)
		}
	}
	require.Positive(t, samples)
}

// checkGap checks a segment that is declared a gap: what there is of it comes first.
func checkGap(t *testing.T, seg *segment) {
	t.Helper()
	var sum time.Duration
	for i, p := range seg.parts {
		sum += p.duration
		require.False(t, i > 0 && seg.parts[i-1].gap && !p.gap, "media after a gap in segment %d", seg.msn)
	}
	if len(seg.parts) > 0 {
		require.Equal(t, seg.duration, sum)
		require.True(t, seg.parts[len(seg.parts)-1].gap)
	}
}

// readPart returns a stored part as mediacommon reads it.
func readPart(t *testing.T, r *rendition, p part) *fmp4.Part {
	t.Helper()
	f, err := r.store.reader()
	require.NoError(t, err)
	defer r.store.done(f)
	data, err := io.ReadAll(io.NewSectionReader(f, p.offset, p.size))
	require.NoError(t, err)
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal(data))
	require.Len(t, parts, 1)
	return parts[0]
}

func TestCutting(t *testing.T) {
	t.Parallel()
	jitter := func(d time.Duration) func(int) time.Duration {
		random := rand.New(rand.NewPCG(1, 2))
		return func(n int) time.Duration {
			if n == 0 {
				return 0
			}
			return time.Duration(random.Int64N(int64(2*d))) - d
		}
	}
	opus := &stream.Track{Codec: stream.Opus, ClockRate: 48000, Channels: 2, FrameSamples: 960}
	aac441 := &stream.Track{
		Codec: stream.AAC, ClockRate: 44100, Params: [][]byte{{0x12, 0x10}}, Channels: 2, FrameSamples: 1024,
	}
	tests := map[string]struct {
		src    source
		audio  *stream.Track
		may    sloppy
		target time.Duration
		length time.Duration // of a segment in the middle; zero: not checked
		parts  int           // of that segment
	}{
		"24 fps":               {src: source{fps: 24, gop: time.Second}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"23.976 fps":           {src: source{fps: 23.976, gop: 1001 * time.Millisecond}, target: 2 * time.Second, parts: 10},
		"25 fps":               {src: source{fps: 25, gop: 2 * time.Second}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"29.97 fps":            {src: source{fps: 29.97, gop: 1001 * time.Millisecond}, target: 2 * time.Second, parts: 10},
		"30 fps":               {src: source{fps: 30, gop: time.Second}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"48 fps":               {src: source{fps: 48, gop: time.Second}, target: 2 * time.Second, parts: 10},
		"50 fps":               {src: source{fps: 50, gop: time.Second}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"60 fps":               {src: source{fps: 60, gop: 2 * time.Second}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"15 fps":               {src: source{fps: 15, gop: 2 * time.Second}, target: 2 * time.Second, parts: 10},
		"12 fps":               {src: source{fps: 12, gop: 2 * time.Second}, target: 2 * time.Second, parts: 12},
		"10 fps":               {src: source{fps: 10, gop: 2 * time.Second}, target: 2 * time.Second, parts: 10},
		"4 fps":                {src: source{fps: 4, gop: 2 * time.Second}, target: 2 * time.Second, parts: 8},
		"30 fps jitter 1 ms":   {src: source{fps: 30, gop: time.Second, jitter: jitter(time.Millisecond)}, target: 2 * time.Second, parts: 10},
		"24 fps jitter 1 ms":   {src: source{fps: 24, gop: time.Second, jitter: jitter(time.Millisecond)}, target: 2 * time.Second, parts: 10},
		"60 fps jitter 1 ms":   {src: source{fps: 60, gop: time.Second, jitter: jitter(time.Millisecond)}, target: 2 * time.Second, parts: 10},
		"B-frames":             {src: source{fps: 30, gop: time.Second, offset: 6000}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"keyframe each 0.5 s":  {src: source{fps: 30, gop: 500 * time.Millisecond}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"keyframe each 1.5 s":  {src: source{fps: 30, gop: 1500 * time.Millisecond}, target: 2 * time.Second, length: 1500 * time.Millisecond, parts: 8},
		"keyframe each 4 s":    {src: source{fps: 30, gop: 4 * time.Second}, target: 4 * time.Second, length: 4 * time.Second, parts: 20},
		"keyframe each 20 s":   {src: source{fps: 30, gop: 20 * time.Second}, target: 10 * time.Second},
		"every frame is a key": {src: source{fps: 30, gop: time.Second / 30}, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"uneven frames": {
			src:    source{fps: 30, gop: 2 * time.Second, jitter: jitter(12 * time.Millisecond)},
			target: 2 * time.Second, may: sloppy{shortParts: true},
		},
		"every third frame lost": {
			src: source{fps: 30, gop: 2 * time.Second, skip: func(at time.Duration) bool {
				n := int(at.Seconds()*30 + 0.5)
				return n%60 != 0 && n%3 == 0
			}},
			target: 2 * time.Second, may: sloppy{shortParts: true},
		},
		"long frames": {
			src: source{fps: 30, gop: 2 * time.Second, skip: func(at time.Duration) bool {
				in := at % (2 * time.Second)
				return in > 400*time.Millisecond && in < 900*time.Millisecond
			}},
			target: 2 * time.Second, may: sloppy{shortParts: true, sums: true},
		},
		"AAC 44.1 kHz": {src: source{}, audio: aac441, target: 2 * time.Second, parts: 10},
		"AAC 48 kHz":   {src: source{}, audio: audioTrack(), target: 2 * time.Second, parts: 11},
		"Opus":         {src: source{}, audio: opus, target: 2 * time.Second, length: 2 * time.Second, parts: 10},
		"video and AAC 44.1 kHz": {
			src: source{fps: 30, gop: 2 * time.Second}, audio: aac441, target: 2 * time.Second, parts: 10,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, Config{})
			st := openTest(s, "x")
			var video *stream.Track
			if tt.src.fps > 0 {
				video = videoTrack()
			}
			tt.src.epoch = newEpoch(0, video, tt.audio)
			tt.src.from, tt.src.length = 10*time.Second, 31*time.Second
			writeAll(t, st, tt.src.packets())
			require.Equal(t, tt.target, st.target)
			for _, r := range st.renditions {
				checkRules(t, r, tt.may)
			}
			middle := st.leader.segs[len(st.leader.segs)/2]
			if tt.length > 0 {
				require.InDelta(t, tt.length, middle.duration, float64(time.Millisecond))
			}
			if tt.parts > 0 {
				require.Len(t, middle.parts, tt.parts)
			}
			st.End()
			for _, r := range st.renditions {
				checkRules(t, r, tt.may)
				require.True(t, r.segs[len(r.segs)-1].closed)
			}
		})
	}
}

// TestPartIsPublishedWithItsLastFrame checks that an even cadence does not make a
// part wait for the frame after it.
func TestPartIsPublishedWithItsLastFrame(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	packets := source{epoch: newEpoch(0, videoTrack(), nil), fps: 30, gop: 2 * time.Second, from: 10 * time.Second, length: 4 * time.Second}.packets()
	for i, p := range packets {
		require.NoError(t, st.write(p))
		if i >= 5 {
			require.Equal(t, (i+1)/6, st.leader.nextPart-1, "parts after %d frames", i+1)
		}
	}
}

// TestExtraKeyframesNeedNoForcedCut covers encoders that add keyframes where the
// scene changes, and begin to count anew there.
func TestExtraKeyframesNeedNoForcedCut(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]time.Duration{
		"in the first GOP": {0, 500 * time.Millisecond, 2500 * time.Millisecond, 4500 * time.Millisecond, 6500 * time.Millisecond},
		"in later ones":    {0, 2 * time.Second, 2700 * time.Millisecond, 4700 * time.Millisecond, 5 * time.Second, 7 * time.Second},
		"short ones first": {0, 1733 * time.Millisecond, 2400 * time.Millisecond, 4367 * time.Millisecond, 6367 * time.Millisecond},
		"of four seconds":  {0, 4 * time.Second, 4500 * time.Millisecond, 8500 * time.Millisecond},
		"twice at once":    {0, 300 * time.Millisecond, 600 * time.Millisecond, 2600 * time.Millisecond, 4600 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := openTest(newTestServer(t, Config{}), "x")
			packets := source{
				epoch: newEpoch(0, videoTrack(), nil), fps: 30, gop: time.Hour, from: 10 * time.Second, length: 9 * time.Second,
			}.packets()
			for _, p := range packets {
				at := p.Time() - 10*time.Second
				for _, k := range keys {
					p.Key = p.Key || (at-k).Abs() < 17*time.Millisecond && (at-k) <= 16*time.Millisecond
				}
				require.NoError(t, st.write(p))
			}
			for _, seg := range st.leader.segs {
				if seg.start-10*time.Second < keys[len(keys)-1]+time.Second {
					require.True(t, seg.independent, "segment at %v", seg.start-10*time.Second)
				}
			}
			checkRules(t, st.leader, sloppy{})
		})
	}
}
