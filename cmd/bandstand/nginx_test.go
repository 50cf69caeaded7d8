package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nginxRTMP takes publishers, asks us about their stream keys, and hands on those
// that we let in.
const nginxRTMP = `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 64; }
rtmp {
    access_log off;
    server {
        listen %[2]s;
        application live {
            live on;
            on_publish %[3]s;
            notify_method post;
            push rtmp://%[4]s/live;
        }
    }
}
`

// startNginx runs nginx with its RTMP module in front of s until the test ends, and
// returns its address for publishers.
func startNginx(t *testing.T, s *server) string {
	t.Helper()
	addr := freeAddress(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(nginxRTMP, dir, addr, s.URL("/api/v1/ingest/on_publish"), s.address("rtmp"))
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	cmd := exec.Command("nginx", "-e", "stderr", "-c", config)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin"}
	var said strings.Builder
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // it was killed
		if t.Failed() {
			t.Logf("nginx said: %s", said.String())
		}
	})
	eventually(t, 10*time.Second, func() error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return addr
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

func TestNginxAsksUsAboutStreamKeys(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("fronted")
	front := "rtmp://" + startNginx(t, s) + "/live/"

	refused := camera(t, front+"live_nosuchkey")
	refused.wait(20 * time.Second)
	require.False(t, refused.cmd.ProcessState.Success(), "a key that opens nothing was let in")

	camera(t, front+key)
	eventually(t, 30*time.Second, func() error {
		got, err := probe(t, s.HLSURL("fronted"))
		if err == nil && !strings.Contains(got, "h264") {
			err = fmt.Errorf("got %q", got)
		}
		return err
	})
}
