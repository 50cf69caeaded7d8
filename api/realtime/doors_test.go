package realtime_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/api"
	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
)

// behindProxy serves the sockets of s to whom a proxy on this machine speaks for.
func behindProxy(t *testing.T, s *realtimetest.Server) (url string) {
	t.Helper()
	front := httptest.NewServer(api.TrustProxies(s.Handler, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}))
	t.Cleanup(front.Close)
	return front.URL
}

// testSocketsAreCountedAsLongAsTheyLast is about all limits of how many there may be.
func testSocketsAreCountedAsLongAsTheyLast(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) {
		c.Limits.Connections, c.Limits.PerAddress, c.Limits.PerUser = 4, 2, 1
	})
	url := behindProxy(t, server)
	from := func(addr string) (*realtimetest.Client, error) {
		return realtimetest.TryDial(t, url, http.Header{"X-Forwarded-For": {addr}})
	}
	must := func(addr string) *realtimetest.Client {
		c, err := from(addr)
		require.NoError(t, err)
		return c
	}
	first, second := must("192.0.2.1"), must("192.0.2.1")
	_, err := from("192.0.2.1")
	require.ErrorContains(t, err, "429")
	must("2001:db8::1")
	must("2001:db8::2") // the same household
	_, err = from("2001:db8:0:0:1::3")
	require.ErrorContains(t, err, "503", "it is full")
	second.Cut()
	require.Eventually(t, func() bool {
		var err error
		second, err = from("192.0.2.1")
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	second.Cut()
	require.Eventually(t, func() bool {
		_, err := from("2001:db8:0:0:1::3")
		return err != nil && err.Error()[:3] == "429" // there is room, but not for that household
	}, 20*time.Second, 10*time.Millisecond)

	require.Nil(t, first.Do("connect", map[string]any{"token": s.bob.Token}).Error)
	another := must("192.0.2.2")
	_, err = another.TryDo("connect", map[string]any{"token": s.bob.Token})
	require.Error(t, err)
	require.Equal(t, 3504, another.Closed().Code)
	first.Call("clock", nil, nil)
}

func testHandshakesOfAnAddressAreLimited(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk, func(c *realtime.Config) { c.Limits.Handshakes = 5 })
	url := behindProxy(t, server)
	for range 5 {
		c, err := realtimetest.TryDial(t, url, http.Header{"X-Forwarded-For": {"192.0.2.1"}})
		require.NoError(t, err)
		c.Cut()
	}
	_, err := realtimetest.TryDial(t, url, http.Header{"X-Forwarded-For": {"192.0.2.1"}})
	require.ErrorContains(t, err, "429")
	realtimetest.Connect(t, url, "").Call("clock", nil, nil)
}

func testRequestsThatAreNoHandshakesAreRefused(t *testing.T, s *stage) {
	server := realtimetest.New(t, s.d, talk)
	handshake := http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	for name, want := range map[string]struct {
		method, query string
		header        http.Header
		status        int
	}{
		"a page":      {"GET", "", http.Header{}, 426},
		"old version": {"GET", "", http.Header{"Sec-Websocket-Version": {"8"}}, 400},
		"no key":      {"GET", "", http.Header{"Sec-Websocket-Key": {"short"}}, 400},
		"post":        {"POST", "", http.Header{"Upgrade": {"websocket"}}, 405},
		"protobuf":    {"GET", "?format=protobuf", http.Header{"Upgrade": {"websocket"}}, 400},
		"sub":         {"GET", "", http.Header{"Sec-Websocket-Protocol": {"chat, centrifuge-protobuf"}}, 400},
	} {
		req, err := http.NewRequestWithContext(t.Context(), want.method, server.URL+realtime.Path+want.query, nil)
		require.NoError(t, err)
		if len(want.header) > 0 {
			for _, h := range []http.Header{handshake, want.header} {
				for key, value := range h {
					req.Header[key] = value
				}
			}
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want.status, resp.StatusCode, name)
	}
	require.Eventually(t, func() bool { return server.Counted(t, "bandstand_realtime_sockets") == 0 }, 20*time.Second, 10*time.Millisecond)
}
