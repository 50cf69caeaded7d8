package instance_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/instance"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

const sessionsPath = "/api/v1/admin/sessions"

// publish puts a channel on air.
func (f *fixture) publish(channel uuid.UUID, slug string, key uuid.UUID) string {
	f.t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	f.onAir.mu.Lock()
	defer f.onAir.mu.Unlock()
	f.onAir.live = append(f.onAir.live, instance.Session{
		ID: id, ChannelID: channel.String(), Channel: slug, KeyID: key.String(), Node: "ingest1",
		Remote: "192.0.2.7", Protocol: "rtmps", StartedAt: f.clock.Now(),
		BitrateBPS: 4_500_000, FrameRate: 29.97, KeyframeInterval: 2 * time.Second, Silent: 40 * time.Millisecond,
		Bytes: 1 << 40, VideoFrames: 900, Lost: 3, ClockJumps: 1, Reconnects: 2,
		Width: 1920, Height: 1080, Codecs: "avc1.640028,mp4a.40.2", Viewers: 12,
	})
	return id
}

func (f *fixture) key(channel uuid.UUID) uuid.UUID {
	f.t.Helper()
	id := uuid.Must(uuid.NewV7())
	require.NoError(f.t, f.db.Write().CreateStreamKey(f.t.Context(), store.CreateStreamKeyParams{
		ID: id, ChannelID: channel, Label: "Studio", SecretHash: id.String(), Hint: "wxyz", CreatedAt: column.At(f.clock.Now()),
	}))
	return id
}

func TestStaffSeesAndEndsSessions(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		ada := f.Person("ada", auth.RoleUser)
		channel := f.Channel(ada, "demo")
		key := f.key(channel)
		require.Empty(t, items(f.ok("GET", sessionsPath, f.mod, "")))
		id := f.publish(channel, "demo", key)
		f.publish(uuid.Must(uuid.NewV7()), "gone", uuid.Must(uuid.NewV7()))

		all := items(f.ok("GET", sessionsPath, f.mod, ""))
		require.Len(t, all, 2)
		require.NotContains(t, all[0], "owner")
		started := f.clock.Now().UTC().Format(time.RFC3339Nano)
		require.Equal(t, map[string]any{
			"id": id, "channel_id": channel.String(), "channel": "demo", "owner": "ada", "node": "ingest1",
			"protocol": "rtmps", "remote_address": "192.0.2.7", "started_at": started, "waiting": false, "viewers": 12.0,
			"stream_key": map[string]any{"id": key.String(), "label": "Studio", "hint": "wxyz"},
			"source": map[string]any{
				"width": 1920.0, "height": 1080.0, "codecs": "avc1.640028,mp4a.40.2", "bitrate_bps": 4500000.0,
				"frame_rate": 29.97, "keyframe_interval_ms": 2000.0, "silent_ms": 40.0, "bytes": float64(1 << 40),
				"video_frames": 900.0, "lost_packets": 3.0, "clock_jumps": 1.0, "reconnects": 2.0,
			},
		}, all[1])

		apitest.RequireProblem(t, f.Do("DELETE", sessionsPath+"/"+id, ada.Token, ""), 403, "forbidden")
		require.Equal(t, http.StatusNoContent, f.ok("DELETE", sessionsPath+"/"+id, f.mod, "").Status)
		require.Equal(t, []string{id}, f.onAir.ended)
		for _, gone := range []string{id, "no-session"} {
			apitest.RequireProblem(t, f.Do("DELETE", sessionsPath+"/"+gone, f.mod.Token, ""), 404, "session_not_found")
		}
		log := items(f.ok("GET", "/api/v1/admin/audit", f.admin, ""))
		require.Len(t, log, 1)
		require.Equal(t, "session.end", log[0]["action"])
		require.Equal(t, "demo", log[0]["target"])
		require.Equal(t, "mo", log[0]["actor"])
	})
}

func TestSessionsPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	var want []string
	for range 7 {
		want = append([]string{f.publish(uuid.New(), "x", uuid.New())}, want...)
	}
	f.onAir.live = append(f.onAir.live, f.onAir.live[2], instance.Session{ID: "not ours"}) // known twice
	require.Equal(t, want, f.walk(sessionsPath+"?limit=3", f.mod))
	require.Equal(t, want, f.walk(sessionsPath+"?limit=7", f.mod))
	apitest.RequireProblem(t, f.Do("GET", sessionsPath+"?cursor=x", f.mod.Token, ""), 400, "bad_cursor")
}

func TestChannelSession(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		ada, cleo, bob := f.Person("ada", auth.RoleUser), f.Person("cleo", auth.RoleUser), f.Person("bob", auth.RoleUser)
		channel := f.Channel(ada, "demo")
		f.member(channel, cleo, "moderator")
		path := "/api/v1/channels/demo/session"
		apitest.RequireProblem(t, f.Do("GET", path, ada.Token, ""), 404, "not_on_air")
		apitest.RequireProblem(t, f.Do("DELETE", path, ada.Token, ""), 404, "not_on_air")
		f.publish(channel, "demo", f.key(channel))
		f.clock.advance(time.Second)
		id := f.publish(channel, "demo", f.key(channel)) // it moved: the other lags

		r := f.ok("GET", path, ada, "")
		require.Equal(t, id, r.JSON["id"])
		require.Equal(t, "192.0.2.7", r.JSON["remote_address"])
		require.Equal(t, "Studio", r.JSON["stream_key"].(map[string]any)["label"])
		require.Contains(t, f.ok("GET", path, f.mod, "").JSON, "remote_address")
		r = f.ok("GET", path, cleo, "")
		require.Equal(t, id, r.JSON["id"])
		require.NotContains(t, r.JSON, "remote_address")
		require.NotContains(t, r.JSON, "stream_key")
		apitest.RequireProblem(t, f.Do("GET", path, bob.Token, ""), 403, "forbidden")
		apitest.RequireProblem(t, f.Do("DELETE", path, bob.Token, ""), 403, "forbidden")

		require.Equal(t, http.StatusNoContent, f.ok("DELETE", path, cleo, "").Status)
		require.Len(t, f.onAir.ended, 2)
		apitest.RequireProblem(t, f.Do("GET", path, ada.Token, ""), 404, "not_on_air")
		require.Len(t, items(f.ok("GET", "/api/v1/admin/audit?actor=CLEO", f.admin, "")), 2)
	})
}

func TestSessionsAreListedWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	f := newFixture(t, d)
	id := f.publish(uuid.New(), "demo", uuid.New())
	require.NoError(t, d.Close())
	all := items(f.ok("GET", sessionsPath, f.mod, ""))
	require.Len(t, all, 1)
	require.Equal(t, id, all[0]["id"])
	// But nobody is cut off unnoticed.
	require.GreaterOrEqual(t, f.Do("DELETE", sessionsPath+"/"+id, f.mod.Token, "").Status, 500)
	require.Empty(t, f.onAir.ended)
}
