package conform

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// gzipFrom is the size of a playlist from which it must be compressed when the
// client can take it.
const gzipFrom = 1000

// probe sends requests that players do not send all day: it checks header
// fields, conditional and partial requests, and refusals.
func (w *watcher) probe(ctx context.Context) {
	if w.master != nil {
		w.probePlaylist(ctx, "", w.cfg.URL)
	}
	f := w.followers[0]
	last := f.history.last
	if last == nil {
		return
	}
	w.probePlaylist(ctx, f.name, f.url.String())
	w.probeNotFound(ctx, f)
	if !last.ended && last.canBlock {
		w.probeDirectives(ctx, f)
	}
	if s := newest(last); s != nil {
		for _, uri := range []string{s.uri, s.initURI} {
			if u, err := f.url.Parse(uri); err == nil && uri != "" {
				w.probeMedia(ctx, f.name, u.String())
			}
		}
	}
}

// newest returns the newest finished segment that is no gap, or nil.
func newest(pl *mediaPlaylist) *segment {
	finished := pl.finished()
	for i := len(finished) - 1; i >= 0; i-- {
		if !finished[i].gap {
			return finished[i]
		}
	}
	return nil
}

// do is a request of a probe; one that fails is reported and gives nil.
func (w *watcher) do(ctx context.Context, rule Rule, name, method, address string, fields ...string) *answer {
	a, err := w.fetch.do(ctx, method, address, maxMediaBytes, fields...)
	if err != nil {
		if ctx.Err() == nil {
			w.log.add(rule, name, "%s: %v", method, err)
		}
		return nil
	}
	return a
}

func (w *watcher) probePlaylist(ctx context.Context, name, address string) {
	a := w.do(ctx, RuleHTTPType, name, http.MethodGet, address, "Origin", "https://player.example", "Accept-Encoding", "gzip")
	if a == nil {
		return
	}
	switch kind := mediaType(a.header); kind {
	case "application/vnd.apple.mpegurl", "audio/mpegurl":
	default:
		w.log.add(RuleHTTPType, name, "playlist is %q", kind)
	}
	if !shortLived(a.header.Get("Cache-Control")) {
		w.log.add(RuleHTTPCache, name, "playlist has Cache-Control %q", a.header.Get("Cache-Control"))
	}
	if a.header.Get("Content-Encoding") != "gzip" {
		plain := w.do(ctx, RuleHTTPGzip, name, http.MethodGet, address, "Accept-Encoding", "identity")
		if plain != nil && len(plain.body) >= gzipFrom {
			w.log.add(RuleHTTPGzip, name, "playlist of more than %d bytes is not compressed", gzipFrom)
		}
	}
	w.probeCommon(ctx, name, address, a)
}

func (w *watcher) probeMedia(ctx context.Context, name, address string) {
	a := w.do(ctx, RuleHTTPType, name, http.MethodGet, address, "Origin", "https://player.example")
	if a == nil || a.status != http.StatusOK { // reported where media is fetched
		return
	}
	if kind := mediaType(a.header); !strings.HasPrefix(kind, "video/") && !strings.HasPrefix(kind, "audio/") {
		w.log.add(RuleHTTPType, name, "media is %q", kind)
	}
	if cache := a.header.Get("Cache-Control"); !strings.Contains(cache, "immutable") || !strings.Contains(cache, "max-age=") {
		w.log.add(RuleHTTPCache, name, "media has Cache-Control %q", cache)
	}
	w.probeCommon(ctx, name, address, a)
	w.probeRange(ctx, name, address, a.body)
}

// probeCommon checks what holds for playlists and media alike.
func (w *watcher) probeCommon(ctx context.Context, name, address string, a *answer) {
	if allowed := a.header.Get("Access-Control-Allow-Origin"); allowed != "*" && allowed != "https://player.example" {
		w.log.add(RuleHTTPCORS, name, "Access-Control-Allow-Origin is %q", allowed)
	}
	if head := w.do(ctx, RuleHTTPHead, name, http.MethodHead, address); head != nil && head.status != http.StatusOK {
		w.log.add(RuleHTTPHead, name, "HEAD gives status %d", head.status)
	}
	if strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		return // nobody has it, to ask whether it is still the same
	}
	w.probeETag(ctx, name, address)
}

// probeETag asks again with the entity tag just received. A live playlist may
// change in between, so it has a few tries.
func (w *watcher) probeETag(ctx context.Context, name, address string) {
	const tries = 5
	for range tries {
		a := w.do(ctx, RuleHTTPETag, name, http.MethodGet, address)
		if a == nil {
			return
		}
		tag := a.header.Get("ETag")
		if tag == "" {
			w.log.add(RuleHTTPETag, name, "no ETag")
			return
		}
		again := w.do(ctx, RuleHTTPETag, name, http.MethodGet, address, "If-None-Match", tag)
		if again == nil || again.status == http.StatusNotModified && len(again.body) == 0 {
			return
		}
	}
	w.log.add(RuleHTTPETag, name, "If-None-Match with the current ETag does not give 304")
}

func (w *watcher) probeRange(ctx context.Context, name, address string, body []byte) {
	if len(body) < 20 {
		return
	}
	a := w.do(ctx, RuleHTTPRange, name, http.MethodGet, address, "Range", "bytes=4-11")
	if a == nil {
		return
	}
	want := "bytes 4-11/" + strconv.Itoa(len(body))
	if a.status != http.StatusPartialContent || a.header.Get("Content-Range") != want || !bytes.Equal(a.body, body[4:12]) {
		w.log.add(RuleHTTPRange, name, "a range gives status %d, Content-Range %q and %d bytes",
			a.status, a.header.Get("Content-Range"), len(a.body))
	}
}

// probeNotFound asks for what does not exist, and for what lies outside.
func (w *watcher) probeNotFound(ctx context.Context, f *follower) {
	for _, uri := range []string{
		"no-such-segment.m4s", "no-such-rendition/index.m3u8", "no-such-rendition.m3u8",
		"..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
	} {
		u, err := url.Parse(f.url.ResolveReference(&url.URL{Path: "./"}).String() + uri)
		if err != nil {
			continue
		}
		u.RawQuery = f.url.RawQuery
		a := w.do(ctx, RuleHTTPNotFound, f.name, http.MethodGet, u.String())
		if a != nil && a.status != http.StatusNotFound && a.status != http.StatusGone && a.status != http.StatusBadRequest {
			w.log.add(RuleHTTPNotFound, f.name, "%s gives status %d", uri, a.status)
		}
	}
}

// probeDirectives sends delivery directives that a server must refuse.
func (w *watcher) probeDirectives(ctx context.Context, f *follower) {
	edge := f.history.last.next().msn
	for what, query := range map[string]string{
		"a media sequence number far ahead":      "_HLS_msn=" + strconv.FormatInt(edge+1000, 10),
		"a part that is no number":               "_HLS_msn=" + strconv.FormatInt(edge, 10) + "&_HLS_part=x",
		"a media sequence number that is none":   "_HLS_msn=x",
		"a part without a media sequence number": "_HLS_part=0",
	} {
		u := *f.url
		u.RawQuery = strings.Trim(u.RawQuery+"&"+query, "&")
		a := w.do(ctx, RuleHTTPDirectives, f.name, http.MethodGet, u.String())
		if a != nil && a.status != http.StatusBadRequest {
			w.log.add(RuleHTTPDirectives, f.name, "%s gives status %d", what, a.status)
		}
	}
}

func mediaType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// shortLived tells whether a cache keeps a playlist for at most a few seconds.
func shortLived(cache string) bool {
	if strings.Contains(cache, "no-cache") || strings.Contains(cache, "no-store") {
		return true
	}
	_, after, found := strings.Cut(cache, "max-age=")
	digits, _, _ := strings.Cut(after, ",")
	seconds, err := strconv.Atoi(strings.TrimSpace(digits))
	return found && err == nil && seconds <= 5
}
