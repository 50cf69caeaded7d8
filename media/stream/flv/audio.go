package flv

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"bandstand/media/stream"
)

// Sound formats and packet types of audio messages.
const (
	formatEnhanced = 9
	formatAAC      = 10

	packetMultichannel    = 4
	packetAudioMultitrack = 5
)

const (
	opusClockRate = 48000
	maxASCSize    = 64 // bytes of an AudioSpecificConfig
)

// Audio reads the audio messages of one publisher, in their order. The zero Audio
// is ready for the first.
type Audio struct {
	codec stream.Codec
	track *stream.Track // nil until the parameters are known
	asc   []byte        // what track was made of
}

// Parse reads the body of an audio message and takes ownership of it. Frames that
// come before the codec parameters bring nothing. An *UnsupportedError means that
// the publisher cannot be served; after other errors the next message may be good.
func (a *Audio) Parse(body []byte) (Unit, error) {
	if len(body) == 0 {
		return Unit{}, nil
	}
	switch format := body[0] >> 4; format {
	case formatEnhanced:
		return a.enhanced(body)
	case formatAAC:
		if len(body) < 2 {
			return Unit{}, errShort
		}
		return a.packet(stream.AAC, body[1], body[2:])
	default:
		return Unit{}, unsupportedFormat(format)
	}
}

// enhanced reads a message with a FourCC. Enhanced RTMP v2, "Extended
// AudioTagHeader".
func (a *Audio) enhanced(body []byte) (Unit, error) {
	kind, body, err := skipModEx(body[0]&0x0f, body[1:])
	if err != nil {
		return Unit{}, err
	}
	if kind == packetAudioMultitrack {
		return Unit{}, unsupported("multitrack audio is not supported: send one audio track")
	}
	if len(body) < 4 {
		return Unit{}, errShort
	}
	codec, err := fourCCAudio(string(body[:4]))
	if err != nil || kind == packetMultichannel {
		return Unit{}, err
	}
	return a.packet(codec, kind, body[4:])
}

func (a *Audio) packet(codec stream.Codec, kind byte, b []byte) (Unit, error) {
	if a.codec != codec {
		*a = Audio{codec: codec}
	}
	switch kind {
	case packetSequenceStart:
		if codec == stream.Opus {
			return a.configOpus(b)
		}
		return a.configAAC(b)
	case packetCodedFrames:
		return a.frame(b)
	default:
		return Unit{}, nil
	}
}

func (a *Audio) frame(b []byte) (Unit, error) {
	if len(b) == 0 {
		return Unit{}, nil
	}
	if len(b) > maxAudioSize {
		return Unit{}, errTooLarge
	}
	u := Unit{Payload: b, Key: true}
	if a.track == nil {
		if a.codec != stream.Opus {
			return Unit{}, nil
		}
		a.setOpus(1 + int(b[0]>>2&1)) // RFC 6716 3.1: the s bit of the TOC byte
		u.Track = a.track
	}
	return u, nil
}

// configAAC reads an AudioSpecificConfig. The track's clock is the core's sampling
// rate: HE-AAC frames hold FrameSamples of that. ISO/IEC 14496-3 1.6.2.1.
func (a *Audio) configAAC(b []byte) (Unit, error) {
	if a.track != nil && bytes.Equal(a.asc, b) {
		return Unit{}, nil
	}
	if len(b) > maxASCSize {
		return Unit{}, unsupported("AAC configuration is too long")
	}
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(b); err != nil {
		return Unit{}, unsupported("this AAC is not supported (%v): send AAC-LC", err)
	}
	channels := int(c.ChannelConfig)
	switch {
	case channels == 0:
		return Unit{}, unsupported("AAC with a channel layout of its own is not supported: send stereo")
	case channels == 7: // ISO/IEC 14496-3 table 1.19
		channels = 8
	}
	if c.SampleRate < 7350 || c.SampleRate > 96000 {
		return Unit{}, unsupported("AAC at %d Hz is not supported: send 44100 or 48000", c.SampleRate)
	}
	samples := 1024
	if c.FrameLengthFlag {
		samples = 960
	}
	a.asc = bytes.Clone(b)
	a.track = &stream.Track{
		Codec: stream.AAC, ClockRate: c.SampleRate, Params: [][]byte{a.asc},
		Channels: channels, FrameSamples: samples,
	}
	return Unit{Track: a.track}, nil
}

// configOpus reads an identification header. RFC 7845 5.1.
func (a *Audio) configOpus(b []byte) (Unit, error) {
	channels := 2
	if len(b) >= 19 && string(b[:8]) == "OpusHead" {
		channels = int(b[9])
		if channels < 1 || channels > 2 || b[18] != 0 {
			return Unit{}, unsupported("Opus with %d channels is not supported: send stereo", channels)
		}
	}
	if a.track != nil && a.track.Channels == channels {
		return Unit{}, nil
	}
	a.setOpus(channels)
	return Unit{Track: a.track}, nil
}

func (a *Audio) setOpus(channels int) {
	a.track = &stream.Track{Codec: stream.Opus, ClockRate: opusClockRate, Channels: channels}
}

func fourCCAudio(cc string) (stream.Codec, error) {
	switch cc {
	case "mp4a":
		return stream.AAC, nil
	case "Opus":
		return stream.Opus, nil
	}
	names := map[string]string{".mp3": "MP3", "ac-3": "AC-3", "ec-3": "E-AC-3", "fLaC": "FLAC"}
	if name := names[cc]; name != "" {
		return "", unsupportedAudio(name)
	}
	return "", unsupported("an audio codec named %s is not known: send AAC", printable(cc))
}

func unsupportedFormat(format byte) error {
	names := [16]string{
		"PCM", "ADPCM", "MP3", "PCM", "Nellymoser", "Nellymoser", "Nellymoser", "G.711 A-law", "G.711 mu-law",
		11: "Speex", 14: "MP3", 15: "device-specific sound",
	}
	if name := names[format]; name != "" {
		return unsupportedAudio(name)
	}
	return unsupported("an audio codec numbered %d is not known: send AAC", format)
}

func unsupportedAudio(name string) error {
	return unsupported("codec %s is not supported: send AAC", name)
}

// printable keeps what a stranger sent from breaking a log or a status text.
func printable(id any) string {
	s, ok := id.(string)
	if !ok {
		return fmt.Sprint(id)
	}
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
