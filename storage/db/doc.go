// Package db keeps what must outlive a restart: accounts, channels and stream
// keys, in SQLite (one file, the default) or in Postgres. One SQL text serves
// both; sqlc compiles queries to the package store.
package db

//go:generate sqlc generate
