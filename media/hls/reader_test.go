package hls

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	hlscodecs "github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

// encoded returns real H.264 with B-frames and AAC, made by ffmpeg, as one epoch.
func encoded(t *testing.T, number int, from, length time.Duration) []*stream.Packet {
	t.Helper()
	return unpack(t, encode(t, length, "testsrc2=size=160x90:rate=30", "-preset", "veryfast", "-bf", "2"), number, from)
}

// encode returns a fragmented MP4 of that length, with a keyframe each second.
func encode(tb testing.TB, length time.Duration, picture string, args ...string) []byte {
	tb.Helper()
	var out, problems bytes.Buffer
	all := slices.Concat([]string{
		"-hide_banner", "-loglevel", "error",
		"-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", strconv.FormatFloat(length.Seconds(), 'f', 3, 64),
		"-c:v", "libx264", "-threads", "1", "-g", "30", "-sc_threshold", "0", "-pix_fmt", "yuv420p",
		"-video_track_timescale", "90000", "-c:a", "aac",
	}, args, []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1"})
	cmd := exec.Command("ffmpeg", all...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	require.NoError(tb, cmd.Run(), problems.String())
	return out.Bytes()
}

// unpack returns the samples of a fragmented MP4 as packets from session time from on.
func unpack(t testing.TB, mp4 []byte, number int, from time.Duration) []*stream.Packet {
	t.Helper()
	first := bytes.Index(mp4, []byte("moof")) - 4
	require.Positive(t, first)
	var init fmp4.Init
	require.NoError(t, init.Unmarshal(bytes.NewReader(mp4[:first])))
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal(mp4[first:]))
	tracks := make(map[int]*stream.Track)
	e := newEpoch(number, nil, nil)
	for _, it := range init.Tracks {
		switch c := it.Codec.(type) {
		case *codecs.H264:
			require.EqualValues(t, stream.VideoClockRate, it.TimeScale)
			e.Format.Video = &stream.Track{Codec: stream.H264, ClockRate: stream.VideoClockRate, Params: [][]byte{c.SPS, c.PPS}}
			tracks[it.ID] = e.Format.Video
		case *codecs.MPEG4Audio:
			conf, err := c.Config.Marshal()
			require.NoError(t, err)
			e.Format.Audio = &stream.Track{
				Codec: stream.AAC, ClockRate: int(it.TimeScale), Params: [][]byte{conf}, Channels: 1, FrameSamples: 1024,
			}
			tracks[it.ID] = e.Format.Audio
		}
	}
	var list []*stream.Packet
	for _, part := range parts {
		for _, pt := range part.Tracks {
			track := tracks[pt.ID]
			dts := int64(pt.BaseTime) + stream.Ticks(from, track.ClockRate)
			for _, sample := range pt.Samples {
				key := track.Codec == stream.AAC || hasIDR(t, sample)
				p := packet(e, track, dts, dts+int64(sample.PTSOffset), key, 0)
				p.Payload = sample.Payload
				list = append(list, p)
				dts += int64(sample.Duration)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *stream.Packet) int {
		return int(a.Track.Duration(a.DTS) - b.Track.Duration(b.DTS))
	})
	for i, p := range list { // the first packet of an epoch is a keyframe
		if p.Track == e.Format.Video {
			return list[i:]
		}
	}
	return list
}

// hasIDR looks into the access unit: ffmpeg marks keyframes where mediacommon does
// not look.
func hasIDR(t testing.TB, sample *fmp4.Sample) bool {
	t.Helper()
	var au h264.AVCC
	require.NoError(t, au.Unmarshal(sample.Payload))
	return slices.ContainsFunc(au, func(nalu []byte) bool { return nalu[0]&0x1f == 5 })
}

func count(packets []*stream.Packet, c stream.Codec) (n int) {
	for _, p := range packets {
		if p.Track.Codec == c {
			n++
		}
	}
	return n
}

// gohlslibReader counts what an independent reader gets, and complains about frames
// that do not follow each other.
type gohlslibReader struct {
	client  *gohlslib.Client
	started chan struct{}
	ended   chan error
	video   atomic.Int64
	audio   atomic.Int64
}

func readByGohlslib(t *testing.T, srv *httptest.Server) *gohlslibReader {
	t.Helper()
	r := &gohlslibReader{started: make(chan struct{}), ended: make(chan error, 1)}
	r.client = &gohlslib.Client{
		URI: srv.URL + "/live/x/index.m3u8", StartDistance: 9, MaxDistance: 20, HTTPClient: srv.Client(),
		OnDecodeError:             func(err error) { t.Errorf("decode error: %v", err) },
		OnDownloadPrimaryPlaylist: func(string) {},
		OnDownloadStreamPlaylist:  func(string) {},
		OnDownloadSegment:         func(string) {},
		OnDownloadPart:            func(string) {},
	}
	r.client.OnTracks = func(tracks []*gohlslib.Track) error {
		defer close(r.started)
		for _, track := range tracks {
			switch track.Codec.(type) {
			case *hlscodecs.H264:
				last := int64(-1)
				r.client.OnDataH26x(track, func(_, dts int64, au [][]byte) {
					if n := r.video.Add(1); n > 1 && (dts-last < 2900 || dts-last > 3100) {
						t.Errorf("frame %d is %d ticks after the one before it", n, dts-last)
					}
					if len(au) == 0 {
						t.Error("frame without NAL units")
					}
					last = dts
				})
			case *hlscodecs.MPEG4Audio:
				r.client.OnDataMPEG4Audio(track, func(_ int64, aus [][]byte) { r.audio.Add(int64(len(aus))) })
			}
		}
		return nil
	}
	require.NoError(t, r.client.Start())
	go func() { r.ended <- r.client.Wait2() }()
	return r
}

// TestGohlslibReadsAnEndedStream reads every segment.
func TestGohlslibReadsAnEndedStream(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	packets := encoded(t, 0, 10*time.Second, 7*time.Second)
	writeAll(t, st, packets)
	st.End()
	srv := httptest.NewServer(s)
	defer srv.Close()
	r := readByGohlslib(t, srv)
	defer r.client.Close()
	err := <-r.ended
	require.True(t, errors.Is(err, gohlslib.ErrClientEOS), "%v", err)
	require.EqualValues(t, count(packets, stream.H264), r.video.Load())
	require.InDelta(t, count(packets, stream.AAC), r.audio.Load(), 5)
}

// TestGohlslibFollowsHints reads part after part as they are hinted, with delta
// updates, in step with a publisher that waits for it.
func TestGohlslibFollowsHints(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	packets := encoded(t, 0, 10*time.Second, 9*time.Second)
	begun := len(packets) / 2
	writeAll(t, st, packets[:begun])
	srv := httptest.NewServer(s)
	defer srv.Close()
	r := readByGohlslib(t, srv)
	defer r.client.Close()
	for _, p := range packets[begun:] {
		require.Eventually(t, func() bool { return allWaiting(st) }, 10*time.Second, 100*time.Microsecond)
		require.NoError(t, st.write(p))
	}
	require.Eventually(t, func() bool { return allWaiting(st) && r.video.Load() > 100 && r.audio.Load() > 150 },
		10*time.Second, time.Millisecond)
	select {
	case err := <-r.ended:
		require.NoError(t, err)
	default:
	}
}

// allWaiting says whether someone waits for the next part of every rendition.
func allWaiting(st *Stream) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, r := range st.renditions {
		if r.changed.ch == nil {
			return false
		}
	}
	return true
}

// TestFFmpegDecodesEverySegment decodes what two epochs left, with no complaint.
func TestFFmpegDecodesEverySegment(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	first := encoded(t, 0, 10*time.Second, 5*time.Second)
	again := encoded(t, 1, 20*time.Second, 5*time.Second)
	writeAll(t, st, first)
	writeAll(t, st, again)
	st.End()
	srv := httptest.NewServer(s)
	defer srv.Close()
	for _, name := range []string{"source", "audio"} {
		cmd := exec.Command("ffmpeg", "-hide_banner", "-loglevel", "warning", "-i", srv.URL+"/live/x/"+name+"/index.m3u8",
			"-fps_mode", "passthrough", "-f", "framehash", "-hash", "adler32", "-")
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		require.NoError(t, cmd.Run(), problems.String())
		require.NotContains(t, problems.String(), "rror", name)
		frames := 0
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "#") {
				frames++
			}
		}
		codec := stream.H264
		if name == "audio" {
			codec = stream.AAC
		}
		require.InDelta(t, count(first, codec)+count(again, codec), frames, 6, name)
	}
}
