package api_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// wire stands between the API and its database, and can be cut or blocked.
type wire struct {
	t      *testing.T
	server string // address of the database

	mu    sync.Mutex
	ln    net.Listener      // guarded by mu; nil while it is cut
	conns map[net.Conn]bool // guarded by mu
	stuck chan struct{}     // guarded by mu: nothing comes through until it is closed; nil if all does
	addr  string
	ended sync.WaitGroup
}

// newWire returns a wire to the database at a URL, and the URL with the wire in between.
func newWire(t *testing.T, database string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	w := &wire{t: t, server: u.Host, conns: map[net.Conn]bool{}, addr: "127.0.0.1:0"}
	w.mend()
	u.Host = w.addr
	t.Cleanup(func() {
		w.cut()
		w.ended.Wait()
	})
	return w, u.String()
}

// mend lets connections through again, those that are new.
func (w *wire) mend() {
	w.t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(w.t.Context(), "tcp", w.addr)
	require.NoError(w.t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ln, w.addr = ln, ln.Addr().String()
	w.ended.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			w.ended.Go(func() { w.connect(conn) })
		}
	})
}

// cut ends all connections and takes no more.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ln != nil {
		_ = w.ln.Close()
		w.ln = nil
	}
	for conn := range w.conns {
		_ = conn.Close()
	}
	if w.stuck != nil {
		close(w.stuck)
		w.stuck = nil
	}
}

// block holds back whatever is sent from now on.
func (w *wire) block() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stuck = make(chan struct{})
}

func (w *wire) connect(client net.Conn) {
	defer client.Close()
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "tcp", w.server)
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	if w.ln == nil {
		w.mu.Unlock()
		return
	}
	w.conns[client], w.conns[server] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(blocking{w, way[1]}, way[0])
			_ = client.Close()
			_ = server.Close()
		})
	}
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, client)
	delete(w.conns, server)
}

// blocking writes when its wire lets something through.
type blocking struct {
	wire *wire
	to   io.Writer
}

func (b blocking) Write(p []byte) (int, error) {
	b.wire.mu.Lock()
	stuck := b.wire.stuck
	b.wire.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	return b.to.Write(p)
}

// TestTheDatabaseGoesAndComes cuts the wire to it: what needs no database goes on, the
// rest is told to come again, and does so with success when the wire has been mended.
func TestTheDatabaseGoesAndComes(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, database string) {
		if u, err := url.Parse(database); err != nil || u.Host == "" {
			t.Skip("there is no wire to a file")
		}
		w, through := newWire(t, database)
		d, err := db.Open(t.Context(), db.Config{URL: through, MaxConns: 4})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		s, n := startNotes(t, d, func(cfg *api.Config) {
			cfg.Ready = map[string]func(context.Context) error{"database": d.Ping}
			cfg.RequestTimeout = 300 * time.Millisecond
		})
		ada := s.Person("ada", auth.RoleUser).Token
		all := func() map[string]apitest.Reply {
			return map[string]apitest.Reply{
				"me":     s.Do("GET", "/api/v1/auth/me", ada, ""),
				"get":    s.Do("GET", "/api/v1/channels/demo", "", ""),
				"create": s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "key"),
			}
		}
		requireGone := func(code string) {
			t.Helper()
			for name, r := range all() {
				apitest.RequireProblem(t, r, 503, code)
				require.NotEmpty(t, r.Header.Get("Retry-After"), name)
				require.NotContains(t, r.Text, "127.0.0.1", name)
			}
			require.Equal(t, 200, s.Do("GET", "/healthz", "", "").Status)
			require.Equal(t, 200, s.Do("GET", "/api/v1/channels", "", "").Status, "this one asks no database")
			require.Empty(t, n.titles())
		}
		require.Equal(t, 200, s.Do("GET", "/readyz", "", "").Status)

		w.cut()
		requireGone("unavailable")
		apitest.RequireProblem(t, s.Do("GET", "/readyz", "", ""), 503, "not_ready")
		require.Contains(t, s.Log.String(), "level=WARN")
		require.NotContains(t, s.Log.String(), "level=ERROR")

		w.mend()
		require.Eventually(t, func() bool { return s.Do("GET", "/readyz", "", "").Status == 200 }, 20*time.Second, 10*time.Millisecond)
		w.block()
		requireGone("busy")

		w.cut()
		w.mend()
		require.Eventually(t, func() bool {
			return s.Do("GET", "/api/v1/auth/me", ada, "").Status == 200
		}, 20*time.Second, 10*time.Millisecond)
		got := s.Do("POST", "/api/v1/channels", ada, noteBody, "Idempotency-Key", "key")
		require.Equal(t, 201, got.Status, got.Text)
		require.Empty(t, got.Header.Get("Idempotency-Replayed"))
		require.Len(t, n.titles(), 1)
		apitest.RequireProblem(t, s.Do("GET", "/api/v1/channels/demo", "", ""), 404, "channel_not_found")
	})
}
