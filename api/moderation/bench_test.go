package moderation_test

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/moderation"
	"bandstand/api/rest"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// BenchmarkAdmit compares what each message goes through, for a channel with a
// thousand bans, with looking its sender up in maps under a lock.
func BenchmarkAdmit(b *testing.B) {
	d := dbtest.SQLite(b)
	ctx := b.Context()
	now := column.At(time.Now())
	owner, channel := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	require.NoError(b, d.Write().CreateUser(ctx, store.CreateUserParams{ID: owner, Username: "owner", UsernameLower: "owner", Email: "a@b", EmailLower: "a@b", Role: "user", CreatedAt: now}))
	require.NoError(b, d.Write().CreateChannel(ctx, store.CreateChannelParams{ID: channel, OwnerID: owner, Slug: "stage", Title: "Stage", CreatedAt: now, UpdatedAt: now}))
	bans := map[uuid.UUID]time.Time{}
	for range 1000 {
		id := uuid.Must(uuid.NewV7())
		name := id.String()
		require.NoError(b, d.Write().CreateUser(ctx, store.CreateUserParams{ID: id, Username: name, UsernameLower: name, Email: name, EmailLower: name, Role: "user", CreatedAt: now}))
		require.NoError(b, d.Write().CreateChatBan(ctx, store.CreateChatBanParams{
			ID: id, ChannelID: channel, UserID: uuid.NullUUID{UUID: id, Valid: true}, Address: "198.51.100.9", CreatedAt: now,
		}))
		bans[id] = time.Time{}
	}
	service, err := moderation.NewService(moderation.Config{
		DB: d, Events: &stage{}, Rests: noRests{}, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(b, err)
	at := auth.Access{ChannelID: channel, Slug: "stage", OwnerID: owner}
	p, from := auth.Principal{UserID: uuid.Must(uuid.NewV7()), Name: "eve", Role: auth.RoleUser}, netip.MustParseAddr(home)
	admit := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := service.Admit(ctx, at, p, from, "what a lovely evening in the garden, friends"); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("admit", admit)
	b.Run("bare", func(b *testing.B) {
		var mu sync.RWMutex
		channels := map[uuid.UUID]map[uuid.UUID]time.Time{channel: bans}
		households := map[string]time.Time{"198.51.100.9": {}}
		b.ReportAllocs()
		for b.Loop() {
			mu.RLock()
			_, banned := channels[channel][p.UserID]
			_, household := households[from.String()]
			mu.RUnlock()
			if banned || household {
				b.Fatal("banned")
			}
		}
	})
	words := make([]string, 200)
	for i := range words {
		words[i] = "word" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "*"
	}
	slow, links := time.Second, false
	_, err = service.Update(ctx, at, none, moderation.Change{SlowMode: &slow, Links: &links})
	require.NoError(b, err)
	_, _, err = service.PutWords(ctx, at, none, words)
	require.NoError(b, err)
	b.Run("admit with 200 words, no links, slow mode", admit)
}

var none rest.IfMatch

type noRests struct{}

func (noRests) Take(context.Context, string, time.Duration) (time.Duration, error) { return 0, nil }
