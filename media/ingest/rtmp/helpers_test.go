package rtmp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"bandstand/media/ingest/rtmp"
	"bandstand/media/live"
	"bandstand/media/stream"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "correct-horse"

// keys is an Authorizer that knows one key.
type keys struct{}

func (keys) Authorize(_ context.Context, _, k string) (live.Grant, error) {
	if k != key {
		return live.Grant{}, rtmp.ErrUnknownKey
	}
	return live.Grant{Channel: "demo", ChannelID: "1", KeyID: "key-1"}, nil
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func registry() *prometheus.Registry { return prometheus.NewRegistry() }

// station is a server with a live.Registry behind it that records what goes on air.
type station struct {
	Addr string

	mu      sync.Mutex
	packets []*stream.Packet
	revoked []string
	count   int // of packets, kept or not

	grace  time.Duration
	forget bool // count packets, and do not keep them

	stop func()
	done chan struct{}
}

func (s *station) Revoked(context.Context, []string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked, nil
}

func (s *station) revoke(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = append(s.revoked, id)
}

func (s *station) record(ctx context.Context, q *stream.Queue) error {
	for {
		p, _, err := q.Pop(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.count++
		if !s.forget {
			s.packets = append(s.packets, p)
		}
		s.mu.Unlock()
	}
}

// onAir returns the packets so far.
func (s *station) onAir() []*stream.Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packets
}

func (s *station) waitFor(t *testing.T, n int) []*stream.Packet {
	t.Helper()
	require.Eventually(t, func() bool { return len(s.onAir()) >= n }, 10*time.Second, 5*time.Millisecond,
		"waiting for %d packets", n)
	return s.onAir()
}

// start runs a server until the test ends.
func start(t testing.TB, change func(*rtmp.Config)) *station {
	t.Helper()
	s := &station{done: make(chan struct{})}
	startStation(t, s, change)
	return s
}

func startStation(t testing.TB, s *station, change func(*rtmp.Config)) {
	t.Helper()
	reg, log := registry(), discard()
	sessions, err := live.New(live.Config{
		Outputs: func(*live.Session, live.Grant, stream.Format) live.Outputs {
			return live.Outputs{Consumers: []live.Consumer{{Name: "recorder", Run: s.record}}}
		},
		Keys: s, CheckEvery: 20 * time.Millisecond, Grace: s.grace, Logger: log, Registerer: reg,
	})
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := rtmp.Config{Keys: keys{}, Streams: sessions, Logger: log, Registerer: reg}
	if change != nil {
		change(&cfg)
	}
	srv, err := rtmp.NewServer(ln, cfg)
	require.NoError(t, err)
	s.Addr = srv.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { require.NoError(t, srv.Run(ctx)) })
	running.Go(func() { require.NoError(t, sessions.Run(ctx)) })
	s.stop = cancel
	go func() {
		running.Wait()
		close(s.done)
	}()
	t.Cleanup(func() {
		cancel()
		<-s.done
	})
}

func (s *station) url(name string) string { return "rtmp://" + s.Addr + "/live/" + name }
