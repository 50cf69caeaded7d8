package db

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrNotFound is the error of a query for one row that does not exist.
var ErrNotFound = sql.ErrNoRows

// Postgres error codes, class 23.
const (
	pgForeignKeyViolation = "23503"
	pgUniqueViolation     = "23505"
)

// IsUnique reports whether err is a write refused by the unique index with this
// name. An index on plain columns must be named TABLE_COLUMN…_key (the rule by
// which Postgres names them): SQLite reports columns and not the index.
func IsUnique(err error, index string) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == pgUniqueViolation && pg.ConstraintName == index
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return sqliteIndex(lite.Error()) == index
		}
	}
	return false
}

// IsForeignKey reports whether err is a write refused because a row it refers to
// is missing, or because others still refer to the row.
func IsForeignKey(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == pgForeignKeyViolation
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
	}
	return false
}

// sqliteIndex returns the name of the index from the end of SQLite's report,
// "… failed: users.email, users.name (2067)" or "… failed: index 'NAME' (2067)".
// That list is the only place where SQLite says which constraint it was.
func sqliteIndex(report string) string {
	at := strings.LastIndex(report, "failed: ")
	if at < 0 {
		return ""
	}
	list := report[at+len("failed: "):]
	if end := strings.LastIndex(list, " ("); end >= 0 {
		list = list[:end]
	}
	if name, ok := strings.CutPrefix(list, "index '"); ok {
		return strings.TrimSuffix(name, "'")
	}
	var name strings.Builder
	for i, column := range strings.Split(list, ", ") {
		table, column, ok := strings.Cut(column, ".")
		if !ok {
			return ""
		}
		if i == 0 {
			name.WriteString(table)
		}
		name.WriteString("_" + column)
	}
	return name.String() + "_key"
}
