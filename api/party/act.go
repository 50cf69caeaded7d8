package party

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/storage/db"
	"bandstand/storage/db/column"
	"bandstand/storage/db/store"
)

// Done is what has become of an action. What it changed comes as an event, to whoever
// acted like to everybody else.
type Done struct {
	Seq int64 `json:"seq"` // of the state that the action made
	At  int64 `json:"at"`  // when that takes effect, in microseconds since 1970
	// Queued says that the action waits behind one of the same kind, and that only the
	// last of those that wait is done.
	Queued bool `json:"queued,omitempty"`
}

// change changes a state that has settled at its new instant. seq is that of the new
// state.
type change func(s *State, seq int64, settings Settings) error

// act has somebody change what plays, at an instant shortly ahead.
func (s *Service) act(ctx context.Context, p auth.Principal, party uuid.UUID, reason string, do change) (Done, error) {
	by := &Person{ID: p.UserID, Name: p.Name}
	return s.turn(ctx, party, by, reason, func(tx *db.Tx, row store.Party, state *State, settings Settings) error {
		if err := mayAct(ctx, tx, row, p.UserID); err != nil {
			return err
		}
		return do(state, row.Seq+1, settings)
	})
}

// turn changes the state of a party in one transaction, so that there is one order, on
// all nodes, and tells everybody. by is nil where the server itself acts.
func (s *Service) turn(ctx context.Context, party uuid.UUID, by *Person, reason string,
	do func(tx *db.Tx, row store.Party, state *State, settings Settings) error,
) (Done, error) {
	lead := s.ears.lead(party)
	var state State
	var row store.Party
	var settings Settings
	var line *Message
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		if row, state, settings, err = lock(ctx, tx, party); err != nil {
			return err
		}
		// Never before what everybody waits for already.
		state.settle(max(s.now()+lead.Microseconds(), state.At))
		state.Reason, state.By = reason, by
		if err := do(tx, row, &state, settings); err != nil {
			return err
		}
		state.bound(settings.delay())
		row.Seq++
		raw, err := state.encode()
		if err != nil {
			return err
		}
		if by != nil && s.worthALine(party, by.ID, reason) {
			if line, err = s.line(ctx, tx, party, by, reason); err != nil {
				return err
			}
		}
		return tx.PartySetState(ctx, store.PartySetStateParams{ID: party, State: raw, Seq: row.Seq, Now: column.At(s.cfg.Now())})
	})
	if err != nil {
		return Done{}, err
	}
	if state.Wait != nil {
		s.announce(word{Party: party, Waiting: true})
	}
	view, err := s.showState(ctx, auth.Principal{}, row.Seq, &state)
	if err != nil { // it is done: who hears nothing asks
		s.cfg.Logger.WarnContext(ctx, "what plays in a party cannot be told", "err", err)
		return Done{Seq: row.Seq, At: state.At}, nil
	}
	s.tell(ctx, party, "party.state", view)
	s.tellLine(ctx, line)
	return Done{Seq: row.Seq, At: state.At}, nil
}

// lock returns a party as it is, and has others wait who want to change it.
func lock(ctx context.Context, tx *db.Tx, party uuid.UUID) (row store.Party, state State, settings Settings, err error) {
	if row, err = tx.PartyLock(ctx, party); err != nil {
		if errors.Is(err, db.ErrNotFound) {
			err = ErrNotFound
		}
		return row, state, settings, err
	}
	if state, err = stateOf(row.State); err != nil {
		return row, state, settings, err
	}
	settings, err = settingsOf(row.Settings)
	return row, state, settings, err
}

// mayAct returns why somebody may not change what plays.
func mayAct(ctx context.Context, tx *db.Tx, row store.Party, user uuid.UUID) error {
	if err := mustBeIn(ctx, tx.Queries, row.ID, user); err != nil {
		return err
	}
	if row.Control == controlHost && row.HostID != user {
		return ErrHostOnly
	}
	return nil
}

// mustBeIn returns ErrNotFound for somebody who is not a member.
func mustBeIn(ctx context.Context, q *store.Queries, party, user uuid.UUID) error {
	m, err := q.PartyMember(ctx, store.PartyMemberParams{PartyID: party, UserID: user})
	if errors.Is(err, db.ErrNotFound) || (err == nil && m.RemovedAt != nil) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("party: look a member up: %w", err)
	}
	return nil
}

// Play has everybody play on.
func (s *Service) Play(ctx context.Context, p auth.Principal, party uuid.UUID) (Done, error) {
	if err := s.pace.allow(p.UserID); err != nil {
		return Done{}, err
	}
	return s.act(ctx, p, party, reasonPlay, func(state *State, _ int64, _ Settings) error {
		if state.Item == nil {
			return ErrNothingLoaded
		}
		if state.Wait != nil {
			state.GaveUp = s.now() // somebody does not want to wait
		}
		state.Playing, state.Wait = true, nil
		return nil
	})
}

// Pause has everybody stop at the same picture.
func (s *Service) Pause(ctx context.Context, p auth.Principal, party uuid.UUID) (Done, error) {
	if err := s.pace.allow(p.UserID); err != nil {
		return Done{}, err
	}
	return s.act(ctx, p, party, reasonPause, func(state *State, _ int64, _ Settings) error {
		if state.Item == nil {
			return ErrNothingLoaded
		}
		state.Playing, state.Wait = false, nil
		return nil
	})
}

// Rate has everybody play at another speed.
func (s *Service) Rate(ctx context.Context, p auth.Principal, party uuid.UUID, rate float64) (Done, error) {
	if !(rate >= minRate && rate <= maxRate) { // not a number is neither
		return Done{}, ErrBadRate
	}
	if err := s.pace.allow(p.UserID); err != nil {
		return Done{}, err
	}
	return s.act(ctx, p, party, reasonRate, func(state *State, _ int64, _ Settings) error {
		if state.Item.Live() && rate != 1 {
			return ErrBadRate
		}
		state.Rate = rate
		return nil
	})
}

const minRate, maxRate = 0.25, 4

// Target is where a seek goes: to a position, or by so much from where it is, unless
// somebody else has moved since Seq.
type Target struct {
	Position *float64 // seconds; of what is live since 1970. Nothing is ahead of the live edge
	By       *float64 // seconds
	Seq      int64
}

func (t Target) check() error {
	value := t.Position
	if value == nil {
		value = t.By
	}
	if value == nil || (t.Position != nil && t.By != nil) || (t.By != nil && t.Seq <= 0) ||
		math.IsNaN(*value) || math.Abs(*value) > maxSeconds {
		return ErrBadPosition
	}
	return nil
}

const maxSeconds = 1e11 // beyond any time of day

// Seek has everybody go somewhere else. Of seeks that somebody makes in quick succession
// the first is done at once and then, every now and then, the last.
func (s *Service) Seek(ctx context.Context, p auth.Principal, party uuid.UUID, to Target) (Done, error) {
	if err := to.check(); err != nil {
		return Done{}, err
	}
	row, err := s.row(ctx, p.UserID, party) // of strangers nothing is remembered
	if err != nil {
		return Done{}, err
	}
	if to.Position != nil && s.seeks.busy(seekKey{party, p.UserID}, s.cfg.Now()) {
		state, err := stateOf(row.State)
		if err != nil {
			return Done{}, err
		}
		s.seeks.later(seekKey{party, p.UserID}, waitingSeek{p, to, state.Loaded})
		s.look()
		return Done{Seq: row.Seq, Queued: true}, nil
	}
	if err := s.pace.allow(p.UserID); err != nil {
		return Done{}, err
	}
	return s.seek(ctx, p, party, to, 0)
}

// seek does so unless something else has been loaded since the seq loaded, if that is
// given.
func (s *Service) seek(ctx context.Context, p auth.Principal, party uuid.UUID, to Target, loaded int64) (Done, error) {
	return s.act(ctx, p, party, reasonSeek, func(state *State, seq int64, _ Settings) error {
		switch {
		case state.Item == nil:
			return ErrNothingLoaded
		case loaded > 0 && state.Loaded != loaded:
			return ErrMoved
		case to.Position != nil:
			state.Position = micros(*to.Position)
		case state.Moved > to.Seq:
			return ErrMoved
		default:
			state.Position += micros(*to.By)
		}
		state.moved(seq)
		return nil
	})
}

// moved notes that media have to be fetched from somewhere else: who was waited for is
// ready only with that.
func (s *State) moved(seq int64) {
	s.Moved = seq
	if s.Wait != nil {
		s.Wait.Seq = seq
	}
}

// Load has everybody watch something else, from a position on. p must be allowed to see
// it; others may not be.
func (s *Service) Load(ctx context.Context, p auth.Principal, party uuid.UUID, in ItemInput, position *float64, paused bool) (Done, error) {
	if position != nil && !(math.Abs(*position) <= maxSeconds) {
		return Done{}, ErrBadPosition
	}
	if err := s.pace.allow(p.UserID); err != nil {
		return Done{}, err
	}
	if _, err := s.row(ctx, p.UserID, party); err != nil {
		return Done{}, err
	}
	item, err := s.find(ctx, p, in)
	if err != nil {
		return Done{}, err
	}
	from := int64(0)
	if position != nil {
		from = micros(*position)
	}
	by := &Person{ID: p.UserID, Name: p.Name}
	return s.turn(ctx, party, by, reasonLoad, func(tx *db.Tx, row store.Party, state *State, settings Settings) error {
		if err := mayAct(ctx, tx, row, p.UserID); err != nil {
			return err
		}
		waitFor := s.waitFor(row)
		if paused {
			waitFor = nil
		}
		state.load(item, row.Seq+1, settings, waitFor)
		state.Playing = state.Playing && !paused
		if position != nil {
			state.Position = from
		}
		return nil
	})
}

// waitFor returns who is there to be waited for when something else is loaded.
func (s *Service) waitFor(row store.Party) []Person {
	if !row.WaitForAll {
		return nil
	}
	return s.ears.watching(row.ID)
}

// load puts item in the place of what was there. Who is there is waited for; nobody if
// waitFor is empty.
func (s *State) load(item *Item, seq int64, settings Settings, waitFor []Person) {
	s.Item, s.Rate, s.Loaded, s.Moved, s.Wait, s.GaveUp = item, 1, seq, seq, nil, 0
	s.Position = 0
	if item.Live() {
		s.Position = s.At - settings.delay().Microseconds()
	}
	s.Playing = true
	if len(waitFor) > 0 {
		s.Playing = false
		s.Wait = &Wait{For: waitFor, Since: s.At, Seq: seq}
	}
}

// Next has everybody watch what is first in the queue. It does so once for all who ask
// for it while they see the state with this seq.
func (s *Service) Next(ctx context.Context, p auth.Principal, party uuid.UUID, seq int64) (Done, error) {
	if err := s.pace.allow(p.UserID); err != nil {
		return Done{}, err
	}
	by := &Person{ID: p.UserID, Name: p.Name}
	done, err := s.turn(ctx, party, by, reasonNext, func(tx *db.Tx, row store.Party, state *State, settings Settings) error {
		if err := mayAct(ctx, tx, row, p.UserID); err != nil {
			return err
		}
		if state.Loaded > seq {
			return ErrMoved
		}
		queue, err := tx.PartyQueue(ctx, party)
		if err != nil {
			return fmt.Errorf("party: read the queue: %w", err)
		}
		if len(queue) == 0 {
			return ErrQueueEmpty
		}
		item, err := itemOf(queue[0].Item)
		if err != nil {
			return err
		}
		if _, err := tx.PartyQueueDrop(ctx, store.PartyQueueDropParams{ID: queue[0].ID, PartyID: party}); err != nil {
			return fmt.Errorf("party: take from the queue: %w", err)
		}
		state.load(item, row.Seq+1, settings, s.waitFor(row))
		return nil
	})
	if err == nil {
		s.tellQueue(ctx, party)
	}
	return done, err
}

func micros(seconds float64) int64 { return int64(math.Round(seconds * 1e6)) }

// row returns the party, if user is in it.
func (s *Service) row(ctx context.Context, user, party uuid.UUID) (store.Party, error) {
	row, err := s.cfg.DB.Read().PartyForMember(ctx, store.PartyForMemberParams{ID: party, UserID: user})
	if errors.Is(err, db.ErrNotFound) {
		return row, ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("party: look up: %w", err)
	}
	return row, nil
}
