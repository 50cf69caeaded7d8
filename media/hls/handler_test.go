package hls

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// served returns a server with a stream "x" of ten seconds of video and audio.
func served(t *testing.T, cfg Config) (*Server, *Stream) {
	t.Helper()
	s := newTestServer(t, cfg)
	st := openTest(s, "x")
	writeAll(t, st, source{
		epoch: newEpoch(0, videoTrack(), audioTrack()), fps: 30, gop: time.Second,
		from: 10 * time.Second, length: 10 * time.Second,
	}.packets())
	return s, st
}

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	s, st := served(t, Config{Window: 4 * time.Second}) // 6.2 s are the least
	writeAll(t, st, source{
		epoch: newEpoch(1, videoTrack(), audioTrack()), fps: 30, gop: time.Second,
		from: 30 * time.Second, length: 13 * time.Second,
	}.packets())
	tests := map[string]struct {
		path string
		code int
	}{
		"multivariant":          {"/live/x/index.m3u8", 200},
		"alias":                 {"/hls-live/x.m3u8", 200},
		"media playlist":        {"/live/x/source/index.m3u8", 200},
		"audio playlist":        {"/live/x/audio/index.m3u8", 200},
		"init segment":          {"/live/x/source/TESTTOKEN-i0.mp4", 200},
		"second init segment":   {"/live/x/source/TESTTOKEN-i1.mp4", 200},
		"audio init segment":    {"/live/x/audio/TESTTOKEN-i0.mp4", 200},
		"segment":               {"/live/x/source/TESTTOKEN-s10.m4s", 200},
		"part":                  {"/live/x/source/TESTTOKEN-p110.m4s", 200},
		"audio segment":         {"/live/x/audio/TESTTOKEN-s10.m4s", 200},
		"just left":             {"/live/x/source/TESTTOKEN-s7.m4s", 200},
		"segment that expired":  {"/live/x/source/TESTTOKEN-s1.m4s", 410},
		"part that expired":     {"/live/x/source/TESTTOKEN-p1.m4s", 410},
		"open segment":          {"/live/x/source/TESTTOKEN-s12.m4s", 404},
		"segment to come":       {"/live/x/source/TESTTOKEN-s13.m4s", 404},
		"segment zero":          {"/live/x/source/TESTTOKEN-s0.m4s", 404},
		"part zero":             {"/live/x/source/TESTTOKEN-p0.m4s", 404},
		"part far ahead":        {"/live/x/source/TESTTOKEN-p99999.m4s", 404},
		"init to come":          {"/live/x/source/TESTTOKEN-i2.mp4", 404},
		"another token":         {"/live/x/source/OTHERTOKE-s10.m4s", 404},
		"no token":              {"/live/x/source/s10.m4s", 404},
		"padded number":         {"/live/x/source/TESTTOKEN-s010.m4s", 404},
		"signed number":         {"/live/x/source/TESTTOKEN-s+10.m4s", 404},
		"huge number":           {"/live/x/source/TESTTOKEN-s99999999999999999999.m4s", 404},
		"wrong suffix":          {"/live/x/source/TESTTOKEN-s10.mp4", 404},
		"wrong kind":            {"/live/x/source/TESTTOKEN-x10.m4s", 404},
		"no number":             {"/live/x/source/TESTTOKEN-s.m4s", 404},
		"unknown rendition":     {"/live/x/1080p/index.m3u8", 404},
		"unknown channel":       {"/live/y/index.m3u8", 404},
		"unknown alias":         {"/hls-live/y.m3u8", 404},
		"alias without suffix":  {"/hls-live/x", 404},
		"no thumbnail":          {"/live/x/thumb.jpg", 404},
		"channel alone":         {"/live/x", 404},
		"channel as a folder":   {"/live/x/", 404},
		"rendition alone":       {"/live/x/source", 404},
		"dots":                  {"/live/x/../x/index.m3u8", 404},
		"dots in the rendition": {"/live/x/source/../../x/source/index.m3u8", 404},
		"escaped dots":          {"/live/%2e%2e/x/index.m3u8", 404},
		"empty elements":        {"/live//x//index.m3u8", 404},
		"another tree":          {"/", 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := get(t, s, tt.path)
			require.Equal(t, tt.code, res.StatusCode)
			require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
			if tt.code != 200 {
				require.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
				require.NotContains(t, text(t, res), "x")
			}
		})
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s, _ := served(t, Config{})
	const path = "/live/x/source/index.m3u8"
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, "BREW"} {
		res := do(t, s, httptest.NewRequest(method, path, nil))
		require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
		require.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Allow"))
	}
	res := do(t, s, httptest.NewRequest(http.MethodOptions, path, nil))
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "Range")

	for _, path := range []string{
		path, "/live/x/index.m3u8", "/live/x/source/TESTTOKEN-s2.m4s",
		"/live/x/source/TESTTOKEN-p2.m4s", "/live/x/source/TESTTOKEN-i0.mp4",
	} {
		whole := get(t, s, path)
		head := do(t, s, httptest.NewRequest(http.MethodHead, path, nil))
		require.Equal(t, http.StatusOK, head.StatusCode)
		require.Empty(t, text(t, head))
		require.Equal(t, strconv.Itoa(len(text(t, whole))), head.Header.Get("Content-Length"))
		require.Equal(t, whole.Header, head.Header)
	}
}

func TestCaching(t *testing.T) {
	t.Parallel()
	s, _ := served(t, Config{})
	tests := map[string]struct{ path, kind, cache string }{
		"media playlist":  {"/live/x/source/index.m3u8", "application/vnd.apple.mpegurl", "no-cache"},
		"blocking reload": {"/live/x/source/index.m3u8?_HLS_msn=1", "application/vnd.apple.mpegurl", "public, max-age=1"},
		"init segment":    {"/live/x/source/TESTTOKEN-i0.mp4", "video/mp4", "public, max-age=31536000, immutable"},
		"segment":         {"/live/x/source/TESTTOKEN-s2.m4s", "video/mp4", "public, max-age=31536000, immutable"},
		"part":            {"/live/x/source/TESTTOKEN-p2.m4s", "video/mp4", "public, max-age=31536000, immutable"},
		"audio segment":   {"/live/x/audio/TESTTOKEN-s2.m4s", "audio/mp4", "public, max-age=31536000, immutable"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := get(t, s, tt.path)
			require.Equal(t, http.StatusOK, res.StatusCode)
			require.Equal(t, tt.kind, res.Header.Get("Content-Type"))
			require.Equal(t, tt.cache, res.Header.Get("Cache-Control"))
			tag := res.Header.Get("ETag")
			require.Regexp(t, `^"[^"]+"$`, tag)
			again := get(t, s, tt.path, "If-None-Match", `"other", W/`+tag)
			require.Equal(t, http.StatusNotModified, again.StatusCode)
			require.Empty(t, text(t, again))
			require.Equal(t, tag, again.Header.Get("ETag"))
			require.Equal(t, http.StatusOK, get(t, s, tt.path, "If-None-Match", `"other"`).StatusCode)
		})
	}
}

// TestMultivariantPlaylistIsForOneViewer checks that no cache keeps it for others.
func TestMultivariantPlaylistIsForOneViewer(t *testing.T) {
	t.Parallel()
	s, _ := served(t, Config{})
	for _, path := range []string{"/live/x/index.m3u8", "/hls-live/x.m3u8"} {
		res, other := get(t, s, path), get(t, s, path)
		require.Equal(t, "application/vnd.apple.mpegurl", res.Header.Get("Content-Type"))
		require.Equal(t, "private, no-store", res.Header.Get("Cache-Control"))
		require.Empty(t, res.Header.Get("ETag"))
		list, otherList := text(t, res), text(t, other)
		require.Len(t, anyToken.FindAllString(list, -1), 2, "video and audio")
		require.NotEqual(t, list, otherList)
		require.Equal(t, anyToken.ReplaceAllString(list, ""), anyToken.ReplaceAllString(otherList, ""))
	}
}

func TestGzippedPlaylists(t *testing.T) {
	t.Parallel()
	s, _ := served(t, Config{})
	for _, path := range []string{"/live/x/index.m3u8", "/live/x/source/index.m3u8"} {
		own := get(t, s, path)
		if token := anyToken.FindString(text(t, own)); token != "" {
			path += token // the same viewer: the same id
		}
		plain := get(t, s, path)
		require.Equal(t, "Accept-Encoding", plain.Header.Get("Vary"))
		require.Empty(t, plain.Header.Get("Content-Encoding"))
		res := get(t, s, path, "Accept-Encoding", "deflate, gzip;q=0.8, br")
		require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
		if tag := plain.Header.Get("ETag"); tag != "" {
			require.NotEqual(t, tag, res.Header.Get("ETag"))
		}
		z, err := gzip.NewReader(res.Body)
		require.NoError(t, err)
		unpacked, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, text(t, plain), string(unpacked))
	}
	refused := get(t, s, "/live/x/index.m3u8", "Accept-Encoding", "gzip;q=0, identity")
	require.Empty(t, refused.Header.Get("Content-Encoding"))
}

func TestRanges(t *testing.T) {
	t.Parallel()
	s, _ := served(t, Config{})
	for _, path := range []string{"/live/x/source/TESTTOKEN-s2.m4s", "/live/x/source/TESTTOKEN-p3.m4s", "/live/x/audio/TESTTOKEN-i0.mp4"} {
		res := get(t, s, path)
		require.Equal(t, "bytes", res.Header.Get("Accept-Ranges"))
		whole := text(t, res)
		tests := map[string]struct {
			header string
			code   int
			want   string
		}{
			"first bytes":  {"bytes=0-9", 206, whole[:10]},
			"middle":       {"bytes=100-199", 206, whole[100:200]},
			"last bytes":   {"bytes=-5", 206, whole[len(whole)-5:]},
			"to the end":   {"bytes=7-", 206, whole[7:]},
			"past the end": {"bytes=99999999-", 416, ""},
			"several":      {"bytes=0-0,5-9", 200, whole},
		}
		for name, tt := range tests {
			res := get(t, s, path, "Range", tt.header)
			require.Equal(t, tt.code, res.StatusCode, name)
			if tt.code != 416 {
				require.Equal(t, tt.want, text(t, res), name)
			}
		}
		stale := get(t, s, path, "Range", "bytes=0-9", "If-Range", `"other"`)
		require.Equal(t, http.StatusOK, stale.StatusCode)
	}
}

// TestSegmentIsItsParts checks that a segment is byte for byte its parts.
func TestSegmentIsItsParts(t *testing.T) {
	t.Parallel()
	s, st := served(t, Config{})
	for _, r := range st.renditions {
		seg := r.segs[1]
		var parts strings.Builder
		for i := range seg.parts {
			parts.WriteString(text(t, get(t, s, "/live/x/"+r.name+"/TESTTOKEN-p"+strconv.Itoa(seg.firstPart+i)+".m4s")))
		}
		require.Equal(t, parts.String(), text(t, get(t, s, "/live/x/"+r.name+"/TESTTOKEN-s2.m4s")))
	}
}

func TestThumbnail(t *testing.T) {
	t.Parallel()
	s, st := served(t, Config{})
	st.SetThumbnail([]byte("one"))
	res := get(t, s, "/live/x/thumb.jpg")
	require.Equal(t, "image/jpeg", res.Header.Get("Content-Type"))
	require.Equal(t, "public, max-age=5", res.Header.Get("Cache-Control"))
	require.Equal(t, "one", text(t, res))
	tag := res.Header.Get("ETag")
	require.Equal(t, http.StatusNotModified, get(t, s, "/live/x/thumb.jpg", "If-None-Match", tag).StatusCode)
	st.SetThumbnail([]byte("two"))
	require.Equal(t, "two", text(t, get(t, s, "/live/x/thumb.jpg", "If-None-Match", tag)))
}

func TestEndedStreamLingers(t *testing.T) {
	t.Parallel()
	now := anchor
	s, st := served(t, Config{Now: func() time.Time { return now }})
	st.End()
	st.End()
	require.Contains(t, text(t, get(t, s, "/live/x/source/index.m3u8?_HLS_msn=99")), "#EXT-X-ENDLIST")
	now = now.Add(59 * time.Second)
	s.sweep(now)
	require.Equal(t, http.StatusOK, get(t, s, "/live/x/source/TESTTOKEN-s2.m4s").StatusCode)
	now = now.Add(time.Second)
	s.sweep(now)
	require.Equal(t, http.StatusNotFound, get(t, s, "/live/x/source/TESTTOKEN-s2.m4s").StatusCode)
}

func TestOpenReplacesAStream(t *testing.T) {
	t.Parallel()
	s, st := served(t, Config{})
	next := s.Open("x", Options{})
	require.NotEqual(t, st.token, next.token)
	require.Len(t, next.token, 26)
	require.ErrorIs(t, st.write(packet(newEpoch(2, videoTrack(), nil), videoTrack(), 0, 0, true, 1)), errGone)
	require.Equal(t, http.StatusNotFound, get(t, s, "/live/x/source/TESTTOKEN-s2.m4s").StatusCode)
}

func TestMetricsCountRequests(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	s, st := served(t, Config{Registerer: reg})
	n := len(text(t, get(t, s, "/live/x/source/TESTTOKEN-s2.m4s")))
	get(t, s, "/live/x/source/TESTTOKEN-s99.m4s")
	get(t, s, "/live/x/source/index.m3u8")
	s.sweep(anchor)
	require.InDelta(t, 1, value(t, reg, "bandstand_hls_streams"), 0)
	require.InDelta(t, 1, value(t, reg, "bandstand_hls_viewers"), 0)
	require.InDelta(t, st.stored, value(t, reg, "bandstand_hls_stored_bytes"), 0)
	require.InDelta(t, n, value(t, reg, "bandstand_hls_bytes_sent_total", "segment"), 0)
	require.InDelta(t, 1, value(t, reg, "bandstand_hls_requests_total", "2xx", "segment"), 0)
	require.InDelta(t, 1, value(t, reg, "bandstand_hls_requests_total", "4xx", "segment"), 0)
	require.InDelta(t, 1, value(t, reg, "bandstand_hls_requests_total", "2xx", "playlist"), 0)
}

// value returns a counter or gauge of reg with these label values, by label name.
func value(t *testing.T, reg *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetValue())
			}
			if slices.Equal(have, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	require.Fail(t, "no metric "+name)
	return 0
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := New(Config{SegmentTarget: time.Millisecond, Window: -1, MaxStreamBytes: 1})
	require.ErrorContains(t, err, "SegmentTarget")
	require.ErrorContains(t, err, "Window")
	require.ErrorContains(t, err, "MaxStreamBytes")
}
