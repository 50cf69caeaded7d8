package channel

import "time"

// LiveState is what a node knows of a channel that is on air there.
type LiveState struct {
	ChannelID    string      `json:"channel_id" format:"uuid" maxLength:"36"`
	Slug         string      `json:"channel" minLength:"1" maxLength:"40"`
	KeyID        string      `json:"key_id" maxLength:"36" doc:"Stream key that opened the session."`
	Session      string      `json:"session" maxLength:"64"`
	StartedAt    time.Time   `json:"started_at"`
	Viewers      int         `json:"viewers" minimum:"0"`
	TotalViewers int         `json:"total_viewers,omitempty" minimum:"0" doc:"Different ones since the session began."`
	Audience     string      `json:"audience,omitempty" maxLength:"98304" doc:"Who watches, in a form of the nodes' own: so that nobody counts twice."`
	Publisher    Publisher   `json:"publisher,omitzero"`
	HLSURL       string      `json:"hls_url" maxLength:"1024" doc:"Multivariant playlist: absolute, or a path on the node's public_url."`
	ThumbnailURL string      `json:"thumbnail_url,omitempty" maxLength:"1024"`
	Renditions   []Rendition `json:"renditions,omitempty" nullable:"false" maxItems:"16"`
	Rungs        []string    `json:"rungs,omitempty" nullable:"false" maxItems:"16" doc:"Names of the rungs that the ladder should have."`

	node string // that reported it; "" for this process
}

// Node returns the name of the node that has the session; "" for this process.
func (s LiveState) Node() string { return s.node }

// Publisher is how whoever publishes a channel is doing.
type Publisher struct {
	Remote             string  `json:"remote,omitempty" maxLength:"64" doc:"Address, without the port."`
	Protocol           string  `json:"protocol,omitempty" maxLength:"16" example:"rtmp"`
	Waiting            bool    `json:"waiting,omitempty" doc:"Whether the session waits for its publisher to return."`
	BitrateBPS         int     `json:"bitrate_bps,omitempty" minimum:"0" doc:"Bits per second, over about the last second."`
	FrameRate          float64 `json:"frame_rate,omitempty" minimum:"0" doc:"Pictures per second, over about the last second."`
	KeyframeIntervalMS int64   `json:"keyframe_interval_ms,omitempty" minimum:"0"`
	SilentMS           int64   `json:"silent_ms,omitempty" minimum:"0" doc:"Since anything came."`
	Bytes              uint64  `json:"bytes,omitempty" doc:"Taken in so far."`
	VideoFrames        uint64  `json:"video_frames,omitempty" doc:"Taken in so far."`
	LostPackets        uint64  `json:"lost_packets,omitempty" doc:"Lost in the server because something could not keep up."`
	ClockJumps         int     `json:"clock_jumps,omitempty" minimum:"0"`
	Reconnects         int     `json:"reconnects,omitempty" minimum:"0"`
}

// Rendition is one version of a stream that can be played now.
type Rendition struct {
	Name      string  `json:"name" maxLength:"32"`
	Width     int     `json:"width,omitempty" minimum:"0" doc:"Pixels; none if there is no picture."`
	Height    int     `json:"height,omitempty" minimum:"0"`
	Bandwidth int     `json:"bandwidth" minimum:"0" doc:"Peak bits per second."`
	Codecs    string  `json:"codecs" maxLength:"128" doc:"RFC 6381 codecs." example:"avc1.640028,mp4a.40.2"`
	FrameRate float64 `json:"frame_rate,omitempty" minimum:"0"`
}

// Live tells who is on air. It is asked for every channel that is shown, so it
// answers from memory. Its answers belong to the caller.
type Live interface {
	Lookup(slug string) (LiveState, bool)
	All() []LiveState
}

// noLive is the Live of a process without sessions of its own.
type noLive struct{}

func (noLive) Lookup(string) (LiveState, bool) { return LiveState{}, false }
func (noLive) All() []LiveState                { return nil }
