package flv

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

func TestAudioConfigurations(t *testing.T) {
	t.Parallel()
	head := "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
	tests := map[string]struct {
		body string
		want stream.Track
	}{
		"AAC-LC, 48 kHz stereo":     {"\xaf\x00\x11\x90", stream.Track{Codec: stream.AAC, ClockRate: 48000, Channels: 2, FrameSamples: 1024, Params: [][]byte{{0x11, 0x90}}}},
		"AAC-LC, 44.1 kHz mono":     {"\xaf\x00\x12\x08", stream.Track{Codec: stream.AAC, ClockRate: 44100, Channels: 1, FrameSamples: 1024, Params: [][]byte{{0x12, 0x08}}}},
		"AAC-LC with 960 samples":   {"\xaf\x00\x11\x94", stream.Track{Codec: stream.AAC, ClockRate: 48000, Channels: 2, FrameSamples: 960, Params: [][]byte{{0x11, 0x94}}}},
		"HE-AAC has its core clock": {"\xaf\x00\x2b\x11\x88\x00", stream.Track{Codec: stream.AAC, ClockRate: 24000, Channels: 2, FrameSamples: 1024, Params: [][]byte{{0x2b, 0x11, 0x88, 0x00}}}},
		"implicit SBR":              {"\xaf\x00\x13\x10\x56\xe5\x98", stream.Track{Codec: stream.AAC, ClockRate: 24000, Channels: 2, FrameSamples: 1024, Params: [][]byte{{0x13, 0x10, 0x56, 0xe5, 0x98}}}},
		"7.1":                       {"\xaf\x00\x11\xb8", stream.Track{Codec: stream.AAC, ClockRate: 48000, Channels: 8, FrameSamples: 1024, Params: [][]byte{{0x11, 0xb8}}}},
		"enhanced AAC":              {"\x90mp4a\x11\x90", stream.Track{Codec: stream.AAC, ClockRate: 48000, Channels: 2, FrameSamples: 1024, Params: [][]byte{{0x11, 0x90}}}},
		"Opus, mono":                {"\x90Opus" + head, stream.Track{Codec: stream.Opus, ClockRate: 48000, Channels: 1}},
		"Opus without a header":     {"\x90Opus", stream.Track{Codec: stream.Opus, ClockRate: 48000, Channels: 2}},
		"Opus unannounced":          {"\x91Opus\xfcabc", stream.Track{Codec: stream.Opus, ClockRate: 48000, Channels: 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a Audio
			u, err := a.Parse([]byte(test.body))
			require.NoError(t, err)
			require.Equal(t, &test.want, u.Track)
			u, err = a.Parse([]byte(test.body))
			require.NoError(t, err)
			require.Nil(t, u.Track, "the same again is no change")
		})
	}
}

func TestAudioFrames(t *testing.T) {
	t.Parallel()
	var a Audio
	u, err := a.Parse([]byte("\xaf\x01early"))
	require.NoError(t, err)
	require.Zero(t, u)
	_, err = a.Parse([]byte("\xaf\x00\x11\x90"))
	require.NoError(t, err)
	u, err = a.Parse([]byte("\xaf\x01frame"))
	require.NoError(t, err)
	require.Equal(t, Unit{Payload: []byte("frame"), Key: true}, u)
	u, err = a.Parse([]byte("\xaf\x01"))
	require.NoError(t, err)
	require.Zero(t, u)
	_, err = a.Parse(append([]byte("\xaf\x01"), make([]byte, maxAudioSize+1)...))
	require.ErrorIs(t, err, errTooLarge)
}

func TestUnsupportedAudioSaysWhy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, text string }{
		"MP3":           {"\x2f\xff\xfb", "codec MP3 is not supported: send AAC"},
		"Speex":         {"\xb2abc", "codec Speex is not supported: send AAC"},
		"unknown":       {"\xc2abc", "an audio codec numbered 12 is not known: send AAC"},
		"FLAC":          {"\x90fLaC", "codec FLAC is not supported: send AAC"},
		"odd name":      {"\x90\x00\x01\x02\x03", `an audio codec named \x00\x01\x02\x03 is not known: send AAC`},
		"multitrack":    {"\x95\x01Opus", "multitrack audio is not supported: send one audio track"},
		"AAC Main":      {"\xaf\x00\x09\x90", "send AAC-LC"},
		"own layout":    {"\xaf\x00\x11\x80", "AAC with a channel layout of its own is not supported: send stereo"},
		"odd rate":      {"\xaf\x00\x17\x80\x00\x00\x90\x00", "Hz is not supported: send 44100 or 48000"},
		"no bytes":      {"\xaf\x00", "send AAC-LC"},
		"Opus surround": {"\x90OpusOpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01", "Opus with 6 channels is not supported: send stereo"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a Audio
			_, err := a.Parse([]byte(test.body))
			var refused *UnsupportedError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, err.Error(), test.text)
		})
	}
}
