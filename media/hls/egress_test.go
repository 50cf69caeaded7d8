package hls

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// big returns a server with a stream "x" whose segment 1 has about size bytes.
func big(tb testing.TB, size int) (*Server, *Stream) {
	tb.Helper()
	s, err := New(Config{Now: func() time.Time { return anchor }})
	require.NoError(tb, err)
	tb.Cleanup(s.stop)
	st := openTest(s, "x")
	e := newEpoch(0, videoTrack(), nil)
	for n := range 100 {
		ticks := int64(900000 + 3000*n)
		require.NoError(tb, st.write(packet(e, e.Format.Video, ticks, ticks, n%30 == 0, size/60)))
	}
	return s, st
}

const bigPath = "/live/x/source/TESTTOKEN-s1.m4s"

// TestBodiesOverTheNetwork checks that the kernel's path sends the same bytes as
// the copying one, several times on one connection.
func TestBodiesOverTheNetwork(t *testing.T) {
	t.Parallel()
	s, st := big(t, 2<<20)
	want := text(t, get(t, s, bigPath))
	require.Len(t, want, int(st.leader.segs[0].size))
	srv := httptest.NewServer(s)
	defer srv.Close()
	for range 3 {
		res, err := srv.Client().Get(srv.URL + bigPath)
		require.NoError(t, err)
		got := text(t, res)
		require.NoError(t, res.Body.Close())
		require.True(t, want == got, "same bytes")
	}
}

// TestSlowViewerKeepsItsSegment lets a viewer stop reading in the middle of a
// segment that then leaves the window: others go on, the memory stays until the
// viewer has left, and the viewer gets the right bytes.
func TestSlowViewerKeepsItsSegment(t *testing.T) {
	t.Parallel()
	s, st := big(t, 48<<20)
	want := text(t, get(t, s, bigPath))
	srv := httptest.NewServer(s)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", bigPath)
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)

	seg := st.leader.segs[0]
	e := st.leader.epoch
	for n := 100; n < 30*100; n++ {
		ticks := int64(900000 + 3000*n)
		require.NoError(t, st.write(packet(e, e.Format.Video, ticks, ticks, n%30 == 0, 1000)))
	}
	require.Equal(t, http.StatusGone, get(t, s, bigPath).StatusCode)
	require.Equal(t, 1, users(st, seg))
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.True(t, want == string(got), "same bytes")
	require.Eventually(t, func() bool { return users(st, seg) == 0 }, 10*time.Second, time.Millisecond)
	m := media{store: st.leader.store, offset: seg.offset, size: seg.size}
	w := httptest.NewRecorder()
	st.send(w, httptest.NewRequest(http.MethodGet, bigPath, nil), kindSegment, m)
	require.Empty(t, strings.Trim(w.Body.String(), "\x00"), "the memory was given back")
}

// TestAViewerThatTakesForEverIsCutOff keeps one that reads a byte now and then from
// holding on to memory that the stream is not charged for any more.
func TestAViewerThatTakesForEverIsCutOff(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{"whole": "", "range": "Range: bytes=0-\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, st := big(t, 48<<20)
			s.cfg.SendTimeout = 100 * time.Millisecond
			srv := httptest.NewServer(s)
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", bigPath, header)
			require.NoError(t, err)
			_, err = io.ReadFull(conn, make([]byte, 16))
			require.NoError(t, err)
			require.Eventually(t, func() bool { return users(st, st.leader.segs[0]) == 0 }, 15*time.Second, time.Millisecond)
		})
	}
}

func users(st *Stream, seg *segment) int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return seg.users
}

// BenchmarkEgress compares sending a segment of 2 MB, a video part and an audio part
// from the store with sending as much from memory. The viewer drops the bytes inside
// the kernel, so that nearly all of the time is the server's.
func BenchmarkEgress(b *testing.B) {
	for name, c := range map[string]struct {
		sizeBytes int // of the segment
		path      string
	}{
		"segment":    {2 << 20, bigPath},
		"part":       {62_500 * 10, "/live/x/source/TESTTOKEN-p2.m4s"},
		"audio part": {4_500 * 10, "/live/x/source/TESTTOKEN-p2.m4s"},
	} {
		b.Run(name, func(b *testing.B) { benchmarkEgress(b, c.sizeBytes, c.path) })
	}
}

func benchmarkEgress(b *testing.B, sizeBytes int, path string) {
	s, _ := big(b, sizeBytes)
	whole := httptest.NewRecorder()
	s.ServeHTTP(whole, httptest.NewRequest(http.MethodGet, path, nil))
	require.Equal(b, http.StatusOK, whole.Code)
	data := whole.Body.Bytes()
	handlers := map[string]http.Handler{
		"store": s,
		"memory": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Length"] = []string{strconv.Itoa(len(data))}
			w.Header()["Content-Type"] = typeVideo
			_, _ = w.Write(data)
		}),
	}
	for _, name := range []string{"store", "memory"} {
		b.Run(name, func(b *testing.B) {
			srv := httptest.NewServer(handlers[name])
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			require.NoError(b, err)
			defer conn.Close()
			b.SetBytes(int64(len(data)))
			before := cpuTime()
			in := bufio.NewReaderSize(conn, 2048)
			buf := make([]byte, 1<<20)
			for b.Loop() {
				_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
				require.NoError(b, err)
				res, err := http.ReadResponse(in, nil)
				require.NoError(b, err)
				rest := int(res.ContentLength) - in.Buffered()
				_, err = in.Discard(in.Buffered())
				require.NoError(b, err)
				require.NoError(b, drop(conn.(*net.TCPConn), rest, buf))
			}
			b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}
