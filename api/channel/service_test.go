package channel_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// newService returns a service on d whose time is *now, and a person there.
func newService(t *testing.T, d *db.DB, now *time.Time) (*channel.Service, auth.Principal) {
	t.Helper()
	s, err := channel.NewService(channel.Config{
		DB: d, Now: func() time.Time { return *now }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ada := auth.Principal{UserID: uuid.Must(uuid.NewV7()), Name: "ada", Role: auth.RoleUser}
	require.NoError(t, d.Write().CreateUser(t.Context(), store.CreateUserParams{
		ID: ada.UserID, Username: "ada", UsernameLower: "ada",
		Email: "ada@example.org", EmailLower: "ada@example.org", Role: "user", CreatedAt: column.At(*now),
	}))
	return s, ada
}

// create makes a channel of p's and returns its stream key, and p's access to it.
func create(t *testing.T, s *channel.Service, p auth.Principal, slug string) (string, auth.Access) {
	t.Helper()
	title := "Title of " + slug
	ch, secret, err := s.Create(t.Context(), p, slug, channel.Change{Title: &title})
	require.NoError(t, err)
	return secret, auth.Access{ChannelID: ch.ID, Slug: slug, OwnerID: p.UserID, Role: auth.Owner}
}

func TestRevokedKeysAreFoundAmongMany(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Now()
		s, ada := newService(t, d, &now)
		secret, at := create(t, s, ada, "demo")
		grant, err := s.Authorize(t.Context(), secret)
		require.NoError(t, err)

		revoked, err := s.Revoked(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, revoked)

		strange := []string{"", "demo", "',--", uuid.NewString() + ",", "{" + grant.KeyID + "}", "urn:uuid:" + grant.KeyID}
		asked := []string{grant.KeyID}
		want := strange
		for range 1200 { // three queries
			id := uuid.NewString()
			asked, want = append(asked, id), append(want, id)
		}
		revoked, err = s.Revoked(t.Context(), append(append(asked, strange...), grant.KeyID))
		require.NoError(t, err)
		require.ElementsMatch(t, want, revoked)

		require.NoError(t, s.RevokeKey(t.Context(), at, grant.KeyID))
		revoked, err = s.Revoked(t.Context(), []string{grant.KeyID})
		require.NoError(t, err)
		require.Equal(t, []string{grant.KeyID}, revoked)
	})
}

func TestRevokedKeysAreForgottenAfterAWhile(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Now()
		s, ada := newService(t, d, &now)
		_, at := create(t, s, ada, "demo")
		old, _, err := s.CreateKey(t.Context(), at, "old")
		require.NoError(t, err)
		require.NoError(t, s.RevokeKey(t.Context(), at, old.ID.String()))

		labels := func() (all []string) {
			keys, err := s.Keys(t.Context(), at)
			require.NoError(t, err)
			for _, key := range keys {
				all = append(all, key.Label)
			}
			return all
		}
		now = now.Add(6 * 24 * time.Hour)
		_, _, err = s.CreateKey(t.Context(), at, "second")
		require.NoError(t, err)
		require.Equal(t, []string{"default", "old", "second"}, labels())
		now = now.Add(2 * 24 * time.Hour)
		_, _, err = s.CreateKey(t.Context(), at, "third")
		require.NoError(t, err)
		require.Equal(t, []string{"default", "second", "third"}, labels())
	})
}

func TestServicesMakeNoChannels(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s, _ := newService(t, dbtest.SQLite(t), &now)
	for name, p := range map[string]auth.Principal{
		"nobody":  {},
		"service": {Name: "ingest1", Service: true, Scopes: []string{"ingest"}},
		"gone":    {UserID: uuid.New(), Name: "gone", Role: auth.RoleUser},
	} {
		title := "Demo"
		_, _, err := s.Create(t.Context(), p, "demo", channel.Change{Title: &title})
		require.ErrorIs(t, err, channel.ErrForbidden, name)
	}
	_, err := channel.NewService(channel.Config{})
	require.Error(t, err)
	_, err = channel.NewService(channel.Config{
		DB: dbtest.SQLite(t), Logger: slog.New(slog.DiscardHandler), SignedPath: func(string, string) string { return "" },
	})
	require.Error(t, err)
}

// Postgres takes neither zero bytes nor broken UTF-8 in a text.
func TestTextsThatNoDatabaseHoldsFindNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Now()
		s, ada := newService(t, d, &now)
		_, at := create(t, s, ada, "demo")
		for _, text := range []string{"a\x00b", "\xff", "\xc3\x28"} {
			_, err := s.Get(t.Context(), text)
			require.ErrorIs(t, err, channel.ErrNotFound)
			require.NoError(t, s.Unfollow(t.Context(), ada, text))
			_, err = s.PutMember(t.Context(), at, text, "viewer")
			require.ErrorIs(t, err, channel.ErrUserNotFound)
			require.ErrorIs(t, s.DeleteMember(t.Context(), at, text), channel.ErrMemberNotFound)
			for _, f := range []channel.Filter{{Search: text}, {Tag: text}, {Category: text}, {Owner: text}, {Tag: "a", Owner: text}} {
				page, err := s.List(t.Context(), f, rest.PageQuery{Limit: 10})
				require.NoError(t, err)
				require.Empty(t, page.Items)
			}
		}
	})
}
