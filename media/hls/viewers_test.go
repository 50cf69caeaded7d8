package hls

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// audience is a served stream "x" and a clock.
type audience struct {
	t   *testing.T
	s   *Server
	now time.Time
}

func newAudience(t *testing.T) *audience {
	t.Helper()
	a := &audience{t: t, now: anchor}
	a.s, _ = served(t, Config{Now: func() time.Time { return a.now }, Viewers: NewViewerTokens([]byte("key"))})
	return a
}

// from makes requests of one address with one user agent.
type from struct{ address, agent string }

var (
	home   = from{"192.0.2.1:1000", "one"}
	abroad = from{"198.51.100.1:1000", "one"}
)

func (a *audience) ask(f from, method, path string, headers ...string) string {
	a.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = f.address
	return text(a.t, do(a.t, a.s, r, append(headers, "User-Agent", f.agent)...))
}

// load gets the multivariant playlist and returns the query of its addresses.
func (a *audience) load(f from) string {
	a.t.Helper()
	return anyToken.FindString(a.ask(f, "GET", "/live/x/index.m3u8"))
}

// poll gets a media playlist.
func (a *audience) poll(f from, query string) {
	a.t.Helper()
	a.ask(f, "GET", "/live/x/source/index.m3u8"+query)
}

func (a *audience) requireViewers(now, ever int, why string) {
	a.t.Helper()
	require.Equal(a.t, now, a.s.Viewers("x"), why)
	require.Equal(a.t, ever, a.s.TotalViewers("x"), why)
}

func TestViewersComeAndGo(t *testing.T) {
	t.Parallel()
	a := newAudience(t)
	a.load(home)
	a.requireViewers(0, 0, "who loads the multivariant playlist alone does not watch")
	one := a.load(home)
	a.poll(home, one)
	a.ask(home, "GET", "/live/x/audio/index.m3u8"+one)
	a.requireViewers(1, 1, "two playlists of one player")
	a.poll(from{"192.0.2.1:2000", "two"}, "")
	a.now = a.now.Add(6 * time.Second)
	a.poll(abroad, a.load(abroad))
	a.requireViewers(3, 3, "two user agents and two addresses")
	a.now = a.now.Add(6 * time.Second)
	a.requireViewers(1, 3, "who is not heard of is gone")
	a.poll(abroad, one)
	a.requireViewers(2, 3, "a token is good elsewhere too: whoever moves stays the same")
	require.Zero(t, a.s.Viewers("y"))
	require.Zero(t, a.s.TotalViewers("y"))
}

// TestWhoTriesAgainIsOneViewer goes through what players and programs do before, and
// instead of, playing.
func TestWhoTriesAgainIsOneViewer(t *testing.T) {
	t.Parallel()
	tests := map[string]func(a *audience){
		"a program looks before it plays": func(a *audience) {
			a.poll(home, a.load(home))
			played := a.load(home)
			for range 3 {
				a.poll(home, played)
			}
		},
		"a player starts again, each time with a new token": func(a *audience) {
			for range 20 {
				query := a.load(home)
				a.poll(home, query)
				a.poll(home, query)
				a.now = a.now.Add(time.Second)
			}
		},
		"a player loads the multivariant playlist with its token": func(a *audience) {
			query := a.load(home)
			for range 3 {
				a.poll(home, query)
				a.now = a.now.Add(time.Second)
				list := a.ask(home, "GET", "/live/x/index.m3u8"+query)
				require.NotEqual(a.t, query, anyToken.FindString(list), "it is good for longer")
				query = anyToken.FindString(list)
			}
			a.poll(home, query)
		},
		"a player that drops the token": func(a *audience) {
			query := a.load(home)
			for range 3 {
				a.poll(home, query)
				a.poll(home, "")
				a.poll(home, "?_HLS_msn=1&_HLS_part=0")
			}
			for range 10 {
				a.poll(home, "")
				a.now = a.now.Add(9 * time.Second)
			}
		},
		"a player that has a token late": func(a *audience) {
			for range 3 {
				a.poll(home, "")
				a.poll(home, a.load(home))
			}
		},
		"a forged token": func(a *audience) {
			query := a.load(home)
			other := NewViewerTokens([]byte("another key"))
			a.poll(home, "?v="+other.token(5<<playerBits, a.now.Add(time.Hour)))
			a.poll(home, query[:len(query)-1]+"_")
			a.poll(home, "?v=")
			a.poll(home, "?v="+strings.Repeat("A", tokenLength))
			a.poll(home, "?v="+strings.Repeat("%0a", tokenLength))
			a.poll(home, "?v=%25zz&v=*&v")
		},
		"an expired token": func(a *audience) {
			query := a.load(home)
			a.poll(home, query)
			for range 3 {
				a.now = a.now.Add(viewerTTL / 2)
				a.poll(home, query)
			}
			a.poll(home, a.load(home))
		},
		"looking at playlists": func(a *audience) {
			a.poll(home, a.load(home))
			for _, f := range []from{home, abroad} {
				a.ask(f, "HEAD", "/live/x/index.m3u8")
				a.ask(f, "HEAD", "/live/x/source/index.m3u8")
				a.ask(f, "GET", "/live/x/source/index.m3u8", "Range", "bytes=0-1")
				a.ask(f, "GET", "/live/x/nothing/index.m3u8")
				a.ask(f, "OPTIONS", "/live/x/source/index.m3u8")
				a.ask(f, "GET", "/live/x/source/TESTTOKEN-s2.m4s")
			}
		},
		"ranges without an end, as ffmpeg has them": func(a *audience) {
			a.ask(home, "GET", "/live/x/source/index.m3u8"+a.load(home), "Range", "bytes=0-")
		},
		"a household's IPv6 addresses": func(a *audience) {
			for i := range 5 {
				f := from{fmt.Sprintf("[2001:db8:1:2::%x]:1000", i+1), "one"}
				a.poll(f, a.load(f))
			}
		},
	}
	for name, try := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAudience(t)
			try(a)
			a.requireViewers(1, 1, name)
		})
	}
}

// TestPeopleBehindOneAddressCountEach has many players of one address and user agent.
func TestPeopleBehindOneAddressCountEach(t *testing.T) {
	t.Parallel()
	a := newAudience(t)
	const people = 50
	queries := make([]string, 0, people)
	for range people {
		queries = append(queries, a.load(home))
		for _, query := range queries {
			a.poll(home, query)
		}
		a.now = a.now.Add(100 * time.Millisecond)
	}
	for _, query := range queries {
		a.poll(home, query)
	}
	a.requireViewers(people, people, "each polls in turns with the others")

	for i := range queries { // all load the page again, one after the other
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live/x/source/index.m3u8"+queries[i]+"&_HLS_msn=6&_HLS_part=0", nil)
		r.RemoteAddr = home.address
		do(t, a.s, r, "User-Agent", home.agent)
		queries[i] = a.load(home)
		for _, query := range queries {
			a.poll(home, query)
		}
	}
	a.requireViewers(people, people, "who hangs up and comes back has its seat")

	a.now = a.now.Add(time.Minute)
	a.poll(home, queries[0])
	a.requireViewers(1, people, "the others have left")
	require.Len(t, a.s.stream("x").viewers.players, 1)
	require.Len(t, a.s.stream("x").viewers.crowds, 1)
}

func TestListenersHearAudioOnly(t *testing.T) {
	t.Parallel()
	a := newAudience(t)
	a.poll(home, "")
	a.ask(abroad, "GET", "/live/x/audio/index.m3u8"+a.load(abroad))
	crowds := map[uint64][2]int{}
	count := func(crowd uint64, viewers, listeners int) { crowds[crowd] = [2]int{viewers, listeners} }
	a.s.Crowds("x", count)
	watching := crowdOf(a.s.cfg.Viewers.strangerOf(&http.Request{RemoteAddr: home.address, Header: http.Header{"User-Agent": {home.agent}}}))
	listening := crowdOf(a.s.cfg.Viewers.strangerOf(&http.Request{RemoteAddr: abroad.address, Header: http.Header{"User-Agent": {abroad.agent}}}))
	require.Equal(t, map[uint64][2]int{watching: {1, 0}, listening: {1, 1}}, crowds)
	a.s.Crowds("y", func(uint64, int, int) { require.Fail(t, "nothing is there") })
}

// TestNodesWithOneKeyKnowEachOthersViewers shows a token to another server.
func TestNodesWithOneKeyKnowEachOthersViewers(t *testing.T) {
	t.Parallel()
	a, b := newAudience(t), newAudience(t)
	token := strings.TrimPrefix(a.load(home), "?v=")
	crowd, player, ok := b.s.cfg.Viewers.Read(token, b.now)
	require.True(t, ok)
	require.NotZero(t, player)
	require.Less(t, crowd, uint64(1)<<40)
	require.Equal(t, crowd, b.s.cfg.Viewers.Crowd(netip.MustParseAddr("192.0.2.1"), home.agent))
	_, _, ok = b.s.cfg.Viewers.Read(token, b.now.Add(viewerTTL))
	require.False(t, ok, "expired")
	_, _, ok = NewViewerTokens(nil).Read(token, b.now)
	require.False(t, ok, "another key")
}

func TestMemoryOfViewersIsBounded(t *testing.T) {
	t.Parallel()
	a := newAudience(t)
	v := a.s.stream("x").viewers
	for n := range maxTotal + 100 {
		if n%maxViewers == 0 {
			a.now = a.now.Add(time.Minute)
			require.Zero(t, v.count(a.now))
		}
		v.sawPlayer(uint64(n)<<playerBits, viewerToken{}, sighting{a.now, time.Second, true})
	}
	for n := range 2 * maxViewers { // one address that shows a new token each time
		v.sawPlayer(uint64(1<<60+n), viewerToken{}, sighting{a.now, time.Second, true})
	}
	require.LessOrEqual(t, len(v.players), maxViewers)
	require.LessOrEqual(t, v.count(a.now), maxViewers)
	require.Len(t, v.most, maxTotal)
	a.now = a.now.Add(time.Minute)
	require.Zero(t, v.count(a.now))
	require.Empty(t, v.players)
	require.Empty(t, v.crowds)
}

// TestCountingAllocatesNothing checks that a known viewer's next request costs no memory.
func TestCountingAllocatesNothing(t *testing.T) { //nolint:paralleltest // others' allocations would count
	a := newAudience(t)
	v := a.s.stream("x").viewers
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, token := range map[string]string{
		"with a token": strings.TrimPrefix(a.load(home), "?v="), "without": "", "broken": strings.Repeat("*", tokenLength),
	} {
		s := sighting{a.now, time.Second, true}
		id := v.saw(r, token, s)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			v.saw(r, token, s)
			v.answered(id, s, false)
		}), name)
	}
}

// FuzzViewerToken reads any text as a token: nothing is one but what was made here,
// and reads as what it was made of.
func FuzzViewerToken(f *testing.F) {
	tokens := NewViewerTokens([]byte("key"))
	good := tokens.token(1<<40|7, anchor.Add(time.Hour))
	for _, token := range []string{good, good[1:], good + "A", strings.ToUpper(good), strings.Repeat("A", tokenLength), "\r\n" + good[2:], ""} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		raw, ok := parseToken(token)
		if ok && viewerText.EncodeToString(raw[:]) != token {
			require.Fail(t, "two texts of one token")
		}
		id, ok := tokens.read(token, anchor)
		require.Equal(t, token == good, ok)
		if ok {
			require.Equal(t, uint64(1<<40|7), id)
		}
		own := tokens.token(raw.id(), anchor.Add(time.Minute))
		id, ok = tokens.read(own, anchor)
		require.True(t, ok)
		require.Equal(t, raw.id(), id)
		_, ok = tokens.read(own, anchor.Add(time.Minute))
		require.False(t, ok)
	})
}
