package conform

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/stretchr/testify/require"
)

// spoilt is a good stream with one fault.
type spoilt struct {
	want   []Rule
	spoil  func(f *fake)
	mediaN bool // do not fetch media: the fault shows there too
}

// swap makes a fault in every playlist of the video rendition from load n on.
func swap(n int, old, replacement string) func(f *fake) {
	return func(f *fake) {
		f.noSkip = true
		f.playlist = func(_ *fake, name string, load int, text string) string {
			if name == "video" && load >= n {
				return strings.ReplaceAll(text, old, replacement)
			}
			return text
		}
	}
}

// drop leaves out the lines that contain s.
func drop(s string) func(f *fake) {
	return func(f *fake) {
		f.playlist = func(_ *fake, name string, _ int, text string) string {
			var kept []string
			for l := range strings.SplitSeq(text, "\n") {
				if name != "video" || !strings.Contains(l, s) {
					kept = append(kept, l)
				}
			}
			return strings.Join(kept, "\n")
		}
	}
}

func playlistFaults() map[string]spoilt {
	return map[string]spoilt{
		"blank in an attribute list": {want: []Rule{RuleSyntax}, spoil: func(f *fake) {
			f.playlist = func(_ *fake, name string, n int, text string) string {
				if name == "video" && n == 5 {
					return strings.ReplaceAll(text, "PART-TARGET=", "PART-TARGET= ")
				}
				return text
			}
		}},
		"version too low":           {want: []Rule{RuleVersion}, spoil: swap(0, "VERSION:9", "VERSION:5")},
		"target duration changes":   {want: []Rule{RuleTargetDuration}, spoil: swap(5, "TARGETDURATION:1", "TARGETDURATION:2")},
		"first number is 0":         {want: []Rule{RuleFirstMSN}, spoil: func(f *fake) { f.firstMSN = 0 }},
		"segment address changes":   {want: []Rule{RuleSegmentChanged}, spoil: swap(6, "/s9.m4s", "/x9.m4s")},
		"part address changes":      {want: []Rule{RulePartChanged}, spoil: swap(6, "/p14.2.m4s", "/q14.2.m4s")},
		"part leaves early":         {want: []Rule{RulePartRemoved}, spoil: partLeaves},
		"address used twice":        {want: []Rule{RuleURIReused}, mediaN: true, spoil: swap(0, "/s17.m4s", "/s16.m4s")},
		"window of two segments":    {want: []Rule{RuleWindow}, spoil: func(f *fake) { f.window = 2 }},
		"parts over the target":     {want: []Rule{RulePartTarget}, spoil: swap(0, "PART-TARGET=0.2", "PART-TARGET=0.19")},
		"parts far under target":    {want: []Rule{RulePartTarget}, spoil: swap(0, "PART-TARGET=0.2", "PART-TARGET=0.3")},
		"parts do not add up":       {want: []Rule{RulePartSum}, spoil: swap(0, "DURATION=0.20000,URI=\"video/p16.4", "DURATION=0.19000,URI=\"video/p16.4")},
		"part hold back too short":  {want: []Rule{RulePartHoldBack}, spoil: swap(0, "PART-HOLD-BACK=1.0", "PART-HOLD-BACK=0.5")},
		"hold back too short":       {want: []Rule{RuleHoldBack}, spoil: swap(0, ",HOLD-BACK=6.0", ",HOLD-BACK=2.0")},
		"no preload hint":           {want: []Rule{RulePreloadHint}, spoil: drop("#EXT-X-PRELOAD-HINT")},
		"hinted part does not come": {want: []Rule{RulePreloadHint}, spoil: swap(0, "HINT:TYPE=PART,URI=\"video/p", "HINT:TYPE=PART,URI=\"video/q")},
		"no date":                   {want: []Rule{RuleDateTime}, spoil: drop("#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:20")},
		"dates jump": {want: []Rule{RuleDateContinuity}, mediaN: true, spoil: func(f *fake) {
			f.shift = func(_ string, msn int) time.Duration { return time.Duration(msn/17) * 50 * time.Millisecond }
		}},
		"media slower than the clock": {want: []Rule{RuleWallClock}, spoil: func(f *fake) { f.rate = 2 }},
		"discontinuity in one only":   {want: []Rule{RuleDiscontinuity}, spoil: swap(0, "#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:21", "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:21")},
		"discontinuities recounted":   {want: []Rule{RuleDiscontinuity}, spoil: swap(6, "DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:5")},
		"rungs apart": {want: []Rule{RuleAlignment}, spoil: func(f *fake) {
			f.shift = func(name string, _ int) time.Duration {
				return time.Duration(strings.Count(name, "low")) * 5 * time.Millisecond
			}
		}},
		"no rendition report":          {want: []Rule{RuleReport}, spoil: drop("REPORT:URI=\"low")},
		"implausible rendition report": {want: []Rule{RuleReport}, spoil: swap(0, "LAST-MSN=", "LAST-MSN=9")},
		"no map":                       {want: []Rule{RuleMap}, spoil: drop("#EXT-X-MAP")},
		"delta lists too little":       {want: []Rule{RuleDelta}, spoil: func(f *fake) { f.skipKeep = 3 }},
		"delta tells something else": {want: []Rule{RuleDelta}, spoil: func(f *fake) {
			f.playlist = func(_ *fake, _ string, _ int, text string) string {
				if strings.Contains(text, "#EXT-X-SKIP") {
					return strings.ReplaceAll(text, "#EXTINF:1.00000,\nvideo/s9.m4s", "#EXTINF:1.00100,\nvideo/s9.m4s")
				}
				return text
			}
		}},
		"answer without the part": {want: []Rule{RuleBlocking}, spoil: func(f *fake) { f.eagerAt = 7 }},
		"playlist from the past": {want: []Rule{RuleMSNBack}, spoil: func(f *fake) {
			f.playlist = func(f *fake, name string, n int, text string) string {
				if name == "video" && n == 7 {
					return f.render(name, f.produced-6, false)
				}
				return text
			}
		}},
		"numbers skipped": {want: []Rule{RuleMSNSkipped}, spoil: func(f *fake) { f.jumpAt, f.noSkip = 7, true }},
	}
}

// partLeaves takes the parts of a fresh segment out of the playlist.
func partLeaves(f *fake) {
	f.noSkip = true
	f.playlist = func(_ *fake, name string, n int, text string) string {
		if name != "video" || n < 6 {
			return text
		}
		var kept []string
		for l := range strings.SplitSeq(text, "\n") {
			if !strings.Contains(l, "/p15.") {
				kept = append(kept, l)
			}
		}
		return strings.Join(kept, "\n")
	}
}

// onSegment makes a fault in the media of one video segment.
func onSegment(msn int, change func(i int, t *fmp4.PartTrack)) func(f *fake) {
	return func(f *fake) {
		f.fragment = func(name string, at, i int, t *fmp4.PartTrack) {
			if name == "video" && at == msn {
				change(i, t)
			}
		}
	}
}

func mediaFaults() map[string]spoilt {
	return map[string]spoilt{
		"segment missing": {want: []Rule{RuleMediaFetch}, spoil: func(f *fake) {
			f.status = func(r *http.Request) int {
				if strings.HasSuffix(r.URL.Path, "/video/s17.m4s") {
					return http.StatusNotFound
				}
				return 0
			}
		}},
		"init segment missing": {want: []Rule{RuleMap}, spoil: func(f *fake) {
			f.status = func(r *http.Request) int {
				if strings.HasSuffix(r.URL.Path, "/video/init.mp4") {
					return http.StatusInternalServerError
				}
				return 0
			}
		}},
		"track not in init segment": {want: []Rule{RuleMap}, spoil: func(f *fake) {
			f.init = func(t *fmp4.InitTrack) { t.ID = 7 }
		}},
		"not media": {want: []Rule{RuleMediaParse}, spoil: func(f *fake) {
			f.media = func(path string, body []byte) []byte {
				if strings.HasPrefix(path, "video/p17.") {
					return []byte("\x00\x00\x00\x08moof")
				}
				if path == "video/s17.m4s" {
					return bytes.Repeat([]byte("\x00\x00\x00\x08moof"), partsPerSegment)
				}
				return body
			}
		}},
		"independent part starts in the middle": {want: []Rule{RuleIndependent}, spoil: onSegment(17, func(_ int, t *fmp4.PartTrack) {
			t.Samples[0].IsNonSyncSample = true
		})},
		"segment is not its parts": {want: []Rule{RuleConcatenation}, spoil: func(f *fake) {
			f.media = func(path string, body []byte) []byte {
				if path == "video/s17.m4s" {
					body[len(body)-1] ^= 1
				}
				return body
			}
		}},
		"decode time jumps": {want: []Rule{RuleDecodeTime}, spoil: onSegment(17, func(i int, t *fmp4.PartTrack) {
			if i == 2 {
				t.BaseTime += 900
			}
		})},
		"media longer than told": {want: []Rule{RuleDecodeTime, RuleMediaDuration}, spoil: onSegment(17, func(_ int, t *fmp4.PartTrack) {
			t.Samples[3].Duration *= 4
		})},
		"presentation drifts from the dates": {want: []Rule{RuleMediaDateTime}, spoil: func(f *fake) {
			f.fragment = func(name string, msn, _ int, t *fmp4.PartTrack) {
				if name == "video" {
					for _, s := range t.Samples {
						s.PTSOffset = int32(msn) * 900
					}
				}
			}
		}},
		"AAC in video ticks": {want: []Rule{RuleAudioTimescale}, spoil: func(f *fake) {
			f.init = func(t *fmp4.InitTrack) {
				if c, ok := t.Codec.(*codecs.MPEG4Audio); ok {
					c.Config = mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: 2}
				}
			}
		}},
		"no codecs":        {want: []Rule{RuleVariant}, spoil: onMaster(`CODECS="avc1.640028,mp4a.40.2",`, "")},
		"no average":       {want: []Rule{RuleVariant}, spoil: onMaster("AVERAGE-BANDWIDTH=80000,", "")},
		"wrong codecs":     {want: []Rule{RuleVariant}, spoil: onMaster("avc1.640028", "hvc1.1.6.L93.B0")},
		"wrong resolution": {want: []Rule{RuleVariant}, spoil: onMaster("1920x1080", "1280x720")},
		"no frame rate":    {want: []Rule{RuleVariant}, spoil: onMaster(",FRAME-RATE=30.000", "")},
		"bandwidth told too low": {want: []Rule{RuleBandwidth}, spoil: onMaster(
			"BANDWIDTH=90000,AVERAGE-BANDWIDTH=80000", "BANDWIDTH=9000,AVERAGE-BANDWIDTH=8000")},
		"average above peak": {want: []Rule{RuleBandwidth}, spoil: onMaster("AVERAGE-BANDWIDTH=80000", "AVERAGE-BANDWIDTH=99000")},
	}
}

func onMaster(old, replacement string) func(f *fake) {
	return func(f *fake) {
		f.master = func(text string) string { return strings.ReplaceAll(text, old, replacement) }
	}
}

func onHeader(contains, field, value string) func(f *fake) {
	return func(f *fake) {
		f.header = func(path string, h http.Header) {
			if strings.Contains(path, contains) {
				h.Set(field, value)
			}
		}
	}
}

func onRequest(match func(r *http.Request) bool, status int) func(f *fake) {
	return func(f *fake) {
		f.status = func(r *http.Request) int {
			if match(r) {
				return status
			}
			return 0
		}
	}
}

func httpFaults() map[string]spoilt {
	return map[string]spoilt{
		"playlist as text": {want: []Rule{RuleHTTPType}, spoil: onHeader(".m3u8", "Content-Type", "text/plain")},
		"media as text":    {want: []Rule{RuleHTTPType}, spoil: onHeader(".m4s", "Content-Type", "text/plain")},
		"playlist cached":  {want: []Rule{RuleHTTPCache}, spoil: onHeader(".m3u8", "Cache-Control", "max-age=60")},
		"media not cached": {want: []Rule{RuleHTTPCache}, spoil: onHeader(".m4s", "Cache-Control", "no-cache")},
		"no tag":           {want: []Rule{RuleHTTPETag}, spoil: onHeader(".m4s", "ETag", "")},
		"no tag, nothing kept": {want: nil, spoil: func(f *fake) {
			f.header = func(path string, h http.Header) {
				if strings.Contains(path, ".m3u8") {
					h.Set("Cache-Control", "private, no-store")
					h.Del("ETag")
				}
			}
		}},
		"no CORS":               {want: []Rule{RuleHTTPCORS}, spoil: onHeader("video.m3u8", "Access-Control-Allow-Origin", "")},
		"HEAD not allowed":      {want: []Rule{RuleHTTPHead}, spoil: onRequest(func(r *http.Request) bool { return r.Method == http.MethodHead }, 405)},
		"ranges not allowed":    {want: []Rule{RuleHTTPRange}, spoil: onRequest(func(r *http.Request) bool { return r.Header.Get("Range") != "" }, 416)},
		"unknown path is 500":   {want: []Rule{RuleHTTPNotFound}, spoil: onRequest(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "no-such") }, 500)},
		"everything compressed": {want: nil, spoil: func(*fake) {}},
		"nothing compressed": {want: []Rule{RuleHTTPGzip}, spoil: func(f *fake) {
			f.status = func(r *http.Request) int { r.Header.Del("Accept-Encoding"); return 0 }
		}},
		"impossible directive": {want: []Rule{RuleHTTPDirectives}, spoil: onRequest(func(r *http.Request) bool {
			return r.URL.Query().Get("_HLS_msn") == "x"
		}, 404)},
	}
}

func TestEachFaultBreaksItsRuleAndNoOther(t *testing.T) {
	t.Parallel()
	all := []map[string]spoilt{playlistFaults(), mediaFaults(), httpFaults()}
	found := map[Rule]bool{}
	for _, faults := range all {
		for name, c := range faults {
			for _, r := range c.want {
				found[r] = true
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := newFake()
				c.spoil(f)
				report := f.watch(t, !c.mediaN)
				require.Equal(t, c.want, report.Broken(), "%v", report.Violations)
			})
		}
	}
	for r := range clauses {
		require.True(t, found[r], "no fault breaks %s", r)
	}
}
