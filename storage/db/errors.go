package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
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

// IsUnavailable reports whether err, of a query or a transaction, says that the
// database cannot be asked now: it is down, overloaded, out of space, or did not
// answer before the context's deadline. The same may succeed later. A context that
// was cancelled says nothing of the database.
func IsUnavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok { // whatever the server said to it
		return true
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgUnavailable(pg.Code)
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteUnavailable(lite.Code())
	}
	for _, broken := range []error{
		context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, broken) {
			return true
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}

// pgUnavailable tells by SQLSTATE, see appendix A of the Postgres manual.
func pgUnavailable(code string) bool {
	switch code {
	case "57014", // query_canceled: statement_timeout
		"57P01", "57P02", "57P03", "57P05", // shutting down, crashed, starting, idle for too long
		"55P03", // lock_not_available: lock_timeout
		"25006", // read_only_sql_transaction: a standby
		"25P03", // idle_in_transaction_session_timeout
		"25P04": // transaction_timeout
		return true
	}
	switch class := code[:min(2, len(code))]; class {
	case "08", "53", "58": // connection, resources, the server's own disk
		return true
	}
	return false
}

func sqliteUnavailable(code int) bool {
	switch code & 0xff { // extended codes hold the primary one
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		return true
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
