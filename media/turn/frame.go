package turn

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	maxFrame    = 1596 // bytes; the library wants less than 1600
	stunHeader  = 20
	stunCookie  = 0x2112A442
	channelHead = 4
)

var (
	errFrame     = errors.New("neither STUN nor channel data")
	errFrameSize = errors.New("frame too large")
)

// readFrame reads one STUN message or one message of channel data from a stream
// (RFC 8656 3.2.2, 12.5) into p, which has room for maxFrame bytes. The library's own
// reader runs in circles for lengths that overflow its 16 bits.
func readFrame(r io.Reader, p []byte) (int, error) {
	if _, err := io.ReadFull(r, p[:channelHead]); err != nil {
		return 0, err
	}
	size, err := frameSize(p)
	if err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(r, p[channelHead:size]); err != nil {
		return 0, err
	}
	if isSTUN(p[0]) && binary.BigEndian.Uint32(p[4:8]) != stunCookie {
		return 0, errFrame
	}
	return size, nil
}

// frameSize returns the whole length of what begins with head.
func frameSize(head []byte) (int, error) {
	length := int(binary.BigEndian.Uint16(head[2:4]))
	var size int
	switch {
	case isSTUN(head[0]):
		if length%4 != 0 {
			return 0, errFrame
		}
		size = stunHeader + length
	case isChannel(head[0]):
		size = channelHead + (length+3)/4*4
	default:
		return 0, errFrame
	}
	if size > maxFrame {
		return 0, errFrameSize
	}
	return size, nil
}

func isSTUN(first byte) bool { return first&0xC0 == 0 }

// isChannel reports whether a message is channel data: numbers 0x4000 to 0x7FFF.
func isChannel(first byte) bool { return first&0xC0 == 0x40 }

// isRequest reports whether a datagram asks for an answer, RFC 8489 5.
func isRequest(p []byte) bool {
	return len(p) >= stunHeader && isSTUN(p[0]) && p[0]&0x01 == 0 && p[1]&0x10 == 0 &&
		binary.BigEndian.Uint32(p[4:8]) == stunCookie
}
