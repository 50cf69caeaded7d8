package rtmp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bandstand/media/ingest/rtmp"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"

	"github.com/stretchr/testify/require"
)

// anyKey is the stream key of sessions before each gets its own.
const anyKey = "0000000000"

// mutate damages a session in a few places.
func mutate(rng *rand.Rand, session []byte) []byte {
	b := append([]byte(nil), session...)
	for range 1 + rng.IntN(8) {
		if len(b) == 0 {
			break
		}
		at := rng.IntN(len(b))
		if rng.IntN(2) == 0 { // often among the commands, where the parsers are
			at = min(3073+rng.IntN(1500), len(b)-1)
		}
		n := min(1+rng.IntN(64), len(b)-at)
		switch rng.IntN(6) {
		case 0:
			b[at] ^= 1 << rng.IntN(8)
		case 1:
			b[at] = byte(rng.Uint32())
		case 2:
			b[at] = []byte{0, 0xff, 0x7f, 0x80, 3, 10}[rng.IntN(6)]
		case 3:
			b = append(b[:at], b[at+n:]...)
		case 4:
			b = append(b[:at+n], append(append([]byte(nil), b[at:at+n]...), b[at+n:]...)...)
		case 5:
			b = b[:max(at, 1)]
		}
	}
	return b
}

// TestMutatedSessions plays damaged sessions to a server. BANDSTAND_MUTATIONS sets
// how many. A panic ends the test; memory is measured.
func TestMutatedSessions(t *testing.T) {
	t.Parallel()
	total := 400
	if s := os.Getenv("BANDSTAND_MUTATIONS"); s != "" {
		var err error
		total, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	s := &station{done: make(chan struct{}), grace: time.Millisecond, forget: true}
	var panics panicCounter
	startStation(t, s, func(c *rtmp.Config) {
		c.Keys = manyKeys{}
		c.Limits.SetupTimeout, c.Limits.IdleTimeout, c.Limits.Linger = time.Second, time.Second, time.Millisecond
		c.Logger = panics.logger()
	})
	var sessions [][]byte
	clips := [][]flv.Tag{
		flvtest.Clip(t, flvtest.PictureAndTone("0.4", "-b:v", "100k")...),
		flvtest.Enhanced(t, flvtest.Picture("0.2", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")...),
		flvtest.Enhanced(t, flvtest.Picture("0.2", "libaom-av1", "-cpu-used", "8", "-usage", "realtime")...),
	}
	for i, clip := range clips {
		sessions = append(sessions,
			rtmptest.Script(rtmptest.Options{}, "live", anyKey, clip),
			rtmptest.Script(rtmptest.Options{ChunkSize: 128}, "live", anyKey, shifted(clip, 0xfffff0+uint32(i))))
	}
	var next atomic.Int64
	var heap atomic.Uint64
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(total) {
					return
				}
				rng := rand.New(rand.NewPCG(uint64(n), 7))
				b := mutate(rng, sessions[rng.IntN(len(sessions))])
				playTo(s.Addr, bytes.ReplaceAll(b, []byte(anyKey), fmt.Appendf(nil, "%010d", n)))
				if n%1000 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					heap.Store(max(heap.Load(), m.HeapAlloc))
				}
			}
		})
	}
	workers.Wait()
	s.mu.Lock()
	aired := s.count
	s.mu.Unlock()
	t.Logf("%d sessions, %d packets on air, heap at most %d MB", total, aired, heap.Load()>>20)
	require.Zero(t, panics.n.Load())
	_, err := rtmptest.Publish(s.url("alive"), rtmptest.Options{})
	require.NoError(t, err, "the server still serves")
}

// playTo sends a session without waiting for answers, and reads until the server
// hangs up or has had what there is.
func playTo(addr string, session []byte) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := nc.Write(session); err != nil {
		return
	}
	nc.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, nc)
}

// panicCounter is a log handler that counts the panics reported to it.
type panicCounter struct{ n atomic.Int64 }

func (p *panicCounter) logger() *slog.Logger { return slog.New(p) }

func (p *panicCounter) Enabled(context.Context, slog.Level) bool { return true }

func (p *panicCounter) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panic") {
		p.n.Add(1)
	}
	return nil
}

func (p *panicCounter) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p *panicCounter) WithGroup(string) slog.Handler      { return p }
