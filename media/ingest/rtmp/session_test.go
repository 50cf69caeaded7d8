package rtmp

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"bandstand/media/ingest/rtmp/guard"
	"bandstand/media/live"
	"bandstand/media/stream"
	"bandstand/media/stream/flv"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// Messages of a small stream.
var (
	videoConfig = unhex("17 00 000000 01 64000d ff e1 0019 67f4000d919b28283f6022000003000200000300641e28532c 01 0006 68ebe3c44844")
	otherConfig = unhex("17 00 000000 01 64000d ff e1 0019 67f4000d919b28283f6022000003000200000300641e28532c 01 0006 68ebe3c44845")
	keyframe    = unhex("17 01 000000 00000002 6501")
	interframe  = unhex("27 01 000000 00000002 4101")
	audioConfig = unhex("af 00 1190")
	audioFrame  = unhex("af 01 2110")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// air records what a session puts out, as a line each.
type air struct {
	formats []stream.Format
	samples []live.Sample
	at      []int // formats announced before each sample
	err     error
}

func (a *air) SetFormat(f stream.Format) { a.formats = append(a.formats, f) }

func (a *air) Write(s live.Sample) error {
	a.samples = append(a.samples, s)
	a.at = append(a.at, len(a.formats))
	return a.err
}

type sent struct {
	video bool
	ms    uint32
	body  []byte
}

func v(ms uint32, body []byte) sent { return sent{true, ms, body} }
func a(ms uint32, body []byte) sent { return sent{false, ms, body} }

func newTestSession(out sink) (*session, *metrics) {
	m := newMetrics(prometheus.NewRegistry())
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return newSession(out, sessionConfig{maxBitrateBPS: 1_000_000, metrics: m, now: func() time.Time { return now }}), m
}

func (s *session) send(messages ...sent) error {
	for _, m := range messages {
		body := append([]byte(nil), m.body...)
		if err := s.message(guard.Message{Video: m.video, Time: m.ms, Body: body}); err != nil {
			return err
		}
	}
	return nil
}

func TestTrackListWaitsForBothTracks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sent           []sent
		formats        []string // tracks of each
		samples, first int      // number; formats announced before the first
	}{
		"both, as encoders send them": {
			[]sent{v(0, videoConfig), a(0, audioConfig), v(0, keyframe), a(5, audioFrame), v(300, interframe)},
			[]string{"va"},
			3, 1,
		},
		"nothing before both have settled": {
			[]sent{v(0, videoConfig), a(0, audioConfig), v(0, keyframe), a(5, audioFrame), v(299, interframe)},
			nil, 0, 0,
		},
		"audio that begins a little after video but comes first": {
			[]sent{a(23, audioConfig), v(0, videoConfig), v(0, keyframe), a(23, audioFrame), v(323, interframe)},
			[]string{"va"},
			3, 1,
		},
		"audio config comes late but within a second": {
			[]sent{v(0, videoConfig), v(0, keyframe), v(33, interframe), a(900, audioConfig), a(900, audioFrame)},
			[]string{"va"},
			3, 1,
		},
		"nothing before a second is over": {
			[]sent{v(0, videoConfig), v(0, keyframe), v(999, interframe)},
			nil, 0, 0,
		},
		"video alone after a second": {
			[]sent{v(0, videoConfig), v(0, keyframe), v(1000, interframe)},
			[]string{"v"},
			2, 1,
		},
		"audio alone after a second": {
			[]sent{a(0, audioConfig), a(0, audioFrame), a(1000, audioFrame)},
			[]string{"a"},
			2, 1,
		},
		"audio config without frames is left out": {
			[]sent{v(0, videoConfig), a(0, audioConfig), v(0, keyframe), v(1000, interframe)},
			[]string{"v"},
			2, 1,
		},
		"audio frames without config are left out": {
			[]sent{v(0, videoConfig), a(0, audioFrame), v(0, keyframe), a(1000, audioFrame), v(1001, interframe)},
			[]string{"v"},
			2, 1,
		},
		"audio that comes later joins": {
			[]sent{v(0, videoConfig), v(0, keyframe), v(1000, interframe), a(5000, audioConfig), v(5001, keyframe), a(5001, audioFrame)},
			[]string{"v", "va"},
			4, 1,
		},
		"changed parameters are a new format": {
			[]sent{v(0, videoConfig), a(0, audioConfig), v(0, keyframe), a(0, audioFrame), v(2000, otherConfig), a(2000, audioFrame), v(2001, keyframe)},
			[]string{"va", "va"},
			4, 1,
		},
		"changed parameters while waiting": {
			[]sent{v(0, videoConfig), v(0, keyframe), v(100, otherConfig), v(101, keyframe)},
			[]string{"v", "v"},
			2, 1,
		},
		"config repeated is none": {
			[]sent{v(0, videoConfig), a(0, audioConfig), v(0, keyframe), a(0, audioFrame), v(2000, videoConfig), v(2000, keyframe)},
			[]string{"va"},
			3, 1,
		},
		"a clock that jumps back decides": {
			[]sent{v(5000, videoConfig), v(5000, keyframe), v(100, interframe)},
			[]string{"v"},
			2, 1,
		},
		"config alone": {[]sent{v(0, videoConfig), a(0, audioConfig), a(14_000, audioConfig)}, nil, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out air
			s, _ := newTestSession(&out)
			require.NoError(t, s.send(tt.sent...))
			var formats []string
			for _, f := range out.formats {
				kinds := ""
				if f.Video != nil {
					kinds += "v"
				}
				if f.Audio != nil {
					kinds += "a"
				}
				formats = append(formats, kinds)
			}
			require.Equal(t, tt.formats, formats)
			require.Len(t, out.samples, tt.samples)
			if tt.samples > 0 {
				require.Equal(t, tt.first, out.at[0])
			}
		})
	}
}

func TestWaitingHoldsLittle(t *testing.T) {
	t.Parallel()
	var out air
	s, _ := newTestSession(&out)
	require.NoError(t, s.send(a(0, audioConfig)))
	for range maxPending { // the clock stands still
		require.NoError(t, s.send(a(0, audioFrame)))
	}
	require.Len(t, out.samples, maxPending)
	require.NoError(t, s.send(a(0, audioFrame)))
	require.Empty(t, s.pending)
}

func TestStreamsThatNobodyCouldWatchEnd(t *testing.T) {
	t.Parallel()
	every := func(step, until uint32, m sent) (all []sent) {
		for at := uint32(0); at <= until; at += step {
			all = append(all, sent{m.video, m.ms + at, m.body})
		}
		return all
	}
	tests := map[string]struct {
		head []sent
		rest []sent
		want string
	}{
		"never a keyframe":         {[]sent{v(0, videoConfig)}, every(100, 15_100, v(0, interframe)), "no keyframe came in 15 seconds"},
		"no further keyframe":      {[]sent{v(0, videoConfig), v(0, keyframe)}, every(100, 30_100, v(0, interframe)), "no keyframe came in 30 seconds"},
		"frames without config":    {nil, every(100, 15_100, v(0, keyframe)), "nothing that can be played came in 15 seconds"},
		"config without frames":    {nil, every(1000, 16_000, v(0, videoConfig)), "nothing that can be played came in 15 seconds"},
		"a codec not supported":    {nil, []sent{a(0, []byte{0x2f, 0xff})}, "codec MP3 is not supported: send AAC"},
		"a bitrate above limits":   {nil, every(0xffffffff, 0, v(0, make([]byte, 1_250_001))), "the stream exceeds the limit of 1 Mbit/s"},
		"what the sink has to say": {[]sent{v(0, videoConfig), v(0, keyframe)}, []sent{v(1000, keyframe)}, "taken over"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out air
			if name == "what the sink has to say" {
				out.err = errors.New("taken over")
			}
			s, _ := newTestSession(&out)
			begin := s.cfg.now()
			s.cfg.now = func() time.Time { return begin.Add(max(s.last, s.videoAt)) }
			require.NoError(t, s.send(tt.head...))
			require.NoError(t, s.send(tt.rest[:len(tt.rest)-1]...))
			require.ErrorContains(t, s.send(tt.rest[len(tt.rest)-1]), tt.want)
		})
	}
}

func TestJumpsOfTheClockAreNoMissingKeyframe(t *testing.T) {
	t.Parallel()
	var out air
	s, _ := newTestSession(&out)
	require.NoError(t, s.send(v(0, videoConfig), v(0, keyframe), v(3_600_000, interframe), v(10, interframe), v(7_200_000, interframe)))
	require.Len(t, out.samples, 4)
}

func TestBitrateLimitLetsBurstsThrough(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := newMetrics(prometheus.NewRegistry())
	s := newSession(&air{}, sessionConfig{maxBitrateBPS: 8_000_000, metrics: m, now: func() time.Time { return now }})
	require.NoError(t, s.charge(10_000_000)) // ten seconds' worth
	require.Error(t, s.charge(1))
	now = now.Add(2 * time.Second)
	require.NoError(t, s.charge(1_900_000))
	require.Error(t, s.charge(200_000))
}

func TestUnreadableMessagesAreDroppedAndCounted(t *testing.T) {
	t.Parallel()
	var out air
	s, m := newTestSession(&out)
	broken := unhex("27 01 000000 ffffffff 41")
	require.NoError(t, s.send(v(0, videoConfig), v(0, keyframe), v(33, broken), v(1000, interframe)))
	require.Len(t, out.samples, 2)
	var dropped dto.Metric
	require.NoError(t, m.drops.WithLabelValues("malformed").Write(&dropped))
	require.InDelta(t, 1, dropped.GetCounter().GetValue(), 0)
}

func TestMetadataFillsInTheFrameRate(t *testing.T) {
	t.Parallel()
	s, _ := newTestSession(&air{})
	s.metadata(map[string]any{"framerate": 29.97, "width": "nonsense"})
	require.InDelta(t, 29.97, s.video.FrameRate, 0)
	s.metadata(map[string]any{"framerate": "fast"})
	require.InDelta(t, 29.97, s.video.FrameRate, 0)
}

func TestClockUnrolls(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want []int64 }{
		"from zero":             {[]int64{0, 33, 66}, []int64{0, 33, 66}},
		"past 4 h 39 min":       {[]int64{0xfffff0, 0x1000010}, []int64{0xfffff0, 0x1000010}},
		"wraps":                 {[]int64{0xfffffff0, 0x10, 0x30}, []int64{0xfffffff0, 0x100000010, 0x100000030}},
		"tracks part at a wrap": {[]int64{0xfffffff0, 5, 0xfffffff8, 12}, []int64{0xfffffff0, 0x100000005, 0xfffffff8, 0x10000000c}},
		"jumps back":            {[]int64{3_600_000, 0}, []int64{3_600_000, 0}},
		"jumps ahead":           {[]int64{0, 36_000_000}, []int64{0, 36_000_000}},
		"starts high, restarts": {[]int64{0x7fffffff, 0}, []int64{0x7fffffff, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c clock
			for i, in := range tt.in {
				require.Equal(t, time.Duration(tt.want[i])*time.Millisecond, c.unroll(uint32(in)))
			}
		})
	}
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("\x00\x00" + "\x21" + string(keyframe)))
	var seed []byte
	for _, m := range []sent{v(0, videoConfig), a(0, audioConfig), v(0, keyframe), a(5, audioFrame), v(33, interframe), v(40, otherConfig), v(66, keyframe)} {
		head := byte(m.ms)
		kind := byte(0)
		if m.video {
			kind = 1
		}
		seed = append(append(seed, kind, head, byte(len(m.body))), m.body...)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		var out air
		s, _ := newTestSession(&out)
		for len(b) > 3 {
			n := min(int(b[2]), len(b)-3)
			m := sent{b[0]&1 == 1, uint32(b[1]) << (b[0] >> 3), b[3 : 3+n]}
			b = b[3+n:]
			err := s.send(m)
			var unsupported *flv.UnsupportedError
			var unusable *unusableError
			if err != nil && !errors.As(err, &unsupported) && !errors.As(err, &unusable) {
				t.Fatalf("unexpected error %v", err)
			}
			if err != nil {
				return
			}
		}
		for i, sm := range out.samples {
			if out.at[i] == 0 || len(sm.Payload) == 0 {
				t.Fatalf("sample %d before a format, or empty", i)
			}
		}
	})
}

func TestNoFrameIsDatedAfterItCame(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	reordered := unhex("27 01 000042 00000002 4101") // shown 66 ms after it is decoded
	tests := map[string]struct {
		frames  [][]byte
		came    []time.Duration // of the frames, which are 100 ms apart
		earlier time.Duration   // than it came, the first is dated
	}{
		"an even sender":            {[][]byte{keyframe, interframe}, []time.Duration{0, 100 * ms, 200 * ms, 300 * ms}, 0},
		"one that begins late":      {[][]byte{keyframe, interframe}, []time.Duration{0, 20 * ms, 140 * ms, 240 * ms}, 80 * ms},
		"one with a later hiccup":   {[][]byte{keyframe, interframe}, []time.Duration{0, 150 * ms, 300 * ms, 301 * ms}, 0},
		"one that reorders frames":  {[][]byte{keyframe, reordered}, []time.Duration{0, 100 * ms, 200 * ms, 300 * ms}, 66 * ms},
		"a file as fast as it goes": {[][]byte{keyframe, interframe}, []time.Duration{0, 0, 0, 0}, 300 * ms},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out air
			s, _ := newTestSession(&out)
			begin := s.cfg.now()
			now := begin
			s.cfg.now = func() time.Time { return now }
			require.NoError(t, s.send(v(0, videoConfig), a(0, audioConfig)))
			for i, came := range tt.came {
				now = begin.Add(came)
				require.NoError(t, s.send(v(uint32(100*i), tt.frames[min(i, 1)])))
				if i == 0 {
					require.NoError(t, s.send(a(0, audioFrame)))
				}
			}
			require.Len(t, out.samples, 5)
			require.Equal(t, tt.earlier, begin.Sub(out.samples[0].Arrived))
			require.Equal(t, now, out.samples[4].Arrived)
		})
	}
}
