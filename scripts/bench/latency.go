package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bandstand/media/hls/conform"
)

// latency measures how old a frame is when a viewer has it: the publisher writes
// its send time into every frame, and the viewer asks for each part as soon as it
// is hinted.
func (b *bench) latency(ctx context.Context) error {
	if b.bandstand == "" {
		return nil
	}
	c, err := makeClip(ctx, b.dir, plainPicture)
	if err != nil {
		return err
	}
	s, err := b.startBandstand(ctx, "BANDSTAND_TRANSCODE_ENABLED=false")
	if err != nil {
		return err
	}
	slugs, keys, err := s.channels(ctx, 1)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	err = newLoad(c, true).during(ctx, s.rtmp, keys, func(ctx context.Context) error {
		if err := pause(ctx, 8*time.Second); err != nil {
			return err
		}
		report, err := conform.Watch(ctx, conform.Config{
			URL: "http://" + s.http + "/live/" + slugs[0] + "/index.m3u8", Duration: b.watch, FetchMedia: true,
		})
		if err != nil {
			return err
		}
		return b.judgeLatency(report)
	})
	return errors.Join(err, s.stop())
}

func (b *bench) judgeLatency(report *conform.Report) error {
	for _, v := range report.Violations {
		logf("HLS rule broken: %v", v)
	}
	if report.FrameAge.Count == 0 {
		return fmt.Errorf("no frame with a send time came through")
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.results.add(result{
		Scenario: "latency", What: "median age of a frame when fetched", Unit: "ms",
		Bandstand: ms(report.FrameAge.P50), Aim: "≤ 115",
	})
	b.results.add(result{Scenario: "latency", What: "95th percentile", Unit: "ms", Bandstand: ms(report.FrameAge.P95)})
	b.results.add(result{
		Scenario: "latency", What: "HLS rules broken", Unit: "count",
		Bandstand: float64(len(report.Violations)), Aim: "0",
	})
	return nil
}
