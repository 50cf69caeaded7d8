package chat_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/chat"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// two serves chats on two nodes with one database and one Redis.
func two(t *testing.T, d *db.DB) (s *server, a, b *realtimetest.Server) {
	t.Helper()
	s = &server{t: t, gate: &gate{d: d}, inbox: &inbox{}, clock: &clock{}}
	a, b = realtimetest.Two(t, d, func(n *realtime.Node) { s.chat = s.service(d, n) })
	s.Server = apitest.New(t, d, []api.Feature{func(to huma.API) { chat.Register(to, s.chat) }})
	return s, a, b
}

func TestTwoNodesTellTheSameInOrder(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, a, b := two(t, d)
		ada, bob := s.Person("ada", auth.RoleUser), s.Person("bob", auth.RoleUser)
		s.Channel(ada, "stage")
		listener := realtimetest.Connect(t, b.URL, "")
		listener.Subscribe("chat:stage", nil)
		listener.Next("chat:stage", "chat.state")
		const each = 15
		var senders errgroup.Group
		for _, who := range []apitest.Person{ada, bob} {
			for i := range each {
				c := realtimetest.Connect(t, a.URL, who.Token) // one each, so that all come at once
				senders.Go(func() error {
					r, err := c.TryDo("rpc", map[string]any{"method": "chat.send", "data": map[string]any{"channel": "stage", "body": fmt.Sprint(who.Name, i)}})
					if err == nil && r.Error != nil {
						err = fmt.Errorf("refused: %+v", *r.Error)
					}
					return err
				})
			}
		}
		require.NoError(t, senders.Wait())
		heard := []string{}
		for range 2 * each {
			heard = append(heard, message(t, listener.Next("chat:stage", "chat.message")).ID)
		}
		require.True(t, slices.IsSorted(heard), "what one node tells comes in the order of ids")
		stored := []string{}
		for _, item := range s.ok("GET", "/channels/stage/messages", "", "").JSON["items"].([]any) {
			stored = append(stored, item.(map[string]any)["id"].(string))
		}
		slices.Reverse(stored)
		require.Equal(t, stored, heard, "each once")
		require.Empty(t, listener.Events("chat:stage"))
	})
}

func TestSentAgainAfterACutIsTheSame(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, a, b := two(t, d)
		ada := s.Person("ada", auth.RoleUser)
		s.Channel(ada, "stage")
		listener := realtimetest.Connect(t, b.URL, "")
		listener.Subscribe("chat:stage", nil)
		for i := range 8 {
			params := map[string]any{"channel": "stage", "body": fmt.Sprint("message ", i), "key": fmt.Sprint("k", i)}
			first := realtimetest.Connect(t, a.URL, ada.Token)
			require.NoError(t, first.Write(fmt.Sprintf(`{"id":9,"rpc":{"method":"chat.send","data":{"channel":"stage","body":"message %d","key":"k%d"}}}`, i, i)))
			first.Cut() // whether it has arrived nobody knows
			second := realtimetest.Connect(t, b.URL, ada.Token)
			var sent, again chat.MessageView
			second.Call("chat.send", params, &sent)
			second.Call("chat.send", params, &again)
			require.Equal(t, sent.ID, again.ID)
			heard := message(t, listener.Next("chat:stage", "chat.message"))
			require.Equal(t, sent.ID, heard.ID)
			require.Equal(t, params["key"], heard.Key)
		}
		require.Len(t, bodies(s.ok("GET", "/channels/stage/messages", "", "")), 8)
	})
}
