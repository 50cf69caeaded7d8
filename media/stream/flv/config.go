package flv

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"bandstand/media/stream"
)

// adopt makes the parameter sets found in the stream the current ones, unless they
// are known. The track changes with them, as soon as there is one of each kind.
func (v *Video) adopt(found *paramSets) error {
	if v.sets.holds(found) {
		return nil
	}
	next := v.sets
	next.replace(found)
	if !next.complete(v.codec) {
		v.sets = next
		return nil
	}
	if err := v.describe(&next); err != nil {
		return err
	}
	v.sets = next
	return nil
}

// describe sets the track from the first SPS of p.
func (v *Video) describe(p *paramSets) error {
	if v.codec == stream.H264 {
		var sps h264.SPS
		if err := sps.Unmarshal(p[1][0]); err != nil {
			return unsupported("H.264 parameters cannot be read: %v", err)
		}
		return v.setTrack(sps.Width(), sps.Height(), sps.FPS(), p.first(v.codec))
	}
	var sps h265.SPS
	if err := sps.Unmarshal(p[1][0]); err != nil {
		return unsupported("HEVC parameters cannot be read: %v", err)
	}
	return v.setTrack(sps.Width(), sps.Height(), sps.FPS(), p.first(v.codec))
}

// configAVC reads an AVCDecoderConfigurationRecord. ISO/IEC 14496-15 5.3.3.1.
func (v *Video) configAVC(b []byte) error {
	if len(b) < 7 {
		return unsupported("H.264 configuration is cut short")
	}
	if err := v.setLengthSize(b[4]); err != nil {
		return err
	}
	var found paramSets
	rest, err := found.read(nalSPS, int(b[5]&0x1f), b[6:])
	if err == nil && len(rest) > 0 {
		_, err = found.read(nalPPS, int(rest[0]), rest[1:])
	}
	if err != nil {
		return unsupported("H.264 configuration cannot be read")
	}
	return v.adopt(&found)
}

// configHEVC reads an HEVCDecoderConfigurationRecord. ISO/IEC 14496-15 8.3.3.1.
func (v *Video) configHEVC(b []byte) error {
	if len(b) < 23 {
		return unsupported("HEVC configuration is cut short")
	}
	if err := v.setLengthSize(b[21]); err != nil {
		return err
	}
	var found paramSets
	arrays := int(b[22])
	b = b[23:]
	for range arrays {
		if len(b) < 3 {
			return unsupported("HEVC configuration is cut short")
		}
		kind := kindOf(stream.HEVC, []byte{b[0] & 0x3f << 1})
		var err error
		if b, err = found.read(kind, int(binary.BigEndian.Uint16(b[1:])), b[3:]); err != nil {
			return unsupported("HEVC configuration cannot be read")
		}
	}
	return v.adopt(&found)
}

// setLengthSize takes lengthSizeMinusOne from the lowest bits of b.
func (v *Video) setLengthSize(b byte) error {
	switch size := int(b&3) + 1; size {
	case 1, 2, 4:
		v.lengthSize = size
		return nil
	default:
		return unsupported("NAL units with lengths of %d bytes are not supported", size)
	}
}

// read takes n units, each behind a 16-bit length, from b and adds those that are
// parameter sets. It returns what is behind them.
func (p *paramSets) read(kind nalKind, n int, b []byte) ([]byte, error) {
	for range n {
		if len(b) < 2 {
			return nil, errShort
		}
		size := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if size > len(b) {
			return nil, errShort
		}
		if size > 0 && kind >= nalVPS {
			if err := p.add(kind, b[:size:size]); err != nil {
				return nil, err
			}
		}
		b = b[size:]
	}
	return b, nil
}
