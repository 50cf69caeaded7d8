package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestComplaintsOfTheServerAreLoggedByWeight(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ line, want string }{
		"a panic":         {"http: panic serving 127.0.0.1:1: boom\ngoroutine 1 [running]:", "level=ERROR"},
		"an http2 panic":  {"http2: panic serving 127.0.0.1:1: boom", "level=ERROR"},
		"no more sockets": {"http: Accept error: too many open files; retrying in 5ms", "level=WARN"},
		"a scanner":       {"http: TLS handshake error from 127.0.0.1:1: EOF", "level=DEBUG"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			complaints(log).Print(test.line)
			require.Contains(t, out.String(), test.want)
			require.Contains(t, out.String(), test.line[:20])
		})
	}
}

func TestCertificateThatCannotBeReadAgainStaysAndIsTold(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Now()
	name, gone := byte(1), errors.New("no such file")
	var err error
	c := &certificate{
		load: func() (tls.Certificate, error) { return tls.Certificate{Certificate: [][]byte{{name}}}, err },
		now:  func() time.Time { return now },
		log:  slog.New(slog.NewTextHandler(&out, nil)),
	}
	get := func() byte {
		t.Helper()
		got, err := c.get(nil)
		require.NoError(t, err)
		return got.Certificate[0][0]
	}
	require.Equal(t, byte(1), get())
	name = 2
	require.Equal(t, byte(1), get(), "not looked at yet")
	now, err = now.Add(recheckEvery), gone
	require.Equal(t, byte(1), get())
	require.Contains(t, out.String(), "level=WARN")
	require.Contains(t, out.String(), gone.Error())
	now, err = now.Add(recheckEvery), nil
	require.Equal(t, byte(2), get())

	c.loaded, err = nil, gone
	now = now.Add(recheckEvery)
	_, got := c.get(nil)
	require.ErrorIs(t, got, gone)
}

// net/http reads what is left of a body before it replies, for as long as that takes.
func TestBodyThatNeverComesHoldsNoConnection(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	server := &webServer{
		name: "test", ln: ln, grace: 10 * time.Second, bodyWithin: 50 * time.Millisecond, log: slog.New(slog.DiscardHandler),
		handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.run(ctx) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })

	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", ln.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = conn.Write([]byte("POST /live/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"))
	require.NoError(t, err)
	reply, err := io.ReadAll(conn)
	require.NoError(t, err, "the server hangs up")
	require.Contains(t, string(reply), "405")
}
