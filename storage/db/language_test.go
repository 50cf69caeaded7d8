package db_test

import (
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// TestBeginningsOfWordsAreFoundInEveryLanguage looks words up in a Postgres made for
// Danish, where aa is a letter of its own that comes after z.
func TestBeginningsOfWordsAreFoundInEveryLanguage(t *testing.T) {
	t.Parallel()
	base := os.Getenv(dbtest.PostgresURL)
	if base == "" {
		t.Skip("needs " + dbtest.PostgresURL)
	}
	ctx := t.Context()
	admin, err := sql.Open("pgx", base)
	require.NoError(t, err)
	defer admin.Close()
	name := "danish_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	_, err = admin.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'da'")
	require.NoError(t, err)
	defer func() {
		_, err := admin.Exec("DROP DATABASE " + name) //nolint:noctx // after the test's context
		require.NoError(t, err)
	}()
	u, err := url.Parse(base)
	require.NoError(t, err)
	u.Path = "/" + name
	d, err := db.Open(ctx, db.Config{URL: u.String(), MaxConns: 4})
	require.NoError(t, err)
	defer d.Close()

	user := newUser("Ada")
	require.NoError(t, d.Write().CreateUser(ctx, user))
	channel := newChannel(user.ID, "demo")
	require.NoError(t, d.Write().CreateChannel(ctx, channel))
	for _, word := range []string{"aalborg", "abba", "bach", "chopin", "zappa"} {
		_, err := d.Writer().ExecContext(ctx, "INSERT INTO channel_words (word, channel_id) VALUES ($1, $2)", word, channel.ID)
		require.NoError(t, err)
	}
	for begins, want := range map[string]int{"a": 2, "aa": 1, "ab": 1, "c": 1, "z": 1, "å": 0} {
		var found int
		require.NoError(t, d.Writer().QueryRowContext(ctx, "SELECT count(*) FROM channel_words WHERE word >= $1 AND word < $2",
			begins, begins+"\U0010ffff").Scan(&found))
		require.Equal(t, want, found, begins)
	}
}
