package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"time"
)

const (
	egressStreams = 2  // publishers while viewers fetch
	egressConns   = 16 // greedy viewers
	egressParts   = 30 // newest parts that are fetched
	egressWhole   = 6  // newest finished segments that are fetched, of each stream
)

// served is what a server under flood did.
type served struct {
	requests float64 // a second
	gigabits float64 // a CPU second
}

// egress compares serving media to greedy viewers: Bandstand from memory against
// nginx sending the same bytes from files on tmpfs.
func (b *bench) egress(ctx context.Context) error {
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
	err = b.egressOf(ctx, s, c)
	return errors.Join(err, s.stop())
}

func (b *bench) egressOf(ctx context.Context, s *server, c *clip) error {
	slugs, keys, err := s.channels(ctx, egressStreams)
	if err != nil {
		return err
	}
	peer, err := b.startNginx(ctx)
	if err != nil {
		return err
	}
	err = newLoad(c, false).during(ctx, s.rtmp, keys, func(ctx context.Context) error {
		if err := pause(ctx, 25*time.Second); err != nil {
			return err
		}
		for _, kind := range []string{"segments", "parts"} {
			if err := b.compareEgress(ctx, s, peer, slugs, kind); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, peer.stop())
}

// compareEgress floods both servers with requests for the same bytes, one after
// the other.
func (b *bench) compareEgress(ctx context.Context, s, peer *server, slugs []string, kind string) error {
	paths, copies, err := s.mirror(ctx, peer, slugs, kind == "parts")
	if err != nil {
		return err
	}
	base, err := b.idleLoad(ctx, s)
	if err != nil {
		return err
	}
	own, err := b.flood(ctx, s, paths, base)
	if err != nil {
		return fmt.Errorf("bandstand, %s: %w", kind, err)
	}
	other, err := b.flood(ctx, peer, copies, 0)
	if err != nil {
		return fmt.Errorf("nginx, %s: %w", kind, err)
	}
	logf("egress of %s: bandstand %+v, nginx %+v", kind, own, other)
	b.results.add(result{
		Scenario: "egress of " + kind, What: "requests", Unit: "1/s",
		Bandstand: own.requests, Peer: other.requests, PeerName: "nginx sendfile", Aim: "ratio ≥ 0.5",
	})
	b.results.add(result{
		Scenario: "egress of " + kind, What: "media a CPU second", Unit: "Gbit",
		Bandstand: own.gigabits, Peer: other.gigabits, PeerName: "nginx sendfile", Aim: "ratio ≥ 0.5",
	})
	return nil
}

// idleLoad is the share of a core that the server uses without viewers.
func (b *bench) idleLoad(ctx context.Context, s *server) (float64, error) {
	before, err := measure(s.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := pause(ctx, 3*time.Second); err != nil {
		return 0, err
	}
	after, err := measure(s.cmd.Process.Pid)
	return (after.cpu - before.cpu).Seconds() / time.Since(began).Seconds(), err
}

// flood fetches paths as fast as the server gives them. base is the share of a
// core to leave out: what the server does besides.
func (b *bench) flood(ctx context.Context, s *server, paths []string, base float64) (served, error) {
	var f flood
	before, err := measure(s.cmd.Process.Pid)
	if err != nil {
		return served{}, err
	}
	began := time.Now()
	if err := f.run(ctx, s.http, paths, egressConns, b.plan.egress); err != nil {
		return served{}, err
	}
	seconds := time.Since(began).Seconds()
	after, err := measure(s.cmd.Process.Pid)
	if err != nil {
		return served{}, err
	}
	cpu := (after.cpu - before.cpu).Seconds() - base*seconds
	return served{
		requests: float64(f.requests.Load()) / seconds,
		gigabits: float64(f.bytes.Load()) * 8 / 1e9 / cpu,
	}, nil
}

var (
	partAddress    = regexp.MustCompile(`(?m)^#EXT-X-PART:.*URI="([^"]+)"`)
	segmentAddress = regexp.MustCompile(`(?m)^[^#\s].*$`)
)

// mirror finds the newest segments or parts of the streams' video, and writes
// copies of them where nginx serves them. It returns the paths on both.
func (s *server) mirror(ctx context.Context, peer *server, slugs []string, parts bool) (paths, copies []string, err error) {
	for _, slug := range slugs {
		found, err := s.newest(ctx, slug, parts)
		if err != nil {
			return nil, nil, err
		}
		paths = append(paths, found...)
	}
	for i, p := range paths {
		body, err := s.get(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		name := fmt.Sprintf("copy%d-%v.mp4", i, parts)
		if err := os.WriteFile(filepath.Join(peer.dir, name), body, 0o600); err != nil {
			return nil, nil, err
		}
		copies = append(copies, "/"+name)
	}
	return paths, copies, nil
}

// newest lists the newest media of a channel's first variant.
func (s *server) newest(ctx context.Context, slug string, parts bool) ([]string, error) {
	list := "/live/" + slug + "/index.m3u8"
	text, err := s.get(ctx, list)
	if err != nil {
		return nil, err
	}
	variant := segmentAddress.FindString(string(text))
	if variant == "" {
		return nil, errors.New("no variant in the multivariant playlist")
	}
	list = join(list, variant)
	if text, err = s.get(ctx, list); err != nil {
		return nil, err
	}
	var out []string
	if parts {
		for _, m := range partAddress.FindAllStringSubmatch(string(text), -1) {
			out = append(out, join(list, m[1]))
		}
		out = out[max(0, len(out)-egressParts):]
	} else {
		for _, uri := range segmentAddress.FindAllString(string(text), -1) {
			out = append(out, join(list, uri))
		}
		out = out[max(0, len(out)-egressWhole):]
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no media in %s", list)
	}
	return out, nil
}

// join resolves a playlist's address against that of the playlist.
func join(base, uri string) string {
	u, err := url.Parse(uri)
	if err != nil || path.IsAbs(uri) {
		return uri
	}
	b, err := url.Parse(base)
	if err != nil {
		return uri
	}
	return b.ResolveReference(u).String()
}
