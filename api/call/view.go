package call

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"bandstand/api/rest"
	"bandstand/storage/db/store"
)

// Kinds and states of calls, and how they ended.
const (
	Direct = "direct"
	Party  = "party"

	Ringing = "ringing"
	Active  = "active"
	Ended   = "ended"

	Answered  = "answered"
	MissedIt  = "missed"
	Rejected  = "rejected"
	WasBusy   = "busy"
	Cancelled = "cancelled"
)

// PersonInCall is who somebody is, as others see it.
type PersonInCall struct {
	Username    string            `json:"username" example:"ada"`
	DisplayName string            `json:"display_name" example:"Ada"`
	Avatar      *rest.PictureView `json:"avatar,omitempty"`
}

func personOf(username, displayName string, avatar uuid.NullUUID) PersonInCall {
	return PersonInCall{Username: username, DisplayName: displayName, Avatar: rest.Picture(rest.Avatar, avatar.UUID)}
}

// Call is a call as those see it who are in it.
type Call struct {
	ID         uuid.UUID  `json:"id"`
	Kind       string     `json:"kind"`  // "direct" or "party"
	State      string     `json:"state"` // "ringing", "active" or "ended"
	Outcome    string     `json:"outcome,omitempty"`
	Video      bool       `json:"video"` // whether whoever began it wants to be seen
	Party      *uuid.UUID `json:"party,omitempty"`
	RingsUntil *time.Time `json:"rings_until,omitempty"`
	StartedAt  time.Time  `json:"started_at"`
}

func callOf(c store.Call) Call {
	v := Call{ID: c.ID, Kind: c.Kind, State: c.State, Outcome: c.Outcome, Video: c.Video, StartedAt: c.CreatedAt.Time}
	if c.PartyID.Valid {
		v.Party = &c.PartyID.UUID
	}
	if c.RingsUntil != nil && c.State == Ringing {
		v.RingsUntil = &c.RingsUntil.Time
	}
	return v
}

// Peer is another participant, as one of them sees it. Of each two, one makes the
// first offer: the one with the greater id. After that both may, and when they do so at
// once, the polite one takes its own back: "perfect negotiation" of the WebRTC
// specification.
type Peer struct {
	Participant uuid.UUID    `json:"participant"`
	User        PersonInCall `json:"user"`
	Session     string       `json:"session"` // another once another device has taken its place: connect anew
	Here        bool         `json:"here"`    // whether its socket is there
	Offers      bool         `json:"offers"`  // whether you make the first offer to it
	Polite      bool         `json:"polite"`  // whether you are the polite one
}

func peerOf(of uuid.UUID, p store.CallParticipantsInRow) Peer {
	greater := of.String() > p.ID.String()
	return Peer{
		Participant: p.ID,
		User:        personOf(p.Username, p.DisplayName, p.AvatarID),
		Session:     sessionOf(p.Device),
		Here:        p.AwaySince == nil,
		Offers:      greater,
		Polite:      !greater,
	}
}

// sessionOf names a device without telling its secret.
func sessionOf(device string) string {
	sum := sha256.Sum256([]byte(device))
	return hex.EncodeToString(sum[:4])
}

// Seat is what a device gets that takes part in a call. It subscribes to the topic then,
// which is its own: whoever knows it, and is the same person, is the same device.
type Seat struct {
	Call        Call        `json:"call"`
	Participant uuid.UUID   `json:"participant"`
	Topic       string      `json:"topic"`
	ICEServers  []ICEServer `json:"ice_servers"` // as new RTCPeerConnection takes them
	ICEExpires  time.Time   `json:"ice_expires"`
}

// ICEServer is a STUN or TURN server, as browsers take it.
type ICEServer struct {
	URLs       []string `json:"urls" nullable:"false" example:"[\"turn:relay.example.org:3478?transport=udp\"]"`
	Username   string   `json:"username,omitempty" example:"1777640400:0192f0c1-2b7e-7c5d-9a4e-3f1d2c5b6a70"`
	Credential string   `json:"credential,omitempty" example:"Lo2bU0/pCCNWBkxjfV5nAaKZfcg="`
}

// State is how a call is, as a participant sees it: the first event of its topic.
type State struct {
	Call        Call      `json:"call"`
	Participant uuid.UUID `json:"participant"`
	Peers       []Peer    `json:"peers"`
}

// Data of the other events.
type (
	ringing struct {
		Call Call         `json:"call"`
		From PersonInCall `json:"from"`
	}
	stopped struct {
		Call   uuid.UUID `json:"call"`
		Why    string    `json:"why"`              // "answered", or the outcome
		Device string    `json:"device,omitempty"` // the client id of the one that answered
	}
	left struct {
		Participant uuid.UUID `json:"participant"`
	}
	ended struct {
		Call    uuid.UUID `json:"call"`
		Outcome string    `json:"outcome"` // of the call, or why it is over for you
	}
	moved struct {
		Participant uuid.UUID `json:"participant"`
	}
	partyCall struct {
		Call   uuid.UUID `json:"call"`
		State  string    `json:"state"`
		People int       `json:"people"`
	}
)
