package moderation_test

import (
	"context"
	"encoding/json"
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
	"bandstand/api/moderation"
	"bandstand/api/realtime"
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

// stage is Publisher and System: it keeps what it hears.
type stage struct {
	mu    sync.Mutex
	heard []string // guarded by mu: topic, type and data
}

func (s *stage) hear(topic, kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, topic+" "+kind+" "+string(text))
}

func (s *stage) Publish(_ context.Context, topic string, e realtime.Event) {
	s.hear(topic, e.Type, e.Data)
}

func (s *stage) Tell(_ context.Context, user uuid.UUID, e realtime.Event) {
	s.hear("user:"+user.String(), e.Type, e.Data)
}

func (s *stage) SystemMessage(_ context.Context, _ uuid.UUID, slug, text, event string, data any) error {
	s.hear("system:"+slug, event+" "+text, data)
	return nil
}

// taken returns what was heard since it was last called.
func (s *stage) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := s.heard
	s.heard = nil
	return heard
}

// rests is Rests, for several services.
type rests struct {
	clock *clock

	mu    sync.Mutex
	until map[string]time.Time // guarded by mu
}

func (r *rests) Take(_ context.Context, key string, every time.Duration) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	if wait := r.until[key].Sub(now); wait > 0 {
		return wait, nil
	}
	r.until[key] = now.Add(every)
	return 0, nil
}

type fixture struct {
	*apitest.Server

	t       *testing.T
	service *moderation.Service
	clock   *clock
	stage   *stage
	rests   *rests

	// The channel "stage" and who has to do with it; eve and bob are viewers.
	channel                                          uuid.UUID
	owner, caster, mod, guest, eve, bob, staff, root apitest.Person
}

func newFixture(t *testing.T, d *db.DB) *fixture {
	t.Helper()
	c := &clock{now: time.Now()}
	f := &fixture{t: t, clock: c, stage: &stage{}, rests: &rests{clock: c, until: map[string]time.Time{}}}
	f.service = f.newService(d)
	f.Server = apitest.New(t, d, []api.Feature{func(a huma.API) { moderation.Register(a, f.service) }})
	f.owner, f.caster, f.mod = f.Person("owner", auth.RoleUser), f.Person("caster", auth.RoleUser), f.Person("mod", auth.RoleUser)
	f.guest, f.eve, f.bob = f.Person("guest", auth.RoleUser), f.Person("eve", auth.RoleUser), f.Person("Bob", auth.RoleUser)
	f.staff, f.root = f.Person("staff", auth.RoleModerator), f.Person("root", auth.RoleAdmin)
	f.channel = f.Channel(f.owner, "stage")
	f.member(f.caster, "broadcaster")
	f.member(f.mod, "moderator")
	f.member(f.guest, "viewer")
	return f
}

// newService returns a service as one of several nodes has it.
func (f *fixture) newService(d *db.DB) *moderation.Service {
	f.t.Helper()
	s, err := moderation.NewService(moderation.Config{
		DB: d, Events: f.stage, System: f.stage, Rests: f.rests, Now: f.clock.Now,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(f.t, err)
	return s
}

func (f *fixture) exec(query string, args ...any) {
	f.t.Helper()
	_, err := f.DB.Writer().ExecContext(f.t.Context(), query, args...)
	require.NoError(f.t, err)
}

func (f *fixture) member(who apitest.Person, role string) {
	f.t.Helper()
	f.exec("INSERT INTO channel_members (channel_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)", f.channel, who.ID, role, time.Now())
}

// wrote puts a message into the database, and returns its id.
func (f *fixture) wrote(who apitest.Person, at time.Time, household string) uuid.UUID {
	f.t.Helper()
	id := uuid.Must(uuid.NewV7())
	f.exec("INSERT INTO chat_messages (id, channel_id, user_id, kind, body, created_at, address) VALUES ($1, $2, $3, 'message', 'hi', $4, $5)",
		id, f.channel, who.ID, at.UTC(), household)
	return id
}

// ok is Do for requests that must succeed.
func (f *fixture) ok(method, path string, who apitest.Person, body string, header ...string) apitest.Reply {
	f.t.Helper()
	r := f.Do(method, "/api/v1"+path, who.Token, body, header...)
	require.Less(f.t, r.Status, http.StatusBadRequest, r.Text)
	return r
}

// no is Do for requests that must not.
func (f *fixture) no(status int, code, method, path string, who apitest.Person, body string, header ...string) {
	f.t.Helper()
	apitest.RequireProblem(f.t, f.Do(method, "/api/v1"+path, who.Token, body, header...), status, code)
}

func items(r apitest.Reply) []map[string]any {
	list, _ := r.JSON["items"].([]any)
	all := make([]map[string]any, len(list))
	for i, item := range list {
		all[i], _ = item.(map[string]any)
	}
	return all
}

// access is what who has to do with the channel.
func (f *fixture) access(who apitest.Person) (auth.Access, auth.Principal) {
	f.t.Helper()
	role := auth.RoleUser
	switch who.ID {
	case f.staff.ID:
		role = auth.RoleModerator
	case f.root.ID:
		role = auth.RoleAdmin
	}
	p := auth.Principal{UserID: who.ID, Name: who.Name, Role: role}
	at, err := auth.NewChannels(f.DB).BySlug(f.t.Context(), p, "stage")
	require.NoError(f.t, err)
	return at, p
}

const home = "192.0.2.7"

// admit asks a service whether who may write, from an address.
func (f *fixture) admitBy(s *moderation.Service, who apitest.Person, from, body string) error {
	f.t.Helper()
	at, p := f.access(who)
	var addr netip.Addr
	if from != "" {
		addr = netip.MustParseAddr(from)
	}
	return s.Admit(f.t.Context(), at, p, addr, body)
}

func (f *fixture) admit(who apitest.Person, from, body string) error {
	f.t.Helper()
	return f.admitBy(f.service, who, from, body)
}

// settings changes what the chat allows.
func (f *fixture) settings(body string) {
	f.t.Helper()
	f.ok("PATCH", "/channels/stage/chat/settings", f.mod, body)
}
