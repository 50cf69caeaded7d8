package login_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/login"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

// BenchmarkLogin compares logging in with checking the password alone, which is slow on
// purpose; and taking new tokens, which is not.
func BenchmarkLogin(b *testing.B) {
	d := dbtest.SQLite(b)
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: []byte(strings.Repeat("s", 32))})
	require.NoError(b, err)
	passwords, err := apitest.Passwords()
	require.NoError(b, err)
	hash, err := passwords.Hash(b.Context(), password)
	require.NoError(b, err)
	s, err := login.NewService(login.Config{
		DB: d, Passwords: passwords, Tokens: tokens, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(b, err)
	require.NoError(b, d.Write().CreateUser(b.Context(), store.CreateUserParams{
		ID: uuid.Must(uuid.NewV7()), Username: "ada", UsernameLower: "ada", Email: "ada@example.org", EmailLower: "ada@example.org",
		PasswordHash: hash, Role: string(auth.RoleUser), CreatedAt: column.At(time.Now()),
	}))
	b.Run("password", func(b *testing.B) {
		for b.Loop() {
			ok, err := passwords.Check(b.Context(), password, hash)
			require.NoError(b, err)
			require.True(b, ok)
		}
	})
	b.Run("login", func(b *testing.B) {
		for b.Loop() {
			_, err := s.Login(b.Context(), "ada", password)
			require.NoError(b, err)
		}
	})
	b.Run("refresh", func(b *testing.B) {
		session, err := s.Login(b.Context(), "ada", password)
		require.NoError(b, err)
		for b.Loop() {
			session, err = s.Refresh(b.Context(), session.RefreshToken)
			require.NoError(b, err)
		}
	})
}
