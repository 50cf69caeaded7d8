package conform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"maps"
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
)

// digest compares bytes without keeping them.
type digest struct {
	h hash.Hash
}

func newDigest() *digest { return &digest{sha256.New()} }

func (d *digest) add(b []byte) { d.h.Write(b) }

func (d *digest) equals(b []byte) bool {
	sum := sha256.Sum256(b)
	return bytes.Equal(d.h.Sum(nil), sum[:])
}

// track is what an init segment says of one track.
type track struct {
	timescale     uint32
	codec         string // first element of its CODECS entry
	video         bool
	width, height int // 0 when unknown
}

// at converts ticks of the track to time.
func (t *track) at(ticks int64) time.Duration {
	scale := int64(t.timescale)
	return time.Duration(ticks/scale)*time.Second + time.Duration(ticks%scale)*time.Second/time.Duration(scale)
}

// initSegment is a loaded EXT-X-MAP.
type initSegment struct {
	tracks map[int]*track // empty when it could not be read
}

// mediaChecker checks the media of one rendition, segment after segment.
type mediaChecker struct {
	broken reporter
	inits  map[string]*initSegment
	cur    *initSegment

	next   map[int]int64 // track → tfdt that must follow; nil when anything may
	offset *time.Duration
}

// reset forgets where decode times have to go on: media is missing.
func (m *mediaChecker) reset() { m.next, m.offset = nil, nil }

// init makes the init segment at uri current, and loads it when it is new.
func (m *mediaChecker) init(ctx context.Context, f *follower, uri string) {
	if uri == "" {
		m.cur = nil
		return
	}
	if known, ok := m.inits[uri]; ok {
		m.cur = known
		return
	}
	m.cur = &initSegment{tracks: map[int]*track{}}
	m.inits[uri] = m.cur
	a, err := f.fetchMediaAt(ctx, uri)
	if err != nil {
		if ctx.Err() == nil {
			m.broken(RuleMap, "init segment %s: %v", base(uri), err)
		}
		return
	}
	var parsed fmp4.Init
	if err := parsed.Unmarshal(bytes.NewReader(a.body)); err != nil {
		m.broken(RuleMap, "init segment %s: %v", base(uri), err)
		return
	}
	for _, t := range parsed.Tracks {
		if t.TimeScale == 0 {
			m.broken(RuleMap, "init segment %s: track %d without time scale", base(uri), t.ID)
			continue
		}
		m.cur.tracks[t.ID] = newTrack(t, m.broken)
	}
}

func newTrack(t *fmp4.InitTrack, broken reporter) *track {
	out := &track{timescale: t.TimeScale, video: t.Codec.IsVideo()}
	switch c := t.Codec.(type) {
	case *codecs.H264:
		out.codec = "avc1"
		var sps h264.SPS
		if sps.Unmarshal(c.SPS) == nil {
			out.width, out.height = sps.Width(), sps.Height()
		}
	case *codecs.H265:
		out.codec = "hvc1"
		var sps h265.SPS
		if sps.Unmarshal(c.SPS) == nil {
			out.width, out.height = sps.Width(), sps.Height()
		}
	case *codecs.AV1:
		out.codec = "av01"
	case *codecs.VP9:
		out.codec = "vp09"
	case *codecs.Opus:
		out.codec = "opus"
	case *codecs.MPEG4Audio:
		out.codec = "mp4a"
		if rate := c.Config.SampleRate; uint32(rate) != t.TimeScale {
			broken(RuleAudioTimescale, "time scale %d for AAC of %d Hz", t.TimeScale, rate)
		}
	case *codecs.MPEG1Audio:
		out.codec = "mp4a"
	case *codecs.AC3:
		out.codec = "ac-3"
	}
	return out
}

// codecs lists the codecs of all init segments.
func (m *mediaChecker) codecs() []string {
	set := map[string]bool{}
	for _, i := range m.inits {
		for _, t := range i.tracks {
			set[t.codec] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// readable tells whether there is an init segment to read media with.
func (m *mediaChecker) readable() bool { return m.cur != nil && len(m.cur.tracks) > 0 }

// parse reads fragments; what they are of must be in the init segment.
func (m *mediaChecker) parse(what string, msn int64, body []byte) fmp4.Parts {
	var parts fmp4.Parts
	if err := parts.Unmarshal(body); err != nil {
		m.broken(RuleMediaParse, "%s of segment %d: %v", what, msn, err)
		return nil
	}
	for _, p := range parts {
		for _, t := range p.Tracks {
			if m.cur.tracks[t.ID] == nil {
				m.broken(RuleMap, "track %d of segment %d is not in its init segment", t.ID, msn)
				return nil
			}
		}
	}
	if len(parts) == 0 {
		m.broken(RuleMediaParse, "%s of segment %d holds no fragment", what, msn)
	}
	return parts
}

// checkPart checks that part i of s parses, and begins as it says.
func (m *mediaChecker) checkPart(s *segment, i int, body []byte) {
	if !m.readable() {
		return
	}
	parts := m.parse("a part", s.msn, body)
	if len(parts) > 0 && s.parts[i].independent && !m.startsWithSync(parts[0]) {
		m.broken(RuleIndependent, "part %d.%d is INDEPENDENT and starts without a sync sample", s.msn, i)
	}
}

// startsWithSync tells whether every video track of a fragment begins with a
// sync sample.
func (m *mediaChecker) startsWithSync(p *fmp4.Part) bool {
	for _, t := range p.Tracks {
		if m.cur.tracks[t.ID].video && len(t.Samples) > 0 && t.Samples[0].IsNonSyncSample {
			return false
		}
	}
	return true
}

// checkSegment checks a whole segment against the one before and its playlist
// entry.
func (m *mediaChecker) checkSegment(s *segment, body []byte) {
	if !m.readable() {
		return
	}
	parts := m.parse("the media", s.msn, body)
	if len(parts) == 0 || len(parts[0].Tracks) == 0 {
		m.reset()
		return
	}
	if s.discontinuity {
		m.reset()
	}
	if !m.startsWithSync(parts[0]) {
		m.broken(RuleIndependent, "segment %d starts without a sync sample", s.msn)
	}
	if m.next == nil {
		m.next = map[int]int64{}
	}
	main := parts[0].Tracks[0].ID
	var length, longest time.Duration
	for _, p := range parts {
		for _, t := range p.Tracks {
			sum, frame := m.checkTrack(s, t)
			if t.ID == main {
				length, longest = length+sum, max(longest, frame)
			}
		}
	}
	if off := length - s.duration; off.Abs() > longest+rounding {
		m.broken(RuleMediaDuration, "segment %d holds %v of media, EXTINF is %v", s.msn, length, s.duration)
	}
	m.checkOffset(s, parts[0].Tracks[0])
}

// checkTrack checks that a fragment's samples follow those before, and returns
// their duration and that of the longest one.
func (m *mediaChecker) checkTrack(s *segment, t *fmp4.PartTrack) (sum, longest time.Duration) {
	info := m.cur.tracks[t.ID]
	base := int64(t.BaseTime)
	if want, ok := m.next[t.ID]; ok {
		if off := info.at(base - want); off.Abs() > sampleRound {
			m.broken(RuleDecodeTime, "segment %d, track %d: decode time jumps by %v", s.msn, t.ID, off)
		}
	}
	var ticks int64
	for _, sample := range t.Samples {
		ticks += int64(sample.Duration)
		longest = max(longest, info.at(int64(sample.Duration)))
	}
	m.next[t.ID] = base + ticks
	return info.at(ticks), longest
}

// checkOffset verifies that PROGRAM-DATE-TIME and media time go on in step.
func (m *mediaChecker) checkOffset(s *segment, t *fmp4.PartTrack) {
	if s.dateTime.IsZero() || len(t.Samples) == 0 {
		return
	}
	first := int64(t.BaseTime) + int64(t.Samples[0].PTSOffset)
	offset := time.Duration(s.dateTime.UnixNano()) - m.cur.tracks[t.ID].at(first)
	if m.offset == nil {
		m.offset = &offset
		return
	}
	if off := offset - *m.offset; off.Abs() > rounding {
		m.broken(RuleMediaDateTime, "segment %d: PROGRAM-DATE-TIME moved %v against media time", s.msn, off)
	}
}
