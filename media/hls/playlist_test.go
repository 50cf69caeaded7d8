package hls

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

var update = flag.Bool("update", false, "rewrite testdata")

// anyToken finds viewers' tokens, each of which is another.
var anyToken = regexp.MustCompile(`\?v=[\w-]{32}`)

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = anyToken.ReplaceAllString(got, "?v=TOKEN")
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestPlaylistsOfALiveStream(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "demo")
	e := newEpoch(0, videoTrack(), audioTrack())
	writeAll(t, st, source{epoch: e, fps: 30, gop: time.Second, from: 10 * time.Second, length: 9500 * time.Millisecond}.packets())

	for file, path := range map[string]string{
		"live-multivariant.m3u8": "/live/demo/index.m3u8",
		"live-alias.m3u8":        "/hls-live/demo.m3u8",
		"live-source.m3u8":       "/live/demo/source/index.m3u8",
		"live-audio.m3u8":        "/live/demo/audio/index.m3u8",
	} {
		res := get(t, s, path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		golden(t, file, text(t, res))
	}

	// A reconnect: a new epoch, and the first epoch's segments leave the window.
	again := newEpoch(1, videoTrack(), audioTrack())
	writeAll(t, st, source{epoch: again, fps: 30, gop: time.Second, from: 25 * time.Second, length: 5100 * time.Millisecond}.packets())
	golden(t, "reconnect-source.m3u8", text(t, get(t, s, "/live/demo/source/index.m3u8")))
	golden(t, "reconnect-audio.m3u8", text(t, get(t, s, "/live/demo/audio/index.m3u8")))
	st.End()
	golden(t, "ended-source.m3u8", text(t, get(t, s, "/live/demo/source/index.m3u8")))
	golden(t, "ended-audio.m3u8", text(t, get(t, s, "/live/demo/audio/index.m3u8")))
}

// TestMultivariantPlaylistIsRenderedOnceAChange checks that viewers share one text,
// until a segment changes what is measured.
func TestMultivariantPlaylistIsRenderedOnceAChange(t *testing.T) {
	t.Parallel()
	st := openTest(newTestServer(t, Config{}), "demo")
	packets := source{epoch: newEpoch(0, videoTrack(), nil), fps: 30, gop: time.Second, from: 10 * time.Second, length: 9 * time.Second}.packets()
	render := func(base string) *variants {
		st.mu.Lock()
		defer st.mu.Unlock()
		b, err := st.renderVariants(base)
		require.NoError(t, err)
		return b
	}
	writeAll(t, st, packets[:130])
	first := render("")
	require.Same(t, first, render(""))
	require.NotSame(t, first, render("/live/demo/"))
	require.Same(t, first, render(""))
	writeAll(t, st, packets[130:])
	require.NotSame(t, first, render(""))
	require.NotEqual(t, first.text, render("").text)
}

func TestPlainPlaylist(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{Plain: true})
	st := openTest(s, "demo")
	e := newEpoch(0, videoTrack(), nil)
	writeAll(t, st, source{epoch: e, fps: 25, gop: 2 * time.Second, from: 10 * time.Second, length: 9 * time.Second}.packets())
	golden(t, "plain-source.m3u8", text(t, get(t, s, "/live/demo/source/index.m3u8")))
	golden(t, "plain-multivariant.m3u8", text(t, get(t, s, "/live/demo/index.m3u8")))
}

func TestAudioOnlyPlaylist(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "radio")
	e := newEpoch(0, nil, audioTrack())
	writeAll(t, st, source{epoch: e, from: 10 * time.Second, length: 7 * time.Second}.packets())
	golden(t, "audio-only-multivariant.m3u8", text(t, get(t, s, "/live/radio/index.m3u8")))
	golden(t, "audio-only.m3u8", text(t, get(t, s, "/live/radio/audio/index.m3u8")))
}

func TestRungPlaylist(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "demo", stream.Rung{Name: "360p", Height: 360, BitrateBPS: 700_000})
	e := newEpoch(0, videoTrack(), nil)
	small := videoTrack()
	small.Width, small.Height = 640, 360
	re := newEpoch(0, small, nil)
	src := source{epoch: e, fps: 30, gop: 2 * time.Second, from: 10 * time.Second, length: 21 * time.Second}.packets()
	rung := source{epoch: re, fps: 30, gop: 2 * time.Second, from: 10 * time.Second, length: 21 * time.Second}.packets()
	for i, p := range src {
		require.NoError(t, st.write(p))
		if i < 3 {
			continue
		}
		q := rung[i-3]
		at := q.Time() - 10*time.Second
		switch {
		case at < 2*time.Second: // begins with the second segment
		case at == 7*time.Second: // its encoder dies in the middle of one
			st.RungDown("360p")
		case at > 7*time.Second && at < 13*time.Second:
		default:
			st.WriteRung("360p", q)
		}
	}
	golden(t, "rung.m3u8", text(t, get(t, s, "/live/demo/360p/index.m3u8")))
	golden(t, "rung-multivariant.m3u8", text(t, get(t, s, "/live/demo/index.m3u8")))
}
