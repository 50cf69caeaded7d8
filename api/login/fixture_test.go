package login_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/login"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const password = "correct horse battery"

// passwordHash is of password, and cheap to check.
var passwordHash = sync.OnceValues(func() (string, error) {
	return argon2id.CreateHash(password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 8, KeyLength: 16})
})

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

// server serves the operations of logins on a database.
type server struct {
	*apitest.Server

	t       *testing.T
	clock   *clock
	service *login.Service
	metrics *prometheus.Registry
	told    *apitest.Log // what the service logs
}

func start(t *testing.T, d *db.DB, change ...func(*login.Config)) *server {
	t.Helper()
	s := &server{t: t, clock: &clock{t: time.Now().Truncate(time.Second)}, metrics: prometheus.NewRegistry()}
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: []byte(strings.Repeat("s", 32)), Now: s.clock.now})
	require.NoError(t, err)
	passwords, err := apitest.Passwords()
	require.NoError(t, err)
	identity, err := auth.NewIdentity(auth.IdentityConfig{
		Tokens: tokens, DB: d, Now: s.clock.now, Logger: slog.New(slog.DiscardHandler), Registerer: s.metrics,
	})
	require.NoError(t, err)
	s.told = &apitest.Log{}
	cfg := login.Config{
		DB: d, Passwords: passwords, Tokens: tokens, Now: s.clock.now,
		Logger: slog.New(slog.NewTextHandler(s.told, nil)), Registerer: s.metrics,
	}
	for _, c := range change {
		c(&cfg)
	}
	s.service, err = login.NewService(cfg)
	require.NoError(t, err)
	s.Server = apitest.New(t, d, []api.Feature{
		func(to huma.API) { login.Register(to, s.service) },
		registerProbes,
	}, func(c *api.Config) { c.Tokens = identity })
	return s
}

// account makes an account with the password.
func (s *server) account(name string, role auth.Role) uuid.UUID {
	s.t.Helper()
	hash, err := passwordHash()
	require.NoError(s.t, err)
	p := s.Person(name, role)
	s.exec("UPDATE users SET password_hash = $2 WHERE id = $1", p.ID, hash)
	return p.ID
}

func (s *server) exec(statement string, args ...any) {
	s.t.Helper()
	_, err := s.DB.Writer().ExecContext(s.t.Context(), statement, args...)
	require.NoError(s.t, err)
}

// change is exec that tells that something about a user has changed.
func (s *server) change(user uuid.UUID, statement string) {
	s.t.Helper()
	require.NoError(s.t, s.DB.InTx(s.t.Context(), func(tx *db.Tx) error {
		if _, err := tx.SQL().ExecContext(s.t.Context(), statement, user); err != nil {
			return err
		}
		return tx.Notify(s.t.Context(), auth.TopicUser, user.String())
	}))
}

// in is a login as a program sees it.
type in struct{ access, refresh string }

func (s *server) login(name string, header ...string) in {
	s.t.Helper()
	r := s.Do("POST", "/api/v1/auth/login", "", `{"login":"`+name+`","password":"`+password+`"}`, header...)
	require.Equal(s.t, http.StatusOK, r.Status, r.Text)
	return inOf(r)
}

func inOf(r apitest.Reply) in {
	return in{r.JSON["access_token"].(string), r.JSON["refresh_token"].(string)}
}

func (s *server) refresh(token string) apitest.Reply {
	s.t.Helper()
	return s.Do("POST", "/api/v1/auth/refresh", "", `{"refresh_token":"`+token+`"}`)
}

// isIn reports whether an access token is good.
func (s *server) isIn(token string) bool {
	s.t.Helper()
	r := s.Do("GET", "/api/v1/me/sessions", token, "")
	if r.Status != http.StatusOK {
		apitest.RequireProblem(s.t, r, http.StatusUnauthorized, "invalid_token")
	}
	return r.Status == http.StatusOK
}

func (s *server) logins(user uuid.UUID) []store.Login {
	s.t.Helper()
	rows, err := s.DB.Read().LoginsBefore(s.t.Context(), store.LoginsBeforeParams{
		UserID: user, ID: uuid.Max, ExpiresAt: column.At(time.Time{}), Limit: 1000,
	})
	require.NoError(s.t, err)
	return rows
}
