package channel

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is a time that tests move. Only one goroutine uses it.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func report(node string, states ...LiveState) Report {
	return Report{Node: node, PublicURL: "https://" + node + ".example.org/base/", Live: states}
}

func TestReportsCountForFiveSeconds(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1000, 0)}
	n := newNodes(c.now)
	require.NoError(t, n.put(report("a", LiveState{Slug: "demo", Viewers: 1})))
	c.at = c.at.Add(5 * time.Second)
	_, ok := n.Lookup("demo")
	require.True(t, ok)
	c.at = c.at.Add(time.Millisecond)
	_, ok = n.Lookup("demo")
	require.False(t, ok)
	require.Empty(t, n.All())

	require.NoError(t, n.put(report("a", LiveState{Slug: "demo", Viewers: 2})))
	state, ok := n.Lookup("demo")
	require.True(t, ok)
	require.Equal(t, 2, state.Viewers)
	require.NoError(t, n.put(report("a")))
	_, ok = n.Lookup("demo")
	require.False(t, ok, "a report replaces the one before")
}

func TestYoungestSessionCounts(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1000, 0)}
	n := newNodes(c.now)
	for i, age := range []time.Duration{time.Hour, time.Minute, 2 * time.Hour} {
		state := LiveState{Slug: "demo", StartedAt: c.at.Add(-age), HLSURL: "demo.m3u8"}
		require.NoError(t, n.put(report(fmt.Sprint("node", i), state)))
	}
	state, ok := n.Lookup("demo")
	require.True(t, ok)
	require.Equal(t, "https://node1.example.org/base/demo.m3u8", state.HLSURL)
	require.Len(t, n.All(), 3)
}

func TestTableOfNodesIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1000, 0)}
	n := newNodes(c.now)
	for i := range maxNodes {
		require.NoError(t, n.put(report(fmt.Sprint("node", i))))
	}
	require.ErrorIs(t, n.put(report("more")), ErrBadReport)
	require.NoError(t, n.put(report("node0")), "known nodes go on")
	require.ErrorIs(t, n.put(report("node1", make([]LiveState, maxLivePerNode+1)...)), ErrBadReport)
	c.at = c.at.Add(reportLife + time.Second)
	require.NoError(t, n.put(report("more")), "silent nodes make room")
	require.Len(t, n.reports, 1)
}

func TestANodeIsToldToEndItsSession(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := newNodes(func() time.Time { return now })
	live := []LiveState{{Slug: "a", Session: "1"}, {Slug: "b", Session: "2"}}
	require.False(t, n.end("1"), "nobody has it yet")
	require.NoError(t, n.put(Report{Node: "n1", PublicURL: "https://n1.example.org", Live: live}))
	require.Empty(t, n.toEnd(live))
	require.True(t, n.end("1"))
	require.False(t, n.end("3"))
	require.Equal(t, []string{"1"}, n.toEnd(live))
	require.Empty(t, n.toEnd(live[1:]), "another node does not hear of it")
	now = now.Add(2 * time.Minute)
	require.Empty(t, n.toEnd(live), "an order does not stand for ever")
}
