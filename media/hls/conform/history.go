package conform

import (
	"slices"
	"strings"
	"time"
)

// record is what is remembered of a published segment.
type record struct {
	segment
	bytes int64 // of the body, when fetched
}

// history is everything that one media playlist has said so far. One goroutine
// owns it.
type history struct {
	broken reporter

	records map[int64]*record
	uris    map[string]int64 // segment address → its number
	last    *mediaPlaylist   // newest, in full
	lastAt  time.Time

	lowLatency  bool          // ever offered
	first, edge time.Time     // of the loads that showed the first and the newest media
	published   time.Duration // between these loads
	breaks      int           // discontinuities and skipped numbers since the first load
	hint        string
	hintAt      position
}

func newHistory(broken reporter) *history {
	return &history{broken: broken, records: map[int64]*record{}, uris: map[string]int64{}}
}

// reconstruct turns a delta update into the full playlist that it stands for,
// RFC 8216bis 6.2.5.1. It reports ok false when segments were skipped that were
// never listed.
func (h *history) reconstruct(pl *mediaPlaylist) (ok bool) {
	if pl.skipped == 0 {
		return true
	}
	if h.last == nil || h.last.canSkipUntil == 0 {
		h.broken(RuleDelta, "EXT-X-SKIP without CAN-SKIP-UNTIL")
		return false
	}
	if pl.version < 9 {
		h.broken(RuleVersion, "EXT-X-VERSION %d with EXT-X-SKIP", pl.version)
	}
	kept := make([]*segment, 0, int(pl.skipped)+len(pl.segments))
	for msn := pl.mediaSequence; msn < pl.mediaSequence+pl.skipped; msn++ {
		r, known := h.records[msn]
		if !known || !r.complete() {
			h.broken(RuleDelta, "segment %d was skipped before it was ever listed", msn)
			return false
		}
		s := r.segment
		kept = append(kept, &s)
	}
	h.checkSkipBoundary(pl)
	lastSkipped := kept[len(kept)-1]
	for _, s := range pl.segments {
		s.sequence += lastSkipped.sequence - pl.discSequence
		if s.initURI == "" {
			s.initURI = lastSkipped.initURI
		}
	}
	pl.segments, pl.skipped = append(kept, pl.segments...), 0
	return true
}

// checkSkipBoundary verifies that only segments further from the live edge than
// the skip boundary were left out.
func (h *history) checkSkipBoundary(pl *mediaPlaylist) {
	var listed time.Duration
	for _, s := range pl.segments {
		listed += s.length()
	}
	if listed < h.last.canSkipUntil-pl.target {
		h.broken(RuleDelta, "a delta update lists only %v, CAN-SKIP-UNTIL is %v", listed, h.last.canSkipUntil)
	}
}

// observe compares a full playlist with everything before it and remembers it.
// It reports false when the playlist is older than what was seen.
func (h *history) observe(pl *mediaPlaylist, delta bool, at time.Time) bool {
	changed := RuleSegmentChanged
	if delta {
		changed = RuleDelta
	}
	if h.last == nil {
		h.first, h.edge = at, at
		if pl.mediaSequence < 1 {
			h.broken(RuleFirstMSN, "EXT-X-MEDIA-SEQUENCE is %d", pl.mediaSequence)
		}
	} else if !h.compareHeader(pl) {
		return false
	}
	for _, s := range pl.segments {
		h.compareSegment(pl, s, changed)
	}
	h.lowLatency = h.lowLatency || pl.lowLatency()
	if h.last != nil && h.last.next().less(pl.next()) {
		h.edge = at
	}
	h.checkHint(pl)
	h.last, h.lastAt = pl, at
	return true
}

func (h *history) compareHeader(pl *mediaPlaylist) bool {
	old := h.last
	if pl.target != old.target {
		h.broken(RuleTargetDuration, "changed from %v to %v", old.target, pl.target)
	}
	if pl.mediaSequence < old.mediaSequence || pl.next().less(old.next()) {
		h.broken(RuleMSNBack, "from %d to %d, end from %v to %v", old.mediaSequence, pl.mediaSequence, old.next(), pl.next())
		return false
	}
	if pl.mediaSequence > old.next().msn {
		h.breaks++
		h.broken(RuleMSNSkipped, "from %v to %d", old.next(), pl.mediaSequence)
	}
	if pl.mediaSequence > old.mediaSequence && !pl.ended {
		var total time.Duration
		for _, s := range pl.finished() {
			total += s.duration
		}
		if total < 3*pl.target {
			h.broken(RuleWindow, "%v left after removing segments, target duration is %v", total, pl.target)
		}
	}
	return true
}

// compareSegment checks a segment of pl against what was said about it before.
func (h *history) compareSegment(pl *mediaPlaylist, s *segment, changed Rule) {
	old, known := h.records[s.msn]
	if !known {
		old = &record{}
		h.records[s.msn] = old
		if h.last != nil {
			h.published += s.length()
			if s.discontinuity {
				h.breaks++
			}
		}
	} else if h.last != nil {
		h.published += s.length() - old.length()
	}
	if s.complete() {
		if msn, used := h.uris[s.uri]; used && msn != s.msn && !old.complete() {
			h.broken(RuleURIReused, "segments %d and %d have the same address", msn, s.msn)
		}
		h.uris[s.uri] = s.msn
	}
	parts := s.parts
	if known {
		h.compareKnown(&old.segment, s, changed)
		if len(parts) < len(old.parts) && !pl.ended && s.msn >= pl.nearEdge() {
			h.broken(RulePartRemoved, "segment %d lost parts within three target durations of the live edge", s.msn)
		}
		if len(parts) < len(old.parts) { // parts leave when their segment is old
			parts = old.parts
		}
	}
	if !old.complete() { // what was said first stays what later playlists are held to
		old.segment = *s
	}
	old.parts = parts
}

// compareKnown checks what is said of a segment that was listed before.
func (h *history) compareKnown(old, s *segment, changed Rule) {
	if old.sequence != s.sequence {
		h.broken(RuleDiscontinuity, "segment %d had discontinuity sequence %d, now %d", s.msn, old.sequence, s.sequence)
	}
	switch {
	case !old.complete():
	case old.uri != s.uri:
		h.broken(changed, "segment %d was at %s, now at %s", s.msn, base(old.uri), base(s.uri))
	case old.duration != s.duration:
		h.broken(changed, "segment %d lasted %v, now %v", s.msn, old.duration, s.duration)
	case !old.dateTime.Equal(s.dateTime):
		h.broken(changed, "segment %d began at %v, now at %v", s.msn, old.dateTime, s.dateTime)
	case old.gap != s.gap || old.initURI != s.initURI || old.discontinuity != s.discontinuity:
		h.broken(changed, "segment %d has another GAP, MAP or DISCONTINUITY than before", s.msn)
	}
	for i := range min(len(old.parts), len(s.parts)) {
		if old.parts[i] != s.parts[i] {
			h.broken(RulePartChanged, "part %d.%d", s.msn, i)
		}
	}
}

// nearEdge is the oldest segment whose parts must still be listed: those that
// begin within three target durations of the live edge, RFC 8216bis 6.2.2.
func (pl *mediaPlaylist) nearEdge() int64 {
	var total time.Duration
	for _, s := range slices.Backward(pl.segments) {
		if total += s.length(); total >= 3*pl.target {
			return s.msn + 1
		}
	}
	return pl.mediaSequence
}

// checkHint verifies that the part that was hinted is the part that came.
func (h *history) checkHint(pl *mediaPlaylist) {
	if h.hint != "" {
		if r, ok := h.records[h.hintAt.msn]; ok && len(r.parts) > h.hintAt.part {
			if came := r.parts[h.hintAt.part].uri; came != h.hint && !r.discontinuity {
				h.broken(RulePreloadHint, "hinted %s, published %s", base(h.hint), base(came))
			}
		}
	}
	h.hint, h.hintAt = pl.hint, pl.next()
}

// checkClock verifies that as much media was published as time went by. It has
// no opinion when the stream was interrupted or was hardly watched.
func (h *history) checkClock() {
	if h.last == nil || h.breaks > 0 {
		return
	}
	unit := h.last.target
	if h.last.lowLatency() {
		unit = h.last.partTarget
	}
	wall := h.edge.Sub(h.first)
	if wall < 4*h.last.target {
		return
	}
	if off := h.published - wall; off.Abs() > 2*unit+500*time.Millisecond {
		h.broken(RuleWallClock, "%v published in %v", h.published, wall.Round(time.Millisecond))
	}
}

// base is the last element of an address, for messages.
func base(uri string) string {
	return uri[strings.LastIndexByte(uri, '/')+1:]
}
