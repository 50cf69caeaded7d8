package party_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/party"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
)

// world is an instance with people on one or two nodes. It is what parties ask of other
// features, too.
type world struct {
	*apitest.Server

	t       *testing.T
	nodes   []*realtimetest.Server
	parties []*party.Service
	ahead   atomic.Int64 // how much later it is than it is

	mu      sync.Mutex
	friends map[[2]uuid.UUID]bool // guarded by mu
	inbox   []string              // guarded by mu; who was notified of what
	told    map[string]bool       // guarded by mu; what that is known by
	gone    []uuid.UUID           // guarded by mu; who is not in a party any more
}

func (w *world) AreFriends(_ context.Context, a, b uuid.UUID) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.friends[[2]uuid.UUID{a, b}] || w.friends[[2]uuid.UUID{b, a}], nil
}

func (w *world) Notify(_ context.Context, user uuid.UUID, kind string, _ uuid.UUID, _ any, dedup string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[dedup] {
		return nil
	}
	w.told[dedup] = true
	w.inbox = append(w.inbox, kind+" "+user.String())
	return nil
}

func (w *world) leaves(_ context.Context, _, user uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = append(w.gone, user)
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func newWorld(t *testing.T, d *db.DB, nodes int) *world {
	t.Helper()
	w := &world{t: t, friends: map[[2]uuid.UUID]bool{}, told: map[string]bool{}}
	add := func(n *realtime.Node) {
		s, err := party.NewService(party.Config{
			DB: d, Node: n, Channels: auth.NewChannels(d), Friends: w, Inbox: w, Gone: w.leaves, Now: w.now, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		party.Methods(n, s)
		w.parties = append(w.parties, s)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	if nodes == 2 {
		a, b := realtimetest.Two(t, d, add)
		w.nodes = []*realtimetest.Server{a, b}
	} else {
		w.nodes = []*realtimetest.Server{realtimetest.New(t, d, add)}
	}
	w.Server = apitest.New(t, d, []api.Feature{func(to huma.API) { party.Register(to, w.parties[0]) }})
	return w
}

// does sends a request that must go well, and reads the reply into out unless it is nil.
func (w *world) does(p apitest.Person, method, path, body string, out any) apitest.Reply {
	w.t.Helper()
	r := w.Do(method, path, p.Token, body)
	require.Less(w.t, r.Status, 300, "%s %s: %s", method, path, r.Text)
	if out != nil {
		require.NoError(w.t, json.Unmarshal([]byte(r.Text), out))
	}
	return r
}

// refused sends a request that must fail.
func (w *world) refused(p apitest.Person, method, path, body string, status int, code string) {
	w.t.Helper()
	apitest.RequireProblem(w.t, w.Do(method, path, p.Token, body), status, code)
}

// film makes a recording of 100 seconds, and returns its id.
func (w *world) film(channel uuid.UUID) string {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := w.DB.Writer().ExecContext(w.t.Context(), `
		INSERT INTO broadcasts (id, channel_id, state, title, description, category, started_at, ended_at, published_at, duration_ms, created_at, updated_at)
		VALUES ($1, $2, 'ended', 'A film', '', '', $3, $3, $3, 100000, $3, $3)`, id, channel, column.At(time.Now()))
	require.NoError(w.t, err)
	return id.String()
}

// party makes a party with a host and guests, who come by a link, and returns its path.
func (w *world) party(body string, host apitest.Person, guests ...apitest.Person) (path, id string) {
	w.t.Helper()
	var made party.Snapshot
	w.does(host, http.MethodPost, "/api/v1/parties", body, &made)
	path = "/api/v1/parties/" + made.Party.ID
	code := w.link(host, path)
	for _, guest := range guests {
		w.does(guest, http.MethodPost, "/api/v1/parties/join", `{"code":"`+code+`"}`, nil)
	}
	return path, made.Party.ID
}

func (w *world) link(by apitest.Person, path string) string {
	w.t.Helper()
	var invite party.PartyInviteView
	w.does(by, http.MethodPost, path+"/invites", `{}`, &invite)
	require.Contains(w.t, invite.Code, "bsp_")
	return invite.Code
}

// guest is somebody in a party over a socket.
type guest struct {
	*realtimetest.Client

	t     *testing.T
	party string
	First party.Snapshot // what they got when they came
}

// enter has somebody come to a party over a socket of a node.
func (w *world) enter(node int, p apitest.Person, id string) *guest {
	w.t.Helper()
	g := &guest{Client: realtimetest.Connect(w.t, w.nodes[node].URL, p.Token), t: w.t, party: id}
	g.Subscribe("party:"+id, nil)
	require.NoError(w.t, json.Unmarshal(g.Next("party:"+id, "party.snapshot").Data, &g.First))
	return g
}

// act calls a method of the party with further parameters.
func (g *guest) act(method string, params map[string]any) party.Done {
	g.t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	params["party"] = g.party
	var done party.Done
	g.Call(method, params, &done)
	return done
}

// state returns the next state that is told to everybody.
func (g *guest) state() party.StateView {
	g.t.Helper()
	var s party.StateView
	require.NoError(g.t, json.Unmarshal(g.Next("party:"+g.party, "party.state").Data, &s))
	return s
}

// until returns the next state with a reason.
func (g *guest) until(reason string) party.StateView {
	g.t.Helper()
	for {
		if s := g.state(); s.Reason == reason {
			return s
		}
	}
}

// ready reports a player.
func (g *guest) ready(seq int64, buffering bool, bufferedMS int) {
	g.t.Helper()
	g.Call("party.ready", map[string]any{
		"party": g.party, "seq": seq, "buffering": buffering, "buffered_ms": bufferedMS, "position": 1.5, "rtt_ms": 40,
	}, nil)
}

func (w *world) connect(node int, p apitest.Person) *realtimetest.Client {
	w.t.Helper()
	return realtimetest.Connect(w.t, w.nodes[node].URL, p.Token)
}

func (w *world) befriend(a, b apitest.Person) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.friends[[2]uuid.UUID{a.ID, b.ID}] = true
}

func (w *world) members(path string, p apitest.Person) []party.PartyMemberView {
	w.t.Helper()
	var list struct{ Items []party.PartyMemberView }
	w.does(p, http.MethodGet, path+"/members", "", &list)
	return list.Items
}

func mustParse(id string) uuid.UUID { return uuid.MustParse(id) }
