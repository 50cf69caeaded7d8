package mail

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"bandstand/storage/db"
)

// Jobs keeps work for later.
type Jobs interface {
	// Insert adds a job in tx: it runs once tx is committed.
	Insert(ctx context.Context, tx *db.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// maxAttempts is how often a mail is tried: for about nine hours, see Worker.NextRetry.
const maxAttempts = 16

// Job is a mail that waits to be sent. Who gets it, and the secret in its link, are
// in the box, which only a Seal opens.
type Job struct {
	Template Template `json:"template"` // for people who look at the jobs
	Box      string   `json:"box"`
}

// Kind implements river.JobArgs.
func (Job) Kind() string { return "mail" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (Job) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxAttempts} }

// Outbox takes mails. It is safe for concurrent use.
type Outbox struct {
	jobs Jobs
	seal *Seal
}

// NewOutbox returns an Outbox that hands mails to jobs, sealed.
func NewOutbox(jobs Jobs, seal *Seal) (*Outbox, error) {
	if jobs == nil || seal == nil {
		return nil, errors.New("mail: an outbox needs jobs and a seal")
	}
	return &Outbox{jobs, seal}, nil
}

// Queue sends m once tx is committed. A message to nobody is queued too, and then
// dropped: what is done for an address that is not known takes as long as for one
// that is.
func (o *Outbox) Queue(ctx context.Context, tx *db.Tx, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return fmt.Errorf("mail: make an id: %w", err)
	}
	job, err := o.seal.close(envelope{ID: id.String(), Message: m})
	if err != nil {
		return err
	}
	if err := o.jobs.Insert(ctx, tx, job, nil); err != nil {
		return fmt.Errorf("mail: queue: %w", err)
	}
	return nil
}
