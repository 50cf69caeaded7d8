package flv

import (
	"time"

	"bandstand/media/stream"
)

// Frame and packet types of video messages.
const (
	frameCommand = 5

	packetCodedFramesX = 3
	packetMetadata     = 4
	packetMPEG2TS      = 5
	packetMultitrack   = 6

	idAVC  = 7
	idHEVC = 12 // not in the specification, but what many cameras send
)

// Video reads the video messages of one publisher, in their order. The zero Video
// is ready for the first.
type Video struct {
	// FrameRate is what the publisher declares elsewhere, zero if nothing. It fills
	// tracks whose bitstream does not say.
	FrameRate float64

	codec      stream.Codec
	track      *stream.Track // nil until the parameters are known
	lengthSize int           // bytes of the length before each NAL unit
	sets       paramSets     // H.264 and HEVC
	sequence   sequence      // AV1
	units      [][]byte      // scratch: the NAL units or OBUs of one message
}

// Parse reads the body of a video message and takes ownership of it. Frames that
// come before the codec parameters bring nothing. An *UnsupportedError means that
// the publisher cannot be served; after other errors the next message may be good.
func (v *Video) Parse(body []byte) (Unit, error) {
	if len(body) == 0 {
		return Unit{}, nil
	}
	if body[0]&0x80 != 0 {
		return v.enhanced(body)
	}
	if body[0]>>4 == frameCommand {
		return Unit{}, nil
	}
	codec, err := legacyVideo(body[0] & 0x0f)
	if err != nil {
		return Unit{}, err
	}
	if len(body) < 5 {
		return Unit{}, errShort
	}
	switch body[1] {
	case packetSequenceStart:
		return v.config(codec, body[5:])
	case packetCodedFrames:
		return v.frame(codec, signed24(body[2:]), body[5:])
	default: // end of sequence
		return Unit{}, nil
	}
}

// enhanced reads a message with a FourCC. Enhanced RTMP v1, "Extended
// VideoTagHeader".
func (v *Video) enhanced(body []byte) (Unit, error) {
	frameType, kind := body[0]>>4&7, body[0]&0x0f
	kind, body, err := skipModEx(kind, body[1:])
	if err != nil {
		return Unit{}, err
	}
	if kind == packetMetadata || frameType == frameCommand {
		return Unit{}, nil
	}
	if kind == packetMultitrack {
		return Unit{}, unsupported("multitrack video is not supported: send one video track")
	}
	if len(body) < 4 {
		return Unit{}, errShort
	}
	codec, err := fourCCVideo(string(body[:4]))
	if err != nil {
		return Unit{}, err
	}
	body = body[4:]
	switch kind {
	case packetSequenceStart:
		return v.config(codec, body)
	case packetCodedFrames:
		if codec == stream.AV1 {
			return v.frame(codec, 0, body)
		}
		if len(body) < 3 {
			return Unit{}, errShort
		}
		return v.frame(codec, signed24(body), body[3:])
	case packetCodedFramesX:
		return v.frame(codec, 0, body)
	case packetMPEG2TS:
		return Unit{}, unsupported("AV1 with an MPEG-2 TS configuration is not supported: send av1C")
	default: // end of sequence, and what later versions add
		return Unit{}, nil
	}
}

func legacyVideo(id byte) (stream.Codec, error) {
	switch id {
	case idAVC:
		return stream.H264, nil
	case idHEVC:
		return stream.HEVC, nil
	}
	names := map[byte]string{
		2: "Sorenson H.263", 3: "Screen Video", 4: "VP6", 5: "VP6 with alpha", 6: "Screen Video 2",
	}
	return "", unsupportedVideo(names[id], "number", id)
}

func fourCCVideo(cc string) (stream.Codec, error) {
	switch cc {
	case "avc1":
		return stream.H264, nil
	case "hvc1":
		return stream.HEVC, nil
	case "av01":
		return stream.AV1, nil
	}
	names := map[string]string{"vp08": "VP8", "vp09": "VP9", "vvc1": "VVC"}
	return "", unsupportedVideo(names[cc], "named", cc)
}

func unsupportedVideo(name, how string, id any) error {
	if name == "" {
		return unsupported("a video codec %s %s is not known: send H.264, HEVC or AV1", how, printable(id))
	}
	return unsupported("codec %s is not supported: send H.264, HEVC or AV1", name)
}

// config takes the decoder configuration record of the codec.
func (v *Video) config(codec stream.Codec, b []byte) (Unit, error) {
	v.become(codec)
	before := v.track
	var err error
	switch codec {
	case stream.H264:
		err = v.configAVC(b)
	case stream.HEVC:
		err = v.configHEVC(b)
	default:
		err = v.configAV1(b)
	}
	if err != nil {
		return Unit{}, err
	}
	return Unit{Track: v.changed(before)}, nil
}

// frame takes one access unit.
func (v *Video) frame(codec stream.Codec, cts time.Duration, b []byte) (Unit, error) {
	if cts > maxCTS || cts < -maxCTS {
		return Unit{}, errMalformed
	}
	v.become(codec)
	before := v.track
	payload, key, err := v.sample(b)
	clear(v.units)
	if err != nil {
		return Unit{}, err
	}
	u := Unit{Track: v.changed(before)}
	if v.track != nil && len(payload) > 0 {
		u.Payload, u.Key, u.CTS = payload, key, cts
	}
	return u, nil
}

func (v *Video) sample(b []byte) (payload []byte, key bool, err error) {
	if v.codec == stream.AV1 {
		return v.obuFrame(b)
	}
	return v.nalFrame(b)
}

// become forgets everything when the publisher changes to another codec.
func (v *Video) become(codec stream.Codec) {
	if v.codec == codec {
		return
	}
	*v = Video{FrameRate: v.FrameRate, codec: codec, lengthSize: 4, units: v.units[:0]}
}

func (v *Video) changed(before *stream.Track) *stream.Track {
	if v.track == before {
		return nil
	}
	return v.track
}

// setTrack makes a track of what the bitstream says.
func (v *Video) setTrack(width, height int, rate float64, params [][]byte) error {
	if err := checkDimensions(width, height); err != nil {
		return err
	}
	rate = plausible(rate)
	if rate == 0 {
		rate = plausible(v.FrameRate)
	}
	v.track = &stream.Track{
		Codec: v.codec, ClockRate: stream.VideoClockRate, Params: params,
		Width: width, Height: height, FrameRate: rate,
	}
	return nil
}

// signed24 reads a composition time offset, in milliseconds.
func signed24(b []byte) time.Duration {
	ms := int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8
	return time.Duration(ms) * time.Millisecond
}
