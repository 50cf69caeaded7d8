package still

import (
	"encoding/binary"
	"image"
	"slices"
)

// inspectWebP walks the chunks of a WebP and returns where they end. What is to be
// decoded is built anew from the chunks of its first picture alone, so that no header
// can contradict them. RFC 9649.
func inspectWebP(data []byte, l Limits) (*file, int, error) {
	size := int64(binary.LittleEndian.Uint32(data[4:]))
	if size < 4 || size > int64(len(data)-8) || size%2 != 0 {
		return nil, 0, ErrBroken
	}
	end := 8 + int(size)
	f := &file{Info: Info{Format: WebP}}
	var canvas [2]int // of an extended file
	var first webpFrame
	err := chunks(data[12:end], func(name string, body []byte) error {
		switch name {
		case "VP8X":
			if len(body) < 10 {
				return ErrBroken
			}
			canvas = [2]int{uint24(body[4:]) + 1, uint24(body[7:]) + 1}
			return checkSize(canvas[0], canvas[1], l)
		case "ANMF":
			f.Animated = true
			if first.picture != nil {
				return nil
			}
			return first.animation(body, canvas)
		case "ICCP":
			f.profile = body[:min(len(body), maxProfileBytes)]
		case "EXIF":
			f.Orientation = orientation(body)
		default:
			return first.chunk(name, body)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if err := first.measure(l); err != nil {
		return nil, 0, err
	}
	f.Width, f.Height = first.width, first.height
	if canvas[0] != 0 && !f.Animated && canvas != [2]int{f.Width, f.Height} {
		return nil, 0, ErrBroken
	}
	f.data = first.build()
	f.memory = int64(f.Width) * int64(f.Height) * first.each()
	return f, end, nil
}

// webpFrame is one picture of a WebP.
type webpFrame struct {
	lossless       bool
	picture, alpha []byte
	width, height  int
}

// animation reads the frame in an ANMF, which lies within the canvas.
func (w *webpFrame) animation(body []byte, canvas [2]int) error {
	if len(body) < 16 {
		return ErrBroken
	}
	x, y := 2*uint24(body), 2*uint24(body[3:])
	width, height := uint24(body[6:])+1, uint24(body[9:])+1
	if x+width > canvas[0] || y+height > canvas[1] {
		return ErrBroken
	}
	if err := chunks(body[16:], w.chunk); err != nil {
		return err
	}
	if gotWidth, gotHeight, ok := w.size(); !ok || gotWidth != width || gotHeight != height {
		return ErrBroken
	}
	return nil
}

// chunk keeps what is needed to decode the picture.
func (w *webpFrame) chunk(name string, body []byte) error {
	switch name {
	case "VP8 ", "VP8L":
		if w.picture != nil {
			return ErrBroken
		}
		w.picture, w.lossless = body, name == "VP8L"
	case "ALPH":
		if w.alpha != nil || w.picture != nil {
			return ErrBroken
		}
		w.alpha = body
	}
	return nil
}

func (w *webpFrame) measure(l Limits) error {
	var ok bool
	if w.width, w.height, ok = w.size(); !ok {
		return ErrBroken
	}
	return checkSize(w.width, w.height, l)
}

// size returns what the coded picture itself says. RFC 6386 9.1, RFC 9649 3.4.
func (w *webpFrame) size() (width, height int, ok bool) {
	b := w.picture
	switch {
	case w.lossless && len(b) >= 5 && b[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(b[1:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, true
	case !w.lossless && len(b) >= 10 && b[0]&1 == 0 && b[3] == 0x9d && b[4] == 0x01 && b[5] == 0x2a:
		return int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff), true
	}
	return 0, 0, false
}

// each returns the bytes that decoding takes for a pixel.
func (w *webpFrame) each() int64 {
	if w.lossless || w.alpha != nil {
		return 10 // the picture, and what it is put together from
	}
	return 2
}

// build returns a file of nothing but this picture.
func (w *webpFrame) build() []byte {
	body := []byte("WEBP")
	if !w.lossless && w.alpha != nil {
		const hasAlpha = 0x10
		extended := make([]byte, 10)
		extended[0] = hasAlpha
		putUint24(extended[4:], w.width-1)
		putUint24(extended[7:], w.height-1)
		body = appendChunk(appendChunk(body, "VP8X", extended), "ALPH", w.alpha)
	}
	if w.lossless {
		body = appendChunk(body, "VP8L", w.picture)
	} else {
		body = appendChunk(body, "VP8 ", w.picture)
	}
	return appendChunk(nil, "RIFF", body)
}

// chunks calls each for the chunks of RIFF in data.
func chunks(data []byte, each func(name string, body []byte) error) error {
	for range maxChunks {
		if len(data) == 0 {
			return nil
		}
		if len(data) < 8 {
			return ErrBroken
		}
		length := int64(binary.LittleEndian.Uint32(data[4:]))
		padded := length + length%2
		if padded > int64(len(data)-8) {
			return ErrBroken
		}
		if err := each(string(data[:4]), data[8:8+length]); err != nil {
			return err
		}
		data = data[8+padded:]
	}
	return ErrBroken
}

func appendChunk(to []byte, name string, body []byte) []byte {
	to = slices.Grow(to, 9+len(body))
	to = binary.LittleEndian.AppendUint32(append(to, name...), uint32(len(body)))
	to = append(to, body...)
	if len(body)%2 != 0 {
		to = append(to, 0)
	}
	return to
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func putUint24(b []byte, v int) { b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16) }

// fullRange makes a decoded picture what its type says. Lossy WebP keeps luma in 16 to
// 235 and chroma in 16 to 240, the decoder hands that out as it is, and Go takes it for
// 0 to 255. RFC 6386 9.2.
func fullRange(m image.Image) image.Image {
	var picture *image.YCbCr
	switch m := m.(type) {
	case *image.YCbCr:
		picture = m
	case *image.NYCbCrA:
		picture = &m.YCbCr
	default:
		return m
	}
	stretch := func(plane []byte, from, to int) {
		var stretched [256]byte
		for i := range stretched {
			stretched[i] = byte(min(max(((i-from)*255+(to-from)/2)/(to-from), 0), 255))
		}
		for i, v := range plane {
			plane[i] = stretched[v]
		}
	}
	stretch(picture.Y, 16, 235)
	stretch(picture.Cb, 16, 240)
	stretch(picture.Cr, 16, 240)
	return m
}
