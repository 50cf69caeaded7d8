package conform

import (
	"strings"
	"time"
)

// Tolerances of comparisons between decimal numbers in playlists.
const (
	rounding      = 2 * time.Millisecond // PDT has milliseconds, EXTINF at least as many digits
	partShare     = 85                   // percent of PART-TARGET that a part reaches
	sampleRound   = time.Millisecond     // tfdt in ticks against decimal seconds
	audioBoundary = 50 * time.Millisecond
)

// report is how a check tells of a broken rule.
type reporter func(r Rule, format string, args ...any)

// checkPlaylist checks what a single full media playlist shows by itself.
func checkPlaylist(pl *mediaPlaylist, broken reporter) {
	checkHeader(pl, broken)
	for i, s := range pl.segments {
		checkParts(pl, s, broken)
		if !s.complete() {
			continue
		}
		if s.duration.Round(time.Second) > pl.target {
			broken(RuleTargetDuration, "segment %d lasts %v, target duration is %v", s.msn, s.duration, pl.target)
		}
		if s.dateTime.IsZero() {
			broken(RuleDateTime, "segment %d has no EXT-X-PROGRAM-DATE-TIME", s.msn)
		}
		if s.initURI == "" && !transportStream(s.uri) {
			broken(RuleMap, "segment %d has no EXT-X-MAP", s.msn)
		}
		if i > 0 {
			checkDates(pl.segments[i-1], s, broken)
		}
	}
}

// transportStream tells from an address that no init segment is needed.
func transportStream(uri string) bool {
	path, _, _ := strings.Cut(uri, "?")
	return strings.HasSuffix(path, ".ts")
}

func checkHeader(pl *mediaPlaylist, broken reporter) {
	if pl.version < 6 && len(pl.segments) > 0 && pl.segments[0].initURI != "" {
		broken(RuleVersion, "EXT-X-VERSION %d with EXT-X-MAP", pl.version)
	}
	if pl.holdBack > 0 && pl.holdBack < 3*pl.target {
		broken(RuleHoldBack, "HOLD-BACK %v with a target duration of %v", pl.holdBack, pl.target)
	}
	if pl.canSkipUntil > 0 && pl.canSkipUntil < 6*pl.target {
		broken(RuleDelta, "CAN-SKIP-UNTIL %v is less than six target durations", pl.canSkipUntil)
	}
	if pl.partTarget == 0 {
		return
	}
	if pl.partHoldBack < 3*pl.partTarget {
		broken(RulePartHoldBack, "PART-HOLD-BACK %v with a PART-TARGET of %v", pl.partHoldBack, pl.partTarget)
	}
	if !pl.ended && pl.hint == "" {
		broken(RulePreloadHint, "no EXT-X-PRELOAD-HINT in a live playlist")
	}
}

// checkParts checks the parts of a segment: how long each is, and their sum.
func checkParts(pl *mediaPlaylist, s *segment, broken reporter) {
	var sum time.Duration
	for i, p := range s.parts {
		sum += p.duration
		if p.duration > pl.partTarget {
			broken(RulePartTarget, "part %d.%d lasts %v, PART-TARGET is %v", s.msn, i, p.duration, pl.partTarget)
		}
		if i < len(s.parts)-1 && p.duration*100 < pl.partTarget*partShare {
			broken(RulePartTarget, "part %d.%d lasts %v, under %d %% of PART-TARGET %v",
				s.msn, i, p.duration, partShare, pl.partTarget)
		}
	}
	if s.complete() && len(s.parts) > 0 && (sum-s.duration).Abs() > rounding {
		broken(RulePartSum, "parts of segment %d last %v, the segment %v", s.msn, sum, s.duration)
	}
}

func checkDates(before, s *segment, broken reporter) {
	if s.discontinuity || s.dateTime.IsZero() || before.dateTime.IsZero() {
		return
	}
	if off := s.dateTime.Sub(before.dateTime.Add(before.duration)); off.Abs() > rounding {
		broken(RuleDateContinuity, "segment %d begins %v off the end of the one before", s.msn, off)
	}
}
