package channel_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/api/limit/limittest"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

// airing is a node with sockets, whose sessions a test sets.
type airing struct {
	*realtimetest.Server

	live     *liveTable
	channels *channel.Service
}

func newAiring(t *testing.T, d *db.DB, change ...func(*realtime.Config)) *airing {
	t.Helper()
	a := &airing{live: &liveTable{}}
	a.Server = realtimetest.New(t, d, func(n *realtime.Node) {
		var err error
		a.channels, err = channel.NewService(channel.Config{
			DB: d, Live: a.live, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
			Events: n, PublicURL: func() string { return "https://one.example.org" }, Node: "one",
		})
		require.NoError(t, err)
	}, change...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.channels.RunEvents(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return a
}

func TestSubscribersHearWhatIsOnAir(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		people := apitest.New(t, d, []api.Feature{})
		ada, fan := people.Person("ada", auth.RoleUser), people.Person("fan", auth.RoleUser)
		id := people.Channel(ada, "stage")
		a := newAiring(t, d)
		viewer, owner, follower := realtimetest.Connect(t, a.URL, ""), realtimetest.Connect(t, a.URL, ada.Token), realtimetest.Connect(t, a.URL, fan.Token)
		viewer.Subscribe("live:stage", nil)
		require.False(t, onAir(t, viewer.Next("live:stage", "live.state")).Live)
		require.Equal(t, 401, viewer.TrySubscribe("studio:stage", nil).Error.Code)
		require.Equal(t, 403, follower.TrySubscribe("studio:stage", nil).Error.Code)
		owner.Subscribe("studio:stage", nil)

		st := channel.LiveState{
			ChannelID: id.String(), Slug: "stage", Session: uuid.NewString(), StartedAt: time.Now(), Viewers: 3,
			HLSURL: "/live/stage/index.m3u8", Rungs: []string{"360p"},
			Publisher: channel.Publisher{BitrateBPS: 2_500_000, FrameRate: 30, KeyframeIntervalMS: 2000},
		}
		a.live.put(st) // connected, but nothing can be played yet
		st.Renditions = []channel.Rendition{{Name: "source", Width: 1280, Height: 720, Bandwidth: 3_000_000, Codecs: "avc1.640028"}}
		a.live.put(st)
		started := onAir(t, viewer.Next("live:stage", "live.started"))
		require.True(t, started.Live)
		require.Equal(t, "Title of stage", started.Title)
		require.Equal(t, 3, started.Viewers)

		var health channel.HealthView
		require.NoError(t, json.Unmarshal(owner.Next("studio:stage", "studio.health").Data, &health))
		require.Equal(t, 2_500_000, health.BitrateBPS)
		require.Equal(t, []string{"360p"}, health.LadderMissing)
		require.Equal(t, "starting", health.LadderState)

		airing := uuid.Must(uuid.NewV7())
		_, err := d.Writer().ExecContext(t.Context(), "INSERT INTO broadcasts (id, channel_id, state, title, description, category, started_at, created_at, updated_at) VALUES ($1, $2, 'live', 'The show', '', '', $3, $3, $3)",
			airing.String(), id.String(), column.At(time.Now()))
		require.NoError(t, err)
		changed := onAir(t, viewer.Next("live:stage", "live.changed"))
		require.Equal(t, "The show", changed.Title)
		require.Equal(t, airing.String(), changed.Broadcast.ID)

		st.Viewers = 5
		a.live.put(st)
		require.JSONEq(t, `{"viewers":5,"listeners":0}`, string(viewer.Next("live:stage", "live.viewers").Data))
		st.Publisher.Waiting = true
		a.live.put(st)
		require.True(t, onAir(t, viewer.Next("live:stage", "live.changed")).Waiting)
		late := realtimetest.Connect(t, a.URL, "")
		late.Subscribe("live:stage", nil)
		require.True(t, onAir(t, late.Next("live:stage", "live.state")).Live)
		a.live.put()
		require.False(t, onAir(t, viewer.Next("live:stage", "live.ended")).Live)
	})
}

// TestNodesTellEachOther what is on air, with Redis between them.
func TestNodesTellEachOther(t *testing.T) {
	t.Parallel()
	limittest.Redis(t) // skips without one
	redis := os.Getenv(limittest.RedisURL)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		people := apitest.New(t, d, []api.Feature{})
		ada := people.Person("ada", auth.RoleUser)
		id := people.Channel(ada, "stage")
		prefix := uuid.NewString()
		join := func(c *realtime.Config) { c.RedisURL, c.RedisPrefix = redis, prefix }
		one, two := newAiring(t, d, join), newAiring(t, d, join)
		viewer := realtimetest.Connect(t, two.URL, "")
		viewer.Subscribe("live:stage", nil)
		session := uuid.NewString()
		one.live.put(channel.LiveState{
			ChannelID: id.String(), Slug: "stage", Session: session, StartedAt: time.Now(), Viewers: 3, HLSURL: "/live/stage/index.m3u8",
			Renditions: []channel.Rendition{{Name: "source", Bandwidth: 1, Codecs: "avc1.640028"}},
		})
		require.True(t, onAir(t, viewer.Next("live:stage", "live.started")).Live)
		there := two.channels.OnAir()
		require.Len(t, there, 1)
		require.Equal(t, "https://one.example.org/live/stage/index.m3u8", there[0].HLSURL)
		require.Equal(t, "one", there[0].Node())
		require.Empty(t, two.channels.OnAirHere())
		one.live.put()
		require.False(t, onAir(t, viewer.Next("live:stage", "live.ended")).Live)
	})
}

func onAir(t *testing.T, m realtimetest.Message) channel.OnAirView {
	t.Helper()
	var v channel.OnAirView
	require.NoError(t, json.Unmarshal(m.Data, &v))
	return v
}
