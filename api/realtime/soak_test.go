package realtime_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"bandstand/api/apitest"
	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db/dbtest"
)

// soakFor names the environment variable with how long TestSoakBehindNginx lasts, such
// as 20m. In each run it is seconds.
const soakFor = "BANDSTAND_SOAK"

// nginxSockets is a proxy that hangs up on connections which are silent for a second.
const nginxSockets = `daemon off;
master_process on;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr error;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path %[1]s;
    proxy_temp_path %[1]s;
    fastcgi_temp_path %[1]s;
    uwsgi_temp_path %[1]s;
    scgi_temp_path %[1]s;
    server {
        listen %[2]s;
        location / {
            proxy_pass http://%[3]s;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $http_host;
            proxy_read_timeout %[4]s;
            proxy_send_timeout %[4]s;
        }
    }
}
`

// nginx is a proxy in front of url that a test can have hang up.
type nginx struct {
	url string
	pid int
}

func startNginx(t *testing.T, url, silence string) *nginx {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	if err != nil {
		bin = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(bin); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no nginx: in CI this test must run")
		}
		t.Skip("there is no nginx")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := ln.Addr().String()
	require.NoError(t, ln.Close())
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o777)) //nolint:gosec // its worker is another user
	config := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, nginxSockets, dir, addr, strings.TrimPrefix(url, "http://"), silence), 0o600))
	cmd := exec.Command(bin, "-e", "stderr", "-c", config)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()                          // it was told to end
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close() // it was there
		}
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	return &nginx{"http://" + addr, cmd.Process.Pid}
}

// cut has all connections through the proxy broken off: the worker that holds them is
// killed, and another takes its place.
func (n *nginx) cut() error {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", n.pid, n.pid))
	if err != nil {
		return err
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			return err
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
	}
	return nil
}

// reload has new connections taken by a new worker, as after a change of the settings.
func (n *nginx) reload() error { return syscall.Kill(n.pid, syscall.SIGHUP) }

// soaker is a client that comes back whenever it is cut off, as a page does.
type soaker struct {
	t      *testing.T
	url    string
	server *realtimetest.Server
	person apitest.Person
	ended  atomic.Bool // no more is said
	last   atomic.Int64

	cuts  int
	heard []int
}

// run hears until all that was said has come.
func (s *soaker) run() error {
	var at *realtimetest.SubscribeResult
	for {
		c, err := s.connect()
		if err != nil {
			if s.ended.Load() && s.cuts > 1000 {
				return err
			}
			s.cuts++
			time.Sleep(20 * time.Millisecond) // the proxy is between two workers
			continue
		}
		params := map[string]any{"channel": "chat:stage"}
		if at != nil {
			params["recover"], params["epoch"], params["offset"] = true, at.Epoch, at.Offset
		}
		r, err := c.TryDo("subscribe", params)
		if err != nil {
			s.cuts++
			continue
		}
		if r.Error != nil {
			return fmt.Errorf("subscribe: %+v", *r.Error)
		}
		if at != nil && !r.Subscribe.Recovered {
			return fmt.Errorf("cut %d: events were lost", s.cuts)
		}
		first := at == nil
		if first {
			at = r.Subscribe
		}
		for _, p := range r.Subscribe.Publications {
			var e realtimetest.Message
			if err := json.Unmarshal(p.Data, &e); err != nil {
				return err
			}
			s.hear(e.Data)
			at.Offset = p.Offset
		}
		if s.listen(c, at) {
			c.Cut()
			return nil
		}
		s.cuts++
	}
}

// listen hears until the connection is cut, or, then true, everything was said.
func (s *soaker) listen(c *realtimetest.Client, at *realtimetest.SubscribeResult) bool {
	for {
		m, ok := c.TryNext("chat:stage", "chat.message", 50*time.Millisecond)
		if ok {
			s.hear(m.Data)
			at.Offset = m.Offset
			continue
		}
		if s.ended.Load() && len(s.heard) > 0 && int64(s.heard[len(s.heard)-1]) == s.last.Load() {
			return true
		}
		if c.IsClosed() {
			return false
		}
	}
}

func (s *soaker) hear(data json.RawMessage) {
	n, _ := strconv.Atoi(string(data)) // anything else is told from what was said
	s.heard = append(s.heard, n)
}

// connect connects as the same person each time.
func (s *soaker) connect() (*realtimetest.Client, error) {
	c, err := realtimetest.TryDial(s.t, s.url, nil)
	if err != nil {
		return nil, err
	}
	r, err := c.TryDo("connect", map[string]any{"token": s.server.Token(s.t, s.person.ID, s.person.Name, auth.RoleUser)})
	if err != nil {
		return nil, err
	}
	var w realtime.Welcome
	if r.Error != nil || json.Unmarshal(r.Connect.Data, &w) != nil || w.User == nil || w.User.ID != s.person.ID.String() {
		s.t.Errorf("somebody else: %+v", r)
	}
	return c, nil
}

// Sockets last behind a proxy that hangs up on whoever is silent, and which itself is
// reloaded and killed: whoever is cut off comes back as the same, and hears all that was
// said, once and in order.
func TestSoakBehindNginx(t *testing.T) {
	t.Parallel()
	length := 4 * time.Second
	if text := os.Getenv(soakFor); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	s := newStage(t, dbtest.SQLite(t))
	server := realtimetest.New(t, s.d, func(n *realtime.Node) {
		n.AddTopic(realtime.Topic{Kind: "chat:", Keep: 500, For: 5 * time.Minute})
	}, quietly, func(c *realtime.Config) { c.PingEvery = 500 * time.Millisecond })
	front := startNginx(t, server.URL, "1200ms")

	idle := realtimetest.Connect(t, front.url, s.ada.Token) // kept alive by pings alone, until the first cut
	clients := make([]*soaker, 8)
	var running errgroup.Group
	for i := range clients {
		clients[i] = &soaker{t: t, url: front.url, server: server, person: s.people.Person(fmt.Sprintf("viewer%d", i), auth.RoleUser)}
		running.Go(clients[i].run)
	}
	require.Eventually(t, func() bool { return server.Node.Subscribers("chat:stage") == len(clients) }, 20*time.Second, 10*time.Millisecond)

	said, wasCut, end, nextCut := 0, false, time.Now().Add(length), time.Now().Add(min(length/3, 15*time.Second))
	for i := 0; time.Now().Before(end); i++ {
		said++
		say(server.Node, "chat:stage", said)
		time.Sleep(25 * time.Millisecond) // the pace of a chat
		if time.Now().Before(nextCut) {
			continue
		}
		nextCut = time.Now().Add(min(length/3, 15*time.Second))
		if !wasCut && idle.IsClosed() { // on a busy machine a pong may be late
			require.Equal(t, 3012, idle.Closed().Code, "pings did not keep an idle socket")
		}
		if wasCut = true; i%2 == 0 {
			require.NoError(t, front.reload())
		}
		require.NoError(t, front.cut())
	}
	for _, c := range clients {
		c.last.Store(int64(said))
		c.ended.Store(true)
	}
	require.NoError(t, running.Wait())
	cuts := 0
	var once sync.Once
	for _, c := range clients {
		cuts += c.cuts
		for i, n := range c.heard {
			if n != c.heard[0]+i {
				once.Do(func() { t.Errorf("%s heard %d after %d", c.person.Name, n, c.heard[i-1]) })
			}
		}
		require.Equal(t, said, c.heard[len(c.heard)-1])
	}
	require.Positive(t, cuts)
	t.Logf("%d events to %d clients through %d cuts in %v", said, len(clients), cuts, length)
}
