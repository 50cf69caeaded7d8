package audience

import (
	"encoding/json"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"bandstand/api/auth"
	"bandstand/api/realtime"
)

// playing is a Source that tests fill: crowds with how many there are and how many of
// these listen.
type playing map[string]map[uint64][2]int

func (p playing) Crowds(slug string, f func(crowd uint64, viewers, listeners int)) {
	for key, n := range p[slug] {
		f(key, n[0], n[1])
	}
}

// spoken is Tokens whose tokens are "crowd-player".
type spoken struct{}

func (spoken) Read(token string, _ time.Time) (who, player uint64, ok bool) {
	a, b, ok := strings.Cut(token, "-")
	who, err := strconv.ParseUint(a, 10, 40)
	player, errPlayer := strconv.ParseUint(b, 10, 24)
	return who, player, ok && err == nil && errPlayer == nil
}

func (spoken) Crowd(addr netip.Addr, _ string) uint64 {
	from := addr.As4()
	return 1000 + uint64(from[3])
}

// network connects services as nodes.
type network struct {
	heard map[string]func(string, []byte)
}

type peer struct {
	*network
	id string
}

func (p peer) ID() string { return p.id }

func (p peer) Announce(_ string, data []byte) error {
	for _, hear := range p.heard {
		hear(p.id, data)
	}
	return nil
}

func (p peer) Heard(_ string, hear func(string, []byte)) { p.heard[p.id] = hear }

type node struct {
	*Service
	played playing
	now    *time.Time
	reg    *prometheus.Registry
}

func newNode(t *testing.T, now *time.Time, peers Peers) node {
	t.Helper()
	n := node{played: playing{}, now: now, reg: prometheus.NewRegistry()}
	var err error
	n.Service, err = NewService(Config{
		Sources: []Source{n.played}, Tokens: spoken{}, Peers: peers, Now: func() time.Time { return *now },
		Logger: slog.New(slog.DiscardHandler), Registerer: n.reg,
	})
	require.NoError(t, err)
	return n
}

// pass lets a second go by.
func (n node) pass() {
	*n.now = n.now.Add(time.Second)
	n.sample()
}

func (n node) requireCount(t *testing.T, viewers, listeners int) {
	t.Helper()
	gotViewers, gotListeners := n.Count("demo")
	require.Equal(t, viewers, gotViewers)
	require.Equal(t, listeners, gotListeners)
}

func subscription(socket, addr, data string) realtime.Subscription {
	return realtime.Subscription{
		Socket: realtime.Socket{ID: socket, From: auth.Client{Addr: netip.MustParseAddr(addr)}}, ID: "demo", Data: []byte(data),
	}
}

func TestSocketsCountWhoWatches(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := newNode(t, &now, nil)
	count := func(want int, why string) {
		t.Helper()
		now = now.Add(time.Second)
		got, _ := n.Count("demo")
		require.Equal(t, want, got, why)
	}
	n.played["demo"] = map[uint64][2]int{1: {1, 0}}
	player := subscription("s1", "192.0.2.1", `{"viewer":"1-5"}`)
	n.Joined(t.Context(), player)
	count(1, "a player with a socket")
	delete(n.played, "demo")
	count(1, "it has paused")
	n.Joined(t.Context(), subscription("s2", "192.0.2.1", `{"viewer":"1-5","more":[1]}`))
	count(1, "the same player in a second socket")
	n.Joined(t.Context(), subscription("s3", "192.0.2.1", `{"viewer":"1-6"}`))
	count(2, "another player in the same place")
	for i, data := range []string{``, `{}`, `{"viewer":"forged"}`, `{"watching":false}`, `[]`, `{"viewer":7}`, `{"viewer":"1-9"} ` + strings.Repeat(" ", maxClaim)} {
		n.Joined(t.Context(), subscription("other"+strconv.Itoa(i), "192.0.2.7", data))
	}
	count(2, "those who do not watch")
	watcher := subscription("s4", "192.0.2.9", `{"viewer":"expired","watching":true}`)
	n.Joined(t.Context(), watcher)
	count(3, "one who watches in a way of its own")
	n.Joined(t.Context(), watcher)
	count(3, "it says so again")
	n.Left(watcher)
	n.Left(watcher)
	n.Left(player)
	count(2, "one of the sockets of a player has gone")
	n.Left(subscription("s2", "192.0.2.1", ""))
	n.Left(subscription("s3", "192.0.2.1", ""))
	count(0, "all have gone")
	require.Empty(t, n.sockets.places)
	require.Empty(t, n.sockets.channels)
}

func TestNumberIsTheSameForASecond(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := newNode(t, &now, nil)
	n.played["demo"] = map[uint64][2]int{1: {2, 1}}
	n.requireCount(t, 2, 1)
	n.played["demo"][2] = [2]int{1, 0}
	now = now.Add(900 * time.Millisecond)
	n.requireCount(t, 2, 1)
	now = now.Add(100 * time.Millisecond)
	n.requireCount(t, 3, 1)
}

// TestNodesCountTogether has an ingest node that reports to one of two others, each of
// which has players or sockets of its own.
func TestNodesCountTogether(t *testing.T) {
	t.Parallel()
	now := time.Now()
	net := &network{heard: map[string]func(string, []byte){}}
	a, b := newNode(t, &now, peer{net, "a"}), newNode(t, &now, peer{net, "b"})
	ingest := playing{"demo": {1: {1, 0}, 2: {1, 1}, 3: {2, 0}}}
	report := func() {
		a.Report("ingest", map[string]string{"demo": Collect(ingest, "demo").Text(), "bad": "nonsense", "empty": ""})
	}
	report()
	b.Joined(t.Context(), subscription("s1", "192.0.2.1", `{"viewer":"1-5"}`)) // plays at ingest
	b.Joined(t.Context(), subscription("s2", "192.0.2.1", `{"viewer":"4-5"}`)) // has paused
	a.tell()
	b.tell()
	now = now.Add(time.Second)
	a.requireCount(t, 5, 1)
	b.requireCount(t, 5, 1)
	for range 10 { // what one is told by the other does not go back and forth
		now = now.Add(time.Second)
		report()
		a.tell()
		b.tell()
	}
	b.Left(subscription("s2", "192.0.2.1", ""))
	b.tell()
	now = now.Add(time.Second)
	a.requireCount(t, 4, 1)
	now = now.Add(sightingLife)
	a.requireCount(t, 0, 0) // b is silent, and so is ingest
	b.requireCount(t, 1, 0)
	now = now.Add(sightingLife)
	for i := range maxNodes + 10 {
		a.Import(strconv.Itoa(i), nil)
	}
	require.Len(t, a.peers, maxNodes)
	net.heard["a"]("b", []byte("nonsense"))
	encoded, err := json.Marshal(a.Export())
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(encoded))
}

// TestBroadcastIsMeasured follows one over two sessions with a break.
func TestBroadcastIsMeasured(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
	n := newNode(t, &now, nil)
	type point struct {
		at                 string
		viewers, listeners int
	}
	first, second, third := uuid.New(), uuid.New(), uuid.New()
	id := uuid.New()
	var points []point
	take := func(session, broadcast uuid.UUID) [4]int {
		points = nil
		viewers, listeners, peak, total := n.Take("demo", session, broadcast, func(at time.Time, viewers, listeners int) {
			points = append(points, point{at.Format(time.TimeOnly), viewers, listeners})
		})
		return [4]int{viewers, listeners, peak, total}
	}
	n.played["demo"] = map[uint64][2]int{1: {1, 0}}
	require.Equal(t, [4]int{1, 0, 1, 1}, take(first, uuid.Nil), "before it is known")
	n.played["demo"] = map[uint64][2]int{1: {1, 0}, 2: {2, 1}}
	n.pass()
	n.played["demo"] = map[uint64][2]int{2: {1, 0}}
	n.pass()
	require.Equal(t, [4]int{1, 0, 3, 3}, take(first, id), "the peak was in between")
	require.Equal(t, []point{{"12:00:00", 3, 1}}, points)
	for range 60 {
		n.pass()
		if now.Second() == 0 {
			require.Equal(t, [4]int{1, 0, 1, 3}, take(first, id))
			require.Equal(t, []point{{"12:00:00", 3, 1}, {"12:01:00", 1, 0}}, points, "a minute is over")
		} else if now.Second()%10 == 0 {
			take(first, id)
		}
	}
	require.InDelta(t, 1, gauge(t, n.reg, "bandstand_audience_viewers"), 0)

	now = now.Add(time.Minute) // no session; playlists linger
	n.pass()
	require.Zero(t, gauge(t, n.reg, "bandstand_audience_viewers"))
	n.played["demo"] = map[uint64][2]int{1: {1, 0}, 3: {1, 0}}
	require.Equal(t, [4]int{2, 0, 2, 2}, take(second, uuid.Nil), "perhaps another broadcast")
	require.Equal(t, []point{{"12:02:00", 2, 0}}, points)
	require.Equal(t, [4]int{2, 0, 0, 4}, take(second, id), "one is known from the first session")
	require.Equal(t, [4]int{2, 0, 2, 2}, take(third, uuid.Nil))
	require.Equal(t, [4]int{2, 0, 0, 2}, take(third, uuid.New()), "another broadcast")
	require.Equal(t, [4]int{2, 0, 2, 2}, take(third, id), "it turns out to be another still")

	n.played["demo"] = nil
	now = now.Add(forgetAfter + time.Minute)
	n.pass()
	require.Empty(t, n.airings)
	require.Empty(t, n.counted)
}

func gauge(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.Fail(t, "no metric "+name)
	return 0
}
