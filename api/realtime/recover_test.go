package realtime_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db/dbtest"
)

// A client that lost its connection catches up, without loss and without hearing
// anything twice: on the same node, on another, and until too much has happened.
func TestALostConnectionLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, dbtest.SQLite(t))
	a, b := realtimetest.Two(t, s.d, talk) // chat: keeps 50
	c := realtimetest.Connect(t, a.URL, s.bob.Token)
	at := c.Subscribe("chat:stage", nil)
	said := 0
	speak := func(times int) {
		for range times {
			said++
			say(b.Node, "chat:stage", said)
		}
	}
	heard := []int{}
	hear := func(data json.RawMessage, offset uint64) {
		n, err := strconv.Atoi(string(data))
		require.NoError(t, err)
		heard, at.Offset = append(heard, n), offset
	}
	speak(3)
	for range 3 {
		m := c.Next("chat:stage", "chat.message")
		hear(m.Data, m.Offset)
	}
	for _, where := range []*realtimetest.Server{a, b, a} {
		c.Cut()
		speak(5)
		c = realtimetest.Connect(t, where.URL, s.bob.Token)
		r := c.Recover("chat:stage", at.Epoch, at.Offset)
		require.True(t, r.Recovered)
		for _, p := range r.Publications {
			var e realtimetest.Message
			require.NoError(t, json.Unmarshal(p.Data, &e))
			hear(e.Data, p.Offset)
		}
		speak(1)
		m := c.Next("chat:stage", "chat.message")
		hear(m.Data, m.Offset)
	}
	for i, n := range heard {
		require.Equal(t, i+1, n, "%v", heard)
	}
	require.Len(t, heard, said)

	c.Cut()
	speak(60)
	c = realtimetest.Connect(t, b.URL, s.bob.Token)
	require.False(t, c.Recover("chat:stage", at.Epoch, at.Offset).Recovered)
	require.False(t, realtimetest.Connect(t, a.URL, s.ada.Token).Recover("chat:stage", "another", at.Offset).Recovered)

	// So does one's own topic, by the connect command.
	own := "user:" + s.bob.ID.String()
	first := realtimetest.Dial(t, a.URL, nil)
	was := first.Do("connect", map[string]any{"token": s.bob.Token}).Connect.Subs[own]
	first.Cut()
	b.Node.Tell(t.Context(), s.bob.ID, realtime.Event{Type: "inbox"})
	r := realtimetest.Dial(t, b.URL, nil).Do("connect", map[string]any{
		"token": s.bob.Token, "subs": map[string]any{own: map[string]any{"recover": true, "epoch": was.Epoch, "offset": was.Offset}},
	})
	require.True(t, r.Connect.Subs[own].Recovered)
	require.Len(t, r.Connect.Subs[own].Publications, 1)
}
