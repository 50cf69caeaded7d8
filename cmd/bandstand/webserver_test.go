package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
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
