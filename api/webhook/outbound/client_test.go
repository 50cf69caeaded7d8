package outbound_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"bandstand/api/webhook/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "193.0.6.139": true, "100.63.255.255": true, "172.32.0.1": true,
		"2001:4860:4860::8888": true, "2a00:1450:4001::1": true, "::ffff:8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.1.2.3": false, "100.64.0.1": false, "100.127.255.254": false,
		"127.0.0.1": false, "127.8.9.10": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false,
		"198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false,
		"255.255.255.255": false,

		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "100::1": false, "2001::1": false, "2001:0:53aa::1": false,
		"2001:20::1": false, "2001:db8::1": false, "2002:7f00:1::1": false, "3fff::1": false, "5f00::1": false,
		"fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false,
	} {
		require.Equal(t, want, outbound.IsPublic(netip.MustParseAddr(addr)), addr)
	}
	require.False(t, outbound.IsPublic(netip.Addr{}))
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	cfg := outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for text, want := range map[string]error{
		"https://example.org/hook?token=1": nil,
		"http://example.org":               nil,
		"https://example.org:443/":         nil,
		"http://example.org:80/":           nil,
		"https://example.org:8443/":        nil,
		"http://8.8.8.8/":                  nil,
		"http://10.1.2.3:8080/":            nil,
		"http://[2a00:1450:4001::1]/":      nil,

		"":                                    outbound.ErrAddress,
		"example.org":                         outbound.ErrAddress,
		"//example.org/":                      outbound.ErrAddress,
		"ftp://example.org/":                  outbound.ErrAddress,
		"file:///etc/passwd":                  outbound.ErrAddress,
		"gopher://example.org/":               outbound.ErrAddress,
		"javascript:alert(1)":                 outbound.ErrAddress,
		"http:///path":                        outbound.ErrAddress,
		"http://:8080/":                       outbound.ErrAddress,
		"http://example.org:/":                outbound.ErrAddress,
		"http://user@example.org/":            outbound.ErrAddress,
		"http://user:pass@example.org/":       outbound.ErrAddress,
		"http://example.org/#part":            outbound.ErrAddress,
		"http://example.org:22/":              outbound.ErrAddress,
		"http://example.org:25/":              outbound.ErrAddress,
		"http://example.org:0/":               outbound.ErrAddress,
		"http://example.org:65536/":           outbound.ErrAddress,
		"http://exa mple.org/":                outbound.ErrAddress,
		"http://example.org/\r\nX: y":         outbound.ErrAddress,
		"http://" + strings.Repeat("a", 1025): outbound.ErrAddress,

		"http://127.0.0.1/":             outbound.ErrInternal,
		"http://[::1]:8080/":            outbound.ErrInternal,
		"http://[::ffff:127.0.0.1]/":    outbound.ErrInternal,
		"http://[fe80::1%25eth0]/":      outbound.ErrInternal,
		"http://169.254.169.254/latest": outbound.ErrInternal,
		"http://10.2.3.4/":              outbound.ErrInternal,
	} {
		u, err := cfg.ParseURL(text)
		if want == nil {
			require.NoError(t, err, text)
			require.Equal(t, text, u.String())
			continue
		}
		require.ErrorIs(t, err, want, text)
		if text != "" {
			require.NotContains(t, err.Error(), text)
		}
	}
}

// receiver counts who gets through to it.
func receiver(t *testing.T, handle http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if handle != nil {
			handle(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, &asked
}

func get(t *testing.T, client *http.Client, address string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	resp, err := client.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func TestInternalAddressesAreNotAsked(t *testing.T) {
	t.Parallel()
	server, asked := receiver(t, nil)
	client := outbound.NewClient(outbound.Config{})
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1"} {
		_, err := get(t, client, "http://"+host+port+"/")
		require.Error(t, err, host)
	}
	_, err := get(t, client, server.URL)
	require.ErrorIs(t, err, outbound.ErrInternal)
	require.Zero(t, asked.Load())

	_, err = get(t, outbound.NewClient(outbound.Config{Allow: loopback}), server.URL)
	require.NoError(t, err)
	require.EqualValues(t, 1, asked.Load())
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	inside, asked := receiver(t, nil)
	outside, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
	})
	resp, err := get(t, outbound.NewClient(outbound.Config{Allow: loopback}), outside.URL)
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, resp.StatusCode)
	require.Zero(t, asked.Load())
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	proxy, asked := receiver(t, nil)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	server, reached := receiver(t, nil)
	_, err := get(t, outbound.NewClient(outbound.Config{Allow: loopback}), server.URL)
	require.NoError(t, err)
	require.Zero(t, asked.Load())
	require.EqualValues(t, 1, reached.Load())
}

// A name that is public when it is looked at and internal when it is used gains
// nothing: what counts is the address of the connection.
func TestNameThatResolvesToAnInternalAddress(t *testing.T) {
	t.Parallel()
	server, asked := receiver(t, nil)
	var lookups atomic.Int32
	resolver := resolverTo(t, func() [4]byte {
		if lookups.Add(1) == 1 {
			return [4]byte{8, 8, 8, 8}
		}
		return [4]byte{127, 0, 0, 1}
	})
	addrs, err := resolver.LookupNetIP(t.Context(), "ip4", "rebinding.example.")
	require.NoError(t, err)
	require.True(t, outbound.IsPublic(addrs[0]))

	port := server.URL[strings.LastIndex(server.URL, ":"):]
	_, err = get(t, outbound.NewClient(outbound.Config{Resolver: resolver}), "http://rebinding.example."+port)
	require.ErrorIs(t, err, outbound.ErrInternal)
	require.Zero(t, asked.Load())
	require.Greater(t, lookups.Load(), int32(1))
}

// resolverTo returns a resolver for which every name has the address that answer
// returns, asked each time.
func resolverTo(t *testing.T, answer func() [4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // for the test's life
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(reply(buf[:n], answer), from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "udp", conn.LocalAddr().String())
		},
	}
}

// reply answers a query of DNS for one name: with an address if it is for A, and
// with nothing otherwise. RFC 1035 4.1.
func reply(query []byte, answer func() [4]byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root, type and class
	isA := binary.BigEndian.Uint16(query[end-4:]) == 1
	out := append([]byte{}, query[:end]...)
	out[2], out[3] = 0x81, 0x80 // a response, recursion desired and available
	for i := 6; i < 12; i++ {
		out[i] = 0
	}
	if isA {
		out[7] = 1
		addr := answer()
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, addr[:]...)
	}
	return out
}

func TestSlowAndEndlessReceivers(t *testing.T) {
	t.Parallel()
	slow, _ := receiver(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client := outbound.NewClient(outbound.Config{Allow: loopback, Timeout: 50e6})
	_, err := get(t, client, slow.URL)
	var network net.Error
	require.ErrorAs(t, err, &network)
	require.True(t, network.Timeout())

	header, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	})
	_, err = get(t, outbound.NewClient(outbound.Config{Allow: loopback}), header.URL)
	require.Error(t, err)

	endless, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	resp, err := get(t, client, endless.URL)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.ErrorAs(t, err, &network)
	require.True(t, network.Timeout())
}
