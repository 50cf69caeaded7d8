package auth_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time // guarded by mu
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// people is an Identity with what it asks.
type people struct {
	t        *testing.T
	db       *db.DB
	clock    *clock
	tokens   *auth.Tokens
	identity *auth.Identity
}

func newPeople(t *testing.T, d *db.DB) *people {
	t.Helper()
	c := &clock{t: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: secret, Now: c.now})
	require.NoError(t, err)
	i, err := auth.NewIdentity(auth.IdentityConfig{Tokens: tokens, DB: d, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: c.now})
	require.NoError(t, err)
	return &people{t: t, db: d, clock: c, tokens: tokens, identity: i}
}

func (p *people) user(name string, role auth.Role) uuid.UUID {
	p.t.Helper()
	id := uuid.Must(uuid.NewV7())
	require.NoError(p.t, p.db.Write().CreateUser(p.t.Context(), store.CreateUserParams{
		ID: id, Username: name, UsernameLower: strings.ToLower(name), Email: name + "@example.org", EmailLower: strings.ToLower(name) + "@example.org",
		Role: string(role), CreatedAt: column.At(p.clock.now()),
	}))
	return id
}

func (p *people) login(user uuid.UUID, ttl time.Duration) uuid.UUID {
	p.t.Helper()
	id := uuid.Must(uuid.NewV7())
	now := column.At(p.clock.now())
	require.NoError(p.t, p.db.Write().CreateLogin(p.t.Context(), store.CreateLoginParams{
		ID: id, UserID: user, UserAgent: "old agent", Address: "192.0.2.1", CreatedAt: now, LastUsedAt: now, ExpiresAt: column.At(p.clock.now().Add(ttl)),
	}))
	return id
}

func (p *people) personal(user uuid.UUID, scopes string, expires *column.Time) (string, uuid.UUID) {
	p.t.Helper()
	id, text := uuid.Must(uuid.NewV7()), auth.NewSecret(auth.PersonalTokenPrefix)
	require.NoError(p.t, p.db.Write().CreatePersonalToken(p.t.Context(), store.CreatePersonalTokenParams{
		ID: id, UserID: user, Label: "l", TokenHash: auth.HashSecret(text), Hint: "abcd", Scopes: scopes,
		CreatedAt: column.At(p.clock.now()), ExpiresAt: expires,
	}))
	return text, id
}

// change runs a statement and tells that something about user has changed.
func (p *people) change(user uuid.UUID, statement string, args ...any) {
	p.t.Helper()
	require.NoError(p.t, p.db.InTx(p.t.Context(), func(tx *db.Tx) error {
		if _, err := tx.SQL().ExecContext(p.t.Context(), statement, args...); err != nil {
			return err
		}
		return tx.Notify(p.t.Context(), auth.TopicUser, user.String())
	}))
}

func (p *people) access(login, user uuid.UUID, role auth.Role) string {
	p.t.Helper()
	token, _, err := p.tokens.AccessOf(login, user, "old name", role)
	require.NoError(p.t, err)
	return token
}

func (p *people) good(token string, want auth.Principal) {
	p.t.Helper()
	got, err := p.identity.Verify(p.t.Context(), token)
	require.NoError(p.t, err)
	require.Equal(p.t, want, got)
}

func (p *people) bad(token string) {
	p.t.Helper()
	got, err := p.identity.Verify(p.t.Context(), token)
	require.ErrorIs(p.t, err, auth.ErrBadToken)
	require.Zero(p.t, got)
}

func TestATokenIsAsGoodAsItsLoginAndUser(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newPeople(t, d)
		ada, eve := p.user("Ada", auth.RoleUser), p.user("eve", auth.RoleUser)
		login := p.login(ada, time.Hour)
		token, plain := p.access(login, ada, auth.RoleUser), p.access(uuid.Nil, ada, auth.RoleUser)
		asAda := auth.Principal{UserID: ada, Name: "Ada", Role: auth.RoleUser, Login: login}
		asPlain := auth.Principal{UserID: ada, Name: "Ada", Role: auth.RoleUser}
		p.good(token, asAda)
		p.good(plain, asPlain)
		p.bad(p.access(login, eve, auth.RoleUser))
		p.bad(p.access(uuid.New(), ada, auth.RoleUser))
		p.bad(p.access(uuid.Nil, uuid.New(), auth.RoleAdmin))
		p.bad("nonsense")

		p.change(ada, "UPDATE users SET role = 'moderator', username = 'Countess' WHERE id = $1", ada)
		asAda.Role, asAda.Name, asPlain.Role, asPlain.Name = auth.RoleModerator, "Countess", auth.RoleModerator, "Countess"
		p.good(token, asAda)
		p.good(plain, asPlain)

		for _, column := range []string{"suspended_at", "deleted_at"} {
			p.change(ada, "UPDATE users SET "+column+" = created_at WHERE id = $1", ada)
			p.bad(token)
			p.bad(plain)
			p.change(ada, "UPDATE users SET "+column+" = NULL WHERE id = $1", ada)
			p.good(token, asAda)
		}
		p.change(ada, "UPDATE logins SET revoked_at = created_at WHERE id = $1", login)
		p.bad(token)
		p.good(plain, asPlain)
		short := p.access(p.login(ada, time.Minute), ada, auth.RoleUser)
		_, err := p.identity.Verify(t.Context(), short)
		require.NoError(t, err)
		p.clock.pass(time.Minute)
		p.bad(short)

		service, err := p.tokens.Service("node", []string{auth.ScopeIngest}, time.Hour)
		require.NoError(t, err)
		p.good(service, auth.Principal{Name: "node", Service: true, Scopes: []string{auth.ScopeIngest}})
	})
}

func TestWhatNobodyToldIsLearntSoon(t *testing.T) {
	t.Parallel()
	p := newPeople(t, dbtest.SQLite(t))
	ada := p.user("ada", auth.RoleAdmin)
	token := p.access(uuid.Nil, ada, auth.RoleAdmin)
	p.good(token, auth.Principal{UserID: ada, Name: "ada", Role: auth.RoleAdmin})
	_, err := p.db.Writer().ExecContext(t.Context(), "UPDATE users SET role = 'user' WHERE id = $1", ada)
	require.NoError(t, err)
	p.good(token, auth.Principal{UserID: ada, Name: "ada", Role: auth.RoleAdmin})
	p.clock.pass(5 * time.Second)
	p.good(token, auth.Principal{UserID: ada, Name: "ada", Role: auth.RoleUser})
}

func TestPersonalTokens(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newPeople(t, d)
		boss := p.user("boss", auth.RoleAdmin)
		text, id := p.personal(boss, "read channels", nil)
		p.good(text, auth.Principal{UserID: boss, Name: "boss", Role: auth.RoleUser, Token: id, Scopes: []string{"read", "channels"}})
		admin, adminID := p.personal(boss, "admin", nil)
		p.good(admin, auth.Principal{UserID: boss, Name: "boss", Role: auth.RoleAdmin, Token: adminID, Scopes: []string{"admin"}})
		p.bad(text + "a")
		p.bad(auth.NewSecret(auth.PersonalTokenPrefix))
		p.bad(strings.ToUpper(text))
		p.bad(auth.PersonalTokenPrefix)

		short, _ := p.personal(boss, "read", column.Maybe(p.clock.now().Add(time.Second)))
		_, err := p.identity.Verify(t.Context(), short)
		require.NoError(t, err)
		p.clock.pass(time.Second)
		p.bad(short)

		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			gone, err := tx.DeletePersonalToken(t.Context(), store.DeletePersonalTokenParams{ID: id, UserID: boss})
			if err != nil {
				return err
			}
			return tx.Notify(t.Context(), auth.TopicPersonalToken, gone.TokenHash)
		}))
		p.bad(text)
		p.change(boss, "UPDATE users SET suspended_at = created_at WHERE id = $1", boss)
		p.bad(admin)
	})
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := newPeople(t, d)
		ada := p.user("ada", auth.RoleUser)
		login := p.login(ada, time.Hour)
		token := p.access(login, ada, auth.RoleUser)
		personal, _ := p.personal(ada, "read", nil)
		made := p.clock.now()
		client := auth.WithClient(t.Context(), auth.Client{Addr: netip.MustParseAddr("2001:db8::1"), UserAgent: "new\x00 agent\xff"})
		use := func() {
			t.Helper()
			for _, token := range []string{token, personal} {
				_, err := p.identity.Verify(client, token)
				require.NoError(t, err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			require.NoError(t, p.identity.Run(ended), "it writes when it is told to end")
		}
		used := func() (login, personalToken time.Time) {
			t.Helper()
			l, err := d.Read().LoginsBefore(t.Context(), store.LoginsBeforeParams{UserID: ada, ID: uuid.Max, ExpiresAt: column.At(made), Limit: 1})
			require.NoError(t, err)
			k, err := d.Read().PersonalTokensBefore(t.Context(), store.PersonalTokensBeforeParams{UserID: ada, ID: uuid.Max, Limit: 1})
			require.NoError(t, err)
			if k[0].LastUsedAt != nil {
				personalToken = k[0].LastUsedAt.Time
			}
			if !l[0].LastUsedAt.Equal(made) {
				require.Equal(t, "2001:db8::1 new agent", l[0].Address+" "+l[0].UserAgent)
			}
			return l[0].LastUsedAt.Time, personalToken
		}
		p.clock.pass(30 * time.Second)
		use()
		l, k := used()
		require.Equal(t, made, l, "just made")
		require.Equal(t, made.Add(30*time.Second), k, "for the first time")
		p.clock.pass(30 * time.Second)
		use()
		l, k = used()
		require.Equal(t, made.Add(time.Minute), l)
		require.Equal(t, made.Add(30*time.Second), k)
		p.clock.pass(59 * time.Second)
		use()
		l, k = used()
		require.Equal(t, made.Add(time.Minute), l)
		require.Equal(t, made.Add(119*time.Second), k)
	})
}

func TestWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d, err := db.Open(t.Context(), db.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	p := newPeople(t, d)
	ada, eve := p.user("ada", auth.RoleUser), p.user("eve", auth.RoleUser)
	login := p.login(ada, time.Hour)
	token, other := p.access(login, ada, auth.RoleUser), p.access(p.login(eve, time.Hour), eve, auth.RoleAdmin)
	personal, id := p.personal(ada, "read", nil)
	unknown, _ := p.personal(ada, "read", nil)
	gone := p.access(p.login(eve, time.Hour), eve, auth.RoleUser)
	p.change(eve, "UPDATE logins SET revoked_at = created_at WHERE user_id = $1", eve)
	asAda := auth.Principal{UserID: ada, Name: "ada", Role: auth.RoleUser, Login: login}
	asToken := auth.Principal{UserID: ada, Name: "ada", Role: auth.RoleUser, Token: id, Scopes: []string{"read"}}
	p.good(token, asAda)
	p.good(personal, asToken)
	p.bad(gone)
	proxy.Cut()

	p.good(token, asAda)
	p.clock.pass(6 * time.Second)
	asAda.Unchecked, asToken.Unchecked = true, true
	p.good(token, asAda)
	p.good(personal, asToken)
	p.bad(gone) // that it was revoked is known, too
	got, err := p.identity.Verify(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, "old name", got.Name, "as the token has it")
	require.True(t, got.Unchecked)
	_, err = p.identity.Verify(t.Context(), unknown)
	require.Error(t, err)
	require.NotErrorIs(t, err, auth.ErrBadToken)
	proxy.Restore()
	p.clock.pass(6 * time.Second)
	asAda.Unchecked = false
	p.good(token, asAda)
	p.bad(other)
	_, err = p.identity.Verify(t.Context(), unknown)
	require.NoError(t, err)
	p.clock.pass(time.Hour)
	p.bad(token) // expired
}

func TestNotesThatCannotBeWrittenAreLost(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "x.db")})
	require.NoError(t, err)
	var log bytes.Buffer
	tokens := newTokens(t, time.Now(), secret)
	i, err := auth.NewIdentity(auth.IdentityConfig{Tokens: tokens, DB: d, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: prometheus.NewRegistry()})
	require.NoError(t, err)
	p := newPeople(t, d)
	personal, _ := p.personal(p.user("ada", auth.RoleUser), "read", nil)
	_, err = i.Verify(t.Context(), personal)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	ended, end := context.WithCancel(t.Context())
	end()
	require.NoError(t, i.Run(ended))
	require.Contains(t, log.String(), "not noted")
	require.NotContains(t, log.String(), personal)
	_, err = auth.NewIdentity(auth.IdentityConfig{})
	require.Error(t, err)
}
