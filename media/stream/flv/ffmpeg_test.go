package flv_test

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"
)

type parsed struct {
	video, audio []*stream.Track
	units        []flv.Unit // of video
	frames       int        // of audio
}

func parse(t *testing.T, tags []flv.Tag) parsed {
	t.Helper()
	var p parsed
	var v flv.Video
	var a flv.Audio
	for _, tag := range tags {
		switch tag.Type {
		case flv.TypeVideo:
			u, err := v.Parse(tag.Body)
			require.NoError(t, err)
			if u.Track != nil {
				p.video = append(p.video, u.Track)
			}
			if u.Payload != nil {
				p.units = append(p.units, u)
			}
		case flv.TypeAudio:
			u, err := a.Parse(tag.Body)
			require.NoError(t, err)
			if u.Track != nil {
				p.audio = append(p.audio, u.Track)
			}
			if u.Payload != nil {
				require.True(t, u.Key)
				p.frames++
			}
		}
	}
	return p
}

func keys(units []flv.Unit) (at []int) {
	for i, u := range units {
		if u.Key {
			at = append(at, i)
		}
	}
	return at
}

func TestH264AndAACFromFFmpeg(t *testing.T) {
	t.Parallel()
	p := parse(t, flvtest.Clip(t, flvtest.PictureAndTone("2")...))
	require.Len(t, p.video, 1)
	track := p.video[0]
	require.Equal(t, stream.H264, track.Codec)
	require.Equal(t, 90000, track.ClockRate)
	require.Equal(t, []int{320, 180}, []int{track.Width, track.Height})
	require.InDelta(t, 30, track.FrameRate, 0.01)
	require.Len(t, track.Params, 2)
	require.Len(t, p.units, 60)
	require.Equal(t, []int{0, 30}, keys(p.units))
	require.Len(t, p.audio, 1)
	require.Equal(t, stream.AAC, p.audio[0].Codec)
	require.Equal(t, []int{48000, 2, 1024},
		[]int{p.audio[0].ClockRate, p.audio[0].Channels, p.audio[0].FrameSamples})
	require.InDelta(t, 94, p.frames, 3)
}

func TestKeyframesCarryParametersOnce(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]string{"left out": "0", "in band": "1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := flvtest.Picture("1", "libx264", "-g", "10", "-x264-params", "repeat-headers="+headers)
			p := parse(t, flvtest.Clip(t, args...))
			require.Equal(t, []int{0, 10, 20}, keys(p.units))
			for i, u := range p.units {
				want := 0
				if u.Key {
					want = 1
				}
				require.Equal(t, want, bytes.Count(u.Payload, p.video[0].Params[0]), "SPS in frame %d", i)
				require.Equal(t, want, bytes.Count(u.Payload, p.video[0].Params[1]), "PPS in frame %d", i)
			}
		})
	}
}

func TestBFramesHaveCompositionOffsets(t *testing.T) {
	t.Parallel()
	p := parse(t, flvtest.Clip(t, flvtest.Picture("1", "libx264", "-bf", "3", "-g", "30")...))
	offsets := map[time.Duration]bool{}
	for _, u := range p.units {
		offsets[u.CTS] = true
	}
	require.Greater(t, len(offsets), 2, "composition offsets %v", offsets)
}

func TestHEVCAndAV1AsEnhancedRTMP(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		codec    stream.Codec
		params   int
		annexB   string // ffmpeg's name of the raw stream
		encoding []string
	}{
		"HEVC": {stream.HEVC, 3, "hevc", []string{
			"libx265", "-preset", "ultrafast", "-g", "10", "-tag:v", "hvc1", "-x265-params", "log-level=none:open-gop=0:bframes=0:scenecut=0",
		}},
		"AV1": {stream.AV1, 1, "obu", []string{"libaom-av1", "-cpu-used", "8", "-g", "10", "-usage", "realtime"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := parse(t, flvtest.Enhanced(t, flvtest.Picture("1", test.encoding...)...))
			require.Len(t, p.video, 1)
			track := p.video[0]
			require.Equal(t, test.codec, track.Codec)
			require.Equal(t, []int{320, 180}, []int{track.Width, track.Height})
			require.Len(t, track.Params, test.params)
			require.Len(t, p.units, 30)
			require.Equal(t, []int{0, 10, 20}, keys(p.units))
			require.Equal(t, 30, decodable(t, test.annexB, p.units))
		})
	}
}

// decodable writes units as a raw stream and counts the frames that ffmpeg decodes.
func decodable(t *testing.T, format string, units []flv.Unit) int {
	t.Helper()
	var raw []byte
	for _, u := range units {
		if format == "obu" {
			raw = append(append(raw, 0x12, 0), u.Payload...)
			continue
		}
		for b := u.Payload; len(b) > 0; {
			n := int(binary.BigEndian.Uint32(b))
			raw = append(append(raw, 0, 0, 0, 1), b[4:4+n]...)
			b = b[4+n:]
		}
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", format, "-i", "pipe:0",
		"-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
	cmd.Stdin = bytes.NewReader(raw)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoError(t, err, problems.String())
	require.Empty(t, problems.String())
	return len(out) / (320 * 180)
}

func TestSamplesDecode(t *testing.T) {
	t.Parallel()
	p := parse(t, flvtest.Clip(t, flvtest.Picture("1", "libx264", "-g", "10")...))
	require.Equal(t, 30, decodable(t, "h264", p.units))
}

func TestParameterChangeInBandChangesTheTrack(t *testing.T) {
	t.Parallel()
	inBand := []string{"libx264", "-g", "10", "-x264-params", "repeat-headers=1"}
	first := flvtest.Clip(t, flvtest.Picture("1", inBand...)...)
	second := flvtest.Clip(t, append(flvtest.Picture("1", inBand...), "-s", "640x360")...)
	var frames []flv.Tag
	for _, tag := range second {
		if tag.Type == flv.TypeVideo && tag.Body[1] == 1 {
			frames = append(frames, tag)
		}
	}
	p := parse(t, append(first, frames...))
	require.Len(t, p.video, 2)
	require.Equal(t, 360, p.video[1].Height)
	require.False(t, p.video[0].Same(p.video[1]))
}
