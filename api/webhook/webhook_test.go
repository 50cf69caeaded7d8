package webhook_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func TestWebhookIsMadeReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		r := f.Do("POST", hooksPath, f.owner.Token, `{"url":"https://example.org/hook?token=abc","events":["broadcast.ended","broadcast.live"]}`)
		require.Equal(t, http.StatusCreated, r.Status, r.Text)
		id := r.JSON["id"].(string)
		require.Equal(t, hooksPath+"/"+id, r.Header.Get("Location"))
		require.Equal(t, `"v1"`, r.Header.Get("ETag"))
		secret := r.JSON["secret"].(string)
		require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, secret)
		require.Equal(t, []any{"broadcast.live", "broadcast.ended"}, r.JSON["events"])
		require.Equal(t, true, r.JSON["enabled"])

		for _, path := range []string{hooksPath, hooksPath + "/" + id} {
			r = f.Do("GET", path, f.owner.Token, "")
			require.Equal(t, http.StatusOK, r.Status)
			require.Contains(t, r.Text, "https://example.org/hook?token=abc")
			require.NotContains(t, r.Text, "secret")
		}
		row, err := d.Read().WebhookOf(t.Context(), store.WebhookOfParams{ID: uuid.MustParse(id), ChannelID: f.channel})
		require.NoError(t, err)
		require.NotContains(t, row.SecretBox, strings.TrimPrefix(secret, "whsec_"))

		r = f.Do("PATCH", hooksPath+"/"+id, f.owner.Token, `{"enabled":false}`, "If-Match", `"v1"`)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.Equal(t, `"v2"`, r.Header.Get("ETag"))
		require.Equal(t, false, r.JSON["enabled"])
		require.Equal(t, "https://example.org/hook?token=abc", r.JSON["url"])
		apitest.RequireProblem(t, f.Do("PATCH", hooksPath+"/"+id, f.owner.Token, `{"enabled":true}`, "If-Match", `"v1"`), 412, "changed")
		r = f.Do("PATCH", hooksPath+"/"+id, f.owner.Token, `{"url":"https://example.org/other","events":["recording.ready"]}`)
		require.Equal(t, http.StatusOK, r.Status, r.Text)
		require.Equal(t, []any{"recording.ready"}, r.JSON["events"])

		require.Equal(t, http.StatusNoContent, f.Do("DELETE", hooksPath+"/"+id, f.owner.Token, "").Status)
		for method, path := range map[string]string{"GET": "", "DELETE": "", "PATCH": "", "POST": "/test"} {
			body := ""
			if method == "PATCH" {
				body = "{}"
			}
			apitest.RequireProblem(t, f.Do(method, hooksPath+"/"+id+path, f.owner.Token, body), 404, "webhook_not_found")
		}

		entries, err := d.Read().AuditBefore(t.Context(), store.AuditBeforeParams{ID: uuid.Max, Limit: 10})
		require.NoError(t, err)
		var actions []string
		for _, e := range entries {
			actions = append(actions, e.Action)
			require.Equal(t, "example.org", e.Target)
			require.NotContains(t, string(e.Detail), "token")
		}
		require.Equal(t, []string{"webhook.delete", "webhook.update", "webhook.update", "webhook.create"}, actions)
		require.NotContains(t, f.log.String()+f.Log.String(), "whsec_")
	})
}

func TestBadWebhooksAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	id, _ := f.hook("https://example.org/")
	tests := map[string]struct {
		body string
		code string
	}{
		"no http":             {`{"url":"ftp://example.org/","events":["broadcast.live"]}`, "bad_url"},
		"credentials":         {`{"url":"https://u:p@example.org/","events":["broadcast.live"]}`, "bad_url"},
		"reserved port":       {`{"url":"https://example.org:22/","events":["broadcast.live"]}`, "bad_url"},
		"private address":     {`{"url":"http://10.0.0.1/","events":["broadcast.live"]}`, "internal_url"},
		"metadata address":    {`{"url":"http://169.254.169.254/latest","events":["broadcast.live"]}`, "internal_url"},
		"loopback in IPv6":    {`{"url":"http://[::1]/","events":["broadcast.live"]}`, "internal_url"},
		"unknown event":       {`{"url":"https://example.org/","events":["broadcast.paused"]}`, "unprocessable_entity"},
		"ping is not chosen":  {`{"url":"https://example.org/","events":["ping"]}`, "unprocessable_entity"},
		"no event":            {`{"url":"https://example.org/","events":[]}`, "unprocessable_entity"},
		"an event twice":      {`{"url":"https://example.org/","events":["broadcast.live","broadcast.live"]}`, "unprocessable_entity"},
		"too long":            {`{"url":"https://example.org/` + strings.Repeat("a", 1100) + `","events":["broadcast.live"]}`, "unprocessable_entity"},
		"secret of one's own": {`{"url":"https://example.org/","events":["broadcast.live"],"secret":"whsec_AAAA"}`, "unprocessable_entity"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apitest.RequireProblem(t, f.Do("POST", hooksPath, f.owner.Token, tt.body), 422, tt.code)
			apitest.RequireProblem(t, f.Do("PATCH", hooksPath+"/"+id, f.owner.Token, tt.body), 422, tt.code)
		})
	}
}

func TestAChannelHasTenWebhooksAtMost(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		var all sync.WaitGroup
		statuses := make([]int, 16)
		for i := range statuses {
			all.Go(func() {
				statuses[i] = f.Do("POST", hooksPath, f.owner.Token, `{"url":"https://example.org/","events":["broadcast.live"]}`).Status
			})
		}
		all.Wait()
		made := map[int]int{}
		for _, status := range statuses {
			made[status]++
		}
		require.Equal(t, map[int]int{http.StatusCreated: 10, http.StatusConflict: 6}, made)
	})
}

func TestWebhooksBelongToTheirChannel(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	id, _ := f.hook("https://example.org/")
	bob := f.Person("bob", auth.RoleUser)
	f.Channel(bob, "other")
	theirs := "/api/v1/channels/other/webhooks/" + id
	for _, c := range []struct{ method, path, body string }{
		{"GET", theirs, ""},
		{"PATCH", theirs, `{"enabled":false}`},
		{"DELETE", theirs, ""},
		{"POST", theirs + "/test", ""},
		{"GET", theirs + "/deliveries", ""},
		{"POST", theirs + "/deliveries/" + uuid.NewString() + "/redeliver", ""},
		{"GET", "/api/v1/channels/other/webhooks/no-id", ""},
	} {
		apitest.RequireProblem(t, f.Do(c.method, c.path, bob.Token, c.body), 404, "webhook_not_found")
	}
	apitest.RequireProblem(t, f.Do("GET", hooksPath, bob.Token, ""), 403, "forbidden")
	require.Equal(t, true, f.get(id)["enabled"])
}

func TestDeliveriesPage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		id, _ := f.hook("https://example.org/")
		for range 5 {
			f.fire("broadcast.live", map[string]any{})
		}
		var want []string
		for _, item := range f.deliveries(id) {
			want = append(want, item["id"].(string))
		}
		require.Len(t, want, 5)

		page := func(cursor string) (ids []string, next, prev string) {
			r := f.Do("GET", hooksPath+"/"+id+"/deliveries?limit=2&cursor="+cursor, f.owner.Token, "")
			require.Equal(t, http.StatusOK, r.Status, r.Text)
			var body struct {
				Items      []struct{ ID string }
				NextCursor string `json:"next_cursor"`
				PrevCursor string `json:"prev_cursor"`
			}
			require.NoError(t, json.Unmarshal([]byte(r.Text), &body))
			for _, item := range body.Items {
				ids = append(ids, item.ID)
			}
			return ids, body.NextCursor, body.PrevCursor
		}
		first, next, prev := page("")
		require.Equal(t, want[:2], first)
		require.Empty(t, prev)
		second, next, prev := page(next)
		require.Equal(t, want[2:4], second)
		third, end, _ := page(next)
		require.Equal(t, want[4:], third)
		require.Empty(t, end)
		back, _, _ := page(prev)
		require.Equal(t, first, back)
		apitest.RequireProblem(t, f.Do("GET", hooksPath+"/"+id+"/deliveries?cursor=x", f.owner.Token, ""), 400, "bad_cursor")
	})
}
