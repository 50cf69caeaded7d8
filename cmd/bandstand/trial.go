package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"bandstand/api/channel"
	"bandstand/configs"
	"bandstand/media/hls/conform"
	"bandstand/transcode"
)

const (
	trialChannel = "trial"
	trialTime    = 15 * time.Second
)

// trial broadcasts a test picture through a server of its own, on free ports of this
// machine and in a folder that goes away, and checks what viewers get.
func (d *doctor) trial(ctx context.Context, cfg configs.Config) {
	report, err := goOnAir(ctx, cfg)
	if err != nil {
		d.fail("trial", "%v", err)
		return
	}
	for _, r := range report.Renditions {
		name := strings.TrimSuffix(r.Name, "/index.m3u8")
		d.ok("trial", "%-7s %s, %d segments, %d parts, %d gaps, %d kbit/s",
			name, strings.Join(r.Codecs, "+"), r.Segments, r.Parts, r.Gaps, r.AverageBPS/1000)
	}
	for _, v := range report.Violations {
		if v.Rule == conform.RuleWallClock {
			d.warn("hls", "%v: this machine was too busy to send in real time", v)
			continue
		}
		d.fail("hls", "%v", v)
	}
	if report.OK() {
		d.ok("hls", "every rule kept for %v", report.Watched.Round(time.Second))
	}
	if age := report.FrameAge; age.Count > 0 {
		d.ok("latency", "a frame can be fetched %v after it was sent (median; 95 %% within %v)",
			age.P50.Round(time.Millisecond), age.P95.Round(time.Millisecond))
	} else {
		d.fail("latency", "no frame with a time came back")
	}
}

// goOnAir runs the trial.
func goOnAir(ctx context.Context, cfg configs.Config) (_ *conform.Report, err error) {
	dir, err := os.MkdirTemp("", "bandstand-doctor-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder of ours in the temporary one
	a, err := newApp(ctx, trialConfig(cfg, dir), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	key, err := a.trialKey(ctx)
	if err != nil {
		return nil, err
	}
	publisher := &stampedPicture{testPicture{
		ffmpeg: cfg.Transcode.FFmpeg, url: "rtmp://" + a.local("rtmp") + "/live/" + key,
		width: 1280, height: 720, font: anyFont(),
	}}
	ctx, cancel := context.WithCancel(ctx)
	a.live = append(a.live, publisher.run)
	served := make(chan error, 1)
	go func() { served <- a.run(ctx) }()
	report, err := conform.Watch(ctx, conform.Config{
		URL:      a.publicURL() + "/live/" + trialChannel + "/index.m3u8",
		Duration: trialTime, StartWithin: 20 * time.Second, FetchMedia: true,
	})
	cancel()
	return report, errors.Join(err, <-served)
}

// trialConfig is cfg on free ports of this machine, alone and in dir.
func trialConfig(cfg configs.Config, dir string) configs.Config {
	cfg.Roles = []configs.Role{configs.RoleAll}
	cfg.DataDir, cfg.DB.URL, cfg.Secret, cfg.PublicURL = dir, "", "", ""
	cfg.HTTP.Listen, cfg.RTMP.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.RTMPS.Listen, cfg.Metrics.Listen = "", ""
	cfg.HTTP.TLS = configs.TLS{}
	return cfg
}

func (a *app) trialKey(ctx context.Context) (string, error) {
	if _, _, err := a.api.accounts.EnsureAdmin(ctx); err != nil {
		return "", err
	}
	me, err := a.admin(ctx)
	if err != nil {
		return "", err
	}
	title := "Trial"
	_, key, err := a.api.channels.Create(ctx, me, trialChannel, channel.Change{Title: &title})
	return key, err
}

// measure says which ladder this machine can keep up with.
func (d *doctor) measure(ctx context.Context, t configs.Transcode) {
	cfg, err := ffmpegConfig(t).WithDefaults()
	if err != nil {
		d.fail("ladder", "%v", err)
		return
	}
	cores := float64(runtime.GOMAXPROCS(0))
	for rungs := encoded(t.Rungs); len(rungs) > 0; rungs = rungs[1:] {
		m, err := transcode.Measure(ctx, cfg, rungs)
		if err != nil {
			d.fail("ladder", "%v", err)
			return
		}
		names := make([]string, 0, len(rungs))
		for _, r := range rungs {
			names = append(names, fmt.Sprintf("%dp", r.Height))
		}
		list := strings.Join(names, "+")
		// Live encoding wants room for the moments that are harder than the test.
		if m.Speed < 1.5 {
			d.warn("ladder", "%s from 1080p30: %.1f times live speed is too little, trying with less", list, m.Speed)
			continue
		}
		d.ok("ladder", "%s from 1080p30: %.1f times live speed, %.2f cores a stream: about %d such streams at once",
			list, m.Speed, m.Cores, max(1, int(0.75*cores/m.Cores)))
		return
	}
	d.warn("ladder", "this machine is too slow to encode: set transcode.enabled to false, or use a graphics card")
}

func encoded(rungs []configs.Rung) []transcode.Rung {
	out := make([]transcode.Rung, 0, len(rungs))
	for _, r := range rungs {
		out = append(out, transcode.Rung{
			Height: r.Height, BitrateBPS: int(r.Bitrate), FrameRate: 30, MaxFrameRate: float64(r.MaxFPS),
		})
	}
	return out
}
