package ladder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"bandstand/media/stream"
	"bandstand/media/stream/flv/flvtest"
	"bandstand/transcode"
)

// BenchmarkCostAgainstBareFFmpeg encodes ten seconds of 1080p30 into the default
// ladder, once through a Ladder and once with the same ffmpeg command reading a file
// and writing nowhere. It reports processor seconds, ours and ffmpeg's, for each
// second of stream, and their ratio. What runs beside it disturbs the ratio little.
func BenchmarkCostAgainstBareFFmpeg(b *testing.B) {
	const seconds = 10
	src := packets(b, flvtest.Clip(b, picture("1920x1080", "30", "10", "-b:v", "6M", "-bf", "2")...), 0, epochStart)
	l := newLadder(b, Config{})
	file := writeMatroska(b, src)
	args := bareArgs(l, src[0].Track, file)
	var ladder, bare time.Duration
	for b.Loop() {
		before := cpu(b)
		out := newRecorder()
		require.NoError(b, l.Run(b.Context(), queueOf(src), nil, out))
		require.Len(b, out.rungs["360p"], len(src))
		between := cpu(b)
		p := transcode.Program{Binary: l.cfg.FFmpeg.Binary, Args: args}
		require.NoError(b, p.Run(b.Context()))
		ladder += between - before
		bare += cpu(b) - between
	}
	n := float64(b.N * seconds)
	b.ReportMetric(ladder.Seconds()/n, "cores-ladder")
	b.ReportMetric(bare.Seconds()/n, "cores-bare")
	b.ReportMetric(ladder.Seconds()/bare.Seconds(), "ratio")
}

// writeMatroska stores a source as an encoder gets it.
func writeMatroska(b *testing.B, src []*stream.Packet) string {
	b.Helper()
	out, err := matroskaHeader(src[0].Track, 30)
	require.NoError(b, err)
	for _, p := range src {
		out = appendFrame(out, uint64(p.PTS/ticksPerMS), p.Key, p.Payload)
	}
	file := filepath.Join(b.TempDir(), "source.mkv")
	require.NoError(b, os.WriteFile(file, out, 0o600))
	return file
}

// bareArgs returns the ladder's arguments with files in the place of pipes.
func bareArgs(l *Ladder, source *stream.Track, file string) []string {
	args := transcode.Args(l.cfg.FFmpeg, l.job(source, l.Plan(stream.Format{Video: source}, nil)))
	for i, a := range args {
		switch {
		case a == "pipe:0":
			args[i] = file
		case strings.HasPrefix(a, "pipe:"):
			args[i] = os.DevNull
		}
	}
	return append([]string{"-y"}, args...)
}

// cpu returns the processor time of this process and its children so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var total time.Duration
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		require.NoError(b, unix.Getrusage(who, &u))
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total
}
