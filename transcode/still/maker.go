package still

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/gen2brain/webp"
	"github.com/kovidgoyal/imaging"
	xwebp "golang.org/x/image/webp"
	"golang.org/x/sync/semaphore"
)

const (
	jpegQuality = 85
	webpQuality = 82
	webpMethod  = 3 // half the time of the usual 4, a few per cent larger
)

// scaling is what making sizes of a decoded picture takes at most, in bytes.
const scaling = 64 << 20

// Maker makes pictures in several sizes. Together its callers stay within a budget of
// memory; those for whom there is no room wait.
type Maker struct {
	limits Limits
	room   *semaphore.Weighted // bytes
}

// NewMaker returns a Maker of pictures within l, of which l.Memory is for all of its
// callers together.
func NewMaker(l Limits) *Maker {
	l = l.withDefaults()
	return &Maker{limits: l, room: semaphore.NewWeighted(l.Memory + scaling)}
}

// Check reports whether a picture will do. The failures are those of Inspect.
func (m *Maker) Check(picture []byte) error {
	_, err := inspect(picture, m.limits)
	return err
}

// Variants makes the picture in a shape and in widths, narrowest first, and calls each
// with every one of them as WebP and as JPEG. A picture that is narrower than a width
// is not enlarged: it comes in the width that it has. each must not keep data.
//
// The failures are those of Inspect, that of ctx, and those of each, unchanged. It
// blocks while the memory that it needs is in use, and while it works: about a second.
func (m *Maker) Variants(
	ctx context.Context, picture []byte, shape string, widths []int,
	each func(width int, mediaType string, data []byte) error,
) error {
	f, err := inspect(picture, m.limits)
	if err != nil {
		return err
	}
	size, ok := cropped(shape, swapped(image.Pt(f.Width, f.Height), f.Orientation))
	if !ok || len(widths) == 0 {
		return errors.New("still: no such shape or no widths")
	}
	largest, err := m.largest(ctx, f, size, widths[len(widths)-1])
	if err != nil {
		return err
	}
	return encodeAll(ctx, largest, widths, each)
}

// largest decodes a picture and returns its part of this size, not wider than width.
func (m *Maker) largest(ctx context.Context, f *file, size image.Point, width int) (*image.NRGBA, error) {
	need := f.memory + scaling
	if err := m.room.Acquire(ctx, need); err != nil {
		return nil, fmt.Errorf("still: wait for memory: %w", err)
	}
	defer m.room.Release(need)
	decoded, err := decode(ctx, f)
	if err != nil {
		return nil, err
	}
	part := cut(decoded, middle(decoded.Bounds(), swapped(size, f.Orientation)))
	want := swapped(size, f.Orientation)
	if width < size.X {
		want = swapped(scaled(size, width), f.Orientation)
	}
	largest, err := resize(part, want)
	if err != nil {
		return nil, err
	}
	if p, ok := profileOf(f.profile); ok {
		p.apply(largest)
	}
	return upright(largest, f.Orientation), nil
}

// encodeAll calls each for every width. largest is as wide as the last of them, or as
// the picture.
func encodeAll(
	ctx context.Context, largest *image.NRGBA, widths []int, each func(width int, mediaType string, data []byte) error,
) error {
	var asWebP, asJPEG bytes.Buffer
	encoded := 0 // width of what is in the buffers
	for _, width := range widths {
		if err := ctx.Err(); err != nil {
			return err
		}
		if actual := min(width, largest.Rect.Dx()); actual != encoded {
			scaled, err := resize(largest, scaled(largest.Rect.Size(), actual))
			if err != nil {
				return err
			}
			if err := encode(scaled, &asWebP, &asJPEG); err != nil {
				return err
			}
			encoded = actual
		}
		if err := each(width, "image/webp", asWebP.Bytes()); err != nil {
			return err
		}
		if err := each(width, "image/jpeg", asJPEG.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func encode(m *image.NRGBA, asWebP, asJPEG *bytes.Buffer) error {
	asWebP.Reset()
	asJPEG.Reset()
	if err := webp.Encode(asWebP, m, webp.Options{Quality: webpQuality, Method: webpMethod}); err != nil {
		return fmt.Errorf("still: encode WebP: %w", err)
	}
	if err := jpeg.Encode(asJPEG, onWhite(m), &jpeg.Options{Quality: jpegQuality}); err != nil {
		return fmt.Errorf("still: encode JPEG: %w", err)
	}
	return nil
}

// decode decodes the first picture of f. What fails, fails because f is broken, unless
// ctx has ended.
func decode(ctx context.Context, f *file) (m image.Image, err error) {
	defer func() {
		if recover() != nil {
			m, err = nil, ErrBroken
		}
		if ctx.Err() != nil {
			m, err = nil, fmt.Errorf("still: decode: %w", ctx.Err())
		}
	}()
	r := &reader{ctx, bytes.NewReader(f.data)}
	switch f.Format {
	case PNG:
		m, err = png.Decode(r)
	case JPEG:
		m, err = jpeg.Decode(r)
	case WebP:
		m, err = xwebp.Decode(r)
		m = fullRange(m)
	case GIF:
		m, err = gif.Decode(r)
	}
	if err != nil || m.Bounds().Dx() != f.Width || m.Bounds().Dy() != f.Height {
		return nil, ErrBroken
	}
	return m, nil
}

// reader reads until ctx ends, so that a decoder does too.
type reader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// cut returns the part r of m, without copying it.
func cut(m image.Image, r image.Rectangle) image.Image {
	if m, ok := m.(interface {
		SubImage(r image.Rectangle) image.Image
	}); ok {
		return m.SubImage(r)
	}
	return imaging.Crop(m, r)
}

// resize returns a copy of m in this size, which begins at 0,0 and has no gaps between
// its rows.
func resize(m image.Image, size image.Point) (resized *image.NRGBA, err error) {
	defer func() {
		if recover() != nil {
			resized, err = nil, errors.New("still: cannot resize")
		}
	}()
	if m.Bounds().Size() == size {
		resized = imaging.Clone(m)
	} else {
		resized = imaging.Resize(m, size.X, size.Y, imaging.CatmullRom).(*image.NRGBA) //nolint:errcheck // what Resize promises
	}
	resized.Rect = image.Rectangle{Max: size}
	return resized, nil
}

// onWhite returns m without transparency.
func onWhite(m *image.NRGBA) *image.RGBA {
	flat := image.NewRGBA(m.Rect)
	for i := 0; i+3 < len(m.Pix); i += 4 {
		from, to := m.Pix[i:i+4:i+4], flat.Pix[i:i+4:i+4]
		alpha := uint32(from[3])
		for c := range 3 {
			to[c] = uint8((uint32(from[c])*alpha + 255*(255-alpha) + 127) / 255)
		}
		to[3] = 255
	}
	return flat
}
