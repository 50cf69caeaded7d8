// Package dbtest runs a test on every database that Bandstand supports.
package dbtest

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"bandstand/storage/db"
)

// PostgresURL names the environment variable with the URL of a Postgres in which
// tests may make schemas. Without it tests run on SQLite alone, except where CI
// is "true": there its absence is a failure.
const PostgresURL = "BANDSTAND_TEST_POSTGRES_URL"

// Each runs test as parallel subtests, once for each database, each time on a
// new and empty one which is closed and removed afterwards.
func Each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	for name, newURL := range urls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, newURL(t)))
		})
	}
}

// EachURL is Each for tests that open the database themselves: url is a database
// without tables.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for name, newURL := range urls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newURL(t))
		})
	}
}

// SQLite returns a new and empty SQLite database, for tests of what does not
// depend on the kind of database. It is closed when t ends.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return open(t, sqliteURL(t))
}

func urls(t *testing.T) map[string]func(testing.TB) string {
	t.Helper()
	all := map[string]func(testing.TB) string{"sqlite": sqliteURL}
	switch {
	case os.Getenv(PostgresURL) != "":
		all["postgres"] = postgresURL
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not set: in CI these tests must run on Postgres too", PostgresURL)
	}
	return all
}

func open(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 4})
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	return d
}

func sqliteURL(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "bandstand.db")
}

// postgresURL makes a schema and returns a URL that works in it alone.
func postgresURL(t testing.TB) string {
	t.Helper()
	base := os.Getenv(PostgresURL)
	schema := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	run := func(statement string) {
		t.Helper()
		admin, err := sql.Open("pgx", base)
		if err != nil {
			t.Fatalf("open %s: %v", PostgresURL, err)
		}
		defer admin.Close()
		if _, err := admin.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run("CREATE SCHEMA " + schema)
	t.Cleanup(func() { run("DROP SCHEMA " + schema + " CASCADE") })

	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresURL)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
