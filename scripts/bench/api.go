package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"bandstand/media/hls/conform"
)

const (
	apiRate     = 200 // requests a second
	apiChannels = 60  // a first page, and some beyond it
)

// asked is what a paced load of requests met.
type asked struct {
	took   []time.Duration // from when each was due
	failed int             // without an answer, or one of a status that was not expected
}

// quantile returns the time within which the share q of requests was answered.
func (a *asked) quantile(q float64) time.Duration {
	if len(a.took) == 0 {
		return 0
	}
	slices.Sort(a.took)
	return a.took[min(len(a.took)-1, int(q*float64(len(a.took))))]
}

// request is one kind of request in a load.
type request struct {
	method, path string
	expect       []int // status
}

// api measures how long reads of the REST API take while a stream is live on the
// same core, and what they do to it.
func (b *bench) api(ctx context.Context) error {
	if b.bandstand == "" {
		return nil
	}
	peer, err := b.nginxAnswers(ctx)
	if err != nil {
		return err
	}
	c, err := makeClip(ctx, b.dir, plainPicture)
	if err != nil {
		return err
	}
	s, err := b.startBandstand(ctx, "BANDSTAND_TRANSCODE_ENABLED=false")
	if err != nil {
		return err
	}
	slugs, keys, err := s.channels(ctx, apiChannels)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	err = newLoad(c, true).during(ctx, s.rtmp, keys[:1], func(ctx context.Context) error {
		if err := pause(ctx, 8*time.Second); err != nil {
			return err
		}
		quiet, err := b.watchLive(ctx, s, slugs[0])
		if err != nil {
			return err
		}
		answers := make(chan asked, 1)
		go func() { answers <- paced(ctx, s.http, b.watch, hotReads(slugs)) }()
		busy, err := b.watchLive(ctx, s, slugs[0])
		own := <-answers
		if err != nil {
			return err
		}
		b.judgeAPI(own, peer, quiet, busy)
		return nil
	})
	return errors.Join(err, s.stop())
}

// hotReads is what pages ask: the channel that is on air, who is on air, and lists.
func hotReads(slugs []string) []request {
	ok := []int{http.StatusOK}
	all := []request{}
	for i := range 20 {
		all = append(all,
			request{http.MethodGet, "/api/v1/channels/" + slugs[0], ok},
			request{http.MethodGet, "/api/v1/channels/" + slugs[i], ok},
			request{http.MethodGet, "/api/v1/live", ok},
			request{http.MethodGet, "/api/v1/channels?limit=50", ok},
			request{http.MethodGet, "/api/v1/channels?q=bench&limit=20", []int{http.StatusOK, http.StatusTooManyRequests}},
		)
	}
	// Everybody here has one address: all but one like in ten seconds are refused.
	return append(all, request{http.MethodPost, "/api/v1/channels/" + slugs[0] + "/like", []int{http.StatusOK, http.StatusTooManyRequests}})
}

// paced sends requests at apiRate for d, each when it is due whatever became of
// those before it, and measures from when it was due.
func paced(ctx context.Context, addr string, d time.Duration, requests []request) asked {
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
		Timeout:   10 * time.Second,
	}
	defer client.CloseIdleConnections()
	var (
		mu    sync.Mutex
		sum   asked
		group sync.WaitGroup
	)
	begin := time.Now()
	for i := 0; ; i++ {
		due := begin.Add(time.Duration(i) * time.Second / apiRate)
		if due.Sub(begin) > d || pause(ctx, time.Until(due)) != nil {
			break
		}
		group.Go(func() {
			err := requests[i%len(requests)].send(ctx, client, addr)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			sum.took = append(sum.took, took)
			if err != nil {
				sum.failed++
				if sum.failed < 4 {
					logf("%v", err)
				}
			}
		})
	}
	group.Wait()
	return sum
}

func (r request) send(ctx context.Context, client *http.Client, addr string) error {
	req, err := http.NewRequestWithContext(ctx, r.method, "http://"+addr+r.path, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if !slices.Contains(r.expect, res.StatusCode) {
		return fmt.Errorf("%s %s: status %d", r.method, r.path, res.StatusCode)
	}
	return nil
}

// nginxAnswers is the same load on files of nginx's, as large as our answers.
func (b *bench) nginxAnswers(ctx context.Context) (asked, error) {
	s, err := b.startNginx(ctx)
	if err != nil {
		return asked{}, err
	}
	requests := []request{}
	for name, size := range map[string]int{"channel.json": 1 << 10, "page.json": 40 << 10} {
		if err := os.WriteFile(filepath.Join(s.dir, name), make([]byte, size), 0o644); err != nil { //nolint:gosec // nginx's worker reads it
			return asked{}, errors.Join(err, s.stop())
		}
		requests = append(requests, request{http.MethodGet, "/" + name, []int{http.StatusOK}})
	}
	a := paced(ctx, s.http, b.watch, requests)
	return a, s.stop()
}

// watchLive follows a stream as a player does and checks the HLS rules.
func (b *bench) watchLive(ctx context.Context, s *server, slug string) (*conform.Report, error) {
	return conform.Watch(ctx, conform.Config{
		URL: "http://" + s.http + "/live/" + slug + "/index.m3u8", Duration: b.watch, FetchMedia: true,
	})
}

func (b *bench) judgeAPI(own, peer asked, quiet, busy *conform.Report) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	name := fmt.Sprintf("API, %d requests/s", apiRate)
	for _, q := range []struct {
		what  string
		share float64
	}{{"median answer", 0.5}, {"99th percentile", 0.99}} {
		b.results.add(result{
			Scenario: name, What: q.what, Unit: "ms", Bandstand: ms(own.quantile(q.share)),
			Peer: ms(peer.quantile(q.share)), PeerName: "files of nginx",
		})
	}
	b.results.add(result{Scenario: name, What: "requests", Unit: "count", Bandstand: float64(len(own.took))})
	b.results.add(result{Scenario: name, What: "requests that failed", Unit: "count", Bandstand: float64(own.failed), Aim: "0"})
	b.results.add(result{
		Scenario: name, What: "median age of a frame meanwhile", Unit: "ms",
		Bandstand: ms(busy.FrameAge.P50), Peer: ms(quiet.FrameAge.P50), PeerName: "without requests",
	})
	b.results.add(result{
		Scenario: name, What: "frames that came through meanwhile", Unit: "count",
		Bandstand: float64(busy.FrameAge.Count), Peer: float64(quiet.FrameAge.Count), PeerName: "without requests", Aim: "ratio 1",
	})
	for _, v := range busy.Violations {
		logf("HLS rule broken: %v", v)
	}
	b.results.add(result{Scenario: name, What: "HLS rules broken", Unit: "count", Bandstand: float64(len(busy.Violations)), Aim: "0"})
}
