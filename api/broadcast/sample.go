package broadcast

import (
	"math"
	"time"

	"github.com/google/uuid"

	"bandstand/api/rest"
)

// Session is one publisher's time on air, as its node tells it.
type Session struct {
	ID        uuid.UUID
	ChannelID uuid.UUID
	Node      string
	StartedAt time.Time
}

// Sample is how a session that is on air is doing.
type Sample struct {
	Session

	Slug         string // of the channel
	Viewers      int    // now
	TotalViewers int    // different ones in the session so far, as its node counts
	Ingest       Ingest
}

// Ingest is what was measured of a publisher.
type Ingest struct {
	Protocol           string  `json:"protocol,omitempty" example:"rtmp"`
	Codecs             string  `json:"codecs,omitempty" doc:"RFC 6381 codecs." example:"avc1.640028,mp4a.40.2"`
	Width              int     `json:"width,omitempty" doc:"Pixels."`
	Height             int     `json:"height,omitempty" doc:"Pixels."`
	BitrateBPS         int     `json:"bitrate_bps" doc:"Bits per second, lately."`
	FrameRate          float64 `json:"frame_rate" doc:"Pictures per second, lately."`
	KeyframeIntervalMS int64   `json:"keyframe_interval_ms" doc:"Milliseconds between the last two keyframes; 0 if there were none."`
	Bytes              int64   `json:"bytes" doc:"Taken in so far."`
	VideoFrames        int64   `json:"video_frames" doc:"Taken in so far."`
	LostPackets        int64   `json:"lost_packets" doc:"That this server had no time for, so far."`
	ClockJumps         int     `json:"clock_jumps" doc:"Of the publisher's clock, so far."`
	Reconnects         int     `json:"reconnects" doc:"How often the publisher came back within the session."`
}

// maxName bounds the texts of a sample, in characters.
const maxName = 64

// clean returns sm as the database takes it: nodes may send whatever they like. A
// session that names no channel is not usable.
func (sm Sample) clean(now time.Time) (Sample, bool) {
	if sm.ID == uuid.Nil || sm.ChannelID == uuid.Nil {
		return sm, false
	}
	if sm.StartedAt.IsZero() || sm.StartedAt.After(now) {
		sm.StartedAt = now
	}
	in := &sm.Ingest
	for _, text := range []*string{&sm.Node, &in.Protocol, &in.Codecs} {
		line, ok := rest.Line(*text, maxName)
		if !ok {
			line = ""
		}
		*text = line
	}
	if !(in.FrameRate >= 0 && in.FrameRate <= math.MaxInt32) { // also NaN
		in.FrameRate = 0
	}
	sm.Viewers = min(max(0, sm.Viewers), math.MaxInt32)
	sm.TotalViewers = min(max(sm.Viewers, sm.TotalViewers), math.MaxInt32)
	return sm, true
}
