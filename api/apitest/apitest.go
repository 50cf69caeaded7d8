// Package apitest serves features of the API to their tests: the whole way of a
// request over HTTP, with middleware, permissions and problems, on a database.
package apitest

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/auth"
	"bandstand/api/idempotency"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Server is features of the API on a real listener.
type Server struct {
	t       testing.TB
	doc     *huma.OpenAPI // what the API says of itself
	URL     string
	DB      *db.DB
	Tokens  *auth.Tokens
	Metrics *prometheus.Registry
	Log     *Log // what is logged
}

// New serves features on d. Rate limits are out of the way. A change may set what
// else a test needs of the API. Every reply that Do and Send get is compared with
// the OpenAPI document: what that does not show fails the test.
func New(t testing.TB, d *db.DB, features []api.Feature, change ...func(*api.Config)) *Server {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: []byte(strings.Repeat("s", 32))})
	require.NoError(t, err)
	s := &Server{t: t, DB: d, Tokens: tokens, Metrics: prometheus.NewRegistry(), Log: &Log{}}
	replies, err := idempotency.NewStore(idempotency.Config{DB: d, Secret: []byte(strings.Repeat("i", 32)), Logger: slog.New(slog.NewTextHandler(s.Log, nil))})
	require.NoError(t, err)
	cfg := api.Config{
		Features: features, Tokens: tokens, Channels: auth.NewChannels(d),
		Limits:      api.Limits{Auth: 100000, Writes: 100000, Ingest: 100000, Searches: 100000, Users: 100000},
		Idempotency: replies,
		Version:     "1.2.3",
		Logger:      slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer:  s.Metrics,
	}
	for _, c := range change {
		c(&cfg)
	}
	cfg.Features = append(slices.Clone(cfg.Features), func(to huma.API) { s.doc = to.OpenAPI() })
	handler, err := api.New(cfg)
	require.NoError(t, err)
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	s.URL = listener.URL
	return s
}

// Passwords makes one for all tests: each costs a hash, slow under -race.
var Passwords = sync.OnceValues(func() (*auth.Passwords, error) { return auth.NewPasswords(2) })

// Person is an account with an access token.
type Person struct {
	ID    uuid.UUID
	Name  string
	Token string
}

// Person makes an account with a confirmed address and no password.
func (s *Server) Person(name string, role auth.Role) Person {
	s.t.Helper()
	id := uuid.Must(uuid.NewV7())
	now := time.Now()
	require.NoError(s.t, s.DB.Write().CreateUser(s.t.Context(), store.CreateUserParams{
		ID: id, Username: name, UsernameLower: strings.ToLower(name),
		Email: name + "@example.org", EmailLower: strings.ToLower(name) + "@example.org",
		Role: string(role), CreatedAt: column.At(now), EmailConfirmedAt: column.Maybe(now),
	}))
	token, _, err := s.Tokens.Access(id, name, role)
	require.NoError(s.t, err)
	return Person{ID: id, Name: name, Token: token}
}

// Service returns the token of a service with scopes.
func (s *Server) Service(scopes ...string) string {
	s.t.Helper()
	token, err := s.Tokens.Service("ingest1", scopes, time.Hour)
	require.NoError(s.t, err)
	return token
}

// Channel makes a channel of owner's in the database, without stream keys.
func (s *Server) Channel(owner Person, slug string) uuid.UUID {
	s.t.Helper()
	id := uuid.Must(uuid.NewV7())
	now := column.At(time.Now())
	require.NoError(s.t, s.DB.Write().CreateChannel(s.t.Context(), store.CreateChannelParams{
		ID: id, OwnerID: owner.ID, Slug: slug, Title: "Title of " + slug, CreatedAt: now, UpdatedAt: now,
	}))
	return id
}

// Reply is what the server said.
type Reply struct {
	Status int
	Header http.Header
	Text   string
	JSON   map[string]any // nil if the body is not a JSON object
}

// Do sends a request with a body of JSON; without a token or a body if they are
// empty. header holds names and values in turn.
func (s *Server) Do(method, path, token, body string, header ...string) Reply {
	s.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
		header = append([]string{"Content-Type", "application/json"}, header...)
	}
	return s.Send(method, path, token, reader, header...)
}

// Send is Do for any body. It follows no redirects.
func (s *Server) Send(method, path, token string, body io.Reader, header ...string) Reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, body)
	require.NoError(s.t, err)
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
	r := Reply{Status: resp.StatusCode, Header: resp.Header, Text: string(text)}
	if json.Unmarshal(text, &r.JSON) != nil {
		r.JSON = nil
	}
	s.compare(method, req.URL.Path, r)
	return r
}

// Counted returns the values of a counter by its labels, such as "limit=auth".
func (s *Server) Counted(name string) map[string]float64 {
	s.t.Helper()
	families, err := s.Metrics.Gather()
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

// RequireProblem checks that r is a problem of RFC 9457 with this status and code.
func RequireProblem(t testing.TB, r Reply, status int, code string) {
	t.Helper()
	require.Equal(t, status, r.Status, r.Text)
	require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"), r.Text)
	require.InDelta(t, status, r.JSON["status"], 0, r.Text)
	require.Equal(t, code, r.JSON["code"], r.Text)
	require.Equal(t, "/api/problems/"+code, r.JSON["type"], r.Text)
	require.Equal(t, http.StatusText(status), r.JSON["title"], r.Text)
}

// Log keeps what is logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
