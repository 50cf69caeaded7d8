// Package mail writes to people: it renders mails from templates and hands them to
// an SMTP server, or to a folder while developing.
//
// A mail is queued in the transaction of what it is about (Outbox) and sent by a
// background job (Worker), which tries again while the server cannot be reached. The
// job is sealed: the jobs in the database, done or not, show neither whom a mail is
// for nor the secret in its link.
//
// What strangers write never gets into a header, and links lead to the configured
// address of this server, whatever a request said.
package mail
