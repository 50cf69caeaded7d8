// Package cache keeps what was read from the database for a while, so that hot reads
// do not ask it each time and go on while it cannot be reached. Whoever changes such
// a thing says so by db.Tx.Notify, and every node forgets it.
package cache
