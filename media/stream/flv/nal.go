package flv

import (
	"bytes"
	"encoding/binary"

	"bandstand/media/stream"
)

// NAL unit types. ITU-T H.264 table 7-1, H.265 table 7-1.
const (
	avcIDR, avcSPS, avcPPS, avcAUD      = 5, 7, 8, 9
	hevcFirstIRAP, hevcLastIRAP         = 16, 21
	hevcVPS, hevcSPS, hevcPPS, hevcAUD  = 32, 33, 34, 35
	avcLastPicture, hevcLastPictureType = 5, 31
)

// nalKind is what matters here about a NAL unit.
type nalKind int

const (
	nalOther nalKind = iota
	nalDelimiter
	nalPicture
	nalKey // a picture that decodes alone
	nalVPS
	nalSPS
	nalPPS
)

func kindOf(codec stream.Codec, nal []byte) nalKind {
	if codec == stream.H264 {
		switch t := nal[0] & 0x1f; {
		case t == avcIDR:
			return nalKey
		case t >= 1 && t <= avcLastPicture:
			return nalPicture
		case t == avcSPS:
			return nalSPS
		case t == avcPPS:
			return nalPPS
		case t == avcAUD:
			return nalDelimiter
		}
		return nalOther
	}
	switch t := nal[0] >> 1 & 0x3f; {
	case t >= hevcFirstIRAP && t <= hevcLastIRAP:
		return nalKey
	case t <= hevcLastPictureType:
		return nalPicture
	case t == hevcVPS:
		return nalVPS
	case t == hevcSPS:
		return nalSPS
	case t == hevcPPS:
		return nalPPS
	case t == hevcAUD:
		return nalDelimiter
	}
	return nalOther
}

// splitNALs appends to dst the units of b, each behind a length of size bytes.
// repack says that b is not what a sample may hold: an empty unit, or other lengths.
func splitNALs(dst [][]byte, b []byte, size int) (units [][]byte, repack bool, err error) {
	repack = size != 4
	for len(b) > 0 {
		if len(b) < size {
			return dst, false, errMalformed
		}
		n := 0
		for _, c := range b[:size] {
			n = n<<8 | int(c)
		}
		b = b[size:]
		if n > len(b) {
			return dst, false, errMalformed
		}
		if n == 0 {
			repack = true
			continue
		}
		if len(dst) == maxNALs {
			return dst, false, errTooMany
		}
		dst = append(dst, b[:n:n])
		b = b[n:]
	}
	return dst, repack, nil
}

// nalFrame turns an H.264 or HEVC message into a sample. Parameter sets in it are
// adopted; a keyframe without all of them gets those known.
func (v *Video) nalFrame(b []byte) (payload []byte, key bool, err error) {
	units, repack, err := splitNALs(v.units[:0], b, v.lengthSize)
	v.units = units
	if err != nil {
		return nil, false, err
	}
	var picture bool
	var found paramSets
	for _, nal := range units {
		switch kind := kindOf(v.codec, nal); kind {
		case nalKey:
			key, picture = true, true
		case nalPicture:
			picture = true
		case nalVPS, nalSPS, nalPPS:
			if err := found.add(kind, nal); err != nil {
				return nil, false, err
			}
		}
	}
	if !found.empty() {
		if err := v.adopt(&found); err != nil {
			return nil, false, err
		}
	}
	switch {
	case !picture:
		return nil, false, nil
	case key && !found.complete(v.codec):
		return v.pack(units, &v.sets), key, nil
	case repack:
		return v.pack(units, nil), key, nil
	}
	return b, key, nil
}

// pack writes units as a sample. With sets, they take the place of those in units,
// behind the access unit delimiter.
func (v *Video) pack(units [][]byte, sets *paramSets) []byte {
	size := 0
	for _, nal := range units {
		size += 4 + len(nal)
	}
	if sets != nil {
		size += sets.size()
	}
	out := make([]byte, 0, size)
	for i, nal := range units {
		kind := kindOf(v.codec, nal)
		if sets != nil && i == 0 && kind != nalDelimiter {
			out = sets.appendTo(out)
		}
		if sets == nil || kind < nalVPS {
			out = appendNAL(out, nal)
		}
		if sets != nil && i == 0 && kind == nalDelimiter {
			out = sets.appendTo(out)
		}
	}
	return out
}

func appendNAL(out, nal []byte) []byte {
	return append(binary.BigEndian.AppendUint32(out, uint32(len(nal))), nal...)
}

// paramSets holds parameter sets: VPS, SPS, PPS.
type paramSets [3][][]byte

func (p *paramSets) add(kind nalKind, nal []byte) error {
	i := kind - nalVPS
	if len(nal) > maxSetSize {
		return errTooLarge
	}
	if len(p[i]) == maxSets {
		return errTooMany
	}
	p[i] = append(p[i], nal)
	return nil
}

func (p *paramSets) empty() bool { return len(p[0])+len(p[1])+len(p[2]) == 0 }

// complete says whether p has at least one set of each kind that codec needs.
func (p *paramSets) complete(codec stream.Codec) bool {
	return len(p[1]) > 0 && len(p[2]) > 0 && (len(p[0]) > 0 || codec == stream.H264)
}

// first returns one set of each kind, in the order of stream.Track's Params.
func (p *paramSets) first(codec stream.Codec) [][]byte {
	if codec == stream.H264 {
		return [][]byte{p[1][0], p[2][0]}
	}
	return [][]byte{p[0][0], p[1][0], p[2][0]}
}

// holds says whether every set of o is in p.
func (p *paramSets) holds(o *paramSets) bool {
	for i := range o {
		for _, set := range o[i] {
			if !contains(p[i], set) {
				return false
			}
		}
	}
	return true
}

func contains(sets [][]byte, set []byte) bool {
	for _, s := range sets {
		if bytes.Equal(s, set) {
			return true
		}
	}
	return false
}

// replace takes over the kinds that o has, as copies.
func (p *paramSets) replace(o *paramSets) {
	for i := range o {
		if len(o[i]) == 0 {
			continue
		}
		p[i] = nil
		for _, set := range o[i] {
			if !contains(p[i], set) {
				p[i] = append(p[i], bytes.Clone(set))
			}
		}
	}
}

func (p *paramSets) size() int {
	n := 0
	for i := range p {
		for _, set := range p[i] {
			n += 4 + len(set)
		}
	}
	return n
}

func (p *paramSets) appendTo(out []byte) []byte {
	for i := range p {
		for _, set := range p[i] {
			out = appendNAL(out, set)
		}
	}
	return out
}
