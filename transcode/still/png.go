package still

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
)

const (
	maxChunks       = 20_000 // of a PNG or WebP
	maxProfileBytes = 1 << 20
)

// inspectPNG walks the chunks of a PNG and returns where they end.
func inspectPNG(data []byte, l Limits) (*file, int, error) {
	f := &file{Info: Info{Format: PNG}, data: data}
	at := 8
	for n := range maxChunks {
		if len(data)-at < 12 {
			return nil, 0, ErrBroken
		}
		length := int64(binary.BigEndian.Uint32(data[at:]))
		if length > int64(len(data)-at-12) {
			return nil, 0, ErrBroken
		}
		name, body := string(data[at+4:at+8]), data[at+8:at+8+int(length)]
		at += 12 + int(length)
		if (n == 0) != (name == "IHDR") {
			return nil, 0, ErrBroken
		}
		switch name {
		case "IHDR":
			if err := f.header(body, l); err != nil {
				return nil, 0, err
			}
		case "acTL":
			f.Animated = true
		case "eXIf":
			f.Orientation = orientation(body)
		case "iCCP":
			f.profile = inflateProfile(body)
		case "IEND":
			return f, at, nil
		}
	}
	return nil, 0, ErrBroken
}

// header reads an IHDR. PNG specification 11.2.1.
func (f *file) header(body []byte, l Limits) error {
	if len(body) != 13 {
		return ErrBroken
	}
	width, height := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if width > 1<<30 || height > 1<<30 {
		return ErrPixels
	}
	f.Width, f.Height = int(width), int(height)
	if err := checkSize(f.Width, f.Height, l); err != nil {
		return err
	}
	each := int64(4) // bytes a pixel
	if body[9] == 3 {
		each = 1 // of a palette
	}
	if body[8] == 16 {
		each = 8
	}
	if body[12] != 0 {
		each *= 2 // interlaced: its passes are decoded one by one
	}
	f.memory = int64(f.Width) * int64(f.Height) * each
	return nil
}

// inflateProfile returns the profile in an iCCP; nil if there is none that is good.
func inflateProfile(body []byte) []byte {
	_, packed, ok := bytes.Cut(body, []byte{0})
	if !ok || len(packed) < 1 || packed[0] != 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(packed[1:]))
	if err != nil {
		return nil
	}
	profile, err := io.ReadAll(io.LimitReader(z, maxProfileBytes))
	if err != nil {
		return nil
	}
	return profile
}
