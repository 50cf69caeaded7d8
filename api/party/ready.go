package party

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/realtime"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Ready is what a client says of its player, whenever that changes and every few
// seconds.
type Ready struct {
	Party     string  `json:"party"`
	Seq       int64   `json:"seq"` // of the state that it keeps to
	Buffering bool    `json:"buffering"`
	Buffered  int64   `json:"buffered_ms"` // ahead of what is on the screen
	Position  float64 `json:"position"`    // seconds
	RTT       int64   `json:"rtt_ms"`      // of the socket
}

// report is a Ready as nodes tell each other.
type report struct {
	User      Person `json:"user"`
	Seq       int64  `json:"seq"`
	Buffering bool   `json:"buffering"`
	Buffered  int64  `json:"buffered_ms"`
	RTT       int64  `json:"rtt_ms"`
	Since     int64  `json:"since"` // when this spell of buffering began, server's time
	heard     time.Time
}

// word is what nodes tell each other of a party.
type word struct {
	Party   uuid.UUID `json:"party"`
	Socket  string    `json:"socket,omitempty"`
	Report  *report   `json:"report,omitempty"` // of the socket; nil if it is gone
	Waiting bool      `json:"waiting,omitempty"`
}

const wordKind = "party"

// announce tells all nodes, this one too.
func (s *Service) announce(w word) {
	raw, err := json.Marshal(w)
	if err == nil {
		err = s.cfg.Node.Announce(wordKind, raw)
	}
	if err != nil { // it has been heard here
		s.cfg.Logger.Warn("what a party waits for is not told to other nodes", "err", err)
	}
}

func (s *Service) heard(_ string, raw []byte) {
	var w word
	if json.Unmarshal(raw, &w) != nil {
		return
	}
	s.ears.hear(w)
	s.look()
}

// Bounds of what clients report.
const (
	reportFor   = 12 * time.Second // clients report every 5 seconds
	maxBuffered = 3_600_000
	maxRTT      = 10_000
)

// Ready notes what the client of a socket says of its player.
func (s *Service) Ready(ctx context.Context, p auth.Principal, in Ready) error {
	party, ok := parseID(in.Party)
	socket, ok2 := realtime.SocketOf(ctx)
	if !ok || !ok2 || !s.here.has(party, socket.ID) {
		return ErrNotFound // reports come from those who are on the topic
	}
	r := report{
		User: Person{ID: p.UserID, Name: p.Name}, Seq: in.Seq, Buffering: in.Buffering,
		Buffered: min(max(0, in.Buffered), maxBuffered), RTT: min(max(0, in.RTT), maxRTT),
	}
	before, known := s.ears.of(party, socket.ID)
	if r.Buffering {
		r.Since = s.now()
		if known && before.Buffering {
			r.Since = before.Since
		}
	}
	s.announce(word{Party: party, Socket: socket.ID, Report: &r})
	if r.Buffering != (known && before.Buffering) {
		s.tell(ctx, party, "party.ready", ReadyView{User: personView(&r.User), Buffering: r.Buffering})
	}
	return nil
}

// ears keeps what was heard of parties that have members on this node or others. It is
// safe for concurrent use.
type ears struct {
	now func() time.Time

	mu      sync.Mutex
	reports map[uuid.UUID]map[string]report // guarded by mu; by party and socket
	waiting map[uuid.UUID]bool              // guarded by mu; parties that may wait for somebody
}

func newEars(now func() time.Time) *ears {
	return &ears{now: now, reports: map[uuid.UUID]map[string]report{}, waiting: map[uuid.UUID]bool{}}
}

func (e *ears) hear(w word) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.Waiting {
		e.waiting[w.Party] = true
	}
	if w.Socket == "" {
		return
	}
	if w.Report == nil {
		delete(e.reports[w.Party], w.Socket)
		if len(e.reports[w.Party]) == 0 {
			delete(e.reports, w.Party)
		}
		return
	}
	if e.reports[w.Party] == nil {
		e.reports[w.Party] = map[string]report{}
	}
	w.Report.heard = e.now()
	e.reports[w.Party][w.Socket] = *w.Report
}

func (e *ears) of(party uuid.UUID, socket string) (report, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.reports[party][socket]
	return r, ok
}

// fresh returns the reports of a party that are not too old.
func (e *ears) fresh(party uuid.UUID) []report {
	e.mu.Lock()
	defer e.mu.Unlock()
	var fresh []report
	for _, r := range e.reports[party] {
		if e.now().Sub(r.heard) < reportFor {
			fresh = append(fresh, r)
		}
	}
	return fresh
}

// watching returns whose players report.
func (e *ears) watching(party uuid.UUID) []Person {
	var people []Person
	for _, r := range e.fresh(party) {
		if !slices.Contains(people, r.User) {
			people = append(people, r.User)
		}
	}
	slices.SortFunc(people, func(a, b Person) int { return strings.Compare(a.Name, b.Name) })
	return people
}

// lead returns how far ahead the next state takes effect: long enough for it to reach
// the slowest member first.
func (e *ears) lead(party uuid.UUID) time.Duration {
	slowest := int64(-1)
	for _, r := range e.fresh(party) {
		slowest = max(slowest, r.RTT)
	}
	if slowest < 0 {
		return usualLead
	}
	// Half of it is the way to there, if ways are equal; the rest is for when they are not.
	return min(max(minLead, time.Duration(slowest)*time.Millisecond*4/5+60*time.Millisecond), maxLead)
}

const (
	minLead   = 100 * time.Millisecond
	usualLead = 200 * time.Millisecond
	maxLead   = time.Second
)

// restless returns the parties that somebody may have to wait in, or does.
func (e *ears) restless() []uuid.UUID {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []uuid.UUID
	for id := range e.waiting {
		ids = append(ids, id)
	}
	for id, reports := range e.reports {
		if e.waiting[id] {
			continue
		}
		for _, r := range reports {
			if r.Buffering && e.now().Sub(r.heard) < reportFor {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids
}

func (e *ears) calm(party uuid.UUID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.waiting, party)
}

// prune forgets reports that are too old.
func (e *ears) prune() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for party, reports := range e.reports {
		for socket, r := range reports {
			if e.now().Sub(r.heard) >= reportFor {
				delete(reports, socket)
			}
		}
		if len(reports) == 0 {
			delete(e.reports, party)
		}
	}
}

// judge has a party wait for those whose players have nothing to play, and go on when
// they have.
func (s *Service) judge(ctx context.Context, party uuid.UUID) error {
	row, err := s.cfg.DB.Read().PartyByID(ctx, party)
	if err != nil {
		s.ears.calm(party)
		return err
	}
	reason, err := s.verdict(row)
	if err != nil || reason == "" {
		return err
	}
	_, err = s.turn(ctx, party, nil, reason, func(_ *db.Tx, now store.Party, state *State, settings Settings) error {
		if now.Seq != row.Seq { // another node, or somebody, was faster
			return ErrMoved
		}
		if reason == reasonWaiting {
			state.Playing = false
			state.Wait = &Wait{For: s.slow(party, state.GaveUp, state.GaveUp, state.At, settings), Since: state.At, Seq: now.Seq + 1}
			if len(state.Wait.For) == 0 {
				return ErrMoved
			}
			return nil
		}
		if reason == reasonWaited {
			state.GaveUp = s.now()
		}
		state.Playing, state.Wait = true, nil
		return nil
	})
	return err
}

// verdict returns for which reason a party must pause or go on; "" if for none.
func (s *Service) verdict(row store.Party) (string, error) {
	state, err := stateOf(row.State)
	if err != nil {
		return "", err
	}
	settings, err := settingsOf(row.Settings)
	if err != nil {
		return "", err
	}
	if state.Wait == nil {
		s.ears.calm(row.ID)
		if row.WaitForAll && state.Playing && len(s.slow(row.ID, state.GaveUp, state.At, s.now(), settings)) > 0 {
			return reasonWaiting, nil
		}
		return "", nil
	}
	s.ears.hear(word{Party: row.ID, Waiting: true})
	switch {
	case !row.WaitForAll || s.now()-state.Wait.Since >= settings.MaxWait*1000:
		return reasonWaited, nil
	case s.allReady(row.ID, state.Wait, settings):
		return reasonReady, nil
	}
	return "", nil
}

// slow returns whose players have had nothing to play for too long at an instant, from
// an earlier one on. Who was given up on is waited for again when they have been ready.
func (s *Service) slow(party uuid.UUID, gaveUp, from, at int64, settings Settings) []Person {
	var people []Person
	for _, r := range s.ears.fresh(party) {
		stalled := r.Buffering && r.Since > gaveUp && at-max(r.Since, from) >= settings.StallAfter*1000
		if stalled && !slices.Contains(people, r.User) {
			people = append(people, r.User)
		}
	}
	slices.SortFunc(people, func(a, b Person) int { return strings.Compare(a.Name, b.Name) })
	return people
}

// allReady reports whether all who are waited for, and are still there, have enough to
// play, and nobody else is buffering.
func (s *Service) allReady(party uuid.UUID, wait *Wait, settings Settings) bool {
	reports := s.ears.fresh(party)
	missing := slices.Clone(wait.For)
	for _, r := range reports {
		if r.Buffering {
			return false
		}
		if r.Seq >= wait.Seq && r.Buffered >= settings.ResumeBuffer {
			missing = slices.DeleteFunc(missing, func(p Person) bool { return p.ID == r.User.ID })
		}
	}
	if len(missing) == 0 {
		return true
	}
	present, err := s.cfg.Node.Present(topicOf(party))
	if err != nil {
		return false
	}
	for _, user := range present {
		if slices.ContainsFunc(missing, func(p Person) bool { return p.ID == user }) {
			return false
		}
	}
	return true
}
