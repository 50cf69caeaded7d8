package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bandstand/api/channel/client"
	"bandstand/configs"
	"bandstand/media/hls"
	"bandstand/media/ingest/rtmp"
	"bandstand/media/ingest/rtmp/guard"
	"bandstand/media/ladder"
	"bandstand/media/live"
	"bandstand/media/stream"
	"bandstand/transcode"
)

// openMedia prepares what sessions feed: playlists, and the ladder.
func (a *app) openMedia(context.Context) error {
	if !a.cfg.Has(configs.RoleIngest) {
		return nil
	}
	playlists, err := hls.New(hls.Config{
		SegmentTarget:  a.cfg.HLS.SegmentTarget,
		PartTarget:     a.cfg.HLS.PartTarget,
		Plain:          !a.cfg.HLS.LowLatency,
		Window:         a.cfg.HLS.Window,
		Linger:         max(a.cfg.HLS.Linger, time.Nanosecond),
		MaxStreamBytes: int64(a.cfg.HLS.MaxStreamBytes),
		Viewers:        a.viewers,
		Logger:         a.log,
		Registerer:     a.metrics,
	})
	if err != nil {
		return err
	}
	var rungs *ladder.Ladder
	if a.cfg.Transcode.Enabled {
		if rungs, err = a.newLadder(); err != nil {
			return err
		}
	}
	a.onAir = newOnAir(playlists, rungs)
	a.serving = append(a.serving, playlists.Run)
	return nil
}

func (a *app) newLadder() (*ladder.Ladder, error) {
	t := a.cfg.Transcode
	rungs := make([]stream.Rung, 0, len(t.Rungs))
	for _, r := range t.Rungs {
		rungs = append(rungs, stream.Rung{
			Name: r.Name, Height: r.Height, BitrateBPS: int(r.Bitrate), MaxFrameRate: float64(r.MaxFPS),
		})
	}
	return ladder.New(ladder.Config{
		FFmpeg:         ffmpegConfig(t),
		Rungs:          rungs,
		ThumbnailEvery: orNever(t.ThumbnailEvery),
		Logger:         a.log,
		Registerer:     a.metrics,
	})
}

func ffmpegConfig(t configs.Transcode) transcode.Config {
	cfg := transcode.Config{
		Binary: t.FFmpeg, Encoder: transcode.Encoder(t.Encoder), Preset: t.Preset, ExtraArgs: t.ExtraArgs,
	}
	if len(t.InputArgs) > 0 { // otherwise the encoder's own
		cfg.InputArgs = t.InputArgs
	}
	return cfg
}

// orNever tells packages to which zero means their default that it means never.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// openIngest listens for publishers.
func (a *app) openIngest(ctx context.Context) error {
	if a.onAir == nil {
		return nil
	}
	keys, err := a.keys()
	if err != nil {
		return err
	}
	sessions, err := live.New(live.Config{
		Outputs:     a.onAir.outputs,
		Keys:        keys,
		Grace:       max(a.cfg.Ingest.GracePeriod, time.Nanosecond),
		SilentAfter: a.cfg.Ingest.SilentAfter,
		Takeover:    a.cfg.Ingest.SecondPublisher == "takeover",
		Logger:      a.log,
		Registerer:  a.metrics,
	})
	if err != nil {
		return err
	}
	a.sessions = sessions
	if a.api != nil {
		a.api.reports.sessions = sessions
	}
	a.live = append(a.live, sessions.Run)
	if a.cfg.RTMP.Listen != "" {
		if err := a.openRTMP(ctx, "rtmp", a.cfg.RTMP.Listen, nil, keys, sessions); err != nil {
			return err
		}
	}
	if a.cfg.RTMPS.Listen == "" {
		return nil
	}
	certificate, err := loadTLS(a.cfg.RTMPSCertificate(), a.log)
	if err != nil {
		return fmt.Errorf("rtmps.tls: %w", err)
	}
	return a.openRTMP(ctx, "rtmps", a.cfg.RTMPS.Listen, certificate, keys, sessions)
}

// keyring answers everything about stream keys.
type keyring interface {
	rtmp.Authorizer
	live.Keys
}

// keys returns who knows the stream keys: the channels of this process, or the API
// of another.
func (a *app) keys() (keyring, error) {
	if a.api != nil {
		return localKeys{a.api.channels, a.onAir}, nil
	}
	api, err := client.New(client.Config{
		BaseURL: a.cfg.Ingest.APIURL, Token: a.cfg.Ingest.ServiceToken.Reveal(),
		Base: http.DefaultTransport,
	})
	if err != nil {
		return nil, fmt.Errorf("ingest.api_url, ingest.service_token: %w", err)
	}
	if a.cfg.PublicURL == "" {
		a.log.Warn("public_url is not set: only players on this machine find its streams")
	}
	node, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this node: %w", err)
	}
	return &remoteKeys{api: api, node: node, publicURL: a.publicURL, onAir: a.onAir, end: func(id string) bool { return a.sessions.End(id) }}, nil
}

// openRTMP listens for publishers at addr, inside TLS if certificate is not nil.
func (a *app) openRTMP(
	ctx context.Context, service, addr string, certificate *tls.Config, keys rtmp.Authorizer, sessions *live.Registry,
) error {
	ln, err := a.listen(ctx, service, addr)
	if err != nil {
		return err
	}
	if a.api != nil {
		ln = &barredListener{Listener: ln, banned: a.api.instance.Banned}
	}
	cfg := a.cfg.RTMP
	server, err := rtmp.NewServer(ln, rtmp.Config{
		Keys:                  keys,
		Streams:               sessions,
		TLS:                   certificate,
		MaxConnections:        cfg.MaxConnections,
		MaxConnectionsPerAddr: cfg.MaxPerAddress,
		ConnectBurst:          10 * cfg.ConnectRate,
		ConnectEvery:          10 * time.Second,
		MaxBitrateBPS:         int(a.cfg.Ingest.MaxBitrate),
		Limits: guard.Limits{
			SetupTimeout: cfg.SetupTimeout, IdleTimeout: cfg.IdleTimeout, WriteTimeout: cfg.WriteTimeout,
		},
		Logger:     a.log,
		Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, a.metrics),
	})
	if err != nil {
		return err // the app closes ln
	}
	a.live = append(a.live, server.Run)
	return nil
}
