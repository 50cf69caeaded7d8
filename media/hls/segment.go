package hls

import "time"

// part is a slice of a segment that can be fetched by itself.
//
// Of a segment that starts with a keyframe only the first part is declared
// independent, although others may be: hls.js 1.7.4 would begin with one of those
// when it joins or switches, and then wait at the end of the segment for the parts
// before it until they have left the playlist.
type part struct {
	offset      int64 // in the rendition's store
	size        int64
	duration    time.Duration
	independent bool // starts with a keyframe, and says so
	gap         bool // there is no media: the encoder was lost
}

// segment is one Media Segment of a rendition. Its stream's mu guards it.
type segment struct {
	msn      int
	pdt      time.Time     // wall clock of the first sample
	start    time.Duration // declared, on the session's timeline
	duration time.Duration // of the parts while it grows, then EXTINF
	init     *initSegment  // nil for a gap

	discontinuity bool // the first of its epoch
	discontinuous int  // discontinuities of the stream so far, its own included
	independent   bool // starts with a keyframe
	gap           bool
	closed        bool

	parts     []part
	firstPart int // number of parts[0]
	offset    int64
	size      int64

	users   int  // responses that send from it
	evicted bool // gives its memory back when users is zero
}

// slot is what the leading rendition says about one MSN; the others follow it.
type slot struct {
	msn           int
	epoch         int
	start         time.Duration // presentation time of the leader's first sample
	pdt           time.Time
	drift         time.Duration // declared start of the leader's segment less the true one
	duration      time.Duration // zero until closed
	discontinuity bool
	discontinuous int
	closed        bool
}

// maxSlots bounds how many MSNs back a late rendition finds its place.
const maxSlots = 128
