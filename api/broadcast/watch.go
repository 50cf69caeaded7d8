package broadcast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

const (
	maxWatched = 5000             // sessions in memory
	saveWithin = 10 * time.Second // how long writing down may take
	lastSave   = 5 * time.Second  // likewise when the program ends
	askAgain   = time.Minute      // about a session that belongs to no broadcast
)

// Run follows what is on air until ctx ends, and then writes down what it knows and
// returns nil. While the database cannot be reached it goes on looking: what it has
// not written down yet it does later. Media never wait for it.
func (s *Service) Run(ctx context.Context) error {
	w := newWatch(s)
	tick := time.NewTicker(s.cfg.FlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.tick(ctx)
		case <-s.began:
			w.tick(ctx)
		case <-ctx.Done():
			w.last(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// Began has Run look at what is on air at once: something has begun. It does not block.
func (s *Service) Began() {
	select {
	case s.began <- struct{}{}:
	default:
	}
}

// watch is what Run knows. One goroutine uses it.
type watch struct {
	s         *Service
	known     map[uuid.UUID]*watched // by session
	failing   bool
	sweepFrom time.Time // nothing is swept before: others have yet to write down
}

// watched is one session.
type watched struct {
	sample    Sample    // the latest
	seen      time.Time // when that was
	crowd     turnout
	broadcast uuid.UUID // uuid.Nil until the database knows
	recorded  bool      // the database has known it
	over      bool      // no longer on air
	homeless  bool      // its channel is gone, or has another broadcast
	notBefore time.Time // ask the database again then
}

func newWatch(s *Service) *watch {
	w := &watch{s: s, known: map[uuid.UUID]*watched{}}
	w.patience()
	return w
}

// patience puts sweeping off, until every node has had the time to write down.
func (w *watch) patience() { w.sweepFrom = w.s.cfg.Now().Add(3 * w.s.cfg.FlushEvery) }

// tick looks at what is on air, writes it down and ends what is over.
func (w *watch) tick(ctx context.Context) {
	w.look()
	ctx, cancel := context.WithTimeout(ctx, saveWithin)
	defer cancel()
	err := w.save(ctx, false)
	if err == nil && !w.s.cfg.Now().Before(w.sweepFrom) {
		err = w.s.Sweep(ctx)
	}
	if err == nil {
		if w.failing {
			w.s.cfg.Logger.InfoContext(ctx, "what is on air is written down again")
		}
		w.failing = false
		return
	}
	if errors.Is(err, context.Canceled) { // told to stop
		return
	}
	w.patience()
	w.s.metrics.failures.Inc()
	if !w.failing { // once for all the times that follow
		w.s.cfg.Logger.ErrorContext(ctx, "what is on air cannot be written down: trying again", "err", err)
	}
	w.failing = true
}

// last writes down what there is when the program ends.
func (w *watch) last(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastSave)
	defer cancel()
	w.look()
	if err := w.save(ctx, true); err != nil {
		w.s.cfg.Logger.WarnContext(ctx, "what was on air last is not written down", "err", err)
	}
}

// look notes what is on air.
func (w *watch) look() {
	now := w.s.cfg.Now()
	w.makeRoom()
	on := map[uuid.UUID]bool{}
	for _, sample := range w.s.cfg.Live.OnAir() {
		sample, ok := sample.clean(now)
		if !ok {
			continue
		}
		on[sample.ID] = true
		known := w.known[sample.ID]
		if known == nil {
			if len(w.known) >= maxWatched {
				continue
			}
			known = &watched{}
			w.known[sample.ID] = known
		}
		known.sample, known.seen, known.over = sample, now, false
		known.measure(w.s.cfg.Audience, now)
	}
	for id, known := range w.known {
		known.over = !on[id]
		if known.over && known.broadcast == uuid.Nil && (known.recorded || known.homeless) {
			delete(w.known, id) // nothing is left to write down
		}
	}
}

// makeRoom forgets, when there are too many, the sessions that are over and that the
// database never knew.
func (w *watch) makeRoom() {
	if len(w.known) < maxWatched {
		return
	}
	for id, known := range w.known {
		if known.over && known.broadcast == uuid.Nil {
			delete(w.known, id)
		}
	}
}

// save writes down what is known, new sessions first. A minute is written once it is
// over, be it with its session or with this program, which is last.
func (w *watch) save(ctx context.Context, last bool) error {
	var errs []error
	for _, known := range w.sorted() {
		if known.broadcast != uuid.Nil || w.s.cfg.Now().Before(known.notBefore) {
			continue
		}
		id, err := w.s.WentLive(ctx, known.sample.Session, known.seen)
		switch {
		case err == nil:
			known.broadcast, known.recorded, known.homeless = id, true, false
			w.s.cfg.Logger.InfoContext(ctx, "session belongs to a broadcast", "session", known.sample.ID, "broadcast", id)
		case errors.Is(err, ErrNoChannel), errors.Is(err, errReplaced):
			known.homeless, known.notBefore = true, w.s.cfg.Now().Add(askAgain)
		case db.IsUnavailable(err), ctx.Err() != nil:
			errs = append(errs, err)
		default: // the others need not suffer for it
			known.notBefore = w.s.cfg.Now().Add(askAgain)
			w.s.metrics.failures.Inc()
			w.s.cfg.Logger.ErrorContext(ctx, "session belongs to no broadcast", "session", known.sample.ID, "err", err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(append(errs, w.flush(ctx, last))...)
}

// sorted returns the sessions in one order, which keeps nodes that write down at the
// same time from waiting for each other.
func (w *watch) sorted() []*watched {
	all := make([]*watched, 0, len(w.known))
	for _, known := range w.known {
		all = append(all, known)
	}
	slices.SortFunc(all, func(a, b *watched) int { return bytes.Compare(a.sample.ID[:], b.sample.ID[:]) })
	return all
}

// flush writes down, in one transaction, what was measured of all sessions.
func (w *watch) flush(ctx context.Context, last bool) error {
	all := slices.DeleteFunc(w.sorted(), func(k *watched) bool { return k.broadcast == uuid.Nil })
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *watched) int { return bytes.Compare(a.broadcast[:], b.broadcast[:]) })
	kept, minutes := make([]bool, len(all)), make([][]AudienceMinute, len(all))
	for i, known := range all {
		minutes[i] = known.crowd.minutes
		if !last && !known.over {
			minutes[i] = known.crowd.over(known.seen)
		}
	}
	err := w.s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		for i, known := range all {
			var err error
			if kept[i], err = known.save(ctx, tx); err != nil {
				return err
			}
			if kept[i] {
				if err := saveMinutes(ctx, tx, known.broadcast, minutes[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("broadcast: write down what is on air: %w", err)
	}
	for i, known := range all {
		switch {
		case known.over:
			delete(w.known, known.sample.ID)
		case !kept[i]: // it counts as over, or is gone: see WentLive
			known.broadcast = uuid.Nil
		default:
			known.crowd.minutes = slices.Delete(known.crowd.minutes, 0, len(minutes[i]))
		}
	}
	return nil
}

// save writes one session and its broadcast. It reports false if that is not on air.
func (k *watched) save(ctx context.Context, tx *db.Tx) (bool, error) {
	ingest, err := json.Marshal(k.sample.Ingest)
	if err != nil {
		return false, fmt.Errorf("encode what was measured: %w", err)
	}
	var ended *column.Time
	viewers := int64(k.crowd.viewers)
	if k.over {
		ended, viewers = column.Maybe(k.seen), 0
	}
	seen := column.At(k.seen)
	_, err = tx.SaveBroadcastSession(ctx, store.SaveBroadcastSessionParams{
		ID: k.sample.ID, SeenAt: seen, EndedAt: ended, TotalViewers: int64(k.sample.TotalViewers),
		DurationMs: max(0, k.seen.Sub(k.sample.StartedAt).Milliseconds()), Ingest: ingest,
	})
	if err != nil {
		return false, fmt.Errorf("save a session: %w", err)
	}
	n, err := tx.SaveAiring(ctx, store.SaveAiringParams{
		ID: k.broadcast, SeenAt: &seen, Viewers: viewers,
		PeakViewers: int64(k.crowd.peak), TotalViewers: int64(k.crowd.total),
	})
	if err != nil {
		return false, fmt.Errorf("save a broadcast: %w", err)
	}
	return n > 0, nil
}
