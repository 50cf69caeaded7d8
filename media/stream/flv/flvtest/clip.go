// Package flvtest makes FLV tags for tests with the real ffmpeg, also of the codecs
// that its FLV muxer may not know.
package flvtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"bandstand/media/stream/flv"
)

// Clip runs ffmpeg with args (inputs and encoders) and returns the FLV that it
// writes.
func Clip(t testing.TB, args ...string) []flv.Tag {
	t.Helper()
	out := run(t, append(args, "-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1"))
	r := flv.NewReader(bytes.NewReader(out))
	var tags []flv.Tag
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return tags
		}
		if err != nil {
			t.Fatalf("reading ffmpeg's FLV: %v", err)
		}
		tags = append(tags, tag)
	}
}

// Picture returns ffmpeg arguments for seconds of a test picture of 320 x 180.
func Picture(seconds string, encoder ...string) []string {
	return append([]string{
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-t", seconds,
		"-pix_fmt", "yuv420p", "-c:v",
	}, encoder...)
}

// PictureAndTone is Picture in H.264 with a keyframe every second, with a tone in
// AAC beside it.
func PictureAndTone(seconds string, more ...string) []string {
	return append([]string{
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", seconds,
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-c:a", "aac", "-ac", "2",
	}, more...)
}

// Enhanced runs ffmpeg with args that make one video track in HEVC or AV1, and
// returns it as Enhanced RTMP messages: SequenceStart, then CodedFrames.
func Enhanced(t testing.TB, args ...string) []flv.Tag {
	t.Helper()
	out := run(t, append(args, "-video_track_timescale", "1000",
		"-movflags", "+empty_moov+default_base_moof+frag_every_frame+delay_moov", "-f", "mp4", "pipe:1"))
	fourCC, record := record(t, out)
	tags := []flv.Tag{{Type: flv.TypeVideo, Body: slices.Concat([]byte{0x90}, []byte(fourCC), record)}}
	var parts fmp4.Parts
	if err := parts.Unmarshal(out[bytes.Index(out, []byte("moof"))-4:]); err != nil {
		t.Fatalf("reading ffmpeg's MP4: %v", err)
	}
	for _, part := range parts {
		track := part.Tracks[0]
		dts := track.BaseTime
		for _, s := range track.Samples {
			tags = append(tags, flv.Tag{
				Type: flv.TypeVideo, Time: uint32(dts), Body: codedFrame(fourCC, s),
			})
			dts += uint64(s.Duration)
		}
	}
	return tags
}

func codedFrame(fourCC string, s *fmp4.Sample) []byte {
	head := byte(0x91)
	if s.IsNonSyncSample {
		head = 0xa1
	}
	body := append([]byte{head}, fourCC...)
	if fourCC != "av01" {
		cts := binary.BigEndian.AppendUint32(nil, uint32(s.PTSOffset))
		body = append(body, cts[1:]...)
	}
	return append(body, s.Payload...)
}

// record finds the decoder configuration record of the only track.
func record(t testing.TB, mp4 []byte) (fourCC string, record []byte) {
	t.Helper()
	for box, fourCC := range map[string]string{"hvcC": "hvc1", "av1C": "av01", "avcC": "avc1"} {
		if i := bytes.Index(mp4, []byte(box)); i >= 4 {
			size := int(binary.BigEndian.Uint32(mp4[i-4:]))
			return fourCC, mp4[i+4 : i-4+size]
		}
	}
	t.Fatal("no decoder configuration in ffmpeg's MP4")
	return "", nil
}

func run(t testing.TB, args []string) []byte {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg",
		append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, problems.String())
	}
	return out.Bytes()
}
