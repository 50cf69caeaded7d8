package webhook_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/webhook"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/jobs"
)

var discard = slog.New(slog.DiscardHandler)

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }

// hand lets a Service have Jobs that need its workers first.
type hand struct{ jobs *jobs.Jobs }

func (h *hand) Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error {
	return h.jobs.Insert(ctx, tx, args, opts)
}

func TestRealJobsDeliver(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := &hand{}
		f := newFixture(t, d, func(c *webhook.Config) { c.Jobs, c.Now = h, nil })
		var err error
		h.jobs, err = jobs.Open(t.Context(), jobs.Config{
			DB: d, Workers: f.hooks.Workers(), Periodic: webhook.Periodic(),
			Queues: map[string]int{river.QueueDefault: 1, webhook.Queue: 1},
			Logger: discard, Registerer: newRegistry(),
		})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.jobs.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			require.NoError(t, <-done)
		})

		r := newReceiver(t, http.StatusServiceUnavailable)
		id, secret := f.hook(r.URL)
		f.fire(webhook.BroadcastLive, map[string]any{"channel": "demo"})
		require.Eventually(t, func() bool { return len(r.got()) == 1 }, 20*time.Second, 10*time.Millisecond)
		r.answer(http.StatusOK) // for the attempt five seconds later
		require.Eventually(t, func() bool {
			return fmt.Sprint(f.deliveries(id)[0]["state"]) == "delivered"
		}, 40*time.Second, 50*time.Millisecond)
		require.Len(t, r.got(), 2)
		require.NoError(t, r.got()[1].verify(secret))
	})
}
