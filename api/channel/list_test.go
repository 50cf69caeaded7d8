package channel_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestListsChooseAndTurnPages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, Bob := s.Person("ada", auth.RoleUser), s.Person("Bob", auth.RoleUser)
		all := []string{}
		add := func(owner apitest.Person, slug, fields string) {
			s.make(owner, slug, fields)
			all = append([]string{slug}, all...)
		}
		add(ada, "jazz-cellar", `"tags":["jazz","live-band"],"category":"Music","description":"Café concerts every Friday"`)
		add(Bob, "bebop", `"tags":["jazz"],"category":"Music"`)
		add(ada, "chess", `"tags":["games"],"category":"Games","description":"Jazzed up openings"`)
		add(Bob, "cooking", `"category":"Food"`)
		add(ada, "rock", `"tags":["live-band"],"category":"Music"`)
		s.make(ada, "hidden", `"visibility":"unlisted","tags":["jazz"],"category":"Music"`)
		s.make(Bob, "secret", `"visibility":"private","tags":["jazz"],"category":"Music"`)

		for query, want := range map[string][]string{
			"":                            all,
			"tag=jazz":                    {"bebop", "jazz-cellar"},
			"category=Music":              {"rock", "bebop", "jazz-cellar"},
			"category=music":              {},
			"owner=ADA":                   {"rock", "chess", "jazz-cellar"},
			"owner=bob":                   {"cooking", "bebop"},
			"owner=nobody":                {},
			"tag=live-band&owner=ada":     {"rock", "jazz-cellar"},
			"category=Music&owner=ada":    {"rock", "jazz-cellar"},
			"tag=jazz&category=Games":     {},
			"q=jazz":                      {"chess", "bebop", "jazz-cellar"}, // also "jazzed"
			"q=jaz":                       {"chess", "bebop", "jazz-cellar"},
			"q=azz":                       {},
			"q=CAFE":                      {"jazz-cellar"},
			"q=caf%C3%A9+friday":          {"jazz-cellar"},
			"q=friday+chess":              {},
			"q=bob":                       {"cooking", "bebop"},
			"q=jazz&tag=jazz":             {"bebop", "jazz-cellar"},
			"q=jazz&owner=ada":            {"chess", "jazz-cellar"},
			"q=jazz&category=Games":       {"chess"},
			"q=title+of+jazz+c+f+every":   {"jazz-cellar"},
			"q=!!!":                       {},
			"q=%25":                       {},
			"q=%27%3B--":                  {},
			"q=secret":                    {},
			"category=Music&tag=no-such":  {},
			"q=title&category=Food&tag=x": {},
		} {
			for _, limit := range []int{1, 2, 100} {
				path := fmt.Sprintf("/api/v1/channels?%s&limit=%d", query, limit)
				got := s.pages(path, "", "slug")
				require.Equal(t, want, got, path)
			}
		}

		// What changes is found anew, and not under its old words.
		s.ok("PATCH", "/api/v1/channels/rock", ada.Token, `{"title":"Blues","tags":["slow"]}`)
		require.Empty(t, s.pages("/api/v1/channels?tag=live-band&owner=bob", "", "slug"))
		require.Equal(t, []string{"rock"}, s.pages("/api/v1/channels?q=blues", "", "slug"))
		require.Equal(t, []string{"jazz-cellar"}, s.pages("/api/v1/channels?tag=live-band", "", "slug"))
		s.ok("PATCH", "/api/v1/channels/rock", ada.Token, `{"visibility":"unlisted"}`)
		require.Empty(t, s.pages("/api/v1/channels?q=blues", "", "slug"))
		s.ok("DELETE", "/api/v1/channels/bebop", Bob.Token, "")
		require.Equal(t, []string{"jazz-cellar"}, s.pages("/api/v1/channels?tag=jazz", "", "slug"))
	})
}

func TestPagesStandStillWhileChannelsAreMade(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		for i := range 6 {
			s.make(ada, fmt.Sprintf("demo-%d", i), "")
		}
		first := s.ok("GET", "/api/v1/channels?limit=2", "", "")
		require.Equal(t, []string{"demo-5", "demo-4"}, items(first, "slug"))
		s.make(ada, "newer", "")
		second := s.ok("GET", linksOf(first)["next"], "", "")
		require.Equal(t, []string{"demo-3", "demo-2"}, items(second, "slug"))
		s.ok("DELETE", "/api/v1/channels/demo-4", ada.Token, "")
		back := s.ok("GET", linksOf(second)["prev"], "", "")
		require.Equal(t, []string{"newer", "demo-5"}, items(back, "slug"))
		require.NotContains(t, linksOf(back), "prev")

		apitest.RequireProblem(t, s.Do("GET", "/api/v1/live?cursor="+url.QueryEscape(second.JSON["next_cursor"].(string)), "", ""), 400, "bad_cursor")
		for _, cursor := range []string{"!!", "AAAA", strings.Repeat("A", 35)} {
			apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels?cursor="+cursor, "", ""), 400, "bad_cursor")
		}
	})
}

func TestChannelsOfThoseWhoAreGoneAreForStaffAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob, eve := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser), s.Person("eve", auth.RoleUser)
		mod := s.Person("mod", auth.RoleModerator)
		s.make(ada, "adas", `"tags":["jazz"],"category":"Music"`)
		s.make(bob, "bobs", `"tags":["jazz"],"category":"Music"`)
		s.make(eve, "eves", `"tags":["jazz"],"category":"Music","visibility":"private"`)
		set := func(column string, who apitest.Person) {
			_, err := d.Writer().ExecContext(t.Context(), "UPDATE users SET "+column+" = $1 WHERE id = $2", time.Now(), who.ID)
			require.NoError(t, err)
		}
		set("suspended_at", ada)
		set("deleted_at", bob)

		for _, query := range []string{"", "tag=jazz", "category=Music", "owner=ada", "q=jazz"} {
			require.Empty(t, s.pages("/api/v1/channels?"+query, "", "slug"), query)
		}
		require.Equal(t, []string{"private", "public", "public"}, s.pages("/api/v1/admin/channels", mod.Token, "visibility"))
		require.Equal(t, []string{"active", "deleted", "suspended"}, s.pages("/api/v1/admin/channels?limit=1", mod.Token, "owner_state"))
		for query, want := range map[string][]string{
			"visibility=private": {"eves"}, "visibility=public": {"bobs", "adas"}, "visibility=unlisted": {},
			"owner=ada": {"adas"}, "q=jazz": {"eves", "bobs", "adas"}, "q=jazz&visibility=public": {"bobs", "adas"},
			"tag=jazz&owner=bob": {"bobs"}, "category=Music&visibility=private": {"eves"}, "owner=ada&category=Food": {},
		} {
			require.Equal(t, want, s.pages("/api/v1/admin/channels?limit=1&"+query, mod.Token, "slug"), query)
		}
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/admin/channels", eve.Token, ""), 403, "forbidden")
	})
}

func TestLiveListHasMostViewersFirst(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		require.Empty(t, s.pages("/api/v1/live", "", "slug"))
		states, ids := []channel.LiveState{}, map[string]string{}
		for i, viewers := range []int{5, 70, 5, 0, 70, 12, 3} {
			slug := fmt.Sprintf("demo-%d", i)
			fields := `"visibility":"public"`
			switch i {
			case 5:
				fields = `"visibility":"private"`
			case 6:
				fields = `"visibility":"unlisted"`
			}
			ids[slug] = s.make(ada, slug, fields+fmt.Sprintf(`,"tags":["t%d"]`, i%2)).JSON["id"].(string)
			states = append(states, channel.LiveState{ChannelID: ids[slug], Slug: slug, Viewers: viewers})
		}
		states = append(states,
			channel.LiveState{ChannelID: uuid.NewString(), Slug: "gone", Viewers: 1000},
			channel.LiveState{ChannelID: uuid.NewString(), Slug: "demo-0", Viewers: 1000}, // an address of another channel
			channel.LiveState{ChannelID: "nonsense", Slug: "nonsense", Viewers: 1000})
		s.live.put(states...)

		want := []string{"demo-4", "demo-1", "demo-2", "demo-0", "demo-3"}
		for _, limit := range []int{1, 2, 3, 100} {
			require.Equal(t, want, s.pages(fmt.Sprintf("/api/v1/live?limit=%d", limit), "", "slug"), limit)
		}
		require.Equal(t, []string{"demo-1", "demo-3"}, s.pages("/api/v1/live?limit=1&tag=t1", "", "slug"))
		require.Equal(t, []string{"demo-2"}, s.pages("/api/v1/live?q=demo+2", "", "slug"))
		require.Empty(t, s.pages("/api/v1/live?q=!!", "", "slug"))
		require.Empty(t, s.pages("/api/v1/live?owner=bob", "", "slug"))
		newest := []string{"demo-4", "demo-3", "demo-2", "demo-1", "demo-0"}
		require.Equal(t, newest, s.pages("/api/v1/channels?live=true&limit=2", "", "slug"))

		// A node that reports a channel of ours does not change what is on air here.
		node := s.Service(auth.ScopeIngest)
		s.ok("POST", channel.HeartbeatPath, node, fmt.Sprintf(`{"node":"n1","public_url":"https://media.example.org","live":[
			{"channel_id":%q,"channel":"demo-3","key_id":"k","session":"s","started_at":"2025-01-02T03:04:05Z","viewers":90,"hls_url":"/live/demo-3/index.m3u8"}]}`, ids["demo-3"]))
		require.Equal(t, want, s.pages("/api/v1/live", "", "slug"))
		s.live.put(slices.DeleteFunc(states, func(st channel.LiveState) bool { return st.Slug == "demo-3" })...)
		require.Equal(t, []string{"demo-3", "demo-4", "demo-1", "demo-2", "demo-0"}, s.pages("/api/v1/live?limit=2", "", "slug"))
	})
}

func TestOwnListsShowWhatIsPrivate(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
		s.make(ada, "own", `"visibility":"private"`)
		s.make(bob, "helped", `"visibility":"private","broadcast_title":"Mine"`)
		s.make(bob, "watched", `"visibility":"private","broadcast_title":"Mine"`)
		s.make(bob, "other", "")
		s.ok("PUT", "/api/v1/channels/helped/members/ADA", bob.Token, `{"role":"broadcaster"}`)
		s.ok("PUT", "/api/v1/channels/watched/members/ada", bob.Token, `{"role":"viewer"}`)

		mine := s.ok("GET", "/api/v1/me/channels", ada.Token, "")
		require.Equal(t, []string{"watched", "helped", "own"}, items(mine, "slug"))
		require.Equal(t, []string{"viewer", "broadcaster", "owner"}, items(mine, "role"))
		require.Contains(t, items(mine, "hls_url")[0], "/~", "signed")
		list := mine.JSON["items"].([]any)
		require.NotContains(t, list[0], "broadcast_title")
		require.Contains(t, list[1], "broadcast_title")
		require.Equal(t, []string{"watched", "helped", "own"}, s.pages("/api/v1/me/channels?limit=1", ada.Token, "slug"))
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/me/channels", "", ""), 401, "unauthorized")

		for _, slug := range []string{"other", "own", "watched"} {
			s.ok("PUT", "/api/v1/channels/"+slug+"/follow", ada.Token, `{"notify":true}`)
		}
		s.ok("PATCH", "/api/v1/channels/other", bob.Token, `{"visibility":"private"}`)
		follows := s.ok("GET", "/api/v1/me/follows", ada.Token, "")
		require.Equal(t, []string{"watched", "own", "other"}, items(follows, "slug"))
		list = follows.JSON["items"].([]any)
		require.Contains(t, list[0], "channel")
		require.Contains(t, list[1], "channel")
		require.NotContains(t, list[2], "channel", "private since")
		require.Equal(t, []string{"watched", "own", "other"}, s.pages("/api/v1/me/follows?limit=1", ada.Token, "slug"))
		s.ok("DELETE", "/api/v1/channels/other/follow", ada.Token, "")
		require.Equal(t, []string{"watched", "own"}, s.pages("/api/v1/me/follows", ada.Token, "slug"))

		// Nobody sees the channels of those who are suspended, but they themselves.
		_, err := d.Writer().ExecContext(t.Context(), "UPDATE users SET suspended_at = $1 WHERE id = $2", time.Now(), bob.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"own"}, s.pages("/api/v1/me/channels", ada.Token, "slug"))
	})
}

// TestOldChannelsBecomeFindable is of an instance that is older than search.
func TestOldChannelsBecomeFindable(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := serve(t, d)
		ada := s.Person("ada", auth.RoleUser)
		for i := range 120 {
			s.Channel(ada, fmt.Sprintf("old-%d", i)) // past the service
		}
		require.Empty(t, s.pages("/api/v1/channels?q=old", "", "slug"))
		stop := s.run()
		defer stop()
		require.Eventually(t, func() bool {
			return len(items(s.ok("GET", "/api/v1/channels?q=title+119", "", ""), "slug")) == 1 &&
				len(s.pages("/api/v1/channels?q=old&limit=100", "", "slug")) == 120
		}, 30*time.Second, 50*time.Millisecond)
	})
}
