package channel

import "time"

// Types of events on the topics live: and studio:, and on that of a person.
const (
	EventLiveState   = "live.state"   // how things are, for who has just subscribed
	EventLiveStarted = "live.started" // it can be played from now on
	EventLiveEnded   = "live.ended"
	EventLiveChanged = "live.changed" // title, broadcast, or that it waits for its publisher
	EventLiveViewers = "live.viewers"
	EventLiveLikes   = "live.likes"

	EventStudioHealth = "studio.health" // each second on air
)

// OnAirView is whether a channel is on air, and what is.
type OnAirView struct {
	Channel   string         `json:"channel"` // slug
	Live      bool           `json:"live"`
	Waiting   bool           `json:"waiting,omitempty"` // for the publisher, who may come back
	Title     string         `json:"title"`             // of the broadcast, or else of the channel
	Broadcast *BroadcastLine `json:"broadcast,omitempty"`
	StartedAt *time.Time     `json:"started_at,omitempty"` // of the session
	Viewers   int            `json:"viewers"`
	Listeners int            `json:"listeners"`
	Likes     int64          `json:"likes"`
}

// BroadcastLine is a broadcast on air, in a line.
type BroadcastLine struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	StartedAt *time.Time `json:"started_at,omitempty"`
}

// ViewersView is how many watch and listen.
type ViewersView struct {
	Viewers   int `json:"viewers"`
	Listeners int `json:"listeners"`
}

// LikesView is how many likes a channel has.
type LikesView struct {
	Likes int64 `json:"likes"`
}

// HealthView is how a session is doing, for those who run the channel.
type HealthView struct {
	Session            string   `json:"session"`
	Node               string   `json:"node,omitempty"` // that has it; none for the one that tells
	Protocol           string   `json:"protocol"`
	Waiting            bool     `json:"waiting"` // for the publisher to return
	BitrateBPS         int      `json:"bitrate_bps"`
	FrameRate          float64  `json:"frame_rate"`
	KeyframeIntervalMS int64    `json:"keyframe_interval_ms"`
	SilentMS           int64    `json:"silent_ms"`
	Bytes              uint64   `json:"bytes"`
	VideoFrames        uint64   `json:"video_frames"`
	LostPackets        uint64   `json:"lost_packets"`
	ClockJumps         int      `json:"clock_jumps"`
	Reconnects         int      `json:"reconnects"`
	Width              int      `json:"width,omitempty"`
	Height             int      `json:"height,omitempty"`
	Codecs             string   `json:"codecs,omitempty"`
	Ladder             []string `json:"ladder"`         // rungs that are made
	LadderState        string   `json:"ladder_state"`   // off, starting, running, or partly: rungs are missing
	LadderMissing      []string `json:"ladder_missing"` // rungs that should be there, and are not
	Viewers            int      `json:"viewers"`
	Listeners          int      `json:"listeners"`
}

// ladderStarts is how long a ladder may take to have all of its rungs.
const ladderStarts = 20 * time.Second

// healthOf returns how the session of st is doing at now.
func healthOf(st *LiveState, viewers ViewersView, now time.Time) HealthView {
	p := st.Publisher
	v := HealthView{
		Session: st.Session, Node: st.node, Protocol: p.Protocol, Waiting: p.Waiting,
		BitrateBPS: p.BitrateBPS, FrameRate: p.FrameRate, KeyframeIntervalMS: p.KeyframeIntervalMS,
		SilentMS: p.SilentMS, Bytes: p.Bytes, VideoFrames: p.VideoFrames, LostPackets: p.LostPackets,
		ClockJumps: p.ClockJumps, Reconnects: p.Reconnects,
		Ladder: []string{}, LadderState: "off", LadderMissing: []string{},
		Viewers: viewers.Viewers, Listeners: viewers.Listeners,
	}
	there := map[string]bool{}
	for _, r := range st.Renditions {
		there[r.Name] = true
		if r.Name == "source" || len(st.Renditions) == 1 {
			v.Width, v.Height, v.Codecs = r.Width, r.Height, r.Codecs
		}
	}
	for _, rung := range st.Rungs {
		if there[rung] {
			v.Ladder = append(v.Ladder, rung)
		} else {
			v.LadderMissing = append(v.LadderMissing, rung)
		}
	}
	switch {
	case len(st.Rungs) == 0:
	case len(v.LadderMissing) == 0:
		v.LadderState = "running"
	case now.Sub(st.StartedAt) < ladderStarts:
		v.LadderState = "starting"
	default:
		v.LadderState = "partly"
	}
	return v
}
