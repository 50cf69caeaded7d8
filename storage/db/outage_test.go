package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestPostgresThatIsGoneIsUnavailable(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d := node(t, url)
	proxy.Cut()
	for name, ask := range questions(d) {
		for range 2 { // on a connection that broke, and on one that cannot be made
			requireUnavailable(t, ask(t.Context()), name)
		}
	}
	proxy.Restore()
	for name, ask := range questions(d) {
		require.NoError(t, ask(t.Context()), name)
	}
}

func TestTransactionsSurviveARestartOfPostgres(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d := node(t, url)
	// Several connections, so that all must be found to be broken.
	require.NoError(t, d.InTx(t.Context(), func(*db.Tx) error {
		return d.InTx(t.Context(), func(*db.Tx) error { return nil })
	}))
	proxy.Cut()
	proxy.Restore()
	require.NoError(t, d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.HasUserWithRole(t.Context(), "admin")
		return err
	}))
}

func TestPostgresThatHangsIsUnavailableInTime(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d := node(t, url)
	proxy.Hang()
	for name, ask := range questions(d) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		ended := make(chan error, 1)
		go func() { ended <- ask(ctx) }()
		requireUnavailable(t, next(t, ended), name)
		cancel()
	}
	proxy.Restore()
	for name, ask := range questions(d) {
		require.NoError(t, ask(t.Context()), name)
	}
}

// TestPostgresThatHangsInATransaction: nothing of it outlives its context.
func TestPostgresThatHangsInATransaction(t *testing.T) {
	t.Parallel()
	url, proxy := dbtest.Postgres(t)
	d := node(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	user := newUser("ada")
	go func() {
		ended <- d.InTx(ctx, func(tx *db.Tx) error {
			if err := tx.CreateUser(ctx, user); err != nil {
				return err
			}
			proxy.Hang()
			time.AfterFunc(50*time.Millisecond, cancel)
			return nil // and the commit hangs
		})
	}()
	require.ErrorIs(t, next(t, ended), context.Canceled)
	proxy.Restore()
	_, err := d.Read().UserByID(t.Context(), user.ID)
	if err != nil { // the commit came through or it did not
		require.ErrorIs(t, err, db.ErrNotFound)
	}
}

func TestTerminatedConnectionsAreUnavailable(t *testing.T) {
	t.Parallel()
	url, _ := dbtest.Postgres(t)
	d, admin := node(t, url), node(t, url)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		var pid int
		require.NoError(t, tx.SQL().QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
		_, err := admin.Writer().ExecContext(t.Context(), "SELECT pg_terminate_backend($1, 10000)", pid)
		require.NoError(t, err)
		_, err = tx.UserByID(t.Context(), uuid.New())
		return err
	})
	requireUnavailable(t, err, "terminated")
}

func TestWhatTheServerRefusesForNowIsUnavailable(t *testing.T) {
	t.Parallel()
	url, _ := dbtest.Postgres(t)
	d := node(t, url)
	in := func(statements ...string) error {
		return d.InTx(t.Context(), func(tx *db.Tx) error {
			for _, s := range statements {
				if _, err := tx.SQL().ExecContext(t.Context(), s); err != nil {
					return fmt.Errorf("wrapped: %w", err)
				}
			}
			return nil
		})
	}
	requireUnavailable(t, in("SET LOCAL statement_timeout = 1", "SELECT pg_sleep(60)"), "statement_timeout")
	requireUnavailable(t, in("SET TRANSACTION READ ONLY", "CREATE TABLE x (y INT)"), "standby")
	requireUnavailable(t, raise(d, "53300"), "too many connections")
	requireUnavailable(t, raise(d, "57P03"), "starting up")
	for _, code := range []string{"23505", "42P01", "40001", "22001"} {
		require.False(t, db.IsUnavailable(raise(d, code)), code)
	}
}

func TestSQLiteIsUnavailableWhileAnotherProgramWrites(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/bandstand.db"
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + path})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	_, err = d.Writer().ExecContext(t.Context(), "PRAGMA busy_timeout = 1")
	require.NoError(t, err)

	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	tx, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	requireUnavailable(t, d.Write().CreateUser(t.Context(), newUser("ada")), "busy")
	require.NoError(t, tx.Rollback())
	require.NoError(t, d.Write().CreateUser(t.Context(), newUser("ada")))
	require.False(t, db.IsUnavailable(d.Write().CreateUser(t.Context(), newUser("ada"))), "a conflict")
}

func TestSQLiteThatIsFullIsUnavailable(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	var pages int
	require.NoError(t, d.Writer().QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	_, err := d.Writer().ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	require.NoError(t, err)
	_, err = d.Writer().ExecContext(t.Context(), "CREATE TABLE big AS SELECT randomblob(1000000) AS x")
	requireUnavailable(t, err, "full")
}

// TestWriterWaitsNoLongerThanItsContext: behind another writer of this program.
func TestWriterWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	require.NoError(t, d.InTx(t.Context(), func(*db.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		requireUnavailable(t, d.InTx(ctx, func(*db.Tx) error { return nil }), "second writer")
		return nil
	}))
}

func TestWhatIsNoOutage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, missing := d.Read().UserByID(t.Context(), uuid.New())
		_, syntax := d.Writer().ExecContext(t.Context(), "SELEKT")
		_, cancelled := d.Read().UserByID(ctx, uuid.New())
		for name, err := range map[string]error{
			"nothing": nil, "missing row": missing, "syntax": syntax, "cancelled": cancelled,
			"cancelled transaction": d.InTx(ctx, func(*db.Tx) error { return nil }),
		} {
			require.False(t, db.IsUnavailable(err), "%s: %v", name, err)
		}
	})
}

// questions are ways to ask the database.
func questions(d *db.DB) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"read": func(ctx context.Context) error {
			_, err := d.Read().HasUserWithRole(ctx, "admin")
			return err
		},
		"transaction": func(ctx context.Context) error {
			return d.InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.HasUserWithRole(ctx, "admin")
				return err
			})
		},
		"notice": func(ctx context.Context) error {
			return d.InTx(ctx, func(tx *db.Tx) error { return tx.Notify(ctx, "things", "1") })
		},
		"ping": d.Ping,
	}
}

// raise lets Postgres fail with code.
func raise(d *db.DB, code string) error {
	_, err := d.Writer().ExecContext(context.Background(),
		fmt.Sprintf("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '%s'; END $$", code))
	return err
}

func requireUnavailable(t *testing.T, err error, what string) {
	t.Helper()
	require.Error(t, err, what)
	require.True(t, db.IsUnavailable(err), "%s: %v (%T)", what, err, err)
}
