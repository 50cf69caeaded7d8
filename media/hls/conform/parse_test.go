package conform

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStrictParserRefuses(t *testing.T) {
	t.Parallel()
	head := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
	tests := map[string]string{
		"no header":                  "#EXT-X-TARGETDURATION:2\n",
		"blank before the header":    " #EXTM3U\n",
		"something behind it":        "#EXTM3U8\n#EXT-X-TARGETDURATION:2\n",
		"byte order mark":            "\uFEFF" + head,
		"no target duration":         "#EXTM3U\n#EXTINF:1,\na.m4s\n",
		"target duration is decimal": "#EXTM3U\n#EXT-X-TARGETDURATION:2.0\n",
		"target duration twice":      head + "#EXT-X-TARGETDURATION:2\n",
		"address without EXTINF":     head + "a.m4s\n",
		"EXTINF without address":     head + "#EXTINF:1,\n",
		"EXTINF without comma":       head + "#EXTINF:1\na.m4s\n",
		"EXTINF negative":            head + "#EXTINF:-1,\na.m4s\n",
		"sequence after a segment":   head + "#EXTINF:1,\na.m4s\n#EXT-X-MEDIA-SEQUENCE:4\n",
		"segment after the end":      head + "#EXT-X-ENDLIST\n#EXTINF:1,\na.m4s\n",
		"part without address":       head + "#EXT-X-PART:DURATION=1\n",
		"part without duration":      head + "#EXT-X-PART:URI=\"a\"\n",
		"part without part target":   head + "#EXT-X-PART:URI=\"a\",DURATION=0.2\n",
		"attribute twice":            head + "#EXT-X-MAP:URI=\"a\",URI=\"b\"\n",
		"quote not closed":           head + "#EXT-X-MAP:URI=\"a\n",
		"address not quoted":         head + "#EXT-X-MAP:URI=a\n",
		"neither yes nor no":         head + "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=yes\n",
		"quoted yes":                 head + "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=\"YES\"\n",
		"hint of unknown type":       head + "#EXT-X-PRELOAD-HINT:TYPE=SEGMENT,URI=\"a\"\n",
		"byte range":                 head + "#EXTINF:1,\n#EXT-X-BYTERANGE:1@0\na.m4s\n",
		"bad date":                   head + "#EXT-X-PROGRAM-DATE-TIME:yesterday\n",
		"variant":                    head + "#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseMedia(text)
			require.Error(t, err)
		})
	}
}

func TestParserNumbersSegments(t *testing.T) {
	t.Parallel()
	pl, err := parseMedia("#EXTM3U\r\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n" +
		"#EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXT-X-PART-INF:PART-TARGET=0.33334\n#EXT-X-UNKNOWN:\n# comment\n\n" +
		"#EXTINF:2.00001,title, with comma\na.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"i.mp4\"\n" +
		"#EXT-X-PART:DURATION=0.3,URI=\"b\",INDEPENDENT=YES\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"c\"\n")
	require.NoError(t, err)
	require.Equal(t, 333340*time.Microsecond, pl.partTarget)
	require.Len(t, pl.segments, 2)
	require.Equal(t, int64(7), pl.segments[0].msn)
	require.Equal(t, int64(3), pl.segments[0].sequence)
	require.Equal(t, 2000010*time.Microsecond, pl.segments[0].duration)
	require.Empty(t, pl.segments[0].initURI)
	require.Equal(t, int64(4), pl.segments[1].sequence)
	require.Equal(t, "i.mp4", pl.segments[1].initURI)
	require.False(t, pl.segments[1].complete())
	require.Equal(t, position{8, 1}, pl.next())
	require.Equal(t, "c", pl.hint)
}

func TestMultivariantParserRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no variants":         "#EXTM3U\n",
		"variant unaddressed": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n",
		"two in a row":        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n",
		"address alone":       "#EXTM3U\na\n",
		"unknown group":       "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"x\"\na\n",
		"media without name":  "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n",
		"too many":            "#EXTM3U\n" + strings.Repeat("#EXT-X-STREAM-INF:BANDWIDTH=1\na\n", maxRenditions+1),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseMultivariant(text)
			require.Error(t, err)
		})
	}
}

func TestStampedTimeIsFoundAgain(t *testing.T) {
	t.Parallel()
	sent := time.Unix(1_700_000_000, 123_456_789)
	tag := []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 3, 0x65, 0xaa, 0xbb}
	out, err := Stamp(tag, sent, 42)
	require.NoError(t, err)
	require.Equal(t, []Mark{{Sent: sent, Seq: 42}}, Marks(append(out, out[:20]...)))
	require.Equal(t, tag[:11], out[:11])
	require.Equal(t, tag[11:], out[len(out)-7:])

	for name, bad := range map[string][]byte{
		"header":     {0x17, 0, 0, 0, 0, 1},
		"short":      {0x17, 1},
		"no picture": {0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x09, 0xf0},
		"bad length": {0x17, 1, 0, 0, 0, 0, 0, 0, 9, 0x65, 0xf0},
	} {
		_, err := Stamp(bad, sent, 1)
		require.Error(t, err, name)
	}
}

func FuzzParseMedia(f *testing.F) {
	fake := newFake()
	for _, name := range fake.names {
		f.Add(fake.render(name, initialParts, false))
		f.Add(fake.render(name, initialParts, true))
	}
	f.Fuzz(func(_ *testing.T, text string) {
		pl, err := parseMedia(text)
		if err != nil {
			return
		}
		ignore := func(Rule, string, ...any) {}
		checkPlaylist(pl, ignore)
		h := newHistory(ignore)
		if h.reconstruct(pl) {
			h.observe(pl, false, time.Time{})
		}
	})
}

func FuzzParseMultivariant(f *testing.F) {
	f.Add(newFake().multivariant())
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := parseMultivariant(text); err == nil && len(m.variants) == 0 {
			t.Error("no variants and no error")
		}
	})
}

func FuzzCheckSegment(f *testing.F) {
	fake := newFake()
	body, _ := fake.mediaAt(f.Context(), "video/s3.m4s")
	f.Add(body)
	f.Fuzz(func(_ *testing.T, body []byte) {
		m := &mediaChecker{
			broken: func(Rule, string, ...any) {},
			cur:    &initSegment{tracks: map[int]*track{1: {timescale: 90000, video: true}}},
		}
		s := &segment{msn: 1, duration: time.Second, dateTime: streamStart, parts: []part{{independent: true}}}
		m.checkPart(s, 0, body)
		m.checkSegment(s, body)
		Marks(body)
	})
}
