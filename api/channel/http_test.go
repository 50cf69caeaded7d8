package channel_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
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
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/channel"
	"bandstand/storage/db"
)

// server is the API of channels on a real listener.
type server struct {
	*apitest.Server

	t        testing.TB
	channels *channel.Service
	live     *liveTable
	clock    *clock
	abuse    *abuseLog
}

// serve serves channels on d. A change may set what else a test needs.
func serve(t testing.TB, d *db.DB, change ...func(*channel.Config)) *server {
	t.Helper()
	s := &server{t: t, live: &liveTable{}, clock: &clock{}, abuse: &abuseLog{}}
	cfg := channel.Config{
		DB: d, Live: s.live, Abuse: s.abuse, Now: s.clock.now,
		Playback:   signer{},
		SignedPath: func(slug, token string) string { return "/live/" + slug + "/~" + token + "/index.m3u8" },
		Registerer: prometheus.NewRegistry(),
		Logger:     slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	s.channels, err = channel.NewService(cfg)
	require.NoError(t, err)
	s.Server = apitest.New(t, d, []api.Feature{func(to huma.API) { channel.Register(to, s.channels) }})
	return s
}

// run runs the service until the returned function is called.
func (s *server) run() (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.channels.Run(ctx) }()
	return func() {
		s.t.Helper()
		cancel()
		require.NoError(s.t, <-done)
	}
}

// make makes a channel with these fields, in JSON, and returns the reply.
func (s *server) make(owner apitest.Person, slug, fields string) apitest.Reply {
	s.t.Helper()
	if fields != "" {
		fields = "," + fields
	}
	got := s.Do("POST", "/api/v1/channels", owner.Token, `{"slug":"`+slug+`","title":"Title of `+slug+`"`+fields+`}`)
	require.Equal(s.t, 201, got.Status, got.Text)
	return got
}

// ok sends a request that succeeds.
func (s *server) ok(method, path, token, body string, header ...string) apitest.Reply {
	s.t.Helper()
	got := s.Do(method, path, token, body, header...)
	require.Less(s.t, got.Status, 300, "%s %s: %s", method, path, got.Text)
	return got
}

// access returns what p is on the channel at slug.
func (s *server) access(p apitest.Person, slug string) auth.Access {
	s.t.Helper()
	at, err := auth.NewChannels(s.DB).BySlug(s.t.Context(), auth.Principal{UserID: p.ID, Name: p.Name, Role: auth.RoleUser}, slug)
	require.NoError(s.t, err)
	return at
}

// items returns what is in a list, one field of each.
func items(r apitest.Reply, field string) []string {
	values := []string{}
	for _, item := range r.JSON["items"].([]any) {
		values = append(values, item.(map[string]any)[field].(string))
	}
	return values
}

// audited returns the privileged actions so far, oldest first: who, what, to which.
func (s *server) audited() []string {
	s.t.Helper()
	rows, err := s.DB.Writer().QueryContext(s.t.Context(), "SELECT actor, action, target, detail FROM audit_log ORDER BY id")
	require.NoError(s.t, err)
	defer rows.Close()
	entries := []string{}
	for rows.Next() {
		var actor, action, target string
		var detail *string
		require.NoError(s.t, rows.Scan(&actor, &action, &target, &detail))
		entries = append(entries, actor+" "+action+" "+target)
		if detail != nil {
			require.True(s.t, json.Valid([]byte(*detail)))
			require.NotContains(s.t, *detail, "live_", "a secret")
		}
	}
	require.NoError(s.t, rows.Err())
	return entries
}

// pages turns all pages of the list at path forward, then all of them back again, and
// returns one field of each item. Both ways must show the same.
func (s *server) pages(path, token, field string) []string {
	s.t.Helper()
	forward, back := []string{}, []string{}
	for next := path; next != ""; {
		got := s.ok("GET", next, token, "")
		forward = append(forward, items(got, field)...)
		require.Less(s.t, len(forward), 1000)
		links := linksOf(got)
		path, next = next, links["next"]
		require.Equal(s.t, next != "", got.JSON["next_cursor"] != nil)
	}
	for path != "" {
		got := s.ok("GET", path, token, "")
		back = append(items(got, field), back...)
		path = linksOf(got)["prev"]
		require.Equal(s.t, path != "", got.JSON["prev_cursor"] != nil)
	}
	require.Equal(s.t, forward, back)
	return forward
}

// linksOf returns the addresses of a Link header by relation.
func linksOf(r apitest.Reply) map[string]string {
	links := map[string]string{}
	for link := range strings.SplitSeq(r.Header.Get("Link"), ", ") {
		address, rel, ok := strings.Cut(link, ">; rel=")
		if ok {
			links[strings.Trim(rel, `"`)] = strings.TrimPrefix(address, "<")
		}
	}
	return links
}

// clock is a time that tests set; the real one until they do.
type clock struct {
	mu  sync.Mutex
	set time.Time // guarded by mu
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set.IsZero() {
		return time.Now()
	}
	return c.set
}

func (c *clock) advance(d time.Duration) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = now.Add(d)
}

// signer signs so that tests can read it.
type signer struct{}

func (signer) SignFor(user uuid.UUID, slug string, ttl time.Duration) string {
	return slug + "-" + user.String()[:8] + "-" + ttl.String()
}

// abuseLog is a channel.Abuse that remembers.
type abuseLog struct {
	mu      sync.Mutex
	reports []string // guarded by mu
}

func (a *abuseLog) Report(_ context.Context, addr netip.Addr, what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reports = append(a.reports, addr.String()+" "+what)
}

func (a *abuseLog) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.reports)
}

// liveTable is a channel.Live that tests set.
type liveTable struct {
	mu     sync.Mutex
	states []channel.LiveState // guarded by mu
}

func (l *liveTable) put(states ...channel.LiveState) {
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
	return slices.Clone(l.states)
}

// rules is a channel.Rules.
type rules struct {
	most       int
	visibility string
	confirmed  bool
}

func (r rules) MaxChannels(context.Context) int            { return r.most }
func (r rules) DefaultVisibility(context.Context) string   { return r.visibility }
func (r rules) RequireConfirmedEmail(context.Context) bool { return r.confirmed }

func maxPerOwner(n int) func(*channel.Config) {
	return func(cfg *channel.Config) { cfg.Rules = rules{most: n, visibility: channel.Public} }
}
