package access_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/media/access"
)

// files sends a file as the HLS handler does: with the innermost writer that takes one.
func files(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			http.Error(w, "no file", http.StatusInternalServerError)
			return
		}
		defer f.Close()
		w.Header()["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
		w.Header().Set("Content-Length", "100000")
		w.WriteHeader(http.StatusOK)
		for inner := w; ; {
			if to, ok := inner.(io.ReaderFrom); ok {
				_, _ = to.ReadFrom(io.LimitReader(f, 100_000))
				return
			}
			inner = inner.(interface{ Unwrap() http.ResponseWriter }).Unwrap()
		}
	})
}

// watched counts the bytes that its connections take as a file.
type watched struct {
	net.Listener

	sent *atomic.Int64
}

func (l watched) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return watchedConn{c.(*net.TCPConn), l.sent}, nil
}

type watchedConn struct {
	*net.TCPConn

	sent *atomic.Int64
}

func (c watchedConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.TCPConn.ReadFrom(r)
	c.sent.Add(n)
	return n, err
}

// TestTheKernelSendsWhatIsPrivateToo looks at the connection: a file reaches it as one.
func TestTheKernelSendsWhatIsPrivateToo(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "segment")
	require.NoError(t, os.WriteFile(name, make([]byte, 100_000), 0o600))
	h, _ := newHandler(t, files(name))
	for _, path := range []string{"/live/open/source/s1.m4s", "/live/secret/~good/source/s1.m4s"} {
		var sent atomic.Int64
		server := httptest.NewUnstartedServer(h)
		server.Listener = watched{server.Listener, &sent}
		server.Start()
		resp, err := server.Client().Get(server.URL + path)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		server.Close()
		require.Equal(t, int64(100_000), n, path)
		require.Greater(t, sent.Load(), int64(90_000), path) // the first bytes tell its type, perhaps
	}
}

//nolint:paralleltest // it counts what the whole program allocates
func TestPublicChannelsCostNothing(t *testing.T) {
	h, _ := newHandler(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := httptest.NewRecorder()
	for _, path := range []string{"/live/open/source/TOKEN-s1.m4s", "/hls-live/open.m3u8", "/other"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		require.Zero(t, testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }), path)
	}
}

func FuzzPaths(f *testing.F) {
	f.Add("/live/secret/index.m3u8")
	f.Add("/live/secret/~bad/source/x.m4s")
	f.Add("/live/secret/~/~good/x")
	f.Add("/hls-live/secret.m3u8")
	f.Add("/hls-live/secret/~bad.m3u8")
	reached := ""
	h, _ := newHandler(f, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached = r.URL.Path }),
		func(cfg *access.Config) { cfg.Verify = func(string, string) error { return access.ErrExpired } })
	f.Fuzz(func(t *testing.T, path string) {
		reached = ""
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = path
		h.ServeHTTP(httptest.NewRecorder(), r)
		// What the next handler would take for the private channel.
		if strings.HasPrefix(reached, "/live/secret/") || reached == "/hls-live/secret.m3u8" {
			t.Fatalf("%q reached %q", path, reached)
		}
	})
}

// BenchmarkPublic compares with the next handler alone.
func BenchmarkPublic(b *testing.B) {
	guarded, _ := newHandler(b, playlists)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/live/open/source/index.m3u8", nil)
	for name, h := range map[string]http.Handler{"bare": playlists, "guarded": guarded} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Body.Reset()
				h.ServeHTTP(w, r)
			}
		})
	}
}
