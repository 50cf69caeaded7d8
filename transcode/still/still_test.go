package still

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	m := quarters(48, 32)
	faint := quarters(48, 32)
	for i := 3; i < len(faint.Pix); i += 8 {
		faint.Pix[i] = 100
	}
	tests := map[string]struct {
		data []byte
		want Info
	}{
		"png":                  {pngOf(t, m), Info{PNG, 48, 32, 1, false}},
		"png upright":          {withChunks(pngOf(t, m), chunk("eXIf", exifOf(binary.BigEndian, 6))), Info{PNG, 48, 32, 6, false}},
		"apng":                 {withChunks(pngOf(t, m), chunk("acTL", make([]byte, 8))), Info{PNG, 48, 32, 1, true}},
		"jpeg":                 {jpegOf(t, m), Info{JPEG, 48, 32, 1, false}},
		"jpeg with exif":       {withSegments(jpegOf(t, m), segment(0xe1, append([]byte(exifPrefix), exifOf(binary.LittleEndian, 8)...))), Info{JPEG, 48, 32, 8, false}},
		"jpeg with other exif": {withSegments(jpegOf(t, m), segment(0xe1, append([]byte(exifPrefix), exifOf(binary.LittleEndian, 9)...))), Info{JPEG, 48, 32, 1, false}},
		"jpeg with film":       {append(jpegOf(t, m), "\x00\x00\x00\x18ftypmp42"...), Info{JPEG, 48, 32, 1, false}},
		"jpeg, filled":         {append(jpegOf(t, m), make([]byte, 100)...), Info{JPEG, 48, 32, 1, false}},
		"gif":                  {gifOf(t, m), Info{GIF, 48, 32, 1, false}},
		"webp":                 {webpOf(t, m, false), Info{WebP, 48, 32, 1, false}},
		"webp lossless":        {webpOf(t, m, true), Info{WebP, 48, 32, 1, false}},
		"webp with alpha":      {webpOf(t, faint, false), Info{WebP, 48, 32, 1, false}},
		"webp animated":        {animatedWebP(t, faint, m), Info{WebP, 48, 32, 1, true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Inspect(bytes.NewReader(test.data), Limits{})
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
			f, err := read(bytes.NewReader(test.data), Limits{}.withDefaults())
			require.NoError(t, err)
			decoded, err := decode(t.Context(), f)
			require.NoError(t, err)
			assert.Equal(t, image.Pt(48, 32), decoded.Bounds().Size())
			opaque := color.NRGBAModel.Convert(decoded.At(2, 2)).(color.NRGBA)
			opaque.A = 255
			assert.True(t, like(opaque, red), "%v", opaque)
		})
	}
}

func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	m := quarters(48, 32)
	png, jpg, gif, webp := pngOf(t, m), jpegOf(t, m), gifOf(t, m), webpOf(t, m, false)
	// A directory of a zip archive, with a comment.
	zip := append([]byte("PK\x05\x06"+strings.Repeat("\x00", 16)+"\x05\x00"), "hello"...)
	resized := func(data []byte, at int, value ...byte) []byte {
		data = slices.Clone(data)
		copy(data[at:], value)
		return data
	}
	bigPNG := slices.Concat(png[:8], chunk("IHDR", []byte{0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30, 8, 6, 0, 0, 0}), png[33:])
	sof := bytes.Index(jpg, []byte{0xff, 0xc0})
	progressive := func(side byte, scans int) []byte {
		return slices.Concat(jpg[:2], segment(0xc2, []byte{8, side, 0, side, 0, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0}),
			bytes.Repeat(segment(0xda, []byte{1, 1, 0, 0, 0, 0}), scans), []byte{0xff, 0xd9})
	}
	tests := map[string]struct {
		data []byte
		want error
	}{
		"nothing":                   {nil, ErrFormat},
		"text":                      {[]byte("hello"), ErrFormat},
		"svg":                       {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), ErrFormat},
		"bmp":                       {[]byte("BM" + strings.Repeat("\x00", 100)), ErrFormat},
		"mvg":                       {[]byte("push graphic-context\nviewbox 0 0 640 480\n"), ErrFormat},
		"png of 30000x30000":        {bigPNG, ErrPixels},
		"png of 2^31":               {slices.Concat(png[:8], chunk("IHDR", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 8, 6, 0, 0, 0}), png[33:]), ErrPixels},
		"png of nothing":            {slices.Concat(png[:8], chunk("IHDR", make([]byte, 13)), png[33:]), ErrBroken},
		"png, deep and interlaced":  {slices.Concat(png[:8], chunk("IHDR", []byte{0, 0, 0x1b, 0x58, 0, 0, 0x1b, 0x58, 16, 6, 0, 0, 1}), png[33:]), ErrPixels},
		"png, long":                 {slices.Concat(png[:8], chunk("IHDR", []byte{0, 0, 0x40, 0x01, 0, 0, 0, 1, 8, 6, 0, 0, 0}), png[33:]), ErrPixels},
		"png of many chunks":        {withChunks(png, bytes.Repeat(chunk("tEXt", nil), maxChunks)), ErrBroken},
		"png, truncated":            {png[:len(png)-13], ErrBroken},
		"png without header":        {slices.Concat(png[:8], png[33:]), ErrBroken},
		"png and zip":               {slices.Concat(png, zip), ErrContent},
		"png with zip":              {withChunks(png, chunk("tEXt", zip)), ErrContent},
		"png and more":              {append(slices.Clone(png), "<script>alert(1)</script>"...), ErrContent},
		"pdf in png":                {withChunks(png, chunk("tEXt", []byte("%PDF-1.7"))), ErrContent},
		"jpeg of 65535x65535":       {resized(jpg, sof+5, 0xff, 0xff, 0xff, 0xff), ErrPixels},
		"jpeg of nothing":           {resized(jpg, sof+5, 0, 0), ErrBroken},
		"jpeg, truncated":           {jpg[:len(jpg)-2], ErrBroken},
		"jpeg, cut in a header":     {jpg[:sof+4], ErrBroken},
		"jpeg of two frames":        {slices.Concat(jpg[:sof], jpg[sof:sof+19], jpg[sof:]), ErrBroken},
		"jpeg of 1000 segments":     {withSegments(jpg, bytes.Repeat(segment(0xe7, []byte("x")), 1000)), ErrBroken},
		"jpeg of 1000 scans":        {progressive(1, 1000), ErrBroken},
		"jpeg, large, progressive":  {progressive(27, 10), ErrPixels},
		"jpeg without loss":         {resized(jpg, sof, 0xff, 0xc3), ErrBroken},
		"jpeg and zip":              {slices.Concat(jpg, zip), ErrContent},
		"jpeg with zip":             {withSegments(jpg, segment(0xfe, zip)), ErrContent},
		"jpeg and html":             {append(slices.Clone(jpg), "\n<!DOCTYPE html><script>"...), ErrContent},
		"jpeg and php":              {append(slices.Clone(jpg), "<?php system($_GET[0]);"...), ErrContent},
		"gif of a huge screen":      {resized(gif, 6, 0xff, 0xff, 0xff, 0xff), ErrPixels},
		"gif of no screen":          {resized(gif, 6, 0, 0, 0, 0), ErrBroken},
		"gif, frame beyond screen":  {resized(gif, 6, 20, 0, 20, 0), ErrBroken},
		"gif, truncated":            {gif[:len(gif)-1], ErrBroken},
		"gif and script":            {append(slices.Clone(gif), "=1;alert(1)"...), ErrContent},
		"gif of no frames":          {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), ErrBroken},
		"webp, truncated":           {webp[:len(webp)-2], ErrBroken},
		"webp that lies":            {lyingWebP(webp, 10, 10), ErrBroken},
		"webp that lies largely":    {lyingWebP(webp, 1<<24, 1<<24), ErrPixels},
		"webp of a large frame":     {largeWebPFrame(webp), ErrBroken},
		"webp, large, lossless":     {appendChunk(nil, "RIFF", appendChunk([]byte("WEBP"), "VP8L", []byte{0x2f, 0xff, 0xff, 0xff, 0x0f})), ErrPixels},
		"webp and more":             {append(slices.Clone(webp), "more"...), ErrContent},
		"webp of nothing":           {appendChunk(nil, "RIFF", []byte("WEBP")), ErrBroken},
		"webp of an endless length": {resized(webp, 4, 0xff, 0xff, 0xff, 0xff), ErrBroken},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Inspect(bytes.NewReader(test.data), Limits{})
			require.ErrorIs(t, err, test.want)
			var problem interface{ Problem() (code, reason string) }
			require.ErrorAs(t, err, &problem)
		})
	}
}

// lyingWebP says in its header that it is of another size.
func lyingWebP(webp []byte, width, height int) []byte {
	extended := make([]byte, 10)
	putUint24(extended[4:], width-1)
	putUint24(extended[7:], height-1)
	return appendChunk(nil, "RIFF", append(appendChunk([]byte("WEBP"), "VP8X", extended), webp[12:]...))
}

// largeWebPFrame is an animation of 10x10 with a picture of 48x32 in it.
func largeWebPFrame(webp []byte) []byte {
	extended := make([]byte, 10)
	putUint24(extended[4:], 9)
	putUint24(extended[7:], 9)
	frame := make([]byte, 16)
	putUint24(frame[6:], 9)
	putUint24(frame[9:], 9)
	body := appendChunk([]byte("WEBP"), "VP8X", extended)
	return appendChunk(nil, "RIFF", appendChunk(body, "ANMF", slices.Concat(frame, webp[12:])))
}

func TestInspectBounds(t *testing.T) {
	t.Parallel()
	picture := pngOf(t, quarters(48, 32))
	for name, test := range map[string]struct {
		limits Limits
		want   error
	}{
		"just right": {Limits{Bytes: int64(len(picture)), Pixels: 48 * 32, Side: 48, Memory: 4 * 48 * 32}, nil},
		"bytes":      {Limits{Bytes: int64(len(picture)) - 1}, ErrBytes},
		"pixels":     {Limits{Pixels: 48*32 - 1}, ErrPixels},
		"side":       {Limits{Side: 47}, ErrPixels},
		"memory":     {Limits{Memory: 4*48*32 - 1}, ErrPixels},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Inspect(bytes.NewReader(picture), test.limits)
			require.ErrorIs(t, err, test.want)
		})
	}
	broken := errors.New("broken")
	_, err := Inspect(io.MultiReader(bytes.NewReader(picture), iotest.ErrReader(broken)), Limits{})
	require.ErrorIs(t, err, broken)
}

func TestTruncatedPicturesAreRefused(t *testing.T) {
	t.Parallel()
	m := quarters(48, 32)
	for format, data := range map[string][]byte{
		"png": pngOf(t, m), "jpeg": jpegOf(t, m), "gif": gifOf(t, m), "webp": webpOf(t, m, false), "lossless": webpOf(t, m, true),
	} {
		for length := range data {
			_, err := Inspect(bytes.NewReader(data[:length]), Limits{})
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal, format+" "+strconv.Itoa(length))
		}
	}
}

func FuzzInspect(f *testing.F) {
	m := quarters(16, 8)
	for _, seed := range [][]byte{
		pngOf(f, m), jpegOf(f, m), gifOf(f, m), webpOf(f, m, false), webpOf(f, m, true), animatedWebP(f, m, m),
		withSegments(jpegOf(f, m), segment(0xe1, append([]byte(exifPrefix), exifOf(binary.LittleEndian, 8)...)),
			segment(0xe2, append([]byte("ICC_PROFILE\x00\x01\x01"), displayP3()...))),
		withChunks(pngOf(f, m), chunk("eXIf", exifOf(binary.BigEndian, 3)), chunk("iCCP", append([]byte("p3\x00\x00"), zlibOf(f, displayP3())...))),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := Inspect(bytes.NewReader(data), Limits{})
		if err != nil {
			var refusal *Refusal
			require.ErrorAs(t, err, &refusal)
			return
		}
		require.Positive(t, info.Width)
		require.Positive(t, info.Height)
		require.LessOrEqual(t, info.Width*info.Height, 50_000_000)
		if info.Width*info.Height > 10_000 {
			return // to decode it takes too long for a fuzzer
		}
		picture, err := read(bytes.NewReader(data), Limits{}.withDefaults())
		require.NoError(t, err)
		decoded, err := decode(t.Context(), picture)
		if err != nil {
			require.ErrorIs(t, err, ErrBroken)
			return
		}
		small, err := resize(decoded, image.Pt(4, 4))
		require.NoError(t, err)
		if p, ok := profileOf(picture.profile); ok {
			p.apply(small)
		}
		upright(small, picture.Orientation)
	})
}
