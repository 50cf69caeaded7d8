package hls

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
)

// audioGroup is the GROUP-ID of the audio that all variants share.
const audioGroup = "audio"

// Rendition describes one version of a stream.
type Rendition struct {
	Name          string
	Width, Height int     // zero for audio or when unknown
	FrameRate     float64 // zero for audio or when unknown
	BandwidthBPS  int64   // measured peak, without shared audio
	AverageBPS    int64   // without shared audio
	Codec         string  // as in CODECS, without shared audio
}

// Renditions returns what can be played now: the source first, then the rungs by
// descending bandwidth, then audio.
func (st *Stream) Renditions() []Rendition {
	st.mu.Lock()
	defer st.mu.Unlock()
	var list []Rendition
	for _, r := range st.offered() {
		list = append(list, r.describe())
	}
	return list
}

// offered returns the renditions that have media, in the order of Renditions.
func (st *Stream) offered() []*rendition {
	var list []*rendition
	for _, r := range st.renditions {
		if len(r.segs) > 0 && r.track != nil {
			list = append(list, r)
		}
	}
	rank := func(r *rendition) int {
		switch r.name {
		case sourceName:
			return 0
		case audioName:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b *rendition) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(b.peakBPS(), a.peakBPS()))
	})
	return list
}

func (r *rendition) describe() Rendition {
	d := Rendition{
		Name:         r.name,
		BandwidthBPS: r.peakBPS(),
		AverageBPS:   r.rate.average(),
		Codec:        codecString(r.track),
	}
	if d.AverageBPS == 0 {
		d.AverageBPS = d.BandwidthBPS
	}
	if r.video {
		d.Width, d.Height = pictureSize(r.track)
		d.FrameRate = r.track.FrameRate
		if d.FrameRate == 0 {
			d.FrameRate = r.frames.rate()
		}
	}
	return d
}

// peakBPS returns the measured peak bitrate. Before there is one, a rung is taken
// to use what it may and a source what it has used so far.
func (r *rendition) peakBPS() int64 {
	peak := r.rate.peakBPS
	if peak == 0 && r.rung != nil {
		peak = int64(r.rung.BitrateBPS) * 11 / 10
	}
	if peak == 0 && r.cur != nil {
		peak = bitsPerSecond(r.cur.size, r.cur.duration)
	}
	return max(peak, r.rate.average(), 1000)
}

// variantsReady says whether the multivariant playlist may be shown: the source can
// be played, and the rungs are there or were waited for.
func (st *Stream) variantsReady() bool {
	if st.started.IsZero() || st.ended || st.waited {
		return !st.started.IsZero()
	}
	for _, r := range st.expected {
		if len(r.segs) == 0 && !r.down {
			return false
		}
	}
	return true
}

// look ends the wait for the rungs when it was long enough.
func (st *Stream) look(now time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.waited && !st.started.IsZero() && now.Sub(st.started) >= rungPatience {
		st.waited = true
		st.structure.fire()
	}
}

// variants is a multivariant playlist without the token of a viewer.
type variants struct {
	version uint64
	text    []byte
	tokens  []int // where one goes
}

// noToken stands where a token goes: no name has such a thing.
var noToken = "?" + viewerParam + "=" + strings.Repeat("*", tokenLength)

// renderVariants returns the multivariant playlist of now, whose URIs begin with base.
// It renders once a change; there are two bases.
func (st *Stream) renderVariants(base string) (*variants, error) {
	if shown := st.shown[base]; shown != nil && shown.version == st.variants {
		return shown, nil
	}
	text, err := st.marshalVariants(base)
	if err != nil {
		return nil, err
	}
	shown := &variants{version: st.variants, text: text}
	for at := 0; ; at += len(noToken) {
		next := bytes.Index(text[at:], []byte(noToken))
		if next < 0 {
			break
		}
		at += next
		shown.tokens = append(shown.tokens, at+len(noToken)-tokenLength)
	}
	if st.shown == nil {
		st.shown = make(map[string]*variants, 2)
	}
	st.shown[base] = shown
	return shown, nil
}

// tokened returns the playlist for the viewer with token.
func (v *variants) tokened(token string) []byte {
	text := bytes.Clone(v.text)
	for _, at := range v.tokens {
		copy(text[at:], token)
	}
	return text
}

// marshalVariants returns the multivariant playlist, whose URIs begin with base.
func (st *Stream) marshalVariants(base string) ([]byte, error) {
	offered := st.offered()
	m := playlist.Multivariant{Version: 9, IndependentSegments: st.independent}
	var audio *Rendition
	if r := st.rendition(audioName); slices.Contains(offered, r) {
		d := r.describe()
		audio = &d
	}
	uri := func(name string) string { return base + url.PathEscape(name) + "/index.m3u8" + noToken }
	for _, r := range offered {
		if !r.video {
			continue
		}
		d := r.describe()
		v := &playlist.MultivariantVariant{
			Bandwidth: int(d.BandwidthBPS),
			Codecs:    []string{d.Codec},
			URI:       uri(r.name),
		}
		average := int(d.AverageBPS)
		if d.Width > 0 {
			v.Resolution = strconv.Itoa(d.Width) + "x" + strconv.Itoa(d.Height)
		}
		if d.FrameRate > 0 {
			v.FrameRate = &d.FrameRate
		}
		if audio != nil {
			v.Audio = audioGroup
			v.Codecs = append(v.Codecs, audio.Codec)
			v.Bandwidth += int(audio.BandwidthBPS)
			average += int(audio.AverageBPS)
		}
		v.AverageBandwidth = &average
		m.Variants = append(m.Variants, v)
	}
	switch {
	case audio == nil:
	case len(m.Variants) == 0:
		average := int(audio.AverageBPS)
		m.Variants = []*playlist.MultivariantVariant{{
			Bandwidth:        int(audio.BandwidthBPS),
			AverageBandwidth: &average,
			Codecs:           []string{audio.Codec},
			URI:              uri(audioName),
		}}
	default:
		path := uri(audioName)
		media := &playlist.MultivariantRendition{
			Type:       playlist.MultivariantRenditionTypeAudio,
			GroupID:    audioGroup,
			Name:       "Audio",
			Autoselect: true,
			Default:    true,
			URI:        &path,
		}
		if n := st.rendition(audioName).track.Channels; n > 0 {
			channels := strconv.Itoa(n)
			media.Channels = &channels
		}
		m.Renditions = []*playlist.MultivariantRendition{media}
	}
	return m.Marshal()
}

// variantsChanged makes the next multivariant playlist a new one.
func (st *Stream) variantsChanged() {
	st.variants++
	st.structure.fire()
}

// published looks what the first part of r makes possible.
func (st *Stream) published(r *rendition) {
	if r.nextPart == 2 {
		st.variantsChanged()
	}
}

// closedSegment looks what a complete segment makes possible.
func (st *Stream) closedSegment() {
	st.variants++
	if !st.started.IsZero() || st.leader == nil || !st.leader.ready() {
		return
	}
	if st.leader.epoch.Format.Audio != nil && st.leader.video {
		audio := st.rendition(audioName)
		late := st.leader.lastMSN() > st.firstMSN+1 // declared and never sent
		if (audio == nil || !audio.ready()) && !late {
			return
		}
	}
	st.started = st.server.cfg.Now()
	close(st.playable)
	st.structure.fire()
}
