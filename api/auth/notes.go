package auth

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	notedEvery = time.Minute     // how often the use of one login or token is noted
	writeEvery = 5 * time.Second // how often notes are written
	maxNotes   = 10_000          // that wait to be written; more are lost
	lastWrite  = 3 * time.Second // how long the last notes may take, at the end
	maxWritten = 200             // notes in one transaction: others want to write too
)

// note is that a login or a personal access token was used.
type note struct {
	at        time.Time
	personal  bool
	address   string // empty if not known
	userAgent string
}

// notes gathers notes and writes them now and then, so that no request waits for it.
type notes struct {
	db  *db.DB
	log *slog.Logger

	mu   sync.Mutex
	next map[uuid.UUID]note // guarded by mu; not written yet
}

func newNotes(d *db.DB, log *slog.Logger) *notes {
	return &notes{db: d, log: log, next: map[uuid.UUID]note{}}
}

// add keeps n until it is written, in place of an older one.
func (ns *notes) add(id uuid.UUID, n note) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if _, known := ns.next[id]; known || len(ns.next) < maxNotes {
		ns.next[id] = n
	}
}

func (ns *notes) run(ctx context.Context) error {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			ns.write(ctx)
		case <-ctx.Done():
			ns.writeLast(ctx)
			return nil
		}
	}
}

func (ns *notes) writeLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	ns.write(ctx)
}

// write writes what was noted so far. What fails is lost: it is noted again soon.
func (ns *notes) write(ctx context.Context) {
	ns.mu.Lock()
	pending := ns.next
	ns.next = map[uuid.UUID]note{}
	ns.mu.Unlock()
	for len(pending) > 0 {
		err := ns.db.InTx(ctx, func(tx *db.Tx) error {
			written := 0
			for id, n := range pending {
				if err := n.write(ctx, tx, id); err != nil {
					return err
				}
				delete(pending, id)
				written++
				if written == maxWritten {
					break
				}
			}
			return nil
		})
		if err != nil {
			if ctx.Err() == nil {
				ns.log.WarnContext(ctx, "last use of logins not noted", "count", len(pending), "err", err)
			}
			return
		}
	}
}

func (n note) write(ctx context.Context, tx *db.Tx, id uuid.UUID) error {
	if n.personal {
		return tx.TouchPersonalToken(ctx, store.TouchPersonalTokenParams{At: column.Maybe(n.at), ID: id})
	}
	return tx.TouchLogin(ctx, store.TouchLoginParams{
		At: column.At(n.at), Address: n.address, UserAgent: n.userAgent, ID: id,
	})
}
