package db_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// rowsOf are rows of an instance whose tables have a version, in SQL of that time. A
// new migration adds those of the version before it.
var rowsOf = map[int64]string{
	1: `
INSERT INTO users (id, username, username_lower, email, email_lower, password_hash, role, created_at, deleted_at) VALUES
	('00000000-0000-7000-8000-000000000001', 'Ada', 'ada', 'Ada@example.org', 'ada@example.org', 'hash 1', 'admin', '2025-06-07 01:02:03.456789+00:00', NULL),
	('00000000-0000-7000-8000-000000000002', 'Bob', 'bob', 'bob@example.org', 'bob@example.org', 'hash 2', 'user', '2025-06-08 01:02:03+00:00', NULL),
	('00000000-0000-7000-8000-000000000003', 'Cleo', 'cleo', 'cleo@example.org', 'cleo@example.org', 'hash 3', 'user', '2025-06-09 01:02:03+00:00', '2025-07-01 00:00:00+00:00');
INSERT INTO channels (id, owner_id, slug, title, ladder, created_at, updated_at) VALUES
	('00000000-0000-7000-8000-000000000011', '00000000-0000-7000-8000-000000000002', 'demo', 'A title', '[{"height":720}]', '2025-06-08 02:00:00+00:00', '2025-06-08 03:00:00+00:00');
INSERT INTO stream_keys (id, channel_id, label, secret_hash, hint, created_at, last_used_at, revoked_at) VALUES
	('00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000011', 'first', 'secret 1', 'abcd', '2025-06-08 02:00:00+00:00', NULL, NULL),
	('00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000011', 'second', 'secret 2', 'efgh', '2025-06-08 02:00:00+00:00', '2025-06-08 02:30:00+00:00', '2025-06-08 03:00:00+00:00');
`,
	2: `
INSERT INTO users (id, username, username_lower, username_skeleton, email, email_lower, password_hash, role, created_at, deleted_at, email_confirmed_at) VALUES
	('00000000-0000-7000-8000-000000000001', 'Ada', 'ada', 'ada', 'Ada@example.org', 'ada@example.org', 'hash 1', 'admin', '2025-06-07 01:02:03.456789+00:00', NULL, '2025-06-07 01:02:03+00:00'),
	('00000000-0000-7000-8000-000000000002', 'Bob', 'bob', 'bob', 'bob@example.org', 'bob@example.org', 'hash 2', 'user', '2025-06-08 01:02:03+00:00', NULL, '2025-06-08 01:02:03+00:00'),
	('00000000-0000-7000-8000-000000000003', 'Cleo', 'cleo', 'cleo', 'cleo@example.org', 'cleo@example.org', 'hash 3', 'user', '2025-06-09 01:02:03+00:00', '2025-07-01 00:00:00+00:00', '2025-06-09 01:02:03+00:00');
INSERT INTO channels (id, owner_id, slug, title, ladder, created_at, updated_at) VALUES
	('00000000-0000-7000-8000-000000000011', '00000000-0000-7000-8000-000000000002', 'demo', 'A title', '[{"height":720}]', '2025-06-08 02:00:00+00:00', '2025-06-08 03:00:00+00:00');
INSERT INTO stream_keys (id, channel_id, label, secret_hash, hint, created_at, last_used_at, revoked_at) VALUES
	('00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000011', 'first', 'secret 1', 'abcd', '2025-06-08 02:00:00+00:00', NULL, NULL),
	('00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000011', 'second', 'secret 2', 'efgh', '2025-06-08 02:00:00+00:00', '2025-06-08 02:30:00+00:00', '2025-06-08 03:00:00+00:00');
INSERT INTO images (id, kind, target_kind, target_id, state, source_key, variants, created_by, created_at, updated_at) VALUES
	('00000000-0000-7000-8000-000000000031', 'avatar', 'user', '00000000-0000-7000-8000-000000000002', 'ready', 'a/b', '[]', '00000000-0000-7000-8000-000000000002', '2025-06-08 02:00:00+00:00', '2025-06-08 02:00:00+00:00');
`,
}

// TestRowsSurviveMigration from every version that there has been.
func TestRowsSurviveMigration(t *testing.T) {
	t.Parallel()
	latest := latestVersion(t)
	for version := int64(1); version < latest; version++ {
		require.Contains(t, rowsOf, version, "add rows of this version")
	}
	for version := range rowsOf {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			t.Parallel()
			dbtest.EachURL(t, func(t *testing.T, url string) {
				d, err := db.OpenAt(t.Context(), db.Config{URL: url}, version)
				require.NoError(t, err)
				execAll(t, d, rowsOf[version])
				require.NoError(t, d.Close())
				d, err = db.Open(t.Context(), db.Config{URL: url})
				require.NoError(t, err)
				require.Equal(t, db.Migrated{From: version, To: latest}, d.Migrated())
				requireOldRows(t, d)
				require.NoError(t, d.Close())
			})
		})
	}
}

// TestDownAndUpAgain, with rows that only newer tables can hold.
func TestDownAndUpAgain(t *testing.T) {
	t.Parallel()
	latest := latestVersion(t)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		d, err := db.OpenAt(t.Context(), db.Config{URL: url}, 1)
		require.NoError(t, err)
		execAll(t, d, rowsOf[1])
		require.NoError(t, d.Close())
		for version := latest; version >= 1; version-- {
			d, err = db.Open(t.Context(), db.Config{URL: url})
			require.NoError(t, err)
			require.Equal(t, latest, d.Migrated().To)
			requireOldRows(t, d)
			require.NoError(t, d.Close())
			d, err = db.OpenAt(t.Context(), db.Config{URL: url}, version)
			require.NoError(t, err)
			require.NoError(t, d.Close())
		}
		d, err = db.Open(t.Context(), db.Config{URL: url})
		require.NoError(t, err)
		_, err = d.Writer().ExecContext(t.Context(), "UPDATE users SET role = 'moderator' WHERE username = 'Bob'")
		require.NoError(t, err)
		require.NoError(t, d.Close())
		d, err = db.OpenAt(t.Context(), db.Config{URL: url}, 1)
		require.NoError(t, err)
		var role string
		require.NoError(t, d.Writer().QueryRowContext(t.Context(), "SELECT role FROM users WHERE username = 'Bob'").Scan(&role))
		require.Equal(t, "user", role, "what version 1 knows")
		require.NoError(t, d.Close())

		d, err = db.OpenAt(t.Context(), db.Config{URL: url}, 0)
		require.NoError(t, err)
		require.Empty(t, tablesOf(t, d))
		require.NoError(t, d.Close())
		d, err = db.Open(t.Context(), db.Config{URL: url})
		require.NoError(t, err)
		require.Equal(t, db.Migrated{From: 0, To: latest}, d.Migrated())
		require.NoError(t, d.Write().CreateUser(t.Context(), newUser("ada")))
		require.NoError(t, d.Close())
		d, err = db.Open(t.Context(), db.Config{URL: url})
		require.NoError(t, err)
		require.Equal(t, db.Migrated{From: latest, To: latest}, d.Migrated())
		require.NoError(t, d.Close())
	})
}

func TestTablesOfANewerProgramAreLeftAlone(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		d, err := db.Open(t.Context(), db.Config{URL: url})
		require.NoError(t, err)
		execAll(t, d, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, "+
			map[bool]string{true: "TRUE", false: "1"}[d.Pool() != nil]+");")
		require.NoError(t, d.Close())
		_, err = db.Open(t.Context(), db.Config{URL: url})
		require.ErrorContains(t, err, "version 900, made by a newer program")
	})
}

// requireOldRows checks that the rows of version 1 are what they were.
func requireOldRows(t *testing.T, d *db.DB) {
	t.Helper()
	ctx := t.Context()
	ada, err := d.Read().UserByUsername(ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, "00000000-0000-7000-8000-000000000001", ada.ID.String())
	require.Equal(t, "Ada", ada.Username)
	require.Equal(t, "Ada@example.org", ada.Email)
	require.Equal(t, "hash 1", ada.PasswordHash)
	require.Equal(t, "admin", ada.Role)
	require.Equal(t, "2025-06-07T01:02:03.456789Z", ada.CreatedAt.UTC().Format("2006-01-02T15:04:05.999999Z07:00"))
	require.NotNil(t, ada.EmailConfirmedAt, "addresses were not asked to be confirmed then")
	bob, err := d.Read().UserByID(ctx, uuid.MustParse("00000000-0000-7000-8000-000000000002"))
	require.NoError(t, err)
	require.Equal(t, "user", bob.Role)

	channel, err := d.Read().ChannelBySlug(ctx, "demo")
	require.NoError(t, err)
	require.Equal(t, bob.ID, channel.OwnerID)
	require.Equal(t, "A title", channel.Title)
	require.JSONEq(t, `[{"height":720}]`, string(channel.Ladder))
	grant, err := d.Read().GrantBySecretHash(ctx, "secret 1")
	require.NoError(t, err)
	require.Equal(t, channel.ID, grant.ChannelID)
	_, err = d.Read().GrantBySecretHash(ctx, "secret 2")
	require.ErrorIs(t, err, db.ErrNotFound, "it was revoked")

	var deleted int
	require.NoError(t, d.Writer().QueryRowContext(ctx, "SELECT count(*) FROM users WHERE deleted_at IS NOT NULL").Scan(&deleted))
	require.Equal(t, 1, deleted)
}

func execAll(t *testing.T, d *db.DB, statements string) {
	t.Helper()
	for statement := range strings.SplitSeq(statements, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		_, err := d.Writer().ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// tablesOf returns the tables that goose does not keep for itself.
func tablesOf(t *testing.T, d *db.DB) []string {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'"
	if d.Pool() != nil {
		query = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname NOT LIKE 'goose%'"
	}
	rows, err := d.Writer().QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		all = append(all, name)
	}
	require.NoError(t, rows.Err())
	return all
}

func latestVersion(t *testing.T) int64 {
	t.Helper()
	files, err := os.ReadDir("migrations")
	require.NoError(t, err)
	return int64(len(files))
}
