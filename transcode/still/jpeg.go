package still

import (
	"bytes"
	"encoding/binary"
)

const (
	maxSegments = 256 // with data of applications, and comments: a JPEG has a handful
	maxScans    = 64  // each costs a pass over all pixels: a progressive JPEG has about ten
)

// jpegWalk is where a walk through a JPEG is.
type jpegWalk struct {
	*file

	at              int
	framed          bool
	segments, scans int
	profiles        [256][]byte // parts of the ICC profile, by number
}

// inspectJPEG walks the segments of a JPEG and returns where they end. ITU T.81 B.
func inspectJPEG(data []byte, l Limits) (*file, int, error) {
	w := &jpegWalk{file: &file{Info: Info{Format: JPEG}, data: data}, at: 2}
	for {
		marker, ok := w.marker()
		switch {
		case !ok:
			return nil, 0, ErrBroken
		case marker == 0xd9: // end of image
			if !w.framed || w.scans == 0 {
				return nil, 0, ErrBroken
			}
			w.profile = bytes.Join(w.profiles[:], nil)
			return w.file, w.at, nil
		case marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7): // alone
			continue
		}
		body, ok := w.body()
		if !ok {
			return nil, 0, ErrBroken
		}
		if err := w.segment(marker, body, l); err != nil {
			return nil, 0, err
		}
	}
}

// marker skips to the next marker and over it. What codes pixels is skipped too.
func (w *jpegWalk) marker() (byte, bool) {
	for {
		i := bytes.IndexByte(w.data[w.at:], 0xff)
		if i < 0 || w.at+i+1 >= len(w.data) {
			return 0, false
		}
		w.at += i + 1
		switch m := w.data[w.at]; {
		case m == 0xff: // filling
		case m == 0:
			w.at++ // a byte of pixels that looks like a marker
		default:
			w.at++
			return m, true
		}
	}
}

// body returns what is in the segment at hand.
func (w *jpegWalk) body() ([]byte, bool) {
	if len(w.data)-w.at < 2 {
		return nil, false
	}
	length := int(binary.BigEndian.Uint16(w.data[w.at:]))
	if length < 2 || length > len(w.data)-w.at {
		return nil, false
	}
	body := w.data[w.at+2 : w.at+length]
	w.at += length
	return body, true
}

func (w *jpegWalk) segment(marker byte, body []byte, l Limits) error {
	switch {
	case marker == 0xc4 || marker == 0xc8 || marker == 0xcc: // tables
	case marker >= 0xc0 && marker <= 0xcf:
		return w.frame(marker, body, l)
	case marker == 0xd8:
		return ErrBroken
	case marker == 0xda:
		w.scans++
		if w.scans > maxScans || !w.framed {
			return ErrBroken
		}
	case (marker >= 0xe0 && marker <= 0xef) || marker == 0xfe:
		w.segments++
		if w.segments > maxSegments {
			return ErrBroken
		}
		w.metadata(marker, body)
	}
	return nil
}

// frame reads the header of a frame, of which there is one. ITU T.81 B.2.2.
func (w *jpegWalk) frame(marker byte, body []byte, l Limits) error {
	if w.framed || marker > 0xc2 || len(body) < 6 || body[0] != 8 {
		return ErrBroken // more than one, lossless, hierarchical or of 12 bits
	}
	w.framed = true
	w.Height, w.Width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	if err := checkSize(w.Width, w.Height, l); err != nil {
		return err
	}
	components := int(body[5])
	if (components != 1 && components != 3 && components != 4) || len(body) != 6+3*components {
		return ErrBroken
	}
	each := int64(components) // bytes a pixel: fewer if colours are coarse, but never mind
	if components == 3 && coarse(body[6:]) {
		each = 2
	}
	if marker == 0xc2 {
		each *= 5 // progressive: there is a coefficient of 4 bytes beside each
	}
	if components == 4 {
		each += 4
	}
	w.memory = int64(w.Width) * int64(w.Height) * each
	return nil
}

// coarse reports whether there is one colour for two or four pixels.
func coarse(components []byte) bool {
	return components[1]>>4*(components[1]&15) >= 2 && components[4] == 0x11 && components[7] == 0x11
}

// metadata keeps what is wanted of data of applications: the orientation and the
// colour profile. ICC.1:2010 B.4.
func (w *jpegWalk) metadata(marker byte, body []byte) {
	const profile = "ICC_PROFILE\x00"
	switch {
	case marker == 0xe1 && bytes.HasPrefix(body, []byte(exifPrefix)):
		if w.Orientation == 0 {
			w.Orientation = orientation(body)
		}
	case marker == 0xe2 && bytes.HasPrefix(body, []byte(profile)) && len(body) > len(profile)+2:
		w.profiles[body[len(profile)]] = body[len(profile)+2:]
	}
}
