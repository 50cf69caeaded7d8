package realtime_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// sayParams are those of a method that says something in a chat.
type sayParams struct {
	realtime.OnChannel

	Text string `json:"text"`
}

// talk adds a topic, a method that publishes to it, and the topic of live events.
func talk(n *realtime.Node) {
	n.AddTopic(realtime.Topic{Kind: "chat:", Keep: 50, For: time.Minute, Presence: true})
	n.AddTopic(realtime.Topic{Kind: "live:", Snapshot: func(_ context.Context, slug string) (realtime.Event, error) {
		return realtime.Event{Type: "live.state", Data: slug}, nil
	}})
	realtime.Handle(n, "chat.send", func(ctx context.Context, in sayParams) (string, error) {
		n.Publish(ctx, "chat:"+in.Channel, realtime.Event{Type: "chat.message", Data: auth.User(ctx).Name + ": " + in.Text})
		return auth.AccessOf(ctx).Slug, nil
	})
}

func TestSubscribeCallAndHear(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		people := apitest.New(t, d, []api.Feature{})
		ada, bob := people.Person("ada", auth.RoleUser), people.Person("bob", auth.RoleUser)
		people.Channel(ada, "stage")
		s := realtimetest.New(t, d, talk)

		nobody, sender := realtimetest.Connect(t, s.URL, ""), realtimetest.Connect(t, s.URL, bob.Token)
		require.JSONEq(t, `"stage"`, func() string {
			nobody.Subscribe("live:stage", nil)
			return string(nobody.Next("live:stage", "live.state").Data)
		}())
		nobody.Subscribe("chat:stage", nil)
		var slug string
		sender.Call("chat.send", map[string]any{"channel": "stage", "text": "hello"}, &slug)
		require.Equal(t, "stage", slug)
		require.JSONEq(t, `"bob: hello"`, string(nobody.Next("chat:stage", "chat.message").Data))

		status, code := nobody.Refused("chat.send", map[string]any{"channel": "stage", "text": "me too"})
		require.Equal(t, 401, status)
		require.Equal(t, "unauthorized", code)
		status, _ = sender.Refused("chat.send", map[string]any{"channel": "other", "text": "x"})
		require.Equal(t, 404, status)
		status, code = sender.Refused("chat.send", map[string]any{"channel": "stage", "txt": "x"})
		require.Equal(t, 422, status)
		require.Equal(t, "bad_params", code)

		var clock realtime.Clock
		nobody.Call("clock", nil, &clock)
		require.NotZero(t, clock.Now)
		var welcome realtime.Welcome
		require.NoError(t, json.Unmarshal(sender.Welcome, &welcome))
		require.Equal(t, "bob", welcome.User.Name)
		s.Node.Tell(t.Context(), bob.ID, realtime.Event{Type: "inbox", Data: 1})
		sender.Next("user:"+bob.ID.String(), "inbox")
	})
}
