package flv

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// OBU types. AV1 specification 6.2.2.
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuFrame             = 6
)

// sequence is the AV1 sequence header in use.
type sequence struct {
	obu   []byte // without its size, as in stream.Track's Params
	sized []byte // with its size, as in samples
	still bool   // frame headers are reduced: every frame is a keyframe
}

// obu is one unit of an AV1 stream.
type obu struct {
	kind    byte
	whole   []byte // as it stands in the stream
	payload []byte
	sized   bool
}

// readOBU takes the first unit of b. One without a size is the last. AV1
// specification 5.3.
func readOBU(b []byte) (o obu, rest []byte, err error) {
	if b[0]&0x80 != 0 {
		return obu{}, nil, errMalformed
	}
	head := 1 + int(b[0]>>2&1) // the extension is one byte
	o = obu{kind: b[0] >> 3 & 0x0f, sized: b[0]&2 != 0}
	if len(b) < head {
		return obu{}, nil, errMalformed
	}
	size := len(b) - head
	if o.sized {
		var n int
		if size, n = leb128(b[head:]); n == 0 {
			return obu{}, nil, errMalformed
		}
		head += n
	}
	if size > len(b)-head {
		return obu{}, nil, errMalformed
	}
	o.whole, o.payload = b[:head+size], b[head:head+size]
	return o, b[head+size:], nil
}

// leb128 returns a number below 2^28 and the bytes that it takes, none if it is not
// one. AV1 specification 4.10.5.
func leb128(b []byte) (value, n int) {
	for i := range min(len(b), 4) {
		value |= int(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return value, i + 1
		}
	}
	return 0, 0
}

func appendLEB128(out []byte, v int) []byte {
	for v >= 0x80 {
		out = append(out, byte(v)|0x80)
		v >>= 7
	}
	return append(out, byte(v))
}

// configAV1 reads an AV1CodecConfigurationRecord. It need not hold a sequence
// header: the first keyframe does. AV1 in ISO BMFF 2.3.3.
func (v *Video) configAV1(b []byte) error {
	if len(b) < 4 || b[0] != 0x81 {
		return unsupported("AV1 configuration cannot be read")
	}
	b = b[4:]
	for n := 0; len(b) > 0; n++ {
		o, rest, err := readOBU(b)
		if err != nil || n == maxSets {
			return unsupported("AV1 configuration cannot be read")
		}
		if o.kind == obuSequenceHeader {
			return v.adoptSequence(o.payload)
		}
		b = rest
	}
	return nil
}

// adoptSequence makes payload the current sequence header, unless it is.
func (v *Video) adoptSequence(payload []byte) error {
	if v.track != nil && bytes.Equal(v.sequence.obu[1:], payload) {
		return nil
	}
	if len(payload) > maxSetSize {
		return errTooLarge
	}
	next := sequence{obu: append([]byte{obuSequenceHeader << 3}, payload...)}
	next.sized = append(appendLEB128([]byte{obuSequenceHeader<<3 | 2}, len(payload)), payload...)
	var h av1.SequenceHeader
	if err := h.Unmarshal(next.obu); err != nil {
		return unsupported("AV1 parameters cannot be read: %v", err)
	}
	next.still = h.ReducedStillPictureHeader
	if err := v.setTrack(h.Width(), h.Height(), av1FrameRate(&h), [][]byte{next.obu}); err != nil {
		return err
	}
	v.sequence = next
	return nil
}

func av1FrameRate(h *av1.SequenceHeader) float64 {
	t := h.TimingInfo
	if t == nil || !t.EqualPictureInterval || t.NumUnitsInDisplayTick == 0 {
		return 0
	}
	ticks := float64(t.NumUnitsInDisplayTick) * (float64(t.NumTicksPerPictureMinus1) + 1)
	return float64(t.TimeScale) / ticks
}

// obuFrame turns a temporal unit into a sample: without temporal delimiters, every
// OBU with its size, keyframes with a sequence header. AV1 in ISO BMFF 2.4.
func (v *Video) obuFrame(b []byte) (payload []byte, key bool, err error) {
	for len(b) >= 2 && b[0] == obuTemporalDelimiter<<3|2 && b[1] == 0 {
		b = b[2:]
	}
	var repack, hasSequence, hasFrame bool
	units := v.units[:0]
	for rest := b; len(rest) > 0; {
		var o obu
		if o, rest, err = readOBU(rest); err != nil {
			return nil, false, err
		}
		if o.kind == obuTemporalDelimiter {
			repack = true
			continue
		}
		if len(units) == maxNALs {
			return nil, false, errTooMany
		}
		units = append(units, o.whole)
		repack = repack || !o.sized
		switch o.kind {
		case obuSequenceHeader:
			hasSequence = true
			if err := v.adoptSequence(o.payload); err != nil {
				return nil, false, err
			}
		case obuFrame, obuFrameHeader:
			if !hasFrame {
				hasFrame = true
				key = v.sequence.still || shownKeyframe(o.payload)
			}
		}
	}
	v.units = units
	if !hasFrame {
		return nil, false, nil
	}
	prepend := key && !hasSequence
	if !prepend && !repack {
		return b, key, nil
	}
	return v.packOBUs(prepend), key, nil
}

// shownKeyframe reads the start of a frame header: show_existing_frame 0,
// frame_type 0, show_frame 1. AV1 specification 5.9.2.
func shownKeyframe(header []byte) bool {
	return len(header) > 0 && header[0]&0xf0 == 0x10
}

func (v *Video) packOBUs(prepend bool) []byte {
	size := len(v.sequence.sized)
	for _, u := range v.units {
		size += len(u) + 4
	}
	out := make([]byte, 0, size)
	if prepend {
		out = append(out, v.sequence.sized...)
	}
	for _, u := range v.units {
		if u[0]&2 != 0 {
			out = append(out, u...)
			continue
		}
		head := 1 + int(u[0]>>2&1)
		out = append(out, u[0]|2)
		out = append(out, u[1:head]...)
		out = appendLEB128(out, len(u)-head)
		out = append(out, u[head:]...)
	}
	return out
}
