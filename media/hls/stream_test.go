package hls

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/stream"
)

// outline describes segments in short: MSN, "d" for a discontinuity, "g" for a gap,
// "+" while open.
func outline(r *rendition) string {
	r.st.mu.Lock()
	defer r.st.mu.Unlock()
	var b strings.Builder
	for _, seg := range r.segs {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.Repeat("d", bit(seg.discontinuity)) + strings.Repeat("g", bit(seg.gap)))
		b.WriteString(string(rune('0'+seg.msn/10)) + string(rune('0'+seg.msn%10)))
		b.WriteString(strings.Repeat("+", bit(!seg.closed)))
	}
	return b.String()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ladderRun writes a source and a rung that lags lag frames behind it.
type ladderRun struct {
	st   *Stream
	late []*stream.Packet
	lag  int
}

func (l *ladderRun) write(t *testing.T, packets []*stream.Packet, rung func(p *stream.Packet) bool) {
	t.Helper()
	for _, p := range packets {
		require.NoError(t, l.st.write(p))
		if !p.Track.Codec.Video() {
			continue
		}
		if rung(p) {
			l.late = append(l.late, p)
		}
		if len(l.late) > l.lag {
			l.flush(1)
		}
	}
}

func (l *ladderRun) flush(n int) {
	for range min(n, len(l.late)) {
		l.st.WriteRung("360p", l.late[0])
		l.late = l.late[1:]
	}
}

func always(*stream.Packet) bool { return true }

func between(from, to time.Duration) func(*stream.Packet) bool {
	return func(p *stream.Packet) bool { return p.Time() < from || p.Time() >= to }
}

func sourceAt(number int, from, length time.Duration) []*stream.Packet {
	return source{
		epoch: newEpoch(number, videoTrack(), audioTrack()), fps: 30, gop: time.Second, from: from, length: length,
	}.packets()
}

func TestRenditionsStayAligned(t *testing.T) {
	t.Parallel()
	const sec = time.Second
	tests := map[string]struct {
		run                 func(t *testing.T, l *ladderRun)
		source, audio, rung string
	}{
		"reconnect": {
			func(t *testing.T, l *ladderRun) {
				l.write(t, sourceAt(0, 10*sec, 5*sec), always)
				l.write(t, sourceAt(1, 20*sec, 5*sec), always)
				l.flush(99)
			},
			"01 02 03 d04 05 06+", "01 02 03 d04 05 06+", "01 02 03 d04 05 06+",
		},
		"reconnect while the rung is down": {
			func(t *testing.T, l *ladderRun) {
				l.write(t, sourceAt(0, 10*sec, 5*sec), between(13*sec, 99*sec))
				l.flush(99)
				l.st.RungDown("360p")
				l.write(t, sourceAt(1, 20*sec, 9*sec), between(0, 22*sec))
				l.flush(99)
			},
			"01 02 03 d04 05 06 07 08+", "01 02 03 d04 05 06 07 08+", "01 g02 g03 dg04 05 06 07 08+",
		},
		"rung silent without notice": {
			func(t *testing.T, l *ladderRun) {
				l.write(t, sourceAt(0, 10*sec, 15*sec), between(13*sec, 18*sec))
				l.flush(99)
			},
			"01 02 03 04 05 06 07 08+", "01 02 03 04 05 06 07 08+", "01 g02 g03 g04 05 06 07 08+",
		},
		"rung back in the middle of a segment": {
			func(t *testing.T, l *ladderRun) {
				l.write(t, sourceAt(0, 10*sec, 11*sec), between(12500*time.Millisecond, 15*sec))
				l.flush(99)
			},
			"01 02 03 04 05 06+", "01 02 03 04 05 06+", "01 g02 g03 04 05 06+",
		},
		"rung begins late": {
			func(t *testing.T, l *ladderRun) {
				l.write(t, sourceAt(0, 10*sec, 9*sec), between(0, 13*sec))
				l.flush(99)
			},
			"01 02 03 04 05+", "01 02 03 04 05+", "03 04 05+",
		},
		"late frames of a gap are dropped": {
			func(t *testing.T, l *ladderRun) {
				packets := sourceAt(0, 10*sec, 11*sec)
				l.write(t, packets, between(14*sec, 16*sec))
				l.flush(99)
				for _, p := range packets {
					if p.Track.Codec.Video() && p.Time() >= 14*sec && p.Time() < 16*sec {
						l.st.WriteRung("360p", p)
					}
				}
			},
			"01 02 03 04 05 06+", "01 02 03 04 05 06+", "01 02 g03 04 05 06+",
		},
		"rung ahead of the source": {
			func(t *testing.T, l *ladderRun) {
				packets := sourceAt(0, 10*sec, 7*sec)
				for _, p := range packets {
					if p.Track.Codec.Video() {
						l.st.WriteRung("360p", p)
					}
					require.NoError(t, l.st.write(p))
				}
			},
			"01 02 03 04+", "01 02 03 04+", "01 02 03 04+",
		},
		"audio leaves": {
			func(t *testing.T, l *ladderRun) {
				l.write(t, sourceAt(0, 10*sec, 5*sec), always)
				mute := source{epoch: newEpoch(1, videoTrack(), nil), fps: 30, gop: sec, from: 15 * sec, length: 5 * sec}
				l.write(t, mute.packets(), always)
				l.flush(99)
			},
			"01 02 03 d04 05 06+", "01 02 03 dg04 g05", "01 02 03 d04 05 06+",
		},
		"audio comes": {
			func(t *testing.T, l *ladderRun) {
				mute := source{epoch: newEpoch(0, videoTrack(), nil), fps: 30, gop: sec, from: 10 * sec, length: 5 * sec}
				l.write(t, mute.packets(), always)
				l.write(t, sourceAt(1, 15*sec, 5*sec), always)
				l.flush(99)
			},
			"01 02 03 d04 05 06+", "d04 05 06+", "01 02 03 d04 05 06+",
		},
		"video leaves and comes back": {
			func(t *testing.T, l *ladderRun) {
				l.write(t, sourceAt(0, 10*sec, 5*sec), always)
				blind := source{epoch: newEpoch(1, nil, audioTrack()), from: 15 * sec, length: 5 * sec}
				l.write(t, blind.packets(), always)
				l.flush(99)
				l.write(t, sourceAt(2, 21*sec, 3*sec), always)
				l.flush(99)
			},
			"01 02 03 dg04 g05 g06 d07 08+", "01 02 03 d04 05 06 d07 08+", "01 02 g03 dg04 g05 g06 d07 08+",
		},
		"video stalls while audio goes on": {
			func(t *testing.T, l *ladderRun) {
				packets := slices.DeleteFunc(sourceAt(0, 10*sec, 19*sec), func(p *stream.Packet) bool {
					return p.Track.Codec.Video() && p.Time() > 13*sec && p.Time() < 20*sec
				})
				l.write(t, packets, always)
				l.flush(99)
			},
			"01 02 g03 g04 g05 06 07 08 09 10+", "01 02 03 04 05 06 07 08 09 10+", "01 g02 g03 g04 g05 06 07 08 09 10+",
		},
		"everything pauses": {
			func(t *testing.T, l *ladderRun) {
				packets := slices.DeleteFunc(sourceAt(0, 10*sec, 19*sec), func(p *stream.Packet) bool {
					return p.Time() > 13*sec && p.Time() < 20*sec
				})
				l.write(t, packets, always)
				l.flush(99)
			},
			"01 02 g03 g04 g05 g06 07 08 09 10 11+", "", "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, Config{})
			l := &ladderRun{st: openTest(s, "x"), lag: 3}
			tt.run(t, l)
			for name, want := range map[string]string{sourceName: tt.source, audioName: tt.audio, "360p": tt.rung} {
				r := l.st.rendition(name)
				if want != "" {
					require.Equal(t, want, outline(r), name)
				}
				checkRules(t, r, sloppy{shortParts: true, sums: true})
			}
			checkAligned(t, l.st)
			l.st.End()
			checkAligned(t, l.st)
			for _, r := range l.st.renditions {
				require.True(t, r.segs[len(r.segs)-1].closed)
				require.Equal(t, l.st.leader.lastMSN(), r.lastMSN(), "all renditions end together")
			}
		})
	}
}

// checkAligned checks that one MSN means the same in all renditions.
func checkAligned(t *testing.T, st *Stream) {
	t.Helper()
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, r := range st.renditions {
		for _, seg := range r.segs {
			for _, o := range st.renditions {
				same, _ := o.segment(seg.msn)
				if same == nil {
					continue
				}
				require.Equal(t, seg.discontinuity, same.discontinuity, "%s and %s, segment %d", r.name, o.name, seg.msn)
				require.Equal(t, seg.discontinuous, same.discontinuous)
				if r.video == o.video {
					require.Equal(t, seg.pdt, same.pdt, "%s and %s, segment %d", r.name, o.name, seg.msn)
				} else {
					require.WithinDuration(t, seg.pdt, same.pdt, 100*time.Millisecond, "%s and %s, segment %d", r.name, o.name, seg.msn)
				}
			}
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{Window: 20 * time.Second})
	st := openTest(s, "x")
	writeAll(t, st, sourceAt(0, 10*time.Second, 15*time.Second))
	writeAll(t, st, sourceAt(1, 40*time.Second, 75*time.Second))
	for _, r := range st.renditions {
		shown := r.listedDuration()
		require.GreaterOrEqual(t, shown, 20*time.Second)
		require.Less(t, shown, 23*time.Second)
		require.LessOrEqual(t, r.listed, 2)
		require.Equal(t, 1, strings.Count(text(t, get(t, s, "/live/x/"+r.name+"/index.m3u8")), "DISCONTINUITY-SEQUENCE:1\n"))
	}
	checkAligned(t, st)
	var held int64
	for _, r := range st.renditions {
		for _, seg := range r.segs {
			held += seg.size
		}
	}
	require.Equal(t, held, st.stored)
}

func TestWindowShrinksUnderTooManyBytes(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{MaxStreamBytes: 1 << 20})
	st := openTest(s, "x")
	writeAll(t, st, sourceAt(0, 10*time.Second, 60*time.Second)) // 75 kB/s
	require.Less(t, st.stored, int64(1<<20)+200_000)
	require.Greater(t, st.leader.listedDuration(), 6*time.Second)
	checkAligned(t, st)
}

// TestTimelineIsContinuous checks over an hour that what is declared neither drifts
// from the media nor jumps.
func TestTimelineIsContinuous(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	src := source{epoch: newEpoch(0, videoTrack(), audioTrack()), fps: 30000.0 / 1001, gop: 2 * time.Second, from: 10 * time.Second, length: time.Hour}
	src.frame = func(p *stream.Packet, _ int) { p.Payload = p.Payload[:100] }
	last := make(map[*rendition]*segment)
	for _, p := range src.packets() {
		require.NoError(t, st.write(p))
		for _, r := range st.renditions {
			seg := r.cur
			if seg == nil || seg == last[r] {
				continue
			}
			if before := last[r]; before != nil {
				require.Equal(t, before.msn+1, seg.msn)
				require.Equal(t, before.start+before.duration, seg.start)
				require.InDelta(t, seg.start, seg.pdt.Sub(anchor), float64(declaredLag))
			}
			last[r] = seg
		}
	}
}

func TestRenditions(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	l := &ladderRun{st: openTest(s, "x", stream.Rung{Name: "360p", BitrateBPS: 700_000}), lag: 3}
	require.Empty(t, l.st.Renditions())
	l.write(t, sourceAt(0, 10*time.Second, 6*time.Second), always)
	got := l.st.Renditions()
	require.Len(t, got, 3)
	require.Equal(t, []string{"source", "360p", "audio"}, []string{got[0].Name, got[1].Name, got[2].Name})
	require.Equal(t, "avc1.42c028", got[0].Codec)
	require.Equal(t, "mp4a.40.2", got[2].Codec)
	require.Equal(t, 1920, got[0].Width)
	require.InDelta(t, 30, got[0].FrameRate, 0.01)
	require.InDelta(t, 480_000, got[0].BandwidthBPS, 20_000)
	require.InDelta(t, 112_500, got[2].AverageBPS, 10_000)
}

// TestManyEpochs checks that reconnects without end do not pile up init segments.
func TestManyEpochs(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	for n := range maxInits + 3 {
		writeAll(t, st, sourceAt(n, time.Duration(10+n)*time.Second, time.Second))
	}
	require.Len(t, st.leader.inits, maxInits)
	require.Equal(t, 410, get(t, s, "/live/x/source/TESTTOKEN-i2.mp4").StatusCode)
	require.Equal(t, 200, get(t, s, "/live/x/source/TESTTOKEN-i3.mp4").StatusCode)
	list := text(t, get(t, s, "/live/x/source/index.m3u8"))
	require.Equal(t, strings.Count(list, "#EXT-X-DISCONTINUITY\n"), strings.Count(list, "#EXT-X-MAP"))
	checkAligned(t, st)
}

func TestAStreamOfVeryShortEpochsCanBePlayed(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	for n := range 12 {
		writeAll(t, st, sourceAt(n, 10*time.Second+time.Duration(n)*time.Second, 350*time.Millisecond))
	}
	res := get(t, s, "/live/x/source/index.m3u8")
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, text(t, res), "#EXT-X-TARGETDURATION:10\n")
}

func TestDatesGoOnWhileVideoStalls(t *testing.T) {
	t.Parallel()
	const sec = time.Second
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	writeAll(t, st, slices.DeleteFunc(sourceAt(0, 10*sec, 19*sec), func(p *stream.Packet) bool {
		return p.Track.Codec.Video() && p.Time() > 13500*time.Millisecond && p.Time() < 20*sec
	}))
	segs := st.leader.segs
	require.True(t, segs[2].gap)
	for i, seg := range segs[1:] {
		require.WithinDuration(t, segs[i].pdt.Add(segs[i].duration), seg.pdt, 25*time.Millisecond, "segment %d", seg.msn)
	}
}

// TestAudioMayBeAheadOfVideo has audio whose timestamps are a second ahead of those of
// the video that comes with it.
func TestAudioMayBeAheadOfVideo(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Config{})
	st := openTest(s, "x")
	packets := sourceAt(0, 10*time.Second, 15*time.Second)
	for _, p := range packets {
		if !p.Track.Codec.Video() {
			p.DTS += int64(p.Track.ClockRate)
			p.PTS = p.DTS
			p.NTP = p.NTP.Add(time.Second)
		}
	}
	writeAll(t, st, packets)
	require.Equal(t, "01 02 03 04 05 06 07 08+", outline(st.leader))
	require.Equal(t, "01 02 03 04 05 06 07 08+", outline(st.rendition(audioName)))
	checkRules(t, st.leader, sloppy{})
	checkRules(t, st.rendition(audioName), sloppy{})
}

func TestVideoMayStallAnywhereInASegment(t *testing.T) {
	t.Parallel()
	for at := 13 * time.Second; at < 16*time.Second; at += 300 * time.Millisecond {
		s := newTestServer(t, Config{})
		st := openTest(s, "x")
		writeAll(t, st, slices.DeleteFunc(sourceAt(0, 10*time.Second, 15*time.Second), func(p *stream.Packet) bool {
			return p.Track.Codec.Video() && p.Time() > at
		}))
		checkRules(t, st.rendition(audioName), sloppy{})
	}
}
