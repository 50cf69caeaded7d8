package hls

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxWait caps blocking reloads and what waits for a stream to begin.
	maxWait = 10 * time.Second

	// watching is how long a request for a media playlist makes a viewer; longer
	// where playlists are asked for seldom.
	watching = 10 * time.Second
)

// ServeHTTP serves
//
//	/live/{channel}/index.m3u8          the multivariant playlist
//	/hls-live/{channel}.m3u8            the same
//	/live/{channel}/thumb.jpg           the thumbnail
//	/live/{channel}/{rendition}/…       media playlists, init segments, segments, parts
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Access-Control-Allow-Origin"] = allowOrigin
	h["Access-Control-Expose-Headers"] = exposeHeaders
	k, code := kindOther, http.StatusMethodNotAllowed
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		k, code = s.route(w, r)
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Range, If-None-Match, If-Range")
		h.Set("Access-Control-Max-Age", "86400")
		code = http.StatusNoContent
		w.WriteHeader(code)
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		fail(w, code)
	}
	s.metrics.answered(k, code)
}

// Header values that every response shares; nobody changes them.
var (
	allowOrigin      = []string{"*"}
	exposeHeaders    = []string{"Content-Length, Content-Range, ETag, Date, Age"}
	typePlaylist     = []string{"application/vnd.apple.mpegurl"}
	typeVideo        = []string{"video/mp4"}
	typeAudio        = []string{"audio/mp4"}
	cacheNever       = []string{"no-cache"}
	cacheNobody      = []string{"private, no-store"}
	cacheMoment      = []string{"public, max-age=1"}
	cacheForever     = []string{"public, max-age=31536000, immutable"}
	cacheThumbnail   = []string{"public, max-age=5"}
	varyEncoding     = []string{"Accept-Encoding"}
	encodingGzip     = []string{"gzip"}
	acceptRangeBytes = []string{"bytes"}
)

// fail answers with a status code and its name.
func fail(w http.ResponseWriter, code int) int {
	h := w.Header()
	h["Cache-Control"] = cacheNever
	if code == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	http.Error(w, http.StatusText(code), code)
	return code
}

// route finds what the path names and serves it. It returns what it was and the
// status code.
func (s *Server) route(w http.ResponseWriter, r *http.Request) (kind, int) {
	path := r.URL.Path
	if name, ok := strings.CutPrefix(path, "/hls-live/"); ok {
		channel, ok := strings.CutSuffix(name, ".m3u8")
		if st := s.stream(channel); ok && st != nil {
			return kindMultivariant, st.serveVariants(w, r, "/live/"+url.PathEscape(channel)+"/")
		}
		return kindOther, fail(w, http.StatusNotFound)
	}
	rest, ok := strings.CutPrefix(path, "/live/")
	if !ok {
		return kindOther, fail(w, http.StatusNotFound)
	}
	channel, rest, _ := strings.Cut(rest, "/")
	st := s.stream(channel)
	if st == nil {
		return kindOther, fail(w, http.StatusNotFound)
	}
	switch rest {
	case "index.m3u8":
		return kindMultivariant, st.serveVariants(w, r, "")
	case "thumb.jpg":
		return kindThumbnail, st.serveThumbnail(w, r)
	}
	rendition, file, ok := strings.Cut(rest, "/")
	if !ok || strings.Contains(file, "/") {
		return kindOther, fail(w, http.StatusNotFound)
	}
	if file == "index.m3u8" {
		return kindPlaylist, st.servePlaylist(w, r, rendition)
	}
	return st.serveMedia(w, r, rendition, file)
}

// await calls check with the lock held until it says done, at each change that sig
// tells of. It returns false when the request or the server ended or the time is
// up. It returns with the lock held.
func (st *Stream) await(ctx context.Context, sig *signal, check func() bool) bool {
	st.mu.Lock()
	if check() {
		return true
	}
	timeout := time.NewTimer(maxWait)
	defer timeout.Stop()
	for {
		changed := sig.wait()
		st.mu.Unlock()
		ok := false
		select {
		case <-changed:
			ok = true
		case <-timeout.C:
		case <-ctx.Done():
		case <-st.server.done:
		}
		st.mu.Lock()
		if check() {
			return true
		}
		if !ok {
			return false
		}
	}
}

// serveVariants serves the multivariant playlist with URIs that begin with base. It
// is another one for every viewer: its URIs carry a token.
func (st *Stream) serveVariants(w http.ResponseWriter, r *http.Request, base string) int {
	ctx := r.Context()
	st.await(ctx, &st.structure, func() bool { return st.ended || st.variantsReady() })
	ready := st.variantsReady() && !st.released
	var shown *variants
	var err error
	if ready {
		shown, err = st.renderVariants(base)
	}
	st.mu.Unlock()
	switch {
	case !ready:
		return fail(w, http.StatusServiceUnavailable)
	case err != nil:
		st.log.ErrorContext(ctx, "multivariant playlist failed", "err", err)
		return fail(w, http.StatusInternalServerError)
	}
	w.Header()["Cache-Control"] = cacheNobody
	return st.servePlaylistBody(w, r, kindMultivariant, &body{plain: shown.tokened(st.server.tokenFor(r))})
}

// tokenFor returns a token for the sender of r, who keeps an id that is shown.
func (s *Server) tokenFor(r *http.Request) string {
	now := s.cfg.Now()
	var id uint64
	ask, ok := parseReload(r.URL.RawQuery)
	if ok {
		id, ok = s.cfg.Viewers.read(ask.viewer, now)
	}
	if !ok {
		id = player(s.cfg.Viewers.strangerOf(r))
	}
	return s.cfg.Viewers.token(id, now.Add(viewerTTL))
}

// servePlaylist serves the media playlist of a rendition, by a blocking reload if
// asked to. RFC 8216bis 6.2.5.2.
func (st *Stream) servePlaylist(w http.ResponseWriter, r *http.Request, name string) int {
	ask, ok := parseReload(r.URL.RawQuery)
	if !ok {
		return fail(w, http.StatusBadRequest)
	}
	if st.server.cfg.Plain {
		ask.msn = -1 // CAN-BLOCK-RELOAD is not offered
	}
	st.mu.Lock()
	rd := st.rendition(name)
	stay := max(watching, st.targetDuration()*3/2)
	st.mu.Unlock()
	if rd == nil {
		return fail(w, http.StatusNotFound)
	}
	// Who asks what a playlist is like, or for its first bytes, does not watch yet.
	var viewer uint64
	watches := r.Method == http.MethodGet && !isProbe(r.Header["Range"])
	if watches {
		viewer = st.viewers.saw(r, ask.viewer, sighting{st.server.cfg.Now(), stay, rd.video})
	}
	refused := false
	met := st.await(r.Context(), &rd.changed, func() bool {
		if st.ended || !rd.ready() {
			return st.ended
		}
		refused = ask.msn > rd.lastMSN()+2
		return refused || rd.has(ask)
	})
	ready, released := rd.ready(), st.released
	var shown *rendering
	if met && ready && !refused && !released {
		shown = rd.render()
	}
	st.mu.Unlock()
	if watches && ask.msn >= 0 {
		st.viewers.answered(viewer, sighting{st.server.cfg.Now(), stay, rd.video}, !met && r.Context().Err() != nil)
	}
	switch {
	case refused:
		return fail(w, http.StatusBadRequest)
	case met && !ready && !released:
		return fail(w, http.StatusNotFound) // ended without media
	case shown == nil:
		return fail(w, http.StatusServiceUnavailable)
	}
	text := &shown.full
	if ask.skip && len(shown.delta.plain) > 0 {
		text = &shown.delta
	}
	w.Header()["Cache-Control"] = cacheNever
	if ask.msn >= 0 {
		w.Header()["Cache-Control"] = cacheMoment
	}
	return st.servePlaylistBody(w, r, kindPlaylist, text)
}

// isProbe says whether a Range header asks for the first bytes alone, as some players
// do before they ask for all. Others always ask for all of a range without an end.
func isProbe(header []string) bool {
	if len(header) == 0 {
		return false
	}
	_, end, found := strings.Cut(header[0], "-")
	return found && end != ""
}

// reload is what the query of a media playlist asks for.
type reload struct {
	msn    int // -1: whatever there is
	part   int // -1: the whole segment
	skip   bool
	viewer string // token, as it came
}

// parseReload reads the delivery directives and the token of the viewer; all else is
// ignored. RFC 8216bis 6.2.5.
func parseReload(query string) (ask reload, ok bool) {
	ask = reload{msn: -1, part: -1}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		var err error
		switch key {
		case "_HLS_msn":
			ask.msn, err = parseNumber(value)
		case "_HLS_part":
			ask.part, err = parseNumber(value)
		case "_HLS_skip":
			ask.skip = value == "YES" || value == "v2"
		case viewerParam:
			ask.viewer = value
		}
		if err != nil {
			return reload{}, false
		}
	}
	return ask, ask.part < 0 || ask.msn >= 0
}

// parseNumber parses a decimal-integer of up to 18 digits.
func parseNumber(s string) (int, error) {
	if len(s) > 18 {
		return 0, strconv.ErrRange
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return int(n), err
}

// has says whether the playlist holds what ask waits for.
func (r *rendition) has(ask reload) bool {
	if ask.msn < 0 {
		return true
	}
	last := r.segs[len(r.segs)-1]
	if ask.part < 0 {
		return ask.msn < last.msn || (ask.msn == last.msn && last.closed)
	}
	// A part after the last of its segment is the first of the next one.
	for ; ask.msn <= last.msn; ask.msn, ask.part = ask.msn+1, 0 {
		seg, _ := r.segment(ask.msn)
		if seg == nil || seg.gap || ask.part < len(seg.parts) {
			return true
		}
		if !seg.closed {
			return false
		}
	}
	return false
}

// servePlaylistBody sends text, compressed if the viewer takes that.
func (st *Stream) servePlaylistBody(w http.ResponseWriter, r *http.Request, k kind, text *body) int {
	h := w.Header()
	h["Content-Type"] = typePlaylist
	h["Vary"] = varyEncoding
	content, tag := text.plain, text.tag
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		if zipped := text.gzipped(st.server.zippers); zipped != nil {
			content, tag = zipped, tag+"-gz"
			h["Content-Encoding"] = encodingGzip
		}
	}
	if text.tag != "" {
		tag = `"` + st.token[:8] + "-" + tag + `"`
		h["Etag"] = []string{tag}
		if noneMatches(r, tag) {
			w.WriteHeader(http.StatusNotModified)
			return http.StatusNotModified
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(content))}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return http.StatusOK
	}
	defer limitWrites(w, stallTimeout)()
	n, _ := w.Write(content) // a viewer that left is not an error
	st.server.metrics.sent[k].Add(float64(n))
	return http.StatusOK
}

// acceptsGzip says whether an Accept-Encoding header takes gzip.
func acceptsGzip(accepted string) bool {
	for accepted != "" {
		var one string
		one, accepted, _ = strings.Cut(accepted, ",")
		name, params, _ := strings.Cut(strings.TrimSpace(one), ";")
		if name == "gzip" {
			q := strings.TrimSpace(params)
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}

// noneMatches says whether If-None-Match names tag, so that the viewer has it.
func noneMatches(r *http.Request, tag string) bool {
	known := r.Header.Get("If-None-Match")
	for known != "" {
		var one string
		one, known, _ = strings.Cut(known, ",")
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}
