// Package column holds the column types that SQLite and Postgres disagree about.
package column
