package hls

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"sync"
	"time"
)

// rendering is a media playlist as it was at one version, for all who ask for it.
type rendering struct {
	version   uint64
	structure uint64
	full      body
	delta     body // what a client gets that knows the rest; empty when all is needed
}

// body is a text that is compressed at most once.
type body struct {
	plain []byte
	tag   string // without quotes; empty for one that nobody keeps

	once   sync.Once
	zipped []byte
}

// gzipped returns the text compressed by a *gzip.Writer of writers.
func (b *body) gzipped(writers *sync.Pool) []byte {
	b.once.Do(func() {
		z, ok := writers.Get().(*gzip.Writer)
		if !ok {
			return
		}
		defer writers.Put(z)
		var out bytes.Buffer
		z.Reset(&out)
		if _, err := z.Write(b.plain); err == nil && z.Close() == nil {
			b.zipped = out.Bytes()
		}
	})
	return b.zipped
}

// newZippers returns a pool of *gzip.Writer: one is large and slow to make.
func newZippers() *sync.Pool {
	return &sync.Pool{New: func() any {
		z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			return nil
		}
		return z
	}}
}

// render returns the rendition's media playlist of now. It renders once a change.
func (r *rendition) render() *rendering {
	if r.shown != nil && r.shown.version == r.version && r.shown.structure == r.st.variants {
		return r.shown
	}
	shown := &rendering{version: r.version, structure: r.st.variants}
	tag := r.name + "-" + strconv.FormatUint(r.version, 36) + "." + strconv.FormatUint(r.st.variants, 36)
	shown.full.plain = r.appendPlaylist(make([]byte, 0, 8192), 0)
	shown.full.tag = tag
	if skip := r.skippable(); skip > 0 {
		shown.delta.plain = r.appendPlaylist(make([]byte, 0, 4096), skip)
		shown.delta.tag = tag + "-delta"
	}
	r.shown = shown
	return shown
}

// skipBoundary is CAN-SKIP-UNTIL: what is older a delta update leaves out.
// RFC 8216bis 4.4.3.8: at least six target durations.
func (st *Stream) skipBoundary() time.Duration { return 6 * st.targetDuration() }

// skippable returns how many segments a delta update leaves out.
func (r *rendition) skippable() int {
	if r.st.ended {
		return 0
	}
	var newer time.Duration
	if r.cur != nil {
		newer = r.cur.duration
	}
	for i := len(r.segs) - 1; i >= r.listed; i-- {
		if !r.segs[i].closed {
			continue
		}
		if newer >= r.st.skipBoundary() {
			return i + 1 - r.listed
		}
		newer += r.segs[i].duration
	}
	return 0
}

// ready says whether the playlist may be shown: it has a segment, and the durations
// that never change are known.
func (r *rendition) ready() bool {
	if r.st.target == 0 || r.st.partTarget == 0 {
		return false
	}
	for _, seg := range r.segs[r.listed:] {
		if seg.closed && !seg.gap {
			return true
		}
	}
	return false
}

// appendPlaylist appends the media playlist without its first skip segments.
// RFC 8216bis 4.4.
func (r *rendition) appendPlaylist(b []byte, skip int) []byte {
	st := r.st
	segs := r.segs[r.listed:]
	b = r.appendHead(b, segs)
	live := !st.ended
	low := live && !st.server.cfg.Plain
	var known *initSegment
	if skip > 0 {
		b = append(b, "#EXT-X-SKIP:SKIPPED-SEGMENTS="...)
		b = strconv.AppendInt(b, int64(skip), 10)
		b = append(b, '\n')
		for _, seg := range segs[:skip] {
			if seg.init != nil {
				known = seg.init
			}
		}
	}
	var newer time.Duration // from the end of a segment to the end of the playlist
	for _, seg := range segs[skip:] {
		newer += seg.duration
	}
	for _, seg := range segs[skip:] {
		newer -= seg.duration
		if !seg.closed && (!low || len(seg.parts) == 0) {
			break
		}
		if seg.discontinuity {
			b = append(b, "#EXT-X-DISCONTINUITY\n"...)
		}
		if seg.init != nil && seg.init != known {
			known = seg.init
			b = append(b, "#EXT-X-MAP:URI=\""...)
			b = st.appendName(b, 'i', known.number)
			b = append(b, "\"\n"...)
		}
		b = append(b, "#EXT-X-PROGRAM-DATE-TIME:"...)
		b = seg.pdt.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
		b = append(b, '\n')
		if seg.gap {
			b = append(b, "#EXT-X-GAP\n"...)
		}
		// RFC 8216bis 4.4.4.9: parts only within three target durations of the end.
		if low && newer < 3*st.targetDuration() {
			b = r.appendParts(b, seg)
		}
		if seg.closed {
			b = append(b, "#EXTINF:"...)
			b = appendSeconds(b, seg.duration)
			b = append(b, ",\n"...)
			b = st.appendName(b, 's', seg.msn)
			b = append(b, '\n')
		}
	}
	switch {
	case !live:
		b = append(b, "#EXT-X-ENDLIST\n"...)
	case low:
		b = append(b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""...)
		b = st.appendName(b, 'p', r.nextPart)
		b = append(b, "\"\n"...)
		b = r.appendReports(b)
	}
	return b
}

func (r *rendition) appendHead(b []byte, segs []*segment) []byte {
	st := r.st
	target := int64(st.targetDuration() / time.Second)
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, target, 10)
	b = append(b, '\n')
	if !st.ended {
		b = append(b, "#EXT-X-SERVER-CONTROL:"...)
		if !st.server.cfg.Plain {
			b = append(b, "CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK="...)
			b = appendSeconds(b, 3*st.partTarget)
			b = append(b, ',')
		}
		if st.server.cfg.Window > st.skipBoundary() {
			b = append(b, "CAN-SKIP-UNTIL="...)
			b = strconv.AppendInt(b, 6*target, 10)
			b = append(b, ',')
		}
		b = append(b, "HOLD-BACK="...)
		b = strconv.AppendInt(b, 3*target, 10)
		b = append(b, '\n')
		if !st.server.cfg.Plain {
			b = append(b, "#EXT-X-PART-INF:PART-TARGET="...)
			b = appendSeconds(b, st.partTarget)
			b = append(b, '\n')
		}
	}
	independent := true
	for _, seg := range segs {
		independent = independent && seg.independent
	}
	if independent {
		b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	if len(segs) == 0 {
		return b
	}
	b = append(b, "#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendInt(b, int64(segs[0].msn), 10)
	b = append(b, '\n')
	gone := segs[0].discontinuous
	if segs[0].discontinuity {
		gone--
	}
	if gone > 0 {
		b = append(b, "#EXT-X-DISCONTINUITY-SEQUENCE:"...)
		b = strconv.AppendInt(b, int64(gone), 10)
		b = append(b, '\n')
	}
	return b
}

func (r *rendition) appendParts(b []byte, seg *segment) []byte {
	for i := range seg.parts {
		p := &seg.parts[i]
		b = append(b, "#EXT-X-PART:DURATION="...)
		b = appendSeconds(b, p.duration)
		b = append(b, ",URI=\""...)
		b = r.st.appendName(b, 'p', seg.firstPart+i)
		b = append(b, '"')
		if p.independent {
			b = append(b, ",INDEPENDENT=YES"...)
		}
		if p.gap {
			b = append(b, ",GAP=YES"...)
		}
		b = append(b, '\n')
	}
	return b
}

// appendReports appends what the other renditions have by now. RFC 8216bis 4.4.5.4.
func (r *rendition) appendReports(b []byte) []byte {
	for _, o := range r.st.renditions {
		if o == r || !o.ready() {
			continue
		}
		last := o.shownLast()
		b = append(b, "#EXT-X-RENDITION-REPORT:URI=\"../"...)
		b = append(b, o.name...)
		b = append(b, "/index.m3u8\",LAST-MSN="...)
		b = strconv.AppendInt(b, int64(last.msn), 10)
		if n := len(last.parts); n > 0 {
			b = append(b, ",LAST-PART="...)
			b = strconv.AppendInt(b, int64(n-1), 10)
		}
		b = append(b, '\n')
	}
	return b
}

// appendName appends the file name of init segment, segment or part number n.
func (st *Stream) appendName(b []byte, kind byte, n int) []byte {
	b = append(b, st.token...)
	b = append(b, '-', kind)
	b = strconv.AppendInt(b, int64(n), 10)
	if kind == 'i' {
		return append(b, ".mp4"...)
	}
	return append(b, ".m4s"...)
}

// appendSeconds appends d in seconds with five decimals, the declared grid.
func appendSeconds(b []byte, d time.Duration) []byte {
	units := int64(d / declaredGrid)
	b = strconv.AppendInt(b, units/100000, 10)
	rest := units % 100000
	b = append(b, '.')
	for scale := int64(10000); scale > 0; scale /= 10 {
		b = append(b, byte('0'+rest/scale%10))
	}
	return b
}
