package still

import (
	"image"
	"math"
)

// Shapes of pictures. A picture of another shape is cropped around its middle.
const (
	Square = "avatar"    // 1:1
	Wide   = "banner"    // from 2:1 to 6:1; others become 3:1
	Screen = "thumbnail" // 16:9
)

// cropped returns the size of the part of a picture that has the shape; false for no
// shape.
func cropped(shape string, size image.Point) (image.Point, bool) {
	width, height := size.X, size.Y
	ratio := float64(width) / float64(height)
	switch shape {
	case Square:
		ratio = 1
	case Screen:
		ratio = 16.0 / 9
	case Wide:
		if ratio < 2 || ratio > 6 {
			ratio = 3
		}
	default:
		return image.Point{}, false
	}
	if float64(width) > float64(height)*ratio {
		width = atLeastOne(float64(height) * ratio)
	} else {
		height = atLeastOne(float64(width) / ratio)
	}
	return image.Pt(width, height), true
}

// scaled returns size at another width.
func scaled(size image.Point, width int) image.Point {
	return image.Pt(width, atLeastOne(float64(size.Y)*float64(width)/float64(size.X)))
}

func atLeastOne(x float64) int { return max(1, int(math.Round(x))) }

// middle returns the rectangle of this size in the middle of r.
func middle(r image.Rectangle, size image.Point) image.Rectangle {
	from := r.Min.Add(image.Pt((r.Dx()-size.X)/2, (r.Dy()-size.Y)/2))
	return image.Rectangle{from, from.Add(size)}.Intersect(r)
}

// swapped returns p with width and height swapped if orientation turns the picture on
// its side.
func swapped(p image.Point, orientation int) image.Point {
	if orientation >= 5 {
		return image.Pt(p.Y, p.X)
	}
	return p
}

// upright returns m as it is to be seen. Exif 2.32 4.6.4 A.
func upright(m *image.NRGBA, orientation int) *image.NRGBA {
	if orientation == 1 {
		return m
	}
	last := m.Rect.Size().Sub(image.Pt(1, 1))
	size := swapped(m.Rect.Size(), orientation)
	turned := image.NewNRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			var sx, sy int
			switch orientation {
			case 2:
				sx, sy = last.X-x, y
			case 3:
				sx, sy = last.X-x, last.Y-y
			case 4:
				sx, sy = x, last.Y-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, last.Y-x
			case 7:
				sx, sy = last.X-y, last.Y-x
			case 8:
				sx, sy = last.X-y, x
			}
			copy(turned.Pix[y*turned.Stride+4*x:][:4], m.Pix[sy*m.Stride+4*sx:][:4])
		}
	}
	return turned
}
