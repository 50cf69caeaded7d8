package flv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

// Parameter sets of libx264 for 320 x 180.
var (
	testSPS = unhex("67f4000d919b28283f6022000003000200000300641e28532c")
	testPPS = unhex("68ebe3c44844")
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// plainSPS returns the SPS of a baseline stream of so many macroblocks.
func plainSPS(width, height int) []byte {
	var bits strings.Builder
	golomb := func(v int) {
		code := strconv.FormatInt(int64(v+1), 2)
		bits.WriteString(strings.Repeat("0", len(code)-1) + code)
	}
	golomb(0) // seq_parameter_set_id
	golomb(0) // log2_max_frame_num_minus4
	golomb(2) // pic_order_cnt_type
	golomb(1) // max_num_ref_frames
	bits.WriteString("0")
	golomb(width - 1)
	golomb(height - 1)
	bits.WriteString("11001") // frame_mbs_only, direct_8x8, no cropping, no VUI, stop bit
	for bits.Len()%8 != 0 {
		bits.WriteString("0")
	}
	sps := []byte{0x67, 66, 0xc0, 31}
	for s := bits.String(); s != ""; s = s[8:] {
		b, err := strconv.ParseUint(s[:8], 2, 8)
		if err != nil {
			panic(err)
		}
		sps = append(sps, byte(b))
	}
	return sps
}

// avcC returns a decoder configuration with lengths of size bytes.
func avcC(size byte, sps, pps []byte) []byte {
	b := []byte{1, sps[1], sps[2], sps[3], 0xfc | (size - 1), 0xe1, 0, byte(len(sps))}
	b = append(append(b, sps...), 1, 0, byte(len(pps)))
	return append(b, pps...)
}

func configured(t *testing.T, size byte) *Video {
	t.Helper()
	var v Video
	u, err := v.Parse(append([]byte{0x17, 0, 0, 0, 0}, avcC(size, testSPS, testPPS)...))
	require.NoError(t, err)
	require.NotNil(t, u.Track)
	require.Nil(t, u.Payload)
	return &v
}

func withLength(size int, nal ...byte) []byte {
	return append(append(make([]byte, size-1), byte(len(nal))), nal...)
}

func TestVideoFrames(t *testing.T) {
	t.Parallel()
	idr, slice, aud, sei := []byte{0x65, 1}, []byte{0x41, 2}, []byte{9, 0x10}, []byte{6, 5, 1}
	sets := slices.Concat(withLength(4, testSPS...), withLength(4, testPPS...))
	tests := map[string]struct {
		lengthSize byte
		body       []byte
		payload    []byte
		key        bool
		cts        time.Duration
	}{
		"keyframe without parameters gets them": {
			4, slices.Concat([]byte{0x17, 1, 0, 0, 40}, withLength(4, idr...)),
			slices.Concat(sets, withLength(4, idr...)), true, 40 * time.Millisecond,
		},
		"parameters go behind the delimiter": {
			4, slices.Concat([]byte{0x17, 1, 0, 0, 0}, withLength(4, aud...), withLength(4, sei...), withLength(4, idr...)),
			slices.Concat(withLength(4, aud...), sets, withLength(4, sei...), withLength(4, idr...)), true, 0,
		},
		"keyframe with parameters stays": {
			4, slices.Concat([]byte{0x17, 1, 0, 0, 0}, sets, withLength(4, idr...)),
			slices.Concat(sets, withLength(4, idr...)), true, 0,
		},
		"half of the parameters are replaced by all": {
			4, slices.Concat([]byte{0x17, 1, 0, 0, 0}, withLength(4, testPPS...), withLength(4, idr...)),
			slices.Concat(sets, withLength(4, idr...)), true, 0,
		},
		"keyframe flag on another frame is not believed": {
			4, slices.Concat([]byte{0x17, 1, 0, 0, 0}, withLength(4, slice...)), withLength(4, slice...), false, 0,
		},
		"missing keyframe flag does not matter": {
			4, slices.Concat([]byte{0x27, 1, 0, 0, 0}, withLength(4, idr...)),
			slices.Concat(sets, withLength(4, idr...)), true, 0,
		},
		"lengths of two bytes become four": {
			2, slices.Concat([]byte{0x27, 1, 0, 0, 0}, withLength(2, slice...)), withLength(4, slice...), false, 0,
		},
		"lengths of one byte become four": {
			1, slices.Concat([]byte{0x27, 1, 0, 0, 0}, withLength(1, slice...)), withLength(4, slice...), false, 0,
		},
		"empty units are left out": {
			4, slices.Concat([]byte{0x27, 1, 0, 0, 0}, []byte{0, 0, 0, 0}, withLength(4, slice...)),
			withLength(4, slice...), false, 0,
		},
		"negative composition offset": {
			4, slices.Concat([]byte{0x27, 1, 0xff, 0xff, 0xf0}, withLength(4, slice...)),
			withLength(4, slice...), false, -16 * time.Millisecond,
		},
		"no picture, no sample": {4, slices.Concat([]byte{0x17, 1, 0, 0, 0}, sets), nil, false, 0},
		"end of sequence":       {4, []byte{0x17, 2, 0, 0, 0}, nil, false, 0},
		"command frame":         {4, []byte{0x57, 0}, nil, false, 0},
		"empty message":         {4, nil, nil, false, 0},
		"enhanced frame without offset": {
			4, slices.Concat([]byte{0xa3}, []byte("avc1"), withLength(4, slice...)), withLength(4, slice...), false, 0,
		},
		"enhanced frame behind a modifier": {
			4, slices.Concat([]byte{0xa7, 2, 1, 2, 3, 0x03}, []byte("avc1"), withLength(4, slice...)),
			withLength(4, slice...), false, 0,
		},
		"enhanced metadata": {4, []byte("\x94avc1\x02\x00\x09colorInfo"), nil, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := configured(t, test.lengthSize).Parse(test.body)
			require.NoError(t, err)
			require.Nil(t, u.Track)
			require.Equal(t, Unit{Payload: test.payload, Key: test.key, CTS: test.cts}, u)
		})
	}
}

//nolint:paralleltest // AllocsPerRun counts what other tests allocate, too
func TestPlainFramesAreNotCopied(t *testing.T) {
	v := configured(t, 4)
	body := slices.Concat([]byte{0x27, 1, 0, 0, 0}, withLength(4, 0x41, 2, 3))
	allocs := testing.AllocsPerRun(100, func() {
		u, err := v.Parse(body)
		if err != nil || &u.Payload[0] != &body[5] {
			t.Fatal("payload was copied")
		}
	})
	require.Zero(t, allocs)
}

func TestRepeatedConfigurationIsNoChange(t *testing.T) {
	t.Parallel()
	v := configured(t, 4)
	u, err := v.Parse(append([]byte{0x17, 0, 0, 0, 0}, avcC(4, testSPS, testPPS)...))
	require.NoError(t, err)
	require.Zero(t, u)
	pps := append(bytes.Clone(testPPS), 0x80)
	u, err = v.Parse(append([]byte{0x17, 0, 0, 0, 0}, avcC(4, testSPS, pps)...))
	require.NoError(t, err)
	require.Equal(t, [][]byte{testSPS, pps}, u.Track.Params)
}

func TestFramesBeforeConfigurationAreNothing(t *testing.T) {
	t.Parallel()
	var v Video
	u, err := v.Parse(append([]byte{0x17, 1, 0, 0, 0}, withLength(4, 0x65, 1)...))
	require.NoError(t, err)
	require.Zero(t, u)
}

func TestDeclaredFrameRateFillsIn(t *testing.T) {
	t.Parallel()
	sps := plainSPS(80, 45) // without timing
	v := Video{FrameRate: 25}
	u, err := v.Parse(append([]byte{0x17, 0, 0, 0, 0}, avcC(4, sps, testPPS)...))
	require.NoError(t, err)
	require.Equal(t, []any{1280, 720, 25.0}, []any{u.Track.Width, u.Track.Height, u.Track.FrameRate})
}

func TestUselessVideoMessages(t *testing.T) {
	t.Parallel()
	many := []byte{0x27, 1, 0, 0, 0}
	for range maxNALs + 1 {
		many = append(many, 0, 0, 0, 1, 0x41)
	}
	tests := map[string][]byte{
		"length beyond the message": {0x27, 1, 0, 0, 0, 0, 0, 0, 9, 0x41},
		"huge length":               {0x27, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x41},
		"half a length":             {0x27, 1, 0, 0, 0, 0, 0},
		"short header":              {0x27, 1, 0},
		"offset of an hour":         {0x27, 1, 0x36, 0xee, 0x80, 0, 0, 0, 1, 0x41},
		"too many units":            many,
		"enhanced, short":           {0x91, 'a', 'v'},
		"enhanced, no offset":       {0x91, 'a', 'v', 'c', '1', 0},
		"modifiers without end":     append([]byte{0x97}, bytes.Repeat([]byte{0, 0, 0x07}, 64)...),
		"modifier cut short":        {0x97, 0xff, 0xff},
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := configured(t, 4).Parse(body)
			require.Error(t, err)
			require.Zero(t, u)
			var refused *UnsupportedError
			require.False(t, errors.As(err, &refused), "%v", err)
		})
	}
}

func TestUnsupportedVideoSaysWhy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body []byte
		text string
	}{
		"Sorenson":      {[]byte{0x12, 0, 0, 0, 0}, "codec Sorenson H.263 is not supported: send H.264, HEVC or AV1"},
		"VP6":           {[]byte{0x14, 0, 0, 0, 0}, "codec VP6 is not supported: send H.264, HEVC or AV1"},
		"unknown id":    {[]byte{0x1f, 0, 0, 0, 0}, "a video codec number 15 is not known: send H.264, HEVC or AV1"},
		"VP9":           {[]byte("\x90vp09"), "codec VP9 is not supported: send H.264, HEVC or AV1"},
		"odd name":      {[]byte("\x90a\n\x00z"), `a video codec named a\n\x00z is not known: send H.264, HEVC or AV1`},
		"multitrack":    {[]byte("\x96\x01avc1"), "multitrack video is not supported: send one video track"},
		"cut short":     {[]byte{0x17, 0, 0, 0, 0, 1, 2}, "H.264 configuration is cut short"},
		"odd lengths":   {append([]byte{0x17, 0, 0, 0, 0}, avcC(3, testSPS, testPPS)...), "NAL units with lengths of 3 bytes are not supported"},
		"garbage sets":  {append([]byte{0x17, 0, 0, 0, 0}, avcC(4, testSPS[:4], testPPS)...), "H.264 parameters cannot be read"},
		"giant picture": {append([]byte{0x17, 0, 0, 0, 0}, avcC(4, plainSPS(600, 45), testPPS)...), "is not supported: at most 8192 x 8192"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v Video
			_, err := v.Parse(test.body)
			var refused *UnsupportedError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, err.Error(), test.text)
		})
	}
}

func TestCodecMayChange(t *testing.T) {
	t.Parallel()
	v := configured(t, 4)
	u, err := v.Parse([]byte("\x90av01\x81\x00\x0c\x00"))
	require.NoError(t, err)
	require.Zero(t, u)
	require.Equal(t, stream.AV1, v.codec)
	u, err = v.Parse(append([]byte{0x17, 0, 0, 0, 0}, avcC(4, testSPS, testPPS)...))
	require.NoError(t, err)
	require.Equal(t, stream.H264, u.Track.Codec)
}
