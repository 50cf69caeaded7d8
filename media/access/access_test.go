package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/media/access"
)

const (
	multivariant = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n" +
		"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",DEFAULT=YES,AUTOSELECT=YES,URI=\"audio/index.m3u8\"\n" +
		"#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"audio\"\nsource/index.m3u8\n"
	media = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n" +
		"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.60000\n" +
		"#EXT-X-MAP:URI=\"TOKEN-i0.mp4\"\n#EXT-X-PART:DURATION=0.20000,URI=\"TOKEN-p1.m4s\",INDEPENDENT=YES\n" +
		"#EXTINF:2.00000,\nTOKEN-s1.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"TOKEN-p2.m4s\"\n" +
		"#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\",LAST-MSN=1\n"
)

// playlists serves what the HLS handler serves, with the addresses that it uses.
var playlists = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Access-Control-Allow-Origin"] = []string{"*"}
	h["Cache-Control"] = []string{"no-cache"}
	switch _, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/live/"), "/"); {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(r.URL.Path, "/hls-live/"):
		channel := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/hls-live/"), ".m3u8")
		_, _ = io.WriteString(w, strings.NewReplacer("source/", "/live/"+channel+"/source/", "audio/", "/live/"+channel+"/audio/").Replace(multivariant))
	case file == "index.m3u8":
		_, _ = io.WriteString(w, multivariant)
	case file == "source/index.m3u8", file == "audio/index.m3u8":
		if r.URL.Query().Has("_HLS_msn") {
			h["Cache-Control"] = []string{"public, max-age=1"}
		}
		other := map[string]string{"source": "audio", "audio": "source"}[strings.TrimSuffix(file, "/index.m3u8")]
		_, _ = fmt.Fprintf(w, media, other)
	case file == "thumb.jpg", regexp.MustCompile(`^(source|audio)/TOKEN-[isp]\d+\.(mp4|m4s)$`).MatchString(file):
		h["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, r.URL.Path)
	default:
		http.Error(w, "Not Found", http.StatusNotFound)
	}
})

// verify takes the token "good" for the channel "secret".
func verify(channel, token string) error {
	switch {
	case channel == "secret" && token == "good":
		return nil
	case channel == "secret" && token == "old":
		return fmt.Errorf("it was good: %w", access.ErrExpired)
	}
	return errors.New("bad token")
}

func isSecret(_ context.Context, channel string) (bool, error) { return channel == "secret", nil }

func newHandler(t testing.TB, next http.Handler, change ...func(*access.Config)) (*access.Handler, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	cfg := access.Config{
		Private: isSecret, Verify: verify, Next: next,
		Logger: slog.New(slog.DiscardHandler), Registerer: registry,
	}
	for _, c := range change {
		c(&cfg)
	}
	h, err := access.New(cfg)
	require.NoError(t, err)
	return h, registry
}

func get(t testing.TB, h http.Handler, method, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}

// counts returns the values of a counter by its label.
func counts(t testing.TB, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			label := ""
			for _, l := range m.GetLabel() {
				label = l.GetValue()
			}
			values[label] = m.GetCounter().GetValue()
		}
	}
	return values
}

// field returns a field of a JSON object.
func field(t testing.TB, body, name string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(body), &fields))
	return string(fields[name])
}

func TestPrivateChannelsAreForThoseWithAToken(t *testing.T) {
	t.Parallel()
	h, registry := newHandler(t, playlists)
	files := []string{
		"index.m3u8", "source/index.m3u8", "source/index.m3u8?_HLS_msn=1&_HLS_part=2", "audio/index.m3u8", "thumb.jpg",
		"source/TOKEN-i0.mp4", "source/TOKEN-s1.m4s", "source/TOKEN-p1.m4s", "no-such-thing",
	}
	for prefix, code := range map[string]string{
		"/live/secret/":               "playback_denied",
		"/live/secret/~/":             "playback_denied",
		"/live/secret/~bad/":          "playback_denied",
		"/live/secret/~good%20/":      "playback_denied",
		"/live/secret/~bad/~good/":    "playback_denied",
		"/live/secret/good/":          "playback_denied",
		"/live/secret/source/~good/":  "playback_denied",
		"/live/secret/%2e/~good/":     "playback_denied",
		"/live/secret//~good/":        "playback_denied",
		"/live/secret/~old/":          "playback_expired",
		"/live/open/../secret/":       "", // names the channel "open", as for the next handler
		"/live/secret/~good/":         "",
		"/live/%73ecret/~good/":       "",
		"/live/secret/%7Egood/":       "",
		"/live/open/":                 "",
		"/live/open/~whatever/":       "",
		"/live/nobody/~good/~secret/": "",
	} {
		for _, file := range files {
			for _, method := range []string{"GET", "HEAD"} {
				r := get(t, h, method, prefix+file)
				if code == "" {
					require.NotEqual(t, http.StatusForbidden, r.StatusCode, prefix+file)
					continue
				}
				require.Equal(t, http.StatusForbidden, r.StatusCode, prefix+file)
				require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
				require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
				require.Equal(t, "*", r.Header.Get("Access-Control-Allow-Origin"))
				body := text(t, r)
				require.JSONEq(t, `"`+code+`"`, field(t, body, "code"))
				require.JSONEq(t, `"/api/problems/`+code+`"`, field(t, body, "type"))
				require.Equal(t, "403", field(t, body, "status"))
				require.NotContains(t, body, "secret")
			}
		}
	}
	for _, path := range []string{"/hls-live/secret.m3u8", "/hls-live/secret", "/hls-live/secret/~bad.m3u8", "/hls-live/secret/good.m3u8"} {
		require.Equal(t, http.StatusForbidden, get(t, h, "GET", path).StatusCode, path)
	}
	require.Equal(t, http.StatusNoContent, get(t, h, "OPTIONS", "/live/secret/index.m3u8").StatusCode)
	const perPrefix = 2 * 9
	require.Equal(t, map[string]float64{
		"expired": perPrefix, "invalid": 3*perPrefix + 1, "missing": 6*perPrefix + 3,
	}, counts(t, registry, "bandstand_access_refused_total"))
}

// TestEveryAddressInAPlaylistKeepsTheToken walks from the address that was given out
// to everything that a player asks for, as RFC 3986 resolves addresses.
func TestEveryAddressInAPlaylistKeepsTheToken(t *testing.T) {
	t.Parallel()
	h, _ := newHandler(t, playlists)
	start := access.Path("secret", "good")
	require.Equal(t, "/live/secret/~good/index.m3u8", start)
	seen := map[string]bool{}
	address := regexp.MustCompile(`URI="([^"]+)"`)
	var walk func(from *url.URL)
	walk = func(from *url.URL) {
		if seen[from.Path] {
			return
		}
		seen[from.Path] = true
		r := get(t, h, "GET", from.String())
		require.Equal(t, http.StatusOK, r.StatusCode, from)
		require.Contains(t, r.Header.Get("Cache-Control"), "private", from)
		if !strings.HasSuffix(from.Path, ".m3u8") {
			return
		}
		for line := range strings.Lines(text(t, r)) {
			line = strings.TrimSpace(line)
			if m := address.FindStringSubmatch(line); m != nil {
				line = m[1]
			} else if strings.HasPrefix(line, "#") {
				continue
			}
			to, err := from.Parse(line)
			require.NoError(t, err)
			walk(to)
		}
	}
	first, err := url.Parse(start)
	require.NoError(t, err)
	walk(first)
	require.Len(t, seen, 1+2+2*4, "the playlists, and of each rendition all that its playlist names")
	for path := range seen {
		require.Contains(t, path, "/~good/")
	}

	short := get(t, h, "GET", "/hls-live/secret/~good.m3u8?_HLS_skip=YES")
	require.Equal(t, http.StatusFound, short.StatusCode)
	require.Equal(t, start+"?_HLS_skip=YES", short.Header.Get("Location"))
	require.Contains(t, short.Header.Get("Cache-Control"), "private")
}

func TestNoSharedCacheKeepsWhatIsPrivate(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"source/TOKEN-s1.m4s":          "max-age=31536000, immutable",
		"source/index.m3u8?_HLS_msn=1": "max-age=1",
		"index.m3u8":                   "no-cache",
		"nothing":                      "no-cache",
	} {
		h, _ := newHandler(t, playlists)
		require.Equal(t, "private, "+want, get(t, h, "GET", "/live/secret/~good/"+path).Header.Get("Cache-Control"), path)
		require.NotContains(t, get(t, h, "GET", "/live/open/"+path).Header.Get("Cache-Control"), "private", path)
		require.NotContains(t, get(t, h, "GET", "/live/open/~good/"+path).Header.Get("Cache-Control"), "private", path)
	}
	h, _ := newHandler(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	require.Equal(t, "private", get(t, h, "GET", "/live/secret/~good/x").Header.Get("Cache-Control"))
	h, _ = newHandler(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Cache-Control"] = []string{"Public,s-maxage=9", "MAX-AGE=5"}
		w.(http.Flusher).Flush()
	}))
	require.Equal(t, "private, MAX-AGE=5", get(t, h, "GET", "/live/secret/~good/x").Header.Get("Cache-Control"))
}

// TestTheNextHandlerSeesNoToken also says that what is not private is not touched.
func TestTheNextHandlerSeesNoToken(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var writer http.ResponseWriter
	h, _ := newHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got, writer = r, w }))
	for path, want := range map[string]string{
		"/live/secret/~good/source/x.m4s?a=b": "/live/secret/source/x.m4s?a=b",
		"/live/secret/~good":                  "/live/secret/",
		"/live/open/~old/index.m3u8":          "/live/open/index.m3u8",
		"/live/a%2Fb/~x/c%2Fd":                "/live/a%2Fb/~x/c%2Fd", // the channel is "a"
	} {
		sent := httptest.NewRequest(http.MethodGet, path, nil)
		before := *sent.URL
		w := httptest.NewRecorder()
		h.ServeHTTP(w, sent)
		require.Equal(t, want, got.URL.RequestURI(), path)
		require.Equal(t, before, *sent.URL)
	}
	for _, path := range []string{"/live/open/index.m3u8", "/hls-live/open.m3u8", "/other/~good/x", "/"} {
		sent := httptest.NewRequest(http.MethodGet, path, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, sent)
		require.Same(t, sent, got)
		require.Same(t, w, writer)
	}
}

func TestWhenNobodyKnowsWhatIsPrivate(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var log strings.Builder
	h, registry := newHandler(t, playlists, func(cfg *access.Config) {
		cfg.Private = func(ctx context.Context, channel string) (bool, error) {
			if down.Load() {
				return false, errors.New("no answer")
			}
			return isSecret(ctx, channel)
		}
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	status := func(path string) int { return get(t, h, "GET", path).StatusCode }
	require.Equal(t, 403, status("/live/secret/index.m3u8"))
	require.Equal(t, 200, status("/live/open/index.m3u8"))
	down.Store(true)
	require.Equal(t, 403, status("/live/secret/index.m3u8"), "what was private stays private")
	require.Equal(t, 200, status("/live/secret/~good/index.m3u8"), "and open to those with a token")
	require.Equal(t, 200, status("/live/open/index.m3u8"))
	require.Equal(t, 200, status("/live/other/index.m3u8"), "streams go on")
	require.Equal(t, 1, strings.Count(log.String(), "nobody knows"), log.String())
	require.Equal(t, map[string]float64{"": 4}, counts(t, registry, "bandstand_access_unknown_total"))
}

func TestAChannelBecomesPublic(t *testing.T) {
	t.Parallel()
	var private atomic.Bool
	private.Store(true)
	h, _ := newHandler(t, playlists, func(cfg *access.Config) {
		cfg.Private = func(context.Context, string) (bool, error) { return private.Load(), nil }
	})
	require.Equal(t, 403, get(t, h, "GET", "/live/open/index.m3u8").StatusCode)
	private.Store(false)
	require.Equal(t, 200, get(t, h, "GET", "/live/open/index.m3u8").StatusCode)
	require.Equal(t, 200, get(t, h, "GET", "/live/open/~old/index.m3u8").StatusCode, "addresses that were given out stay good")
}

func TestHandlerNeedsItsParts(t *testing.T) {
	t.Parallel()
	_, err := access.New(access.Config{})
	for _, name := range []string{"Private", "Verify", "Next", "Logger", "Registerer"} {
		require.ErrorContains(t, err, name+" is required")
	}
}
