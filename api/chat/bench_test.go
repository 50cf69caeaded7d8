package chat_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/chat"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// BenchmarkSend compares a message that is checked, stored and told to a socket, which
// has got it, with the bare insert of its row.
func BenchmarkSend(b *testing.B) {
	d := dbtest.SQLite(b)
	people := apitest.New(b, d, nil)
	ada := people.Person("ada", auth.RoleUser)
	channel := people.Channel(ada, "stage")
	clock := &clock{}
	var svc *chat.Service
	sockets := realtimetest.New(b, d, func(n *realtime.Node) {
		var err error
		svc, err = chat.NewService(chat.Config{
			DB: d, Gate: &gate{d: d}, Settings: &gate{d: d}, Sockets: n, Now: clock.now, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(b, err)
		chat.Methods(n, svc)
	})
	ctx := auth.WithAccess(auth.With(b.Context(), auth.Principal{UserID: ada.ID, Name: "ada", Role: auth.RoleUser}),
		auth.Access{ChannelID: channel, Slug: "stage", OwnerID: ada.ID, Role: auth.Owner})
	n := 0
	body := func() string {
		n++
		clock.pass(time.Second)
		return fmt.Sprintf("message number %d, which says something", n)
	}
	b.Run("send", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := svc.Send(ctx, chat.Draft{Body: body()}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("deliver", func(b *testing.B) {
		listener := realtimetest.Connect(b, sockets.URL, "")
		listener.Subscribe("chat:stage", nil)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := svc.Send(ctx, chat.Draft{Body: body()}); err != nil {
				b.Fatal(err)
			}
			listener.Next("chat:stage", "chat.message")
		}
	})
	b.Run("insert", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			insert(b, d, channel, ada.ID, body())
		}
	})
}

func insert(b *testing.B, d *db.DB, channel, user uuid.UUID, body string) {
	_, err := d.Write().CreateChatMessage(b.Context(), store.CreateChatMessageParams{
		ID: uuid.Must(uuid.NewV7()), ChannelID: channel, UserID: uuid.NullUUID{UUID: user, Valid: true}, Kind: "message",
		Body: body, Position: column.Maybe(time.Now()), CreatedAt: column.At(time.Now()),
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkHistory reads the latest page of a chat with 20,000 messages, and one in the
// middle, against their bare rows.
func BenchmarkHistory(b *testing.B) {
	d := dbtest.SQLite(b)
	people := apitest.New(b, d, nil)
	ada := people.Person("ada", auth.RoleUser)
	channel := people.Channel(ada, "stage")
	node := realtimetest.New(b, d, nil).Node
	svc, err := chat.NewService(chat.Config{DB: d, Gate: &gate{d: d}, Settings: &gate{d: d}, Sockets: node, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	var middle uuid.UUID
	for i := range 20_000 {
		insert(b, d, channel, ada.ID, "hello")
		if i == 10_000 {
			middle = uuid.Must(uuid.NewV7())
		}
	}
	ctx := auth.WithAccess(b.Context(), auth.Access{ChannelID: channel, Slug: "stage", OwnerID: ada.ID})
	for name, cursor := range map[string]string{"newest": "", "middle": rest.ByNewest.Encode(rest.Cursor{ID: middle})} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				page, err := svc.List(ctx, rest.PageQuery{Limit: 50, Cursor: cursor})
				if err != nil || len(page.Items) != 50 {
					b.Fatal(len(page.Items), err)
				}
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			rows, err := d.Writer().QueryContext(ctx, "SELECT id, user_id, body, position, created_at FROM chat_messages WHERE channel_id = $1 ORDER BY id DESC LIMIT 51", channel)
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
				var m store.ChatMessage
				if err := rows.Scan(&m.ID, &m.UserID, &m.Body, &m.Position, &m.CreatedAt); err != nil {
					b.Fatal(err)
				}
			}
			if err := rows.Err(); err != nil {
				b.Fatal(err)
			}
			rows.Close()
		}
	})
}
