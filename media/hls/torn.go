package hls

import "time"

// tear ends what r has before its segment does, as when an encoder dies. Frames of an
// unfinished part are dropped: parts that end early are only allowed at the end of a
// segment. What the segment lacks is declared as soon as the leader has closed it.
func (r *rendition) tear() {
	seg := r.cur
	clear(r.pending)
	r.pending = r.pending[:0]
	r.cur = nil
	switch {
	case seg == nil:
		return
	case len(seg.parts) == 0:
		r.segs = r.segs[:len(r.segs)-1]
		return
	}
	r.torn = seg
	if sl := r.st.slot(seg.msn); sl == nil {
		r.mend(seg.duration)
	} else if sl.closed {
		r.mend(sl.duration)
	}
}

// mend closes the torn segment at the leader's duration. Parts that are missing are
// gaps, and so is the segment as a whole. RFC 8216bis 4.4.4.9: a part with GAP=YES
// makes its segment one.
func (r *rendition) mend(duration time.Duration) {
	seg := r.torn
	if seg == nil {
		return
	}
	r.torn = nil
	lack := duration - seg.duration
	if lack > declaredLag {
		seg.gap = true
		for ; lack > 0; lack = duration - seg.duration {
			d := min(lack, r.st.partTarget)
			seg.parts = append(seg.parts, part{duration: d, gap: true})
			seg.duration += d
			r.declared += d
			r.nextPart++
		}
	}
	r.close(seg)
}
