package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// channel makes a channel, and a broadcast of it that has ended and is hidden.
func (p *people) channel(owner uuid.UUID, slug, visibility string) (id, broadcast uuid.UUID) {
	p.t.Helper()
	id, broadcast = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	now := column.At(p.clock.now())
	require.NoError(p.t, p.db.Write().CreateChannel(p.t.Context(), store.CreateChannelParams{
		ID: id, OwnerID: owner, Slug: slug, Title: slug, CreatedAt: now, UpdatedAt: now,
	}))
	p.exec("UPDATE channels SET visibility = $2 WHERE id = $1", id, visibility)
	p.exec(`INSERT INTO broadcasts (id, channel_id, state, title, description, category, created_at, updated_at)
		VALUES ($1, $2, 'ended', 't', '', '', $3, $3)`, broadcast, id, now)
	return id, broadcast
}

func (p *people) exec(statement string, args ...any) {
	p.t.Helper()
	_, err := p.db.Writer().ExecContext(p.t.Context(), statement, args...)
	require.NoError(p.t, err)
}

func (p *people) member(channel, user uuid.UUID, role string) {
	p.t.Helper()
	p.exec("INSERT INTO channel_members (channel_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)",
		channel, user, role, column.At(p.clock.now()))
}

func (p *people) cached() *auth.Channels {
	p.t.Helper()
	c, err := auth.CacheChannels(auth.ChannelsConfig{DB: p.db, Now: p.clock.now})
	require.NoError(p.t, err)
	return c
}

func TestWhatPeopleAreOnChannels(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newPeople(t, d)
		owner, helper, viewer, other := p.user("owner", auth.RoleUser), p.user("helper", auth.RoleUser), p.user("viewer", auth.RoleUser), p.user("other", auth.RoleUser)
		staff := auth.Principal{UserID: p.user("mod", auth.RoleModerator), Role: auth.RoleModerator}
		as := func(id uuid.UUID) auth.Principal { return auth.Principal{UserID: id, Role: auth.RoleUser} }
		public, publicHidden := p.channel(owner, "public", "public")
		private, privateHidden := p.channel(owner, "private", "private")
		for _, c := range []uuid.UUID{public, private} {
			p.member(c, helper, "broadcaster")
			p.member(c, viewer, "viewer")
		}
		for name, channels := range map[string]*auth.Channels{"asking": auth.NewChannels(d), "cached": p.cached()} {
			for range 2 {
				for _, test := range []struct {
					who                            auth.Principal
					role                           auth.ChannelRole
					private, hidden, hiddenPrivate bool // sees it
				}{
					{auth.Principal{}, 0, false, false, false},
					{as(other), 0, false, false, false},
					{as(viewer), auth.ChanViewer, true, false, false},
					{as(helper), auth.Broadcaster, true, true, true},
					{as(owner), auth.Owner, true, true, true},
					{staff, 0, true, true, true},
				} {
					a, err := channels.BySlug(t.Context(), test.who, "public")
					require.NoError(t, err, name)
					require.Equal(t, auth.Access{ChannelID: public, Slug: "public", OwnerID: owner, Role: test.role}, a, name)
					a, err = channels.BySlug(t.Context(), test.who, "private")
					if test.private {
						require.NoError(t, err, name)
						require.Equal(t, auth.Access{ChannelID: private, Slug: "private", OwnerID: owner, Role: test.role, Private: true}, a, name)
					} else {
						require.ErrorIs(t, err, auth.ErrChannelNotFound, name)
						require.Zero(t, a)
					}
					for id, sees := range map[uuid.UUID]bool{publicHidden: test.hidden, privateHidden: test.hiddenPrivate} {
						a, err = channels.ByBroadcast(t.Context(), test.who, id.String())
						if sees {
							require.NoError(t, err, name)
							require.Equal(t, id, a.BroadcastID)
							require.Equal(t, test.role, a.Role)
						} else {
							require.ErrorIs(t, err, auth.ErrBroadcastNotFound, name)
							require.Zero(t, a)
						}
					}
				}
			}
			for slug, want := range map[string]bool{"public": false, "private": true, "nobody": false, "": false, "a/b": false, "~x": false} {
				got, err := channels.IsPrivate(t.Context(), slug)
				require.NoError(t, err)
				require.Equal(t, want, got, slug)
			}
			for _, slug := range []string{"", "p", "Public", "pub--lic", "-public", "public-", "pub\x00lic", "pübl", strings.Repeat("a", 41), "public'--"} {
				_, err := channels.BySlug(t.Context(), staff, slug)
				require.ErrorIs(t, err, auth.ErrChannelNotFound, slug)
			}
			for _, id := range []string{"", "x", uuid.NewString(), strings.ToUpper(publicHidden.String()), "{" + publicHidden.String() + "}"} {
				_, err := channels.ByBroadcast(t.Context(), staff, id)
				require.ErrorIs(t, err, auth.ErrBroadcastNotFound, id)
			}
		}
		p.exec("UPDATE users SET suspended_at = created_at WHERE id = $1", owner)
		_, err := auth.NewChannels(d).BySlug(t.Context(), as(helper), "public")
		require.ErrorIs(t, err, auth.ErrChannelNotFound)
		_, err = auth.NewChannels(d).BySlug(t.Context(), staff, "public")
		require.NoError(t, err)
	})
}

func TestChannelsAreRememberedUntilTheyChange(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newPeople(t, d)
		id, hidden := p.channel(p.user("owner", auth.RoleUser), "demo", "public")
		channels := p.cached()
		sees := func(want bool) {
			t.Helper()
			_, err := channels.BySlug(t.Context(), auth.Principal{}, "demo")
			if want {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, auth.ErrChannelNotFound)
			}
		}
		sees(true)
		p.exec("UPDATE channels SET visibility = 'private' WHERE id = $1", id)
		sees(true)
		p.clock.pass(5 * time.Second)
		sees(false)
		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.SQL().ExecContext(t.Context(), "UPDATE channels SET visibility = 'unlisted' WHERE id = $1", id); err != nil {
				return err
			}
			return tx.Notify(t.Context(), auth.TopicChannel, "demo")
		}))
		sees(true)

		_, err := channels.ByBroadcast(t.Context(), auth.Principal{}, hidden.String())
		require.ErrorIs(t, err, auth.ErrBroadcastNotFound)
		p.exec("UPDATE broadcasts SET published_at = created_at WHERE id = $1", hidden)
		p.clock.pass(time.Millisecond)
		_, err = channels.ByBroadcast(t.Context(), auth.Principal{}, hidden.String())
		require.NoError(t, err, "that a broadcast is published shows at once")
	})
}

func TestChannelsWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d, err := db.Open(t.Context(), db.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	p := newPeople(t, d)
	owner, other := p.user("owner", auth.RoleUser), p.user("other", auth.RoleUser)
	_, shown := p.channel(owner, "public", "public")
	p.exec("UPDATE broadcasts SET published_at = created_at WHERE id = $1", shown)
	p.channel(owner, "private", "private")
	p.channel(owner, "unknown", "public")
	channels := p.cached()
	staff := auth.Principal{UserID: other, Role: auth.RoleAdmin}
	for _, slug := range []string{"public", "private"} {
		_, err := channels.BySlug(t.Context(), staff, slug)
		require.NoError(t, err)
	}
	_, err = channels.ByBroadcast(t.Context(), staff, shown.String())
	require.NoError(t, err)
	proxy.Cut()
	p.clock.pass(time.Minute)

	for _, who := range []auth.Principal{{}, {UserID: owner, Role: auth.RoleUser}, {UserID: other, Role: auth.RoleUser}, staff} {
		a, err := channels.BySlug(t.Context(), who, "public")
		require.NoError(t, err)
		require.Equal(t, who.UserID == owner, a.Role == auth.Owner)
		_, err = channels.ByBroadcast(t.Context(), who, shown.String())
		require.NoError(t, err)
		_, err = channels.BySlug(t.Context(), who, "private")
		switch {
		case who.UserID == owner || who.IsStaff():
			require.NoError(t, err)
		case who.IsUser():
			require.True(t, db.IsUnavailable(err), "a member, perhaps: %v", err)
		default:
			require.ErrorIs(t, err, auth.ErrChannelNotFound)
		}
	}
	private, err := channels.IsPrivate(t.Context(), "private")
	require.NoError(t, err)
	require.True(t, private)
	_, err = channels.IsPrivate(t.Context(), "unknown")
	require.True(t, db.IsUnavailable(err), err)
}

func BenchmarkIsPrivate(b *testing.B) {
	d := dbtest.SQLite(b)
	channels, err := auth.CacheChannels(auth.ChannelsConfig{DB: d})
	require.NoError(b, err)
	owner, id, now := uuid.New(), uuid.New(), column.At(time.Now())
	for _, statement := range []string{
		"INSERT INTO users (id, username, username_lower, email, email_lower, password_hash, created_at) VALUES ($1, 'a', 'a', 'a', 'a', '', $3)",
		"INSERT INTO channels (id, owner_id, slug, title, created_at, updated_at) VALUES ($2, $1, 'demo', '', $3, $3)",
	} {
		_, err := d.Writer().ExecContext(b.Context(), statement, owner, id, now)
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := channels.IsPrivate(b.Context(), "demo"); err != nil {
			b.Fatal(err)
		}
	}
}
