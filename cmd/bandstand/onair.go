package main

import (
	"context"
	"maps"
	"slices"
	"sync"

	"bandstand/api/audience"
	"bandstand/api/channel"
	"bandstand/media/hls"
	"bandstand/media/ladder"
	"bandstand/media/live"
	"bandstand/media/stream"
)

// onAir connects sessions to what viewers play, and tells the API about them.
type onAir struct {
	hls    *hls.Server
	ladder *ladder.Ladder // nil when there is no encoder

	mu      sync.Mutex
	shows   map[string]*show // guarded by mu; by channel
	private map[string]bool  // guarded by mu; channels that only those may watch who show a signed path
}

// show is one session and its playlists.
type show struct {
	session *live.Session
	id      string // of the channel
	stream  *hls.Stream
	rungs   []string // that the ladder should have
}

func newOnAir(h *hls.Server, l *ladder.Ladder) *onAir {
	return &onAir{hls: h, ladder: l, shows: map[string]*show{}, private: map[string]bool{}}
}

// outputs is live.Config's: source and rungs go to the playlists.
func (o *onAir) outputs(s *live.Session, g live.Grant, f stream.Format) live.Outputs {
	var rungs []stream.Rung
	if o.ladder != nil {
		rungs = o.ladder.Plan(f, g.Ladder)
	}
	out := o.hls.Open(g.Channel, hls.Options{ExpectRungs: rungs})
	sh := &show{session: s, id: g.ChannelID, stream: out}
	for _, r := range rungs {
		sh.rungs = append(sh.rungs, r.Name)
	}
	o.mu.Lock()
	o.shows[g.Channel] = sh
	o.setPrivate(g.Channel, g.Private)
	o.mu.Unlock()

	consumers := []live.Consumer{{Name: "hls", Run: out.Run}}
	if o.ladder != nil {
		consumers = append(consumers, live.Consumer{
			Name: "ladder",
			Run:  func(ctx context.Context, q *stream.Queue) error { return o.ladder.Run(ctx, q, g.Ladder, out) },
		})
	}
	return live.Outputs{Consumers: consumers, Done: func() { o.end(g.Channel, sh) }}
}

func (o *onAir) end(channel string, sh *show) {
	sh.stream.End()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shows[channel] == sh {
		delete(o.shows, channel)
	}
}

// setPrivate notes who may watch a channel. It stays noted when the session ends, for
// as long as its playlists linger. o.mu is held.
func (o *onAir) setPrivate(channel string, private bool) {
	if private {
		o.private[channel] = true
	} else {
		delete(o.private, channel)
	}
}

// arePrivate notes which of the channels whose ids were asked about are private. Of
// one that went on air since then its grant says so.
func (o *onAir) arePrivate(asked, private []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for channel, sh := range o.shows {
		if slices.Contains(asked, sh.id) {
			o.setPrivate(channel, slices.Contains(private, channel))
		}
	}
}

// isPrivate is access.Config's Private.
func (o *onAir) isPrivate(_ context.Context, channel string) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.private[channel], nil
}

// channelIDs returns the ids of the channels on air.
func (o *onAir) channelIDs() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids := make([]string, 0, len(o.shows))
	for _, sh := range o.shows {
		ids = append(ids, sh.id)
	}
	return ids
}

// Lookup implements channel.Live.
func (o *onAir) Lookup(slug string) (channel.LiveState, bool) {
	o.mu.Lock()
	sh := o.shows[slug]
	o.mu.Unlock()
	if sh == nil {
		return channel.LiveState{}, false
	}
	return o.state(slug, sh), true
}

// All implements channel.Live.
func (o *onAir) All() []channel.LiveState {
	o.mu.Lock()
	shows := maps.Clone(o.shows)
	o.mu.Unlock()
	all := make([]channel.LiveState, 0, len(shows))
	for slug, sh := range shows {
		all = append(all, o.state(slug, sh))
	}
	return all
}

func (o *onAir) state(slug string, sh *show) channel.LiveState {
	st := channel.LiveState{
		ChannelID: sh.id, Slug: slug, KeyID: sh.session.Grant().KeyID,
		Session: sh.session.ID, StartedAt: sh.session.Started,
		Viewers: o.hls.Viewers(slug), TotalViewers: o.hls.TotalViewers(slug),
		Publisher: publisherOf(sh.session),
		HLSURL:    "/live/" + slug + "/index.m3u8",
		Rungs:     sh.rungs,
	}
	if sh.stream.HasThumbnail() {
		st.ThumbnailURL = "/live/" + slug + "/thumb.jpg"
	}
	for _, r := range sh.stream.Renditions() {
		st.Renditions = append(st.Renditions, channel.Rendition{
			Name: r.Name, Width: r.Width, Height: r.Height,
			Bandwidth: int(r.BandwidthBPS), Codecs: r.Codec, FrameRate: r.FrameRate,
		})
	}
	return st
}

func publisherOf(s *live.Session) channel.Publisher {
	source, health := s.Source(), s.Health()
	return channel.Publisher{
		Remote: source.Remote, Protocol: source.Protocol, Waiting: health.Waiting,
		BitrateBPS: health.BitrateBPS, FrameRate: health.FrameRate,
		KeyframeIntervalMS: health.KeyframeInterval.Milliseconds(), SilentMS: health.Silent.Milliseconds(),
		Bytes: health.Bytes, VideoFrames: health.VideoFrames, LostPackets: health.Lost,
		ClockJumps: health.ClockJumps, Reconnects: health.Reconnects,
	}
}

// maxNamed bounds how many crowds one report names, see audience.Sightings.
const maxNamed = 4 * audience.MaxNamed

// report returns what is on air with one of the given stream keys, and who watches.
func (o *onAir) report(keyIDs []string) []channel.LiveState {
	all := slices.DeleteFunc(o.All(), func(st channel.LiveState) bool { return !slices.Contains(keyIDs, st.KeyID) })
	left := maxNamed
	for i := range all {
		seen, names := audience.Collect(o.hls, all[i].Slug).Limit(min(left, audience.MaxNamed))
		all[i].Audience = seen.Text()
		left -= names
	}
	return all
}

// viewers returns how many people watch, on all channels.
func (o *onAir) viewers() int {
	if o == nil {
		return 0
	}
	n := 0
	for _, st := range o.All() {
		n += st.Viewers
	}
	return n
}
