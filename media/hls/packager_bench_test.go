package hls

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	hlscodecs "github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

// packager is what the benchmarks compare.
type packager interface {
	write(p *stream.Packet) error
	stop()
}

// ownPackager is this package.
type ownPackager struct {
	s  *Server
	st *Stream
}

func newOwnPackager(tb testing.TB) *ownPackager {
	tb.Helper()
	s, err := New(Config{Window: benchWindow})
	require.NoError(tb, err)
	return &ownPackager{s: s, st: s.Open("x", Options{})}
}

func (o *ownPackager) write(p *stream.Packet) error { return o.st.write(p) }
func (o *ownPackager) stop()                        { o.s.stop() }

// muxerPackager is gohlslib's Muxer.
type muxerPackager struct {
	m            *gohlslib.Muxer
	video, audio *gohlslib.Track
	units        map[*stream.Packet][][]byte // split before the clock runs
}

func newMuxerPackager(tb testing.TB, f stream.Format, units map[*stream.Packet][][]byte) *muxerPackager {
	tb.Helper()
	var conf mpeg4audio.AudioSpecificConfig
	require.NoError(tb, conf.Unmarshal(f.Audio.Params[0]))
	o := &muxerPackager{
		video: &gohlslib.Track{Codec: &hlscodecs.H264{SPS: f.Video.Params[0], PPS: f.Video.Params[1]}, ClockRate: 90000},
		audio: &gohlslib.Track{Codec: &hlscodecs.MPEG4Audio{Config: conf}, ClockRate: f.Audio.ClockRate},
		units: units,
	}
	o.m = &gohlslib.Muxer{
		Variant: gohlslib.MuxerVariantLowLatency, SegmentCount: int(benchWindow / (2 * time.Second)),
		SegmentMinDuration: 2 * time.Second, PartMinDuration: 200 * time.Millisecond,
		Tracks: []*gohlslib.Track{o.video, o.audio}, OnEncodeError: func(error) {},
	}
	require.NoError(tb, o.m.Start())
	return o
}

func (o *muxerPackager) write(p *stream.Packet) error {
	if p.Track.Codec == stream.AAC {
		return o.m.WriteMPEG4Audio(o.audio, p.NTP, p.PTS, [][]byte{p.Payload})
	}
	return o.m.WriteH264(o.video, p.NTP, p.PTS, o.units[p])
}

func (o *muxerPackager) stop() { o.m.Close() }

const (
	benchWindow = 20 * time.Second
	benchClip   = 10 * time.Second
)

// minute returns a minute of 720p30 H.264 of 2.5 Mbit/s and AAC.
func minute(tb testing.TB) ([]*stream.Packet, map[*stream.Packet][][]byte) {
	tb.Helper()
	mp4 := encode(tb, benchClip, "testsrc2=size=1280x720:rate=30,noise=alls=20:allf=t", "-preset", "ultrafast", "-bf", "0",
		"-tune", "zerolatency", "-b:v", "2500k", "-minrate", "2500k", "-maxrate", "2500k", "-bufsize", "1000k")
	clip := unpack(tb, mp4, 0, 10*time.Second)
	units := make(map[*stream.Packet][][]byte)
	var all []*stream.Packet
	for n := range int64(time.Minute / benchClip) {
		for _, p := range clip {
			q := *p
			shift := stream.Ticks(benchClip, p.Track.ClockRate) * n
			if p.Track.Codec == stream.AAC { // whole frames, so that audio stays continuous
				shift = shift / 1024 * 1024
			}
			q.DTS, q.PTS = p.DTS+shift, p.PTS+shift
			q.NTP = anchor.Add(q.Time())
			q.Arrived = time.Now()
			all = append(all, &q)
			if p.Track.Codec == stream.H264 {
				var au h264.AVCC
				require.NoError(tb, au.Unmarshal(p.Payload))
				if p.Key {
					au = append([][]byte{p.Track.Params[0], p.Track.Params[1]}, au...)
				}
				units[&q] = au
			}
		}
	}
	return all, units
}

// BenchmarkPackager compares the cost of a minute of low-latency packaging without
// viewers, and what a stream holds in the end.
func BenchmarkPackager(b *testing.B) {
	packets, units := minute(b)
	format := packets[0].Epoch.Format
	for _, streams := range []int{1, 10, 50} {
		for _, name := range []string{"own", "gohlslib"} {
			b.Run(fmt.Sprintf("%s/streams=%d", name, streams), func(b *testing.B) {
				b.ReportAllocs()
				var cpu time.Duration
				var held, alive uint64
				for range b.N {
					b.StopTimer()
					before := heap()
					var all []packager
					for range streams {
						if name == "own" {
							all = append(all, newOwnPackager(b))
						} else {
							all = append(all, newMuxerPackager(b, format, units))
						}
					}
					started := cpuTime()
					b.StartTimer()
					for _, p := range packets {
						for _, o := range all {
							require.NoError(b, o.write(p))
						}
					}
					b.StopTimer()
					cpu += cpuTime() - started
					alive = heap() - before
					held = alive
					for _, o := range all {
						if own, ok := o.(*ownPackager); ok {
							held += uint64(own.st.stored)
						}
						o.stop()
					}
					b.StartTimer()
				}
				b.ReportMetric(cpu.Seconds()*1000/float64(b.N*streams), "cpu-ms/stream-minute")
				b.ReportMetric(float64(held)/float64(streams)/(1<<20), "MiB-held/stream")
				b.ReportMetric(float64(alive)/float64(streams)/(1<<20), "MiB-heap/stream")
			})
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

var muxerHint = regexp.MustCompile(`PRELOAD-HINT:TYPE=PART,URI=".*_part(\d+)\.mp4"`)

// BenchmarkPartAge reports how old frames are when their part can be fetched, in
// media time: what waiting for more frames costs.
func BenchmarkPartAge(b *testing.B) {
	packets, units := minute(b)
	packets = packets[:len(packets)/4]
	for _, name := range []string{"own", "gohlslib"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var o packager
				var parts func() int
				if name == "own" {
					own := newOwnPackager(b)
					o, parts = own, func() int { return own.st.leader.nextPart }
				} else {
					muxer := newMuxerPackager(b, packets[0].Epoch.Format, units)
					o, parts = muxer, func() int { return muxer.hinted() }
				}
				var waiting []time.Duration
				var sum time.Duration
				frames, last := 0, 0
				for _, p := range packets {
					require.NoError(b, o.write(p))
					if p.Track.Codec != stream.H264 {
						continue
					}
					now := p.Time()
					// gohlslib answers only once two segments are there.
					n := last
					if now > 15*time.Second {
						n = parts()
					}
					late := n != last && name == "gohlslib" // without the frame that ended it
					if !late {
						waiting = append(waiting, now)
					}
					if n != last {
						if last > 0 {
							for _, t := range waiting {
								sum += now - t
								frames++
							}
						}
						waiting, last = waiting[:0], n
					}
					if late {
						waiting = append(waiting, now)
					}
				}
				o.stop()
				b.ReportMetric(float64(sum.Milliseconds())/float64(frames), "ms-mean-frame-age")
			}
		})
	}
}

// hinted returns the number of the part that comes next, zero before the playlist
// can be had without waiting.
func (o *muxerPackager) hinted() int {
	w := httptest.NewRecorder()
	o.m.Handle(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/video1_stream.m3u8"}})
	m := muxerHint.FindStringSubmatch(w.Body.String())
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}
