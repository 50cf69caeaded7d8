package account

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

func TestNamesThatLookAlike(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"Ada_Lovelace", "adalovelace", "ada-love-lace", "ADALOVELACE", "ada1ovelace", "Adalove1ace"},
		{"bob", "b0b", "B0B", "b-o-b"},
		{"paul", "pau1", "PAUI", "pau_l"},
		{"mom", "rnorn", "r-n-o-r-n", "m0m"},
		{"wwf", "vvwf", "vvvvf"},
	} {
		for _, name := range same {
			require.Equal(t, skeleton(same[0]), skeleton(name), name)
		}
	}
	for _, differ := range [][2]string{{"ada", "ado"}, {"ann", "anna"}, {"bob2", "bob3"}} {
		require.NotEqual(t, skeleton(differ[0]), skeleton(differ[1]))
	}
	for _, name := range []string{"admin", "Adm1n", "a-d-m-i-n", "r00t", "moderator", "rnod", "Support", "bandstand"} {
		require.True(t, isReserved(name), name)
	}
	for _, name := range []string{"ada", "administer", "rooter"} {
		require.False(t, isReserved(name), name)
	}
}

func TestAddressesThatDoNotShowWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ada@example.org", "ada+x@example.org", "ä@example.org"} {
		require.True(t, isEmail(address), address)
	}
	for _, address := range []string{
		"\u202eada@example.org", "ada\u200b@example.org", "a\u00a0da@example.org", "ada\u2028@example.org", "ada@exa\u00admple.org",
		"ada@example.org\n", "ada\x00@example.org", "\xff@example.org", "<ada@example.org>", "ada@example.org, eve@example.org",
	} {
		require.False(t, isEmail(address), "%q", address)
	}
}

// Accounts from before names were compared by their looks get them in SQL.
func TestOldNamesGetTheirLooks(t *testing.T) {
	t.Parallel()
	names := []string{"Ada_Lovelace", "b0b", "bob", "B-o-b", "pau1", "r-n-o-r-n", "vvvvf", "0-1_i", "mom", "zed"}
	dbtest.EachURL(t, func(t *testing.T, url string) {
		migrations := filepath.Join("..", "..", "storage", "db", "migrations")
		driver, dialect, source := "sqlite", goose.DialectSQLite3, strings.TrimPrefix(url, "sqlite:")
		if strings.HasPrefix(url, "postgres") {
			driver, dialect, source = "pgx", goose.DialectPostgres, url
		}
		old, err := sql.Open(driver, source)
		require.NoError(t, err)
		provider, err := goose.NewProvider(dialect, old, os.DirFS(migrations))
		require.NoError(t, err)
		_, err = provider.UpTo(t.Context(), 1)
		require.NoError(t, err)
		for _, name := range names {
			_, err := old.ExecContext(t.Context(),
				`INSERT INTO users (id, username, username_lower, email, email_lower, password_hash, role, created_at)
				VALUES ($1, $2, $3, $4, $4, '', 'user', '2026-01-02 03:04:05+00:00')`,
				uuid.Must(uuid.NewV7()).String(), name, strings.ToLower(name), name+"@example.org")
			require.NoError(t, err)
		}
		require.NoError(t, old.Close())

		d, err := db.Open(t.Context(), db.Config{URL: url})
		require.NoError(t, err)
		defer d.Close()
		seen := map[string]bool{"": true}
		for _, name := range names {
			row, err := d.Read().UserByUsername(t.Context(), strings.ToLower(name))
			require.NoError(t, err)
			want := skeleton(name)
			if seen[want] {
				want = "" // the first has it
			}
			seen[want] = true
			require.Equal(t, want, row.UsernameSkeleton, name)
			require.NotNil(t, row.EmailConfirmedAt)
		}
	})
}

func TestPasswordsThatWillNotDo(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]error{
		"correct horse":                    nil,
		"ünïcödé!":                         nil,
		"cafe\u0301 1":                     ErrBadPassword, // seven letters, of which one is made of two characters
		"1234567":                          ErrBadPassword,
		strings.Repeat("xyz", 86):          ErrBadPassword,
		strings.Repeat("xyz", 85):          nil,
		"Ada-Lovelace":                     ErrBadPassword,
		"ADA.LOVELACE@example.org":         ErrBadPassword,
		"Ada.Lovelace":                     ErrBadPassword,
		"bad \xff bytes":                   ErrBadPassword,
		"Password1":                        ErrCommonPassword,
		"QWERTYUIOP":                       ErrCommonPassword,
		"aaaaaaaaaa":                       ErrCommonPassword,
		"1212121212":                       ErrCommonPassword,
		"abcdefghijkl":                     ErrCommonPassword,
		"98765432":                         ErrCommonPassword,
		"correcthorsebatterystaple":        ErrCommonPassword,
		"aaaaaaab1":                        nil,
		"abcdefghijklx":                    nil,
		"p\u0430ssword":                    nil, // a Cyrillic letter: nobody tries that first
		strings.Repeat("long enough ", 20): nil,
	} {
		require.Equal(t, want, checkPassword(password, "ada-lovelace", "ada.lovelace@example.org"), "%q", password)
	}
	for word := range common {
		require.GreaterOrEqual(t, len(word), minPassword, "%q is refused anyway", word)
		require.Equal(t, strings.ToLower(word), word)
	}
	require.Greater(t, len(common), 300)
}
