package moderation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

const (
	settingsPath = "/channels/stage/chat/settings"
	wordsPath    = "/channels/stage/chat/blocked-words"
	logPath      = "/channels/stage/chat/log"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		r := f.ok("GET", settingsPath, apitest.Person{}, "")
		require.JSONEq(t, `{"enabled":true,"who":"everyone","followed_for":0,"slow_mode":0,"emotes_only":false,"links":true}`, r.Text)
		require.Equal(t, `"v0"`, r.Header.Get("ETag"))

		r = f.ok("PATCH", settingsPath, f.mod, `{"who":"followers","followed_for":600,"slow_mode":30}`, "If-Match", `"v0"`)
		require.JSONEq(t, `{"enabled":true,"who":"followers","followed_for":600,"slow_mode":30,"emotes_only":false,"links":true}`, r.Text)
		require.Equal(t, `"v1"`, r.Header.Get("ETag"))
		require.Equal(t, []string{
			`chat:stage chat.settings {"enabled":true,"who":"followers","followed_for":600,"slow_mode":30,"emotes_only":false,"links":true}`,
			`system:stage chat.settings Only those who have followed for 10 minutes can write. Slow mode: one message every 30 seconds. ` +
				`{"by":"mod","changed":{"followed_for":600,"slow_mode":30,"who":"followers"}}`,
		}, f.stage.taken())
		require.Equal(t, r.Text, f.ok("GET", settingsPath, f.eve, "").Text)

		f.no(412, "changed", "PATCH", settingsPath, f.owner, `{"links":false}`, "If-Match", `"v0"`)
		f.ok("PATCH", settingsPath, f.staff, `{"links":false}`)
		require.Len(t, f.stage.taken(), 2)
		require.Equal(t, `"v2"`, f.ok("PATCH", settingsPath, f.owner, `{"links":false,"slow_mode":30}`).Header.Get("ETag"))
		require.Empty(t, f.stage.taken(), "nothing has changed")
		summary, err := f.service.Summary(t.Context(), f.channel)
		require.NoError(t, err)
		require.NotNil(t, summary)

		log := items(f.ok("GET", logPath, f.owner, ""))
		require.Len(t, log, 2)
		require.Equal(t, "staff", log[0]["actor"])
		require.Equal(t, "settings", log[0]["action"])
		require.Equal(t, map[string]any{"links": false}, log[0]["detail"])

		for _, body := range []string{`{"slow_mode":3601}`, `{"slow_mode":-1}`, `{"who":"friends"}`, `{"followed_for":31536001}`, `{"enabled":"yes"}`, `{"other":1}`} {
			f.no(422, "unprocessable_entity", "PATCH", settingsPath, f.mod, body)
		}
		f.no(403, "forbidden", "PATCH", settingsPath, f.eve, `{"enabled":false}`)
		f.no(403, "forbidden", "PATCH", settingsPath, f.guest, `{"enabled":false}`)
		f.no(401, "unauthorized", "PATCH", settingsPath, apitest.Person{}, `{"enabled":false}`)
		f.no(404, "channel_not_found", "GET", "/channels/none/chat/settings", f.eve, "")
	})
}

func TestBlockedWords(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		require.JSONEq(t, `{"words":[]}`, f.ok("GET", wordsPath, f.mod, "").Text)
		r := f.ok("PUT", wordsPath, f.caster, `{"words":["spoiler*","Darn","buy  followers","Darn"]}`, "If-Match", `"v0"`)
		require.JSONEq(t, `{"words":["Darn","buy followers","spoiler*"]}`, r.Text)
		require.Equal(t, `"v1"`, r.Header.Get("ETag"))
		require.Equal(t, `"v1"`, f.ok("GET", settingsPath, f.mod, "").Header.Get("ETag"))
		f.no(412, "changed", "PUT", wordsPath, f.mod, `{"words":[]}`, "If-Match", `"v0"`)
		f.no(403, "forbidden", "GET", wordsPath, f.eve, "")
		f.no(422, "bad_words", "PUT", wordsPath, f.mod, `{"words":["*"]}`)
		f.no(422, "bad_words", "PUT", wordsPath, f.mod, `{"words":["a*b"]}`)
		f.no(422, "bad_words", "PUT", wordsPath, f.mod, `{"words":["`+strings.Repeat("x", 61)+`"]}`)
		f.no(422, "unprocessable_entity", "PUT", wordsPath, f.mod, `{"words":[`+strings.Repeat(`"word",`, 200)+`"word"]}`)
		require.NotContains(t, f.ok("GET", logPath, f.mod, "").Text, "Darn")

		require.ErrorContains(t, f.admit(f.eve, home, "d@rn it"), "word_blocked")
		require.NoError(t, f.admit(f.mod, home, "darn it"))
		f.ok("PUT", wordsPath, f.mod, `{"words":[]}`)
		require.NoError(t, f.admit(f.eve, home, "darn it"), "at once")
	})
}

func TestPinsAndClears(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		ctx := t.Context()
		pinned := func() uuid.UUID {
			id, err := f.service.Pinned(ctx, f.channel)
			require.NoError(t, err)
			return id
		}
		require.Equal(t, uuid.Nil, pinned())
		message := f.wrote(f.eve, time.Now(), "")
		require.NoError(t, d.InTx(ctx, func(tx *db.Tx) error { return f.service.Pin(ctx, tx, f.channel, message, f.mod.ID) }))
		require.Equal(t, message, pinned())
		require.Equal(t, `"v0"`, f.ok("GET", settingsPath, f.mod, "").Header.Get("ETag"), "no other settings")
		require.NoError(t, d.InTx(ctx, func(tx *db.Tx) error { return f.service.Cleared(ctx, tx, f.channel, f.clock.Now()) }))
		cleared, err := d.Read().ChatClearedAt(ctx, f.channel)
		require.NoError(t, err)
		require.WithinDuration(t, f.clock.Now(), cleared.Time, time.Millisecond)
		require.NoError(t, d.InTx(ctx, func(tx *db.Tx) error { return f.service.Pin(ctx, tx, f.channel, uuid.Nil, f.mod.ID) }))
		require.Equal(t, uuid.Nil, pinned())
		require.ErrorContains(t, d.InTx(ctx, func(tx *db.Tx) error { return f.service.Pin(ctx, tx, uuid.New(), message, f.mod.ID) }), "channel_not_found")
	})
}
