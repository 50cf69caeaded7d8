package rtmp_test

import (
	"bytes"
	"os/exec"
	"testing"

	"bandstand/media/ingest/rtmp"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream"
	"bandstand/media/stream/flv/flvtest"

	"github.com/stretchr/testify/require"
)

// publish has ffmpeg publish what args make, and returns what it said.
func publish(t *testing.T, target string, args ...string) (said string, err error) {
	t.Helper()
	var stderr bytes.Buffer
	args = append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, args...)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-f", "flv", target)...)
	cmd.Stderr = &stderr
	err = cmd.Run()
	return stderr.String(), err
}

func TestFFmpegPublishes(t *testing.T) {
	t.Parallel()
	tone := []string{"-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", "2", "-c:a", "aac"}
	tests := map[string]struct {
		args         []string
		video, audio int // packets at least
	}{
		"H.264 and AAC": {flvtest.PictureAndTone("2"), 60, 90},
		"audio only":    {tone, 0, 80},
		"video only":    {flvtest.Picture("2", "libx264", "-g", "30"), 60, 0},
		"B-frames":      {flvtest.Picture("2", "libx264", "-g", "30", "-bf", "3"), 60, 0},
		"60 fps":        {append(flvtest.Picture("2", "libx264", "-g", "60"), "-vf", "fps=60"), 110, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			said, err := publish(t, s.url(key), tt.args...)
			require.NoError(t, err, said)
			var video, audio int
			last := map[stream.Codec]int64{stream.H264: -1, stream.AAC: -1}
			for _, p := range s.waitFor(t, tt.video+tt.audio) {
				require.Greater(t, p.DTS, last[p.Track.Codec])
				last[p.Track.Codec] = p.DTS
				if p.Track.Codec.Video() {
					video++
				} else {
					audio++
				}
			}
			require.GreaterOrEqual(t, video, tt.video)
			require.GreaterOrEqual(t, audio, tt.audio)
			format := s.onAir()[0].Epoch.Format
			require.Equal(t, tt.video > 0, format.Video != nil)
			require.Equal(t, tt.audio > 0, format.Audio != nil)
			require.Same(t, s.onAir()[0].Epoch, s.onAir()[len(s.onAir())-1].Epoch, "one epoch")
		})
	}
}

func TestFFmpegIsToldWhyItIsRefused(t *testing.T) {
	t.Parallel()
	picture := flvtest.Picture("1", "libx264", "-preset", "ultrafast")
	endless := append([]string{"-re"}, flvtest.Picture("60", "libx264", "-preset", "ultrafast")...)
	t.Run("wrong key", func(t *testing.T) {
		t.Parallel()
		said, err := publish(t, start(t, nil).url("wrong"), picture...)
		require.Error(t, err)
		require.Contains(t, said, "the stream key is not valid")
	})
	t.Run("no key", func(t *testing.T) {
		t.Parallel()
		said, err := publish(t, start(t, nil).url(""), picture...)
		require.Error(t, err)
		require.Contains(t, said, "no stream key was sent")
	})
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		s := start(t, nil)
		c, err := rtmptest.Publish(s.url(key), rtmptest.Options{})
		require.NoError(t, err)
		defer c.Close()
		said, err := publish(t, s.url(key), picture...)
		require.Error(t, err)
		require.Contains(t, said, "on air from another publisher")
	})
	t.Run("full", func(t *testing.T) {
		t.Parallel()
		s := start(t, func(c *rtmp.Config) { c.MaxPublishers = 1 })
		c, err := rtmptest.Publish(s.url(key), rtmptest.Options{})
		require.NoError(t, err)
		defer c.Close()
		said, err := publish(t, s.url(key), picture...)
		require.Error(t, err)
		require.Contains(t, said, "the server is full")
	})
	t.Run("unsupported codec", func(t *testing.T) {
		t.Parallel()
		args := append([]string{"-re"}, flvtest.Picture("60", "flv1")...)
		said, err := publish(t, start(t, nil).url(key), args...)
		require.Error(t, err)
		require.Contains(t, said, "codec Sorenson H.263 is not supported")
	})
	for name, tt := range map[string]struct {
		end  func(s *station)
		want string
	}{
		"shutdown": {func(s *station) { s.stop() }, "the server is shutting down"},
		"revoked":  {func(s *station) { s.revoke("key-1") }, "the stream key was revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			result := make(chan string, 1)
			go func() {
				said, _ := publish(t, s.url(key), endless...)
				result <- said
			}()
			s.waitFor(t, 1)
			tt.end(s)
			require.Contains(t, <-result, tt.want)
		})
	}
}
