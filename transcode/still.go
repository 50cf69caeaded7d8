package transcode

import (
	"context"
	"io"
	"os"
	"time"
)

const stillTimeout = 10 * time.Second

// Still returns one JPEG of the keyframe that matroska begins with. It blocks while
// ffmpeg runs, about a tenth of a second, and for 10 s at most.
func Still(ctx context.Context, c Config, matroska []byte) (jpeg []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, stillTimeout)
	defer cancel()
	p := Program{
		Binary: c.Binary,
		Args:   StillArgs(c),
		Grace:  stillTimeout,
		Feed: func(_ context.Context, w *os.File) error {
			_, err := w.Write(matroska)
			return err
		},
		Outputs: []func(io.Reader) error{func(r io.Reader) error {
			return ReadThumbnails(r, func(b []byte) { jpeg = b })
		}},
	}
	err = p.Run(ctx)
	switch {
	case jpeg != nil: // and if there was more input than that, so be it
		return jpeg, nil
	case err != nil:
		return nil, err
	default:
		return nil, errNoPicture
	}
}
