// Package jobs does work in the background that must not be lost: mails, images,
// webhooks, clearing up. A job is a row in the database, written in the transaction
// of what it belongs to, so that both happen or neither does.
//
// A job runs at least once and may run again: after an error, after a crash, or when
// the database could not be told that it ended. Workers must cope with that.
package jobs
