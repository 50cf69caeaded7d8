package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream/flv"
)

// stampedPicture publishes a test picture whose frames hold the time at which they
// were sent, so that whoever watches can tell how old they are.
type stampedPicture struct {
	picture testPicture // its url is where to
}

// run publishes until ctx ends. It returns nil then, and an error if ffmpeg or the
// server end it before.
func (s *stampedPicture) run(ctx context.Context) error {
	client, err := rtmptest.Publish(s.picture.url, rtmptest.Options{})
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost

	encoder := s.picture
	encoder.url = "pipe:1"
	cmd := exec.CommandContext(ctx, encoder.ffmpeg, encoder.args()...) //nolint:gosec // the operator's ffmpeg, our own arguments
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 3 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = forward(client, out)
	err = errors.Join(err, cmd.Wait())
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("test picture: %w", err)
}

// forward sends the tags of an FLV stream, its pictures stamped.
func forward(client *rtmptest.Client, from io.Reader) error {
	tags := flv.NewReader(from)
	for seq := uint32(0); ; seq++ {
		tag, err := tags.Next()
		if err != nil {
			return err
		}
		// Configurations and other tags without a picture cannot be stamped.
		if stamped, err := conform.Stamp(tag.Body, time.Now(), seq); err == nil {
			tag.Body = stamped
		}
		if err := client.SendTag(tag); err != nil {
			return err
		}
	}
}
