package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answer is a response with its body as it came over the wire.
type answer struct {
	code   int
	header http.Header
	body   string
}

// ask makes a request with header fields, given as name and value by turns. Nothing
// is decompressed.
func (s *server) ask(t *testing.T, method, path string, fields ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL(path), nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := s.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(body)}
}

// medium finds the addresses of media in a playlist.
var medium = regexp.MustCompile(`(?m)^[^#\n]+\.m4s$|URI="([^"]+\.(?:m4s|mp4))"`)

// mediaIn returns the paths of all media that a media playlist names, hints left out.
func (s *server) mediaIn(t *testing.T, playlist string) (paths []string) {
	t.Helper()
	list := s.ask(t, "GET", playlist)
	require.Equal(t, http.StatusOK, list.code, list.body)
	for line := range strings.Lines(list.body) {
		if found := medium.FindStringSubmatch(strings.TrimSpace(line)); found != nil && !strings.HasPrefix(line, "#EXT-X-PRELOAD") {
			name := found[0]
			if found[1] != "" {
				name = found[1]
			}
			paths = append(paths, playlist[:strings.LastIndex(playlist, "/")+1]+name)
		}
	}
	require.NotEmpty(t, paths, list.body)
	return paths
}

const sourcePlaylist = "/live/demo/source/index.m3u8"

func TestDeliveryIsAsCachesNeedIt(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false",
		"BANDSTAND_INGEST_GRACE_PERIOD=1s", "BANDSTAND_HLS_LINGER=2s")
	key := s.channel("demo")
	first := camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	eventually(t, 20*time.Second, func() error {
		if list := s.ask(t, "GET", sourcePlaylist); !strings.Contains(list.body, "\n#EXTINF") {
			return fmt.Errorf("no segment in %s", list.body)
		}
		return nil
	})

	for _, path := range []string{"/live/demo/index.m3u8", "/hls-live/demo.m3u8", sourcePlaylist, "/live/demo/audio/index.m3u8"} {
		t.Run("playlist "+path, func(t *testing.T) { s.checkPlaylist(t, path) })
	}
	media := s.mediaIn(t, sourcePlaylist)
	media = append(media, s.mediaIn(t, "/live/demo/audio/index.m3u8")...)
	for _, path := range media {
		s.checkMedium(t, path)
	}

	// The next session has names of its own, which those of this one do not tell.
	token := tokenOf(t, media[0])
	require.GreaterOrEqual(t, len(token), 22, "128 bits at least")
	first.kill()
	eventually(t, 20*time.Second, func() error { return s.status(sourcePlaylist, http.StatusNotFound) })
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")
	require.NotEqual(t, token, tokenOf(t, s.mediaIn(t, sourcePlaylist)[0]))
	for _, path := range media {
		require.Contains(t, []int{http.StatusNotFound, http.StatusGone}, s.ask(t, "GET", path).code, path)
	}
}

// tokenOf returns what of a medium's name belongs to its session.
func tokenOf(t *testing.T, path string) string {
	t.Helper()
	name := path[strings.LastIndex(path, "/")+1:]
	at := strings.LastIndex(name, "-")
	require.Positive(t, at, path)
	return name[:at]
}

// personal says whether a playlist is made for one viewer.
func personal(path string) bool {
	return !strings.HasPrefix(path, "/live/demo/") || path == "/live/demo/index.m3u8"
}

// checkPlaylist checks how a playlist that changes all the time is served.
func (s *server) checkPlaylist(t *testing.T, path string) {
	plain := s.ask(t, "GET", path, "Origin", "https://elsewhere.example")
	require.Equal(t, http.StatusOK, plain.code)
	require.Equal(t, "application/vnd.apple.mpegurl", plain.header.Get("Content-Type"))
	cache := "no-cache"
	if personal(path) {
		cache = "private, no-store"
	}
	require.Equal(t, cache, plain.header.Get("Cache-Control"))
	require.Equal(t, "*", plain.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "Accept-Encoding", plain.header.Get("Vary"))

	zipped := s.ask(t, "GET", path, "Accept-Encoding", "br, gzip")
	require.Equal(t, "gzip", zipped.header.Get("Content-Encoding"))
	require.Equal(t, personal(path), plain.header.Get("ETag") == "")
	require.True(t, personal(path) || plain.header.Get("ETag") != zipped.header.Get("ETag"))
	r, err := gzip.NewReader(strings.NewReader(zipped.body))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "#EXTM3U\n"), "%s", text)

	head := s.ask(t, "HEAD", path)
	require.Equal(t, http.StatusOK, head.code)
	require.Empty(t, head.body)
	require.NotEmpty(t, head.header.Get("Content-Length"))

	eventually(t, 10*time.Second, func() error { // it may change between the two
		if personal(path) {
			return nil
		}
		tag := s.ask(t, "GET", path).header.Get("ETag")
		again := s.ask(t, "GET", path, "If-None-Match", tag)
		if again.code != http.StatusNotModified || again.body != "" {
			return fmt.Errorf("%s with the ETag %s: got %d, want 304 without a body", path, tag, again.code)
		}
		return nil
	})

	options := s.ask(t, "OPTIONS", path, "Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET")
	require.Equal(t, http.StatusNoContent, options.code)
	require.Contains(t, options.header.Get("Access-Control-Allow-Methods"), "GET")
	require.Equal(t, http.StatusMethodNotAllowed, s.ask(t, "POST", path).code)
}

// checkMedium checks that a medium is immutable, in every way of getting it.
func (s *server) checkMedium(t *testing.T, path string) {
	t.Helper()
	whole := s.ask(t, "GET", path, "Accept-Encoding", "gzip")
	require.Equal(t, http.StatusOK, whole.code, path)
	require.Contains(t, []string{"video/mp4", "audio/mp4"}, whole.header.Get("Content-Type"), path)
	require.Equal(t, "public, max-age=31536000, immutable", whole.header.Get("Cache-Control"), path)
	require.Equal(t, "*", whole.header.Get("Access-Control-Allow-Origin"), path)
	require.Equal(t, "bytes", whole.header.Get("Accept-Ranges"), path)
	require.Empty(t, whole.header.Get("Content-Encoding"), path)
	require.Equal(t, whole.body, s.ask(t, "GET", path).body, path)

	n := len(whole.body)
	head := s.ask(t, "HEAD", path)
	require.Equal(t, http.StatusOK, head.code, path)
	require.Equal(t, fmt.Sprint(n), head.header.Get("Content-Length"), path)

	tag := whole.header.Get("ETag")
	require.NotEmpty(t, tag, path)
	require.Equal(t, http.StatusNotModified, s.ask(t, "GET", path, "If-None-Match", tag).code, path)
	require.Equal(t, http.StatusOK, s.ask(t, "GET", path, "If-None-Match", `"other"`).code, path)

	middle := s.ask(t, "GET", path, "Range", "bytes=5-14", "If-Range", tag)
	require.Equal(t, http.StatusPartialContent, middle.code, path)
	require.Equal(t, fmt.Sprintf("bytes 5-14/%d", n), middle.header.Get("Content-Range"), path)
	require.Equal(t, whole.body[5:15], middle.body, path)
	require.Equal(t, whole.body[n-7:], s.ask(t, "GET", path, "Range", "bytes=-7").body, path)
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable,
		s.ask(t, "GET", path, "Range", fmt.Sprintf("bytes=%d-", n)).code, path)
}
