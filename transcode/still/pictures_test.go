package still

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"

	"github.com/gen2brain/webp"
	"github.com/stretchr/testify/require"
)

var (
	red    = color.NRGBA{220, 20, 20, 255}
	green  = color.NRGBA{20, 200, 20, 255}
	blue   = color.NRGBA{20, 20, 220, 255}
	yellow = color.NRGBA{220, 220, 20, 255}
)

// quarters is red and green above blue and yellow.
func quarters(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := [2][2]color.NRGBA{{red, green}, {blue, yellow}}[2*y/height][2*x/width]
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}))
	return b.Bytes()
}

func gifOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, gif.Encode(&b, m, nil))
	return b.Bytes()
}

func webpOf(t testing.TB, m image.Image, lossless bool) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, webp.Encode(&b, m, webp.Options{Quality: 95, Lossless: lossless, Method: 0}))
	return b.Bytes()
}

// animatedWebP has m as its first frame and another one behind it.
func animatedWebP(t testing.TB, m, second image.Image) []byte {
	t.Helper()
	size := m.Bounds().Size()
	extended := make([]byte, 10)
	extended[0] = 0x12 // animation, alpha
	putUint24(extended[4:], size.X-1)
	putUint24(extended[7:], size.Y-1)
	body := appendChunk([]byte("WEBP"), "VP8X", extended)
	body = appendChunk(body, "ANIM", make([]byte, 6))
	for _, m := range []image.Image{m, second} {
		frame := make([]byte, 16)
		putUint24(frame[6:], m.Bounds().Dx()-1)
		putUint24(frame[9:], m.Bounds().Dy()-1)
		require.NoError(t, chunks(webpOf(t, m, false)[12:], func(name string, chunk []byte) error {
			if name != "VP8X" {
				frame = appendChunk(frame, name, chunk)
			}
			return nil
		}))
		body = appendChunk(body, "ANMF", frame)
	}
	return appendChunk(nil, "RIFF", body)
}

// segment is one of a JPEG.
func segment(marker byte, body []byte) []byte {
	head := []byte{0xff, marker, 0, 0}
	binary.BigEndian.PutUint16(head[2:], uint16(len(body)+2))
	return append(head, body...)
}

// withSegments puts segments at the beginning of a JPEG.
func withSegments(jpg []byte, segments ...[]byte) []byte {
	return slices.Concat(jpg[:2], slices.Concat(segments...), jpg[2:])
}

// chunk is one of a PNG.
func chunk(name string, body []byte) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	c = append(append(c, name...), body...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}

// withChunks puts chunks behind the header of a PNG.
func withChunks(png []byte, chunks ...[]byte) []byte {
	const header = 8 + 25
	return slices.Concat(png[:header], slices.Concat(chunks...), png[header:])
}

// exifOf is Exif data that tells an orientation.
func exifOf(order binary.AppendByteOrder, orientation int) []byte {
	b := []byte("II*\x00")
	if order == binary.BigEndian {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, entry := range [][2]uint16{{0x0100, 99}, {0x0112, uint16(orientation)}} {
		b = order.AppendUint16(order.AppendUint16(b, entry[0]), 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(order.AppendUint16(b, entry[1]), 0)
	}
	return order.AppendUint32(b, 0)
}

func zlibOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// displayP3 is a profile like those of telephones: its colours are wider than sRGB.
func displayP3() []byte {
	s15 := func(x float64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(int32(x*65536))) }
	xyz := func(x, y, z float64) []byte {
		return slices.Concat([]byte("XYZ \x00\x00\x00\x00"), s15(x), s15(y), s15(z))
	}
	curve := slices.Concat([]byte("para\x00\x00\x00\x00\x00\x03\x00\x00"),
		s15(2.4), s15(1/1.055), s15(0.055/1.055), s15(1/12.92), s15(0.04045))
	tags := []struct {
		name string
		data []byte
	}{
		{"rXYZ", xyz(0.51512, 0.24120, -0.00105)},
		{"gXYZ", xyz(0.29198, 0.69225, 0.04189)},
		{"bXYZ", xyz(0.15710, 0.06657, 0.78407)},
		{"rTRC", curve},
		{"gTRC", curve},
		{"bTRC", curve},
	}
	head := make([]byte, 128)
	copy(head[12:], "mntrRGB XYZ ")
	copy(head[36:], "acsp")
	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	var data []byte
	for _, tag := range tags {
		table = append(table, tag.name...)
		table = binary.BigEndian.AppendUint32(table, uint32(128+4+12*len(tags)+len(data)))
		table = binary.BigEndian.AppendUint32(table, uint32(len(tag.data)))
		data = append(data, tag.data...)
	}
	return slices.Concat(head, table, data)
}
