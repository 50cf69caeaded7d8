package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// patience bounds waits for what must happen; a busy machine needs some.
const patience = 30 * time.Second

func TestNoticesComeWithTheCommit(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		heard, _ := subscribe(d, "things")
		other, _ := subscribe(d, "others")
		refused := errors.New("refused")
		require.ErrorIs(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			require.NoError(t, tx.Notify(t.Context(), "things", "rolled back"))
			return refused
		}), refused)
		require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
			require.NoError(t, tx.Notify(t.Context(), "things", "committed"))
			require.Empty(t, heard, "not yet")
			return nil
		}))
		require.Equal(t, "committed", <-heard)
		require.Empty(t, heard)
		require.Empty(t, other)
	})
}

func TestNoticesReachOtherNodes(t *testing.T) {
	t.Parallel()
	url, _ := dbtest.Postgres(t)
	a, b := node(t, url), node(t, url)
	atA, missedA := subscribe(a, "things")
	atB, missedB := subscribe(b, "things")
	listen(t, a)
	listen(t, b)
	next(t, missedA)
	next(t, missedB) // from now on both listen

	key := `"it's", ` + strings.Repeat("ü", 400)
	require.NoError(t, a.InTx(t.Context(), func(tx *db.Tx) error { return tx.Notify(t.Context(), "things", key) }))
	require.Equal(t, key, next(t, atB))
	require.Equal(t, key, next(t, atA))
	require.NoError(t, b.InTx(t.Context(), func(tx *db.Tx) error { return tx.Notify(t.Context(), "things", "2") }))
	require.Equal(t, "2", next(t, atA))
	require.Empty(t, atA, "its own notice came once")

	require.NoError(t, a.InTx(t.Context(), func(tx *db.Tx) error {
		require.ErrorContains(t, tx.Notify(t.Context(), "things", strings.Repeat("x", 1000)), "too long")
		return nil
	}))
}

func TestListenerThatWasCutOffSaysSo(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d := node(t, url)
	heard, missed := subscribe(d, "things")
	listen(t, d)
	next(t, missed)
	proxy.Cut()
	proxy.Restore()
	next(t, missed)
	d2 := node(t, url)
	require.NoError(t, d2.InTx(t.Context(), func(tx *db.Tx) error { return tx.Notify(t.Context(), "things", "again") }))
	require.Equal(t, "again", next(t, heard))
}

func TestListenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, d.Listen(ctx))
	})
}

func subscribe(d *db.DB, topic string) (heard <-chan string, missed <-chan struct{}) {
	keys, gaps := make(chan string, 100), make(chan struct{}, 100)
	d.Subscribe(topic, func(key string) { keys <- key }, func() { gaps <- struct{}{} })
	return keys, gaps
}

// node opens a database that others have open too.
func node(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func listen(t *testing.T, d *db.DB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Listen(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
