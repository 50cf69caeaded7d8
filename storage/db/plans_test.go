package db_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/storage/db"
	"bandstand/storage/db/dbtest"
)

// mayScan names the queries that may read a whole table, or a whole index, and says
// why that is right. All others must find their rows by an index, new ones too.
var mayScan = map[string]string{
	"ActiveBans":           "all that are active, for memory; the index holds no others",
	"CloseExpiredBans":     "in the background; bans are few",
	"StaleAirings":         "those on air; the index holds no others",
	"ChannelsWithoutWords": "once at the start of a program, for channels that are older than search",
	"HasUserWithRole":      "once at the start of a program; it stops at the first",
	"ImagesAfter":          "in the background, through all of them",
	"PurgeUserPictures":    "in the background, once for an account that is purged",
}

// query is what sqlc compiled of storage/db/queries.
type query struct {
	name, command, text string
	parameters          int
}

func TestQueriesScanNoTable(t *testing.T) {
	t.Parallel()
	queries := compiledQueries(t)
	require.Greater(t, len(queries), 20)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		plan := sqlitePlan
		if d.Pool() != nil {
			fill(t, d)
			plan = postgresPlan
		}
		conn, err := d.Writer().Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		bad := query{name: "bad", text: "SELECT id FROM users WHERE bio = $1 ORDER BY id LIMIT $2", parameters: 2}
		scans, err := plan(t.Context(), conn, bad)
		require.NoError(t, err)
		require.NotEmpty(t, scans, "this test sees no scan where there is one")
		for _, q := range queries {
			scans, err := plan(t.Context(), conn, q)
			require.NoError(t, err, q.name)
			if mayScan[q.name] == "" && len(scans) > 0 {
				t.Errorf("%s scans:\n\t%s\n%s", q.name, strings.Join(scans, "\n\t"), q.text)
			}
		}
	})
}

// sqlitePlan returns the steps of q's plan that read all of a table or an index.
// SQLite plans by the schema alone.
func sqlitePlan(ctx context.Context, conn *sql.Conn, q query) ([]string, error) {
	args := make([]any, q.parameters)
	rows, err := conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+q.text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	made := map[string]bool{"CONSTANT": true} // tables that the query itself makes
	for _, cte := range withNames.FindAllStringSubmatch(q.text, -1) {
		made[cte[1]] = true
	}
	var wrong []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		words := strings.Fields(step)
		switch words[0] {
		case "MATERIALIZE", "CO-ROUTINE":
			made[words[1]] = true
		case "SCAN":
			if name := words[1]; !made[name] && !strings.HasPrefix(name, "(") {
				wrong = append(wrong, step)
			}
		}
	}
	return wrong, rows.Err()
}

var withNames = regexp.MustCompile(`(?i)(?:WITH(?: RECURSIVE)?|,)\s+(\w+)\s*(?:\([^)]*\))?\s+AS\s*\(`)

// postgresPlan returns the steps of q's plan, for parameters that are not known,
// which read all of a table or an index.
func postgresPlan(ctx context.Context, conn *sql.Conn, q query) ([]string, error) {
	for _, set := range []string{
		"SET plan_cache_mode = force_generic_plan",
		"SET random_page_cost = 1.1", // as for any disk of today
		prepare(q),
	} {
		if _, err := conn.ExecContext(ctx, set); err != nil {
			return nil, err
		}
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "DEALLOCATE asked")
	run := "EXECUTE asked"
	if q.parameters > 0 {
		run += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", q.parameters), ", ") + ")"
	}
	var doc []byte
	if err := conn.QueryRowContext(ctx, "EXPLAIN (FORMAT JSON) "+run).Scan(&doc); err != nil {
		return nil, err
	}
	var plans []struct{ Plan planNode }
	if err := json.Unmarshal(doc, &plans); err != nil {
		return nil, err
	}
	var wrong []string
	for _, p := range plans {
		p.Plan.scans(&wrong)
	}
	return wrong, nil
}

// prepare is SQL that prepares q, cut to a page: of a limit that is not known Postgres
// thinks that it takes a tenth of the table.
func prepare(q query) string {
	types := make([]string, q.parameters)
	for i := range types {
		types[i] = "unknown"
	}
	text := limit.ReplaceAllStringFunc(q.text, func(found string) string {
		n, _ := strconv.Atoi(limit.FindStringSubmatch(found)[1])
		types[n-1] = "bigint"
		return "LIMIT 100"
	})
	if len(types) == 0 {
		return "PREPARE asked AS " + text
	}
	return "PREPARE asked (" + strings.Join(types, ", ") + ") AS " + text
}

var limit = regexp.MustCompile(`LIMIT \$(\d+)`)

type planNode struct {
	NodeType     string `json:"Node Type"`
	RelationName string `json:"Relation Name"`
	IndexName    string `json:"Index Name"`
	IndexCond    string `json:"Index Cond"`
	Plans        []planNode
}

func (n planNode) scans(wrong *[]string) {
	switch n.NodeType {
	case "Seq Scan":
		if n.RelationName == oneRow {
			break
		}
		*wrong = append(*wrong, "Seq Scan on "+n.RelationName)
	case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
		if n.IndexCond == "" {
			*wrong = append(*wrong, n.NodeType+" of all of "+n.IndexName)
		}
	}
	for _, below := range n.Plans {
		below.scans(wrong)
	}
}

// compiledQueries reads the texts of all queries from the package store.
func compiledQueries(t *testing.T) []query {
	t.Helper()
	files, err := filepath.Glob("store/*.sql.go")
	require.NoError(t, err)
	var all []query
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			header, body, ok := strings.Cut(text, "\n")
			if name, ok2 := strings.CutPrefix(header, "-- name: "); ok && ok2 {
				name, command, _ := strings.Cut(name, " ")
				all = append(all, query{name, command, body, countParameters(body)})
			}
			return true
		})
	}
	return all
}

func countParameters(text string) int {
	highest := 0
	for _, p := range parameter.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(p[1])
		highest = max(highest, n)
	}
	return highest
}

var parameter = regexp.MustCompile(`\$(\d+)`)

const (
	filledRows = 10007 // a prime: see columnValue
	oneRow     = "settings"
)

// fill writes rows into every table and tells Postgres how many, so that it plans as
// for an instance in use.
func fill(t *testing.T, d *db.DB) {
	t.Helper()
	ctx := t.Context()
	columns := make(map[string][]string) // expressions by table
	names := make(map[string][]string)
	rows, err := d.Writer().QueryContext(ctx, `
		SELECT c.table_name, c.column_name, c.data_type, c.is_nullable = 'YES', COALESCE((
			SELECT max(pg_get_constraintdef(k.oid)) FROM pg_constraint k
			WHERE k.contype = 'c' AND k.conrelid = (quote_ident(c.table_name))::regclass
			AND k.conkey = ARRAY[(SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attname = c.column_name)]
		), '')
		FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'goose%'
		ORDER BY c.table_name, c.ordinal_position`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var table, column, kind, check string
		var nullable bool
		require.NoError(t, rows.Scan(&table, &column, &kind, &nullable, &check))
		names[table] = append(names[table], column)
		value := columnValue(t, len(columns[table]), column, kind, check)
		if nullable {
			value = "CASE WHEN i % 4 = 0 THEN " + value + " END"
		}
		columns[table] = append(columns[table], value)
	}
	require.NoError(t, rows.Err())
	conn, err := d.Writer().Conn(ctx)
	require.NoError(t, err)
	defer conn.Close()
	// Foreign keys hold by themselves, see columnValue; this is for the order of tables.
	exec := func(statement string) {
		t.Helper()
		_, err := conn.ExecContext(ctx, statement)
		require.NoError(t, err, statement)
	}
	exec("SET session_replication_role = replica")
	for _, table := range slices.Sorted(maps.Keys(columns)) {
		last := filledRows - 1
		if table == oneRow {
			last = 0
		}
		exec(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM generate_series(0, %d) AS i",
			table, strings.Join(names[table], ", "), strings.Join(columns[table], ", "), last))
	}
	exec("SET session_replication_role = DEFAULT")
	exec("ANALYZE")
}

// columnValue is SQL for the value of a table's nth column in row i. Ids are those of
// rows that each table has; as filledRows is a prime, every column runs through all of
// them in an order of its own, and so no pair of them comes twice.
func columnValue(t *testing.T, n int, column, kind, check string) string {
	t.Helper()
	switch kind {
	case "uuid":
		return fmt.Sprintf("lpad(to_hex(i::bigint * %d %% %d), 32, '0')::uuid", n+1, filledRows)
	case "text":
		if allowed := quoted.FindAllString(check, -1); len(allowed) > 0 {
			return fmt.Sprintf("(ARRAY[%s])[1 + i %% %d]", strings.Join(allowed, ", "), len(allowed))
		}
		return "'" + column + "-' || i"
	case "bigint", "integer":
		return "i + 1"
	case "boolean":
		return "i % 2 = 0"
	case "timestamp with time zone":
		return "now() - i * interval '1 minute'"
	case "jsonb":
		return "'{}'::jsonb"
	}
	t.Fatalf("column %s is of type %s: say what it holds", column, kind)
	return ""
}

var quoted = regexp.MustCompile(`'[^']*'`)
