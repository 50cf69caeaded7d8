package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"bandstand/media/hls/conform"
	"bandstand/media/ingest/rtmp/rtmptest"
	"bandstand/media/stream/flv"
	"bandstand/transcode"
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
	encoder.url = "pipe:3" // the program's first output
	program := transcode.Program{Binary: encoder.ffmpeg, Args: encoder.args(), Outputs: []func(io.Reader) error{
		func(r io.Reader) error { return forward(client, r) },
	}}
	err = program.Run(ctx)
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
