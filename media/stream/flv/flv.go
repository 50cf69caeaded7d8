// Package flv reads what FLV tags and RTMP messages carry: audio and video bodies,
// legacy and Enhanced RTMP, and the FLV container around them.
package flv

import (
	"errors"
	"fmt"
	"time"

	"bandstand/media/stream"
)

// Tag and message types. FLV and RTMP number them alike.
const (
	TypeAudio  = 8
	TypeVideo  = 9
	TypeScript = 18
)

// Limits on what one message may hold.
const (
	maxDimension = 8192 // width or height, in pixels
	maxNALs      = 2048 // NAL units, or OBUs, in one access unit
	maxSets      = 64   // parameter sets of one kind
	maxSetSize   = 8192 // bytes of one parameter set
	maxAudioSize = 64 << 10
	maxFrameRate = 300
	maxCTS       = 10 * time.Second
)

// Unit is what one message brings. The zero Unit brings nothing of interest.
type Unit struct {
	// Track is set by a message that changes the codec parameters: it holds for this
	// message's Payload, if any, and for all that follow.
	Track *stream.Track

	// Payload is one access unit in ISO BMFF sample format, nil if there is none. It
	// may share memory with the message.
	Payload []byte

	Key bool          // decodes alone, as the bitstream says
	CTS time.Duration // presentation time minus decoding time
}

// UnsupportedError says that the publisher cannot be served as it is. Its text is
// for whoever set up the encoder. After any other error of this package only the
// message at hand is useless.
type UnsupportedError struct{ text string }

// Error returns the text.
func (e *UnsupportedError) Error() string { return e.text }

func unsupported(format string, args ...any) error {
	return &UnsupportedError{text: fmt.Sprintf(format, args...)}
}

var (
	errShort     = errors.New("flv: message is cut short")
	errMalformed = errors.New("flv: malformed access unit")
	errTooMany   = errors.New("flv: too many units in one message")
	errTooLarge  = errors.New("flv: message is too large")
)

// maxModifiers bounds the ModEx headers of one Enhanced RTMP message.
const maxModifiers = 8

// Packet types that Enhanced RTMP numbers alike for audio and video.
const (
	packetSequenceStart = 0
	packetCodedFrames   = 1
	packetSequenceEnd   = 2
	packetModEx         = 7
)

// skipModEx passes over the modifiers in front of the body: nothing that they say
// (nanosecond offsets) is of use here. It returns the packet type behind them.
// Enhanced RTMP v2, "Extended AudioTagHeader", "Extended VideoTagHeader".
func skipModEx(kind byte, b []byte) (byte, []byte, error) {
	for range maxModifiers {
		if kind != packetModEx {
			return kind, b, nil
		}
		if len(b) < 1 {
			return 0, nil, errShort
		}
		size := int(b[0]) + 1
		b = b[1:]
		if size == 256 {
			if len(b) < 2 {
				return 0, nil, errShort
			}
			size = int(b[0])<<8 + int(b[1]) + 1
			b = b[2:]
		}
		if len(b) < size+1 {
			return 0, nil, errShort
		}
		kind = b[size] & 0x0f
		b = b[size+1:]
	}
	return 0, nil, errTooMany
}

func checkDimensions(width, height int) error {
	if width <= 0 || height <= 0 || width > maxDimension || height > maxDimension {
		return unsupported("video of %d x %d pixels is not supported: at most %d x %d",
			width, height, maxDimension, maxDimension)
	}
	return nil
}

// plausible returns rate, or zero if no camera runs at it.
func plausible(rate float64) float64 {
	if rate >= 1 && rate <= maxFrameRate {
		return rate
	}
	return 0
}
