package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ada := newUser("Ada")
		require.NoError(t, d.Write().CreateUser(ctx, ada))

		want := store.User{
			ID: ada.ID, Username: "Ada", UsernameLower: "ada",
			Email: "Ada@example.org", EmailLower: "ada@example.org",
			PasswordHash: "hash", Role: "user", CreatedAt: column.At(now), EmailConfirmedAt: column.Maybe(now), Version: 1,
		}
		got, err := d.Read().UserByID(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = d.Read().UserByUsername(ctx, "ada")
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = d.Read().UserByEmail(ctx, "ada@example.org")
		require.NoError(t, err)
		require.Equal(t, want, got)

		for name, find := range map[string]func() (store.User, error){
			"id":       func() (store.User, error) { return d.Read().UserByID(ctx, uuid.New()) },
			"username": func() (store.User, error) { return d.Read().UserByUsername(ctx, "nobody") },
			"email":    func() (store.User, error) { return d.Read().UserByEmail(ctx, "ada") },
			"an address that is not confirmed": func() (store.User, error) {
				eve := newUser("eve")
				eve.EmailLower, eve.EmailConfirmedAt = "eve@example.net", nil
				require.NoError(t, d.Write().CreateUser(ctx, eve))
				return d.Read().UserByEmail(ctx, "eve@example.net")
			},
		} {
			_, err := find()
			require.ErrorIs(t, err, db.ErrNotFound, name)
		}

		has, err := d.Read().HasUserWithRole(ctx, "admin")
		require.NoError(t, err)
		require.False(t, has)
		admin := newUser("root")
		admin.Role = "admin"
		require.NoError(t, d.Write().CreateUser(ctx, admin))
		has, err = d.Read().HasUserWithRole(ctx, "admin")
		require.NoError(t, err)
		require.True(t, has)
	})
}

func TestConflictsNameTheirIndex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ada, channel, key := seed(t, d)
		other := newUser("other")
		sameName, sameEmail, noRole := other, other, other
		sameName.UsernameLower = ada.UsernameLower
		sameEmail.EmailLower = ada.EmailLower
		noRole.Role = "emperor"
		sameSlug, orphan := channel, channel
		sameSlug.ID = uuid.New()
		orphan.ID, orphan.Slug, orphan.OwnerID = uuid.New(), "orphan", uuid.New()
		sameSecret, lostKey := key, key
		sameSecret.ID = uuid.New()
		lostKey.ID, lostKey.SecretHash, lostKey.ChannelID = uuid.New(), "other", uuid.New()

		tests := map[string]struct {
			err        error
			index      string // "" if no unique index refuses
			foreignKey bool
		}{
			"username":           {d.Write().CreateUser(ctx, sameName), "users_username_lower_key", false},
			"email":              {d.Write().CreateUser(ctx, sameEmail), "users_email_lower_key", false},
			"role":               {d.Write().CreateUser(ctx, noRole), "", false},
			"slug":               {d.Write().CreateChannel(ctx, sameSlug), "channels_slug_key", false},
			"channel of nobody":  {d.Write().CreateChannel(ctx, orphan), "", true},
			"secret":             {d.Write().CreateStreamKey(ctx, sameSecret), "stream_keys_secret_hash_key", false},
			"key of nothing":     {d.Write().CreateStreamKey(ctx, lostKey), "", true},
			"same id, with text": {fmt.Errorf("wrapped: %w", d.Write().CreateStreamKey(ctx, sameSecret)), "stream_keys_secret_hash_key", false},
		}
		indexes := []string{
			"users_username_lower_key", "users_email_lower_key", "channels_slug_key", "stream_keys_secret_hash_key",
		}
		for name, test := range tests {
			require.Error(t, test.err, name)
			require.Equal(t, test.foreignKey, db.IsForeignKey(test.err), "%s: %v", name, test.err)
			for _, index := range indexes {
				require.Equal(t, index == test.index, db.IsUnique(test.err, index), "%s: %s: %v", name, index, test.err)
			}
		}
		require.False(t, db.IsUnique(nil, "channels_slug_key"))
		require.False(t, db.IsForeignKey(db.ErrNotFound))
	})
}

func TestChannels(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ada, channel, _ := seed(t, d)

		got, err := d.Read().ChannelBySlug(ctx, channel.Slug)
		require.NoError(t, err)
		require.Equal(t, store.ChannelBySlugRow{
			ID: channel.ID, OwnerID: ada.ID, Slug: channel.Slug, Title: channel.Title,
			CreatedAt: column.At(now), UpdatedAt: column.At(now), Owner: "ada",
			Visibility: "public", OwnerState: "active", Version: 1,
		}, got)
		require.Nil(t, got.Ladder)
		_, err = d.Read().ChannelBySlug(ctx, "other")
		require.ErrorIs(t, err, db.ErrNotFound)

		count, err := d.Read().CountChannelsOf(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, int64(1), count)

		later := column.At(now.Add(time.Hour))
		update := store.UpdateChannelParams{
			ID: channel.ID, Version: 1, Title: "New", Visibility: "private", Ladder: column.JSON(`[{"height": 720}]`), UpdatedAt: later,
		}
		for i, want := range []int64{1, 0} { // the second is of a version that is no more
			changed, err := d.Write().UpdateChannel(ctx, update)
			require.NoError(t, err)
			require.Equal(t, want, changed, "step %d", i)
		}
		got, err = d.Read().ChannelBySlug(ctx, channel.Slug)
		require.NoError(t, err)
		require.Equal(t, "New", got.Title)
		require.Equal(t, "private", got.Visibility)
		require.Equal(t, int64(2), got.Version)
		require.Equal(t, later, got.UpdatedAt)
		require.JSONEq(t, `[{"height":720}]`, string(got.Ladder))

		update.Version, update.Ladder = 2, column.JSON(`{`)
		_, err = d.Write().UpdateChannel(ctx, update)
		require.ErrorContains(t, err, "not JSON")
		update.Visibility, update.Ladder = "secret", nil
		_, err = d.Write().UpdateChannel(ctx, update)
		require.Error(t, err)

		deleted, err := d.Write().DeleteChannel(ctx, channel.ID)
		require.NoError(t, err)
		require.Equal(t, int64(1), deleted)
		deleted, err = d.Write().DeleteChannel(ctx, channel.ID)
		require.NoError(t, err)
		require.Zero(t, deleted)
		keys, err := d.Read().StreamKeysOf(ctx, channel.ID)
		require.NoError(t, err)
		require.Empty(t, keys, "keys go with their channel")
	})
}

func TestChannelsPageFromNewestToOldest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		ada, first, _ := seed(t, d)
		ids := []uuid.UUID{first.ID}
		for i := range 6 {
			c := newChannel(ada.ID, fmt.Sprintf("channel-%d", i))
			require.NoError(t, d.Write().CreateChannel(ctx, c))
			ids = append([]uuid.UUID{c.ID}, ids...)
		}

		var seen []uuid.UUID
		for before := uuid.Max; ; {
			page, err := d.Read().AllChannelIDsBefore(ctx, store.AllChannelIDsBeforeParams{Edge: before, Most: 3})
			require.NoError(t, err)
			seen = append(seen, page...)
			if len(page) < 3 {
				break
			}
			before = page[len(page)-1]
		}
		require.Equal(t, ids, seen)

		some, err := d.Read().ChannelsByIDs(ctx, joinIDs(ids[4], uuid.New(), ids[1]))
		require.NoError(t, err)
		require.Len(t, some, 2)
		require.Equal(t, []uuid.UUID{ids[1], ids[4]}, []uuid.UUID{some[0].ID, some[1].ID})
		some, err = d.Read().ChannelsByIDs(ctx, "")
		require.NoError(t, err)
		require.Empty(t, some)
	})
}

func TestStreamKeys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		_, channel, key := seed(t, d)
		second := key
		second.ID, second.SecretHash, second.Label = uuid.Must(uuid.NewV7()), "hash 2", "second"
		require.NoError(t, d.Write().CreateStreamKey(ctx, second))

		grant, err := d.Read().GrantBySecretHash(ctx, key.SecretHash)
		require.NoError(t, err)
		require.Equal(t, store.GrantBySecretHashRow{
			KeyID: key.ID, ChannelID: channel.ID, Slug: channel.Slug, Title: channel.Title, Visibility: "public",
		}, grant)
		_, err = d.Read().GrantBySecretHash(ctx, "unknown")
		require.ErrorIs(t, err, db.ErrNotFound)

		used := column.Maybe(now.Add(time.Minute))
		touch := store.TouchStreamKeyParams{ID: key.ID, LastUsedAt: used}
		touched, err := d.Write().TouchStreamKey(ctx, touch)
		require.NoError(t, err)
		require.Equal(t, int64(1), touched)

		revoked := column.Maybe(now.Add(time.Hour))
		revoke := store.RevokeStreamKeyParams{ID: key.ID, ChannelID: channel.ID, RevokedAt: revoked}
		elsewhere := revoke
		elsewhere.ChannelID = uuid.New()
		for i, step := range []struct {
			arg  store.RevokeStreamKeyParams
			want int64
		}{{elsewhere, 0}, {revoke, 1}, {revoke, 0}} {
			n, err := d.Write().RevokeStreamKey(ctx, step.arg)
			require.NoError(t, err)
			require.Equal(t, step.want, n, "step %d", i)
		}
		_, err = d.Read().GrantBySecretHash(ctx, key.SecretHash)
		require.ErrorIs(t, err, db.ErrNotFound, "a revoked key opens nothing")
		touched, err = d.Write().TouchStreamKey(ctx, touch)
		require.NoError(t, err)
		require.Zero(t, touched)

		keys, err := d.Read().StreamKeysOf(ctx, channel.ID)
		require.NoError(t, err)
		require.Equal(t, []store.StreamKeysOfRow{
			{ID: key.ID, Label: key.Label, Hint: key.Hint, CreatedAt: column.At(now), LastUsedAt: used, RevokedAt: revoked},
			{ID: second.ID, Label: "second", Hint: key.Hint, CreatedAt: column.At(now)},
		}, keys)
		count, err := d.Read().CountStreamKeysOf(ctx, channel.ID)
		require.NoError(t, err)
		require.Equal(t, int64(1), count, "without the revoked one")

		gone, missing := uuid.New(), uuid.New()
		unusable, err := d.Read().UnusableStreamKeys(ctx, joinIDs(second.ID, key.ID, gone, missing))
		require.NoError(t, err)
		require.ElementsMatch(t, []string{key.ID.String(), gone.String(), missing.String()}, unusable)
		unusable, err = d.Read().UnusableStreamKeys(ctx, second.ID.String())
		require.NoError(t, err)
		require.Empty(t, unusable)

		old := store.DeleteRevokedStreamKeysOfParams{ChannelID: channel.ID, RevokedAt: column.Maybe(now)}
		n, err := d.Write().DeleteRevokedStreamKeysOf(ctx, old)
		require.NoError(t, err)
		require.Zero(t, n, "revoked after that time")
		old.RevokedAt = column.Maybe(now.Add(2 * time.Hour))
		n, err = d.Write().DeleteRevokedStreamKeysOf(ctx, old)
		require.NoError(t, err)
		require.Equal(t, int64(1), n, "the one in use stays")
	})
}

// TestTimesCompareAsInstants guards SQLite, which compares their texts.
func TestTimesCompareAsInstants(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		_, channel, key := seed(t, d)
		at := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
		for i, fraction := range []time.Duration{0, 100 * time.Millisecond, 150 * time.Millisecond, 999999 * time.Microsecond} {
			k := key
			k.ID, k.SecretHash = uuid.Must(uuid.NewV7()), fmt.Sprint("timed ", i)
			require.NoError(t, d.Write().CreateStreamKey(ctx, k))
			_, err := d.Write().RevokeStreamKey(ctx, store.RevokeStreamKeyParams{
				ID: k.ID, ChannelID: channel.ID, RevokedAt: column.Maybe(at.Add(fraction)),
			})
			require.NoError(t, err)
			for _, step := range []struct {
				before time.Duration
				want   int64
			}{{fraction, 0}, {fraction + time.Microsecond, 1}} {
				n, err := d.Write().DeleteRevokedStreamKeysOf(ctx, store.DeleteRevokedStreamKeysOfParams{
					ChannelID: channel.ID, RevokedAt: column.Maybe(at.Add(step.before)),
				})
				require.NoError(t, err)
				require.Equal(t, step.want, n, "%v before %v", fraction, step.before)
			}
		}
	})
}

func seed(t *testing.T, d *db.DB) (store.CreateUserParams, store.CreateChannelParams, store.CreateStreamKeyParams) {
	t.Helper()
	user := newUser("ada")
	require.NoError(t, d.Write().CreateUser(t.Context(), user))
	channel := newChannel(user.ID, "demo")
	require.NoError(t, d.Write().CreateChannel(t.Context(), channel))
	key := store.CreateStreamKeyParams{
		ID: uuid.Must(uuid.NewV7()), ChannelID: channel.ID, Label: "first",
		SecretHash: "hash 1", Hint: "abcd", CreatedAt: column.At(now),
	}
	require.NoError(t, d.Write().CreateStreamKey(t.Context(), key))
	return user, channel, key
}

func newChannel(owner uuid.UUID, slug string) store.CreateChannelParams {
	return store.CreateChannelParams{
		ID: uuid.Must(uuid.NewV7()), OwnerID: owner, Slug: slug, Title: "A title",
		CreatedAt: column.At(now), UpdatedAt: column.At(now),
	}
}

func joinIDs(ids ...uuid.UUID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ",")
}
