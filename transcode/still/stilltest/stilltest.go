// Package stilltest makes pictures for tests, and what reads them.
package stilltest

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"testing"

	"bandstand/transcode/still"
)

// Maker returns a Maker as the program has it.
func Maker() *still.Maker { return still.NewMaker(still.Limits{}) }

// PNG returns a picture of one colour.
func PNG(t testing.TB, width, height int, c color.Color) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.Draw(m, m.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatalf("encode a picture: %v", err)
	}
	return b.Bytes()
}

// JPEG returns a picture with all sorts of colours.
func JPEG(t testing.TB, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatalf("encode a picture: %v", err)
	}
	return b.Bytes()
}
