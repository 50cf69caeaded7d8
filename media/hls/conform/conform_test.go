package conform

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGoodStreamBreaksNoRule(t *testing.T) {
	t.Parallel()
	tests := map[string]func(f *fake){
		"low latency":       func(*fake) {},
		"without parts":     func(f *fake) { f.ll = false },
		"one rendition":     func(f *fake) { f.names = []string{"video"} },
		"no delta updates":  func(f *fake) { f.noSkip = true },
		"a discontinuity":   func(f *fake) { f.breakAt = map[string]int{"video": 18, "low": 18, "audio": 18} },
		"a gap in one rung": func(f *fake) { f.gapAt = 4 },
		"it ends":           func(f *fake) { f.endAt = initialParts + 13 },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			spoil(f)
			report := f.watch(t, true)
			require.Empty(t, report.Violations)
			require.Equal(t, f.ll, report.LowLatency)
			require.Equal(t, f.endAt > 0, report.Ended)
			require.Len(t, report.Renditions, len(f.names))
			for _, r := range report.Renditions {
				require.Greater(t, r.Segments, 10, r.Name)
				require.Positive(t, r.FetchedBytes, r.Name)
				require.Positive(t, r.PeakBPS, r.Name)
				require.NotEmpty(t, r.Codecs, r.Name)
			}
		})
	}
}

func TestDeltaUpdatesAreTakenByOneFollower(t *testing.T) {
	t.Parallel()
	report := newFake().watch(t, false)
	require.Empty(t, report.Violations)
	require.Greater(t, report.Renditions[0].Deltas, 5)
	require.Zero(t, report.Renditions[1].Deltas)
}

func TestGapsAndDiscontinuitiesAreCounted(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.gapAt = 5
	f.breakAt = map[string]int{"video": 18, "low": 18, "audio": 18}
	for _, r := range f.watch(t, true).Renditions {
		require.Equal(t, 1, r.Gaps)
		require.Equal(t, 1, r.Discontinuities)
	}
}

func TestNoStreamIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Watch(t.Context(), Config{URL: "http://127.0.0.1:1/x.m3u8", StartWithin: time.Nanosecond})
	require.Error(t, err)
	_, err = Watch(t.Context(), Config{URL: "ftp://example.com/"})
	require.ErrorContains(t, err, "not http")
}

func TestViolationsAreBounded(t *testing.T) {
	t.Parallel()
	var v violations
	for i := range 10_000 {
		v.add(RuleMap, "video", "segment %d", i)
		v.add(RuleMap, "audio", "the same")
	}
	list, dropped := v.result()
	require.Len(t, list, maxPerRule+1)
	require.Equal(t, 10_000-maxPerRule, dropped)
	require.Equal(t, 10_000, list[1].Count)
}

func TestEveryRuleHasAClause(t *testing.T) {
	t.Parallel()
	for r := range clauses {
		require.NotEmpty(t, r.Clause(), r)
	}
}
