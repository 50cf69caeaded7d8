package hls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"bandstand/media/stream"
)

const (
	sourceName = "source"
	audioName  = "audio"

	maxRungs = 16

	// firstMSN: players exist that stall on 0.
	firstMSN = 1

	// rungPatience is how long the multivariant playlist waits for the ladder
	// after the source can be played.
	rungPatience = 4 * time.Second

	// patience is how far audio may be ahead of video until it stops waiting for it.
	patience = 500 * time.Millisecond

	// maxAhead bounds the packets of one rendition that wait for the leader.
	maxAhead = 512
)

// errGone says that a Stream was ended while packets still came.
var errGone = errors.New("stream has ended")

// Stream is one session on a channel, in all its renditions.
type Stream struct {
	server  *Server
	channel string
	token   string // part of every media name: unguessable, another for every session
	log     *slog.Logger
	viewers *viewers

	playable chan struct{} // closed when the source can be played

	mu         sync.Mutex
	renditions []*rendition  // guarded by mu; source, rungs as expected, audio
	expected   []*rendition  // guarded by mu; rungs that were announced
	leader     *rendition    // guarded by mu; allots the MSNs
	high       time.Duration // guarded by mu; greatest time that the leader has reached
	led        time.Time     // guarded by mu; when its last packet came
	slots      []*slot       // guarded by mu; contiguous MSNs, the last may be open
	firstMSN   int

	target      time.Duration // guarded by mu; TARGETDURATION, zero until decided
	partTarget  time.Duration // guarded by mu; PART-TARGET, zero until decided
	gop         time.Duration // guarded by mu; the longest between two keyframes
	uneven      bool          // guarded by mu; keyframes come at different distances
	firstKey    time.Duration // guarded by mu
	lastKey     time.Duration // guarded by mu; zero before the first of an epoch
	independent bool          // guarded by mu; every segment starts with a keyframe

	stored    int64     // guarded by mu; bytes
	started   time.Time // guarded by mu; when the source could be played
	waited    bool      // guarded by mu; the rungs had their time to come
	ended     bool      // guarded by mu
	endedAt   time.Time
	released  bool
	structure signal               // a segment, rendition or the end came
	variants  uint64               // grows when the multivariant playlist may change
	shown     map[string]*variants // the last multivariant playlists, by what their URIs begin with
	thumbnail []byte
	thumbTag  string
}

func newStream(s *Server, channel, token string, o Options) *Stream {
	st := &Stream{
		server:      s,
		channel:     channel,
		token:       token,
		log:         s.log.With("channel", channel),
		viewers:     newViewers(s.cfg.Viewers),
		playable:    make(chan struct{}),
		firstMSN:    firstMSN,
		independent: true,
	}
	if s.cfg.Plain {
		st.partTarget = partTarget(s.cfg.PartTarget, 0)
	}
	for _, rung := range o.ExpectRungs[:min(len(o.ExpectRungs), maxRungs)] {
		r := newRendition(st, rung.Name, true)
		r.rung = &rung
		st.renditions = append(st.renditions, r)
		st.expected = append(st.expected, r)
	}
	return st
}

// Run packs the source's packets until q ends, which is nil, or ctx does. It does
// not end the playlists: another Run may go on, with packets of a new epoch.
func (st *Stream) Run(ctx context.Context, q *stream.Queue) error {
	for {
		p, gap, err := q.Pop(ctx)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("hls: %w", err)
		}
		if gap {
			st.log.WarnContext(ctx, "packets lost before packaging", "rendition", sourceName)
		}
		if err := st.write(p); err != nil {
			return err
		}
	}
}

// write packs one packet of the source.
func (st *Stream) write(p *stream.Packet) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended {
		return errGone
	}
	name := sourceName
	if !p.Track.Codec.Video() {
		name = audioName
	}
	r := st.rendition(name)
	if r == nil {
		r = newRendition(st, name, p.Track.Codec.Video())
		if r.video {
			st.renditions = append([]*rendition{r}, st.renditions...)
		} else {
			st.renditions = append(st.renditions, r)
		}
	}
	if p.Track == p.Epoch.Format.Lead() {
		if err := st.lead(r, p); err != nil {
			return err
		}
	} else if err := st.follow(r, p); err != nil {
		return err
	}
	return st.followAhead()
}

// WriteRung packs a packet of the rung called name. Its track is the rung's own,
// its epoch has the number of the source's. A packet that has no place any more is
// dropped. Packets of one rung must come from one goroutine at a time.
func (st *Stream) WriteRung(name string, p *stream.Packet) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended {
		return
	}
	r := st.rendition(name)
	if r == nil {
		if name == sourceName || name == audioName || len(st.renditions) > maxRungs {
			return
		}
		r = newRendition(st, name, true)
		st.renditions = append(st.renditions, r)
	}
	if err := st.follow(r, p); err != nil {
		st.log.Error("rung not packaged", "rendition", name, "err", err)
		st.lose(r)
	}
}

// RungDown says that nothing comes from the rung called name for now: what it
// lacks from here on is declared a gap without waiting. Its next packet ends that.
func (st *Stream) RungDown(name string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	r := st.rendition(name)
	if r == nil || st.ended {
		return
	}
	st.lose(r)
}

// lose ends what r has and declares gaps up to the leader.
func (st *Stream) lose(r *rendition) {
	clear(r.ahead)
	r.ahead = r.ahead[:0]
	r.down = true
	if r.video {
		r.tear()
	} else if err := r.finish(-1); err != nil {
		st.log.Error("segment not finished", "rendition", r.name, "err", err)
	}
	r.fillGaps(st.closedMSN())
	st.structure.fire()
}

// SetThumbnail makes jpeg the channel's picture. The Stream keeps the slice.
func (st *Stream) SetThumbnail(jpeg []byte) {
	sum := sha256.Sum256(jpeg)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.thumbnail = jpeg
	st.thumbTag = `"` + hex.EncodeToString(sum[:8]) + `"`
}

// HasThumbnail says whether there is a picture to serve.
func (st *Stream) HasThumbnail() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.thumbnail) > 0
}

// End closes every playlist. The stream is served for a while longer.
func (st *Stream) End() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended {
		return
	}
	if err := st.flush(); err != nil {
		st.log.Error("last segments not finished", "err", err)
	}
	st.ended = true
	st.endedAt = st.server.cfg.Now()
	for _, r := range st.renditions {
		r.touch()
	}
	st.structure.fire()
}

// Playable returns a channel that is closed once the source can be played.
func (st *Stream) Playable() <-chan struct{} { return st.playable }

func (st *Stream) expired(now time.Time) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.ended && now.Sub(st.endedAt) >= st.server.cfg.Linger
}

func (st *Stream) storedBytes() int64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stored
}

// release gives back the media. Responses under way go on.
func (st *Stream) release() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.released, st.ended = true, true
	for _, r := range st.renditions {
		if r.store != nil {
			r.store.close()
		}
		r.touch()
	}
	st.structure.fire()
}

// rendition returns the rendition called name, nil if there is none.
func (st *Stream) rendition(name string) *rendition {
	for _, r := range st.renditions {
		if r.name == name {
			return r
		}
	}
	return nil
}
