package still

import (
	"encoding/binary"
	"image"
	"math"
)

// toSRGB is a way from the colours of a picture to sRGB.
type toSRGB struct {
	linear [3][256]float64 // of red, green and blue
	matrix [3][3]float64   // from linear to linear
}

// xyzToSRGB is from the XYZ of profiles, whose white is D50, to linear sRGB.
var xyzToSRGB = [3][3]float64{
	{3.1338561, -1.6168667, -0.4906146},
	{-0.9787684, 1.9161415, 0.0334540},
	{0.0719453, -0.2289914, 1.4052427},
}

// profileOf reads an ICC profile made of three curves and a matrix, as those of
// cameras, phones and screens are; false for any other, and then the picture is taken
// as it is. ICC.1:2010 7, 10.
func profileOf(icc []byte) (*toSRGB, bool) {
	if len(icc) < 132 || string(icc[16:24]) != "RGB XYZ " {
		return nil, false
	}
	tags := map[string][]byte{}
	count := int64(binary.BigEndian.Uint32(icc[128:]))
	if count > 100 || 132+12*count > int64(len(icc)) {
		return nil, false
	}
	for i := range count {
		entry := icc[132+12*i:]
		from, length := int64(binary.BigEndian.Uint32(entry[4:])), int64(binary.BigEndian.Uint32(entry[8:]))
		if from+length > int64(len(icc)) {
			return nil, false
		}
		tags[string(entry[:4])] = icc[from : from+length]
	}
	if tags["A2B0"] != nil {
		return nil, false // a table: what the curves and the matrix say is less exact
	}
	p := &toSRGB{}
	var toXYZ [3][3]float64
	for i, color := range []string{"r", "g", "b"} {
		if !curve(tags[color+"TRC"], &p.linear[i]) {
			return nil, false
		}
		column := tags[color+"XYZ"]
		if len(column) < 20 || string(column[:4]) != "XYZ " {
			return nil, false
		}
		for row := range toXYZ {
			toXYZ[row][i] = fixed(column[8+4*row:])
		}
	}
	for row := range p.matrix {
		for column := range p.matrix {
			for i := range toXYZ {
				p.matrix[row][column] += xyzToSRGB[row][i] * toXYZ[i][column]
			}
		}
	}
	return p, true
}

// curve fills in what a tag says is linear of each value. ICC.1:2010 10.5, 10.15.
func curve(tag []byte, linear *[256]float64) bool {
	if len(tag) < 12 {
		return false
	}
	var f func(x float64) float64
	switch string(tag[:4]) {
	case "curv":
		f = sampled(binary.BigEndian.Uint32(tag[8:]), tag[12:])
	case "para":
		f = parametric(binary.BigEndian.Uint16(tag[8:]), tag[12:])
	}
	if f == nil {
		return false
	}
	for i := range linear {
		y := f(float64(i) / 255)
		if math.IsNaN(y) {
			return false
		}
		linear[i] = min(max(y, 0), 1)
	}
	return true
}

func sampled(count uint32, data []byte) func(float64) float64 {
	if int64(len(data)) < 2*int64(count) {
		return nil
	}
	switch count {
	case 0:
		return func(x float64) float64 { return x }
	case 1:
		gamma := float64(binary.BigEndian.Uint16(data)) / 256
		return func(x float64) float64 { return math.Pow(x, gamma) }
	}
	sample := func(i int) float64 { return float64(binary.BigEndian.Uint16(data[2*i:])) / math.MaxUint16 }
	return func(x float64) float64 {
		at := x * float64(count-1)
		i := min(int(at), int(count)-2)
		part := at - float64(i)
		return sample(i)*(1-part) + sample(i+1)*part
	}
}

func parametric(kind uint16, data []byte) func(float64) float64 {
	lengths := [...]int{1, 3, 4, 5, 7}
	if int(kind) >= len(lengths) || len(data) < 4*lengths[kind] {
		return nil
	}
	var v [7]float64 // g a b c d e f
	for i := range lengths[kind] {
		v[i] = fixed(data[4*i:])
	}
	g, a, b, c, d, e, f := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
	switch kind {
	case 0:
		a, d = 1, -1
	case 1, 2:
		if a == 0 {
			return nil
		}
		d, e, f = -b/a, c, c
		c = 0
	}
	return func(x float64) float64 {
		if x >= d {
			return math.Pow(a*x+b, g) + e
		}
		return c*x + f
	}
}

// fixed reads an s15Fixed16Number.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

const steps = 4096 // of linear light that are told apart: more than eight bits can show

// apply turns the colours of m into sRGB.
func (p *toSRGB) apply(m *image.NRGBA) {
	var encoded [steps + 1]uint8
	for i := range encoded {
		x := float64(i) / steps
		if x <= 0.0031308 {
			x *= 12.92
		} else {
			x = 1.055*math.Pow(x, 1/2.4) - 0.055
		}
		encoded[i] = uint8(x*255 + 0.5)
	}
	for i := 0; i+3 < len(m.Pix); i += 4 {
		pixel := m.Pix[i : i+3 : i+3]
		r, g, b := p.linear[0][pixel[0]], p.linear[1][pixel[1]], p.linear[2][pixel[2]]
		for j, row := range p.matrix {
			light := row[0]*r + row[1]*g + row[2]*b
			pixel[j] = encoded[int(min(max(light, 0), 1)*steps+0.5)]
		}
	}
}
