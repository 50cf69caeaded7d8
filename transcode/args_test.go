package transcode

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite testdata")

func defaults(t *testing.T, c Config) Config {
	t.Helper()
	c, err := c.WithDefaults()
	require.NoError(t, err)
	return c
}

func TestArgsAreAsRecorded(t *testing.T) {
	t.Parallel()
	ladder := []Rung{
		{Height: 720, BitrateBPS: 2_800_000, FrameRate: 29.97, MaxFrameRate: 30},
		{Height: 360, BitrateBPS: 700_000},
	}
	tests := map[string]struct {
		cfg Config
		job Job
	}{
		"libx264":         {Config{}, Job{Rungs: ladder, ThumbnailEvery: 5 * time.Second}},
		"libx264_threads": {Config{Threads: 2, Preset: "ultrafast"}, Job{Rungs: ladder[1:]}},
		"nvenc":           {Config{Encoder: NVENC, InputArgs: []string{"-hwaccel", "cuda"}}, Job{Rungs: ladder}},
		"vaapi":           {Config{Encoder: VAAPI}, Job{Rungs: ladder, ThumbnailEvery: 2500 * time.Millisecond}},
		"qsv":             {Config{Encoder: QSV, ExtraArgs: []string{"-low_power", "1"}}, Job{Rungs: ladder}},
		"thumbnails":      {Config{}, Job{ThumbnailEvery: 5 * time.Second}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, Args(defaults(t, tt.cfg), tt.job))
		})
	}
	t.Run("still", func(t *testing.T) {
		t.Parallel()
		golden(t, "still", StillArgs(defaults(t, Config{Encoder: VAAPI})))
	})
	t.Run("try", func(t *testing.T) {
		t.Parallel()
		golden(t, "try_vaapi", tryArgs(defaults(t, Config{Encoder: VAAPI})))
	})
}

// golden compares args with testdata/name.txt, one argument a line.
func golden(t *testing.T, name string, args []string) {
	t.Helper()
	got := strings.Join(args, "\n") + "\n"
	file := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("arguments differ from %s (-want +got):\n%s", file, diff)
	}
}

func TestConfigTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := Config{Encoder: "h264_magic", Threads: -1}.WithDefaults()
	require.ErrorContains(t, err, "h264_magic")
	require.ErrorContains(t, err, "-1 encoder threads")
}
