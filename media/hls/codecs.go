package hls

import (
	"github.com/bluenviron/gohlslib/v2/pkg/codecparams"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"bandstand/media/stream"
)

// codecString returns what CODECS says about t (RFC 6381); empty when its
// parameters do not tell.
func codecString(t *stream.Track) string {
	if t.Codec != stream.Opus && len(t.Params) == 0 {
		return ""
	}
	switch t.Codec {
	case stream.H264:
		return codecparams.Marshal(&codecs.H264{SPS: t.Params[0]})
	case stream.HEVC:
		if len(t.Params) < 2 {
			return ""
		}
		return codecparams.Marshal(&codecs.H265{SPS: t.Params[1]})
	case stream.AV1:
		return codecparams.Marshal(&codecs.AV1{SequenceHeader: bareOBU(t.Params[0])})
	case stream.AAC:
		var conf mpeg4audio.AudioSpecificConfig
		if conf.Unmarshal(t.Params[0]) != nil {
			return "mp4a.40.2"
		}
		return codecparams.Marshal(&codecs.MPEG4Audio{Config: conf})
	case stream.Opus:
		return "opus"
	}
	return ""
}

// pictureSize returns t's width and height in pixels, from its SPS when it does
// not declare them; zero when unknown.
func pictureSize(t *stream.Track) (width, height int) {
	if t.Width > 0 && t.Height > 0 {
		return t.Width, t.Height
	}
	switch {
	case t.Codec == stream.H264 && len(t.Params) > 0:
		var sps h264.SPS
		if sps.Unmarshal(t.Params[0]) == nil {
			return sps.Width(), sps.Height()
		}
	case t.Codec == stream.HEVC && len(t.Params) > 1:
		var sps h265.SPS
		if sps.Unmarshal(t.Params[1]) == nil {
			return sps.Width(), sps.Height()
		}
	}
	return 0, 0
}
