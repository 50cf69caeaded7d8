package realtime_test

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"bandstand/api/realtime"
	"bandstand/api/realtime/realtimetest"
	"bandstand/storage/db/dbtest"
)

// crowdSize names the environment variable with how many sockets TestACrowd opens. In
// each run it is a few: BANDSTAND_CROWD=10000 takes a minute and 20,000 open files.
const crowdSize = "BANDSTAND_CROWD"

// A crowd of which half is idle, with some who never say who they are and some who
// break off, hears all that is said, and leaves nothing behind.
func TestACrowd(t *testing.T) {
	t.Parallel()
	size := 200
	if text := os.Getenv(crowdSize); text != "" {
		var err error
		size, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	s := newStage(t, dbtest.SQLite(t))
	server := realtimetest.New(t, s.d, talk, quietly, func(c *realtime.Config) { c.ConnectWithin = time.Minute })
	before := heap()

	var mu sync.Mutex
	var idle, listening, silent []*realtimetest.Client
	var coming errgroup.Group
	coming.SetLimit(64)
	for i := range size {
		coming.Go(func() error {
			c, err := realtimetest.TryDial(t, server.URL, nil)
			if err != nil {
				return err
			}
			if i%20 == 0 { // never connects
				mu.Lock()
				defer mu.Unlock()
				silent = append(silent, c)
				return nil
			}
			if _, err = c.TryDo("connect", map[string]any{}); err != nil {
				return err
			}
			if i%2 == 1 {
				if _, err = c.TryDo("subscribe", map[string]any{"channel": "chat:stage"}); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if i%2 == 1 {
				listening = append(listening, c)
			} else {
				idle = append(idle, c)
			}
			return nil
		})
	}
	require.NoError(t, coming.Wait())
	require.InDelta(t, float64(len(idle)+len(listening)), server.Counted(t, "bandstand_realtime_sockets"), 0)
	t.Logf("%d sockets, with their clients: %d KiB each", size, int(heap()-before)/size/1024)

	const said = 20
	start := time.Now()
	for i := range said {
		say(server.Node, "chat:stage", i)
		if i == said/2 {
			for _, c := range listening[:len(listening)/10] {
				c.Cut()
			}
		}
	}
	for _, c := range listening[len(listening)/10:] {
		for range said {
			c.Next("chat:stage", "chat.message")
		}
	}
	t.Logf("%d events to %d sockets in %v", said, len(listening), time.Since(start).Round(time.Millisecond))
	for _, c := range idle[:min(len(idle), 50)] {
		c.Call("clock", nil, nil)
		require.Empty(t, c.Events("chat:stage"))
	}
	for _, all := range [][]*realtimetest.Client{idle, listening, silent} {
		for _, c := range all {
			c.Cut()
		}
	}
	require.Eventually(t, func() bool {
		return server.Counted(t, "bandstand_realtime_sockets") == 0 && server.Counted(t, "bandstand_realtime_doors") == 0
	}, time.Minute, 10*time.Millisecond)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
