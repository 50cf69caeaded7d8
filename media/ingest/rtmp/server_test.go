package rtmp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"bandstand/media/ingest/rtmp"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/live"
	"bandstand/media/stream"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"

	"github.com/stretchr/testify/require"
)

// send publishes tags and hangs up.
func send(t *testing.T, s *station, o rtmptest.Options, tags []flv.Tag) {
	t.Helper()
	c, err := rtmptest.Publish(s.url(key), o)
	require.NoError(t, err)
	defer c.Close()
	for _, tag := range tags {
		require.NoError(t, c.SendTag(tag))
	}
}

func shifted(tags []flv.Tag, by uint32) []flv.Tag {
	out := make([]flv.Tag, 0, len(tags))
	for _, tag := range tags {
		tag.Time += by
		out = append(out, tag)
	}
	return out
}

func TestEnhancedRTMP(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		codec stream.Codec
		args  []string
	}{
		"HEVC": {stream.HEVC, []string{"libx265", "-preset", "ultrafast", "-g", "30", "-tag:v", "hvc1", "-x265-params", "log-level=none"}},
		"AV1":  {stream.AV1, []string{"libaom-av1", "-cpu-used", "8", "-g", "30", "-usage", "realtime"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			send(t, s, rtmptest.Options{}, flvtest.Enhanced(t, flvtest.Picture("2", tt.args...)...))
			p := s.waitFor(t, 58)
			require.Equal(t, tt.codec, p[0].Track.Codec)
			require.Equal(t, 320, p[0].Track.Width)
			require.True(t, p[0].Key)
		})
	}
}

func TestTimestampsOfAllKinds(t *testing.T) {
	t.Parallel()
	clip := flvtest.Clip(t, flvtest.PictureAndTone("2")...)
	plain := rtmptest.Options{}
	tests := map[string]struct {
		opts rtmptest.Options
		by   uint32
	}{
		"from zero":                              {plain, 0},
		"chunks of 128":                          {rtmptest.Options{ChunkSize: 128}, 0},
		"past 4 h 39 min":                        {plain, 0x01000000},
		"past 4 h 39 min, bare continuations":    {rtmptest.Options{BareContinuations: true}, 0x01000000},
		"past 4 h 39 min, chunks of 128":         {rtmptest.Options{ChunkSize: 128}, 0x01000000},
		"past 4 h 39 min, bare, chunks of 128":   {rtmptest.Options{ChunkSize: 128, BareContinuations: true}, 0x01000000},
		"across 4 h 39 min":                      {plain, 0xffffff - 1000},
		"across the wrap after 49 days":          {plain, 0xffffffff - 1000},
		"across the wrap, chunks of 128":         {rtmptest.Options{ChunkSize: 128}, 0xffffffff - 1000},
		"across half of the range of timestamps": {plain, 0x7fffffff - 1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			send(t, s, tt.opts, shifted(clip, tt.by))
			packets := s.waitFor(t, 150)
			last := map[stream.Codec]time.Duration{}
			for _, p := range packets {
				at := p.Track.Duration(p.DTS)
				if before, ok := last[p.Track.Codec]; ok {
					require.InDelta(t, 27*time.Millisecond, at-before, float64(15*time.Millisecond))
				}
				last[p.Track.Codec] = at
				require.Zero(t, p.Epoch.Number)
			}
		})
	}
}

func TestRTMPS(t *testing.T) {
	t.Parallel()
	cert := certificate(t)
	s := start(t, func(c *rtmp.Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}} })
	said, err := publish(t, "rtmps"+s.url(key)[len("rtmp"):], flvtest.PictureAndTone("1")...)
	require.NoError(t, err, said)
	s.waitFor(t, 70)

	insecure := rtmptest.Options{TLS: &tls.Config{InsecureSkipVerify: true}}
	_, err = rtmptest.Publish(s.url("wrong"), insecure)
	var status *rtmptest.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, "NetStream.Publish.BadName", status.Code)
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	hangs := authorizer(func(ctx context.Context) (live.Grant, error) {
		<-ctx.Done()
		return live.Grant{}, ctx.Err()
	})
	fails := authorizer(func(context.Context) (live.Grant, error) { return live.Grant{}, errors.New("database is gone") })
	tests := map[string]struct {
		change func(*rtmp.Config)
		name   string
		code   string
		text   string
	}{
		"wrong key":         {nil, "wrong", "NetStream.Publish.BadName", "the stream key is not valid: copy it again from the channel's settings"},
		"no key":            {nil, "", "NetStream.Publish.BadName", "no stream key was sent: it goes where the stream name goes"},
		"authorizer fails":  {func(c *rtmp.Config) { c.Keys = fails }, key, "NetStream.Publish.BadName", "could not check the stream key, try again"},
		"authorizer hangs":  {func(c *rtmp.Config) { c.Keys, c.AuthorizeTimeout = hangs, time.Millisecond }, key, "NetStream.Publish.BadName", "could not check the stream key, try again"},
		"session fails":     {func(c *rtmp.Config) { c.Streams = broken{errors.New("no disk")} }, key, "NetStream.Publish.BadName", "the stream could not be opened, try again"},
		"server shuts down": {func(c *rtmp.Config) { c.Streams = broken{live.ErrClosed} }, key, "NetStream.Publish.BadName", "the server is shutting down"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tt.change)
			_, err := rtmptest.Publish(s.url(tt.name), rtmptest.Options{})
			require.Equal(t, &rtmptest.StatusError{Code: tt.code, Text: tt.text}, err)
		})
	}
}

type authorizer func(ctx context.Context) (live.Grant, error)

func (a authorizer) Authorize(ctx context.Context, _, _ string) (live.Grant, error) { return a(ctx) }

type broken struct{ err error }

func (b broken) Open(context.Context, live.Grant, live.Source) (*live.Publisher, error) {
	return nil, b.err
}

func TestPlayIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c, err := rtmptest.Dial(s.Addr, rtmptest.Options{})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Connect("live", "rtmp://"+s.Addr+"/live"))
	require.NoError(t, c.Command("createStream", 2, nil))
	require.NoError(t, c.Command("play", 3, nil, "demo"))
	var status *rtmptest.StatusError
	require.ErrorAs(t, c.Wait(), &status)
	require.Equal(t, "NetStream.Play.Failed", status.Code)
	require.Contains(t, status.Text, "watch them over HTTP")
}

func TestUnusableStreamIsToldSo(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c, err := rtmptest.Publish(s.url(key), rtmptest.Options{})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Send(flv.TypeAudio, 0, []byte{0x2f, 0xff, 0xfb}))
	require.Equal(t, &rtmptest.StatusError{
		Code: "NetStream.Publish.Rejected", Text: "codec MP3 is not supported: send AAC",
	}, c.Wait())
}

func TestPublisherIsToldWhyItsConnectionEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		send []byte
		text string
	}{
		"silence":       {nil, "nothing came for too long"},
		"16 MB message": {[]byte{6, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0}, "message of 16777215 bytes, at most 8388608"},
		"no header":     {[]byte{0xc7}, "chunk without a header before it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *rtmp.Config) { c.Limits.IdleTimeout = 300 * time.Millisecond })
			c, err := rtmptest.Publish(s.url(key), rtmptest.Options{})
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.Raw(tt.send))
			var status *rtmptest.StatusError
			require.ErrorAs(t, c.Wait(), &status)
			require.Equal(t, "NetStream.Publish.Rejected", status.Code)
			require.Contains(t, status.Text, tt.text)
		})
	}
}

func TestPublisherReturnsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	clip := flvtest.Clip(t, flvtest.Picture("2", "libx264", "-g", "30")...)
	send(t, s, rtmptest.Options{}, clip)
	s.waitFor(t, 60)
	require.Eventually(t, func() bool {
		c, err := rtmptest.Publish(s.url(key), rtmptest.Options{})
		if err != nil {
			return false
		}
		defer c.Close()
		for _, tag := range clip {
			require.NoError(t, c.SendTag(tag))
		}
		return true
	}, 10*time.Second, time.Millisecond)
	packets := s.waitFor(t, 120)
	require.Equal(t, 1, packets[119].Epoch.Number)
}

func TestMorePublishersThanOneTick(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *rtmp.Config) { c.Keys = manyKeys{} })
	clip := flvtest.Clip(t, flvtest.Picture("2", "libx264", "-g", "30")...)
	const n = 12 // enough for reads to be put together
	var clients []*rtmptest.Client
	for i := range n {
		c, err := rtmptest.Publish(s.url(string(rune('a'+i))), rtmptest.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		clients = append(clients, c)
	}
	for _, tag := range clip {
		for _, c := range clients {
			require.NoError(t, c.SendTag(tag))
		}
	}
	s.waitFor(t, n*60)
}

type manyKeys struct{}

func (manyKeys) Authorize(_ context.Context, _, k string) (live.Grant, error) {
	return live.Grant{Channel: k, KeyID: k}, nil
}

func TestSilentSocketsAreShed(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *rtmp.Config) {
		c.Limits.SetupTimeout = 200 * time.Millisecond
		c.MaxConnections = 300
	})
	var socks []net.Conn
	for range 1000 {
		nc, err := net.Dial("tcp", s.Addr)
		require.NoError(t, err)
		t.Cleanup(func() { nc.Close() })
		socks = append(socks, nc)
	}
	for _, nc := range socks {
		require.NoError(t, nc.SetReadDeadline(time.Now().Add(20*time.Second)))
		_, err := nc.Read(make([]byte, 1))
		require.False(t, isTimeout(err), "still open")
	}
	require.Eventually(t, func() bool { // and there is room again
		c, err := rtmptest.Publish(s.url(key), rtmptest.Options{})
		if err != nil {
			return false
		}
		c.Close()
		return true
	}, 10*time.Second, 10*time.Millisecond)
}

func TestSilentSocketsKeepNoPublisherOut(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *rtmp.Config) { c.Keys, c.MaxConnections, c.Limits.SetupTimeout = manyKeys{}, 50, time.Hour })
	onAir, err := rtmptest.Publish(s.url("first"), rtmptest.Options{})
	require.NoError(t, err)
	defer onAir.Close()
	for range 200 {
		nc, err := net.Dial("tcp", s.Addr)
		require.NoError(t, err)
		t.Cleanup(func() { nc.Close() })
	}
	next, err := rtmptest.Publish(s.url("second"), rtmptest.Options{})
	require.NoError(t, err)
	defer next.Close()
	for _, tag := range flvtest.Clip(t, flvtest.Picture("2", "libx264", "-g", "30")...) {
		require.NoError(t, onAir.SendTag(tag))
	}
	s.waitFor(t, 30)
}

func TestManyPublishersOfOneAddressAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *rtmp.Config) {
		c.Keys, c.Trusted, c.MaxConnectionsPerAddr = manyKeys{}, []netip.Prefix{}, 4
	})
	for i := range 4 {
		c, err := rtmptest.Publish(s.url(string(rune('a'+i))), rtmptest.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
	}
	_, err := rtmptest.Dial(s.Addr, rtmptest.Options{})
	require.Error(t, err)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func TestHostileClientsAreHungUpOn(t *testing.T) {
	t.Parallel()
	quick := func(c *rtmp.Config) { c.Limits.SetupTimeout = 500 * time.Millisecond }
	bomb := append(rtmptest.Append(nil, "connect", 1), 10, 0xff, 0xff, 0xff, 0xff)
	tests := map[string]func(t *testing.T, c *rtmptest.Client){
		"AMF bomb":              func(_ *testing.T, c *rtmptest.Client) { _ = c.Send(rtmptest.TypeCommand, 0, bomb) },
		"absurd chunk size":     func(_ *testing.T, c *rtmptest.Client) { _ = c.Send(rtmptest.TypeSetChunkSize, 0, make([]byte, 4)) },
		"16 MB message":         func(_ *testing.T, c *rtmptest.Client) { _ = c.Raw([]byte{6, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0}) },
		"nothing after hello":   func(*testing.T, *rtmptest.Client) {},
		"endless small talk":    func(_ *testing.T, c *rtmptest.Client) { chatter(c) },
		"publish before create": func(_ *testing.T, c *rtmptest.Client) { _ = c.Command("publish", 5, nil, key, "live") },
	}
	for name, attack := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, quick)
			c, err := rtmptest.Dial(s.Addr, rtmptest.Options{})
			require.NoError(t, err)
			defer c.Close()
			attack(t, c)
			err = c.Wait()
			require.Error(t, err)
			require.False(t, isTimeout(err))
		})
	}
}

// chatter sends harmless messages until the server has had enough.
func chatter(c *rtmptest.Client) {
	for c.Command("_checkbw", 1, nil) == nil {
	}
}

func TestEndlessHandshakeIsEnded(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *rtmp.Config) { c.Limits.SetupTimeout = 300 * time.Millisecond })
	nc, err := net.Dial("tcp", s.Addr)
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Write(append([]byte{3}, make([]byte, 1000)...)) // and then no more
	require.NoError(t, err)
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, err = io.Copy(io.Discard, nc)
	require.False(t, isTimeout(err))
}

func TestConfigIsCheckedAsAWhole(t *testing.T) {
	t.Parallel()
	_, err := rtmp.NewServer(nil, rtmp.Config{MaxPublishers: -1, ConnectEvery: -1})
	for _, want := range []string{"Keys is required", "Streams is required", "Logger is required", "Registerer is required", "limits cannot be negative", "durations cannot be negative"} {
		require.ErrorContains(t, err, want)
	}
}

func TestRunEndsWhenItsListenerDoes(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv, err := rtmp.NewServer(ln, rtmp.Config{Keys: keys{}, Streams: broken{io.EOF}, Logger: discard(), Registerer: registry()})
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	require.ErrorIs(t, srv.Run(t.Context()), net.ErrClosed)
}
