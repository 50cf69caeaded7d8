package call_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/call"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
)

// world is an instance with people on one or two nodes. It is what calls ask of other
// features, too.
type world struct {
	t     *testing.T
	DB    *db.DB
	HTTP  *apitest.Server
	Nodes []*realtimetest.Server
	Calls []*call.Service

	ahead atomic.Int64 // how much later it is than it is

	mu      sync.Mutex
	friends map[[2]uuid.UUID]bool // guarded by mu
	members map[[2]uuid.UUID]bool // guarded by mu; party and person
	inbox   []call.Missed         // guarded by mu
}

func (w *world) AreFriends(_ context.Context, a, b uuid.UUID) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.friends[[2]uuid.UUID{a, b}], nil
}

func (w *world) IsMember(_ context.Context, party, user uuid.UUID) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.members[[2]uuid.UUID{party, user}], nil
}

func (w *world) MissedCall(_ context.Context, _ uuid.UUID, m call.Missed) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = append(w.inbox, m)
	return nil
}

func (w *world) Servers(user uuid.UUID) ([]call.ICEServer, time.Time) {
	return []call.ICEServer{{URLs: []string{"turn:relay.example.org"}, Username: "1:" + user.String(), Credential: "x"}}, w.now().Add(time.Hour)
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// missed returns how many calls were missed.
func (w *world) missed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inbox)
}

// later lets time pass, and has every node look after calls.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	w.ahead.Add(int64(d))
	for _, s := range w.Calls {
		require.NoError(w.t, s.Sweep(w.t.Context()))
	}
}

func newWorld(t *testing.T, d *db.DB, nodes int, change ...func(*call.Config)) *world {
	t.Helper()
	w := &world{t: t, DB: d, friends: map[[2]uuid.UUID]bool{}, members: map[[2]uuid.UUID]bool{}}
	add := func(n *realtime.Node) {
		cfg := call.Config{
			DB: d, Friends: w, Parties: w, Inbox: w, ICE: w, Sockets: n, CallsPerMinute: 1000,
			SweepEvery: 50 * time.Millisecond,
			Now:        w.now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		}
		for _, c := range change {
			c(&cfg)
		}
		s, err := call.NewService(cfg)
		require.NoError(t, err)
		call.Methods(n, s)
		w.Calls = append(w.Calls, s)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	limits := func(c *realtime.Config) { c.Limits.CommandsPerSecond, c.Limits.CommandBurst = 10_000, 10_000 }
	if nodes == 2 {
		a, b := realtimetest.Two(t, d, add, limits)
		w.Nodes = []*realtimetest.Server{a, b}
	} else {
		w.Nodes = []*realtimetest.Server{realtimetest.New(t, d, add, limits)}
	}
	w.HTTP = apitest.New(t, d, []api.Feature{func(to huma.API) { call.Register(to, w.Calls[0]) }})
	return w
}

// person makes somebody who is a friend of others.
func (w *world) person(name string, friends ...apitest.Person) apitest.Person {
	w.t.Helper()
	p := w.HTTP.Person(name, auth.RoleUser)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range friends {
		w.friends[[2]uuid.UUID{p.ID, f.ID}], w.friends[[2]uuid.UUID{f.ID, p.ID}] = true, true
	}
	return p
}

// party makes a party with members.
func (w *world) party(members ...apitest.Person) uuid.UUID {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := w.DB.Writer().ExecContext(w.t.Context(), `
		INSERT INTO parties (id, host_id, name, control, wait_for_all, state, created_at, updated_at, active_at)
		VALUES ($1, $2, 'Evening', 'everyone', true, '{}', $3, $3, $3)`, id, members[0].ID, column.At(time.Now()))
	require.NoError(w.t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range members {
		w.members[[2]uuid.UUID{id, m.ID}] = true
	}
	return id
}

// phone is a device of somebody.
type phone struct {
	*realtimetest.Client

	w    *world
	who  apitest.Person
	Seat call.Seat
}

// phone connects a device of p to the nth node.
func (w *world) phone(p apitest.Person, node int) *phone {
	w.t.Helper()
	node = min(node, len(w.Nodes)-1)
	return &phone{Client: realtimetest.Connect(w.t, w.Nodes[node].URL, p.Token), w: w, who: p}
}

// own is the topic of the person, and topic that of the participant.
func (p *phone) own() string   { return "user:" + p.who.ID.String() }
func (p *phone) topic() string { return p.Seat.Topic }

// sit calls a method that returns a seat, and takes it.
func (p *phone) sit(method string, params any) call.State {
	p.w.t.Helper()
	p.Call(method, params, &p.Seat)
	return p.take()
}

// take subscribes to the topic of the participant.
func (p *phone) take() call.State {
	p.w.t.Helper()
	p.Subscribe(p.topic(), nil)
	return into[call.State](p.w.t, p.Next(p.topic(), "call.state"))
}

// start calls somebody by their name.
func (p *phone) start(to apitest.Person) call.State {
	p.w.t.Helper()
	return p.sit("call.start", map[string]any{"to": to.Name, "video": true})
}

// rings waits for a call, and returns its id.
func (p *phone) rings() uuid.UUID {
	p.w.t.Helper()
	return into[struct {
		Call call.Call `json:"call"`
	}](p.w.t, p.Next(p.own(), "call.ringing")).Call.ID
}

// stops waits until a call rings no more, and returns why.
func (p *phone) stops() (why, device string) {
	p.w.t.Helper()
	e := into[struct{ Call, Why, Device string }](p.w.t, p.Next(p.own(), "call.stopped"))
	return e.Why, e.Device
}

// peer waits for news of the peer.
func (p *phone) peer(of *phone, here bool) call.Peer {
	p.w.t.Helper()
	for {
		peer := into[call.Peer](p.w.t, p.Next(p.topic(), "call.peer"))
		if peer.Participant == of.Seat.Participant && peer.Here == here {
			return peer
		}
	}
}

// ended waits for the end of the call, and returns the outcome.
func (p *phone) ended() string {
	p.w.t.Helper()
	return into[struct{ Call, Outcome string }](p.w.t, p.Next(p.topic(), "call.ended")).Outcome
}

// signal is what a phone sends to another.
func (p *phone) signal(to *phone, what map[string]any) map[string]any {
	params := map[string]any{"participant": p.Seat.Participant, "to": to.Seat.Participant}
	for k, v := range what {
		params[k] = v
	}
	return params
}

func offer(sdp string) map[string]any {
	return map[string]any{"description": map[string]any{"type": "offer", "sdp": sdp}}
}

func into[T any](t *testing.T, m realtimetest.Message) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(m.Data, &v))
	return v
}

func (w *world) outcome(p apitest.Person) string {
	w.t.Helper()
	items := w.HTTP.Do("GET", "/api/v1/me/calls", p.Token, "").JSON["items"].([]any)
	require.NotEmpty(w.t, items)
	return items[0].(map[string]any)["outcome"].(string)
}
