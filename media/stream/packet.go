package stream

import "time"

// Epoch is a run of packets with unchanged codec parameters from one connection of
// the publisher. The first packet of an epoch is a keyframe when it has video.
type Epoch struct {
	Number int // counts from 0 in a session
	Format Format
}

// Packet is one access unit. It is immutable from the moment it is published, and
// all consumers share it and its payload.
type Packet struct {
	Epoch *Epoch
	Track *Track // one of Epoch.Format's
	Key   bool   // decodes alone; true for every audio packet

	// DTS and PTS are ticks of Track.ClockRate on the session's timeline. DTS
	// grows strictly within a track over the whole session.
	DTS, PTS int64

	// NTP is the wall clock of the PTS: the timeline's anchor plus PTS.
	NTP time.Time

	// Arrived is when the packet came in, for measuring what is lost on the way.
	Arrived time.Time

	Payload []byte // in ISO BMFF sample format, see Codec
}

// Time returns the presentation time on the session's timeline.
func (p *Packet) Time() time.Duration { return p.Track.Duration(p.PTS) }

// leads says whether a consumer may begin with p.
func (p *Packet) leads() bool {
	return p.Key && p.Track == p.Epoch.Format.Lead()
}
