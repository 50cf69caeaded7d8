package hls

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// stallTimeout is how long a viewer may take for one sendChunk, and for a whole
	// playlist; slower ones are dropped.
	stallTimeout = 30 * time.Second
	sendChunk    = 1024 << 10

	// copyBelow is the size up to which a copy is cheaper than sendfile.
	copyBelow = 16 << 10
)

// limitWrites gives the response's next writes a deadline and returns what takes
// it away, for the connection's next request.
func limitWrites(w http.ResponseWriter, within time.Duration) func() {
	rc := http.NewResponseController(w)
	// A writer without deadlines, as in tests, does without.
	if rc.SetWriteDeadline(time.Now().Add(within)) != nil {
		return func() {}
	}
	return func() { _ = rc.SetWriteDeadline(time.Time{}) }
}

// media is a range of a rendition's store, held until it was sent.
type media struct {
	seg    *segment
	store  *store
	offset int64
	size   int64
}

// serveMedia serves an init segment, segment or part, or a range of it. Whoever asks
// for several ranges gets all: thousands of them would be more. RFC 9110 14.2.
func (st *Stream) serveMedia(w http.ResponseWriter, r *http.Request, name, file string) (kind, int) {
	if strings.Contains(r.Header.Get("Range"), ",") {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	k, n, ok := st.parseName(file)
	st.mu.Lock()
	rd := st.rendition(name)
	st.mu.Unlock()
	if !ok || rd == nil {
		return kindOther, fail(w, http.StatusNotFound)
	}
	h := w.Header()
	h["Content-Type"] = typeVideo
	if !rd.video {
		h["Content-Type"] = typeAudio
	}
	if k == kindInit {
		return k, st.serveInit(w, r, rd, n)
	}
	m, code := st.find(r, rd, k, n)
	if code != http.StatusOK {
		return k, fail(w, code)
	}
	defer st.letGo(rd, m.seg)
	h["Cache-Control"] = cacheForever
	tag := `"` + file + `"`
	h["Etag"] = []string{tag}
	if noneMatches(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return k, http.StatusNotModified
	}
	return k, st.send(w, r, k, m)
}

// parseName reads the name of a media file. RFC 8216bis leaves names to us.
func (st *Stream) parseName(file string) (k kind, n int, ok bool) {
	rest, ok := strings.CutPrefix(file, st.token+"-")
	if !ok || len(rest) < 2 {
		return kindOther, 0, false
	}
	suffix := ".m4s"
	switch rest[0] {
	case 'i':
		k, suffix = kindInit, ".mp4"
	case 's':
		k = kindSegment
	case 'p':
		k = kindPart
	default:
		return kindOther, 0, false
	}
	digits, ok := strings.CutSuffix(rest[1:], suffix)
	n, err := parseNumber(digits)
	if !ok || err != nil || strconv.Itoa(n) != digits {
		return kindOther, 0, false
	}
	return k, n, true
}

func (st *Stream) serveInit(w http.ResponseWriter, r *http.Request, rd *rendition, n int) int {
	st.mu.Lock()
	init, expired := rd.initSegment(n)
	st.mu.Unlock()
	switch {
	case expired:
		return fail(w, http.StatusGone)
	case init == nil:
		return fail(w, http.StatusNotFound)
	}
	w.Header()["Cache-Control"] = cacheForever
	w.Header().Set("ETag", `"`+st.token[:8]+"-"+rd.name+"-i"+strconv.Itoa(n)+`"`)
	defer limitWrites(w, stallTimeout)()
	c := &counter{ResponseWriter: w, code: http.StatusOK}
	http.ServeContent(c, r, "", time.Time{}, bytes.NewReader(init.data))
	st.server.metrics.sent[kindInit].Add(float64(c.n))
	return c.code
}

// find returns the segment or part numbered n and holds it, or a status code that
// says why not. The part that comes next is waited for.
func (st *Stream) find(r *http.Request, rd *rendition, k kind, n int) (media, int) {
	var seg *segment
	var p *part
	var expired bool
	met := st.await(r.Context(), &rd.changed, func() bool {
		if k == kindSegment {
			seg, expired = rd.segment(n)
			return true
		}
		seg, p, expired = rd.part(n)
		return seg != nil || st.ended || n != rd.nextPart
	})
	defer st.mu.Unlock()
	switch {
	case st.released || (!met && !st.ended):
		return media{}, http.StatusServiceUnavailable
	case expired:
		return media{}, http.StatusGone
	case seg == nil || (p != nil && p.gap) || (k == kindSegment && (seg.gap || !seg.closed)):
		return media{}, http.StatusNotFound
	}
	seg.users++
	m := media{seg: seg, store: rd.store, offset: seg.offset, size: seg.size}
	if p != nil {
		m.offset, m.size = p.offset, p.size
	}
	return m, http.StatusOK
}

// letGo ends one use of seg.
func (st *Stream) letGo(rd *rendition, seg *segment) {
	st.mu.Lock()
	defer st.mu.Unlock()
	seg.users--
	if seg.evicted && seg.users == 0 {
		rd.store.free(seg.offset, seg.size)
	}
}

// send sends m, or the range of it that r asks for.
func (st *Stream) send(w http.ResponseWriter, r *http.Request, k kind, m media) int {
	f, err := m.store.reader()
	if err != nil {
		st.log.ErrorContext(r.Context(), "stored media not readable", "err", err)
		return fail(w, http.StatusServiceUnavailable)
	}
	defer m.store.done(f)
	h := w.Header()
	limit := st.server.cfg.SendTimeout
	if r.Header.Get("Range") != "" {
		defer limitWrites(w, limit)()
		c := &counter{ResponseWriter: w, code: http.StatusOK}
		http.ServeContent(c, r, "", time.Time{}, io.NewSectionReader(f, m.offset, m.size))
		st.server.metrics.sent[k].Add(float64(c.n))
		return c.code
	}
	h["Accept-Ranges"] = acceptRangeBytes
	h["Content-Length"] = []string{strconv.FormatInt(m.size, 10)}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return http.StatusOK
	}
	end := time.Now().Add(limit)
	defer limitWrites(w, min(limit, stallTimeout))()
	var sent int64
	if m.size <= copyBelow {
		sent = st.server.sendCopy(w, f, m.offset, m.size)
	} else {
		sent = sendFile(w, f, m.offset, m.size, end)
	}
	st.server.metrics.sent[k].Add(float64(sent))
	return http.StatusOK
}

// sendCopy sends what is too small for sendFile to pay, by one copy.
func (s *Server) sendCopy(w http.ResponseWriter, f *os.File, offset, size int64) (sent int64) {
	buf, ok := s.buffers.Get().(*[copyBelow]byte)
	if !ok {
		buf = new([copyBelow]byte)
	}
	defer s.buffers.Put(buf)
	if _, err := f.ReadAt(buf[:size], offset); err != nil {
		return 0
	}
	n, _ := w.Write(buf[:size]) // a viewer that left is not an error
	return int64(n)
}

// sendFile sends size bytes of f from offset and returns how many went out. It
// stops when the viewer leaves, takes too long for a chunk, or has not had all at end.
func sendFile(w http.ResponseWriter, f *os.File, offset, size int64, end time.Time) (sent int64) {
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return 0
	}
	rc := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	out := kernelWriter(w)
	for sent < size {
		n, err := io.CopyN(out, f, min(size-sent, sendChunk))
		sent += n
		if err != nil {
			return sent
		}
		if sent < size {
			next := time.Now().Add(stallTimeout)
			if next.After(end) {
				next = end
			}
			_ = rc.SetWriteDeadline(next)
		}
	}
	return sent
}

// kernelWriter returns the innermost writer behind w that takes a file as it is,
// so that the kernel sends it; w itself if there is none.
func kernelWriter(w http.ResponseWriter) io.Writer {
	for inner := w; ; {
		if _, ok := inner.(io.ReaderFrom); ok {
			return inner
		}
		u, ok := inner.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		inner = u.Unwrap()
	}
}

// counter notes the status code and counts the body.
type counter struct {
	http.ResponseWriter
	code int
	n    int64
}

func (c *counter) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// serveThumbnail serves the channel's picture.
func (st *Stream) serveThumbnail(w http.ResponseWriter, r *http.Request) int {
	st.mu.Lock()
	jpeg, tag := st.thumbnail, st.thumbTag
	st.mu.Unlock()
	if jpeg == nil {
		return fail(w, http.StatusNotFound)
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h["Cache-Control"] = cacheThumbnail
	h["Etag"] = []string{tag}
	defer limitWrites(w, stallTimeout)()
	c := &counter{ResponseWriter: w, code: http.StatusOK}
	http.ServeContent(c, r, "", time.Time{}, bytes.NewReader(jpeg))
	st.server.metrics.sent[kindThumbnail].Add(float64(c.n))
	return c.code
}
