package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// flvFile writes tags as an FLV file.
func flvFile(tags ...flvTag) []byte {
	out := append([]byte("FLV\x01\x05\x00\x00\x00\x09"), 0, 0, 0, 0)
	for _, t := range tags {
		n := len(t.body)
		out = append(out, t.kind, byte(n>>16), byte(n>>8), byte(n), byte(t.ms>>16), byte(t.ms>>8), byte(t.ms), byte(t.ms>>24), 0, 0, 0)
		out = append(append(out, t.body...), 0, 0, 0, 0)
	}
	return out
}

// picture30 is an access unit of n bytes at ms.
func picture30(ms uint32, n int) flvTag {
	return flvTag{tagVideo, ms, append([]byte{0x17, 1, 0, 0, 0, 0, 0, 0, byte(n), 0x65}, make([]byte, n-1)...)}
}

func testClip(t *testing.T) *clip {
	t.Helper()
	c, err := parseFLV(flvFile(
		flvTag{tagScript, 0, []byte("\x02\x00\x0aonMetaData\x05")},
		flvTag{tagVideo, 0, []byte{0x17, 0, 0, 0, 0, 1}},
		flvTag{tagAudio, 0, []byte{0xaf, 0, 0x12, 0x10}},
		picture30(100, 50), flvTag{tagAudio, 110, []byte{0xaf, 1, 1, 2, 3}},
		picture30(133, 50), picture30(167, 50), flvTag{tagAudio, 300, []byte{0xaf, 1, 4}},
		flvTag{tagVideo, 167, []byte{0x17, 2, 0, 0, 0}},
	))
	require.NoError(t, err)
	return c
}

func TestClipLoopsAtItsFrameRate(t *testing.T) {
	t.Parallel()
	c := testClip(t)
	require.Len(t, c.head, 3)
	require.Equal(t, uint32(101), c.loop, "67 ms of video and an average frame")
	var times []uint32
	for _, m := range c.media {
		times = append(times, m.ms)
	}
	require.Equal(t, []uint32{0, 10, 33, 67}, times, "audio beyond the loop is cut")
}

func TestClipRefuses(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string][]byte{
		"nothing":   nil,
		"text":      []byte("this is not a recording"),
		"no video":  flvFile(flvTag{tagAudio, 0, []byte{0xaf, 1, 1}}),
		"one frame": flvFile(picture30(0, 20)),
		"cut short": flvFile(picture30(0, 20), picture30(33, 20))[:70],
	} {
		_, err := parseFLV(raw)
		require.Error(t, err, name)
	}
}
