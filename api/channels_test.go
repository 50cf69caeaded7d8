package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestChannelFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		ada := s.user("ada", auth.RoleUser)

		created := s.do("POST", "/api/v1/channels", ada, `{"slug":"demo","title":"  Demo  "}`)
		require.Equal(t, http.StatusCreated, created.status, created.text)
		require.Equal(t, "/api/v1/channels/demo", created.header.Get("Location"))
		require.Regexp(t, `^live_[a-z2-7]{26,}$`, created.json["stream_key"])
		require.Equal(t, "Demo", created.json["title"])
		require.Equal(t, "ada", created.json["owner"])

		got := s.do("GET", "/api/v1/channels/demo", ada, "")
		require.Equal(t, http.StatusOK, got.status)
		require.Equal(t, created.header.Get("ETag"), got.header.Get("ETag"))
		require.Equal(t, map[string]any{"role": "owner", "following": false, "notify": false}, got.json["me"])
		delete(got.json, "me")
		delete(created.json, "stream_key")
		require.Equal(t, created.json, got.json, "the reply to POST shows the same channel")
		got = s.do("GET", "/api/v1/channels/demo", "", "")
		require.Equal(t, map[string]any{
			"id": got.json["id"], "created_at": got.json["created_at"], "updated_at": got.json["created_at"], "version": got.json["version"],
			"slug": "demo", "title": "Demo", "owner": "ada", "live": false, "viewers": 0.0,
			"description": "", "links": []any{}, "category": "", "tags": []any{}, "visibility": "public",
			"followers": 0.0, "likes": 0.0,
			"hls_url": "/live/demo/index.m3u8", "renditions": []any{}, "ladder": nil,
		}, got.json)

		rung := map[string]any{"name": "360p", "height": 360.0, "bitrate_bps": 800000.0, "max_frame_rate": 30.0}
		for i, step := range []struct {
			body   string
			title  string
			ladder any
		}{
			{`{"title":"New"}`, "New", nil},
			{`{"ladder":[{"name":"360p","height":360,"bitrate_bps":800000,"max_frame_rate":30}]}`, "New", []any{rung}},
			{`{}`, "New", []any{rung}},
			{`{"ladder":[]}`, "New", []any{}},
			{`{"title":"Newer","ladder":null}`, "Newer", nil},
		} {
			got := s.do("PATCH", "/api/v1/channels/demo", ada, step.body)
			require.Equal(t, http.StatusOK, got.status, "step %d: %s", i, got.text)
			require.Equal(t, step.title, got.json["title"], "step %d", i)
			require.Equal(t, step.ladder, got.json["ladder"], "step %d", i)
			shown := s.do("GET", "/api/v1/channels/demo", ada, "")
			require.Equal(t, got.header.Get("ETag"), shown.header.Get("ETag"), "step %d", i)
			delete(shown.json, "me")
			require.Equal(t, got.json, shown.json, "step %d", i)
		}

		require.Equal(t, http.StatusNoContent, s.do("DELETE", "/api/v1/channels/demo", ada, "").status)
		requireProblem(t, s.do("GET", "/api/v1/channels/demo", "", ""), 404, "channel_not_found")
		requireProblem(t, s.do("DELETE", "/api/v1/channels/demo", ada, ""), 404, "channel_not_found")
		s.channel(ada, "demo")
	})
}

func TestChannelRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		ada, eve := s.user("ada", auth.RoleUser), s.user("eve", auth.RoleUser)
		s.channel(ada, "demo")
		one := "/api/v1/channels/demo"
		tests := map[string]struct {
			method, path, token, body string
			status                    int
			code                      string
		}{
			"create signed out":      {"POST", "/api/v1/channels", "", `{"slug":"x1","title":"X"}`, 401, "unauthorized"},
			"create by a service":    {"POST", "/api/v1/channels", s.service("ingest"), `{"slug":"x1","title":"X"}`, 403, "forbidden"},
			"create what is taken":   {"POST", "/api/v1/channels", eve, `{"slug":"demo","title":"X"}`, 409, "slug_taken"},
			"create reserved":        {"POST", "/api/v1/channels", ada, `{"slug":"api","title":"X"}`, 422, "bad_slug"},
			"create capital":         {"POST", "/api/v1/channels", ada, `{"slug":"Demo","title":"X"}`, 422, "unprocessable_entity"},
			"create short":           {"POST", "/api/v1/channels", ada, `{"slug":"a","title":"X"}`, 422, "unprocessable_entity"},
			"create long":            {"POST", "/api/v1/channels", ada, `{"slug":"` + strings.Repeat("a", 41) + `","title":"X"}`, 422, "unprocessable_entity"},
			"create double dash":     {"POST", "/api/v1/channels", ada, `{"slug":"a--b","title":"X"}`, 422, "unprocessable_entity"},
			"create line in slug":    {"POST", "/api/v1/channels", ada, `{"slug":"ab\n","title":"X"}`, 422, "unprocessable_entity"},
			"create blank title":     {"POST", "/api/v1/channels", ada, `{"slug":"x1","title":"   "}`, 422, "bad_title"},
			"create line in title":   {"POST", "/api/v1/channels", ada, `{"slug":"x1","title":"a\nb"}`, 422, "bad_title"},
			"create without title":   {"POST", "/api/v1/channels", ada, `{"slug":"x1"}`, 422, "unprocessable_entity"},
			"create with more":       {"POST", "/api/v1/channels", ada, `{"slug":"x1","title":"X","owner":"eve"}`, 422, "unprocessable_entity"},
			"create no JSON":         {"POST", "/api/v1/channels", ada, `{"slug":`, 400, "malformed_json"},
			"create nothing":         {"POST", "/api/v1/channels", ada, ``, 400, "bad_request"},
			"get what is not":        {"GET", "/api/v1/channels/none", "", "", 404, "channel_not_found"},
			"get nonsense":           {"GET", "/api/v1/channels/..%2f..%2fetc", "", "", 404, "channel_not_found"},
			"get too long":           {"GET", "/api/v1/channels/" + strings.Repeat("a", 41), "", "", 404, "channel_not_found"},
			"list bad cursor":        {"GET", "/api/v1/channels?cursor=!!", "", "", 400, "bad_cursor"},
			"list too many":          {"GET", "/api/v1/channels?limit=101", "", "", 422, "unprocessable_entity"},
			"list none":              {"GET", "/api/v1/channels?limit=0", "", "", 422, "unprocessable_entity"},
			"list not a number":      {"GET", "/api/v1/channels?limit=x", "", "", 422, "unprocessable_entity"},
			"update signed out":      {"PATCH", one, "", `{"title":"X"}`, 401, "unauthorized"},
			"update by a stranger":   {"PATCH", one, eve, `{"title":"X"}`, 403, "forbidden"},
			"update what is not":     {"PATCH", "/api/v1/channels/none", ada, `{"title":"X"}`, 404, "channel_not_found"},
			"update blank title":     {"PATCH", one, ada, `{"title":" "}`, 422, "bad_title"},
			"update odd height":      {"PATCH", one, ada, `{"ladder":[{"name":"a","height":721,"bitrate_bps":800000}]}`, 422, "unprocessable_entity"},
			"update twin rungs":      {"PATCH", one, ada, `{"ladder":[{"name":"a","height":720,"bitrate_bps":800000},{"name":"a","height":360,"bitrate_bps":800000}]}`, 422, "bad_ladder"},
			"update rung source":     {"PATCH", one, ada, `{"ladder":[{"name":"source","height":720,"bitrate_bps":800000}]}`, 422, "bad_ladder"},
			"update ladder a string": {"PATCH", one, ada, `{"ladder":"720p"}`, 422, "unprocessable_entity"},
			"update seven rungs":     {"PATCH", one, ada, `{"ladder":[` + strings.Repeat(`{"name":"a","height":720,"bitrate_bps":800000},`, 6) + `{"name":"b","height":720,"bitrate_bps":800000}]}`, 422, "unprocessable_entity"},
			"delete signed out":      {"DELETE", one, "", "", 401, "unauthorized"},
			"delete by a stranger":   {"DELETE", one, eve, "", 403, "forbidden"},
			"delete what is not":     {"DELETE", "/api/v1/channels/none", ada, "", 404, "channel_not_found"},
			"keys signed out":        {"GET", one + "/keys", "", "", 401, "unauthorized"},
			"keys of a stranger":     {"GET", one + "/keys", eve, "", 403, "forbidden"},
			"keys of what is not":    {"GET", "/api/v1/channels/none/keys", ada, "", 404, "channel_not_found"},
			"key by a stranger":      {"POST", one + "/keys", eve, `{"label":"X"}`, 403, "forbidden"},
			"key without label":      {"POST", one + "/keys", ada, `{}`, 422, "unprocessable_entity"},
			"revoke by a stranger":   {"DELETE", one + "/keys/0197a3de-0000-7000-8000-000000000000", eve, "", 403, "forbidden"},
			"revoke what is not":     {"DELETE", one + "/keys/0197a3de-0000-7000-8000-000000000000", ada, "", 404, "key_not_found"},
			"revoke nonsense":        {"DELETE", one + "/keys/1", ada, "", 404, "key_not_found"},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				requireProblem(t, s.do(test.method, test.path, test.token, test.body), test.status, test.code)
			})
		}
	})
}

func TestAdminManagesEveryChannel(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	s.channel(s.user("ada", auth.RoleUser), "demo")
	admin := s.user("boss", auth.RoleAdmin)
	require.Equal(t, 200, s.do("PATCH", "/api/v1/channels/demo", admin, `{"title":"Moderated"}`).status)
	require.Equal(t, 200, s.do("GET", "/api/v1/channels/demo/keys", admin, "").status)
	require.Equal(t, 204, s.do("DELETE", "/api/v1/channels/demo", admin, "").status)
}

func TestListPagesByCursor(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := startServer(t, d)
		ada := s.user("ada", auth.RoleUser)
		empty := s.do("GET", "/api/v1/channels", "", "")
		require.Equal(t, map[string]any{"items": []any{}}, empty.json)

		var all, onAir []string
		var states []channel.LiveState
		for i := range 7 {
			slug := fmt.Sprintf("demo-%d", i)
			s.channel(ada, slug)
			all = append([]string{slug}, all...)
			if i%2 == 0 {
				id := s.do("GET", "/api/v1/channels/"+slug, "", "").json["id"].(string)
				states = append(states, channel.LiveState{Slug: slug, ChannelID: id}, channel.LiveState{Slug: slug, ChannelID: id})
				onAir = append([]string{slug}, onAir...)
			}
		}
		s.live.set(append(states, channel.LiveState{Slug: "gone", ChannelID: "0197a3de-0000-7000-8000-000000000000"})...)

		for query, want := range map[string][]string{"": all, "&live=true": onAir} {
			var slugs []string
			path, pages := "/api/v1/channels?limit=3"+query, 0
			for path != "" {
				got := s.do("GET", path, "", "")
				require.Equal(t, 200, got.status, got.text)
				for _, item := range got.json["items"].([]any) {
					item := item.(map[string]any)
					slugs = append(slugs, item["slug"].(string))
					require.Equal(t, strings.Contains(strings.Join(onAir, " "), item["slug"].(string)), item["live"])
				}
				pages++
				require.Less(t, pages, 10)
				cursor, more := got.json["next_cursor"].(string)
				link := got.header.Get("Link")
				require.Equal(t, more, strings.Contains(link, `rel="next"`), "%q", link)
				require.Equal(t, got.json["prev_cursor"] != nil, strings.Contains(link, `rel="prev"`), "%q", link)
				path = ""
				if more {
					require.Contains(t, link, "cursor="+cursor)
					path, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
				}
			}
			require.Equal(t, want, slugs, query)
			require.Greater(t, pages, 1, query)
		}
	})
}

func TestViewShowsWhatIsOnAir(t *testing.T) {
	t.Parallel()
	s := startServer(t, dbtest.SQLite(t))
	s.channel(s.user("ada", auth.RoleUser), "demo")
	s.live.set(channel.LiveState{
		Slug: "demo", KeyID: "secret-id", Session: "s1", Viewers: 3,
		StartedAt: time.Date(2025, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		HLSURL:    "/live/demo/index.m3u8?x", ThumbnailURL: "/live/demo/thumb.jpg",
		Renditions: []channel.Rendition{{
			Name: "source", Width: 1920, Height: 1080, Bandwidth: 6e6, Codecs: "avc1.640028,mp4a.40.2", FrameRate: 60,
		}},
	})
	got := s.do("GET", "/api/v1/channels/demo", "", "")
	require.Equal(t, true, got.json["live"])
	require.InDelta(t, 3, got.json["viewers"], 0)
	require.Equal(t, "2025-01-02T02:04:05Z", got.json["started_at"])
	require.Equal(t, "/live/demo/index.m3u8?x", got.json["hls_url"])
	require.Equal(t, "/live/demo/thumb.jpg", got.json["thumbnail_url"])
	require.Equal(t, []any{map[string]any{
		"name": "source", "width": 1920.0, "height": 1080.0, "bandwidth": 6e6,
		"codecs": "avc1.640028,mp4a.40.2", "frame_rate": 60.0,
	}}, got.json["renditions"])
	require.NotContains(t, got.text, "secret-id")
}
