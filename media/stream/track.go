// Package stream holds one live stream in memory: its tracks and packets, the
// epochs they fall into, the timeline they are mapped to, and the bounded queues
// by which consumers follow it.
package stream

import (
	"slices"
	"time"
)

// Codec names what a track's access units are coded with.
type Codec string

// The codecs that Bandstand passes through. Their access units travel in ISO BMFF
// sample format: H.264 and HEVC as NAL units with four-byte lengths, AV1 as OBUs
// with sizes and without temporal delimiters, the audio codecs as bare frames.
const (
	H264 Codec = "h264"
	HEVC Codec = "hevc"
	AV1  Codec = "av1"
	AAC  Codec = "aac"
	Opus Codec = "opus"
)

// Video says whether c codes pictures.
func (c Codec) Video() bool { return c == H264 || c == HEVC || c == AV1 }

// VideoClockRate is the clock rate, in Hz, of every video track.
const VideoClockRate = 90000

// Track describes one codec's data. It is immutable once a packet refers to it.
type Track struct {
	Codec Codec

	// ClockRate is the unit of the packets' DTS and PTS: ticks a second.
	// VideoClockRate for video, the sampling rate for audio.
	ClockRate int

	// Params is what a decoder needs before the first access unit:
	// SPS, PPS for H.264; VPS, SPS, PPS for HEVC; the sequence header OBU for AV1;
	// the AudioSpecificConfig for AAC; nothing for Opus.
	Params [][]byte

	// Video only. FrameRate is zero when the publisher does not declare it.
	Width, Height int
	FrameRate     float64

	// Audio only. FrameSamples is the number of samples that every access unit
	// holds, zero when it varies.
	Channels     int
	FrameSamples int
}

// Same says whether a decoder set up for t decodes o as well.
func (t *Track) Same(o *Track) bool {
	if t == nil || o == nil {
		return t == o
	}
	return t.Codec == o.Codec && t.ClockRate == o.ClockRate && t.Channels == o.Channels &&
		t.Width == o.Width && t.Height == o.Height &&
		slices.EqualFunc(t.Params, o.Params, func(a, b []byte) bool { return string(a) == string(b) })
}

// Duration converts ticks of t's clock to a duration, rounded to the nanosecond.
func (t *Track) Duration(ticks int64) time.Duration { return Duration(ticks, t.ClockRate) }

// Duration converts ticks of a clock of rate Hz to a duration without overflow.
func Duration(ticks int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(ticks/r)*time.Second + time.Duration(ticks%r)*time.Second/time.Duration(r)
}

// Ticks converts d to ticks of a clock of rate Hz, rounded to the nearest.
func Ticks(d time.Duration, rate int) int64 {
	r := int64(rate)
	sec, frac := int64(d/time.Second), int64(d%time.Second)
	half := int64(time.Second / 2)
	if frac < 0 {
		half = -half
	}
	return sec*r + (frac*r+half)/int64(time.Second)
}

// Format is what a publisher sends: at least one of its tracks is not nil.
type Format struct {
	Video, Audio *Track
}

// Same says whether decoders set up for f go on with o.
func (f Format) Same(o Format) bool { return f.Video.Same(o.Video) && f.Audio.Same(o.Audio) }

// Lead returns the track that segments follow: video, or audio when it is alone.
func (f Format) Lead() *Track {
	if f.Video != nil {
		return f.Video
	}
	return f.Audio
}

// Rung is the settings of one encoded rendition.
type Rung struct {
	Name         string  // "720p", unique in a ladder
	Height       int     // in pixels, even
	BitrateBPS   int     // video target and maximum
	MaxFrameRate float64 // zero keeps the source's
}
