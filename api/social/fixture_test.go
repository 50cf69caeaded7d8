package social_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/social"
	"bandstand/storage/db"
)

// clock is a time that stands still until it is moved, or else goes on by itself and is
// put forward.
type clock struct {
	mu      sync.Mutex
	t       time.Time     // guarded by mu; zero if it goes on by itself
	forward time.Duration // guarded by mu
}

func newClock() *clock { return &clock{t: time.Now().UTC().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.t.IsZero() {
		return time.Now().UTC().Add(c.forward)
	}
	return c.t.Add(c.forward)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forward += d
}

// told remembers what sockets of people would be told.
type told struct {
	mu     sync.Mutex
	events []string // guarded by mu: name of the person, type and some of the data
	names  map[uuid.UUID]string
}

// Tell implements social.Sockets.
func (w *told) Tell(_ context.Context, user uuid.UUID, e realtime.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, w.names[user]+" "+e.Type)
}

func (*told) Announce(string, []byte) error { return nil }
func (*told) ID() string                    { return "here" }
func (*told) Running() bool                 { return true }

// take returns what was told, in that order, since it was last called.
func (w *told) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

// server serves the operations of friends and the inbox on a database.
type server struct {
	*apitest.Server

	t      *testing.T
	clock  *clock
	social *social.Service
	told   *told
}

func serve(t *testing.T, d *db.DB) *server {
	t.Helper()
	s := &server{t: t, clock: newClock(), told: &told{names: map[uuid.UUID]string{}}}
	var err error
	s.social, err = social.NewService(social.Config{
		DB: d, Channels: auth.NewChannels(d), Sockets: s.told, Now: s.clock.now,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	s.Server = apitest.New(t, d, []api.Feature{func(to huma.API) { social.Register(to, s.social) }})
	return s
}

func (s *server) person(name string) apitest.Person {
	s.t.Helper()
	p := s.Person(name, auth.RoleUser)
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	s.told.names[p.ID] = name
	return p
}

// ok sends a request that must go well.
func (s *server) ok(method, path string, as apitest.Person, body string) apitest.Reply {
	s.t.Helper()
	r := s.Do(method, "/api/v1/me/"+path, as.Token, body)
	require.Less(s.t, r.Status, 300, "%s %s: %s", method, path, r.Text)
	return r
}

// refused sends a request that must fail.
func (s *server) refused(method, path string, as apitest.Person, body string, status int, code string) apitest.Reply {
	s.t.Helper()
	r := s.Do(method, "/api/v1/me/"+path, as.Token, body)
	apitest.RequireProblem(s.t, r, status, code)
	return r
}

// ask has somebody ask somebody, and returns the id of the request.
func (s *server) ask(from, to apitest.Person) string {
	s.t.Helper()
	r := s.ok("POST", "friend-requests", from, `{"user":"`+to.Name+`"}`)
	require.Equal(s.t, 201, r.Status)
	return r.JSON["id"].(string)
}

// befriend makes two people friends.
func (s *server) befriend(a, b apitest.Person) {
	s.t.Helper()
	s.ok("POST", "friend-requests/"+s.ask(a, b)+"/accept", b, "")
}

// list returns one field of what is in a list.
func (s *server) list(path string, as apitest.Person, field string) []string {
	s.t.Helper()
	found := []string{}
	for _, item := range s.ok("GET", path, as, "").JSON["items"].([]any) {
		item := item.(map[string]any)
		if user, ok := item["user"].(map[string]any); ok && field == "username" {
			item = user
		}
		found = append(found, item[field].(string))
	}
	return found
}

func (s *server) friends(of apitest.Person) []string { return s.list("friends", of, "username") }

// exec changes the database behind the service's back.
func (s *server) exec(statement string, args ...any) {
	s.t.Helper()
	_, err := s.DB.Writer().ExecContext(s.t.Context(), statement, args...)
	require.NoError(s.t, err)
}
