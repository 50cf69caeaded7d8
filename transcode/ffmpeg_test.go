package transcode

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProbeFindsWhatWorks(t *testing.T) {
	t.Parallel()
	caps, err := Probe(t.Context(), defaults(t, Config{}))
	require.NoError(t, err)
	require.NotEqual(t, "unknown", caps.Version)
	require.Len(t, caps.Encoders, len(Encoders()))
	require.Equal(t, LibX264, caps.Encoders[0].Encoder)
	require.True(t, caps.Encoders[0].Works(), "%v", caps.Encoders[0].Err)
}

func TestProbeWithoutFFmpeg(t *testing.T) {
	t.Parallel()
	_, err := Probe(t.Context(), defaults(t, Config{Binary: "/nowhere/ffmpeg"}))
	require.ErrorIs(t, err, ErrStart)
}

func TestProbeParsesReports(t *testing.T) {
	t.Parallel()
	require.Equal(t, "n6.1-dev", parseVersion([]byte("ffmpeg version n6.1-dev Copyright\nbuilt")))
	require.Equal(t, "unknown", parseVersion([]byte("busybox")))
	list := " V....D libx264              libx264 H.264\n V..... h264_qsv x\n A..... aac y\n"
	require.Equal(t, []Encoder{LibX264, QSV}, parseEncoders([]byte(list)))
}

func TestMeasureSaysWhatALadderCosts(t *testing.T) {
	t.Parallel()
	m, err := Measure(t.Context(), defaults(t, Config{Preset: "ultrafast"}), []Rung{{Height: 180, BitrateBPS: 300_000}})
	require.NoError(t, err)
	require.Positive(t, m.Cores)
	require.Positive(t, m.Speed)
}

func TestStillIsAPicture(t *testing.T) {
	t.Parallel()
	c := defaults(t, Config{})
	clip, err := testClip(t.Context(), c)
	require.NoError(t, err)
	b, err := Still(t.Context(), c, clip)
	require.NoError(t, err)
	img, err := jpeg.DecodeConfig(bytes.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, thumbnailWidth, img.Width)
	require.Equal(t, 360, img.Height)
}

func TestStillOfNonsenseIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := Still(ctx, defaults(t, Config{}), []byte("no picture at all"))
	require.Error(t, err)
}

func TestThumbnailsAreReadUntilCutOff(t *testing.T) {
	t.Parallel()
	one := part("\xff\xd8one\xff\xd9")
	var got []string
	keep := func(b []byte) { got = append(got, string(b)) }
	require.NoError(t, ReadThumbnails(bytes.NewReader([]byte(one+one+one[:len(one)-4])), keep))
	require.Equal(t, []string{"\xff\xd8one\xff\xd9", "\xff\xd8one\xff\xd9"}, got)

	for name, in := range map[string]string{
		"endless header": string(bytes.Repeat([]byte("x\n"), maxThumbnailHeader)),
		"too large":      "--ffmpeg\r\nContent-length: 99999999\r\n\r\n",
		"negative":       "--ffmpeg\r\nContent-length: -1\r\n\r\n",
		"not a JPEG":     part("<html>"),
	} {
		require.Error(t, ReadThumbnails(bytes.NewReader([]byte(in)), keep), name)
	}
}

func part(body string) string {
	return fmt.Sprintf("--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: %d\r\n\r\n%s\r\n", len(body), body)
}

func FuzzReadThumbnails(f *testing.F) {
	f.Add([]byte(part("\xff\xd8\xff\xd9")))
	f.Add([]byte("--ffmpeg\nContent-length: 4\n\n\xff\xd8"))
	f.Add(bytes.Repeat([]byte("a"), 40000))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = ReadThumbnails(io.LimitReader(bytes.NewReader(b), 1<<20), func(jpeg []byte) {
			if len(jpeg) > len(b) {
				t.Fatalf("%d bytes out of %d", len(jpeg), len(b))
			}
		})
	})
}
