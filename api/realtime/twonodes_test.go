package realtime_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db/dbtest"
)

func TestTwoNodesAreOne(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	people := apitest.New(t, d, []api.Feature{})
	ada, bob := people.Person("ada", auth.RoleUser), people.Person("bob", auth.RoleUser)
	people.Channel(ada, "stage")
	a, b := realtimetest.Two(t, d, talk)
	here, there := realtimetest.Connect(t, a.URL, ada.Token), realtimetest.Connect(t, b.URL, bob.Token)
	here.Subscribe("chat:stage", nil)
	there.Subscribe("chat:stage", nil)

	there.Call("chat.send", map[string]any{"channel": "stage", "text": "hello"}, nil)
	require.JSONEq(t, `"bob: hello"`, string(here.Next("chat:stage", "chat.message").Data))
	present, err := a.Node.Present("chat:stage")
	require.NoError(t, err)
	require.Equal(t, map[string]bool{ada.ID.String(): true, bob.ID.String(): true},
		map[string]bool{present[here.ID].String(): true, present[there.ID].String(): true})
	online, err := a.Node.Online(bob.ID)
	require.NoError(t, err)
	require.True(t, online)
	a.Node.Tell(t.Context(), bob.ID, realtime.Event{Type: "inbox", Data: 1})
	there.Next("user:"+bob.ID.String(), "inbox")

	a.Node.Expel(t.Context(), bob.ID, "chat:stage")
	require.Equal(t, 2000, there.Ended("chat:stage"))
	b.Node.Expel(t.Context(), ada.ID, "chat:stage")
	require.Equal(t, 2000, here.Ended("chat:stage"))
}
