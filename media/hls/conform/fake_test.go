package conform

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/stretchr/testify/require"
)

const (
	partsPerSegment = 5
	partLength      = 200 * time.Millisecond
	initialParts    = 15*partsPerSegment + 2
)

var (
	streamStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	testSPS = []byte{ // 1920x1080
		0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00,
		0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
	}
)

// fake is a live stream in virtual time: it goes on by one part whenever every
// rendition has been asked for its next one. The functions spoil what it says.
type fake struct {
	names    []string // of the renditions; "audio" is audio
	ll       bool
	firstMSN int
	window   int // segments kept
	skipKeep int // segments that delta updates list
	noSkip   bool
	rate     time.Duration // of the clock, against the media

	playlist func(f *fake, name string, n int, text string) string
	master   func(text string) string
	media    func(path string, body []byte) []byte
	header   func(path string, h http.Header)
	status   func(r *http.Request) int
	fragment func(name string, msn, i int, t *fmp4.PartTrack)
	init     func(t *fmp4.InitTrack)
	shift    func(name string, msn int) time.Duration // of PDT
	breakAt  map[string]int                           // rendition → segment after a DISCONTINUITY
	gapAt    int
	eagerAt  int // load that is answered without waiting
	jumpAt   int // load that finds 100 s gone
	endAt    int // number of parts after which the stream ends

	mu       sync.Mutex
	cond     *sync.Cond
	produced int            // parts; guarded by mu
	jumped   int            // of these, never published; guarded by mu
	wants    map[string]int // rendition → parts asked for; guarded by mu
	loads    map[string]int // guarded by mu
}

func newFake() *fake {
	f := &fake{
		names: []string{"video", "low", "audio"}, ll: true, firstMSN: 1, window: 18, skipKeep: 13, rate: 1,
		produced: initialParts, wants: map[string]int{}, loads: map[string]int{},
	}
	f.cond = sync.NewCond(&f.mu)
	return f
}

func (f *fake) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return streamStart.Add(f.rate * time.Duration(f.produced-f.jumped) * partLength)
}

// sleep passes virtual time.
func (f *fake) sleep(_ context.Context, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ll {
		f.produced += int(d / partLength)
		f.cond.Broadcast()
	}
}

// watch runs the program under test against the fake stream.
func (f *fake) watch(t *testing.T, fetchMedia bool) *Report {
	t.Helper()
	srv := httptest.NewServer(f)
	defer srv.Close()
	report, err := Watch(t.Context(), Config{
		URL: srv.URL + "/live/demo/index.m3u8", Duration: 6 * time.Second * f.rate, FetchMedia: fetchMedia,
		now: f.now, sleep: f.sleep,
	})
	require.NoError(t, err)
	return report
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/live/demo/")
	if !ok || strings.Contains(name, "..") {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if f.status != nil {
		if code := f.status(r); code != 0 {
			http.Error(w, http.StatusText(code), code)
			return
		}
	}
	if rendition, isList := strings.CutSuffix(name, ".m3u8"); isList {
		f.servePlaylist(w, r, rendition)
		return
	}
	body, ok := f.mediaAt(r.Context(), name)
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if f.media != nil {
		body = f.media(name, body)
	}
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	f.send(w, r, body)
}

func (f *fake) send(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("ETag", fmt.Sprintf("%q", strconv.Itoa(len(body))+strconv.Itoa(bytes.Count(body, []byte{'1'}))))
	if f.header != nil {
		f.header(r.URL.Path, w.Header())
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func (f *fake) servePlaylist(w http.ResponseWriter, r *http.Request, name string) {
	text := f.multivariant()
	if name != "index" {
		var code int
		if text, code = f.mediaPlaylist(r, name); code != 0 {
			http.Error(w, http.StatusText(code), code)
			return
		}
	}
	w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	w.Header().Set("Cache-Control", "no-cache")
	body := []byte(text)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(body)
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		body = packed.Bytes()
	}
	f.send(w, r, body)
}

func (f *fake) multivariant() string {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n")
	audio := ""
	for _, n := range f.names {
		if n == "audio" {
			b.WriteString("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"main\",DEFAULT=YES,URI=\"audio.m3u8\"\n")
			audio = `,AUDIO="a"`
		}
	}
	for _, n := range f.names {
		if n != "audio" {
			fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=90000,AVERAGE-BANDWIDTH=80000,CODECS=\"avc1.640028,mp4a.40.2\","+
				"RESOLUTION=1920x1080,FRAME-RATE=30.000%s\n%s.m3u8\n", audio, n)
		}
	}
	if f.master != nil {
		return f.master(b.String())
	}
	return b.String()
}

// mediaPlaylist answers a playlist request; code is 0 or a status.
func (f *fake) mediaPlaylist(r *http.Request, name string) (text string, code int) {
	q := r.URL.Query()
	f.mu.Lock()
	defer f.mu.Unlock()
	known := false
	for _, n := range f.names {
		known = known || n == name
	}
	if !known {
		return "", http.StatusNotFound
	}
	blocking := q.Has("_HLS_msn") || q.Has("_HLS_part")
	if blocking {
		msn, err1 := strconv.Atoi(q.Get("_HLS_msn"))
		part, err2 := strconv.Atoi(q.Get("_HLS_part"))
		want := (msn-f.firstMSN)*partsPerSegment + part
		if err1 != nil || err2 != nil && q.Has("_HLS_part") || want > f.produced+3*partsPerSegment {
			return "", http.StatusBadRequest
		}
		f.loads[name]++
		if f.jumpAt > 0 && f.loads[name] == f.jumpAt && name == "video" {
			f.produced += 500
			f.jumped = 500
			f.cond.Broadcast()
		}
		if f.loads[name] != f.eagerAt {
			f.wants[name] = want
			f.step()
			f.await(r.Context(), want)
		}
	} else {
		f.loads[name]++
	}
	text = f.render(name, f.produced, q.Get("_HLS_skip") == "YES" && !f.noSkip)
	if f.playlist != nil {
		text = f.playlist(f, name, f.loads[name], text)
	}
	return text, 0
}

// step goes on by one part when every rendition waits for it. f.mu is held.
func (f *fake) step() {
	for _, n := range f.names {
		if f.wants[n] < f.produced {
			return
		}
	}
	f.produced++
	f.cond.Broadcast()
}

// await blocks until part number want exists. f.mu is held.
func (f *fake) await(ctx context.Context, want int) {
	stop := context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.cond.Broadcast()
	})
	defer stop()
	for f.produced <= want && ctx.Err() == nil && (f.endAt == 0 || f.produced < f.endAt) {
		f.cond.Wait()
	}
}

func (f *fake) date(name string, msn int) time.Time {
	at := streamStart.Add(time.Duration((msn-f.firstMSN)*partsPerSegment) * partLength)
	if b, ok := f.breakAt[name]; ok && msn >= b {
		at = at.Add(3 * time.Second)
	}
	if f.shift != nil {
		at = at.Add(f.shift(name, msn))
	}
	return at
}

// render writes the playlist of a rendition when so many parts exist.
func (f *fake) render(name string, produced int, skip bool) string {
	whole := produced / partsPerSegment
	first := max(0, whole-f.window)
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n")
	if f.ll {
		b.WriteString("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,HOLD-BACK=6.0,CAN-SKIP-UNTIL=12.0\n" +
			"#EXT-X-PART-INF:PART-TARGET=0.2\n")
	}
	passed := 0
	if at, ok := f.breakAt[name]; ok && f.firstMSN+first > at {
		passed = 1
	}
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", f.firstMSN+first, passed)
	from := first
	if keep := whole - f.skipKeep; skip && keep > first {
		fmt.Fprintf(&b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", keep-first)
		from = keep
	} else {
		fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%s/init.mp4\"\n", name)
	}
	for s := from; s <= whole; s++ {
		f.renderSegment(&b, name, s, produced)
	}
	if f.endAt > 0 && produced >= f.endAt {
		b.WriteString("#EXT-X-ENDLIST\n")
		return b.String()
	}
	if f.ll {
		fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s\"\n", f.partURI(name, whole, produced%partsPerSegment))
		for _, n := range f.names {
			if n != name {
				fmt.Fprintf(&b, "#EXT-X-RENDITION-REPORT:URI=\"%s.m3u8\",LAST-MSN=%d,LAST-PART=%d\n", n,
					f.firstMSN+(produced-1)/partsPerSegment, (produced-1)%partsPerSegment)
			}
		}
	}
	return b.String()
}

func (f *fake) partURI(name string, s, i int) string {
	return fmt.Sprintf("%s/p%d.%d.m4s", name, f.firstMSN+s, i)
}

func (f *fake) renderSegment(b *strings.Builder, name string, s, produced int) {
	msn, parts := f.firstMSN+s, min(partsPerSegment, produced-s*partsPerSegment)
	if at, ok := f.breakAt[name]; ok && at == msn && parts > 0 {
		b.WriteString("#EXT-X-DISCONTINUITY\n")
	}
	if parts > 0 {
		fmt.Fprintf(b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", f.date(name, msn).Format("2006-01-02T15:04:05.000Z07:00"))
	}
	gap := f.gapAt > 0 && msn == f.gapAt
	ended := f.endAt > 0 && produced >= f.endAt
	if f.ll && s >= produced/partsPerSegment-8 && !gap && !(ended && parts == partsPerSegment) {
		for i := range parts {
			independent := ""
			if i == 0 || name == "audio" {
				independent = ",INDEPENDENT=YES"
			}
			fmt.Fprintf(b, "#EXT-X-PART:DURATION=0.20000,URI=\"%s\"%s\n", f.partURI(name, s, i), independent)
		}
	}
	if parts == partsPerSegment {
		if gap {
			b.WriteString("#EXT-X-GAP\n")
		}
		fmt.Fprintf(b, "#EXTINF:1.00000,\n%s/s%d.m4s\n", name, msn)
	}
}

// mediaAt makes the media at an address below the stream's.
func (f *fake) mediaAt(ctx context.Context, path string) (body []byte, ok bool) {
	name, file, _ := strings.Cut(path, "/")
	var msn, i int
	if file == "init.mp4" {
		return f.initSegment(name), true
	}
	if n, _ := fmt.Sscanf(file, "p%d.%d.m4s", &msn, &i); n == 2 {
		index := (msn-f.firstMSN)*partsPerSegment + i
		f.mu.Lock()
		f.await(ctx, index)
		f.mu.Unlock()
		return f.part(name, msn, i), ctx.Err() == nil
	}
	if n, _ := fmt.Sscanf(file, "s%d.m4s", &msn); n == 1 {
		for i := range partsPerSegment {
			body = append(body, f.part(name, msn, i)...)
		}
		return body, true
	}
	return nil, false
}

func (f *fake) initSegment(name string) []byte {
	t := &fmp4.InitTrack{ID: 1, TimeScale: 90000, Codec: &codecs.H264{SPS: testSPS, PPS: []byte{0x68, 0xeb, 0xec, 0xb2}}}
	if name == "audio" {
		t.TimeScale = 48000
		t.Codec = &codecs.MPEG4Audio{Config: mpeg4audio.AudioSpecificConfig{
			Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2,
		}}
	}
	if f.init != nil {
		f.init(t)
	}
	var out seekablebuffer.Buffer
	if err := (fmp4.Init{Tracks: []*fmp4.InitTrack{t}}).Marshal(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// part makes the fragment of part i: 6 frames of video, or 10 of audio.
func (f *fake) part(name string, msn, i int) []byte {
	frames, ticks := 6, uint32(3000)
	if name == "audio" {
		frames, ticks = 10, 960
	}
	index := (msn-f.firstMSN)*partsPerSegment + i
	t := &fmp4.PartTrack{ID: 1, BaseTime: uint64(index*frames) * uint64(ticks)}
	for n := range frames {
		t.Samples = append(t.Samples, &fmp4.Sample{
			Duration: ticks, IsNonSyncSample: name != "audio" && (i > 0 || n > 0),
			Payload: []byte(fmt.Sprintf("sample of frame %d", index*frames+n)),
		})
	}
	if f.fragment != nil {
		f.fragment(name, msn, i, t)
	}
	var out seekablebuffer.Buffer
	if err := (fmp4.Part{SequenceNumber: uint32(index), Tracks: []*fmp4.PartTrack{t}}).Marshal(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}
