package social_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/limit/limittest"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/api/social"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
)

// node is a server with sockets and the operations of friends.
type node struct {
	*realtimetest.Server

	t      *testing.T
	rest   *apitest.Server
	social *social.Service
}

// node starts one. Time passes in it as c says.
func startNode(t *testing.T, d *db.DB, c *clock, change ...func(*realtime.Config)) *node {
	t.Helper()
	channels, err := auth.CacheChannels(auth.ChannelsConfig{DB: d})
	require.NoError(t, err)
	var svc *social.Service
	n := &node{t: t}
	n.Server = realtimetest.New(t, d, func(to *realtime.Node) {
		svc, err = social.NewService(social.Config{
			DB: d, Channels: channels, Sockets: to, Tick: 2 * time.Millisecond, Now: c.now,
			Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		})
		require.NoError(t, err)
		social.Methods(to, svc)
	}, change...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	n.social = svc
	n.rest = apitest.New(t, d, []api.Feature{func(to huma.API) { social.Register(to, svc) }})
	return n
}

// friend returns how a friend is shown to somebody.
func (n *node) friend(of apitest.Person) map[string]any {
	n.t.Helper()
	r := n.rest.Do("GET", "/api/v1/me/friends", of.Token, "")
	require.Equal(n.t, 200, r.Status, r.Text)
	items := r.JSON["items"].([]any)
	require.Len(n.t, items, 1)
	return items[0].(map[string]any)
}

// befriend makes two people friends, behind the service's back.
func befriend(t *testing.T, d *db.DB, a, b apitest.Person) {
	t.Helper()
	for _, pair := range [][2]uuid.UUID{{a.ID, b.ID}, {b.ID, a.ID}} {
		_, err := d.Writer().ExecContext(t.Context(), "INSERT INTO friends (id, user_id, friend_id, created_at) VALUES ($1, $2, $3, $4)",
			uuid.Must(uuid.NewV7()), pair[0], pair[1], column.At(time.Now()))
		require.NoError(t, err)
	}
}

// presenceOf is the data of presence.changed.
type presenceOf struct {
	User     string     `json:"user"`
	Online   bool       `json:"online"`
	Watching string     `json:"watching"`
	Since    *time.Time `json:"since"`
}

func nextPresence(t *testing.T, c *realtimetest.Client, of apitest.Person) presenceOf {
	t.Helper()
	var p presenceOf
	require.NoError(t, json.Unmarshal(c.Next("user:"+of.ID.String(), "presence.changed").Data, &p))
	return p
}

// soon is how long a test waits for what must come.
const soon = 20 * time.Second

func TestFriendsSeeWhoIsHere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{}
		n := startNode(t, d, c)
		ada, bob, eve := n.rest.Person("ada", auth.RoleUser), n.rest.Person("bob", auth.RoleUser), n.rest.Person("eve", auth.RoleUser)
		befriend(t, d, ada, bob)
		watcher, stranger := realtimetest.Connect(t, n.URL, bob.Token), realtimetest.Connect(t, n.URL, eve.Token)
		phone, laptop := realtimetest.Connect(t, n.URL, ada.Token), realtimetest.Connect(t, n.URL, ada.Token)
		came := nextPresence(t, watcher, bob)
		require.Equal(t, ada.ID.String(), came.User)
		require.True(t, came.Online)
		shown := n.friend(bob)
		require.Equal(t, true, shown["online"])
		require.Equal(t, came.Since.Format(time.RFC3339Nano), shown["since"])

		// One device leaves, the other comes back in time: nothing happens. That is
		// known when the next thing has.
		phone.Cut()
		c.pass(time.Minute)
		laptop.Cut()
		c.pass(4 * time.Second)
		laptop = realtimetest.Connect(t, n.URL, ada.Token)
		c.pass(time.Minute)
		laptop.Cut()
		require.Eventually(t, func() bool {
			c.pass(5 * time.Second)
			return n.friend(bob)["online"] == false
		}, soon, 5*time.Millisecond)
		gone := nextPresence(t, watcher, bob)
		require.False(t, gone.Online)
		require.NotNil(t, gone.Since)
		require.Eventually(t, func() bool { return n.friend(bob)["since"] != nil }, soon, 5*time.Millisecond, "when she was last here")

		// She does not show it any more, shows it, and does not.
		show := func(online string) {
			require.Equal(t, 200, n.rest.Do("PATCH", "/api/v1/me/social-settings", ada.Token, `{"show_online":`+online+`}`).Status)
			c.pass(3 * time.Second)
		}
		show("false")
		nextPresence(t, watcher, bob) // again, without a time
		hidden := realtimetest.Connect(t, n.URL, ada.Token)
		require.Equal(t, false, n.friend(bob)["online"])
		require.Nil(t, n.friend(bob)["since"])
		show("true")
		require.True(t, nextPresence(t, watcher, bob).Online)
		show("false")
		for p := nextPresence(t, watcher, bob); ; p = nextPresence(t, watcher, bob) {
			if !p.Online {
				require.Equal(t, presenceOf{User: ada.ID.String()}, p)
				break
			}
		}
		show("true")
		require.True(t, nextPresence(t, watcher, bob).Online)

		// What she follows is on air: her page hears of it at once.
		channel, broadcast := n.rest.Channel(eve, "demo"), uuid.Must(uuid.NewV7())
		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.SQL().ExecContext(t.Context(), "INSERT INTO follows (id, channel_id, user_id, notify, created_at) VALUES ($1, $2, $3, TRUE, $4)",
				uuid.New(), channel, ada.ID, column.At(c.now()))
			require.NoError(t, err)
			_, err = tx.SQL().ExecContext(t.Context(), `INSERT INTO broadcasts (id, channel_id, state, title, description, category, started_at, created_at, updated_at)
				VALUES ($1, $2, 'live', 'Evening', '', '', $3, $3, $3)`, broadcast, channel, column.At(c.now()))
			require.NoError(t, err)
			return n.social.Begins(t.Context(), tx, channel, broadcast)
		}))
		require.Contains(t, string(hidden.Next("user:"+ada.ID.String(), "inbox.new").Data), `"kind":"channel_live"`)

		// Who is blocked sees nobody.
		require.Equal(t, 204, n.rest.Do("PUT", "/api/v1/me/blocks/bob", ada.Token, "").Status)
		watcher.Next("user:"+bob.ID.String(), "friends.removed")
		hidden.Cut()
		c.pass(time.Minute)
		require.Equal(t, 204, n.rest.Do("DELETE", "/api/v1/me/blocks/bob", ada.Token, "").Status)
		require.Equal(t, 201, n.rest.Do("POST", "/api/v1/me/friend-requests", bob.Token, `{"user":"ada"}`).Status)
		watcher.Next("user:"+bob.ID.String(), "friends.request_added")
		require.Empty(t, watcher.Events("user:"+bob.ID.String()))
		require.Empty(t, stranger.Events("user:"+eve.ID.String()))
	})
}

func TestFriendsSeeWhatIsWatched(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{}
		n := startNode(t, d, c)
		ada, bob, eve, owner := n.rest.Person("ada", auth.RoleUser), n.rest.Person("bob", auth.RoleUser), n.rest.Person("eve", auth.RoleUser), n.rest.Person("owner", auth.RoleUser)
		befriend(t, d, ada, bob)
		befriend(t, d, ada, eve)
		open, closed := n.rest.Channel(owner, "open"), n.rest.Channel(owner, "closed")
		exec := func(statement string, args ...any) {
			_, err := d.Writer().ExecContext(t.Context(), statement, args...)
			require.NoError(t, err)
		}
		exec("UPDATE channels SET visibility = 'private' WHERE id = $1", closed)
		for _, p := range []apitest.Person{ada, bob} {
			exec("INSERT INTO channel_members (channel_id, user_id, role, created_at) VALUES ($1, $2, 'viewer', $3)", closed, p.ID, column.At(time.Now()))
		}
		member, other := realtimetest.Connect(t, n.URL, bob.Token), realtimetest.Connect(t, n.URL, eve.Token)
		phone := realtimetest.Connect(t, n.URL, ada.Token)
		settle := func() { c.pass(3 * time.Second) }
		settle()
		require.True(t, nextPresence(t, member, bob).Online)
		require.True(t, nextPresence(t, other, eve).Online)

		watch := func(slug any) { phone.Call("presence.watching", map[string]any{"channel": slug}, nil) }
		watch("open") // she has not said that friends may see it
		settle()
		require.Equal(t, 200, n.rest.Do("PATCH", "/api/v1/me/social-settings", ada.Token, `{"show_watching":true}`).Status)
		require.Eventually(t, func() bool { return n.friend(bob)["watching"] == "open" }, soon, 5*time.Millisecond)
		settle()
		require.Equal(t, "open", nextPresence(t, member, bob).Watching)
		require.Equal(t, "open", nextPresence(t, other, eve).Watching)

		watch("closed")
		settle()
		require.Equal(t, "closed", nextPresence(t, member, bob).Watching)
		require.Equal(t, presenceOf{Online: true}, without(nextPresence(t, other, eve)))
		require.Equal(t, "closed", n.friend(bob)["watching"])
		require.Nil(t, n.friend(eve)["watching"])
		watch(nil) // of which eve hears nothing: for her it is as it was
		settle()
		require.Equal(t, presenceOf{Online: true}, without(nextPresence(t, member, bob)))
		watch("open")
		settle()
		require.Equal(t, "open", nextPresence(t, member, bob).Watching)
		require.Equal(t, "open", nextPresence(t, other, eve).Watching)

		// What everyone could see is closed while she watches.
		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.SQL().ExecContext(t.Context(), "UPDATE channels SET visibility = 'private' WHERE id = $1", open); err != nil {
				return err
			}
			return tx.Notify(t.Context(), auth.TopicChannel, "open")
		}))
		require.Eventually(t, func() bool {
			settle()
			return n.friend(eve)["watching"] == nil
		}, soon, 5*time.Millisecond)
		require.Equal(t, presenceOf{Online: true}, without(nextPresence(t, other, eve)))

		for _, slug := range []string{"none", "open", "%", "'"} { // open has no members
			status, code := phone.Refused("presence.watching", map[string]any{"channel": slug})
			require.Equal(t, 404, status)
			require.Equal(t, "channel_not_found", code)
		}
		status, _ := realtimetest.Connect(t, n.URL, "").Refused("presence.watching", map[string]any{"channel": nil})
		require.Equal(t, 401, status)

		// A device that is gone watches nothing.
		watch("closed")
		settle()
		require.Eventually(t, func() bool { settle(); return n.friend(bob)["watching"] == "closed" }, soon, 5*time.Millisecond)
		realtimetest.Connect(t, n.URL, ada.Token)
		phone.Cut()
		require.Eventually(t, func() bool { settle(); return n.friend(bob)["watching"] == nil }, soon, 5*time.Millisecond)
		require.Equal(t, true, n.friend(bob)["online"])
	})
}

// without leaves out whose presence it is and since when.
func without(p presenceOf) presenceOf {
	p.User, p.Since = "", nil
	return p
}

// TestTwoNodes has friends at different nodes that share a Redis, of which one stops.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	limittest.Redis(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := &clock{}
		prefix := "social-" + uuid.NewString()
		shared := func(cfg *realtime.Config) {
			cfg.RedisURL, cfg.RedisPrefix = os.Getenv(limittest.RedisURL), prefix
		}
		one, two := startNode(t, d, c, shared), startNode(t, d, c, shared)
		ada, bob := one.rest.Person("ada", auth.RoleUser), one.rest.Person("bob", auth.RoleUser)
		befriend(t, d, ada, bob)
		watcher := realtimetest.Connect(t, two.URL, bob.Token)
		phone := realtimetest.Connect(t, one.URL, ada.Token)
		knows := func(n *node, of apitest.Person, online bool) {
			t.Helper()
			require.Eventually(t, func() bool { return n.friend(of)["online"] == online }, soon, 5*time.Millisecond)
		}
		knows(two, bob, true)
		knows(one, ada, true)
		require.True(t, nextPresence(t, watcher, bob).Online)

		r := two.rest.Do("PATCH", "/api/v1/me/social-settings", ada.Token, `{"show_watching":true}`)
		require.Equal(t, 200, r.Status, r.Text)
		one.rest.Channel(ada, "demo")
		phone.Call("presence.watching", map[string]any{"channel": "demo"}, nil)
		require.Eventually(t, func() bool { return two.friend(bob)["watching"] == "demo" }, soon, 5*time.Millisecond)
		require.Equal(t, "demo", nextPresence(t, watcher, bob).Watching)

		one.Stop() // nobody says that she is gone
		c.pass(70 * time.Second)
		knows(two, bob, false)
		require.Eventually(t, func() bool {
			c.pass(time.Second)
			for _, e := range watcher.Events("user:" + bob.ID.String()) {
				if e.Type == "presence.changed" {
					return strings.Contains(string(e.Data), `"online":false`)
				}
			}
			return false
		}, soon, 20*time.Millisecond)
	})
}
