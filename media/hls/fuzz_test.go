package hls

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzRequest sends any path, query and headers: the answer is a known status code,
// and nothing but this stream's own names is found.
func FuzzRequest(f *testing.F) {
	for _, path := range []string{
		"/live/x/index.m3u8", "/hls-live/x.m3u8", "/live/x/thumb.jpg", "/live/x/source/index.m3u8",
		"/live/x/source/TESTTOKEN-i0.mp4", "/live/x/source/TESTTOKEN-s1.m4s", "/live/x/audio/TESTTOKEN-p3.m4s",
		"/live/../../etc/passwd", "/live/x/source/TESTTOKEN-p-1.m4s", "/live//", "/live/x/source/\x00", "",
	} {
		f.Add(path, "", "", "")
	}
	const list = "/live/x/source/index.m3u8"
	for _, query := range []string{
		"_HLS_msn=1&_HLS_part=0", "_HLS_msn=99999999999", "_HLS_part=1", "_HLS_msn=-1", "_HLS_skip=v2",
		"_HLS_msn=3&_HLS_part=999999999999", "%zz&=&&&", "_HLS_msn=1&_HLS_msn=x",
	} {
		f.Add(list, query, "gzip;q=0.1, *", `"x", *`)
	}
	f.Add("/live/x/source/TESTTOKEN-s1.m4s", "", "", "bytes=0-1,5-")
	s, err := New(Config{Now: func() time.Time { return anchor }})
	require.NoError(f, err)
	f.Cleanup(s.stop)
	st := openTest(s, "x")
	for _, p := range (source{
		epoch: newEpoch(0, videoTrack(), audioTrack()), fps: 30, gop: time.Second, from: 10 * time.Second, length: 7 * time.Second,
	}).packets() {
		require.NoError(f, st.write(p))
	}
	f.Fuzz(func(t *testing.T, path, query, encoding, extra string) {
		// What would wait ends at once.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r := (&http.Request{
			Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{}, RemoteAddr: extra,
		}).WithContext(ctx)
		r.Header.Set("Accept-Encoding", encoding)
		r.Header.Set("If-None-Match", extra)
		r.Header.Set("Range", extra)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch w.Code {
		case 200, 206, 304:
			require.True(t, strings.HasPrefix(path, "/live/x/") || path == "/hls-live/x.m3u8", path)
		case 400, 404, 410, 416, 503:
		default:
			require.Fail(t, "unexpected status", "%d for %q?%q", w.Code, path, query)
		}
	})
}

// BenchmarkPlaylist renders the playlist of a minute of low-latency video.
func BenchmarkPlaylist(b *testing.B) {
	s, err := New(Config{Now: func() time.Time { return anchor }})
	require.NoError(b, err)
	b.Cleanup(s.stop)
	st := openTest(s, "x")
	for _, p := range (source{
		epoch: newEpoch(0, videoTrack(), nil), fps: 30, gop: time.Second, from: 10 * time.Second, length: 70 * time.Second,
	}).packets() {
		require.NoError(b, st.write(p))
	}
	r := st.leader
	b.Run("render", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.version++
			r.render()
		}
	})
	b.Run("gzip", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.version++
			r.render().full.gzipped(s.zippers)
		}
	})
	b.Run("serve", func(b *testing.B) {
		b.ReportAllocs()
		req := httptest.NewRequest(http.MethodGet, sourceList, nil)
		for b.Loop() {
			s.ServeHTTP(httptest.NewRecorder(), req)
		}
	})
	b.Run("serve to a viewer with a token", func(b *testing.B) {
		b.ReportAllocs()
		token := s.cfg.Viewers.token(1<<40|7, anchor.Add(time.Hour))
		req := httptest.NewRequest(http.MethodGet, sourceList+"?v="+token, nil)
		for b.Loop() {
			s.ServeHTTP(httptest.NewRecorder(), req)
		}
	})
	b.Run("variants", func(b *testing.B) {
		b.ReportAllocs()
		req := httptest.NewRequest(http.MethodGet, "/live/x/index.m3u8", nil)
		for b.Loop() {
			s.ServeHTTP(httptest.NewRecorder(), req)
		}
	})
}
