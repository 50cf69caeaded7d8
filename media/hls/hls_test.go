package hls

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"bandstand/media/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	testSPS = []byte{
		0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00,
		0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20,
	}
	testPPS = []byte{0x68, 0xeb, 0xec, 0xb2, 0x2c}
	testASC = []byte{0x11, 0x90} // AAC-LC, 48 kHz, stereo
)

// anchor is the wall clock of session time zero in tests.
var anchor = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func videoTrack() *stream.Track {
	return &stream.Track{
		Codec: stream.H264, ClockRate: stream.VideoClockRate,
		Params: [][]byte{testSPS, testPPS}, Width: 1920, Height: 1080,
	}
}

func audioTrack() *stream.Track {
	return &stream.Track{
		Codec: stream.AAC, ClockRate: 48000, Params: [][]byte{testASC}, Channels: 2, FrameSamples: 1024,
	}
}

func newEpoch(number int, video, audio *stream.Track) *stream.Epoch {
	return &stream.Epoch{Number: number, Format: stream.Format{Video: video, Audio: audio}}
}

// packet returns an access unit of size bytes at ticks.
func packet(e *stream.Epoch, t *stream.Track, dts, pts int64, key bool, size int) *stream.Packet {
	return &stream.Packet{
		Epoch: e, Track: t, Key: key, DTS: dts, PTS: pts,
		NTP:     anchor.Add(t.Duration(pts)),
		Arrived: anchor.Add(t.Duration(dts)),
		Payload: make([]byte, size),
	}
}

// source describes what a test publisher sends.
type source struct {
	epoch  *stream.Epoch
	fps    float64
	gop    time.Duration
	from   time.Duration // session time of the first frame
	length time.Duration
	offset int                              // PTS minus DTS in ticks, of every second frame too
	jitter func(frame int) time.Duration    // added to the DTS, which is rounded to milliseconds
	frame  func(p *stream.Packet, n int)    // changes a video packet
	skip   func(at time.Duration) (no bool) // frames that are not sent
}

// packets returns the source's packets, interleaved by decoding time.
func (s source) packets() []*stream.Packet {
	var list []*stream.Packet
	video, audio := s.epoch.Format.Video, s.epoch.Format.Audio
	var samples int64
	sendAudio := func(until time.Duration) {
		if audio == nil {
			return
		}
		first := stream.Ticks(s.from, audio.ClockRate)
		for audio.Duration(first+samples) <= until {
			list = append(list, packet(s.epoch, audio, first+samples, first+samples, true, 300))
			samples += int64(audio.FrameSamples)
		}
	}
	if video == nil {
		sendAudio(s.from + s.length)
		return list
	}
	perGOP := int(s.gop.Seconds()*s.fps + 0.5)
	for n := 0; ; n++ {
		at := time.Duration(float64(n) / s.fps * float64(time.Second))
		if at >= s.length {
			break
		}
		if s.skip != nil && s.skip(at) {
			continue
		}
		dts := s.from + at
		if s.jitter != nil {
			dts += s.jitter(n)
		}
		ticks := stream.Ticks(dts.Round(time.Millisecond), video.ClockRate)
		pts := ticks + int64(s.offset)
		if s.offset > 0 && n%2 == 1 && n%perGOP != 0 {
			pts -= int64(s.offset) / 2
		}
		sendAudio(dts)
		p := packet(s.epoch, video, ticks, pts, n%perGOP == 0, 2000)
		if s.frame != nil {
			s.frame(p, n)
		}
		list = append(list, p)
	}
	return list
}

// newTestServer returns a Server whose clock the test turns.
func newTestServer(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return anchor }
	}
	s, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(s.stop)
	return s
}

// openTest opens a stream with a token that does not change from run to run.
func openTest(s *Server, channel string, rungs ...stream.Rung) *Stream {
	st := newStream(s, channel, "TESTTOKEN", Options{ExpectRungs: rungs})
	s.mu.Lock()
	s.streams[channel] = st
	s.mu.Unlock()
	return st
}

// writeAll packs packets as Run does.
func writeAll(t *testing.T, st *Stream, packets []*stream.Packet) {
	t.Helper()
	for _, p := range packets {
		require.NoError(t, st.write(p))
	}
}

// get asks the handler for path.
func get(t *testing.T, s *Server, path string, headers ...string) *http.Response {
	t.Helper()
	return do(t, s, httptest.NewRequest(http.MethodGet, path, nil), headers...)
}

func do(t *testing.T, s *Server, r *http.Request, headers ...string) *http.Response {
	t.Helper()
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}
