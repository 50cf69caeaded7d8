package instance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"bandstand/api/auth"
	"bandstand/api/rest"
	"bandstand/storage/db"
	"bandstand/storage/db/store"
)

// Session is one publisher's time on air, as it is now.
type Session struct {
	ID        string
	ChannelID string
	Channel   string // slug
	KeyID     string // stream key that opened it
	Node      string // that has it; empty for this one
	Remote    string // address of the publisher
	Protocol  string // "rtmp", "rtmps", …
	StartedAt time.Time
	Waiting   bool // for the publisher to return

	BitrateBPS       int
	FrameRate        float64
	KeyframeInterval time.Duration // between the last two keyframes; zero before
	Silent           time.Duration // since anything came
	Bytes            uint64        // so far
	VideoFrames      uint64        // so far
	Lost             uint64        // packets lost here because something could not keep up
	ClockJumps       int           // of the publisher's clock
	Reconnects       int

	Width, Height int    // of the source; zero without a picture
	Codecs        string // RFC 6381
	Viewers       int
}

// Sessions knows who is on air, here and on other nodes.
type Sessions interface {
	// All returns every session, in any order. The caller keeps the slice.
	All() []Session
	// End takes a session off air and tells its publisher; on another node as soon as
	// that can be told. One that is not on air is ErrSessionNotFound.
	End(ctx context.Context, id string) error
}

// noSessions is the Sessions of a process that knows of none.
type noSessions struct{}

func (noSessions) All() []Session                    { return nil }
func (noSessions) End(context.Context, string) error { return ErrSessionNotFound }

// SessionFacts is a Session with what the database knows of it; that is left out
// while it does not answer.
type SessionFacts struct {
	Session

	id       uuid.UUID
	Owner    string // username
	KeyLabel string
	KeyHint  string // last characters of the key
}

// OnAir returns a page of the sessions on air, newest first.
func (s *Service) OnAir(ctx context.Context, cursor string, limit int) (rest.Page[SessionFacts], error) {
	c, err := rest.ByNewest.Decode(cursor)
	if err != nil {
		return rest.Page[SessionFacts]{}, err
	}
	var beyond []SessionFacts
	for _, session := range s.cfg.Sessions.All() {
		id, err := uuid.Parse(session.ID)
		if err != nil {
			continue // of a node that is not one of ours
		}
		if order := bytes.Compare(id[:], c.ID[:]); (c.Back && order > 0) || (!c.Back && order < 0) {
			beyond = append(beyond, SessionFacts{Session: session, id: id})
		}
	}
	slices.SortFunc(beyond, func(a, b SessionFacts) int {
		if c.Back {
			a, b = b, a
		}
		return bytes.Compare(b.id[:], a.id[:])
	})
	// A session that moves from node to node may be known twice for a moment.
	beyond = slices.CompactFunc(beyond, func(a, b SessionFacts) bool { return a.id == b.id })
	beyond = beyond[:min(len(beyond), limit+1)]
	page := rest.NewPage(rest.ByNewest, c, limit, beyond, func(f SessionFacts) rest.Cursor { return rest.Cursor{ID: f.id} })
	s.addFacts(ctx, page.Items)
	return page, nil
}

// addFacts asks the database about sessions. Who is on air can be seen, and ended,
// without it.
func (s *Service) addFacts(ctx context.Context, sessions []SessionFacts) {
	for i := range sessions {
		f := &sessions[i]
		channelID, err := uuid.Parse(f.ChannelID)
		if err != nil {
			continue
		}
		keyID, _ := uuid.Parse(f.KeyID) // none if it is none
		row, err := s.cfg.DB.Read().InstanceSessionFacts(ctx, store.InstanceSessionFactsParams{KeyID: keyID, ChannelID: channelID})
		if errors.Is(err, db.ErrNotFound) {
			continue
		}
		if err != nil {
			s.cfg.Logger.WarnContext(ctx, "sessions are listed without owners: the database does not answer", "err", err)
			return
		}
		f.Owner, f.KeyLabel, f.KeyHint = row.Owner, row.KeyLabel, row.KeyHint
	}
}

// EndSession ends a session in the name of whoever ctx speaks for. One that is not on
// air is ErrSessionNotFound.
func (s *Service) EndSession(ctx context.Context, id string) error {
	for _, session := range s.cfg.Sessions.All() {
		if session.ID == id {
			return s.end(ctx, session)
		}
	}
	return ErrSessionNotFound
}

// OnAirAt returns the session of a channel, the latest if there are several, or
// ErrNotOnAir.
func (s *Service) OnAirAt(ctx context.Context, channelID uuid.UUID) (SessionFacts, error) {
	sessions := s.sessionsOf(channelID)
	if len(sessions) == 0 {
		return SessionFacts{}, ErrNotOnAir
	}
	latest := slices.MaxFunc(sessions, func(a, b Session) int { return a.StartedAt.Compare(b.StartedAt) })
	facts := []SessionFacts{{Session: latest}}
	s.addFacts(ctx, facts)
	return facts[0], nil
}

// EndChannel ends whatever is on air on a channel, or is ErrNotOnAir.
func (s *Service) EndChannel(ctx context.Context, channelID uuid.UUID) error {
	sessions := s.sessionsOf(channelID)
	if len(sessions) == 0 {
		return ErrNotOnAir
	}
	for _, session := range sessions {
		if err := s.end(ctx, session); err != nil && !errors.Is(err, ErrSessionNotFound) {
			return err
		}
	}
	return nil
}

func (s *Service) sessionsOf(channelID uuid.UUID) []Session {
	id := channelID.String()
	return slices.DeleteFunc(s.cfg.Sessions.All(), func(session Session) bool { return session.ChannelID != id })
}

// end notes that a session is ended, and ends it: nobody is cut off unnoticed.
func (s *Service) end(ctx context.Context, session Session) error {
	err := s.cfg.DB.InTx(ctx, func(tx *db.Tx) error {
		return auth.Audit(ctx, tx, s.cfg.Now(), auth.Action{
			Name: "session.end", TargetKind: "session", TargetID: session.ID, Target: session.Channel,
			Detail: map[string]any{"channel_id": session.ChannelID},
		})
	})
	if err != nil {
		return err
	}
	if err := s.cfg.Sessions.End(ctx, session.ID); err != nil {
		return fmt.Errorf("instance: end a session: %w", err)
	}
	return nil
}
