package flv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	maxTagSize  = 8 << 20
	maxHeader   = 1024 // bytes of the file header, its own growth included
	readerBytes = 64 << 10
)

// Tag is one tag of an FLV file.
type Tag struct {
	Type byte   // TypeAudio, TypeVideo or TypeScript
	Time uint32 // decoding time in milliseconds; wraps after 49 days
	Body []byte
}

// Reader reads the tags of an FLV file or pipe.
type Reader struct {
	r    *bufio.Reader
	open bool // the file header has been read
}

// NewReader returns a Reader of r, which it reads ahead of.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, readerBytes)}
}

// Next returns the next tag, whose Body then belongs to the caller. It blocks as r
// does. The error is io.EOF behind the last tag and io.ErrUnexpectedEOF inside one, as
// a writer leaves it that was killed.
func (f *Reader) Next() (Tag, error) {
	if !f.open {
		if err := f.header(); err != nil {
			return Tag{}, err
		}
		f.open = true
	}
	var h [11]byte
	if _, err := io.ReadFull(f.r, h[:]); err != nil {
		return Tag{}, err
	}
	if h[0]&^0x1f != 0 {
		return Tag{}, errors.New("flv: tag is encrypted or malformed")
	}
	size := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if size > maxTagSize {
		return Tag{}, fmt.Errorf("flv: tag of %d bytes: at most %d", size, maxTagSize)
	}
	t := Tag{
		Type: h[0],
		Time: uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]),
		Body: make([]byte, size),
	}
	if _, err := io.ReadFull(f.r, t.Body); err != nil {
		return Tag{}, cutShort(err)
	}
	if _, err := f.r.Discard(4); err != nil { // PreviousTagSize
		return Tag{}, cutShort(err)
	}
	return t, nil
}

func (f *Reader) header() error {
	var h [9]byte
	if _, err := io.ReadFull(f.r, h[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(h[5:])
	if string(h[:3]) != "FLV" || size < 9 || size > maxHeader {
		return errors.New("flv: not an FLV file")
	}
	_, err := f.r.Discard(int(size) - len(h) + 4) // and PreviousTagSize0
	return cutShort(err)
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
