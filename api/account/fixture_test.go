package account_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/account"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/mail"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

const password = "correct horse"

// people is a Service with what it works on.
type people struct {
	*account.Service

	t    *testing.T
	db   *db.DB
	mail *mailbox
	now  *clock
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// mailbox keeps mails, those to nobody too.
type mailbox struct {
	mu    sync.Mutex
	mails []mail.Message // guarded by mu
}

func (b *mailbox) Queue(_ context.Context, _ *db.Tx, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, m)
	return nil
}

// take returns the mails since it was asked last.
func (b *mailbox) take() []mail.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	mails := b.mails
	b.mails = nil
	return mails
}

// tokenOf returns the token in the link of a mail.
func tokenOf(t *testing.T, m mail.Message) string {
	t.Helper()
	_, token, ok := strings.Cut(m.Data.Path, "#token=")
	require.True(t, ok, m.Data.Path)
	return token
}

// newPeople makes a Service that sends mail and lets everybody sign up, unless change
// says otherwise.
func newPeople(t *testing.T, d *db.DB, change ...func(*account.Config)) *people {
	t.Helper()
	passwords, err := apitest.Passwords()
	require.NoError(t, err)
	p := &people{t: t, db: d, mail: &mailbox{}, now: &clock{at: time.Now()}}
	cfg := account.Config{
		DB: d, Passwords: passwords, Policy: account.FixedPolicy(account.SignupOpen), Mail: p.mail, Now: p.now.Now,
	}
	for _, c := range change {
		c(&cfg)
	}
	p.Service, err = account.NewService(cfg)
	require.NoError(t, err)
	return p
}

func withoutMail(cfg *account.Config) { cfg.Mail = nil }

// each runs test with a Service on every database.
func each(t *testing.T, test func(t *testing.T, p *people), change ...func(*account.Config)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newPeople(t, d, change...)) })
}

func newUser(name string) account.NewUser {
	return account.NewUser{Username: name, Email: name + "@example.org", Password: password}
}

// hashed makes one hash of password for all tests: each takes its time under -race.
var hashed = sync.OnceValues(func() (string, error) {
	passwords, err := apitest.Passwords()
	if err != nil {
		return "", err
	}
	return passwords.Hash(context.Background(), password)
})

// made returns an account that can be used.
func (p *people) made(name string, role auth.Role) account.User {
	p.t.Helper()
	hash, err := hashed()
	require.NoError(p.t, err)
	id := uuid.Must(uuid.NewV7())
	require.NoError(p.t, p.db.Write().CreateUser(p.t.Context(), store.CreateUserParams{
		ID: id, Username: name, UsernameLower: strings.ToLower(name), Email: name + "@example.org",
		EmailLower: strings.ToLower(name) + "@example.org", PasswordHash: hash, Role: string(role),
		CreatedAt: column.At(p.now.Now()), EmailConfirmedAt: column.Maybe(p.now.Now()),
	}))
	user, err := p.Look(p.t.Context(), id)
	require.NoError(p.t, err)
	return user
}

// login signs a device of user in and returns its id.
func (p *people) login(user account.User) uuid.UUID {
	p.t.Helper()
	id := uuid.Must(uuid.NewV7())
	now := column.At(p.now.Now())
	require.NoError(p.t, p.db.Write().CreateLogin(p.t.Context(), store.CreateLoginParams{
		ID: id, UserID: user.ID, CreatedAt: now, LastUsedAt: now, ExpiresAt: column.At(now.Add(24 * time.Hour)),
	}))
	return id
}

// signedIn reports whether a login is good.
func (p *people) signedIn(login uuid.UUID) bool {
	p.t.Helper()
	row, err := p.db.Read().LoginByID(p.t.Context(), login)
	require.NoError(p.t, err)
	return row.RevokedAt == nil
}

// canLogIn reports whether a password is that of an account that can be used: whether
// there is one is for api/login to say, as it is said here.
func (p *people) canLogIn(login, password string) bool {
	p.t.Helper()
	find := p.db.Read().UserByUsername
	if strings.Contains(login, "@") {
		find = p.db.Read().UserByEmail
	}
	row, err := find(p.t.Context(), strings.ToLower(login))
	if errors.Is(err, db.ErrNotFound) {
		return false
	}
	require.NoError(p.t, err)
	passwords, err := apitest.Passwords()
	require.NoError(p.t, err)
	ok, err := passwords.Check(p.t.Context(), password, row.PasswordHash)
	require.NoError(p.t, err)
	return ok && row.EmailConfirmedAt != nil && row.SuspendedAt == nil
}

// as returns a context in the name of user.
func as(t *testing.T, user account.User) context.Context {
	t.Helper()
	ctx := auth.WithClient(t.Context(), auth.Client{Addr: netip.MustParseAddr("192.0.2.7")})
	return auth.With(ctx, principal(user, uuid.Nil))
}

func principal(user account.User, login uuid.UUID) auth.Principal {
	return auth.Principal{UserID: user.ID, Name: user.Username, Role: user.Role, Login: login}
}

// audited returns the actions in the audit log, oldest first, with who did them.
func (p *people) audited() []string {
	p.t.Helper()
	rows, err := p.db.Writer().QueryContext(p.t.Context(), "SELECT actor, action, target FROM audit_log ORDER BY id")
	require.NoError(p.t, err)
	defer rows.Close()
	lines := []string{}
	for rows.Next() {
		var actor, action, target string
		require.NoError(p.t, rows.Scan(&actor, &action, &target))
		lines = append(lines, actor+" "+action+" "+target)
	}
	require.NoError(p.t, rows.Err())
	return lines
}
