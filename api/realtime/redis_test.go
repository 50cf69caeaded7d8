package realtime_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db/dbtest"
)

// redisServer is a Redis of a test's own, which it can take away.
type redisServer struct {
	t    *testing.T
	port string
	cmd  *exec.Cmd
}

const redisPassword = "open-sesame"

// newRedis returns a Redis that does not run yet.
func newRedis(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		realtimetest.Redis(t, "") // skips where there is none at all, and not in CI
		t.Skip("there is no redis-server to start")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	r := &redisServer{t: t, port: strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)}
	t.Cleanup(r.kill)
	return r
}

func (r *redisServer) url() string {
	return "redis://:" + redisPassword + "@127.0.0.1:" + r.port + "/3"
}

func (r *redisServer) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", "--port", r.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", redisPassword, "--dir", r.t.TempDir())
	require.NoError(r.t, r.cmd.Start())
	client := r.client()
	defer client.Close()
	require.Eventually(r.t, func() bool { return client.Ping(context.Background()).Err() == nil }, 20*time.Second, 5*time.Millisecond)
}

func (r *redisServer) client() *redis.Client {
	r.t.Helper()
	options, err := redis.ParseURL(r.url())
	require.NoError(r.t, err)
	return redis.NewClient(options)
}

// room says how much it may keep; "0" for as much as it likes.
func (r *redisServer) room(bytes string) {
	r.t.Helper()
	client := r.client()
	defer client.Close()
	require.NoError(r.t, client.ConfigSet(r.t.Context(), "maxmemory", bytes).Err())
}

// kill ends it without a word, and with all that it knew.
func (r *redisServer) kill() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill() // it may be gone
		_ = r.cmd.Wait()         // it was killed
		r.cmd = nil
	}
}

// freeze has it answer nothing, and thaw again.
func (r *redisServer) freeze() { require.NoError(r.t, r.cmd.Process.Signal(syscall.SIGSTOP)) }
func (r *redisServer) thaw()   { require.NoError(r.t, r.cmd.Process.Signal(syscall.SIGCONT)) }

// lines is what a node logs.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

// on has a node use r, and log to l.
func (r *redisServer) on(l *lines) func(*realtime.Config) {
	return func(c *realtime.Config) {
		c.RedisURL = r.url()
		c.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// joins waits until the node of a server is tied to Redis, or is no longer.
func joins(t *testing.T, s *realtimetest.Server, up float64) {
	t.Helper()
	require.Eventually(t, func() bool { return s.Counted(t, "bandstand_realtime_redis_up") == up }, 30*time.Second, 5*time.Millisecond)
}

// A Redis that is not there yet, dies, and comes back without what it knew: sockets stay,
// each node goes on alone, and they find each other again.
func TestSocketsOutliveRedis(t *testing.T) {
	t.Parallel()
	s := newStage(t, dbtest.SQLite(t))
	r := newRedis(t)
	var logged lines
	a, b := realtimetest.New(t, s.d, talk, r.on(&logged)), realtimetest.New(t, s.d, talk, r.on(&logged))
	here, there := realtimetest.Connect(t, a.URL, s.ada.Token), realtimetest.Connect(t, b.URL, s.bob.Token)
	subscribed := here.Subscribe("chat:stage", nil)
	there.Subscribe("chat:stage", nil)
	own := "user:" + s.ada.ID.String()
	hears := func(c *realtimetest.Client, text string) {
		t.Helper()
		require.JSONEq(t, `"`+text+`"`, string(c.Next("chat:stage", "chat.message").Data))
	}
	alone := func() {
		t.Helper()
		say(a.Node, "chat:stage", "alone")
		hears(here, "alone")
		require.Empty(t, there.Events("chat:stage"))
		present, err := a.Node.Present("chat:stage")
		require.NoError(t, err)
		require.Len(t, present, 1)
		late := realtimetest.Connect(t, a.URL, s.bob.Token)
		late.Subscribe("live:stage", nil)
		late.Next("live:stage", "live.state")
		late.Subscribe("chat:stage", nil)
		say(a.Node, "chat:stage", "both")
		hears(here, "both")
		hears(late, "both")
		late.Cut()
	}
	together := func() {
		t.Helper()
		joins(t, a, 1)
		joins(t, b, 1)
		here.Next("chat:stage", "realtime.gap")
		here.Next(own, "realtime.gap")
		there.Next("chat:stage", "realtime.gap")
		say(a.Node, "chat:stage", "together")
		hears(here, "together")
		hears(there, "together")
		require.Eventually(t, func() bool {
			present, err := b.Node.Present("chat:stage")
			return err == nil && len(present) == 2
		}, 20*time.Second, 5*time.Millisecond)
	}

	alone() // before it was ever there
	r.start()
	together()

	r.kill()
	say(a.Node, "chat:stage", "the moment it dies")
	hears(here, "the moment it dies")
	joins(t, b, 0)
	alone()
	a.Node.Expel(t.Context(), s.bob.ID, "chat:stage") // nobody hears it, and nobody waits
	r.start()
	together()
	// Where the stream was is known to the empty Redis: who was not there may catch up.
	again := realtimetest.Connect(t, b.URL, s.ada.Token)
	recovered := again.Recover("chat:stage", subscribed.Epoch, 1)
	require.True(t, recovered.Recovered, "%+v", recovered)
	require.Len(t, recovered.Publications, 1)

	require.Equal(t, 2, logged.count("redis does not answer"), "one line for each node")
	require.Equal(t, 2, logged.count("redis is lost"))
	require.Equal(t, 4, logged.count("redis is back"))
	require.Zero(t, logged.count(redisPassword))
	require.Empty(t, here.Ends(), "a subscription was ended")
	here.Call("clock", nil, nil)
	there.Call("clock", nil, nil)
}

// A Redis that is there and does not answer blocks nobody for long.
func TestAFrozenRedisBlocksNobody(t *testing.T) {
	t.Parallel()
	s := newStage(t, dbtest.SQLite(t))
	r := newRedis(t)
	r.start()
	var logged lines
	a := realtimetest.New(t, s.d, talk, r.on(&logged))
	joins(t, a, 1)
	c := realtimetest.Connect(t, a.URL, s.ada.Token)
	c.Subscribe("chat:stage", nil)
	r.freeze()
	say(a.Node, "chat:stage", "while it is frozen") // it waits once
	require.JSONEq(t, `"while it is frozen"`, string(c.Next("chat:stage", "chat.message").Data))
	joins(t, a, 0)
	for range 100 {
		say(a.Node, "chat:stage", "not any more")
		c.Next("chat:stage", "chat.message")
	}
	realtimetest.Connect(t, a.URL, s.bob.Token).Subscribe("chat:stage", nil)
	r.thaw()
	joins(t, a, 1)
	c.Next("chat:stage", "realtime.gap")
	r.room("1") // it answers, but is full
	joins(t, a, 0)
	say(a.Node, "chat:stage", "while it is full")
	c.Next("chat:stage", "chat.message")
	r.room("0")
	joins(t, a, 1)
	c.Next("chat:stage", "realtime.gap")
	say(a.Node, "chat:stage", "after it")
	require.JSONEq(t, `"after it"`, string(c.Next("chat:stage", "chat.message").Data))
}

func TestABadRedisURLIsRefusedWithoutThePassword(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	for _, url := range []string{"redis://:sesame@host:port/0", "http://:sesame@host/0", "redis://:sesame@host/x", "sesame"} {
		_, cfg := realtimetest.Config(t, d, func(c *realtime.Config) { c.RedisURL = url })
		_, err := realtime.New(cfg)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "sesame")
	}
}
