package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/stretchr/testify/require"

	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream/flv"
	"bandstand/media/stream/flv/flvtest"
)

// sender publishes given messages in real time, for what no encoder here would send.
type sender struct {
	client *rtmptest.Client
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed; nil if all was sent, or stop was called
}

// send publishes tags at the pace of their times until they are all sent, the test
// ends or stop is called. What goes over the wire are the times that at makes of
// them, or their own if it is nil.
func send(t *testing.T, url string, o rtmptest.Options, tags []flv.Tag, at func(ms uint32) uint32) *sender {
	t.Helper()
	client, err := rtmptest.Publish(url, o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	s := &sender{client: client, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer client.Close()
		if err := s.run(ctx, tags, at); ctx.Err() == nil {
			s.err = err
		}
	}()
	t.Cleanup(func() {
		s.stop()
		if s.err != nil {
			t.Errorf("sender: %v", s.err)
		}
	})
	return s
}

func (s *sender) run(ctx context.Context, tags []flv.Tag, at func(uint32) uint32) error {
	began := time.Now()
	pace := time.NewTimer(0)
	defer pace.Stop()
	for _, tag := range tags {
		pace.Reset(time.Until(began.Add(time.Duration(tag.Time) * time.Millisecond)))
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil
		}
		if at != nil {
			tag.Time = at(tag.Time)
		}
		if err := s.client.SendTag(tag); err != nil {
			return err
		}
	}
	return nil
}

// stop hangs up.
func (s *sender) stop() {
	s.cancel()
	<-s.done
}

// merge puts the messages of tracks into the order of their times.
func merge(tracks ...[]flv.Tag) []flv.Tag {
	all := slices.Concat(tracks...)
	slices.SortStableFunc(all, func(a, b flv.Tag) int { return int(a.Time) - int(b.Time) })
	return all
}

// shifted returns tags that come by milliseconds later.
func shifted(tags []flv.Tag, by uint32) []flv.Tag {
	out := slices.Clone(tags)
	for i := range out {
		out[i].Time += by
	}
	return out
}

// sized returns seconds of a test picture of a size in H.264, with a keyframe every
// second and a tone in AAC.
func sized(t *testing.T, size, seconds string) []flv.Tag {
	t.Helper()
	return flvtest.Clip(t, "-f", "lavfi", "-i", "testsrc2=size="+size+":rate=30",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", seconds,
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30",
		"-b:v", "400k", "-c:a", "aac", "-ac", "2")
}

// soundOf returns seconds of a tone in AAC.
func soundOf(t *testing.T, seconds string) []flv.Tag {
	t.Helper()
	return flvtest.Clip(t, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", seconds,
		"-c:a", "aac", "-ac", "2")
}

// opusOf returns seconds of a tone in Opus, as Enhanced RTMP carries it.
func opusOf(t *testing.T, seconds string) []flv.Tag {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", seconds, "-ac", "2", "-c:a", "libopus",
		"-movflags", "+empty_moov+default_base_moof+frag_every_frame+delay_moov", "-f", "mp4", "pipe:1")
	mp4, err := cmd.Output()
	require.NoError(t, err)
	var parts fmp4.Parts
	require.NoError(t, parts.Unmarshal(mp4[bytes.Index(mp4, []byte("moof"))-4:]))

	head := append([]byte("OpusHead"), 1, 2) // RFC 7845 5.1
	head = binary.LittleEndian.AppendUint16(head, 312)
	head = binary.LittleEndian.AppendUint32(head, 48000)
	head = append(head, 0, 0, 0)
	tags := []flv.Tag{{Type: flv.TypeAudio, Body: slices.Concat([]byte{0x90}, []byte("Opus"), head)}}
	for _, part := range parts {
		at := part.Tracks[0].BaseTime
		for _, s := range part.Tracks[0].Samples {
			tags = append(tags, flv.Tag{
				Type: flv.TypeAudio, Time: uint32(at / 48),
				Body: slices.Concat([]byte{0x91}, []byte("Opus"), s.Payload),
			})
			at += uint64(s.Duration)
		}
	}
	return tags
}
