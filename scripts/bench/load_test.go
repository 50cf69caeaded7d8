package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/yutopp/go-rtmp"
	rtmpmsg "github.com/yutopp/go-rtmp/message"

	"bandstand/media/hls/conform"
)

// recorder is an RTMP server's view of one publisher.
type recorder struct {
	rtmp.DefaultHandler
	mu    *sync.Mutex
	times *[]uint32       // of video; guarded by mu
	marks *[]conform.Mark // guarded by mu
	key   *string         // guarded by mu
	full  chan struct{}   // closed after enough frames
	want  int
}

func (r *recorder) OnPublish(_ *rtmp.StreamContext, _ uint32, cmd *rtmpmsg.NetStreamPublish) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	*r.key = cmd.PublishingName
	return nil
}

func (r *recorder) OnVideo(ms uint32, payload io.Reader) error {
	body, err := io.ReadAll(payload)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if body[1] == 0 {
		return nil
	}
	*r.times = append(*r.times, ms)
	*r.marks = append(*r.marks, conform.Marks(body)...)
	if len(*r.times) == r.want {
		close(r.full)
	}
	return nil
}

func TestLoadPublishesWithTimesThatGoOn(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var (
		mu    sync.Mutex
		times []uint32
		marks []conform.Mark
		key   string
		full  = make(chan struct{})
	)
	srv := rtmp.NewServer(&rtmp.ServerConfig{OnConnect: func(conn net.Conn) (io.ReadWriteCloser, *rtmp.ConnConfig) {
		return conn, &rtmp.ConnConfig{Handler: &recorder{mu: &mu, times: &times, marks: &marks, key: &key, full: full, want: 8}}
	}})
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()

	l := newLoad(testClip(t), true)
	err = l.during(t.Context(), ln.Addr().String(), []string{"a-key"}, func(ctx context.Context) error {
		select {
		case <-full:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	require.NoError(t, err)
	require.NoError(t, srv.Close())
	<-served

	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, "a-key", key)
	require.Equal(t, []uint32{0, 33, 67, 101, 134, 168, 202, 235}, times[:8])
	require.Equal(t, uint32(7), marks[7].Seq)
}

func TestLoadReportsRefusal(t *testing.T) {
	t.Parallel()
	err := newLoad(testClip(t), false).during(t.Context(), "127.0.0.1:1", []string{"k"}, func(context.Context) error { return nil })
	require.ErrorContains(t, err, "publisher 0")
}

func TestFloodCountsWhatItDrops(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 300_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		io.WriteString(w, body)
	}))
	defer srv.Close()
	var f flood
	require.NoError(t, f.run(t.Context(), srv.Listener.Addr().String(), []string{"/a", "/b"}, 3, 200*time.Millisecond))
	require.GreaterOrEqual(t, f.requests.Load(), int64(3))
	require.Equal(t, f.requests.Load()*int64(len(body)), f.bytes.Load())
}

func TestFloodRefusesErrors(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	var f flood
	require.ErrorContains(t, f.run(t.Context(), srv.Listener.Addr().String(), []string{"/"}, 1, time.Minute), "status 404")
}

func FuzzReplies(f *testing.F) {
	f.Add("\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x10\x00\x03\x00\x00\x00\x00\x00\x02\x14\x00\x00\x00\x00ab")
	f.Fuzz(func(t *testing.T, wire string) {
		in := &replies{r: bufio.NewReader(strings.NewReader(wire)), chunk: 128, streams: map[byte]*reply{}}
		for {
			_, body, err := in.next()
			if err != nil {
				return
			}
			if len(body) > replyLimit {
				t.Fatal("limit exceeded")
			}
		}
	})
}
