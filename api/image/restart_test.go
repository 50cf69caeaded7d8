package image_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	images "bandstand/api/image"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/jobs"
	"bandstand/transcode/still/stilltest"
)

// A node takes a picture and stops; the next one makes it.
func TestPicturesAreMadeAfterARestart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		before, err := jobs.Open(t.Context(), jobs.Config{
			DB: d, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		require.NoError(t, err)
		r := newRig(t, d, func(c *images.Config) { c.Jobs, c.Queue = before, "pictures" })
		ada := r.Person("ada", auth.RoleUser)
		id := r.put(avatarPath, ada.Token, stilltest.JPEG(t, 30, 30))
		require.Equal(t, "pending", r.state(id, ada.Token))

		after, err := jobs.Open(t.Context(), jobs.Config{
			DB: d, Workers: r.service.Workers(), Periodic: r.service.Periodic(),
			Queues: map[string]int{"default": 1, "pictures": 1},
			Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- after.Run(ctx) }()
		assert.Eventually(t, func() bool { return r.state(id, ada.Token) == "ready" }, time.Minute, 20*time.Millisecond)
		assert.Eventually(t, func() bool { return len(r.keys()) == 8 }, time.Minute, 20*time.Millisecond, "the source goes last")
		cancel()
		require.NoError(t, <-ended)
		assert.Equal(t, id, r.user(ada.ID).AvatarID.UUID)
	})
}
