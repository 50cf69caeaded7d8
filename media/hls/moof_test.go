package hls

import (
	"bytes"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/stretchr/testify/require"
)

// reference marshals samples by mediacommon.
func reference(tb testing.TB, sequence uint32, samples []sample, end int64) []byte {
	tb.Helper()
	track := &fmp4.PartTrack{ID: trackID, BaseTime: uint64(samples[0].dts)}
	for i, s := range samples {
		next := end
		if i+1 < len(samples) {
			next = samples[i+1].dts
		}
		track.Samples = append(track.Samples, &fmp4.Sample{
			Duration: uint32(next - s.dts), PTSOffset: s.offset, IsNonSyncSample: !s.key, Payload: s.payload,
		})
	}
	var b seekablebuffer.Buffer
	require.NoError(tb, fmp4.Part{SequenceNumber: sequence, Tracks: []*fmp4.PartTrack{track}}.Marshal(&b))
	return b.Bytes()
}

func TestFragmentEqualsMediacommon(t *testing.T) {
	t.Parallel()
	tests := map[string][]sample{
		"one keyframe":     {{dts: 900000, key: true, payload: []byte("abcd")}},
		"all sync (audio)": {{dts: 480000, key: true, payload: []byte("a")}, {dts: 481024, key: true, payload: []byte("bcd")}},
		"key and delta": {
			{dts: 900000, key: true, payload: []byte("abcd")}, {dts: 903000, payload: []byte("efg")}, {dts: 906030, payload: []byte("h")},
		},
		"B-frames": {
			{dts: 900000, offset: 6000, key: true, payload: []byte("abcd")},
			{dts: 903000, offset: -3000, payload: []byte("efg")},
			{dts: 906000, payload: []byte("h")},
		},
		"delta frames far in time": {{dts: 1 << 40, payload: []byte("x")}, {dts: 1<<40 + 3003, payload: []byte("y")}},
	}
	for name, samples := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := samples[len(samples)-1].dts + 3000
			got := appendFragment(nil, 7, samples, end)
			for _, s := range samples {
				got = append(got, s.payload...)
			}
			require.Equal(t, reference(t, 7, samples, end), got)
			var parts fmp4.Parts
			require.NoError(t, parts.Unmarshal(got))
			require.Len(t, parts[0].Tracks[0].Samples, len(samples))
		})
	}
}

func benchSamples() []sample {
	samples := make([]sample, 6)
	for i := range samples {
		samples[i] = sample{dts: int64(900000 + 3000*i), key: i == 0, payload: bytes.Repeat([]byte{1}, 10000)}
	}
	return samples
}

func BenchmarkFragment(b *testing.B) {
	samples := benchSamples()
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = appendFragment(buf[:0], 7, samples, 918000)
		}
	})
	b.Run("mediacommon", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			reference(b, 7, samples, 918000)
		}
	})
}
