package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// ingestCost is what taking in publishers and cutting their streams costs.
type ingestCost struct {
	cpuPerMinute float64 // CPU seconds for a publisher's minute
	memoryMB     float64 // of the whole server
	mediaMB      float64 // of this, the media kept for viewers
}

// passthrough compares the cost of RTMP in, HLS out.
func (b *bench) passthrough(ctx context.Context) error {
	c, err := makeClip(ctx, b.dir, plainPicture)
	if err != nil {
		return err
	}
	var ownBefore, peerBefore ingestCost
	for i, n := range b.publishers {
		peer, err := b.nginxIngest(ctx, c, n)
		if err != nil {
			return err
		}
		var own ingestCost
		if b.bandstand != "" {
			if own, err = b.bandstandIngest(ctx, c, n); err != nil {
				return err
			}
		}
		name := fmt.Sprintf("%d publishers", n)
		b.results.add(result{
			Scenario: name, What: "CPU a publisher-minute", Unit: "s",
			Bandstand: own.cpuPerMinute, Peer: peer.cpuPerMinute, PeerName: "nginx-rtmp", Aim: "ratio ≤ 1",
		})
		media := own.mediaMB / float64(n)
		b.results.add(result{
			Scenario: name, What: "whole memory a stream", Unit: "MB",
			Bandstand: own.memoryMB / float64(n), Peer: peer.memoryMB / float64(n), PeerName: "nginx-rtmp with its files",
			Aim: fmt.Sprintf("≤ %.1f (1.2 × %.1f + 4)", 1.2*media+4, media),
		})
		if i > 0 {
			more := float64(n - b.publishers[i-1])
			b.results.add(result{
				Scenario: name, What: "memory of a further stream", Unit: "MB",
				Bandstand: (own.memoryMB - ownBefore.memoryMB) / more,
				Peer:      (peer.memoryMB - peerBefore.memoryMB) / more, PeerName: "nginx-rtmp with its files",
			})
		}
		ownBefore, peerBefore = own, peer
	}
	return nil
}

func (b *bench) nginxIngest(ctx context.Context, c *clip, n int) (ingestCost, error) {
	s, err := b.startNginx(ctx)
	if err != nil {
		return ingestCost{}, err
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("stream%d", i)
	}
	cost, err := b.ingest(ctx, s, c, keys, func() int64 { return folderBytes(filepath.Join(s.dir, "hls")) })
	logf("nginx-rtmp, %d publishers: %+v", n, cost)
	return cost, errors.Join(err, s.stop())
}

func (b *bench) bandstandIngest(ctx context.Context, c *clip, n int) (ingestCost, error) {
	s, err := b.startBandstand(ctx, "BANDSTAND_TRANSCODE_ENABLED=false")
	if err != nil {
		return ingestCost{}, err
	}
	_, keys, err := s.channels(ctx, n)
	if err != nil {
		return ingestCost{}, errors.Join(err, s.stop())
	}
	cost, err := b.ingest(ctx, s, c, keys, func() int64 {
		u, err := measure(s.cmd.Process.Pid)
		if err != nil {
			return 0
		}
		return u.memfd
	})
	logf("bandstand, %d publishers: %+v", n, cost)
	return cost, errors.Join(err, s.stop())
}

// ingest publishes to s under every key, waits until its window of media is full,
// and measures. media tells how many bytes it keeps outside its own memory.
func (b *bench) ingest(ctx context.Context, s *server, c *clip, keys []string, media func() int64) (cost ingestCost, err error) {
	pid := s.cmd.Process.Pid
	l := newLoad(c, false)
	err = l.during(ctx, s.rtmp, keys, func(ctx context.Context) error {
		if err := pause(ctx, b.fill); err != nil {
			return err
		}
		before, err := measure(pid)
		if err != nil {
			return err
		}
		began := time.Now()
		if err := pause(ctx, b.window); err != nil {
			return err
		}
		after, err := measure(pid)
		if err != nil {
			return err
		}
		n := float64(len(keys))
		cost.cpuPerMinute = (after.cpu - before.cpu).Seconds() / n / time.Since(began).Minutes()
		kept := media()
		cost.mediaMB = float64(kept) / 1e6
		cost.memoryMB = float64(after.rss+kept) / 1e6
		return nil
	})
	return cost, err
}
