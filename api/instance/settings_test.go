package instance_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/instance"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

const settingsPath = "/api/v1/admin/settings"

func TestSettingsAreThoseOfTheConfigurationUntilChanged(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		r := f.ok("GET", settingsPath, f.admin, "")
		require.Equal(t, `"v0"`, r.Header.Get("ETag"))
		require.Equal(t, map[string]any{
			"name": "Test stage", "description": "", "signup": "invite", "default_channel_visibility": "public",
			"max_channels": 7.0, "require_confirmed_email": false, "contact_email": "", "terms_url": "", "changed": []any{},
		}, r.JSON)

		r = f.ok("PATCH", settingsPath, f.admin, `{"name":"  Main   stage ","signup":"closed","require_confirmed_email":true}`, "If-Match", `"v0"`)
		require.Equal(t, `"v1"`, r.Header.Get("ETag"))
		require.Equal(t, "Main stage", r.JSON["name"])
		require.Equal(t, []any{"name", "signup", "require_confirmed_email"}, r.JSON["changed"])
		require.Equal(t, "Main stage", f.service.Name(t.Context()))
		require.Equal(t, instance.SignupClosed, f.service.Signup(t.Context()))
		require.True(t, f.service.RequireConfirmedEmail(t.Context()))
		require.Equal(t, 7, f.service.MaxChannels(t.Context()))

		apitest.RequireProblem(t, f.Do("PATCH", settingsPath, f.admin.Token, `{"max_channels":1}`, "If-Match", `"v0"`), 412, "changed")
		r = f.ok("PATCH", settingsPath, f.admin, `{"signup":null,"max_channels":0,"default_channel_visibility":"private"}`)
		require.Equal(t, `"v2"`, r.Header.Get("ETag"))
		require.Equal(t, "invite", r.JSON["signup"])
		require.Equal(t, instance.SignupInvite, f.service.Signup(t.Context()))
		require.Equal(t, 0, f.service.MaxChannels(t.Context()))
		require.Equal(t, "private", f.service.DefaultVisibility(t.Context()))
		require.Equal(t, r.JSON, f.ok("GET", settingsPath, f.admin, "").JSON)

		// Another program reads the same, and what nobody set is its own configuration's.
		other := f.newService(func(c *instance.Config) { c.Defaults = instance.Settings{Name: "x", Signup: instance.SignupOpen} })
		require.NoError(t, other.Refresh(t.Context()))
		require.Equal(t, "Main stage", other.Name(t.Context()))
		require.Equal(t, instance.SignupOpen, other.Signup(t.Context()))

		entries, err := d.Read().AuditOfActionBefore(t.Context(), store.AuditOfActionBeforeParams{Action: "settings.update", ID: uuid.Max, Most: 10})
		require.NoError(t, err)
		require.Len(t, entries, 2)
		require.Equal(t, "root", entries[1].Actor)
		require.JSONEq(t, `{"signup":null,"max_channels":0,"default_channel_visibility":"private"}`, string(entries[0].Detail))
	})
}

func TestBadSettingsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t))
	for body, code := range map[string]string{
		`{"name":""}`:         "unprocessable_entity",
		`{"name":"   "}`:      "bad_settings",
		`{"name":"a\u202eb"}`: "bad_settings",
		`{"name":"` + strings.Repeat("x", 61) + `"}`: "unprocessable_entity",
		`{"name":5}`:             "unprocessable_entity",
		`{"signup":"sometimes"}`: "unprocessable_entity",
		`{"default_channel_visibility":"hidden"}`:           "unprocessable_entity",
		`{"max_channels":-1}`:                               "unprocessable_entity",
		`{"max_channels":1.5}`:                              "unprocessable_entity",
		`{"require_confirmed_email":"yes"}`:                 "unprocessable_entity",
		`{"contact_email":"nobody"}`:                        "bad_settings",
		`{"contact_email":"A <a@example.org>"}`:             "bad_settings",
		`{"contact_email":"a@example.org\r\nBcc: b@c.org"}`: "bad_settings",
		`{"terms_url":"javascript:alert(1)"}`:               "bad_settings",
		`{"terms_url":"//example.org"}`:                     "bad_settings",
		`{"secret":"x"}`:                                    "unprocessable_entity",
	} {
		apitest.RequireProblem(t, f.Do("PATCH", settingsPath, f.admin.Token, body), 422, code)
	}
	require.Equal(t, `"v0"`, f.ok("GET", settingsPath, f.admin, "").Header.Get("ETag"))
	apitest.RequireProblem(t, f.Do("PATCH", settingsPath, f.mod.Token, `{}`), 403, "forbidden")
	f.ok("PATCH", settingsPath, f.admin, `{"contact_email":"a@example.org","terms_url":"https://example.org/terms"}`)
	f.ok("PATCH", settingsPath, f.admin, `{"contact_email":"","terms_url":""}`)
}

func TestConcurrentChangesOfSettingsAreAllKept(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		ctx := auth.With(t.Context(), auth.Principal{UserID: f.admin.ID, Name: f.admin.Name, Role: auth.RoleAdmin})
		changes := []instance.Change{
			{Name: instance.To("A")},
			{Description: instance.To("B")},
			{ContactEmail: instance.To("c@example.org")},
		}
		var all sync.WaitGroup
		for _, change := range changes {
			all.Go(func() {
				_, err := f.service.UpdateSettings(ctx, rest.IfMatch{}, change)
				require.NoError(t, err)
			})
		}
		all.Wait()
		s := f.service.Settings()
		require.Equal(t, "A", s.Name)
		require.Equal(t, "B", s.Description)
		require.Equal(t, "c@example.org", s.ContactEmail)
		require.Equal(t, `"v3"`, f.ok("GET", settingsPath, f.admin, "").Header.Get("ETag"))
	})
}

func TestSettingsAndBansReachOtherNodes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := newFixture(t, d)
		other := f.newService(func(c *instance.Config) { c.RefreshEvery = time.Hour }) // hears of it, then
		run(t, other)
		f.ok("PATCH", settingsPath, f.admin, `{"name":"Changed"}`)
		f.ok("POST", bansPath, f.mod, `{"network":"198.51.100.0/24","reason":"spam"}`)
		eventually(t, func() bool { return other.Name(t.Context()) == "Changed" })
		eventually(t, func() bool {
			_, banned := other.Banned(addr("198.51.100.7"))
			return banned
		})
	})
}

func TestInstanceIsAnsweredWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	f := newFixture(t, d)
	f.ok("PATCH", settingsPath, f.admin, `{"name":"Kept","contact_email":"a@example.org"}`)
	f.ok("POST", bansPath, f.mod, `{"network":"198.51.100.7","reason":"spam"}`)
	require.NoError(t, d.Close())

	require.Error(t, f.service.Refresh(t.Context()))
	r := f.Do("GET", "/api/v1/instance", "", "")
	require.Equal(t, http.StatusOK, r.Status)
	require.Equal(t, "Kept", r.JSON["name"])
	require.Equal(t, "Kept", f.ok("GET", settingsPath, f.admin, "").JSON["name"])
	_, banned := f.service.Banned(addr("198.51.100.7"))
	require.True(t, banned)
}

func TestInstanceForEveryone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, dbtest.SQLite(t), func(c *instance.Config) {
		c.About = instance.About{
			Version: "1.2.3", URL: "https://live.example.org",
			Ingest:   []instance.IngestView{{Protocol: "rtmp", Port: 1935, URL: "rtmp://live.example.org/live"}},
			Features: instance.FeaturesView{LowLatency: true, Webhooks: true},
			Limits:   instance.LimitsView{PageItems: 100, TitleLength: 100},
			Ladder:   []instance.RungView{{Name: "720p", Height: 720, Bitrate: 2_800_000}},
		}
	})
	r := f.Do("GET", "/api/v1/instance", "", "", "Host", "evil.example")
	require.Equal(t, http.StatusOK, r.Status)
	require.Equal(t, "Test stage", r.JSON["name"])
	require.Equal(t, "1.2.3", r.JSON["version"])
	require.Equal(t, "invite", r.JSON["signup"])
	require.Contains(t, r.Text, `"url":"rtmp://live.example.org/live"`)
	require.NotContains(t, r.Text, "evil")
	tag := r.Header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, "public, max-age=5", r.Header.Get("Cache-Control"))

	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		r = f.Do("GET", "/api/v1/instance", "", "", "If-None-Match", match)
		require.Equal(t, http.StatusNotModified, r.Status, match)
		require.Empty(t, r.Text)
		require.Equal(t, tag, r.Header.Get("ETag"))
	}
	f.ok("PATCH", settingsPath, f.admin, `{"description":"New"}`)
	r = f.Do("GET", "/api/v1/instance", "", "", "If-None-Match", tag)
	require.Equal(t, http.StatusOK, r.Status)
	require.Equal(t, "New", r.JSON["description"])
}

func TestBadConfigurationIsAnError(t *testing.T) {
	t.Parallel()
	_, err := instance.NewService(instance.Config{})
	require.Error(t, err)
}
