package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// TestBackupIsOfOneMoment: pairs of rows are written together, and it has both of
// a pair or none, while a writer goes on.
func TestBackupIsOfOneMoment(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	live := filepath.Join(folder, "live ? #.db")
	d, err := db.Open(t.Context(), db.Config{URL: live})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })

	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	defer writer.Wait()
	defer stop()
	written := make(chan struct{}, 1)
	writer.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				if err := tx.CreateUser(t.Context(), newUser(fmt.Sprint("left", i))); err != nil {
					return err
				}
				return tx.CreateUser(t.Context(), newUser(fmt.Sprint("right", i)))
			})
			if err != nil {
				t.Errorf("write: %v", err)
				return
			}
			select {
			case written <- struct{}{}:
			default:
			}
		}
	})
	for i := range 5 {
		next(t, written)
		copied := filepath.Join(folder, fmt.Sprint("copy", i))
		if i%2 == 0 {
			require.NoError(t, d.Backup(t.Context(), copied))
		} else {
			require.NoError(t, db.Backup(t.Context(), "sqlite:"+live, copied))
		}
		info, err := os.Stat(copied)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

		b, err := db.Open(t.Context(), db.Config{URL: copied})
		require.NoError(t, err)
		var check string
		require.NoError(t, b.Writer().QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check))
		require.Equal(t, "ok", check)
		var users, odd int
		require.NoError(t, b.Writer().QueryRowContext(t.Context(), "SELECT count(*), count(*) % 2 FROM users").Scan(&users, &odd))
		require.Positive(t, users)
		require.Zero(t, odd)
		require.NoError(t, b.Close())
	}
	stop()
	writer.Wait()
	parts, err := filepath.Glob(filepath.Join(folder, "*.part"))
	require.NoError(t, err)
	require.Empty(t, parts)
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	live, taken := filepath.Join(folder, "live.db"), filepath.Join(folder, "taken")
	d, err := db.Open(t.Context(), db.Config{URL: live})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	require.NoError(t, os.WriteFile(taken, []byte("precious"), 0o600))
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	require.ErrorIs(t, d.Backup(t.Context(), taken), os.ErrExist)
	require.ErrorIs(t, d.Backup(t.Context(), live), os.ErrExist)
	kept, err := os.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "precious", string(kept))
	require.ErrorIs(t, d.Backup(t.Context(), filepath.Join(folder, "missing", "copy")), os.ErrNotExist)
	require.ErrorIs(t, d.Backup(ended, filepath.Join(folder, "copy")), context.Canceled)
	require.ErrorIs(t, db.Backup(t.Context(), filepath.Join(folder, "nothing.db"), filepath.Join(folder, "copy")), os.ErrNotExist)

	require.ErrorIs(t, db.Backup(t.Context(), "postgres://user:hunter2@host/db", filepath.Join(folder, "copy")), db.ErrNotSQLite)
	names, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, n := range names {
		require.Contains(t, []string{"live.db", "live.db-wal", "live.db-shm", "taken"}, n.Name())
	}
}

// TestBackupLeavesTheTablesAlone: a newer program may back up before it migrates.
func TestBackupLeavesTheTablesAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	old, copied := filepath.Join(folder, "old.db"), filepath.Join(folder, "copy.db")
	raw, err := sql.Open("sqlite", old)
	require.NoError(t, err)
	_, err = raw.ExecContext(t.Context(), "CREATE TABLE old (x INT)")
	require.NoError(t, err)
	require.NoError(t, raw.Close())
	require.NoError(t, db.Backup(t.Context(), old, copied))
	raw, err = sql.Open("sqlite", copied)
	require.NoError(t, err)
	defer raw.Close()
	var tables int
	require.NoError(t, raw.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_master").Scan(&tables))
	require.Equal(t, 1, tables)
}

func TestPostgresIsBackedUpByItsOwnTools(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if err := d.Backup(t.Context(), filepath.Join(t.TempDir(), "copy")); d.Pool() != nil {
			require.ErrorIs(t, err, db.ErrNotSQLite)
			require.ErrorContains(t, err, "pg_dump")
		}
	})
}
