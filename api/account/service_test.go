package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func newService(t *testing.T, d *db.DB, open bool) (*account.Service, *auth.Tokens) {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: []byte(strings.Repeat("s", 32))})
	require.NoError(t, err)
	passwords, err := auth.NewPasswords(2)
	require.NoError(t, err)
	s, err := account.NewService(account.Config{DB: d, Passwords: passwords, Tokens: tokens, OpenSignup: open})
	require.NoError(t, err)
	return s, tokens
}

func TestSignupAndLogin(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, tokens := newService(t, d, true)
		ctx := t.Context()
		ada, err := s.Signup(ctx, "Ada", "Ada@Example.org", "correct horse")
		require.NoError(t, err)
		require.Equal(t, auth.RoleUser, ada.Role)

		for _, login := range []string{"Ada", "ada", "ADA@example.ORG"} {
			session, err := s.Login(ctx, login, "correct horse")
			require.NoError(t, err, login)
			require.Equal(t, ada, session.User, login)
			require.Equal(t, 15*time.Minute, session.ExpiresIn)
			p, err := tokens.Verify(t.Context(), session.AccessToken)
			require.NoError(t, err)
			require.Equal(t, auth.Principal{UserID: ada.ID, Name: "Ada", Role: auth.RoleUser}, p)
		}
		for name, test := range map[string][2]string{
			"wrong password": {"ada", "Correct horse"},
			"no password":    {"ada", ""},
			"unknown name":   {"eve", "correct horse"},
			"unknown email":  {"eve@example.org", "correct horse"},
			"empty":          {"", ""},
		} {
			_, err := s.Login(ctx, test[0], test[1])
			require.ErrorIs(t, err, account.ErrBadCredentials, name)
		}
		got, err := s.Get(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, ada, got)
		_, err = s.Get(ctx, uuid.New())
		require.ErrorIs(t, err, db.ErrNotFound)
	})
}

func TestSignupRefuses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := newService(t, d, true)
		_, err := s.Signup(t.Context(), "Ada", "ada@example.org", "correct horse")
		require.NoError(t, err)
		const pw = "correct horse"
		tests := map[string]struct {
			username, email, password string
			want                      error
		}{
			"same name":            {"ada", "eve@example.org", pw, account.ErrUsernameTaken},
			"same address":         {"eve", "ADA@example.org", pw, account.ErrEmailTaken},
			"name of the server":   {"Admin", "eve@example.org", pw, account.ErrUsernameTaken},
			"name too short":       {"e", "eve@example.org", pw, account.ErrBadUsername},
			"name too long":        {strings.Repeat("e", 33), "eve@example.org", pw, account.ErrBadUsername},
			"name like an address": {"eve@example.org", "eve@example.org", pw, account.ErrBadUsername},
			"name with a line":     {"eve\n", "eve@example.org", pw, account.ErrBadUsername},
			"no address":           {"eve", "", pw, account.ErrBadEmail},
			"address with a name":  {"eve", "Eve <eve@example.org>", pw, account.ErrBadEmail},
			"address with lines":   {"eve", "eve@example.org\r\nBcc: x@example.org", pw, account.ErrBadEmail},
			"address too long":     {"eve", strings.Repeat("e", 250) + "@example.org", pw, account.ErrBadEmail},
			"password too short":   {"eve", "eve@example.org", "1234567", account.ErrBadPassword},
			"password too long":    {"eve", "eve@example.org", strings.Repeat("x", 257), account.ErrBadPassword},
			"password is the name": {"evelyn-eve", "eve@example.org", "Evelyn-Eve", account.ErrBadPassword},
		}
		for name, test := range tests {
			_, err := s.Signup(t.Context(), test.username, test.email, test.password)
			require.ErrorIs(t, err, test.want, name)
		}
	})
}

func TestSignupCanBeClosed(t *testing.T) {
	t.Parallel()
	s, _ := newService(t, dbtest.SQLite(t), false)
	_, err := s.Signup(t.Context(), "ada", "ada@example.org", "correct horse")
	require.ErrorIs(t, err, account.ErrSignupClosed)
}

func TestFirstStartMakesOneAdmin(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, _ := newService(t, d, false)
		var (
			mu        sync.Mutex
			passwords []string
			errs      error
			nodes     sync.WaitGroup
		)
		for range 3 { // nodes that start together
			nodes.Go(func() {
				password, created, err := s.EnsureAdmin(t.Context())
				mu.Lock()
				defer mu.Unlock()
				errs = errors.Join(errs, err)
				if created {
					passwords = append(passwords, password)
				}
			})
		}
		nodes.Wait()
		require.NoError(t, errs)
		require.Len(t, passwords, 1)
		session, err := s.Login(t.Context(), "admin", passwords[0])
		require.NoError(t, err)
		require.Equal(t, auth.RoleAdmin, session.User.Role)

		password, created, err := s.EnsureAdmin(t.Context())
		require.NoError(t, err)
		require.False(t, created)
		require.Empty(t, password)
	})
}

func TestFirstAdminIsNotMissedInSilence(t *testing.T) {
	t.Parallel()
	s, _ := newService(t, dbtest.SQLite(t), true)
	_, err := s.Signup(t.Context(), "ada", "admin@localhost", "correct horse")
	require.NoError(t, err)
	_, created, err := s.EnsureAdmin(t.Context())
	require.ErrorIs(t, err, account.ErrEmailTaken)
	require.False(t, created)
}

func TestServiceNeedsItsParts(t *testing.T) {
	t.Parallel()
	_, err := account.NewService(account.Config{})
	require.Error(t, err)
}
