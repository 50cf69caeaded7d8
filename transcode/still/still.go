// Package still makes pictures that people have sent fit to be shown: it decides by
// content what they are, refuses what would cost too much before decoding it, and
// encodes them anew in the sizes that are wanted, upright, in sRGB and with nothing
// else of the file in them.
package still

import (
	"fmt"
	"io"
)

// Format is a kind of picture file.
type Format string

// The formats that are read.
const (
	PNG  Format = "png"
	JPEG Format = "jpeg"
	WebP Format = "webp"
	GIF  Format = "gif"
)

// Limits bound what is decoded. A zero Limits is the default.
type Limits struct {
	Bytes  int64 // of the file; 10 MiB if zero
	Pixels int64 // 50 million if zero
	Side   int   // longest, in pixels; 16384 if zero
	Memory int64 // that decoding may take, in bytes; 400 MiB if zero
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 10 << 20
	}
	if l.Pixels == 0 {
		l.Pixels = 50_000_000
	}
	if l.Side == 0 {
		l.Side = 16384
	}
	if l.Memory == 0 {
		l.Memory = 400 << 20
	}
	return l
}

// Refusal says why a picture will not do. It will not do later either.
type Refusal struct{ code, reason string }

// Error implements error.
func (r *Refusal) Error() string { return "still: " + r.reason }

// Problem returns the refusal for programs, in a word that never changes, and for
// people.
func (r *Refusal) Problem() (code, reason string) { return r.code, r.reason }

// The refusals.
var (
	ErrFormat  = &Refusal{"format", "only PNG, JPEG, WebP and GIF pictures are taken"}
	ErrBytes   = &Refusal{"bytes", "the file is too large"}
	ErrPixels  = &Refusal{"pixels", "the picture has too many pixels"}
	ErrBroken  = &Refusal{"broken", "the picture is damaged or of a rare kind"}
	ErrContent = &Refusal{"content", "there is something beside the picture in the file"}
)

// Info is what a file says of its picture.
type Info struct {
	Format        Format
	Width, Height int  // as stored, in pixels
	Orientation   int  // of Exif: 1 is upright; 5 to 8 swap width and height
	Animated      bool // only the first frame is ever decoded
}

// Inspect reads a picture file and returns what it says of its picture, without
// decoding it. What is not a picture, is more than l, or holds something else beside
// the picture, is a *Refusal; any other error is one of r.
func Inspect(r io.Reader, l Limits) (Info, error) {
	f, err := read(r, l.withDefaults())
	if err != nil {
		return Info{}, err
	}
	return f.Info, nil
}

// file is an inspected picture file.
type file struct {
	Info

	data    []byte // all of it, or what of it is to be decoded
	profile []byte // ICC; nil if there is none
	memory  int64  // that decoding takes at most, in bytes
}

// read reads and inspects a picture file.
func read(r io.Reader, l Limits) (*file, error) {
	data, err := io.ReadAll(io.LimitReader(r, l.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("still: read a picture: %w", err)
	}
	return inspect(data, l)
}

func inspect(data []byte, l Limits) (*file, error) {
	if int64(len(data)) > l.Bytes {
		return nil, ErrBytes
	}
	var walk func([]byte, Limits) (*file, int, error)
	switch formatOf(data) {
	case PNG:
		walk = inspectPNG
	case JPEG:
		walk = inspectJPEG
	case WebP:
		walk = inspectWebP
	case GIF:
		walk = inspectGIF
	default:
		return nil, ErrFormat
	}
	f, end, err := walk(data, l)
	if err != nil {
		return nil, err
	}
	if hidesSomething(f.Format, data, end) {
		return nil, ErrContent
	}
	if f.Orientation < 1 || f.Orientation > 8 {
		f.Orientation = 1
	}
	if f.memory > l.Memory {
		return nil, ErrPixels
	}
	return f, nil
}

// formatOf decides by the first bytes.
func formatOf(data []byte) Format {
	has := func(at int, text string) bool {
		return len(data) >= at+len(text) && string(data[at:at+len(text)]) == text
	}
	switch {
	case has(0, "\x89PNG\r\n\x1a\n"):
		return PNG
	case has(0, "\xff\xd8\xff"):
		return JPEG
	case has(0, "RIFF") && has(8, "WEBP"):
		return WebP
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return GIF
	}
	return ""
}

// checkSize reports whether a picture of these pixels is within l.
func checkSize(width, height int, l Limits) error {
	switch {
	case width <= 0 || height <= 0:
		return ErrBroken
	case width > l.Side || height > l.Side || int64(width)*int64(height) > l.Pixels:
		return ErrPixels
	}
	return nil
}
