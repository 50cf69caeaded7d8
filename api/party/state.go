package party

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"bandstand/storage/db/column"
)

// State is what plays in a party. Times and positions are in microseconds: times since
// 1970, positions from the beginning of a recording or, of what is live, as its
// PROGRAM-DATE-TIME since 1970.
type State struct {
	Item     *Item   `json:"item,omitempty"` // nil: nothing is loaded
	Playing  bool    `json:"playing"`
	Position int64   `json:"position"` // at the instant At
	Rate     float64 `json:"rate"`
	At       int64   `json:"at"` // when this takes effect
	By       *Person `json:"by,omitempty"`
	Reason   string  `json:"reason"`

	Loaded int64 `json:"loaded"`            // seq of when the item was loaded
	Moved  int64 `json:"moved"`             // seq of when somebody last sought or loaded
	Wait   *Wait `json:"wait,omitempty"`    // nil unless the party waits for somebody
	GaveUp int64 `json:"gave_up,omitempty"` // when it last stopped waiting for who was not ready
}

// Person is somebody, as they were called then.
type Person struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// Wait is what a party waits for. It plays on when all of these are ready.
type Wait struct {
	For   []Person `json:"for"`
	Since int64    `json:"since"`
	Seq   int64    `json:"seq"` // whoever is ready must have seen this state
}

// Item is what a party watches. Channels are known by their id, as they are renamed.
type Item struct {
	ID        uuid.UUID `json:"id"` // of this time that it was loaded or queued
	Kind      string    `json:"kind"`
	Channel   uuid.UUID `json:"channel,omitzero"`
	Broadcast uuid.UUID `json:"broadcast,omitzero"`
	Duration  int64     `json:"duration,omitempty"` // microseconds; 0 if it is not known
}

// Kinds of items.
const (
	KindChannel   = "channel"
	KindBroadcast = "broadcast"
)

// Live reports whether positions of the item are times of day.
func (i *Item) Live() bool { return i != nil && i.Kind == KindChannel }

// Reasons of a state: what somebody did, or the server.
const (
	reasonCreated = "created"
	reasonPlay    = "play"
	reasonPause   = "pause"
	reasonSeek    = "seek"
	reasonRate    = "rate"
	reasonLoad    = "load"
	reasonNext    = "next"
	reasonWaiting = "waiting" // somebody is not ready
	reasonReady   = "ready"   // everybody is
	reasonWaited  = "waited"  // for long enough
)

// PositionAt returns what is on the screen at an instant.
func (s *State) PositionAt(at int64) int64 {
	if !s.Playing || at <= s.At {
		return s.Position
	}
	position := s.Position + int64(math.Round(float64(at-s.At)*s.Rate))
	if !s.Item.Live() && s.Item != nil && s.Item.Duration > 0 {
		position = min(position, s.Item.Duration)
	}
	return position
}

// settle makes at the instant from which the state goes on, and clears who did what.
func (s *State) settle(at int64) {
	s.Position = s.PositionAt(at)
	s.At = at
	s.By = nil
}

// bound keeps the position where the item has one. delay is how far behind the present
// a party watches what is live, so that everybody has it.
func (s *State) bound(delay time.Duration) {
	switch {
	case s.Item.Live():
		edge := s.At - delay.Microseconds()
		s.Position = min(max(s.Position, edge-liveWindow.Microseconds()), edge)
	case s.Item != nil && s.Item.Duration > 0:
		s.Position = min(max(0, s.Position), s.Item.Duration)
	default:
		s.Position = min(max(0, s.Position), maxPosition.Microseconds())
	}
}

const (
	liveWindow  = 24 * time.Hour // no server keeps more of what is live
	maxPosition = 30 * 24 * time.Hour
)

func stateOf(raw column.JSON) (State, error) {
	var s State
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("party: read a state: %w", err)
	}
	return s, nil
}

func (s *State) encode() (column.JSON, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("party: write a state: %w", err)
	}
	return raw, nil
}

// Settings are the thresholds of a party.
type Settings struct {
	StallAfter   int64 `json:"stall_after_ms"`   // of buffering, before the party waits
	ResumeBuffer int64 `json:"resume_buffer_ms"` // that must be ahead before it goes on
	MaxWait      int64 `json:"max_wait_ms"`
	LiveDelay    int64 `json:"live_delay_ms"` // behind the present, of what is live
}

func usualSettings() Settings {
	return Settings{StallAfter: 1500, ResumeBuffer: 1000, MaxWait: 15_000, LiveDelay: 4000}
}

// settingsOf returns what is stored; what is not has the usual value.
func settingsOf(raw column.JSON) (Settings, error) {
	s := usualSettings()
	if len(raw) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("party: read settings: %w", err)
	}
	return s, nil
}

func (s Settings) delay() time.Duration { return time.Duration(s.LiveDelay) * time.Millisecond }
