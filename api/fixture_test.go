package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/account"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// server is the real API on a real listener, with its database and its log.
type server struct {
	t        *testing.T
	url      string
	db       *db.DB
	tokens   *auth.Tokens
	accounts *account.Service
	channels *channel.Service
	live     *liveTable
	metrics  *prometheus.Registry
	log      *logBuffer
}

// newPasswords makes one for all tests: each costs a hash, slow under -race.
var newPasswords = sync.OnceValues(func() (*auth.Passwords, error) { return auth.NewPasswords(2) })

type settings struct {
	api        api.Config
	openSignup bool
}

// startServer starts the API on d. Its limits are out of the way unless change says otherwise.
func startServer(t *testing.T, d *db.DB, change ...func(*settings)) *server {
	t.Helper()
	s := &server{t: t, db: d, live: &liveTable{}, metrics: prometheus.NewRegistry(), log: &logBuffer{}}
	set := settings{openSignup: true, api: api.Config{
		Limits:     api.Limits{Auth: 10000, Writes: 10000, Ingest: 10000},
		Logger:     slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: s.metrics,
		Version:    "1.2.3",
		Ready:      nil,
	}}
	for _, c := range change {
		c(&set)
	}
	var err error
	s.tokens, err = auth.NewTokens(auth.TokensConfig{Secret: []byte(strings.Repeat("s", 32))})
	require.NoError(t, err)
	passwords, err := newPasswords()
	require.NoError(t, err)
	s.accounts, err = account.NewService(account.Config{
		DB: d, Passwords: passwords, Tokens: s.tokens, OpenSignup: set.openSignup,
	})
	require.NoError(t, err)
	s.channels, err = channel.NewService(channel.Config{DB: d, Live: s.live, MaxPerOwner: 10, Logger: set.api.Logger})
	require.NoError(t, err)
	set.api.Features = []api.Feature{
		func(to huma.API) { account.Register(to, s.accounts) },
		func(to huma.API) { channel.Register(to, s.channels) },
	}
	set.api.Channels, set.api.Tokens = auth.NewChannels(d), s.tokens
	handler, err := api.New(set.api)
	require.NoError(t, err)
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	s.url = listener.URL
	return s
}

// user makes an account without a password and returns an access token for it.
func (s *server) user(name string, role auth.Role) string {
	s.t.Helper()
	id := uuid.Must(uuid.NewV7())
	require.NoError(s.t, s.db.Write().CreateUser(s.t.Context(), store.CreateUserParams{
		ID: id, Username: name, UsernameLower: strings.ToLower(name),
		Email: name + "@example.org", EmailLower: strings.ToLower(name) + "@example.org",
		Role: string(role), CreatedAt: column.At(time.Now()),
	}))
	token, _, err := s.tokens.Access(id, name, role)
	require.NoError(s.t, err)
	return token
}

func (s *server) service(scopes ...string) string {
	s.t.Helper()
	token, err := s.tokens.Service("ingest1", scopes, time.Hour)
	require.NoError(s.t, err)
	return token
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
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, reader)
	require.NoError(s.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if json.Unmarshal(text, &r.json) != nil {
		r.json = nil
	}
	return r
}

// requireProblem checks that r is a problem of RFC 9457 with this status and code.
func requireProblem(t *testing.T, r reply, status int, code string) {
	t.Helper()
	require.Equal(t, status, r.status, r.text)
	require.Equal(t, "application/problem+json", r.header.Get("Content-Type"), r.text)
	require.InDelta(t, status, r.json["status"], 0, r.text)
	require.Equal(t, code, r.json["code"], r.text)
	require.Equal(t, http.StatusText(status), r.json["title"], r.text)
}

// counted returns the values of a counter by its labels.
func (s *server) counted(name string) map[string]float64 {
	s.t.Helper()
	families, err := s.metrics.Gather()
	require.NoError(s.t, err)
	values := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			values[strings.Join(labels, " ")] = metric.GetCounter().GetValue()
		}
	}
	return values
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

// logBuffer keeps what is logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
