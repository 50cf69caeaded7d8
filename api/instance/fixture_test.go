package instance_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/instance"
	"bandstand/storage/db"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/ulule/limiter/v3/drivers/store/memory.(*cleaner).Run"))
}

// clock is time that tests turn.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// onAir is Sessions.
type onAir struct {
	mu    sync.Mutex
	live  []instance.Session // guarded by mu
	ended []string           // guarded by mu
}

func (o *onAir) All() []instance.Session {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]instance.Session(nil), o.live...)
}

func (o *onAir) End(_ context.Context, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, s := range o.live {
		if s.ID == id {
			o.live = append(o.live[:i:i], o.live[i+1:]...)
			o.ended = append(o.ended, id)
			return nil
		}
	}
	return instance.ErrSessionNotFound
}

type fixture struct {
	*apitest.Server

	t       *testing.T
	db      *db.DB
	service *instance.Service
	clock   *clock
	onAir   *onAir
	log     *apitest.Log
	admin   apitest.Person
	mod     apitest.Person
}

var proxy = netip.MustParsePrefix("127.0.0.1/32")

// newFixture has a proxy in front, so that requests can come from anywhere: see from.
func newFixture(t *testing.T, d *db.DB, change ...func(*instance.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, db: d, clock: &clock{now: time.Now()}, onAir: &onAir{}, log: &apitest.Log{}}
	f.service = f.newService(change...)
	f.Server = apitest.New(t, d, []api.Feature{func(a huma.API) { instance.Register(a, f.service) }}, func(c *api.Config) {
		c.TrustedProxies = []netip.Prefix{proxy}
	})
	f.admin = f.Person("root", auth.RoleAdmin)
	f.mod = f.Person("mo", auth.RoleModerator)
	return f
}

func (f *fixture) newService(change ...func(*instance.Config)) *instance.Service {
	f.t.Helper()
	cfg := instance.Config{
		DB: f.db, Sessions: f.onAir, TrustedProxies: []netip.Prefix{proxy}, Offences: 3,
		Defaults:   instance.Settings{Name: "Test stage", Signup: instance.SignupInvite, MaxChannels: 7},
		Now:        f.clock.Now,
		Logger:     slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := instance.NewService(cfg)
	require.NoError(f.t, err)
	return s
}

// run runs a service until the test ends.
func run(t *testing.T, s *instance.Service) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
}

// ok is Do for requests that must succeed.
func (f *fixture) ok(method, path string, who apitest.Person, body string, header ...string) apitest.Reply {
	f.t.Helper()
	r := f.Do(method, path, who.Token, body, header...)
	require.Less(f.t, r.Status, http.StatusBadRequest, r.Text)
	return r
}

func items(r apitest.Reply) []map[string]any {
	list, _ := r.JSON["items"].([]any)
	all := make([]map[string]any, len(list))
	for i, item := range list {
		all[i], _ = item.(map[string]any)
	}
	return all
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 30*time.Second, 5*time.Millisecond)
}

// walk follows a list to its end and back to its beginning, a page at a time, and
// returns the ids that it met on the way there, which must be those of the way back.
func (f *fixture) walk(path string, who apitest.Person) []string {
	f.t.Helper()
	var there, back []string
	last := ""
	for cursor, first := "", true; first || cursor != ""; first = false {
		r := f.ok("GET", path+"&cursor="+cursor, who, "")
		for _, item := range items(r) {
			there = append(there, item["id"].(string))
		}
		last, _ = r.JSON["prev_cursor"].(string)
		cursor, _ = r.JSON["next_cursor"].(string)
		if cursor == "" {
			for _, item := range items(r) {
				back = append(back, item["id"].(string))
			}
		}
	}
	for cursor := last; cursor != ""; {
		r := f.ok("GET", path+"&cursor="+cursor, who, "")
		var page []string
		for _, item := range items(r) {
			page = append(page, item["id"].(string))
		}
		back = append(page, back...)
		cursor, _ = r.JSON["prev_cursor"].(string)
	}
	require.Equal(f.t, there, back)
	return there
}

// member makes somebody a member of a channel.
func (f *fixture) member(channel uuid.UUID, who apitest.Person, role string) {
	f.t.Helper()
	require.NoError(f.t, f.db.InTx(f.t.Context(), func(tx *db.Tx) error {
		_, err := tx.SQL().ExecContext(f.t.Context(),
			"INSERT INTO channel_members (channel_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)",
			channel, who.ID, role, time.Now())
		return err
	}))
}
