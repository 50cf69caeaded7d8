package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"bandstand/transcode"
)

// testPicture is a moving picture with the time burnt in, and a beeping tone, that
// ffmpeg makes and publishes as any streamer would.
type testPicture struct {
	ffmpeg        string
	url           string // to publish to, key included
	width, height int
	font          string // file; without one there is no clock
	log           *slog.Logger
}

// run publishes until ctx ends, beginning again whenever ffmpeg ends before that.
func (t *testPicture) run(ctx context.Context) error {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		began := time.Now()
		err := t.publish(ctx)
		if ctx.Err() != nil {
			return nil
		}
		t.log.WarnContext(ctx, "test picture ended", "err", err, "again_in", wait)
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

func (t *testPicture) publish(ctx context.Context) error {
	program := transcode.Program{Binary: t.ffmpeg, Args: t.args()}
	if err := program.Run(ctx); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), t.url, "rtmp://…")) // ffmpeg repeats the key
	}
	return errors.New("ffmpeg stopped by itself")
}

// args returns ffmpeg's arguments.
func (t *testPicture) args() []string {
	picture := fmt.Sprintf("gradients=size=%dx%d:rate=30:speed=0.006:seed=7:nb_colors=5"+
		":c0=0x0b1026:c1=0x1d1b52:c2=0x5a2a7a:c3=0xb8466b:c4=0xe9a15b", t.width, t.height)
	if t.font != "" {
		picture += t.text(`%{localtime\:%T}`, t.height/6, "(h-th)/2") +
			t.text("Bandstand", t.height/22, "h*0.28") +
			t.text("test picture, frame %{n}", t.height/30, "h*0.66")
	}
	return []string{
		"-hide_banner", "-nostdin", "-loglevel", "error",
		"-re", "-f", "lavfi", "-i", picture,
		"-re", "-f", "lavfi", "-i", "sine=frequency=220:beep_factor=4:sample_rate=48000",
		"-map", "0:v", "-map", "1:a",
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "high",
		"-pix_fmt", "yuv420p", "-g", "60", "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k",
		"-af", "volume=0.2", "-c:a", "aac", "-b:a", "128k", "-ac", "2",
		"-f", "flv", t.url,
	}
}

// text returns a filter that writes words, which come from nobody but us, in the
// middle of row y.
func (t *testPicture) text(words string, size int, y string) string {
	return fmt.Sprintf(",drawtext=fontfile='%s':text='%s':fontsize=%d:fontcolor=white:x=(w-tw)/2:y=%s",
		t.font, words, size, y)
}

// anyFont returns a font file that ffmpeg can draw with, or "".
func anyFont() string {
	for _, pattern := range []string{
		"/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf",
		"/usr/share/fonts/truetype/*/*Mono*.ttf",
		"/usr/share/fonts/truetype/*/*.ttf",
		"/usr/share/fonts/TTF/*.ttf",
	} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}
