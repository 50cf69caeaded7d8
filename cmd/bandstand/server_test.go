package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runAsServer in the environment makes the test binary the program itself, so that
// tests can signal and kill a real process.
const runAsServer = "BANDSTAND_TEST_RUN_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(runAsServer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// server is a running bandstand of a test.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	env  []string
	done chan struct{} // closed when the process has ended

	mu        sync.Mutex
	log       bytes.Buffer      // guarded by mu
	addresses map[string]string // guarded by mu; by service
	found     chan struct{}     // closed when every address in want is known

	client *http.Client // trusts the server's certificate, if it has one
	token  string
}

// startServer runs a server on free ports in a folder of its own until the test
// ends. settings are environment variables over its defaults.
func startServer(t *testing.T, settings ...string) *server {
	t.Helper()
	return startServerIn(t, t.TempDir(), settings...)
}

func startServerIn(t *testing.T, dir string, settings ...string) *server {
	t.Helper()
	s := &server{
		t: t, dir: dir, done: make(chan struct{}), found: make(chan struct{}), addresses: map[string]string{},
		env: append([]string{
			runAsServer + "=1",
			"PATH=" + os.Getenv("PATH"),
			"GORACE=" + os.Getenv("GORACE"),
			"HOME=" + dir,
			"BANDSTAND_DATA_DIR=" + dir,
			"BANDSTAND_SECRET=" + strings.Repeat("0123456789abcdef", 4),
			"BANDSTAND_HTTP_LISTEN=127.0.0.1:0",
			"BANDSTAND_RTMP_LISTEN=127.0.0.1:0",
			"BANDSTAND_METRICS_LISTEN=127.0.0.1:0",
			"BANDSTAND_LOG_FORMAT=json",
			"BANDSTAND_LOG_LEVEL=debug",
		}, settings...),
	}
	s.client = http.DefaultClient
	if cert := s.setting("BANDSTAND_HTTP_TLS_CERT"); cert != "" {
		s.client = speaking(t, trusting(t, cert), func(p *http.Protocols) { p.SetHTTP2(true) })
	}
	s.start()
	return s
}

// start runs the process and waits until it listens.
func (s *server) start() {
	s.t.Helper()
	self, err := os.Executable()
	require.NoError(s.t, err)
	s.cmd = exec.Command(self, "serve")
	s.cmd.Env = s.env
	pipe, err := s.cmd.StderrPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, s.cmd.Start())
	go s.read(pipe)
	s.t.Cleanup(s.stop)
	select {
	case <-s.found:
	case <-s.done:
		s.t.Fatalf("the server ended at once:\n%s", s.Log())
	case <-time.After(60 * time.Second):
		s.t.Fatalf("the server does not listen:\n%s", s.Log())
	}
	eventually(s.t, 30*time.Second, func() error { return s.status("/readyz", http.StatusOK) })
}

// read keeps the log and learns the addresses from it.
func (s *server) read(log io.Reader) {
	defer close(s.done)
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, Service, Address string }
		known := json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening"
		s.mu.Lock()
		s.log.Write(lines.Bytes())
		s.log.WriteByte('\n')
		if known {
			s.addresses[line.Service] = line.Address
			if s.listensAll() {
				select {
				case <-s.found:
				default:
					close(s.found)
				}
			}
		}
		s.mu.Unlock()
	}
	s.cmd.Wait() //nolint:errcheck // tests that care look at ProcessState
}

// listensAll says whether all addresses that there will be are known. s.mu is held.
func (s *server) listensAll() bool {
	for _, service := range []string{"http", "metrics", "rtmp", "rtmps"} {
		listen := s.setting("BANDSTAND_" + strings.ToUpper(service) + "_LISTEN")
		ingest := strings.HasPrefix(service, "rtmp")
		if listen != "" && s.addresses[service] == "" && !(ingest && s.setting("BANDSTAND_ROLES") == "api") {
			return false
		}
	}
	return true
}

// setting returns what the server's environment says last of name.
func (s *server) setting(name string) (value string) {
	for _, e := range s.env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// stop ends the server as an operator would, and shows its log if the test failed.
func (s *server) stop() {
	s.signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.t.Errorf("the server does not stop")
		s.signal(syscall.SIGQUIT)
		<-s.done
	}
	if log := s.Log(); s.t.Failed() {
		s.t.Logf("server log:\n%s", log)
	} else if strings.Contains(log, "DATA RACE") {
		s.t.Errorf("data race in the server:\n%s", log)
	}
}

func (s *server) signal(sig os.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("signal %v: %v", sig, err)
	}
}

// Log returns what the server has logged.
func (s *server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (s *server) address(service string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addresses[service]
}

// URL returns the address of a path of the server.
func (s *server) URL(path string) string {
	if s.setting("BANDSTAND_HTTP_TLS_CERT") != "" {
		return "https://" + s.address("http") + path
	}
	return "http://" + s.address("http") + path
}

// HLSURL returns the multivariant playlist of a channel.
func (s *server) HLSURL(channel string) string { return s.URL("/live/" + channel + "/index.m3u8") }

// RTMPURL returns where a publisher with key goes.
func (s *server) RTMPURL(key string) string { return "rtmp://" + s.address("rtmp") + "/live/" + key }

func (s *server) status(path string, want int) error {
	code, body, err := s.get(path)
	if err == nil && code != want {
		err = fmt.Errorf("GET %s: got %d, want %d: %s", path, code, want, body)
	}
	return err
}

func (s *server) get(path string) (code int, body string, err error) {
	res, err := s.client.Get(s.URL(path)) //nolint:noctx // bounded by the test's own time
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// call makes an API request as the server's user and decodes the answer into out.
func (s *server) call(method, path string, in, out any) int {
	s.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		require.NoError(s.t, err)
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.URL(path), body)
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	if out != nil && res.StatusCode < 300 {
		require.NoError(s.t, json.Unmarshal(b, out), "%s", b)
	}
	return res.StatusCode
}

// login makes a user and speaks as them from now on.
func (s *server) login() {
	s.t.Helper()
	if s.token != "" {
		return
	}
	who := map[string]string{"username": "streamer", "email": "streamer@example.org", "password": "correct horse battery"}
	require.Equal(s.t, http.StatusCreated, s.call("POST", "/api/v1/auth/signup", who, nil))
	var session struct {
		AccessToken string `json:"access_token"`
	}
	in := map[string]string{"login": who["username"], "password": who["password"]}
	require.Equal(s.t, http.StatusOK, s.call("POST", "/api/v1/auth/login", in, &session))
	s.token = session.AccessToken
}

// channel makes a channel and returns its stream key.
func (s *server) channel(slug string) (key string) {
	s.t.Helper()
	s.login()
	var made struct {
		StreamKey string `json:"stream_key"`
	}
	in := map[string]string{"slug": slug, "title": "Channel " + slug}
	require.Equal(s.t, http.StatusCreated, s.call("POST", "/api/v1/channels", in, &made))
	require.NotEmpty(s.t, made.StreamKey)
	return made.StreamKey
}

// eventually waits until ok returns nil.
func eventually(t *testing.T, within time.Duration, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
