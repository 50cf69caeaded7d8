package conform

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxPlaylistItems bounds the segments and parts of one playlist.
const maxPlaylistItems = 100_000

// part is one EXT-X-PART.
type part struct {
	uri         string
	duration    time.Duration
	independent bool
	gap         bool
}

// segment is one media segment, or the unfinished one at the end of a playlist,
// which has parts and no address yet.
type segment struct {
	msn           int64
	sequence      int64 // discontinuity sequence number
	uri           string
	duration      time.Duration
	dateTime      time.Time // zero when not told
	discontinuity bool
	gap           bool
	initURI       string
	parts         []part
}

// complete tells whether the segment has been published as a whole.
func (s *segment) complete() bool { return s.uri != "" }

// length is the published duration of a segment, finished or not.
func (s *segment) length() time.Duration {
	if s.complete() {
		return s.duration
	}
	var sum time.Duration
	for _, p := range s.parts {
		sum += p.duration
	}
	return sum
}

// position is a place in a stream: parts of segment msn that exist.
type position struct {
	msn  int64
	part int
}

func (p position) less(q position) bool {
	return p.msn < q.msn || p.msn == q.msn && p.part < q.part
}

// renditionReport is one EXT-X-RENDITION-REPORT.
type renditionReport struct {
	uri      string
	lastMSN  int64
	lastPart int64 // -1 when not told
}

// mediaPlaylist is a parsed media playlist.
type mediaPlaylist struct {
	version       int64
	target        time.Duration
	partTarget    time.Duration
	mediaSequence int64
	discSequence  int64
	canBlock      bool
	holdBack      time.Duration
	partHoldBack  time.Duration
	canSkipUntil  time.Duration
	skipped       int64
	hint          string // address of the hinted part
	reports       []renditionReport
	segments      []*segment
	ended         bool
}

// next is the position right after everything published: what a blocking reload
// asks for.
func (p *mediaPlaylist) next() position {
	if n := len(p.segments); n > 0 {
		if last := p.segments[n-1]; !last.complete() {
			return position{last.msn, len(last.parts)}
		}
	}
	return position{p.mediaSequence + p.skipped + int64(len(p.segments)), 0}
}

// finished returns the complete segments.
func (p *mediaPlaylist) finished() []*segment {
	if n := len(p.segments); n > 0 && !p.segments[n-1].complete() {
		return p.segments[:n-1]
	}
	return p.segments
}

// lowLatency tells whether the stream offers parts and blocking reloads.
func (p *mediaPlaylist) lowLatency() bool { return p.canBlock && p.partTarget > 0 }

// mediaParser holds the state between the lines of a media playlist.
type mediaParser struct {
	pl       *mediaPlaylist
	cur      *segment
	initURI  string
	sequence int64
	extinf   bool
	items    int
	seen     map[string]bool // tags that may be there only once
}

// parseMedia reads a media playlist strictly: what RFC 8216bis forbids is an
// error, unknown tags are ignored. Byte ranges are an error: nothing here makes
// them.
func parseMedia(body string) (*mediaPlaylist, error) {
	ls, err := lines(body)
	if err != nil {
		return nil, err
	}
	p := &mediaParser{pl: &mediaPlaylist{version: 1, mediaSequence: 0}, cur: &segment{}, seen: map[string]bool{}}
	for i, l := range ls {
		if err := p.line(l); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return p.finish()
}

func (p *mediaParser) line(l string) error {
	switch {
	case l == "":
		return nil
	case !strings.HasPrefix(l, "#"):
		return p.address(l)
	case !strings.HasPrefix(l, "#EXT"):
		return nil
	}
	tag, value, _ := strings.Cut(l, ":")
	if p.pl.ended && tag != "#EXT-X-RENDITION-REPORT" {
		return fmt.Errorf("%s after EXT-X-ENDLIST", tag)
	}
	if known, err := p.playlistTag(tag, value); known {
		if p.seen[tag] {
			return fmt.Errorf("%s twice", tag)
		}
		p.seen[tag] = true
		return err
	}
	return p.segmentTag(tag, value)
}

// playlistTag handles the tags that speak of the whole playlist.
func (p *mediaParser) playlistTag(tag, value string) (known bool, err error) {
	pl := p.pl
	switch tag {
	case "#EXT-X-VERSION":
		pl.version, err = parseInteger(value)
	case "#EXT-X-TARGETDURATION":
		var n int64
		n, err = parseInteger(value)
		if err == nil && (n == 0 || n > 100_000) {
			err = errors.New("absurd EXT-X-TARGETDURATION")
		}
		pl.target = time.Duration(n) * time.Second
	case "#EXT-X-MEDIA-SEQUENCE":
		pl.mediaSequence, err = p.early(tag, value)
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		pl.discSequence, err = p.early(tag, value)
		p.sequence = pl.discSequence
	case "#EXT-X-SERVER-CONTROL":
		err = p.serverControl(value)
	case "#EXT-X-PART-INF":
		var a attributes
		if a, err = parseAttributes(value); err == nil {
			pl.partTarget, err = a.seconds("PART-TARGET")
		}
		if err == nil && pl.partTarget <= 0 {
			err = errors.New("EXT-X-PART-INF without PART-TARGET")
		}
	case "#EXT-X-SKIP":
		err = p.skip(value)
	case "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-PLAYLIST-TYPE":
	case "#EXT-X-ENDLIST":
		pl.ended = true
	default:
		return false, nil
	}
	return true, err
}

// early reads a number that must come before the first segment.
func (p *mediaParser) early(tag, value string) (int64, error) {
	if p.items > 0 {
		return 0, fmt.Errorf("%s after a segment", tag)
	}
	return parseInteger(value)
}

func (p *mediaParser) serverControl(value string) error {
	a, err := parseAttributes(value)
	if err != nil {
		return err
	}
	var errs [4]error
	p.pl.canBlock, errs[0] = a.yes("CAN-BLOCK-RELOAD")
	p.pl.holdBack, errs[1] = a.seconds("HOLD-BACK")
	p.pl.partHoldBack, errs[2] = a.seconds("PART-HOLD-BACK")
	p.pl.canSkipUntil, errs[3] = a.seconds("CAN-SKIP-UNTIL")
	return errors.Join(errs[:]...)
}

func (p *mediaParser) skip(value string) error {
	a, err := parseAttributes(value)
	if err != nil {
		return err
	}
	if p.items > 0 {
		return errors.New("EXT-X-SKIP after a segment")
	}
	if p.pl.skipped, err = a.integer("SKIPPED-SEGMENTS"); err != nil {
		return err
	}
	if p.pl.skipped == 0 || p.pl.skipped > maxPlaylistItems {
		return errors.New("EXT-X-SKIP without a sane SKIPPED-SEGMENTS")
	}
	return nil
}

// segmentTag handles the tags that belong to the next segment, and those of the
// live edge.
func (p *mediaParser) segmentTag(tag, value string) error {
	switch tag {
	case "#EXTINF":
		if p.extinf {
			return errors.New("#EXTINF twice")
		}
		p.extinf = true
		seconds, _, comma := strings.Cut(value, ",")
		if !comma {
			return errors.New("#EXTINF without its comma")
		}
		var err error
		p.cur.duration, err = parseSeconds(seconds)
		return err
	case "#EXT-X-DISCONTINUITY":
		if p.cur.discontinuity || len(p.cur.parts) > 0 {
			return errors.New("EXT-X-DISCONTINUITY twice or after a part")
		}
		p.cur.discontinuity = true
		p.sequence++
		return nil
	case "#EXT-X-GAP":
		p.cur.gap = true
		return nil
	case "#EXT-X-PROGRAM-DATE-TIME":
		t, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", value)
		p.cur.dateTime = t
		return err
	case "#EXT-X-BYTERANGE":
		return errors.New("byte ranges are not expected here")
	case "#EXT-X-STREAM-INF", "#EXT-X-MEDIA":
		return fmt.Errorf("%s in a media playlist", tag)
	case "#EXT-X-MAP", "#EXT-X-PART", "#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT":
		a, err := parseAttributes(value)
		if err != nil {
			return fmt.Errorf("%s: %w", tag, err)
		}
		return p.addressTag(tag, a)
	}
	return nil
}

func (p *mediaParser) addressTag(tag string, a attributes) error {
	uri, err := a.text("URI")
	if err != nil || uri == "" {
		return fmt.Errorf("%s without URI", tag)
	}
	switch tag {
	case "#EXT-X-MAP":
		p.initURI = uri
	case "#EXT-X-PART":
		return p.part(uri, a)
	case "#EXT-X-PRELOAD-HINT":
		kind, err := a.word("TYPE")
		if err != nil || kind != "PART" && kind != "MAP" {
			return errors.New("EXT-X-PRELOAD-HINT without a known TYPE")
		}
		if kind == "PART" {
			if p.pl.hint != "" {
				return errors.New("two hinted parts")
			}
			p.pl.hint = uri
		}
	case "#EXT-X-RENDITION-REPORT":
		r := renditionReport{uri: uri, lastPart: -1}
		var err1, err2 error
		r.lastMSN, err1 = a.integer("LAST-MSN")
		if a.has("LAST-PART") {
			r.lastPart, err2 = a.integer("LAST-PART")
		}
		p.pl.reports = append(p.pl.reports, r)
		return errors.Join(err1, err2)
	}
	return nil
}

func (p *mediaParser) part(uri string, a attributes) error {
	if a.has("BYTERANGE") {
		return errors.New("byte ranges are not expected here")
	}
	n := part{uri: uri}
	var errs [3]error
	n.duration, errs[0] = a.seconds("DURATION")
	n.independent, errs[1] = a.yes("INDEPENDENT")
	n.gap, errs[2] = a.yes("GAP")
	if n.duration <= 0 {
		errs[0] = errors.New("EXT-X-PART without DURATION")
	}
	p.cur.parts = append(p.cur.parts, n)
	p.stamp()
	return errors.Join(append(errs[:], p.count())...)
}

func (p *mediaParser) count() error {
	p.items++
	if p.items > maxPlaylistItems {
		return errors.New("more segments and parts than any sane playlist")
	}
	return nil
}

// stamp gives the current segment what its place in the playlist says.
func (p *mediaParser) stamp() {
	p.cur.msn = p.pl.mediaSequence + p.pl.skipped + int64(len(p.pl.segments))
	p.cur.sequence = p.sequence
	p.cur.initURI = p.initURI
}

// address ends a segment.
func (p *mediaParser) address(uri string) error {
	if !p.extinf {
		return fmt.Errorf("address %.60q without #EXTINF", uri)
	}
	if p.pl.ended {
		return errors.New("segment after EXT-X-ENDLIST")
	}
	p.cur.uri = uri
	p.stamp()
	p.pl.segments = append(p.pl.segments, p.cur)
	p.cur, p.extinf = &segment{}, false
	return p.count()
}

func (p *mediaParser) finish() (*mediaPlaylist, error) {
	if p.extinf {
		return nil, errors.New("#EXTINF without an address after it")
	}
	if !p.seen["#EXT-X-TARGETDURATION"] {
		return nil, errors.New("no EXT-X-TARGETDURATION")
	}
	if len(p.cur.parts) > 0 {
		p.pl.segments = append(p.pl.segments, p.cur)
	}
	if p.pl.partTarget == 0 && p.hasParts() {
		return nil, errors.New("EXT-X-PART without EXT-X-PART-INF")
	}
	return p.pl, nil
}

func (p *mediaParser) hasParts() bool {
	for _, s := range p.pl.segments {
		if len(s.parts) > 0 {
			return true
		}
	}
	return false
}
