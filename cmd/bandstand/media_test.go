package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"
	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
)

func TestSourcesOfEveryKindPlay(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	tests := map[string]struct {
		source []string
		want   []string
	}{
		"b-frames": {
			join(picture("320x180", "30"), tone(), []string{
				"-c:v", "libx264", "-preset", "fast", "-bf", "3", "-g", "60", "-pix_fmt", "yuv420p",
			}, aac()),
			[]string{"codec_name=h264", "codec_name=aac"},
		},
		"sixty": {
			join(picture("320x180", "60"), tone(), h264("120"), aac()),
			[]string{"codec_name=h264", "codec_name=aac"},
		},
		"sound-only": {join(tone(), aac()), []string{"codec_name=aac"}},
		"video-only": {join(picture("320x180", "25"), h264("50")), []string{"codec_name=h264"}},
		"long-gops":  {join(picture("320x180", "30"), tone(), h264("250"), aac()), []string{"codec_name=h264"}},
	}
	for name, tt := range tests {
		key := s.channel(name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			publish(t, join(tt.source, to(s.RTMPURL(key)))...)
			s.plays(t, name, tt.want...)
			report := s.watch(t, name, 15*time.Second)
			for _, r := range report.Renditions {
				require.Zero(t, r.Gaps, r.Name)
			}
		})
	}
}

// encoder returns the process id of the ladder's ffmpeg of a server.
func (s *server) encoder() (int, error) {
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		stat, err := os.ReadFile(e)
		if err != nil {
			continue // it has ended meanwhile
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(s.cmd.Process.Pid) {
			return strconv.Atoi(filepath.Base(filepath.Dir(e)))
		}
	}
	return 0, errors.New("no ffmpeg runs")
}

func TestTheSourceSurvivesItsEncoder(t *testing.T) {
	t.Parallel()
	faults := map[string]func(t *testing.T, pid int){
		"killed": func(t *testing.T, pid int) {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		},
		"frozen for six seconds": func(t *testing.T, pid int) {
			require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
			time.Sleep(6 * time.Second)
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
				require.ErrorIs(t, err, syscall.ESRCH, "the ladder may have replaced it")
			}
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "BANDSTAND_TRANSCODE_PRESET=ultrafast",
				`BANDSTAND_TRANSCODE_RUNGS=[{"name":"180p","height":180,"bitrate":"200k"}]`)
			key := s.channel("demo")
			camera(t, s.RTMPURL(key))
			s.plays(t, "demo", "height=360", "height=180")
			reports := make(chan *conform.Report, 1)
			go func() { reports <- s.watch(t, "demo", 30*time.Second) }()
			time.Sleep(4 * time.Second) // watched before the fault
			pid, err := s.encoder()
			require.NoError(t, err)
			fault(t, pid)
			report := <-reports
			for _, r := range report.Renditions {
				if strings.HasPrefix(r.Name, "180p") {
					require.Positive(t, r.Gaps, "the fault must be seen in the rung")
				} else {
					require.Zero(t, r.Gaps, r.Name)
				}
				require.Zero(t, r.Discontinuities, r.Name)
			}
			_, list, err := s.get("/live/demo/180p/index.m3u8")
			require.NoError(t, err)
			_, after, found := strings.Cut(list, "#EXT-X-GAP")
			require.True(t, !found || strings.Contains(after, ".m4s\n"), "the rung comes back: %s", list)
		})
	}
}

// TestIndependentReaderPlays has gohlslib's client follow the stream.
func TestIndependentReaderPlays(t *testing.T) {
	t.Parallel()
	s := startServer(t, "BANDSTAND_TRANSCODE_ENABLED=false")
	key := s.channel("demo")
	camera(t, s.RTMPURL(key))
	s.plays(t, "demo", "codec_name=h264")

	frames := make(chan int64, 10_000)
	c := &gohlslib.Client{URI: s.HLSURL("demo")}
	c.OnTracks = func(tracks []*gohlslib.Track) error {
		if len(tracks) != 2 {
			return fmt.Errorf("%d tracks", len(tracks))
		}
		for _, track := range tracks {
			if _, ok := track.Codec.(*codecs.H264); !ok {
				continue
			}
			c.OnDataH26x(track, func(pts, _ int64, _ [][]byte) { frames <- pts })
		}
		return nil
	}
	require.NoError(t, c.Start())
	defer c.Close()
	last := int64(-1)
	for range 90 {
		select {
		case pts := <-frames:
			require.Greater(t, pts, last)
			last = pts
		case <-time.After(20 * time.Second):
			t.Fatal("no more frames")
		}
	}
}
