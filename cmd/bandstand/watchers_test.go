package main

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bandstand/media/hls/conform"
)

// watchAll follows several channels at once and returns what it saw, rules broken
// included: clean looks at those.
func (s *server) watchAll(t *testing.T, slugs []string, d time.Duration) map[string]*conform.Report {
	t.Helper()
	reports := make([]*conform.Report, len(slugs))
	errs := make([]error, len(slugs))
	var watchers sync.WaitGroup
	for i, slug := range slugs {
		watchers.Go(func() {
			reports[i], errs[i] = conform.Watch(t.Context(), conform.Config{
				URL: s.HLSURL(slug), Duration: d, StartWithin: 30 * time.Second, FetchMedia: true,
			})
		})
	}
	watchers.Wait()
	byName := make(map[string]*conform.Report, len(slugs))
	for i, slug := range slugs {
		require.NoError(t, errs[i], slug)
		byName[slug] = reports[i]
	}
	return byName
}

// clean fails the test for every rule that was broken, those excepted that the test
// means to break.
func clean(t *testing.T, report *conform.Report, except ...conform.Rule) {
	t.Helper()
	for _, v := range report.Violations {
		if !slices.Contains(except, v.Rule) {
			t.Errorf("%v", v)
		}
	}
	require.Zero(t, report.Dropped)
}
