package hls

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

// asked is a request under way.
type asked struct {
	w    *httptest.ResponseRecorder
	done chan struct{}
}

// ask sends a request and returns once it waits or is answered. It must run in a
// synctest bubble.
func ask(s *Server, path string) *asked {
	return askWith(context.Background(), s, path)
}

func askWith(ctx context.Context, s *Server, path string) *asked {
	a := &asked{w: httptest.NewRecorder(), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		s.ServeHTTP(a.w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
	}()
	synctest.Wait()
	return a
}

// answered says whether the request is answered by now.
func (a *asked) answered() bool {
	synctest.Wait()
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

const sourceList = "/live/x/source/index.m3u8"

// inBubble runs f with fake time, on a stream that got the first n packets of a
// 30 fps source with keyframes each second, and the rest of them.
func inBubble(t *testing.T, n int, f func(t *testing.T, s *Server, st *Stream, rest []*stream.Packet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{})
		require.NoError(t, err)
		defer s.stop()
		st := openTest(s, "x")
		packets := source{
			epoch: newEpoch(0, videoTrack(), nil), fps: 30, gop: time.Second, from: 10 * time.Second, length: time.Minute,
		}.packets()
		writeAll(t, st, packets[:n])
		f(t, s, st, packets[n:])
	})
}

func TestBlockingReload(t *testing.T) {
	t.Parallel()
	// 187 frames: segments 1 to 3 with ten parts each, one part of segment 4.
	tests := map[string]struct {
		query string
		now   int // status code at once; zero: waits
		until int // frames until it is answered
		skip  bool
	}{
		"without directives":                  {query: "", now: 200},
		"an old segment":                      {query: "_HLS_msn=1", now: 200},
		"the last segment":                    {query: "_HLS_msn=3", now: 200},
		"the part that is there":              {query: "_HLS_msn=4&_HLS_part=0", now: 200},
		"the next part":                       {query: "_HLS_msn=4&_HLS_part=1", until: 5},
		"a later part":                        {query: "_HLS_msn=4&_HLS_part=3", until: 17},
		"the open segment":                    {query: "_HLS_msn=4", until: 54},
		"a part after the last of a segment":  {query: "_HLS_msn=3&_HLS_part=10", now: 200},
		"a part after the last, not there":    {query: "_HLS_msn=4&_HLS_part=10", until: 59},
		"the first part of the next segment":  {query: "_HLS_msn=5&_HLS_part=0", until: 59},
		"two segments ahead":                  {query: "_HLS_msn=6&_HLS_part=0", until: 119},
		"three segments ahead":                {query: "_HLS_msn=7", now: 400},
		"far ahead":                           {query: "_HLS_msn=999999999999999999", now: 400},
		"too long a number":                   {query: "_HLS_msn=9999999999999999999999999", now: 400},
		"a negative number":                   {query: "_HLS_msn=-1", now: 400},
		"not a number":                        {query: "_HLS_msn=x", now: 400},
		"an empty number":                     {query: "_HLS_msn=", now: 400},
		"a part without a segment":            {query: "_HLS_part=0", now: 400},
		"a bad part":                          {query: "_HLS_msn=4&_HLS_part=1.5", now: 400},
		"unknown parameters":                  {query: "foo=bar&_HLS_unknown=1&%zz", now: 200},
		"skipping what is too short to be so": {query: "_HLS_skip=YES", now: 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 187, func(t *testing.T, s *Server, st *Stream, rest []*stream.Packet) {
				a := ask(s, sourceList+"?"+tt.query)
				if tt.now != 0 {
					require.True(t, a.answered())
					require.Equal(t, tt.now, a.w.Code)
					return
				}
				writeAll(t, st, rest[:tt.until-1])
				require.False(t, a.answered(), "after %d frames", tt.until-1)
				writeAll(t, st, rest[tt.until-1:tt.until])
				require.True(t, a.answered(), "after %d frames", tt.until)
				require.Equal(t, http.StatusOK, a.w.Code)
			})
		})
	}
}

func TestBlockingReloadEnds(t *testing.T) {
	t.Parallel()
	const next = sourceList + "?_HLS_msn=4&_HLS_part=1"
	t.Run("after ten seconds", func(t *testing.T) {
		inBubble(t, 187, func(t *testing.T, s *Server, _ *Stream, _ []*stream.Packet) {
			a := ask(s, next)
			time.Sleep(maxWait - time.Millisecond)
			require.False(t, a.answered())
			time.Sleep(2 * time.Millisecond)
			require.True(t, a.answered())
			require.Equal(t, http.StatusServiceUnavailable, a.w.Code)
			require.Equal(t, "1", a.w.Header().Get("Retry-After"))
		})
	})
	t.Run("with the request", func(t *testing.T) {
		inBubble(t, 187, func(t *testing.T, s *Server, _ *Stream, _ []*stream.Packet) {
			ctx, cancel := context.WithCancel(t.Context())
			a := askWith(ctx, s, next)
			require.False(t, a.answered())
			cancel()
			require.True(t, a.answered())
		})
	})
	t.Run("with the server", func(t *testing.T) {
		inBubble(t, 187, func(t *testing.T, s *Server, _ *Stream, _ []*stream.Packet) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx) }()
			a := ask(s, next)
			require.False(t, a.answered())
			cancel()
			require.NoError(t, <-ended)
			require.True(t, a.answered())
			require.Equal(t, http.StatusServiceUnavailable, a.w.Code)
		})
	})
	t.Run("with the stream", func(t *testing.T) {
		inBubble(t, 187, func(t *testing.T, s *Server, st *Stream, _ []*stream.Packet) {
			a := ask(s, next)
			hinted := ask(s, "/live/x/source/TESTTOKEN-p32.m4s")
			require.False(t, a.answered())
			st.End()
			require.True(t, a.answered())
			require.Equal(t, http.StatusOK, a.w.Code)
			require.True(t, strings.HasSuffix(a.w.Body.String(), "#EXT-X-ENDLIST\n"))
			require.True(t, hinted.answered())
		})
	})
}

var hint = regexp.MustCompile(`PRELOAD-HINT:TYPE=PART,URI="(.*)"`)

// TestHintedPartAlwaysComes follows the hints over segment boundaries.
func TestHintedPartAlwaysComes(t *testing.T) {
	t.Parallel()
	inBubble(t, 187, func(t *testing.T, s *Server, st *Stream, rest []*stream.Packet) {
		seen := make(map[string]bool)
		for len(rest) > 12 {
			list := ask(s, sourceList)
			require.True(t, list.answered())
			m := hint.FindStringSubmatch(list.w.Body.String())
			require.NotNil(t, m)
			require.False(t, seen[m[1]], "a hint comes once")
			seen[m[1]] = true
			part := ask(s, "/live/x/source/"+m[1])
			for !part.answered() {
				writeAll(t, st, rest[:1])
				rest = rest[1:]
			}
			require.Equal(t, http.StatusOK, part.w.Code)
			require.NotEmpty(t, part.w.Body.Bytes())
			require.Contains(t, ask(s, sourceList).w.Body.String(), `URI="`+m[1]+`"`)
		}
		require.Greater(t, len(seen), 200)
		require.Equal(t, http.StatusNotFound, ask(s, "/live/x/source/TESTTOKEN-p9999.m4s").w.Code)
	})
}

func TestDeltaUpdate(t *testing.T) {
	t.Parallel()
	inBubble(t, 30*41+7, func(t *testing.T, s *Server, _ *Stream, _ []*stream.Packet) {
		full := ask(s, sourceList).w.Body.String()
		for _, skip := range []string{"YES", "v2"} {
			delta := ask(s, sourceList+"?_HLS_skip="+skip).w.Body.String()
			golden(t, "delta.m3u8", delta)
			// What a client rebuilds from both is the playlist.
			head, tail, ok := strings.Cut(delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=14\n")
			require.True(t, ok)
			require.True(t, strings.HasPrefix(full, head))
			require.True(t, strings.HasSuffix(full, tail))
			require.Equal(t, 14, strings.Count(full[len(head):len(full)-len(tail)], "#EXTINF"))
		}
		require.NotContains(t, full, "EXT-X-SKIP")
		require.NotContains(t, ask(s, sourceList+"?_HLS_skip=NO").w.Body.String(), "EXT-X-SKIP")
	})
}

func TestPlaylistsWaitForTheStream(t *testing.T) {
	t.Parallel()
	inBubble(t, 0, func(t *testing.T, s *Server, st *Stream, rest []*stream.Packet) {
		variants := ask(s, "/live/x/index.m3u8")
		require.Equal(t, http.StatusNotFound, ask(s, sourceList).w.Code, "no such rendition yet")
		writeAll(t, st, rest[:30])
		list := ask(s, sourceList)
		require.False(t, variants.answered())
		require.False(t, list.answered())
		select {
		case <-st.Playable():
			require.Fail(t, "playable without a segment")
		default:
		}
		writeAll(t, st, rest[30:61])
		require.True(t, variants.answered())
		require.True(t, list.answered())
		require.Equal(t, http.StatusOK, variants.w.Code)
		require.Equal(t, http.StatusOK, list.w.Code)
		<-st.Playable()
	})
}

func TestVariantsWaitForRungs(t *testing.T) {
	t.Parallel()
	rungs := []stream.Rung{{Name: "720p", BitrateBPS: 2_800_000}, {Name: "360p", BitrateBPS: 700_000}}
	packets := source{
		epoch: newEpoch(0, videoTrack(), nil), fps: 30, gop: time.Second, from: 10 * time.Second, length: 4 * time.Second,
	}.packets()
	writeRung := func(st *Stream, name string) {
		for _, p := range packets {
			st.WriteRung(name, p)
		}
	}
	start := func(t *testing.T) (*Server, *Stream, *asked) {
		s, err := New(Config{})
		require.NoError(t, err)
		st := s.Open("x", Options{ExpectRungs: rungs})
		writeAll(t, st, packets)
		<-st.Playable()
		variants := ask(s, "/live/x/index.m3u8")
		require.False(t, variants.answered())
		return s, st, variants
	}
	t.Run("until they have come", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, st, variants := start(t)
			defer s.stop()
			writeRung(st, "360p")
			require.False(t, variants.answered())
			writeRung(st, "720p")
			require.True(t, variants.answered())
			require.Regexp(t, "(?s)source/.*720p/.*360p/", variants.w.Body.String())
		})
	})
	t.Run("until they are lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, st, variants := start(t)
			defer s.stop()
			writeRung(st, "720p")
			require.False(t, variants.answered())
			st.RungDown("360p")
			require.True(t, variants.answered())
			require.NotContains(t, variants.w.Body.String(), "360p")
		})
	})
	t.Run("for four seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, _, variants := start(t)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx) }()
			time.Sleep(rungPatience - 1500*time.Millisecond)
			require.False(t, variants.answered())
			time.Sleep(2 * time.Second)
			require.True(t, variants.answered())
			require.Equal(t, http.StatusOK, variants.w.Code)
			cancel()
			require.NoError(t, <-ended)
		})
	})
}
