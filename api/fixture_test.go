package api_test

import (
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
)

// server is the API with channels, for tests of those together with their client.
type server struct {
	*apitest.Server

	t        *testing.T
	url      string
	channels *channel.Service
	live     *liveTable
	log      *apitest.Log
}

// startServer starts the API on d.
func startServer(t *testing.T, d *db.DB) *server {
	t.Helper()
	s := &server{t: t, live: &liveTable{}}
	var err error
	s.channels, err = channel.NewService(channel.Config{DB: d, Live: s.live, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	s.Server = apitest.New(t, d, []api.Feature{func(to huma.API) { channel.Register(to, s.channels) }})
	s.url, s.log = s.URL, s.Log
	return s
}

// user makes an account without a password and returns an access token for it.
func (s *server) user(name string, role auth.Role) string {
	s.t.Helper()
	return s.Person(name, role).Token
}

func (s *server) service(scopes ...string) string {
	s.t.Helper()
	return s.Service(scopes...)
}

// channel makes a channel and returns its stream key.
func (s *server) channel(token, slug string) string {
	s.t.Helper()
	got := s.do("POST", "/api/v1/channels", token, `{"slug":"`+slug+`","title":"Title of `+slug+`"}`)
	require.Equal(s.t, http.StatusCreated, got.status, got.text)
	return got.json["stream_key"].(string)
}

type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any // nil if the body is not a JSON object
}

// do sends a request; without a token or a body if they are empty.
func (s *server) do(method, path, token, body string, header ...string) reply {
	s.t.Helper()
	got := s.Do(method, path, token, body, header...)
	return reply{got.Status, got.Header, got.Text, got.JSON}
}

// requireProblem checks that r is a problem of RFC 9457 with this status and code.
func requireProblem(t *testing.T, r reply, status int, code string) {
	t.Helper()
	apitest.RequireProblem(t, apitest.Reply{Status: r.status, Header: r.header, Text: r.text, JSON: r.json}, status, code)
}

// liveTable is a channel.Live that tests set.
type liveTable struct {
	mu     sync.Mutex
	states []channel.LiveState // guarded by mu
}

func (l *liveTable) set(states ...channel.LiveState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = states
}

func (l *liveTable) Lookup(slug string) (channel.LiveState, bool) {
	for _, state := range l.All() {
		if state.Slug == slug {
			return state, true
		}
	}
	return channel.LiveState{}, false
}

func (l *liveTable) All() []channel.LiveState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]channel.LiveState(nil), l.states...)
}
