package moderation_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/moderation"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

const bansPath = "/channels/stage/chat/bans"

// openAndListen opens a database as a node does, until the test ends.
func openAndListen(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 4})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Listen(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
		require.NoError(t, d.Close())
	})
	return d
}

func TestBansAndTimeOuts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		require.NoError(t, f.admit(f.eve, home, "hi"))
		r := f.ok("POST", bansPath, f.mod, `{"user":"EVE","reason":" too  loud ","duration":600}`)
		require.Equal(t, http.StatusCreated, r.Status)
		first := r.JSON["id"].(string)
		require.Equal(t, "/api/v1"+bansPath+"/"+first, r.Header.Get("Location"))
		require.Equal(t, "eve", r.JSON["user"].(map[string]any)["username"])
		require.Equal(t, "too loud", r.JSON["reason"])
		require.Equal(t, "mod", r.JSON["created_by"])
		require.Equal(t, "active", r.JSON["state"])
		later(t, f.admit(f.eve, home, "hi"), moderation.ErrTimedOut, 10*time.Minute)
		require.NoError(t, f.admit(f.bob, home, "hi"), "nobody else")
		heard := f.stage.taken()
		require.Len(t, heard, 2)
		require.True(t, strings.HasPrefix(heard[0], `user:`+f.eve.ID.String()+` chat.banned {"channel":"stage","reason":"too loud","expires_at":"`), heard[0])
		require.True(t, strings.HasPrefix(heard[1], `studio:stage chat.banned {"id":"`+first+`","user":{"id":"`+f.eve.ID.String()+`","username":"eve"`), heard[1])

		f.clock.advance(10 * time.Minute)
		require.NoError(t, f.admit(f.eve, home, "hi"), "it is over")
		f.no(404, "ban_not_found", "DELETE", bansPath+"/"+first, f.mod, "")

		f.ok("POST", bansPath, f.caster, `{"user":"eve","duration":60}`)
		second := f.ok("POST", bansPath, f.mod, `{"user":"eve"}`).JSON["id"].(string)
		require.ErrorIs(t, f.admit(f.eve, home, "hi"), moderation.ErrBanned)
		f.stage.taken()
		require.Equal(t, http.StatusNoContent, f.ok("DELETE", bansPath+"/"+second, f.mod, "").Status)
		require.NoError(t, f.admit(f.eve, home, "hi"), "nor does the one before it count")
		require.Equal(t, []string{
			`user:` + f.eve.ID.String() + ` chat.unbanned {"channel":"stage"}`,
			`studio:stage chat.unbanned {"user":"eve","by":"mod"}`,
		}, f.stage.taken())
		f.no(404, "ban_not_found", "DELETE", bansPath+"/"+second, f.mod, "")
		f.no(404, "ban_not_found", "DELETE", bansPath+"/"+uuid.NewString(), f.mod, "")
		f.no(404, "ban_not_found", "DELETE", bansPath+"/x", f.mod, "")

		f.ok("POST", bansPath, f.mod, `{"user":"bob"}`)
		states := []string{}
		for _, ban := range items(f.ok("GET", bansPath, f.owner, "")) {
			states = append(states, ban["user"].(map[string]any)["username"].(string)+" "+ban["state"].(string))
		}
		require.Equal(t, []string{"Bob active", "eve lifted", "eve lifted", "eve expired"}, states)
		require.Len(t, items(f.ok("GET", bansPath+"?active=true", f.owner, "")), 1)
		require.Len(t, items(f.ok("GET", bansPath+"?user=eve", f.owner, "")), 3)
		require.Empty(t, items(f.ok("GET", bansPath+"?user=eve&active=true", f.owner, "")))
		f.no(404, "user_not_found", "GET", bansPath+"?user=nobody", f.owner, "")

		actions := []string{}
		for _, entry := range items(f.ok("GET", logPath+"?user=eve", f.owner, "")) {
			actions = append(actions, entry["actor"].(string)+" "+entry["action"].(string)+" "+entry["target"].(string))
		}
		require.Equal(t, []string{"mod unban eve", "mod ban eve", "caster timeout eve", "mod timeout eve"}, actions)
		require.Len(t, items(f.ok("GET", logPath, f.owner, "")), 5)
		f.walk(bansPath+"?limit=1", 4)
		f.walk(bansPath+"?limit=2&user=eve", 3)
		f.walk(bansPath+"?limit=1&active=true", 1)
		f.walk(logPath+"?limit=2", 5)
		f.walk(logPath+"?limit=1&user=eve", 4)
	})
}

// walk follows a list of so many items to its end and back to its beginning.
func (f *fixture) walk(path string, want int) {
	f.t.Helper()
	var there, back []string
	ids := func(r apitest.Reply) (all []string) {
		for _, item := range items(r) {
			all = append(all, item["id"].(string))
		}
		return all
	}
	var cursor, last string
	for {
		r := f.ok("GET", path+"&cursor="+cursor, f.owner, "")
		there = append(there, ids(r)...)
		last, _ = r.JSON["prev_cursor"].(string)
		if cursor, _ = r.JSON["next_cursor"].(string); cursor == "" {
			back = ids(r)
			break
		}
	}
	for last != "" {
		r := f.ok("GET", path+"&cursor="+last, f.owner, "")
		back = append(ids(r), back...)
		last, _ = r.JSON["prev_cursor"].(string)
	}
	require.Len(f.t, there, want, path)
	require.Equal(f.t, there, back, path)
}

func TestWhoMayBanWhom(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		for _, test := range []struct {
			by, of apitest.Person
			may    bool
		}{
			{f.mod, f.eve, true},
			{f.mod, f.guest, true},
			{f.mod, f.mod, false},
			{f.mod, f.caster, false},
			{f.mod, f.owner, false},
			{f.mod, f.staff, false},
			{f.mod, f.root, false},
			{f.caster, f.mod, false},
			{f.owner, f.mod, true},
			{f.owner, f.caster, true},
			{f.owner, f.owner, false},
			{f.owner, f.staff, false},
			{f.staff, f.mod, true},
			{f.staff, f.root, false},
			{f.staff, f.owner, false},
			{f.root, f.staff, false},
		} {
			body := `{"user":"` + test.of.Name + `","duration":60}`
			if test.may {
				f.ok("POST", bansPath, test.by, body)
			} else {
				f.no(403, "cannot_ban", "POST", bansPath, test.by, body)
			}
		}
		later(t, f.admit(f.mod, home, "hi"), moderation.ErrTimedOut, time.Minute)
		bans := items(f.ok("GET", bansPath+"?active=true&user=mod", f.mod, ""))
		require.Len(t, bans, 1)
		f.no(403, "cannot_lift", "DELETE", bansPath+"/"+bans[0]["id"].(string), f.mod, "")
		f.no(403, "cannot_lift", "DELETE", bansPath+"/"+bans[0]["id"].(string), f.caster, "")
		f.ok("DELETE", bansPath+"/"+bans[0]["id"].(string), f.owner, "")
		require.NoError(t, f.admit(f.mod, home, "hi"))

		f.no(404, "user_not_found", "POST", bansPath, f.mod, `{"user":"nobody"}`)
		f.no(422, "bad_reason", "POST", bansPath, f.mod, `{"user":"eve","reason":"a\u202eb"}`)
		for _, body := range []string{`{}`, `{"user":"eve","duration":0}`, `{"user":"eve","duration":31536001}`, `{"user":"e v e"}`, `{"user":"eve","delete_messages":"2h"}`} {
			f.no(422, "unprocessable_entity", "POST", bansPath, f.mod, body)
		}
		f.no(403, "forbidden", "POST", bansPath, f.eve, `{"user":"bob"}`)
		f.no(403, "forbidden", "GET", bansPath, f.guest, "")
		f.no(403, "forbidden", "GET", logPath, f.guest, "")
	})
}

func TestBansOfHouseholds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		f.wrote(f.eve, time.Now().Add(-time.Hour), "198.51.100.1")
		f.wrote(f.eve, time.Now(), "2001:db8:1:2::/64")
		r := f.ok("POST", bansPath, f.mod, `{"user":"eve","address":true}`)
		require.Equal(t, true, r.JSON["address"])
		require.NotContains(t, r.Text, "2001", "addresses are nobody's business")
		require.NotContains(t, f.ok("GET", bansPath, f.mod, "").Text+f.ok("GET", logPath, f.mod, "").Text, "2001")
		require.ErrorIs(t, f.admit(f.eve, home, "from elsewhere"), moderation.ErrBanned)
		require.ErrorIs(t, f.admit(f.bob, "2001:db8:1:2:ffff::9", "my other account"), moderation.ErrBanned)
		require.NoError(t, f.admit(f.bob, "2001:db8:1:3::9", "a neighbour"))
		require.NoError(t, f.admit(f.bob, "", "unknown"))
		for _, who := range []apitest.Person{f.mod, f.caster, f.owner, f.staff} {
			require.NoError(t, f.admit(who, "2001:db8:1:2::1", "who keeps order"), who.Name)
		}
		f.ok("POST", bansPath, f.mod, `{"user":"eve","duration":60}`)
		require.NoError(t, f.admit(f.bob, "2001:db8:1:2::9", "the other ban took its place"))

		require.Equal(t, false, f.ok("POST", bansPath, f.mod, `{"user":"guest","address":true}`).JSON["address"], "nobody knows where")
		f.exec("INSERT INTO logins (id, user_id, user_agent, address, created_at, last_used_at, expires_at) VALUES ($1, $2, '', $3, $4, $4, $4)",
			uuid.New(), f.bob.ID, "198.51.100.77", time.Now().UTC())
		f.ok("POST", bansPath, f.mod, `{"user":"bob","address":true,"duration":60}`)
		later(t, f.admit(f.eve, "::ffff:198.51.100.77", "hi"), moderation.ErrTimedOut, time.Minute)
		f.clock.advance(time.Minute)
		require.NoError(t, f.admit(f.eve, "198.51.100.77", "hi"))
	})
}

func TestBansThatDeleteMessages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		ctx, now := t.Context(), f.clock.Now()
		f.wrote(f.eve, now.Add(-2*time.Hour), "")
		late := f.wrote(f.eve, now.Add(-time.Minute), "")
		f.wrote(f.bob, now, "")
		require.NoError(t, d.InTx(ctx, func(tx *db.Tx) error { return f.service.Pin(ctx, tx, f.channel, late, f.mod.ID) }))
		left := func() int {
			n := 0
			require.NoError(t, d.Writer().QueryRowContext(ctx, "SELECT count(*) FROM chat_messages WHERE deleted_at IS NULL").Scan(&n))
			return n
		}
		f.ok("POST", bansPath, f.mod, `{"user":"eve","duration":1}`)
		require.Equal(t, 3, left())
		f.stage.taken()
		f.ok("POST", bansPath, f.mod, `{"user":"eve","duration":1,"delete_messages":"1h"}`)
		require.Equal(t, 2, left())
		heard := f.stage.taken()
		require.Len(t, heard, 3)
		require.True(t, strings.HasPrefix(heard[2], `chat:stage chat.purged {"user_id":"`+f.eve.ID.String()+`","user":"eve","since":"`), heard[2])
		pinned, err := f.service.Pinned(ctx, f.channel)
		require.NoError(t, err)
		require.Equal(t, uuid.Nil, pinned)
		f.ok("POST", bansPath, f.mod, `{"user":"eve","duration":1,"delete_messages":"all"}`)
		require.Equal(t, 1, left())
		require.Equal(t, `chat:stage chat.purged {"user_id":"`+f.eve.ID.String()+`","user":"eve"}`, f.stage.taken()[2])
		f.ok("POST", bansPath, f.mod, `{"user":"eve","duration":1,"delete_messages":"all"}`)
		require.Len(t, f.stage.taken(), 2, "there was nothing")
		log := items(f.ok("GET", logPath, f.mod, ""))
		require.Equal(t, map[string]any{"reason": "", "address": false, "seconds": 1., "deleted": 0.}, log[0]["detail"])
		require.InDelta(t, 1, log[1]["detail"].(map[string]any)["deleted"], 0)
	})
}

func TestBansAreForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		for i := range 3 {
			f.ok("POST", bansPath, f.mod, `{"user":"eve","duration":`+strconv.Itoa(60+i)+`}`)
		}
		f.ok("POST", bansPath, f.mod, `{"user":"bob"}`)
		work := func() {
			require.NoError(t, f.service.Retention().Work(t.Context(), &river.Job[moderation.RetentionArgs]{}))
		}
		f.clock.advance(time.Hour)
		work()
		all := items(f.ok("GET", bansPath, f.mod, ""))
		require.Len(t, all, 4)
		require.Equal(t, "expired", all[1]["state"])
		f.clock.advance(91 * 24 * time.Hour)
		work()
		require.Len(t, items(f.ok("GET", bansPath, f.mod, "")), 1, "that in force stays")
		require.Len(t, items(f.ok("GET", logPath, f.mod, "")), 4)
		f.clock.advance(300 * 24 * time.Hour)
		work()
		require.Empty(t, items(f.ok("GET", logPath, f.mod, "")))
		require.ErrorIs(t, f.admit(f.bob, home, "hi"), moderation.ErrBanned)
		require.Len(t, f.service.Workers(), 1)
		require.Len(t, moderation.Periodic(), 1)
	})
}
