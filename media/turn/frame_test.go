package turn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func stunFrame(length int) []byte {
	p := make([]byte, stunHeader+length)
	p[1] = 1
	binary.BigEndian.PutUint16(p[2:], uint16(length))
	binary.BigEndian.PutUint32(p[4:], stunCookie)
	return p
}

func channelFrame(length int) []byte {
	p := make([]byte, channelHead+(length+3)/4*4)
	p[0] = 0x40
	binary.BigEndian.PutUint16(p[2:], uint16(length))
	return p
}

func TestFramesOfAStream(t *testing.T) {
	t.Parallel()
	all := [][]byte{stunFrame(0), channelFrame(1), channelFrame(0), stunFrame(400), channelFrame(1200)}
	in := iotest.OneByteReader(bytes.NewReader(bytes.Join(all, nil)))
	for _, want := range all {
		var p [maxFrame]byte
		n, err := readFrame(in, p[:])
		require.NoError(t, err)
		require.Equal(t, want, p[:n])
	}
	var p [maxFrame]byte
	_, err := readFrame(in, p[:])
	require.ErrorIs(t, err, io.EOF)
}

func TestFramesThatAreNone(t *testing.T) {
	t.Parallel()
	foreign := stunFrame(0)
	foreign[4]++
	tests := map[string]struct {
		in  []byte
		err error
	}{
		"TLS":                   {[]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, errFrame},
		"HTTP":                  {[]byte("GET / HTTP/1.1\r\n\r\n"), errFrameSize},
		"length overflows":      {[]byte{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0, 0, 0}, errFrameSize},
		"STUN length overflows": {[]byte{0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42}, errFrameSize},
		"odd length":            {[]byte{0, 1, 0, 3, 0x21, 0x12, 0xa4, 0x42}, errFrame},
		"no cookie":             {foreign, errFrame},
		"cut off":               {stunFrame(8)[:22], io.ErrUnexpectedEOF},
	}
	for name, tt := range tests {
		var p [maxFrame]byte
		_, err := readFrame(bytes.NewReader(tt.in), p[:])
		require.ErrorIs(t, err, tt.err, name)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(stunFrame(8))
	f.Add(channelFrame(3))
	f.Add([]byte{0x40, 0, 0xff, 0xfc})
	f.Add([]byte{0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		var p [maxFrame]byte
		for {
			n, err := readFrame(r, p[:])
			if errors.Is(err, io.EOF) && n != 0 {
				t.Fatal("a frame and an end")
			}
			if err != nil {
				return
			}
			if n < channelHead || n > maxFrame || n%4 != 0 {
				t.Fatalf("a frame of %d bytes", n)
			}
		}
	})
}
