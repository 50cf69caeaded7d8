package transcode

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// Measurement is what a ladder costs on this machine.
type Measurement struct {
	// Cores is the processor time, in seconds, for each second of stream.
	Cores float64

	// Speed is how many seconds of stream are encoded in a second when nothing else
	// runs. Live needs more than 1, and some room above.
	Speed float64
}

const measureSeconds = 4

// Measure encodes some seconds of a moving 1080p30 test picture into rungs, exactly
// as a live ladder does, as fast as the machine can. Other load makes Speed less.
// c must come from WithDefaults.
func Measure(ctx context.Context, c Config, rungs []Rung) (Measurement, error) {
	clip, err := testClip(ctx, c)
	if err != nil {
		return Measurement{}, fmt.Errorf("transcode: make a test clip: %w", err)
	}
	job := Job{Rungs: rungs, ThumbnailEvery: 5 * time.Second}
	p := Program{Binary: c.Binary, Args: Args(c, job), Grace: time.Minute}
	p.Feed = func(_ context.Context, w *os.File) error {
		_, err := w.Write(clip)
		return err
	}
	for range job.Outputs() {
		p.Outputs = append(p.Outputs, func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
	}
	begin := time.Now()
	if err := p.Run(ctx); err != nil {
		return Measurement{}, err
	}
	return Measurement{
		Cores: p.CPU.Seconds() / measureSeconds,
		Speed: measureSeconds / time.Since(begin).Seconds(),
	}, nil
}

// testClip returns a 1080p30 H.264 stream in Matroska.
func testClip(ctx context.Context, c Config) (clip []byte, err error) {
	p := Program{
		Binary: c.Binary,
		Args: []string{
			"-hide_banner", "-nostdin", "-loglevel", "error", "-nostats",
			"-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30", "-t", strconv.Itoa(measureSeconds),
			"-c:v", string(LibX264), "-preset", "ultrafast", "-g", "60", "-b:v", "6M", "-pix_fmt", "yuv420p",
			"-f", "matroska", "-live", "1", pipe(0),
		},
		Outputs: []func(io.Reader) error{func(r io.Reader) error {
			clip, err = io.ReadAll(io.LimitReader(r, 64<<20))
			return err
		}},
	}
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	return clip, nil
}
