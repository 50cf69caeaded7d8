package transcode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	firstOutput    = 3 // file descriptor of the first output
	thumbnailWidth = 640
)

// Args returns the arguments for job. ffmpeg then takes Matroska on standard input,
// whose keyframes must be flagged, and writes one FLV per rung to the file
// descriptors 3, 4, … and thumbnails as MIME parts (mpjpeg) to the one after them.
// Every frame keeps its time to the millisecond, modulo 2³¹, and every keyframe of
// the source is one in each rung. c must come from WithDefaults.
func Args(c Config, job Job) []string {
	a := input(c, "pipe:0")
	a = append(a, "-filter_complex", graph(c, job))
	for i, r := range job.Rungs {
		a = append(a, encode(c, r, label("v", i))...)
		a = append(a, "-flush_packets", "1", "-f", "flv", "-flvflags", "no_duration_filesize", pipe(i))
	}
	if job.ThumbnailEvery > 0 {
		// -fps_mode and -enc_time_base hold for one output: without them the times shift.
		a = append(a, "-map", "[th]", "-an", "-fps_mode", "passthrough", "-enc_time_base", "1:1000",
			"-c:v", "mjpeg", "-threads", "1", "-q:v", "6",
			"-flush_packets", "1", "-f", "mpjpeg", pipe(len(job.Rungs)))
	}
	return a
}

// StillArgs returns the arguments that make one JPEG, on standard output's place at
// file descriptor 3, of the first keyframe in the Matroska on standard input. c must
// come from WithDefaults.
func StillArgs(c Config) []string {
	c.InputArgs = nil // one frame is decoded fastest in software
	a := input(c, "pipe:0")
	return append(a, "-vf", thumbnailScale(), "-frames:v", "1", "-an",
		"-c:v", "mjpeg", "-threads", "1", "-q:v", "6", "-f", "mpjpeg", pipe(0))
}

// input starts at once: probing would cost seconds, and decoder threads hold back a
// frame each. (-fflags nobuffer would throw away the first GOP.)
func input(c Config, from string) []string {
	a := []string{"-hide_banner", "-nostdin", "-loglevel", "error", "-nostats", "-threads", "1"}
	a = append(a, c.InputArgs...)
	return append(a, "-probesize", "32", "-analyzeduration", "0", "-copyts", "-f", "matroska", "-i", from)
}

// graph decodes once and scales each branch from the source.
func graph(c Config, job Job) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[0:v]split=%d", job.Outputs())
	for i := range job.Outputs() {
		b.WriteString(label("s", i))
	}
	for i, r := range job.Rungs {
		b.WriteString(";" + label("s", i) + frameCap(r.MaxFrameRate) +
			fmt.Sprintf(`scale=w=-2:h=2*trunc(min(%d\,ih)/2):flags=fast_bilinear,`, r.Height) +
			c.Encoder.profile().filter + label("v", i))
	}
	if job.ThumbnailEvery > 0 {
		b.WriteString(";" + label("s", len(job.Rungs)) + every(job.ThumbnailEvery) + thumbnailScale() + "[th]")
	}
	return b.String()
}

// frameCap leaves out frames that come too soon after the last one taken. Keyframes
// are always taken: segments begin there. A fifth is allowed for the jitter of
// millisecond times, so that half of 60 frames a second is 30 and not 20.
func frameCap(rate float64) string {
	if rate <= 0 {
		return ""
	}
	return fmt.Sprintf(`select=key+gte(t-prev_selected_t\,%.5f),`, 0.8/rate)
}

// every takes the first frame, and one whenever d has passed since.
func every(d time.Duration) string {
	return fmt.Sprintf(`select=isnan(prev_selected_t)+gte(t-prev_selected_t\,%.3f),`, d.Seconds())
}

func thumbnailScale() string {
	return fmt.Sprintf(`scale=w=2*trunc(min(%d\,iw)/2):h=-2:flags=fast_bilinear,format=yuvj420p`, thumbnailWidth)
}

func encode(c Config, r Rung, from string) []string {
	p, rate := c.Encoder.profile(), strconv.Itoa(r.BitrateBPS)
	// The encoder's own time base would snap times to the frame grid.
	a := []string{"-map", from, "-an", "-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-c:v", string(c.Encoder)}
	if p.preset != "" {
		a = append(a, "-preset", c.Preset)
	}
	if c.Threads > 0 {
		a = append(a, "-threads", strconv.Itoa(c.Threads))
	}
	a = append(a, p.output...)
	if p.rate != "" && r.FrameRate > 0 {
		a = append(a, p.rate, fmt.Sprintf("fps=%d/1000", int(math.Round(r.FrameRate*1000))))
	}
	a = append(a, "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
		"-g", "9999", "-bf", "0", "-force_key_frames", "source")
	return append(a, c.ExtraArgs...)
}

func label(name string, i int) string { return "[" + name + strconv.Itoa(i) + "]" }

func pipe(i int) string { return "pipe:" + strconv.Itoa(firstOutput+i) }
