package social

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// noon is when nothing has happened yet.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var ada, bob = uuid.MustParse("0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"), uuid.MustParse("0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a71")

// nodes are some that hear each other, at a time that passes in steps.
type nodes struct {
	t    *testing.T
	now  time.Time
	all  map[string]*presence
	told []string // node, and what friends of somebody were told
	lose bool     // nothing is heard
}

func newNodes(t *testing.T, names ...string) *nodes {
	n := &nodes{t: t, now: noon, all: map[string]*presence{}}
	for i, name := range names {
		n.all[name] = newPresence()
		n.all[name].delay = fallback + time.Duration(i)*time.Second
	}
	return n
}

// pass lets time pass.
func (n *nodes) pass(d time.Duration) {
	for end := n.now.Add(d); n.now.Before(end); {
		n.now = n.now.Add(250 * time.Millisecond)
		for name, node := range n.all {
			do := node.tick(n.now)
			for _, message := range messages(do.say) {
				n.send(name, message)
			}
			for _, t := range do.tell {
				say := name + " offline"
				if now := node.now(t.user, n.now); now.online {
					say = name + " online " + now.watching
				}
				n.told = append(n.told, say)
			}
		}
	}
}

func (n *nodes) send(from string, message []byte) {
	for name, node := range n.all {
		if name != from && !n.lose {
			node.heard(from, message, n.now)
		}
	}
}

// requireTold checks what friends were told since it was last called.
func (n *nodes) requireTold(want ...string) {
	n.t.Helper()
	require.Equal(n.t, append([]string(nil), want...), n.told)
	n.told = nil
}

// requireKnown checks what all nodes know of somebody, at any time.
func (n *nodes) requireKnown(user uuid.UUID, want doing) {
	n.t.Helper()
	for name, node := range n.all {
		require.Equal(n.t, want, node.now(user, n.now).doing, name)
	}
}

func TestSomebodyIsOnlineWithAnyDevice(t *testing.T) {
	t.Parallel()
	n := newNodes(t, "a")
	a := n.all["a"]
	a.came(ada, "phone", n.now)
	n.pass(time.Second)
	n.requireTold("a online ")
	a.came(ada, "laptop", n.now)
	n.pass(time.Minute)
	a.left(ada, "phone", n.now)
	n.pass(time.Minute)
	n.requireTold()
	require.Equal(t, noon, a.now(ada, n.now).since)

	a.left(ada, "laptop", n.now) // a page is loaded again
	n.pass(grace - time.Second)
	a.came(ada, "laptop2", n.now)
	n.pass(time.Minute)
	n.requireTold()
	require.Equal(t, noon, a.now(ada, n.now).since)

	a.left(ada, "laptop2", n.now)
	n.pass(grace - time.Second)
	n.requireTold()
	n.pass(2 * time.Second)
	n.requireTold("a offline")
	n.pass(time.Minute)
	n.requireTold()
	require.Empty(t, a.people, "nobody is remembered for ever")
	require.Empty(t, a.pending)
}

func TestTheLatestToWatchCounts(t *testing.T) {
	t.Parallel()
	n := newNodes(t, "a", "b")
	a, b := n.all["a"], n.all["b"]
	a.came(ada, "phone", n.now)
	b.came(ada, "tv", n.now)
	n.pass(8 * time.Second)
	n.told = nil // both nodes may tell that she is there
	a.watches(ada, "phone", "hidden", false, n.now)
	n.pass(8 * time.Second)
	n.requireTold()
	a.watches(ada, "phone", "jazz", true, n.now)
	n.pass(time.Second)
	n.requireKnown(ada, doing{true, "jazz"})
	b.watches(ada, "tv", "rock", true, n.now)
	n.pass(8 * time.Second)
	n.requireKnown(ada, doing{true, "rock"})
	n.requireTold("a online jazz", "b online rock")
	b.left(ada, "tv", n.now)
	n.pass(time.Second)
	n.requireKnown(ada, doing{true, "rock"})
	n.pass(grace)
	n.requireKnown(ada, doing{true, "jazz"})
	n.requireTold("b online jazz")
	a.watches(ada, "phone", "", true, n.now)
	n.pass(time.Second)
	n.requireKnown(ada, doing{online: true})
	n.requireTold("a online ")

	for range 20 { // somebody looks what is on
		a.watches(ada, "phone", "one", true, n.now)
		n.pass(250 * time.Millisecond)
		a.watches(ada, "phone", "two", true, n.now)
		n.pass(250 * time.Millisecond)
	}
	n.pass(8 * time.Second)
	n.requireKnown(ada, doing{true, "two"})
	require.LessOrEqual(t, len(n.told), 7)
	require.Equal(t, "a online two", n.told[len(n.told)-1])
}

func TestDevicesOfSeveralNodes(t *testing.T) {
	t.Parallel()
	tests := map[string]func(n *nodes, a, b *presence){
		"one node, then another": func(n *nodes, a, b *presence) {
			a.came(ada, "phone", n.now)
			n.pass(8 * time.Second)
			n.requireTold("a online ")
			n.requireKnown(ada, doing{online: true})
			a.left(ada, "phone", n.now)
			n.pass(time.Second)
			b.came(ada, "phone2", n.now)
			n.pass(time.Minute)
			n.requireTold()
			require.Equal(n.t, noon, b.now(ada, n.now).since)
			b.left(ada, "phone2", n.now)
			n.pass(time.Minute)
			n.requireTold("b offline")
			n.requireKnown(ada, doing{})
		},
		"both at once": func(n *nodes, a, b *presence) {
			a.came(ada, "phone", n.now)
			b.came(ada, "tv", n.now)
			n.pass(8 * time.Second)
			require.NotEmpty(n.t, n.told)
			n.told = nil
			a.left(ada, "phone", n.now)
			b.left(ada, "tv", n.now)
			n.pass(grace + 8*time.Second)
			n.requireKnown(ada, doing{})
			require.NotEmpty(n.t, n.told, "one of them has to tell")
			n.told = nil
			n.pass(2 * time.Minute)
			n.requireTold()
		},
		"a node that dies": func(n *nodes, a, _ *presence) {
			a.came(ada, "phone", n.now)
			n.pass(5 * time.Minute)
			n.requireTold("a online ")
			delete(n.all, "a")
			n.pass(30 * time.Second)
			n.requireTold()
			n.pass(time.Minute) // 90 seconds
			n.requireTold("b offline")
			n.requireKnown(ada, doing{})
			n.pass(5 * time.Minute)
			require.Empty(n.t, n.all["b"].people)
			require.Empty(n.t, n.all["c"].people)
		},
		"a node that dies, and its people come back": func(n *nodes, a, b *presence) {
			a.came(ada, "phone", n.now)
			n.pass(8 * time.Second)
			n.requireTold("a online ")
			delete(n.all, "a")
			n.pass(20 * time.Second)
			b.came(ada, "phone2", n.now)
			n.pass(5 * time.Minute)
			n.requireTold()
			require.Equal(n.t, noon, b.now(ada, n.now).since)
		},
		"a node that is stopped": func(n *nodes, a, _ *presence) {
			a.came(ada, "phone", n.now)
			n.pass(8 * time.Second)
			n.told = nil
			delete(n.all, "a")
			n.send("a", []byte(`{"bye":true}`))
			n.pass(grace - time.Second)
			n.requireKnown(ada, doing{online: true})
			n.pass(time.Second)
			n.requireKnown(ada, doing{})
			n.pass(10 * time.Second)
			n.requireTold("b offline")
		},
		"a node that is new": func(n *nodes, a, b *presence) {
			a.came(ada, "phone", n.now)
			b.came(bob, "tv", n.now)
			n.pass(8 * time.Second)
			n.told = nil
			n.all["new"] = newPresence()
			n.send("new", []byte(`{"hello":true}`))
			n.pass(time.Second)
			n.requireKnown(ada, doing{online: true})
			n.requireKnown(bob, doing{online: true})
			n.pass(time.Minute)
			n.requireTold()
		},
		"what is lost is made up for": func(n *nodes, a, b *presence) {
			a.came(ada, "phone", n.now)
			n.pass(8 * time.Second)
			n.lose = true
			a.left(ada, "phone", n.now)
			b.came(bob, "tv", n.now)
			n.pass(12 * time.Second)
			require.True(n.t, b.now(ada, n.now).online)
			n.lose = false
			n.pass(80 * time.Second)
			n.requireKnown(ada, doing{})
			n.requireKnown(bob, doing{online: true})
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNodes(t, "a", "b", "c")
			test(n, n.all["a"], n.all["b"])
		})
	}
}

func TestNewsOutOfOrder(t *testing.T) {
	t.Parallel()
	b := newPresence()
	here := sayOf(ada, 7, claim{doing: doing{online: true, watching: "x"}, since: noon, at: noon}, doing{})
	gone := sayOf(ada, 8, claim{}, doing{})
	for _, message := range append(messages([]said{gone}), messages([]said{here})...) {
		b.heard("a", message, noon)
	}
	require.False(t, b.now(ada, noon).online)
	for _, nonsense := range []string{"", "{", "[]", `{"people":[{"u":1}]}`, `{"people":null}`, `{"people":[{}]}`} {
		b.heard("a", []byte(nonsense), noon)
	}
	b.heard("c", messages([]said{here})[0], noon)
	require.True(t, b.now(ada, noon).online)
}

func TestManyAreToldOfInParts(t *testing.T) {
	t.Parallel()
	a := newPresence()
	for range 3 * mostTold {
		a.came(uuid.New(), "x", noon)
	}
	require.Len(t, messages(a.tick(noon.Add(time.Millisecond)).say), 3)
	for range 3 {
		require.Len(t, a.tick(noon.Add(time.Second)).tell, mostTold)
	}
	do := a.tick(noon.Add(time.Second))
	require.Empty(t, do.tell)
	require.Empty(t, a.pending)
}

func FuzzHeard(f *testing.F) {
	for _, message := range messages([]said{sayOf(ada, 1, claim{doing: doing{online: true}, since: noon}, doing{})}) {
		f.Add(message)
	}
	f.Add([]byte(`{"hello":true,"bye":true}`))
	f.Fuzz(func(t *testing.T, message []byte) {
		c := newPresence()
		c.came(ada, "x", noon)
		c.heard("b", message, noon)
		c.tick(noon.Add(time.Hour))
		require.True(t, c.now(ada, noon.Add(time.Hour)).online)
	})
}

func BenchmarkTick(b *testing.B) {
	c := newPresence()
	for range 10_000 {
		c.came(uuid.New(), "x", noon)
	}
	now := noon
	for range 200 {
		now = now.Add(250 * time.Millisecond)
		c.tick(now)
	}
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(250 * time.Millisecond)
		c.tick(now)
	}
}
