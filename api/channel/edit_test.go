package channel_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

const everything = `"description":"Every evening\nat eight.","category":"Music","tags":["live-band","jazz"],
	"links":[{"label":"Website","url":"https://example.org"}],"visibility":"unlisted","broadcast_title":"Evening session",
	"recording":{"enabled":true,"renditions":["source"]},"ladder":[]`

func TestChannelSaysWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, eve := s.Person("ada", auth.RoleUser), s.Person("eve", auth.RoleUser)
		made := s.make(ada, "demo", everything)
		require.NotEmpty(t, made.Header.Get("ETag"))
		shown := s.ok("GET", "/api/v1/channels/demo", eve.Token, "")
		want := map[string]any{
			"description": "Every evening\nat eight.", "category": "Music", "tags": []any{"jazz", "live-band"},
			"links":      []any{map[string]any{"label": "Website", "url": "https://example.org"}},
			"visibility": "unlisted", "ladder": []any{}, "title": "Title of demo",
		}
		for field, value := range want {
			require.Equal(t, value, shown.JSON[field], field)
			require.Equal(t, value, made.JSON[field], field)
		}
		private := map[string]any{
			"broadcast_title": "Evening session",
			"recording":       map[string]any{"enabled": true, "renditions": []any{"source"}},
		}
		for field, value := range private {
			require.Equal(t, value, made.JSON[field], field)
			require.NotContains(t, shown.JSON, field, "not for everyone")
		}
		require.Equal(t, made.Header.Get("ETag"), shown.Header.Get("ETag"))

		avatar := uuid.New()
		_, err := d.Writer().ExecContext(t.Context(), "UPDATE channels SET avatar_id = $1 WHERE slug = 'demo'", avatar)
		require.NoError(t, err)
		emptied := s.ok("PATCH", "/api/v1/channels/demo", ada.Token,
			`{"description":"","category":"","tags":[],"links":[],"broadcast_title":"","recording":{"enabled":false},"ladder":null}`)
		require.NotEqual(t, made.Header.Get("ETag"), emptied.Header.Get("ETag"))
		for field, value := range map[string]any{
			"description": "", "category": "", "tags": []any{}, "links": []any{}, "broadcast_title": "", "ladder": nil,
			"recording": map[string]any{"enabled": false, "renditions": []any{}},
			"title":     "Title of demo", "visibility": "unlisted",
		} {
			require.Equal(t, value, emptied.JSON[field], field)
		}
		require.Equal(t, "/images/"+avatar.String()+"/64.webp", emptied.JSON["avatar"].(map[string]any)["webp"].(map[string]any)["64"])
		require.NotContains(t, emptied.JSON, "banner")
		require.Empty(t, s.audited(), "nothing privileged")

		require.Equal(t, 200, s.Do("PATCH", "/api/v1/channels/demo", ada.Token, `{"visibility":"private"}`).Status)
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels/demo", eve.Token, ""), 404, "channel_not_found")
		admin := s.Person("boss", auth.RoleAdmin)
		require.Equal(t, 200, s.Do("PATCH", "/api/v1/channels/demo", admin.Token, `{"title":"Moderated"}`).Status)
		require.Equal(t, 204, s.Do("DELETE", "/api/v1/channels/demo", ada.Token, "").Status)
		require.Equal(t, []string{"ada channel.visibility demo", "boss channel.update demo", "ada channel.delete demo"}, s.audited())
	})
}

func TestEditsThatAreRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		before := s.make(ada, "demo", "")
		for name, test := range map[string]struct{ body, code string }{
			"the address":        {`{"slug":"other"}`, "unprocessable_entity"},
			"unknown field":      {`{"followers":1000000}`, "unprocessable_entity"},
			"no visibility":      {`{"visibility":"secret"}`, "unprocessable_entity"},
			"long description":   {`{"description":"` + strings.Repeat("a", 5001) + `"}`, "unprocessable_entity"},
			"turned description": {`{"description":"\u202egnirts"}`, "bad_description"},
			"line in category":   {`{"category":"a\nb"}`, "bad_category"},
			"capital tag":        {`{"tags":["Jazz"]}`, "bad_tags"},
			"eleven tags":        {`{"tags":["a","b","c","d","e","f","g","h","i","j","k"]}`, "unprocessable_entity"},
			"script link":        {`{"links":[{"label":"a","url":"javascript:alert(1)"}]}`, "bad_links"},
			"link without label": {`{"links":[{"url":"https://example.org"}]}`, "unprocessable_entity"},
			"recorded path":      {`{"recording":{"enabled":true,"renditions":["../a"]}}`, "bad_recording"},
			"broadcast title":    {`{"broadcast_title":" "}`, "bad_title"},
		} {
			t.Run(name, func(t *testing.T) {
				apitest.RequireProblem(t, s.Do("PATCH", "/api/v1/channels/demo", ada.Token, test.body), 422, test.code)
			})
		}
		require.Equal(t, before.Header.Get("ETag"), s.ok("GET", "/api/v1/channels/demo", "", "").Header.Get("ETag"))
	})
}

func TestEditsNoticeEachOther(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		first := s.make(ada, "demo", "").Header.Get("ETag")
		second := s.ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"title":"Two"}`, "If-Match", first).Header.Get("ETag")
		require.NotEqual(t, first, second)
		apitest.RequireProblem(t, s.Do("PATCH", "/api/v1/channels/demo", ada.Token, `{"title":"Three"}`, "If-Match", first), 412, "changed")
		s.ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"title":"Three"}`, "If-Match", first+", "+second)
		s.ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"title":"Four"}`, "If-Match", "*")

		// Of many who insist on the same version one edits; of many who do not, all do.
		same := s.ok("GET", "/api/v1/channels/demo", "", "").Header.Get("ETag")
		statuses := make([]int, 6)
		var racers sync.WaitGroup
		for i := range statuses {
			racers.Go(func() {
				statuses[i] = s.Do("PATCH", "/api/v1/channels/demo", ada.Token, fmt.Sprintf(`{"title":"Racer %d"}`, i), "If-Match", same).Status
			})
		}
		racers.Wait()
		won := map[int]int{}
		for _, status := range statuses {
			won[status]++
		}
		require.Equal(t, map[int]int{200: 1, 412: 5}, won)

		racers.Go(func() { s.ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"category":"Music"}`) })
		racers.Go(func() { s.ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"tags":["jazz"]}`) })
		racers.Go(func() { s.ok("PATCH", "/api/v1/channels/demo", ada.Token, `{"description":"Text"}`) })
		racers.Wait()
		got := s.ok("GET", "/api/v1/channels/demo", "", "").JSON
		require.Equal(t, "Music", got["category"])
		require.Equal(t, []any{"jazz"}, got["tags"])
		require.Equal(t, "Text", got["description"])
	})
}

func TestOneOfManyGetsTheAddress(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		statuses := make([]int, 8)
		var racers sync.WaitGroup
		for i := range statuses {
			p := s.Person(fmt.Sprintf("person%d", i), auth.RoleUser)
			racers.Go(func() {
				statuses[i] = s.Do("POST", "/api/v1/channels", p.Token, `{"slug":"demo","title":"Demo","tags":["a"]}`).Status
			})
		}
		racers.Wait()
		won := map[int]int{}
		for _, status := range statuses {
			won[status]++
		}
		require.Equal(t, map[int]int{201: 1, 409: 7}, won)
		require.Len(t, items(s.ok("GET", "/api/v1/channels", "", ""), "slug"), 1)
	})
}

func TestOnePersonNeverHasTooManyChannels(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d, maxPerOwner(3))
		ada, admin := s.Person("ada", auth.RoleUser), s.Person("boss", auth.RoleAdmin)
		statuses := make([]int, 8)
		var racers sync.WaitGroup
		for i := range statuses {
			racers.Go(func() {
				statuses[i] = s.Do("POST", "/api/v1/channels", ada.Token, fmt.Sprintf(`{"slug":"demo-%d","title":"Demo"}`, i)).Status
			})
		}
		racers.Wait()
		won := map[int]int{}
		for _, status := range statuses {
			won[status]++
		}
		require.Equal(t, map[int]int{201: 3, 409: 5}, won)
		apitest.RequireProblem(t, s.Do("POST", "/api/v1/channels", ada.Token, `{"slug":"more","title":"X"}`), 409, "too_many_channels")
		for i := range 4 { // admins have as many as they like
			s.make(admin, fmt.Sprintf("boss-%d", i), "")
		}
	})
}
