package conform

// Rule names one thing that a stream must keep to. Names are stable: tests and
// operators match on them.
type Rule string

// The rules, each with the clause that it comes from in clauses.
const (
	RuleSyntax            Rule = "syntax"           // a playlist that cannot be parsed strictly
	RuleVersion           Rule = "version"          // EXT-X-VERSION too low for what is used
	RuleTargetDuration    Rule = "target-duration"  // changes, or an EXTINF rounds above it
	RuleFirstMSN          Rule = "first-msn"        // players stall on media sequence number 0
	RuleMSNBack           Rule = "msn-back"         // the playlist went backwards
	RuleMSNSkipped        Rule = "msn-skipped"      // numbers that never were in a playlist
	RuleSegmentChanged    Rule = "segment-changed"  // a published segment is described differently
	RulePartChanged       Rule = "part-changed"     // a published part is described differently
	RulePartRemoved       Rule = "part-removed"     // a part left while still near the live edge
	RuleURIReused         Rule = "uri-reused"       // one address for two media sequence numbers
	RuleWindow            Rule = "window"           // removal left less than three target durations
	RulePartTarget        Rule = "part-target"      // a part longer than, or under 85 % of, PART-TARGET
	RulePartSum           Rule = "part-sum"         // parts do not add up to their segment
	RulePartHoldBack      Rule = "part-hold-back"   // missing or under three part targets
	RuleHoldBack          Rule = "hold-back"        // under three target durations
	RulePreloadHint       Rule = "preload-hint"     // missing, or what it hinted did not come
	RuleDateTime          Rule = "date-time"        // a segment without PROGRAM-DATE-TIME
	RuleDateContinuity    Rule = "date-continuity"  // PDT is not the previous PDT plus its EXTINF
	RuleWallClock         Rule = "wall-clock"       // published durations drift from the clock
	RuleDiscontinuity     Rule = "discontinuity"    // numbering changed, or renditions disagree
	RuleAlignment         Rule = "alignment"        // renditions disagree about a segment's time
	RuleReport            Rule = "rendition-report" // missing or implausible
	RuleMap               Rule = "map"              // EXT-X-MAP missing or not fitting the media
	RuleDelta             Rule = "delta"            // a delta update does not give the full playlist
	RuleBlocking          Rule = "blocking-reload"  // late, or without what was asked for
	RuleVariant           Rule = "variant"          // an attribute of a variant missing or wrong
	RuleBandwidth         Rule = "bandwidth"        // BANDWIDTH below the measured peak
	RuleMediaFetch        Rule = "media-fetch"      // listed media could not be loaded
	RuleMediaParse        Rule = "media-parse"      // media that is not fragmented MP4
	RuleIndependent       Rule = "independent"      // no sync sample where one is promised
	RuleConcatenation     Rule = "concatenation"    // a segment is not its parts put together
	RuleDecodeTime        Rule = "decode-time"      // tfdt jumps without a discontinuity
	RuleMediaDateTime     Rule = "media-date-time"  // PDT and tfdt drift apart
	RuleMediaDuration     Rule = "media-duration"   // EXTINF differs from the samples' durations
	RuleAudioTimescale    Rule = "audio-timescale"  // AAC not in sample-rate units
	RuleHTTPType          Rule = "http-type"        // Content-Type
	RuleHTTPCache         Rule = "http-cache"       // Cache-Control
	RuleHTTPETag          Rule = "http-etag"        // ETag and If-None-Match
	RuleHTTPGzip          Rule = "http-gzip"        // playlists are not compressed
	RuleHTTPRange         Rule = "http-range"       // byte ranges of media
	RuleHTTPHead          Rule = "http-head"        // HEAD
	RuleHTTPCORS          Rule = "http-cors"        // Access-Control-Allow-Origin
	RuleHTTPNotFound      Rule = "http-not-found"   // unknown and escaping paths
	RuleHTTPDirectives    Rule = "http-directives"  // impossible delivery directives are accepted
	clauseTraps                = "players"          // not in a specification: players need it
	clauseLowLatency           = "8216bis B.1"
	clauseHTTPSemantics        = "9110"
	clauseDeliveryOfMSN        = "8216bis 6.2.5.2"
	clauseOfServer             = "8216bis 6.2.1"
	clauseOfLiveServer         = "8216bis 6.2.2"
	clauseOfServerControl      = "8216bis 4.4.3.8"
	clauseOfStreamInf          = "8216bis 4.4.6.2"
)

var clauses = map[Rule]string{
	RuleSyntax:         "8216bis 4.1",
	RuleVersion:        "8216bis 8",
	RuleTargetDuration: "8216bis 4.4.3.1",
	RuleFirstMSN:       clauseTraps,
	RuleMSNBack:        clauseOfServer,
	RuleMSNSkipped:     clauseOfLiveServer,
	RuleSegmentChanged: clauseOfServer,
	RulePartChanged:    clauseOfServer,
	RulePartRemoved:    "8216bis 6.2.2",
	RuleURIReused:      clauseTraps,
	RuleWindow:         clauseOfLiveServer,
	RulePartTarget:     "8216bis 4.4.4.9",
	RulePartSum:        "8216bis 4.4.4.9",
	RulePartHoldBack:   clauseOfServerControl,
	RuleHoldBack:       clauseOfServerControl,
	RulePreloadHint:    "8216bis 4.4.5.3",
	RuleDateTime:       clauseLowLatency,
	RuleDateContinuity: "8216bis 4.4.4.6",
	RuleWallClock:      clauseOfLiveServer,
	RuleDiscontinuity:  "8216bis 4.4.3.3",
	RuleAlignment:      "8216bis 6.2.4",
	RuleReport:         "8216bis 4.4.5.4",
	RuleMap:            "8216bis 4.4.4.5",
	RuleDelta:          "8216bis 6.2.5.1",
	RuleBlocking:       clauseDeliveryOfMSN,
	RuleVariant:        clauseOfStreamInf,
	RuleBandwidth:      clauseOfStreamInf,
	RuleMediaFetch:     clauseOfServer,
	RuleMediaParse:     "8216bis 3.1.2",
	RuleIndependent:    "8216bis 4.4.4.9",
	RuleConcatenation:  "8216bis 4.4.4.9",
	RuleDecodeTime:     "8216bis 4.4.4.3",
	RuleMediaDateTime:  "8216bis 4.4.4.6",
	RuleMediaDuration:  "8216bis 4.4.4.1",
	RuleAudioTimescale: clauseTraps,
	RuleHTTPType:       "8216bis 4",
	RuleHTTPCache:      clauseTraps,
	RuleHTTPETag:       clauseHTTPSemantics + " 13.1.2",
	RuleHTTPGzip:       clauseLowLatency,
	RuleHTTPRange:      clauseHTTPSemantics + " 14",
	RuleHTTPHead:       clauseHTTPSemantics + " 9.3.2",
	RuleHTTPCORS:       clauseTraps,
	RuleHTTPNotFound:   clauseHTTPSemantics + " 15.5.5",
	RuleHTTPDirectives: clauseDeliveryOfMSN,
}

// Clause tells where a rule comes from: a section of RFC 8216bis or RFC 9110,
// or "players" for what players in use need beyond the specification.
func (r Rule) Clause() string { return clauses[r] }
