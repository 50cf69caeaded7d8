package broadcast

import (
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

var (
	storedQuery = regexp.MustCompile("(?s)= `-- name: (\\w+) :\\w+\n(.*?)`")
	parameter   = regexp.MustCompile(`\$(\d+)`)
)

// TestQueriesUseIndexes asks both databases how they would answer each query of this
// package: never by reading a whole table, and the lists that turn pages by channel
// or state without sorting either.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		conn, err := d.Writer().Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		count := 0
		for _, file := range []string{"broadcasts", "broadcast_lists", "broadcast_airings"} {
			source, err := os.ReadFile("../../storage/db/store/" + file + ".sql.go")
			require.NoError(t, err)
			for _, found := range storedQuery.FindAllStringSubmatch(string(source), -1) {
				name, query := found[1], found[2]
				count++
				var plan string
				if d.Pool() == nil {
					plan = explainSQLite(t, conn, query)
					require.NotRegexp(t, `(?m)^SCAN (broadcasts|[bcosut]|channels|users|broadcast_\w+)\b`, plan, name)
					if strings.HasPrefix(name, "BroadcastsListed") || strings.HasPrefix(name, "BroadcastsOf") {
						require.NotContains(t, plan, "TEMP B-TREE", name)
					}
				} else {
					plan = explainPostgres(t, conn, name, query)
					require.NotContains(t, plan, "Seq Scan", name)
					if strings.HasPrefix(name, "BroadcastsListed") || strings.HasPrefix(name, "BroadcastsOf") {
						require.NotContains(t, plan, "Sort Key: (COALESCE", name)
					}
				}
			}
		}
		require.Greater(t, count, 40)
	})
}

func parameters(query string) int {
	most := 0
	for _, found := range parameter.FindAllStringSubmatch(query, -1) {
		n, _ := strconv.Atoi(found[1])
		most = max(most, n)
	}
	return most
}

func explainSQLite(t *testing.T, conn *sql.Conn, query string) string {
	t.Helper()
	args := make([]any, parameters(query))
	for i := range args {
		args[i] = 1
	}
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	require.NoError(t, err, query)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan.WriteString(detail + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}

// explainPostgres has the plan for whatever values, of tables too small for indexes
// to pay: hence without scans where there is another way.
func explainPostgres(t *testing.T, conn *sql.Conn, name, query string) string {
	t.Helper()
	run := func(statement string) {
		_, err := conn.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	run("SET enable_seqscan = off")
	run("SET enable_bitmapscan = off")
	run("SET plan_cache_mode = force_generic_plan")
	run(fmt.Sprintf("PREPARE %s AS %s", name, query))
	values := ""
	if n := parameters(query); n > 0 {
		values = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
	}
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN EXECUTE "+name+values)
	require.NoError(t, err)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		plan.WriteString(line + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}
