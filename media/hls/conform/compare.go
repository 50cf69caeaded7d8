package conform

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reportSpread is how far two renditions' live edges may be apart, in segments.
const reportSpread = 2

// compareRenditions checks that all renditions tell of the same timeline: each
// is compared with the first.
func (w *watcher) compareRenditions() {
	for _, f := range w.followers {
		w.checkReports(f)
	}
	if len(w.followers) < 2 {
		return
	}
	lead := w.followers[0]
	for _, f := range w.followers[1:] {
		for msn, s := range f.history.records {
			if l, both := lead.history.records[msn]; both {
				compareSegments(lead.name, &l.segment, &s.segment, f.audio != lead.audio, f.broken)
			}
		}
	}
}

// compareSegments compares segments of the same number in two renditions: equal
// to the nanosecond when both are video, within about an audio frame otherwise.
func compareSegments(lead string, a, b *segment, mixed bool, broken reporter) {
	if a.discontinuity != b.discontinuity || a.sequence != b.sequence {
		broken(RuleDiscontinuity, "segment %d is after %d discontinuities, in %s after %d",
			b.msn, b.sequence, lead, a.sequence)
	}
	if a.gap || b.gap {
		return
	}
	allowed := time.Duration(0)
	if mixed {
		allowed = audioBoundary
	}
	if !a.dateTime.IsZero() && !b.dateTime.IsZero() {
		if off := b.dateTime.Sub(a.dateTime); off.Abs() > allowed {
			broken(RuleAlignment, "segment %d begins %v off the one of %s", b.msn, off, lead)
		}
	}
	if a.complete() && b.complete() {
		if off := b.duration - a.duration; off.Abs() > allowed {
			broken(RuleAlignment, "segment %d is %v longer than the one of %s", b.msn, off, lead)
		}
	}
}

// checkReports checks the rendition reports of the newest playlist: one for each
// other rendition, naming a live edge near the own one.
func (w *watcher) checkReports(f *follower) {
	last := f.history.last
	if last == nil || last.ended || !last.lowLatency() {
		return
	}
	reported := map[string]bool{}
	for _, r := range last.reports {
		u, err := f.url.Parse(r.uri)
		if err != nil {
			f.broken(RuleReport, "bad address %q", r.uri)
			continue
		}
		reported[u.Path] = true
		if !slices.ContainsFunc(w.followers, func(o *follower) bool { return o.url.Path == u.Path }) {
			f.broken(RuleReport, "a report on the unknown rendition %s", r.uri)
		}
		edge := last.next().msn
		if r.lastMSN < edge-1-reportSpread || r.lastMSN > edge+reportSpread {
			f.broken(RuleReport, "LAST-MSN of %s is %d, own edge %d", r.uri, r.lastMSN, edge)
		}
		if r.lastPart < 0 {
			f.broken(RuleReport, "no LAST-PART for %s", r.uri)
		}
	}
	for _, o := range w.followers {
		if o != f && !reported[o.url.Path] {
			f.broken(RuleReport, "no report on %s", o.name)
		}
	}
}

// checkVariants checks the attributes of the multivariant playlist against what
// was measured. It loads the playlist again: bandwidths are measured as a stream
// goes on.
func (w *watcher) checkVariants(ctx context.Context) {
	if w.master == nil {
		return
	}
	m := w.master
	if a, err := w.fetch.get(ctx, w.cfg.URL, maxPlaylistBytes); err == nil {
		if newer, err := parseMultivariant(string(a.body)); err == nil {
			m = newer
		}
	}
	for _, v := range m.variants {
		w.checkVariant(m, v)
	}
}

func (w *watcher) checkVariant(m *multivariant, v variant) {
	broken := func(r Rule, format string, args ...any) { w.log.add(r, v.uri, format, args...) }
	list, err := v.attrs.text("CODECS")
	if err != nil || list == "" {
		broken(RuleVariant, "no CODECS")
	}
	video := hasVideo(list)
	required := []string{"BANDWIDTH", "AVERAGE-BANDWIDTH"}
	if video {
		required = append(required, "RESOLUTION", "FRAME-RATE")
	}
	for _, name := range required {
		if value, err := v.attrs.word(name); err != nil || value == "" {
			broken(RuleVariant, "no %s", name)
		}
	}
	f := w.follower(v.uri)
	if f == nil {
		return
	}
	for _, t := range f.tracks() {
		if list != "" && !strings.Contains(strings.ToLower(list), t.codec) && !(t.codec == "hvc1" && strings.Contains(list, "hev1")) {
			broken(RuleVariant, "CODECS %q without the %s of its init segment", list, t.codec)
		}
		if size := v.attrs["RESOLUTION"].value; t.width > 0 && size != "" && size != fmt.Sprintf("%dx%d", t.width, t.height) {
			broken(RuleVariant, "RESOLUTION %s, its media is %dx%d", size, t.width, t.height)
		}
	}
	w.checkBandwidth(m, v, f, broken)
}

// checkBandwidth compares BANDWIDTH with the measured peak of the variant and of
// its loudest audio rendition, with a tolerance of 10 %.
func (w *watcher) checkBandwidth(m *multivariant, v variant, f *follower, broken reporter) {
	peak := f.peakBPS()
	var audio int64
	for _, r := range m.audio {
		if o := w.follower(r.uri); o != nil && o != f && r.group == v.audio {
			audio = max(audio, o.peakBPS())
		}
	}
	told, err := strconv.ParseInt(v.attrs["BANDWIDTH"].value, 10, 64)
	if err != nil || peak == 0 {
		return
	}
	if told*110/100 < peak+audio {
		broken(RuleBandwidth, "BANDWIDTH %d, measured %d", told, peak+audio)
	}
	if average, err := strconv.ParseInt(v.attrs["AVERAGE-BANDWIDTH"].value, 10, 64); err == nil && average > told {
		broken(RuleBandwidth, "AVERAGE-BANDWIDTH %d above BANDWIDTH %d", average, told)
	}
}

// tracks lists the tracks of the newest init segment in use.
func (f *follower) tracks() []*track {
	var out []*track
	if f.media.cur != nil {
		for _, t := range f.media.cur.tracks {
			out = append(out, t)
		}
	}
	return out
}

func hasVideo(list string) bool {
	for c := range strings.SplitSeq(list, ",") {
		for _, prefix := range []string{"avc1", "avc3", "hvc1", "hev1", "av01", "vp09"} {
			if strings.HasPrefix(strings.TrimSpace(c), prefix) {
				return true
			}
		}
	}
	return false
}
