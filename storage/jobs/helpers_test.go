package jobs

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
)

// patience bounds waits for what must happen; a busy machine needs some.
const patience = 30 * time.Second

type noteArgs struct {
	Text   string `json:"text"`
	Number int    `json:"number"`
}

func (noteArgs) Kind() string { return "test_note" }

type otherArgs struct{}

func (otherArgs) Kind() string { return "test_other" }

func note(do func(context.Context, *river.Job[noteArgs]) error) Worker {
	return Work(river.WorkFunc(do))
}

// open opens Jobs with what cfg leaves out.
func open(t *testing.T, d *db.DB, cfg Config) *Jobs {
	t.Helper()
	cfg.DB = d
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Registerer = prometheus.NewRegistry()
	j, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	return j
}

// run lets j work until stop is called or t ends.
func run(t *testing.T, j *Jobs) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

func insert(t *testing.T, d *db.DB, j *Jobs, args river.JobArgs, opts *river.InsertOpts) {
	t.Helper()
	require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error { return j.Insert(t.Context(), tx, args, opts) }))
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func eventually(t *testing.T, met func() bool) {
	t.Helper()
	require.Eventually(t, met, patience, 5*time.Millisecond)
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func valueOf(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	require.NoError(t, c.Write(&m))
	return m.GetCounter().GetValue()
}
