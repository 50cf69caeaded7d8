package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// FLV tag types; they equal the RTMP message types that carry them.
const (
	tagAudio  = 8
	tagVideo  = 9
	tagScript = 18
)

// flvTag is one FLV tag. Its time is in milliseconds.
type flvTag struct {
	kind byte
	ms   uint32
	body []byte
}

// codecHeader tells whether the tag holds AVC or AAC parameters, not media.
func (t flvTag) codecHeader() bool {
	return len(t.body) > 1 && t.body[1] == 0 &&
		(t.kind == tagVideo && t.body[0]&0x0f == 7 || t.kind == tagAudio && t.body[0]>>4 == 10)
}

// clip is a recording that is published over and over.
type clip struct {
	path  string
	head  []flvTag // metadata and codec parameters
	media []flvTag // from time 0
	loop  uint32   // milliseconds from one pass to the next
	bytes int64    // of one pass
}

// bitrateBPS is what publishing the clip sends, without RTMP's framing.
func (c *clip) bitrateBPS() float64 { return float64(c.bytes) * 8000 / float64(c.loop) }

// picture is what the clip shows.
type picture struct {
	width, height, fps int
	bitrate            string // of the video, as ffmpeg writes it
}

var (
	plainPicture  = picture{1280, 720, 30, "2372k"} // with 128 kbit/s of audio: 2.5 Mbit/s
	ladderPicture = picture{1920, 1080, 30, "5872k"}
)

// makeClip has ffmpeg make ten seconds of moving picture and tone, H.264 without
// B-frames with a keyframe every two seconds, and AAC, as OBS would send it.
func makeClip(ctx context.Context, dir string, p picture) (*clip, error) {
	path := filepath.Join(dir, fmt.Sprintf("clip%d.flv", p.height))
	gop := strconv.Itoa(2 * p.fps)
	//nolint:gosec // numbers and names of this program
	cmd := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-y",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=%d,noise=alls=12:allf=t", p.width, p.height, p.fps),
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "10",
		"-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-bf", "0", "-g", gop, "-keyint_min", gop,
		"-sc_threshold", "0", "-b:v", p.bitrate, "-minrate", p.bitrate, "-maxrate", p.bitrate, "-bufsize", p.bitrate,
		"-nal-hrd", "cbr", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make clip: %w: %s", err, out)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := parseFLV(raw)
	if err != nil {
		return nil, err
	}
	c.path = path
	logf("clip %dx%d: %.0f kbit/s, %d messages in %.2f s", p.width, p.height, c.bitrateBPS()/1000, len(c.media),
		float64(c.loop)/1000)
	return c, nil
}

// parseFLV splits an FLV file; the clip's tags alias raw.
func parseFLV(raw []byte) (*clip, error) {
	if len(raw) < 13 || string(raw[:3]) != "FLV" {
		return nil, errors.New("not an FLV file")
	}
	c := &clip{}
	for rest := raw[13:]; len(rest) >= 15; {
		size := int(binary.BigEndian.Uint32(rest) & 0xffffff)
		if len(rest) < 15+size {
			return nil, errors.New("FLV file is cut short")
		}
		t := flvTag{
			kind: rest[0] & 0x1f,
			ms:   uint32(rest[7])<<24 | uint32(rest[4])<<16 | uint32(rest[5])<<8 | uint32(rest[6]),
			body: rest[11 : 11+size],
		}
		rest = rest[15+size:]
		endOfSequence := t.kind == tagVideo && size > 1 && t.body[1] == 2
		switch {
		case size == 0 || endOfSequence:
		case t.kind == tagScript || t.codecHeader():
			c.head = append(c.head, t)
		default:
			c.media = append(c.media, t)
			c.bytes += int64(size)
		}
	}
	if err := c.normalise(); err != nil {
		return nil, err
	}
	return c, nil
}

// normalise lets the media begin at 0 and finds how long a pass lasts: the video
// and one average frame more, so that its rhythm goes on over the seam. Audio
// beyond that is cut.
func (c *clip) normalise() error {
	var first, last, frames uint32
	for _, t := range c.media {
		if t.kind != tagVideo {
			continue
		}
		if frames == 0 {
			first = t.ms
		}
		frames, last = frames+1, t.ms
	}
	if frames < 2 || last <= first {
		return errors.New("clip without enough video to loop")
	}
	c.loop = last - first + (last-first+(frames-1)/2)/(frames-1)
	kept := c.media[:0]
	for _, t := range c.media {
		t.ms -= min(t.ms, first)
		if t.ms < c.loop {
			kept = append(kept, t)
		} else {
			c.bytes -= int64(len(t.body))
		}
	}
	c.media = kept
	return nil
}
