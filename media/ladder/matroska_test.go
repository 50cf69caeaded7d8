package ladder

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

func TestMatroskaIsWhatItShouldBe(t *testing.T) {
	t.Parallel()
	src := clip(t, picture("320x180", "30", "1", "-bf", "2")...)
	b, err := matroskaHeader(src[0].Track, 30)
	require.NoError(t, err)
	var want []string
	for _, p := range src {
		ms := uint64(p.PTS / ticksPerMS)
		b = appendFrame(b, ms, p.Key, p.Payload)
		flags := "__"
		if p.Key {
			flags = "K_"
		}
		want = append(want, fmt.Sprintf("packet|%.6f|%d|%s", float64(ms)/1000, len(p.Payload), flags))
	}
	want = append(want, "stream|h264|320|180|30/1")
	cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-f", "matroska", "-of", "compact=nk=1",
		"-show_entries", "packet=pts_time,size,flags:stream=codec_name,width,height,avg_frame_rate", "-")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, want, strings.Split(strings.TrimSpace(string(out)), "\n"))
}

func TestMatroskaOfBadParameters(t *testing.T) {
	t.Parallel()
	for name, track := range map[string]*stream.Track{
		"no parameters": {Codec: stream.H264},
		"not video":     {Codec: stream.AAC, Params: [][]byte{{1}}},
		"bad SPS":       {Codec: stream.H264, Params: [][]byte{{0x67}, {0x68}}},
		"bad HEVC":      {Codec: stream.HEVC, Params: [][]byte{{0x40}, {0x42}, {0x44}}},
		"bad AV1":       {Codec: stream.AV1, Params: [][]byte{{}}},
	} {
		_, err := matroskaHeader(track, 0)
		require.Error(t, err, name)
	}
}

func FuzzMatroskaHeader(f *testing.F) {
	f.Add(byte(0), []byte{0x67, 0x42, 0xc0, 0x1e}, []byte{0x68}, []byte{})
	f.Add(byte(1), []byte{0x40, 1}, []byte{0x42, 1, 1}, []byte{0x44, 1})
	f.Add(byte(2), []byte{0x0a, 0x0b}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, kind byte, a, b, c []byte) {
		track := &stream.Track{Codec: stream.H264, Params: [][]byte{a, b}}
		switch kind % 3 {
		case 1:
			track.Codec, track.Params = stream.HEVC, [][]byte{a, b, c}
		case 2:
			track.Codec, track.Params = stream.AV1, [][]byte{a}
		}
		h, err := matroskaHeader(track, 0)
		// (An AV1 header is written anew, with its size.)
		if err == nil && track.Codec != stream.AV1 && !bytes.Contains(h, a) {
			t.Fatal("parameters are not in the header")
		}
	})
}
