package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// server is a server under test: a process on a core of its own.
type server struct {
	cmd  *exec.Cmd
	http string // host:port
	rtmp string // host:port
	dir  string // its files, on tmpfs
	log  string // its output
}

// freePorts returns two addresses that nobody listens on.
func freePorts(ctx context.Context) (first, second string, err error) {
	var cfg net.ListenConfig
	a, err := cfg.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer a.Close()
	b, err := cfg.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer b.Close()
	return a.Addr().String(), b.Addr().String(), nil
}

// start runs a command on the server's core and waits until it answers HTTP.
func (b *bench) start(ctx context.Context, s *server, env []string, args ...string) error {
	s.log = filepath.Join(s.dir, "output.log")
	out, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd = exec.CommandContext(ctx, "taskset", append([]string{"-c", b.core}, args...)...) //nolint:gosec // programs that the operator names
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = 10 * time.Second
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 100 {
		if conn, err := dial(ctx, s.http); err == nil {
			return conn.Close()
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			break
		}
	}
	return errors.Join(fmt.Errorf("%s does not answer: %s", args[0], tail(s.log)), s.stop())
}

// stop ends the server and removes its files.
func (s *server) stop() error {
	err := s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait() // it was told to end: how it does is its own affair
	return errors.Join(err, os.RemoveAll(s.dir))
}

func tail(path string) string {
	text, _ := os.ReadFile(path)
	return string(text[max(0, len(text)-2000):])
}

// nginxConfig records every stream as HLS on tmpfs, and serves files.
const nginxConfig = `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log warn;
events { worker_connections 16000; }
rtmp {
    access_log off;
    server {
        listen %[3]s;
        chunk_size 4096;
        max_connections 16000;
        application live {
            live on;
            hls on;
            hls_path %[1]s/hls;
            hls_fragment 2s;
            hls_playlist_length 60s;
            hls_cleanup on;
        }
    }
}
http {
    access_log off;
    default_type video/mp4;
    client_body_temp_path %[1]s/tmp1; proxy_temp_path %[1]s/tmp2; fastcgi_temp_path %[1]s/tmp3;
    uwsgi_temp_path %[1]s/tmp4; scgi_temp_path %[1]s/tmp5;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    server {
        listen %[2]s backlog=4096;
        root %[1]s;
    }
}
`

// startNginx starts nginx with its RTMP module.
func (b *bench) startNginx(ctx context.Context) (*server, error) {
	s := &server{}
	var err error
	if s.http, s.rtmp, err = freePorts(ctx); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(b.dir, "nginx."); err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, s.dir, s.http, s.rtmp), 0o600); err != nil {
		return nil, err
	}
	return s, b.start(ctx, s, nil, b.nginx, "-e", s.dir+"/error.log", "-c", config)
}

// startBandstand starts the server under test with these settings beside those
// that lift limits on one address.
func (b *bench) startBandstand(ctx context.Context, settings ...string) (*server, error) {
	s := &server{}
	var err error
	if s.http, s.rtmp, err = freePorts(ctx); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp(b.dir, "bandstand."); err != nil {
		return nil, err
	}
	env := append([]string{
		"BANDSTAND_HTTP_LISTEN=" + s.http, "BANDSTAND_RTMP_LISTEN=" + s.rtmp, "BANDSTAND_METRICS_LISTEN=127.0.0.1:0",
		"BANDSTAND_DATA_DIR=" + s.dir, "BANDSTAND_SECRET=" + rand.Text() + rand.Text(),
		"BANDSTAND_RTMP_MAX_PER_ADDRESS=1000", "BANDSTAND_RTMP_CONNECT_RATE=1000",
		"BANDSTAND_ACCOUNTS_MAX_CHANNELS=1000", "BANDSTAND_LIMITS_WRITES=100000",
	}, settings...)
	return s, b.start(ctx, s, env, b.bandstand, "serve")
}

// channels makes n channels over the API and returns their addresses (slugs) and
// stream keys.
func (s *server) channels(ctx context.Context, n int) (slugs, keys []string, err error) {
	account := map[string]string{
		"username": "bench", "email": "bench@example.com", "login": "bench", "password": rand.Text(),
	}
	if err := s.call(ctx, "/api/v1/auth/signup", "", pick(account, "username", "email", "password"), nil); err != nil {
		return nil, nil, err
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := s.call(ctx, "/api/v1/auth/login", "", pick(account, "login", "password"), &token); err != nil {
		return nil, nil, err
	}
	for i := range n {
		var made struct {
			StreamKey string `json:"stream_key"`
		}
		slug := fmt.Sprintf("bench-%d", i)
		if err := s.call(ctx, "/api/v1/channels", token.AccessToken, map[string]string{"slug": slug, "title": slug}, &made); err != nil {
			return nil, nil, err
		}
		slugs, keys = append(slugs, slug), append(keys, made.StreamKey)
	}
	return slugs, keys, nil
}

func pick(from map[string]string, names ...string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		out[n] = from[n]
	}
	return out
}

// call posts to the API and decodes the answer into out, unless that is nil.
func (s *server) call(ctx context.Context, path, token string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.http+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := exchange(req)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// get loads an address of the server.
func (s *server) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.http+path, nil)
	if err != nil {
		return nil, err
	}
	return exchange(req)
}

func exchange(req *http.Request) ([]byte, error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: status %d: %.200s", req.Method, req.URL.Path, res.StatusCode, strings.TrimSpace(string(body)))
	}
	return body, nil
}
