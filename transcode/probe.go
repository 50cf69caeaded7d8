package transcode

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const probeTimeout = 10 * time.Second

// Capabilities is what an ffmpeg can do.
type Capabilities struct {
	Version  string // "5.1.9-0+deb12u1"
	Encoders []EncoderState
}

// EncoderState says whether an encoder is usable.
type EncoderState struct {
	Encoder Encoder
	Listed  bool  // ffmpeg was built with it
	Err     error // why encoding a frame failed; nil if Listed and it works
}

// Works says whether a frame could be encoded.
func (s EncoderState) Works() bool { return s.Listed && s.Err == nil }

// Probe asks the ffmpeg of c what it is, and encodes a frame with each encoder that
// it lists: being listed says nothing about the hardware. c must come from
// WithDefaults. It takes up to some seconds. The error is ErrStart when there is no
// such program.
func Probe(ctx context.Context, c Config) (Capabilities, error) {
	version, err := query(ctx, c, "-version")
	if err != nil {
		return Capabilities{}, err
	}
	list, err := query(ctx, c, "-hide_banner", "-encoders")
	if err != nil {
		return Capabilities{}, err
	}
	caps := Capabilities{Version: parseVersion(version)}
	listed := parseEncoders(list)
	for _, e := range Encoders() {
		s := EncoderState{Encoder: e, Listed: slices.Contains(listed, e)}
		if s.Listed {
			s.Err = tryEncoder(ctx, c, e)
		}
		caps.Encoders = append(caps.Encoders, s)
	}
	return caps, nil
}

// query returns what ffmpeg prints about itself.
func query(ctx context.Context, c Config, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var stderr tail
	cmd := exec.CommandContext(ctx, c.Binary, args...) //nolint:gosec // the operator names the program
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Second
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case err == nil:
		return out, nil
	case cmd.Process == nil:
		return nil, fmt.Errorf("transcode: %s: %w: %w", c.Binary, ErrStart, err)
	default:
		return nil, fmt.Errorf("transcode: %s: %w", c.Binary, &ExitError{Err: err, Stderr: stderr.String()})
	}
}

// parseVersion takes the third word of "ffmpeg version 5.1.9 Copyright …".
func parseVersion(out []byte) string {
	line, _, _ := bytes.Cut(out, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) < 3 || words[1] != "version" {
		return "unknown"
	}
	return words[2]
}

// parseEncoders returns the known encoders in the output of ffmpeg -encoders.
func parseEncoders(out []byte) []Encoder {
	var found []Encoder
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 && slices.Contains(Encoders(), Encoder(words[1])) {
			found = append(found, Encoder(words[1]))
		}
	}
	return found
}

// tryEncoder encodes one frame with the options of a real ladder. Input arguments
// of the configuration are for its own encoder.
func tryEncoder(ctx context.Context, c Config, e Encoder) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if e != c.Encoder {
		c = Config{Binary: c.Binary, Encoder: e}
	}
	c, err := c.WithDefaults()
	if err != nil {
		return err
	}
	var got int64
	p := Program{Binary: c.Binary, Args: tryArgs(c), Outputs: []func(io.Reader) error{
		func(r io.Reader) (err error) {
			got, err = io.Copy(io.Discard, r)
			return err
		},
	}}
	if err := p.Run(ctx); err != nil {
		return err
	}
	if got == 0 {
		return fmt.Errorf("transcode: %s gave nothing", e)
	}
	return nil
}

// tryArgs returns the arguments that encode one frame of a test picture. c must come
// from WithDefaults.
func tryArgs(c Config) []string {
	a := []string{"-hide_banner", "-nostdin", "-loglevel", "error", "-nostats"}
	a = append(a, c.InputArgs...)
	a = append(a, "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
		"-filter_complex", "[0:v]"+c.Encoder.profile().filter+"[v0]")
	a = append(a, encode(c, Rung{Height: 360, BitrateBPS: 800_000}, "[v0]")...)
	return append(a, "-frames:v", "1", "-f", "flv", "-flvflags", "no_duration_filesize", pipe(0))
}
