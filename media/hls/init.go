package hls

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"bandstand/media/stream"
)

// trackID is the number of the only track of every rendition.
const trackID = 1

// initSegment is what a decoder needs before the segments of one epoch.
type initSegment struct {
	number int // in its rendition, from 0
	data   []byte
}

// marshalInit returns the init segment of t.
func marshalInit(t *stream.Track) ([]byte, error) {
	codec, err := mp4Codec(t)
	if err != nil {
		return nil, fmt.Errorf("hls: %s track: %w", t.Codec, err)
	}
	var b seekablebuffer.Buffer
	err = fmp4.Init{Tracks: []*fmp4.InitTrack{{
		ID:        trackID,
		TimeScale: uint32(t.ClockRate),
		Codec:     codec,
	}}}.Marshal(&b)
	if err != nil {
		return nil, fmt.Errorf("hls: init segment of %s track: %w", t.Codec, err)
	}
	return b.Bytes(), nil
}

var errParams = errors.New("codec parameters are incomplete")

// mp4Codec describes t to mediacommon.
func mp4Codec(t *stream.Track) (codecs.Codec, error) {
	need := map[stream.Codec]int{stream.H264: 2, stream.HEVC: 3, stream.AV1: 1, stream.AAC: 1}[t.Codec]
	if len(t.Params) < need {
		return nil, errParams
	}
	switch t.Codec {
	case stream.H264:
		return &codecs.H264{SPS: t.Params[0], PPS: t.Params[1]}, nil
	case stream.HEVC:
		return &codecs.H265{VPS: t.Params[0], SPS: t.Params[1], PPS: t.Params[2]}, nil
	case stream.AV1:
		return &codecs.AV1{SequenceHeader: bareOBU(t.Params[0])}, nil
	case stream.AAC:
		var conf mpeg4audio.AudioSpecificConfig
		if err := conf.Unmarshal(t.Params[0]); err != nil {
			return nil, err
		}
		return &codecs.MPEG4Audio{Config: conf}, nil
	case stream.Opus:
		return &codecs.Opus{ChannelCount: t.Channels}, nil
	default:
		return nil, errors.New("codec is not supported")
	}
}

// bareOBU returns an OBU without its size field, as mediacommon wants it.
func bareOBU(obu []byte) []byte {
	var units av1.Bitstream
	if len(obu) > 0 && obu[0]&0x02 != 0 && units.Unmarshal(obu) == nil && len(units) > 0 {
		return units[0]
	}
	return obu
}
