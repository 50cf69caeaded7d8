package chat_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/chat"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// server is the API of chats on a real listener, and its sockets on another.
type server struct {
	*apitest.Server

	t       testing.TB
	sockets *realtimetest.Server
	chat    *chat.Service
	gate    *gate
	inbox   *inbox
	clock   *clock
}

func serve(t testing.TB, d *db.DB) *server {
	t.Helper()
	s := &server{t: t, gate: &gate{d: d}, inbox: &inbox{}, clock: &clock{}}
	s.sockets = realtimetest.New(t, d, func(n *realtime.Node) { s.chat = s.service(d, n) })
	s.Server = apitest.New(t, d, []api.Feature{func(to huma.API) { chat.Register(to, s.chat) }})
	return s
}

// service returns a Service that tells the sockets of n, until t ends.
func (s *server) service(d *db.DB, n *realtime.Node) *chat.Service {
	svc, err := chat.NewService(chat.Config{
		DB: d, Gate: s.gate, Settings: s.gate, Sockets: n, Notifier: s.inbox, Now: s.clock.now, Logger: slog.New(slog.DiscardHandler),
		Summary: func(context.Context, uuid.UUID) (any, error) { return map[string]int{"slow_mode_s": 5}, nil },
	})
	require.NoError(s.t, err)
	chat.Methods(n, svc)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		require.NoError(s.t, <-done)
	})
	return svc
}

// ok sends a request that succeeds.
func (s *server) ok(method, path, token, body string, header ...string) apitest.Reply {
	s.t.Helper()
	got := s.Do(method, "/api/v1"+path, token, body, header...)
	require.Less(s.t, got.Status, 300, "%s %s: %s", method, path, got.Text)
	return got
}

// refused sends a request that fails.
func (s *server) refused(status int, code, method, path, token, body string, header ...string) {
	s.t.Helper()
	apitest.RequireProblem(s.t, s.Do(method, "/api/v1"+path, token, body, header...), status, code)
}

// say sends a message, and returns its id. A moment passes, so that nobody is too fast.
func (s *server) say(who apitest.Person, slug, body string) string {
	s.t.Helper()
	s.clock.pass(time.Second)
	text, err := json.Marshal(map[string]string{"body": body})
	require.NoError(s.t, err)
	return s.ok("POST", "/channels/"+slug+"/messages", who.Token, string(text)).JSON["id"].(string)
}

// member makes somebody a member of a channel.
func (s *server) member(channel uuid.UUID, who apitest.Person, role string) {
	s.t.Helper()
	_, err := s.DB.Write().PutMember(s.t.Context(), store.PutMemberParams{
		ChannelID: channel, UserID: who.ID, Role: role, CreatedAt: column.At(time.Now()),
	})
	require.NoError(s.t, err)
}

// bodies returns the texts of a list.
func bodies(r apitest.Reply) []string {
	texts := []string{}
	for _, item := range r.JSON["items"].([]any) {
		texts = append(texts, item.(map[string]any)["body"].(string))
	}
	return texts
}

// message reads an event about a message.
func message(t testing.TB, m realtimetest.Message) chat.MessageView {
	t.Helper()
	var v chat.MessageView
	require.NoError(t, json.Unmarshal(m.Data, &v))
	return v
}

// clock is the time, which tests let pass.
type clock struct {
	mu     sync.Mutex
	passed time.Duration // guarded by mu
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.passed)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}

// errNo is why the gate refuses.
var errNo = rest.Forbidden("chat_banned", "not you")

// gate refuses what has "forbidden" in it, knows the emote wave, and keeps settings in
// the database.
type gate struct {
	d *db.DB

	mu    sync.Mutex
	asked int      // guarded by mu; how often a message was to be written
	notes []string // guarded by mu: the log
}

func (g *gate) Admit(ctx context.Context, at auth.Access, p auth.Principal, from netip.Addr, body string) error {
	g.mu.Lock()
	g.asked++
	g.mu.Unlock()
	return g.AdmitEdit(ctx, at, p, from, body)
}

func (g *gate) AdmitEdit(_ context.Context, _ auth.Access, _ auth.Principal, _ netip.Addr, body string) error {
	if strings.Contains(body, "forbidden") {
		return rest.Later(errNo, time.Minute)
	}
	return nil
}

func (g *gate) Emotes(_ context.Context, _ uuid.UUID, codes []string) (map[string]string, error) {
	found := map[string]string{}
	for _, code := range codes {
		if code == "wave" {
			found[code] = "/images/wave/64.webp"
		}
	}
	return found, nil
}

func (g *gate) Note(ctx context.Context, _ *db.Tx, _ uuid.UUID, action string, _ uuid.UUID, target string, _ uuid.UUID, _ any) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.notes = append(g.notes, auth.User(ctx).Name+" "+action+" "+target)
	return nil
}

func (g *gate) Pin(ctx context.Context, tx *db.Tx, channel, message, by uuid.UUID) error {
	return g.set(ctx, tx, channel, "pinned_id", uuid.NullUUID{UUID: message, Valid: message != uuid.Nil})
}

func (g *gate) Cleared(ctx context.Context, tx *db.Tx, channel uuid.UUID, at time.Time) error {
	return g.set(ctx, tx, channel, "cleared_at", column.At(at))
}

func (g *gate) set(ctx context.Context, tx *db.Tx, channel uuid.UUID, name string, value any) error {
	_, err := tx.SQL().ExecContext(ctx, `
		INSERT INTO chat_settings (channel_id, enabled, who, emotes_only, links, updated_at, `+name+`)
		VALUES ($1, true, 'everyone', false, true, $2, $3)
		ON CONFLICT (channel_id) DO UPDATE SET `+name+` = excluded.`+name, channel, column.At(time.Now()), value)
	return err
}

func (g *gate) Pinned(ctx context.Context, channel uuid.UUID) (uuid.UUID, error) {
	rows, err := g.d.Writer().QueryContext(ctx, "SELECT pinned_id FROM chat_settings WHERE channel_id = $1 AND pinned_id IS NOT NULL", channel)
	if err != nil {
		return uuid.Nil, err
	}
	defer rows.Close()
	var id uuid.UUID
	for rows.Next() {
		if err := rows.Scan(&id); err != nil {
			return uuid.Nil, err
		}
	}
	return id, rows.Err()
}

// log returns what moderators did.
func (g *gate) log() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.notes...)
}

// inbox is what people were told, each thing once.
type inbox struct {
	mu   sync.Mutex
	got  []string // guarded by mu
	seen map[string]bool
}

func (i *inbox) Notify(_ context.Context, user uuid.UUID, kind string, _ uuid.UUID, _ any, dedup string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seen == nil {
		i.seen = map[string]bool{}
	}
	if key := user.String() + dedup; !i.seen[key] {
		i.seen[key] = true
		i.got = append(i.got, kind+" "+user.String())
	}
}

// take returns what people were told since it was called last.
func (i *inbox) take() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	got := i.got
	i.got = nil
	return got
}
