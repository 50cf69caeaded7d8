package still

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	xwebp "golang.org/x/image/webp"
)

// like reports whether two colours look the same.
func like(a, b color.Color) bool {
	near := func(a, b uint32) bool { return max(a, b)-min(a, b) <= 50*257 }
	r1, g1, b1, a1 := a.RGBA()
	r2, g2, b2, a2 := b.RGBA()
	return near(r1, r2) && near(g1, g2) && near(b1, b2) && near(a1, a2)
}

type variant struct {
	width     int
	mediaType string
	data      []byte
}

func variants(t testing.TB, picture []byte, shape string, widths ...int) []variant {
	t.Helper()
	var all []variant
	err := NewMaker(Limits{}).Variants(t.Context(), picture, shape, widths,
		func(width int, mediaType string, data []byte) error {
			all = append(all, variant{width, mediaType, slices.Clone(data)})
			return nil
		})
	require.NoError(t, err)
	return all
}

func (v variant) decode(t testing.TB) image.Image {
	t.Helper()
	decode := jpeg.Decode
	if v.mediaType == "image/webp" {
		decode = xwebp.Decode
	}
	m, err := decode(bytes.NewReader(v.data))
	require.NoError(t, err)
	if v.mediaType == "image/webp" {
		m = fullRange(m)
	}
	return m
}

func TestVariants(t *testing.T) {
	t.Parallel()
	got := variants(t, pngOf(t, quarters(400, 300)), Square, 64, 128, 256, 512)
	require.Len(t, got, 8)
	for i, want := range []struct {
		width     int
		mediaType string
		actual    int
	}{
		{64, "image/webp", 64},
		{64, "image/jpeg", 64},
		{128, "image/webp", 128},
		{128, "image/jpeg", 128},
		{256, "image/webp", 256},
		{256, "image/jpeg", 256},
		{512, "image/webp", 300},
		{512, "image/jpeg", 300},
	} {
		assert.Equal(t, want.width, got[i].width)
		assert.Equal(t, want.mediaType, got[i].mediaType)
		m := got[i].decode(t)
		assert.Equal(t, image.Pt(want.actual, want.actual), m.Bounds().Size())
		near, far := want.actual/4, want.actual*3/4
		assert.True(t, like(m.At(near, near), red), "%v", m.At(near, near))
		assert.True(t, like(m.At(far, near), green), "%v", m.At(far, near))
		assert.True(t, like(m.At(near, far), blue), "%v", m.At(near, far))
		assert.True(t, like(m.At(far, far), yellow), "%v", m.At(far, far))
	}
}

// Black stays black, and white white, through every format.
func TestRange(t *testing.T) {
	t.Parallel()
	m := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		copy(m.Pix[4*i:], [][]byte{{0, 0, 0, 255}, {255, 255, 255, 255}}[i/(64*32)])
	}
	for name, picture := range map[string][]byte{"png": pngOf(t, m), "jpeg": jpegOf(t, m), "webp": webpOf(t, m, false), "lossless": webpOf(t, m, true)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range variants(t, picture, Square, 64) {
				r, _, _, _ := v.decode(t).At(32, 8).RGBA()
				assert.Less(t, r>>8, uint32(4), v.mediaType)
				r, _, _, _ = v.decode(t).At(32, 56).RGBA()
				assert.Greater(t, r>>8, uint32(251), v.mediaType)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	m := quarters(97, 61) // odd, and cropped at an odd place
	for name, picture := range map[string][]byte{
		"png": pngOf(t, m), "jpeg": jpegOf(t, m), "gif": gifOf(t, m), "webp": webpOf(t, m, false), "lossless": webpOf(t, m, true),
		"animated": animatedWebP(t, m, image.NewNRGBA(m.Rect)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range variants(t, picture, Square, 40) {
				m := v.decode(t)
				assert.True(t, like(m.At(10, 10), red), "%v", m.At(10, 10))
				assert.True(t, like(m.At(30, 10), green), "%v", m.At(30, 10))
				assert.True(t, like(m.At(10, 30), blue), "%v", m.At(10, 30))
				assert.True(t, like(m.At(30, 30), yellow), "%v", m.At(30, 30))
			}
		})
	}
}

// Upright, each of these is red and green above blue and yellow, 60x40.
func TestOrientations(t *testing.T) {
	t.Parallel()
	for orientation := 1; orientation <= 8; orientation++ {
		t.Run(fmt.Sprint(orientation), func(t *testing.T) {
			t.Parallel()
			// What turns a stored picture upright turns, the other way, an upright one
			// into what is stored: all but 6 and 8 are their own opposites.
			opposite := map[int]int{6: 8, 8: 6}[orientation]
			if opposite == 0 {
				opposite = orientation
			}
			stored := jpegOf(t, upright(quarters(60, 40), opposite))
			exif := segment(0xe1, append([]byte(exifPrefix), exifOf(binary.BigEndian, orientation)...))
			for _, v := range variants(t, withSegments(stored, exif), Screen, 48) {
				m := v.decode(t)
				assert.Equal(t, image.Pt(48, 27), m.Bounds().Size())
				assert.True(t, like(m.At(12, 6), red), "%v", m.At(12, 6))
				assert.True(t, like(m.At(36, 6), green), "%v", m.At(36, 6))
				assert.True(t, like(m.At(12, 21), blue), "%v", m.At(12, 21))
				assert.True(t, like(m.At(36, 21), yellow), "%v", m.At(36, 21))
			}
		})
	}
}

// The table of Exif 2.32 4.6.4 A: where the first row and column of what is stored are.
func TestUprightFollowsExif(t *testing.T) {
	t.Parallel()
	// Stored: R G B / Y . .
	stored := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for x, c := range []color.NRGBA{red, green, blue} {
		stored.SetNRGBA(x, 0, c)
	}
	stored.SetNRGBA(0, 1, yellow)
	names := map[color.NRGBA]string{red: "R", green: "G", blue: "B", yellow: "Y", {}: "."}
	for orientation, want := range map[int]string{
		1: "RGB/Y..", 2: "BGR/..Y", 3: "..Y/BGR", 4: "Y../RGB",
		5: "RY/G./B.", 6: "YR/.G/.B", 7: ".B/.G/YR", 8: "B./G./RY",
	} {
		m := upright(stored, orientation)
		var rows []string
		for y := range m.Rect.Dy() {
			row := ""
			for x := range m.Rect.Dx() {
				row += names[m.NRGBAAt(x, y)]
			}
			rows = append(rows, row)
		}
		assert.Equal(t, want, strings.Join(rows, "/"), orientation)
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		shape  string
		source image.Point
		want   image.Point
	}{
		{Square, image.Pt(100, 300), image.Pt(100, 100)},
		{Square, image.Pt(301, 100), image.Pt(100, 100)},
		{Square, image.Pt(16384, 1), image.Pt(1, 1)},
		{Screen, image.Pt(1920, 1080), image.Pt(1920, 1080)},
		{Screen, image.Pt(1000, 1000), image.Pt(1000, 563)},
		{Screen, image.Pt(4000, 900), image.Pt(1600, 900)},
		{Screen, image.Pt(1, 1), image.Pt(1, 1)},
		{Wide, image.Pt(2000, 1000), image.Pt(2000, 1000)},
		{Wide, image.Pt(6000, 1000), image.Pt(6000, 1000)},
		{Wide, image.Pt(1999, 1000), image.Pt(1999, 666)},
		{Wide, image.Pt(6001, 1000), image.Pt(3000, 1000)},
		{Wide, image.Pt(1, 500), image.Pt(1, 1)},
	}
	for _, test := range tests {
		got, ok := cropped(test.shape, test.source)
		require.True(t, ok)
		assert.Equal(t, test.want, got, "%s %v", test.shape, test.source)
	}
	_, ok := cropped("round", image.Pt(1, 1))
	assert.False(t, ok)
	assert.Equal(t, image.Pt(640, 213), scaled(image.Pt(1999, 666), 640))
	assert.Equal(t, image.Rect(100, 0, 300, 200), middle(image.Rect(0, 0, 400, 200), image.Pt(200, 200)))
}

func TestSmallestPicture(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{Square, Wide, Screen} {
		for _, size := range []image.Point{{1, 1}, {1, 700}, {700, 1}} {
			got := variants(t, pngOf(t, quarters(size.X, size.Y)), shape, 320, 640)
			assert.Len(t, got, 4)
		}
	}
}

func TestTransparency(t *testing.T) {
	t.Parallel()
	m := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 32 { // the upper half is half red, the lower half nothing
		copy(m.Pix[4*i:], []byte{255, 0, 0, 128})
	}
	for name, picture := range map[string][]byte{"png": pngOf(t, m), "webp": webpOf(t, m, false), "lossless": webpOf(t, m, true)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := variants(t, picture, Square, 32)
			webp, jpeg := got[0].decode(t), got[1].decode(t)
			assert.True(t, like(webp.At(16, 8), color.NRGBA{255, 0, 0, 128}), "%v", webp.At(16, 8))
			_, _, _, alpha := webp.At(16, 24).RGBA()
			assert.Zero(t, alpha)
			assert.True(t, like(jpeg.At(16, 8), color.NRGBA{255, 127, 127, 255}), "%v", jpeg.At(16, 8))
			assert.True(t, like(jpeg.At(16, 24), color.White), "%v", jpeg.At(16, 24))
		})
	}
}

func TestColorProfile(t *testing.T) {
	t.Parallel()
	m := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		copy(m.Pix[4*i:], []byte{200, 100, 50, 255})
	}
	// What Display P3 (200, 100, 50) is in sRGB.
	want := color.NRGBA{215, 93, 31, 255} // by the matrix between the two, of D65
	profile := displayP3()
	for name, picture := range map[string][]byte{
		"png":  withChunks(pngOf(t, m), chunk("iCCP", append([]byte("p3\x00\x00"), zlibOf(t, profile)...))),
		"jpeg": withSegments(jpegOf(t, m), segment(0xe2, append([]byte("ICC_PROFILE\x00\x02\x02"), profile[200:]...)), segment(0xe2, append([]byte("ICC_PROFILE\x00\x01\x02"), profile[:200]...))),
		"webp": withProfile(webpOf(t, m, true), 32, profile),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range variants(t, picture, Square, 32) {
				got := v.decode(t).At(16, 16)
				r, g, b, _ := got.RGBA()
				assert.InDelta(t, want.R, r>>8, 4, "%v", got)
				assert.InDelta(t, want.G, g>>8, 4, "%v", got)
				assert.InDelta(t, want.B, b>>8, 4, "%v", got)
				assert.NotContains(t, string(v.data), "ICC")
			}
		})
	}
	_, ok := profileOf(profile[:len(profile)-1])
	assert.False(t, ok, "truncated")
}

func withProfile(webp []byte, side int, profile []byte) []byte {
	extended := make([]byte, 10)
	extended[0] = 0x20
	putUint24(extended[4:], side-1)
	putUint24(extended[7:], side-1)
	body := appendChunk(appendChunk([]byte("WEBP"), "VP8X", extended), "ICCP", profile)
	return appendChunk(nil, "RIFF", append(body, webp[12:]...))
}

func TestNothingElseOfTheFileIsKept(t *testing.T) {
	t.Parallel()
	secret := "SECRET-PLACE-48.85N"
	m := quarters(64, 64)
	exif := append([]byte(exifPrefix), append(exifOf(binary.BigEndian, 1), secret...)...)
	for name, picture := range map[string][]byte{
		"jpeg": withSegments(jpegOf(t, m), segment(0xe1, exif), segment(0xfe, []byte(secret)), segment(0xed, []byte(secret))),
		"png":  withChunks(pngOf(t, m), chunk("tEXt", []byte("Comment\x00"+secret)), chunk("eXIf", exif[6:])),
		"tail": append(jpegOf(t, m), secret...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range variants(t, picture, Square, 32, 128) {
				assert.NotContains(t, string(v.data), secret)
				assert.NotContains(t, strings.ToLower(string(v.data)), "exif")
			}
		})
	}
}

func TestBrokenPixelsAreRefused(t *testing.T) {
	t.Parallel()
	m := quarters(48, 32)
	spoil := func(data []byte) []byte {
		data = slices.Clone(data)
		for i := len(data) / 3; i < len(data)-16; i++ {
			data[i] ^= 0x55
		}
		return data
	}
	png := pngOf(t, m)
	lying := slices.Concat(png[:8], chunk("IHDR", []byte{0, 0, 0x10, 0, 0, 0, 0x10, 0, 8, 6, 0, 0, 0}), png[33:])
	for name, picture := range map[string][]byte{
		"png": spoil(png), "png that lies": lying, "webp": lyingVP8(webpOf(t, m, false)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := NewMaker(Limits{}).Variants(t.Context(), picture, Square, []int{64},
				func(int, string, []byte) error { return errors.New("there is a picture") })
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
		})
	}
}

// lyingVP8 says in the coded picture that it is of another size.
func lyingVP8(webp []byte) []byte {
	at := bytes.Index(webp, []byte{0x9d, 0x01, 0x2a})
	copy(webp[at+3:], []byte{0, 0x10, 0, 0x10})
	return webp
}

func TestRoomIsWaitedFor(t *testing.T) {
	t.Parallel()
	m := NewMaker(Limits{Memory: 1 << 20})
	picture := pngOf(t, quarters(400, 400))
	keep := func(int, string, []byte) error { return nil }
	require.NoError(t, m.room.Acquire(t.Context(), 1<<20)) // somebody else's
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Variants(ctx, picture, Square, []int{64}, keep) }()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	go func() { done <- m.Variants(t.Context(), picture, Square, []int{64}, keep) }()
	m.room.Release(1 << 20)
	require.NoError(t, <-done)
	require.True(t, m.room.TryAcquire(1<<20+scaling), "all room is given back")
}

func TestEachMayFail(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	err := NewMaker(Limits{}).Variants(t.Context(), pngOf(t, quarters(8, 8)), Square, []int{64},
		func(int, string, []byte) error { return full })
	require.ErrorIs(t, err, full)
	require.Error(t, NewMaker(Limits{}).Variants(t.Context(), pngOf(t, quarters(8, 8)), "round", []int{64}, nil))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	m := NewMaker(Limits{Pixels: 100})
	require.NoError(t, m.Check(pngOf(t, quarters(10, 10))))
	require.ErrorIs(t, m.Check(pngOf(t, quarters(10, 11))), ErrPixels)
}

// A photograph of 12 megapixels as a banner.
func BenchmarkVariants(b *testing.B) {
	picture := jpegOf(b, quarters(4000, 3000))
	m := NewMaker(Limits{})
	b.ReportAllocs()
	for b.Loop() {
		err := m.Variants(b.Context(), picture, Wide, []int{640, 1280, 1920},
			func(int, string, []byte) error { return nil })
		require.NoError(b, err)
	}
}

func BenchmarkInspectBomb(b *testing.B) {
	png := pngOf(b, quarters(10, 10))
	bomb := slices.Concat(png[:8], chunk("IHDR", []byte{0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30, 8, 6, 0, 0, 0}), make([]byte, 1<<20))
	for b.Loop() {
		_, err := Inspect(bytes.NewReader(bomb), Limits{})
		require.ErrorIs(b, err, ErrPixels)
	}
}
