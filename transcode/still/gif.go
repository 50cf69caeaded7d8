package still

import "encoding/binary"

// inspectGIF walks the blocks of a GIF and returns where they end.
func inspectGIF(data []byte, l Limits) (*file, int, error) {
	if len(data) < 13 {
		return nil, 0, ErrBroken
	}
	screenWidth, screenHeight := int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
	if err := checkSize(screenWidth, screenHeight, l); err != nil {
		return nil, 0, err
	}
	f := &file{Info: Info{Format: GIF}, data: data}
	at := 13 + colors(data[10])
	frames := 0
	for at < len(data) {
		switch data[at] {
		case ';':
			if frames == 0 {
				return nil, 0, ErrBroken
			}
			f.Animated = frames > 1
			return f, at + 1, nil
		case '!':
			at += 2
		case ',':
			if len(data)-at < 11 {
				return nil, 0, ErrBroken
			}
			frames++
			if frames == 1 {
				x, y := int(binary.LittleEndian.Uint16(data[at+1:])), int(binary.LittleEndian.Uint16(data[at+3:]))
				f.Width, f.Height = int(binary.LittleEndian.Uint16(data[at+5:])), int(binary.LittleEndian.Uint16(data[at+7:]))
				if x+f.Width > screenWidth || y+f.Height > screenHeight || f.Width == 0 || f.Height == 0 {
					return nil, 0, ErrBroken
				}
				f.memory = 2 * int64(f.Width) * int64(f.Height)
			}
			at += 10 + colors(data[at+9]) + 1
		default:
			return nil, 0, ErrBroken
		}
		var ok bool
		if at, ok = skipBlocks(data, at); !ok {
			return nil, 0, ErrBroken
		}
	}
	return nil, 0, ErrBroken
}

// colors returns the bytes of the table of colours that flags announce.
func colors(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// skipBlocks returns where the blocks at at end.
func skipBlocks(data []byte, at int) (int, bool) {
	for at < len(data) {
		length := int(data[at])
		at += 1 + length
		if length == 0 {
			return at, true
		}
	}
	return 0, false
}
