package live

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"bandstand/media/stream"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Consumer that keeps what it is given, and Keys that can be revoked.
type recorder struct {
	mu       sync.Mutex
	packets  []*stream.Packet
	sessions int
	finished int
	revoked  []string
	keysErr  error
	now      time.Time
	fail     func() error
}

func (r *recorder) outputs(*Session, Grant, stream.Format) Outputs {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions++
	return Outputs{
		Consumers: []Consumer{{Name: "recorder", Run: r.run}},
		Done: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.finished++
		},
	}
}

func (r *recorder) run(ctx context.Context, q *stream.Queue) error {
	for {
		p, _, err := q.Pop(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.packets = append(r.packets, p)
		fail := r.fail
		r.mu.Unlock()
		if fail != nil {
			return fail()
		}
	}
}

func (r *recorder) Revoked(context.Context, []string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked, r.keysErr
}

func (r *recorder) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *recorder) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *recorder) taken(n int) func() bool {
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.packets) >= n
	}
}

// start runs a Registry until the test ends.
func start(t *testing.T, r *recorder, change func(*Config)) *Registry {
	t.Helper()
	r.now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cfg := Config{
		Outputs: r.outputs, Keys: r, Now: r.clock,
		CheckEvery: 5 * time.Millisecond,
		Logger:     slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&cfg)
	}
	reg, err := New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- reg.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return reg
}

var (
	demo  = Grant{Channel: "demo", KeyID: "key-1"}
	home  = Source{Protocol: "rtmp", Remote: "192.0.2.1"}
	video = &stream.Track{Codec: stream.H264, ClockRate: stream.VideoClockRate, Params: [][]byte{{1}, {2}}}
	audio = &stream.Track{Codec: stream.AAC, ClockRate: 48000, FrameSamples: 1024, Channels: 2}
)

func frame(at time.Duration, key bool) Sample {
	return Sample{Video: true, Key: key, DTS: at, Payload: []byte{0, 0, 0, 1, 9}}
}

func sound(at time.Duration) Sample { return Sample{DTS: at, Payload: []byte{7}} }

const ms = time.Millisecond

func TestPublisherReturnsToItsSession(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	p.SetFormat(stream.Format{Video: video})
	require.NoError(t, p.Write(frame(0, true)))
	require.NoError(t, p.Write(frame(33*ms, false)))
	p.Close()
	r.advance(5 * time.Second)

	again, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	require.Same(t, p.Session(), again.Session())
	again.SetFormat(stream.Format{Video: video})
	require.NoError(t, again.Write(frame(time.Hour, false))) // before its keyframe
	require.NoError(t, again.Write(frame(time.Hour+33*ms, true)))
	require.Eventually(t, r.taken(3), 5*time.Second, time.Millisecond)
	again.Close()

	require.Equal(t, 1, r.sessions)
	first, last := r.packets[0], r.packets[2]
	require.Equal(t, 0, first.Epoch.Number)
	require.Equal(t, 1, last.Epoch.Number)
	require.InDelta(t, 5*time.Second, last.Time()-first.Time(), float64(50*ms))
	require.InDelta(t, 0, float64(last.NTP.Sub(r.now)), float64(50*ms))
	require.ErrorIs(t, p.Write(frame(66*ms, false)), ErrGone)
}

func TestSessionEndsWhenNobodyReturns(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, func(c *Config) { c.Grace = time.Millisecond })
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	p.SetFormat(stream.Format{Video: video})
	require.NoError(t, p.Write(frame(0, true)))
	p.Close()
	<-p.Session().Done()
	_, ok := reg.Session("demo")
	require.False(t, ok)
	require.Equal(t, 1, r.finished)
	require.Len(t, r.packets, 1)
}

func TestSecondPublisher(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		takeover bool
		silence  time.Duration
		err      error
	}{
		"is refused while the first is healthy":   {false, 3 * time.Second, ErrBusy},
		"replaces one silent for more than 3 s":   {false, 3*time.Second + 1, nil},
		"takes over at once where policy says so": {true, 0, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			reg := start(t, r, func(c *Config) { c.Takeover = tt.takeover })
			first, err := reg.Open(t.Context(), demo, home)
			require.NoError(t, err)
			first.SetFormat(stream.Format{Video: video})
			require.NoError(t, first.Write(frame(0, true)))
			r.advance(tt.silence)
			second, err := reg.Open(t.Context(), demo, home)
			require.ErrorIs(t, err, tt.err)
			if tt.err != nil {
				require.NoError(t, first.Write(frame(33*ms, false)))
				return
			}
			<-first.Done()
			require.ErrorIs(t, first.Err(), ErrTakenOver)
			require.ErrorIs(t, first.Write(frame(33*ms, false)), ErrTakenOver)
			first.Close() // of the one replaced: must not touch its successor
			second.SetFormat(stream.Format{Video: video})
			require.NoError(t, second.Write(frame(0, true)))
			require.False(t, second.Session().Health().Waiting)
		})
	}
}

func TestRevokedKeyEndsItsSession(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	r.mu.Lock()
	r.revoked = []string{"key-1"}
	r.mu.Unlock()
	<-p.Done()
	require.ErrorIs(t, p.Err(), ErrRevoked)
	<-p.Session().Done()
}

func TestSessionSurvivesKeysThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	r := &recorder{keysErr: errors.New("database is gone")}
	asked := make(chan struct{}, 100)
	reg := start(t, r, func(c *Config) { c.Keys = asking{r, asked} })
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	for range 3 {
		<-asked
	}
	require.NoError(t, p.Err())
}

type asking struct {
	Keys
	asked chan struct{}
}

func (a asking) Revoked(ctx context.Context, ids []string) ([]string, error) {
	select {
	case a.asked <- struct{}{}:
	default:
	}
	return a.Keys.Revoked(ctx, ids)
}

func TestShutdownTellsPublishersAndDrains(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	p.SetFormat(stream.Format{Video: video})
	require.NoError(t, p.Write(frame(0, true)))
	reg.close()
	require.ErrorIs(t, p.Err(), ErrClosed)
	require.Equal(t, 1, r.finished)
	_, err = reg.Open(t.Context(), demo, home)
	require.ErrorIs(t, err, ErrClosed)
}

func TestAFailingConsumerDoesNotEndTheSession(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"with an error": func() error { return errors.New("disk full") },
		"with a panic":  func() error { panic("bug") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{fail: fail}
			reg := start(t, r, nil)
			p, err := reg.Open(t.Context(), demo, home)
			require.NoError(t, err)
			p.SetFormat(stream.Format{Video: video})
			require.NoError(t, p.Write(frame(0, true)))
			require.Eventually(t, r.taken(1), 5*time.Second, time.Millisecond)
			require.NoError(t, p.Write(frame(33*ms, true)))
			require.NoError(t, p.Err())
		})
	}
}

func TestEpochsFollowTheFormat(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	other := *video
	other.Params = [][]byte{{3}, {4}}
	write := func(s Sample) { require.NoError(t, p.Write(s)) }

	p.SetFormat(stream.Format{Video: video, Audio: audio})
	write(sound(0)) // before the first keyframe
	write(frame(0, true))
	write(sound(10 * ms))
	p.SetFormat(stream.Format{Video: video, Audio: audio}) // said again: no change
	write(frame(33*ms, false))
	p.SetFormat(stream.Format{Video: &other, Audio: audio})
	write(sound(31 * ms)) // goes on in the old epoch
	write(frame(66*ms, false))
	write(frame(99*ms, true))
	require.Eventually(t, r.taken(5), 5*time.Second, time.Millisecond)
	p.Close()

	numbers := []int{}
	for _, pkt := range r.packets {
		numbers = append(numbers, pkt.Epoch.Number)
		require.True(t, pkt.Track == pkt.Epoch.Format.Video || pkt.Track == pkt.Epoch.Format.Audio)
	}
	require.Equal(t, []int{0, 0, 0, 0, 1}, numbers)
}

func TestAudioIsSampleAccurate(t *testing.T) {
	t.Parallel()
	var c sampleClock
	last := c.next(audio, 10*time.Second, nil)
	for i := 1; i < 10_000; i++ {
		exact := 10*time.Second + stream.Duration(int64(i)*1024, 48000)
		at := exact.Round(ms)
		if i%3 == 0 {
			at += 7 * ms // a jittery sender
		}
		next := c.next(audio, at, nil)
		require.EqualValues(t, 1024, next-last)
		last = next
	}
	hole := stream.Duration(last, 48000) + 500*ms
	require.EqualValues(t, stream.Ticks(hole, 48000), c.next(audio, hole, nil), "a real hole is kept")
}

func TestOpusSamples(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		packet []byte
		want   int
	}{
		"CELT 20 ms, one frame":   {[]byte{31 << 3}, 960},
		"CELT 2.5 ms, two frames": {[]byte{16<<3 | 1}, 240},
		"SILK 60 ms":              {[]byte{3 << 3}, 2880},
		"hybrid 10 ms, three":     {[]byte{12<<3 | 3, 3}, 1440},
		"at most 120 ms":          {[]byte{31<<3 | 3, 63}, 5760},
		"count missing":           {[]byte{31<<3 | 3}, 960},
	} {
		require.Equal(t, tt.want, opusSamples(tt.packet), name)
	}
}

func TestVideoDecodingTimesGrow(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	p.SetFormat(stream.Format{Video: video})
	for i, at := range []time.Duration{0, 33 * ms, 33 * ms, 34 * ms} {
		require.NoError(t, p.Write(frame(at, i == 0)))
	}
	require.Eventually(t, r.taken(4), 5*time.Second, time.Millisecond)
	p.Close()
	for i := 1; i < 4; i++ {
		require.Greater(t, r.packets[i].DTS, r.packets[i-1].DTS)
		require.GreaterOrEqual(t, r.packets[i].PTS, r.packets[i].DTS)
	}
}

func TestHealthMeasures(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	p.SetFormat(stream.Format{Video: video})
	for i := range 100 {
		s := frame(time.Duration(i)*40*ms, i%50 == 0)
		s.Payload = make([]byte, 1000)
		require.NoError(t, p.Write(s))
		r.advance(40 * ms)
	}
	h := p.Session().Health()
	require.InDelta(t, 25, h.FrameRate, 0.1)
	require.InDelta(t, 200_000, h.BitrateBPS, 1000)
	require.Equal(t, 2*time.Second, h.KeyframeInterval)
}

func TestHealthAddsUpOverReconnections(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	stuck := make(chan struct{})
	r.fail = func() error { <-stuck; return nil }
	reg := start(t, r, func(c *Config) {
		outputs := c.Outputs
		c.Outputs = func(s *Session, g Grant, f stream.Format) Outputs {
			o := outputs(s, g, f)
			o.Consumers[0].Queue.Packets = 1
			return o
		}
	})
	t.Cleanup(func() { close(stuck) }) // before the registry waits for it
	for connection := range 3 {
		p, err := reg.Open(t.Context(), demo, home)
		require.NoError(t, err)
		p.SetFormat(stream.Format{Video: video, Audio: audio})
		for i := range 10 {
			require.NoError(t, p.Write(frame(time.Duration(i)*40*ms, i == 0)))
			require.NoError(t, p.Write(sound(time.Duration(i)*40*ms)))
			r.advance(40 * ms)
		}
		h := p.Session().Health()
		require.Equal(t, connection, h.Reconnects)
		require.EqualValues(t, 10*(connection+1), h.VideoFrames)
		require.EqualValues(t, 60*(connection+1), h.Bytes)
		require.GreaterOrEqual(t, h.Lost, uint64(10))
		p.Close()
	}
}

func TestNewSaysEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Grace: -1})
	for _, want := range []string{"Outputs", "Keys", "Logger", "Registerer", "negative"} {
		require.ErrorContains(t, err, want)
	}
}

func TestASampleThatWasHeldIsDatedByItsArrival(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	reg := start(t, r, nil)
	p, err := reg.Open(t.Context(), demo, home)
	require.NoError(t, err)
	defer p.Close()
	came := r.clock()
	r.advance(time.Second)
	p.SetFormat(stream.Format{Video: video})
	held := frame(0, true)
	held.Arrived = came
	require.NoError(t, p.Write(held))
	require.NoError(t, p.Write(frame(time.Second, false)))
	require.Eventually(t, r.taken(2), 5*time.Second, time.Millisecond)
	require.Equal(t, came, r.packets[0].NTP)
	require.Equal(t, r.clock(), r.packets[1].NTP)
}
