package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"bandstand/api/broadcast"
	"bandstand/api/channel"
	"bandstand/api/instance"
	"bandstand/media/live"
)

// reports tells features of the API who is on air, here and on the nodes that report
// here, each in its own terms.
type reports struct {
	channels *channel.Service
	node     string         // name of this one
	sessions *live.Registry // of this node; nil without the role ingest
}

// OnAir implements broadcast.Live: what is on air on other nodes of the API, those write
// down.
func (r *reports) OnAir() []broadcast.Sample {
	states := r.channels.OnAirHere()
	samples := make([]broadcast.Sample, 0, len(states))
	for _, st := range states {
		id, err := uuid.Parse(st.Session)
		channelID, errChannel := uuid.Parse(st.ChannelID)
		if err != nil || errChannel != nil {
			continue // of a node that is not one of ours
		}
		width, height, codecs := source(st)
		p := st.Publisher
		samples = append(samples, broadcast.Sample{
			Session: broadcast.Session{ID: id, ChannelID: channelID, Node: r.nodeOf(st), StartedAt: st.StartedAt},
			Slug:    st.Slug, Viewers: st.Viewers, TotalViewers: st.TotalViewers,
			Ingest: broadcast.Ingest{
				Protocol: p.Protocol, Codecs: codecs, Width: width, Height: height,
				BitrateBPS: p.BitrateBPS, FrameRate: p.FrameRate, KeyframeIntervalMS: p.KeyframeIntervalMS,
				Bytes: int64(p.Bytes), VideoFrames: int64(p.VideoFrames), LostPackets: int64(p.LostPackets), //nolint:gosec // below 2^63 for longer than anybody is on air
				ClockJumps: p.ClockJumps, Reconnects: p.Reconnects,
			},
		})
	}
	return samples
}

// All implements instance.Sessions.
func (r *reports) All() []instance.Session {
	states := r.channels.OnAir()
	sessions := make([]instance.Session, len(states))
	for i, st := range states {
		width, height, codecs := source(st)
		p := st.Publisher
		sessions[i] = instance.Session{
			ID: st.Session, ChannelID: st.ChannelID, Channel: st.Slug, KeyID: st.KeyID, Node: r.nodeOf(st),
			Remote: p.Remote, Protocol: p.Protocol, StartedAt: st.StartedAt, Waiting: p.Waiting,
			BitrateBPS: p.BitrateBPS, FrameRate: p.FrameRate,
			KeyframeInterval: time.Duration(p.KeyframeIntervalMS) * time.Millisecond,
			Silent:           time.Duration(p.SilentMS) * time.Millisecond,
			Bytes:            p.Bytes, VideoFrames: p.VideoFrames, Lost: p.LostPackets,
			ClockJumps: p.ClockJumps, Reconnects: p.Reconnects,
			Width: width, Height: height, Codecs: codecs, Viewers: st.Viewers,
		}
	}
	return sessions
}

// End implements instance.Sessions.
func (r *reports) End(_ context.Context, id string) error {
	if (r.sessions != nil && r.sessions.End(id)) || r.channels.EndRemote(id) {
		return nil
	}
	return instance.ErrSessionNotFound
}

func (r *reports) nodeOf(st channel.LiveState) string {
	if node := st.Node(); node != "" {
		return node
	}
	return r.node
}

// source returns what the source rendition of a stream is.
func source(st channel.LiveState) (width, height int, codecs string) {
	for _, rendition := range st.Renditions {
		if rendition.Name == "source" || len(st.Renditions) == 1 {
			return rendition.Width, rendition.Height, rendition.Codecs
		}
	}
	return 0, 0, ""
}
