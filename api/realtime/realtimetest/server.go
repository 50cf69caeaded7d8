// Package realtimetest serves sockets to tests of features, and has a client without a
// library.
package realtimetest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
)

// Server is a node on a real listener.
type Server struct {
	URL    string
	Node   *realtime.Node
	Tokens *auth.Tokens
	DB     *db.DB
	// Handler serves the socket, for tests that put something in front of it.
	Handler http.Handler
	// Metrics are those of the node.
	Metrics *prometheus.Registry

	stop func()
}

// Secret signs the tokens of apitest and of Server: each takes those of the other.
var Secret = []byte(strings.Repeat("s", 32))

// New serves the sockets of a node to which add has added topics and methods. It ends
// with the test. change may set what else the node needs, such as RedisURL.
func New(t testing.TB, d *db.DB, add func(n *realtime.Node), change ...func(*realtime.Config)) *Server {
	t.Helper()
	tokens, cfg := Config(t, d, change...)
	n, err := realtime.New(cfg)
	require.NoError(t, err)
	if add != nil {
		add(n)
	}
	handler, err := n.Handler()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	listener := httptest.NewServer(handler)
	s := &Server{URL: listener.URL, Node: n, Tokens: tokens, DB: d, Handler: handler, Metrics: cfg.Registerer}
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-done)
		listener.CloseClientConnections()
		listener.Close()
	}
	t.Cleanup(s.stop)
	require.Eventually(t, n.Running, wait, time.Millisecond)
	return s
}

// Config returns what a node needs, and who signs for it.
func Config(t testing.TB, d *db.DB, change ...func(*realtime.Config)) (*auth.Tokens, realtime.Config) {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokensConfig{Secret: Secret})
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	identity, err := auth.NewIdentity(auth.IdentityConfig{Tokens: tokens, DB: d, Logger: log, Registerer: prometheus.NewRegistry()})
	require.NoError(t, err)
	cfg := realtime.Config{
		Identity: identity, Channels: auth.NewChannels(d), DB: d,
		Logger: log, Registerer: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	return tokens, cfg
}

// Stop ends the server, as told by a signal.
func (s *Server) Stop() { s.stop() }

// Token returns an access token of a person, good for a quarter of an hour.
func (s *Server) Token(t testing.TB, id uuid.UUID, name string, role auth.Role) string {
	t.Helper()
	token, _, err := s.Tokens.Access(id, name, role)
	require.NoError(t, err)
	return token
}

// Counted returns a counter or gauge of the node; of those with a label, the one where
// it has this value.
func (s *Server) Counted(t testing.TB, name string, label ...string) float64 {
	t.Helper()
	families, err := s.Metrics.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if len(label) == 0 || slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == label[0] && l.GetValue() == label[1] }) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// Labels returns all values of labels of the node's metrics.
func (s *Server) Labels(t testing.TB) []string {
	t.Helper()
	families, err := s.Metrics.Gather()
	require.NoError(t, err)
	var values []string
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
		}
	}
	return values
}
