package db_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/dbtest"
	"bandstand/storage/db/store"
)

func TestNodesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		nodes := 4
		if !strings.HasPrefix(url, "postgres") {
			nodes = 1 // a SQLite file belongs to one program
		}
		errs := make([]error, nodes)
		var wg sync.WaitGroup
		for i := range nodes {
			wg.Go(func() {
				d, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 3})
				if err == nil {
					_, err = d.Read().HasUserWithRole(t.Context(), "admin")
					err = errors.Join(err, d.Close())
				}
				errs[i] = err
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
	})
}

func TestDataSurvivesReopening(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		user := newUser("ada")
		for opened := range 2 {
			d, err := db.Open(t.Context(), db.Config{URL: url})
			require.NoError(t, err)
			if opened == 0 {
				require.NoError(t, d.Write().CreateUser(t.Context(), user))
			}
			got, err := d.Read().UserByID(t.Context(), user.ID)
			require.NoError(t, err)
			require.Equal(t, "ada", got.Username)
			require.NoError(t, d.Close())
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tests := map[string]struct{ url, want string }{
		"nothing":             {"", "needs a file"},
		"memory":              {"sqlite::memory:", "needs a file"},
		"unknown scheme":      {"mysql://user:hunter2@host/db", `no database speaks "mysql"`},
		"folder":              {"sqlite:" + folder, "database file"},
		"unreachable server":  {"postgres://user:hunter2@127.0.0.1:1/db?connect_timeout=2", "ask the server"},
		"broken postgres url": {"postgres://user:hunter2@127.0.0.1:port/db", "parse"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := db.Open(t.Context(), db.Config{URL: test.url})
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "with space?#%.db")
	d, err := db.Open(t.Context(), db.Config{URL: path})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	require.NoError(t, d.Write().CreateUser(t.Context(), newUser("ada")))
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
}

func TestSQLiteReadersCannotWrite(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	require.Error(t, d.Read().CreateUser(t.Context(), newUser("ada")))
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		user := newUser("ada")
		refused := errors.New("refused")
		err := d.InTx(ctx, func(q *db.Tx) error {
			if err := q.CreateUser(ctx, user); err != nil {
				return err
			}
			return refused
		})
		require.Equal(t, refused, err)
		require.Panics(t, func() {
			_ = d.InTx(ctx, func(q *db.Tx) error {
				if err := q.CreateUser(ctx, user); err != nil {
					return err
				}
				panic("half way")
			})
		})
		_, err = d.Read().UserByID(ctx, user.ID)
		require.ErrorIs(t, err, db.ErrNotFound)

		require.NoError(t, d.InTx(ctx, func(q *db.Tx) error { return q.CreateUser(ctx, user) }))
		_, err = d.Read().UserByID(ctx, user.ID)
		require.NoError(t, err)

		ended, cancel := context.WithCancel(ctx)
		cancel()
		err = d.InTx(ended, func(*db.Tx) error { return nil })
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, d.Ping(ctx))
	})
}

func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			wg.Go(func() {
				errs[i] = d.InTx(t.Context(), func(q *db.Tx) error {
					return q.CreateUser(t.Context(), newUser("user"+string(rune('a'+i))))
				})
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
	})
}

// now is a time with more digits than the databases keep.
var now = time.Date(2025, 6, 7, 23, 59, 58, 987654321, time.FixedZone("UTC+7", 7*3600))

func newUser(name string) store.CreateUserParams {
	return store.CreateUserParams{
		ID:       uuid.Must(uuid.NewV7()),
		Username: name, UsernameLower: strings.ToLower(name),
		Email: name + "@example.org", EmailLower: strings.ToLower(name) + "@example.org",
		PasswordHash: "hash", Role: "user", CreatedAt: column.At(now), EmailConfirmedAt: column.Maybe(now),
	}
}
