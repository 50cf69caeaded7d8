// Package transcode runs ffmpeg: its arguments, as pure functions, and its process,
// which is fed through pipes and always ends.
package transcode

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config says how to run ffmpeg. Every field has a default.
type Config struct {
	Binary  string  // "ffmpeg" if empty, looked up in PATH
	Encoder Encoder // LibX264 if empty
	Preset  string  // speed against quality; the encoder's default here if empty
	Threads int     // threads of each encoder; what ffmpeg chooses if zero

	// InputArgs come before the input, for example "-hwaccel", "cuda" to decode on
	// the card (frames come back to memory, where they are scaled) or
	// "-vaapi_device", "/dev/dri/renderD129". They replace the encoder's own.
	InputArgs []string

	// ExtraArgs are added to the options of every encoder.
	ExtraArgs []string
}

// WithDefaults returns c with every empty field filled, or all that is wrong with it.
func (c Config) WithDefaults() (Config, error) {
	if c.Binary == "" {
		c.Binary = "ffmpeg"
	}
	if c.Encoder == "" {
		c.Encoder = LibX264
	}
	var errs []error
	if !slices.Contains(Encoders(), c.Encoder) {
		errs = append(errs, fmt.Errorf("unknown encoder %q: one of %v", c.Encoder, Encoders()))
	}
	if c.Threads < 0 || c.Threads > 64 {
		errs = append(errs, fmt.Errorf("%d encoder threads: 0 to 64", c.Threads))
	}
	if len(errs) > 0 {
		return c, fmt.Errorf("transcode: %w", errors.Join(errs...))
	}
	if c.Preset == "" {
		c.Preset = c.Encoder.profile().preset
	}
	if c.InputArgs == nil {
		c.InputArgs = c.Encoder.profile().input
	}
	return c, nil
}

// Rung is one encoded output.
type Rung struct {
	Height       int     // in pixels; the source's if that is less
	BitrateBPS   int     // target and maximum
	FrameRate    float64 // how many frames a second there will be, for the bitrate; ffmpeg's guess if zero
	MaxFrameRate float64 // frames beyond it are left out, keyframes never; zero keeps all
}

// Job is what one ffmpeg makes of one source.
type Job struct {
	Rungs          []Rung
	ThumbnailEvery time.Duration // no thumbnails if zero
}

// Outputs returns how many pipes the job writes to: one for each rung, then one for
// the thumbnails.
func (j Job) Outputs() int {
	if j.ThumbnailEvery > 0 {
		return len(j.Rungs) + 1
	}
	return len(j.Rungs)
}
