package ladder

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
	"bandstand/transcode"
)

// fault is a live session with an encoder that is about to suffer.
type fault struct {
	ladder *Ladder
	out    *recorder
	live   *live
	pids   string
	log    *logText
	done   chan error
}

// startFault runs a session whose encoder first runs script.
func startFault(t *testing.T, script string, change func(*Config)) *fault {
	t.Helper()
	return startFaultWith(t, stream.QueueConfig{}, script, change)
}

func startFaultWith(t *testing.T, queue stream.QueueConfig, script string, change func(*Config)) *fault {
	t.Helper()
	f := &fault{out: newRecorder(), log: &logText{}, done: make(chan error, 1)}
	cfg := Config{
		FFmpeg: fast(), Rungs: twoRungs(), StallAfter: time.Second,
		Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	cfg.FFmpeg.Binary, f.pids = wrapped(t, script)
	if change != nil {
		change(&cfg)
	}
	f.ladder = newLadder(t, cfg)
	f.live = goLive(t, clip(t, picture("320x180", "30", "2", "-bf", "2")...), 2*time.Second, queue)
	go func() { f.done <- f.ladder.Run(context.Background(), f.live.queue, nil, f.out) }()
	return f
}

// finish ends the source and checks all that came of it.
func (f *fault) finish(t *testing.T) {
	t.Helper()
	f.live.end()
	require.NoError(t, <-f.done)
	for name, got := range f.out.rungs {
		requireAligned(t, f.live.sent, got)
		require.Equal(t, f.live.sent[len(f.live.sent)-1].Epoch.Number, got[0].Epoch.Number)
		for i := range got { // every epoch begins, and every gap ends, at a keyframe
			if i == 0 || got[i].Epoch != got[i-1].Epoch || slices.Contains(f.out.breaks[name], i) {
				require.True(t, got[i].Key, "%s, frame %d", name, i)
			}
		}
	}
	require.Zero(t, valueOf(t, f.ladder.metrics.processes))
	if _, err := os.Stat(f.pids); err == nil {
		for _, pid := range pids(t, f.pids) {
			require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d is left", pid)
		}
	}
}

// running waits until both rungs show something after they were down for the nth time.
func (f *fault) running(t *testing.T, downs int) {
	t.Helper()
	f.out.until(t, "both rungs", func() bool {
		for _, r := range twoRungs() {
			b := f.out.breaks[r.Name]
			if len(b) < downs || len(f.out.rungs[r.Name]) == 0 || (downs > 0 && len(f.out.rungs[r.Name]) <= b[len(b)-1]+5) {
				return false
			}
		}
		return true
	})
}

// valueOf returns what a counter or gauge stands at.
func valueOf(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var d dto.Metric
	require.NoError(t, m.Write(&d))
	return d.GetCounter().GetValue() + d.GetGauge().GetValue()
}

func (f *fault) restarts(t *testing.T, reason string) int {
	t.Helper()
	return int(valueOf(t, f.ladder.metrics.restarts.WithLabelValues(reason)))
}

// logText collects log lines.
type logText struct {
	mu sync.Mutex
	b  strings.Builder // guarded by mu
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestKilledEncoderComesBack(t *testing.T) {
	t.Parallel()
	f := startFault(t, "", nil)
	f.running(t, 0)
	all := pids(t, f.pids)
	require.NoError(t, syscall.Kill(all[len(all)-1], syscall.SIGKILL))
	f.running(t, 1)
	f.finish(t)
	require.Equal(t, 1, f.restarts(t, "exit"), f.log)
	require.Contains(t, f.log.String(), "signal: killed")
}

func TestStoppedEncoderIsReplaced(t *testing.T) {
	t.Parallel()
	f := startFault(t, "", nil)
	f.running(t, 0)
	all := pids(t, f.pids)
	require.NoError(t, syscall.Kill(all[len(all)-1], syscall.SIGSTOP))
	f.running(t, 1)
	f.finish(t)
	require.Equal(t, 1, f.restarts(t, "stall"), f.log)
}

func TestGarbageIsNoticed(t *testing.T) {
	t.Parallel()
	f := startFault(t, `[ $(wc -l < "${0%/*}/pids") -gt 1 ] || { head -c 4000 /dev/urandom >&3; cat > /dev/null; exit 0; }`, nil)
	f.running(t, 1)
	f.finish(t)
	require.Equal(t, 1, f.restarts(t, "garbage"), f.log)
}

func TestEncoderThatSaysNothingIsReplaced(t *testing.T) {
	t.Parallel()
	f := startFault(t, `[ $(wc -l < "${0%/*}/pids") -gt 1 ] || exit 7`, nil)
	f.running(t, 1)
	f.finish(t)
	require.Equal(t, 1, f.restarts(t, "exit"), f.log)
	require.Contains(t, f.log.String(), "exit status 7")
}

func TestMissingEncoder(t *testing.T) {
	t.Parallel()
	f := startFault(t, "", func(c *Config) { c.FFmpeg.Binary = filepath.Join(t.TempDir(), "ffmpeg") })
	f.out.until(t, "two attempts", func() bool { return len(f.out.breaks["120p"]) >= 2 })
	f.finish(t)
	require.Empty(t, f.out.rungs)
	require.Empty(t, f.out.thumbnails)
	require.GreaterOrEqual(t, f.restarts(t, "start"), 2)
	require.Equal(t, 1, strings.Count(f.log.String(), "level=WARN"), "told once:\n%s", f.log)
	require.Contains(t, f.log.String(), "no such file or directory")
}

// slowFirst makes the first encoder get less each second than the source sends.
const slowFirst = `[ $(wc -l < "${0%/*}/pids") -gt 1 ] || {
	{ while dd bs=1000 count=1 2>/dev/null; do sleep 0.1; done; } | ffmpeg "$@"; exit $?
}`

func TestFullQueueIsOverload(t *testing.T) {
	t.Parallel()
	f := startFaultWith(t, stream.QueueConfig{Packets: 45}, slowFirst, func(c *Config) {
		c.MaxLag, c.StallAfter = time.Hour, 30*time.Second
	})
	f.out.until(t, "the lower rung", func() bool {
		return len(f.out.breaks["120p"]) > 0 && f.out.last("90p") > f.out.last("120p")
	})
	f.finish(t)
	require.InDelta(t, 1, valueOf(t, f.ladder.metrics.shed.WithLabelValues("queue")), 0, f.log)
	require.Positive(t, valueOf(t, f.ladder.metrics.dropped))
}

func TestOverloadShedsTheTopRungAndTriesAgain(t *testing.T) {
	t.Parallel()
	f := startFault(t, slowFirst, func(c *Config) {
		c.MaxLag, c.OverloadAfter, c.RetryAfter = 700*time.Millisecond, 200*time.Millisecond, time.Second
		c.StallAfter = 30 * time.Second
	})
	f.out.until(t, "the lower rung", func() bool {
		return len(f.out.breaks["120p"]) > 0 && f.out.last("90p") > f.out.last("120p")
	})
	f.running(t, 1)
	f.finish(t)
	require.GreaterOrEqual(t, f.restarts(t, "overload"), 1, f.log)
	require.GreaterOrEqual(t, valueOf(t, f.ladder.metrics.shed.WithLabelValues("lag")), 1.0)
	require.Contains(t, f.log.String(), "rung is shed")
	require.Contains(t, f.log.String(), "rung is tried again")
}

func TestWhenAllRungsAreShedThereAreStills(t *testing.T) {
	t.Parallel()
	f := startFault(t, "", func(c *Config) {
		c.Rungs = twoRungs()[:1]
		c.MaxLag, c.OverloadAfter, c.RetryAfter = time.Nanosecond, time.Nanosecond, time.Hour
		c.ThumbnailEvery = 200 * time.Millisecond
	})
	var thumbnails int
	f.out.until(t, "the rung's end", func() bool {
		thumbnails = len(f.out.thumbnails)
		return len(f.out.breaks["120p"]) > 0
	})
	f.out.until(t, "more stills", func() bool { return len(f.out.thumbnails) > thumbnails+1 })
	f.finish(t)
	require.Equal(t, 1, f.restarts(t, "overload"), f.log)
}

func TestEndOfTheContextEndsEverything(t *testing.T) {
	t.Parallel()
	binary, pidFile := wrapped(t, "")
	cfg := Config{FFmpeg: transcode.Config{Binary: binary}, Rungs: twoRungs()}
	l, out := newLadder(t, cfg), newRecorder()
	src := goLive(t, clip(t, picture("320x180", "30", "2")...), 2*time.Second, stream.QueueConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx, src.queue, []stream.Rung{twoRungs()[1]}, out) }()
	out.until(t, "a frame", func() bool { return len(out.rungs["90p"]) > 0 })
	cancel()
	require.NoError(t, <-done)
	for _, pid := range pids(t, pidFile) {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	}
	require.NotContains(t, out.rungs, "120p", "the override leaves it out")
}
