package channel_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestKeysAreRotated(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		first := s.make(ada, "demo", "").JSON["stream_key"].(string)
		s.make(ada, "other", "")
		grant, err := s.channels.Authorize(t.Context(), first)
		require.NoError(t, err)

		keys := "/api/v1/channels/demo/keys"
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels/other/keys/"+grant.KeyID+"/rotate", ada.Token, ""), 404, "key_not_found")
		apitest.RequireProblem(t, s.Do("POST", keys+"/nonsense/rotate", ada.Token, ""), 404, "key_not_found")
		rotated := s.Do("POST", keys+"/"+grant.KeyID+"/rotate", ada.Token, "")
		require.Equal(t, 201, rotated.Status, rotated.Text)
		second := rotated.JSON["stream_key"].(string)
		require.NotEqual(t, first, second)
		require.Equal(t, "default", rotated.JSON["label"])
		require.Equal(t, keys+"/"+rotated.JSON["id"].(string), rotated.Header.Get("Location"))

		_, err = s.channels.Authorize(t.Context(), first)
		require.ErrorIs(t, err, channel.ErrUnknownKey)
		_, err = s.channels.Authorize(t.Context(), second)
		require.NoError(t, err)
		revoked, err := s.channels.Revoked(t.Context(), []string{grant.KeyID, rotated.JSON["id"].(string)})
		require.NoError(t, err)
		require.Equal(t, []string{grant.KeyID}, revoked, "its session ends")
		apitest.RequireProblem(t, s.Do("POST", keys+"/"+grant.KeyID+"/rotate", ada.Token, ""), 404, "key_not_found")

		// Whoever rotates often is never refused, and the list stays short.
		id := rotated.JSON["id"].(string)
		for range 60 {
			got := s.Do("POST", keys+"/"+id+"/rotate", ada.Token, "")
			require.Equal(t, 201, got.Status, got.Text)
			id = got.JSON["id"].(string)
		}
		require.LessOrEqual(t, len(items(s.ok("GET", keys, ada.Token, ""), "id")), 22)
		require.Equal(t, "ada stream_key.rotate demo", s.audited()[0])
	})
}

func TestKeysOfThoseWhoAreGoneOpenNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		for _, column := range []string{"suspended_at", "deleted_at"} {
			slug := strings.TrimSuffix(column, "_at")
			owner := s.Person("owner-of-"+slug, auth.RoleUser)
			key := s.make(owner, slug, "").JSON["stream_key"].(string)
			grant, err := s.channels.Authorize(t.Context(), key)
			require.NoError(t, err)
			set := func(value *time.Time) {
				_, err := d.Writer().ExecContext(t.Context(), "UPDATE users SET "+column+" = $1 WHERE id = $2", value, owner.ID)
				require.NoError(t, err)
			}
			now := time.Now()
			set(&now)
			_, err = s.channels.Authorize(t.Context(), key)
			require.ErrorIs(t, err, channel.ErrUnknownKey)
			revoked, err := s.channels.Revoked(t.Context(), []string{grant.KeyID})
			require.NoError(t, err)
			require.Equal(t, []string{grant.KeyID}, revoked, "a live session ends")
			set(nil)
			_, err = s.channels.Authorize(t.Context(), key)
			require.NoError(t, err)
		}
	})
}

// TestKeyRevokedDuringAuthorisation: whichever is first, nobody stays on air.
func TestKeyRevokedDuringAuthorisation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.make(ada, "demo", "")
		for range 10 {
			made := s.ok("POST", "/api/v1/channels/demo/keys", ada.Token, `{"label":"OBS"}`).JSON
			id, key := made["id"].(string), made["stream_key"].(string)
			var racers sync.WaitGroup
			granted := make([]bool, 4)
			for i := range granted {
				racers.Go(func() {
					grant, err := s.channels.Authorize(t.Context(), key)
					granted[i] = err == nil && grant.KeyID == id
					if err != nil {
						require.ErrorIs(t, err, channel.ErrUnknownKey)
					}
				})
			}
			racers.Go(func() { s.ok("DELETE", "/api/v1/channels/demo/keys/"+id, ada.Token, "") })
			racers.Wait()
			// Those who were let in are found at the next look.
			revoked, err := s.channels.Revoked(t.Context(), []string{id})
			require.NoError(t, err)
			require.Equal(t, []string{id}, revoked)
			_, err = s.channels.Authorize(t.Context(), key)
			require.ErrorIs(t, err, channel.ErrUnknownKey)
		}
	})
}

func TestOneOfManyRotatesAKey(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.make(ada, "demo", "")
		id := items(s.ok("GET", "/api/v1/channels/demo/keys", ada.Token, ""), "id")[0]
		statuses := make([]int, 6)
		var racers sync.WaitGroup
		for i := range statuses {
			racers.Go(func() {
				statuses[i] = s.Do("POST", "/api/v1/channels/demo/keys/"+id+"/rotate", ada.Token, "").Status
			})
		}
		racers.Wait()
		won := map[int]int{}
		for _, status := range statuses {
			won[status]++
		}
		require.Equal(t, map[int]int{201: 1, 404: 5}, won)
		require.Len(t, items(s.ok("GET", "/api/v1/channels/demo/keys", ada.Token, ""), "id"), 2)
	})
}

func TestGrantSaysHowToAir(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		key := s.make(ada, "demo", "").JSON["stream_key"].(string)
		grant, err := s.channels.Authorize(t.Context(), key)
		require.NoError(t, err)
		require.False(t, grant.Private)
		require.Equal(t, "Title of demo", grant.BroadcastTitle)
		s.ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"visibility":"private","broadcast_title":"Evening session"}`)
		grant, err = s.channels.Authorize(t.Context(), key)
		require.NoError(t, err)
		require.True(t, grant.Private)
		require.Equal(t, "Evening session", grant.BroadcastTitle)
		private, err := s.channels.PrivateAmong(t.Context(), []string{grant.ChannelID, "nonsense", ""})
		require.NoError(t, err)
		require.Equal(t, []string{"demo"}, private)
	})
}

func TestOtherServersAskWhoMayPublish(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		key := s.make(ada, "demo", "").JSON["stream_key"].(string)
		const form, doc = "application/x-www-form-urlencoded", "application/json"
		srs := func(action, stream, param string) string {
			return fmt.Sprintf(`{"action":%q,"client_id":"1","ip":"192.0.2.7","app":"live","stream":%q,"param":%q}`, action, stream, param)
		}
		for name, test := range map[string]struct {
			contentType, body string
			status            int
			code              string
		}{
			"nginx":                 {form, "app=live&addr=192.0.2.7&call=publish&name=" + key, 200, ""},
			"nginx, name and key":   {form, "app=live&call=publish&name=demo&key=" + key, 200, ""},
			"nginx, other name":     {form, "app=live&call=publish&name=other&key=" + key, 403, "not_published"},
			"nginx, unknown key":    {form, "app=live&call=publish&name=" + key + "x", 403, "not_published"},
			"nginx, long key":       {form, "name=" + strings.Repeat("k", 2000), 403, "not_published"},
			"nginx, play":           {form, "app=live&call=play&name=" + key, 400, "bad_hook"},
			"nginx, no name":        {form, "app=live&call=publish", 400, "bad_hook"},
			"SRS":                   {doc, srs("on_publish", key, ""), 200, ""},
			"SRS, stream and param": {doc, srs("on_publish", "demo", "?key="+key), 200, ""},
			"SRS, unknown key":      {doc, srs("on_publish", "demo", ""), 403, "not_published"},
			"SRS, other action":     {doc, srs("on_play", key, ""), 400, "bad_hook"},
			"SRS, no JSON":          {doc, "{", 400, ""},
			"other type":            {"text/plain", "name=" + key, 415, ""},
			"too long":              {form, "name=" + key + "&x=" + strings.Repeat("x", 16<<10), 413, "request_entity_too_large"},
			"nothing":               {form, "", 400, "bad_request"},
		} {
			t.Run(name, func(t *testing.T) {
				got := s.Send(http.MethodPost, channel.OnPublishPath, "", strings.NewReader(test.body), "Content-Type", test.contentType)
				require.Equal(t, test.status, got.Status, got.Text)
				if test.code != "" { // else it may be refused ahead of the operation
					apitest.RequireProblem(t, got, test.status, test.code)
				}
				if test.status != 200 {
					return
				}
				require.Equal(t, "0", got.Text)
				require.Equal(t, "text/plain; charset=utf-8", got.Header.Get("Content-Type"))
			})
		}
		require.NotEmpty(t, s.ok("GET", "/api/v1/channels/demo/keys", ada.Token, "").JSON["items"].([]any)[0].(map[string]any)["last_used_at"])
		require.NotContains(t, s.Log.String(), key)
	})
}
