package ladder

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"bandstand/media/stream"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"
	"bandstand/transcode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// picture returns arguments for a moving test picture in H.264 with a keyframe every
// half second.
func picture(size, rate, seconds string, more ...string) []string {
	return append([]string{
		"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=" + rate, "-t", seconds,
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-force_key_frames", "expr:gte(t,n_forced*0.5)",
	}, more...)
}

// epochStart is the session time of a test's first packet.
const epochStart = 10 * time.Second

var wallClock = time.Date(2025, 5, 17, 20, 15, 0, 0, time.UTC)

// packets returns tags as the packets of epoch number n, which begins at a session
// time.
func packets(t testing.TB, tags []flv.Tag, n int, at time.Duration) []*stream.Packet {
	t.Helper()
	var out []*stream.Packet
	var v flv.Video
	var epoch *stream.Epoch
	for _, tag := range tags {
		if tag.Type != flv.TypeVideo {
			continue
		}
		u, err := v.Parse(tag.Body)
		require.NoError(t, err)
		if u.Track != nil {
			epoch = &stream.Epoch{Number: n, Format: stream.Format{Video: u.Track}}
		}
		if u.Payload == nil {
			continue
		}
		dts := at + time.Duration(tag.Time)*time.Millisecond
		out = append(out, packet(epoch, u, dts))
	}
	require.NotEmpty(t, out)
	return out
}

func packet(epoch *stream.Epoch, u flv.Unit, dts time.Duration) *stream.Packet {
	return &stream.Packet{
		Epoch: epoch, Track: epoch.Format.Video, Key: u.Key, Payload: u.Payload,
		DTS: stream.Ticks(dts, stream.VideoClockRate), PTS: stream.Ticks(dts+u.CTS, stream.VideoClockRate),
		NTP: wallClock.Add(dts + u.CTS),
	}
}

// later returns p shown d later.
func later(p *stream.Packet, d time.Duration) *stream.Packet {
	q, ticks := *p, stream.Ticks(d, stream.VideoClockRate)
	q.DTS, q.PTS, q.NTP = q.DTS+ticks, q.PTS+ticks, q.NTP.Add(d)
	return &q
}

// queueOf returns a Queue that has packets and then ends.
func queueOf(packets []*stream.Packet) *stream.Queue {
	q := stream.NewQueue(stream.QueueConfig{})
	for _, p := range packets {
		q.Push(p)
	}
	q.Close()
	return q
}

// recorder is an Output that keeps everything.
type recorder struct {
	mu         sync.Mutex
	rungs      map[string][]*stream.Packet // guarded by mu
	breaks     map[string][]int            // guarded by mu; packets there were at each RungDown
	thumbnails [][]byte                    // guarded by mu
	changed    chan struct{}               // capacity 1
}

func newRecorder() *recorder {
	return &recorder{
		rungs: make(map[string][]*stream.Packet), breaks: make(map[string][]int),
		changed: make(chan struct{}, 1),
	}
}

func (r *recorder) note(change func()) {
	r.mu.Lock()
	change()
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *recorder) WriteRung(rung string, p *stream.Packet) {
	r.note(func() { r.rungs[rung] = append(r.rungs[rung], p) })
}

func (r *recorder) RungDown(rung string) {
	r.note(func() { r.breaks[rung] = append(r.breaks[rung], len(r.rungs[rung])) })
}

func (r *recorder) SetThumbnail(jpeg []byte) {
	r.note(func() { r.thumbnails = append(r.thumbnails, jpeg) })
}

// until waits for a condition about what r has, under its lock.
func (r *recorder) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		r.mu.Lock()
		done := ok()
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-r.changed:
		case <-limit.C:
			t.Fatalf("waiting for %s", what)
		}
	}
}

// last returns the PTS of a rung's last packet; r.mu must be held.
func (r *recorder) last(rung string) int64 {
	if n := len(r.rungs[rung]); n > 0 {
		return r.rungs[rung][n-1].PTS
	}
	return 0
}

// requireAligned checks that every frame of a rung is one of the source's, at the
// same time and with the same standing, in order.
func requireAligned(t *testing.T, source, rung []*stream.Packet) {
	t.Helper()
	type at struct { // epochs may overlap by what B-frames hold back
		epoch int
		pts   int64
	}
	bySource := make(map[at]*stream.Packet)
	for _, p := range source {
		bySource[at{p.Epoch.Number, p.PTS}] = p
	}
	dts := int64(-1)
	for i, p := range rung {
		src := bySource[at{p.Epoch.Number, p.PTS}]
		require.NotNil(t, src, "frame %d at PTS %d has no source", i, p.PTS)
		require.Equal(t, src.Key, p.Key, "key of frame %d", i)
		require.Equal(t, src.NTP, p.NTP, "wall clock of frame %d", i)
		require.Equal(t, p.Track, p.Epoch.Format.Video)
		require.Greater(t, p.DTS, dts, "DTS of frame %d", i)
		dts = p.DTS
	}
}

func keyTimes(packets []*stream.Packet) (pts []int64) {
	for _, p := range packets {
		if p.Key {
			pts = append(pts, p.PTS)
		}
	}
	return pts
}

// live pushes a clip round and round, in real time, until stopped.
type live struct {
	queue *stream.Queue
	stop  context.CancelFunc
	ended chan struct{}
	sent  []*stream.Packet // once ended
}

func goLive(t *testing.T, clip []*stream.Packet, length time.Duration, queue stream.QueueConfig) *live {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &live{queue: stream.NewQueue(queue), stop: stop, ended: make(chan struct{})}
	every := length / time.Duration(len(clip))
	go func() {
		defer close(l.ended)
		defer l.queue.Close()
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			p := later(clip[i%len(clip)], time.Duration(i/len(clip))*length)
			p.Arrived = time.Now()
			l.queue.Push(p)
			l.sent = append(l.sent, p)
		}
	}()
	t.Cleanup(l.end)
	return l
}

func (l *live) end() {
	l.stop()
	<-l.ended
}

// wrapped returns a program that runs script before it becomes ffmpeg, and the file
// to which it adds its process ID.
func wrapped(t *testing.T, script string) (binary, pidFile string) {
	t.Helper()
	dir := t.TempDir()
	binary, pidFile = filepath.Join(dir, "encoder"), filepath.Join(dir, "pids")
	text := "#!/bin/sh\necho $$ >> " + pidFile + "\n" + script + "\nexec ffmpeg \"$@\"\n"
	require.NoError(t, os.WriteFile(binary, []byte(text), 0o700)) //nolint:gosec // a program must be executable
	return binary, pidFile
}

// pids returns the processes that a wrapped program has been, the last one last.
func pids(t *testing.T, file string) (all []int) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, line := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(line)
		require.NoError(t, err)
		all = append(all, pid)
	}
	return all
}

// fast is an encoder that costs little.
func fast() transcode.Config { return transcode.Config{Preset: "ultrafast"} }

func twoRungs() []stream.Rung {
	return []stream.Rung{
		{Name: "120p", Height: 120, BitrateBPS: 200_000},
		{Name: "90p", Height: 90, BitrateBPS: 100_000},
	}
}

// haveEncoder skips the test if this ffmpeg cannot make such sources.
func haveEncoder(t *testing.T, name string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-encoders").Output()
	require.NoError(t, err)
	if !strings.Contains(string(out), " "+name+" ") {
		t.Skipf("ffmpeg has no %s", name)
	}
}

func clip(t testing.TB, args ...string) []*stream.Packet {
	t.Helper()
	return packets(t, flvtest.Clip(t, args...), 0, epochStart)
}
