package transcode

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
)

const (
	maxThumbnailSize   = 4 << 20
	maxThumbnailHeader = 1024 // bytes of boundary and header lines
)

var errNoPicture = errors.New("transcode: no picture")

// ReadThumbnails reads ffmpeg's mpjpeg output from r, which is buffered, until it
// ends, and gives each JPEG to got, which owns it. A stream that is cut off, as by
// a killed ffmpeg, is no error; one that is something else is.
func ReadThumbnails(r io.Reader, got func(jpeg []byte)) error {
	br := bufio.NewReaderSize(r, 32<<10)
	for {
		jpeg, err := nextThumbnail(br)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("transcode: thumbnails: %w", err)
		}
		got(jpeg)
	}
}

func nextThumbnail(br *bufio.Reader) ([]byte, error) {
	size, left := -1, maxThumbnailHeader
	for {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if left -= len(line); left < 0 {
			return nil, errors.New("header is too long")
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 && size >= 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && textproto.CanonicalMIMEHeaderKey(string(name)) == "Content-Length" {
			size, err = strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil || size < 4 || size > maxThumbnailSize {
				return nil, errors.New("bad length")
			}
		}
	}
	jpeg := make([]byte, size)
	if _, err := io.ReadFull(br, jpeg); err != nil {
		return nil, err
	}
	if jpeg[0] != 0xff || jpeg[1] != 0xd8 { // SOI. ITU-T T.81 B.1.1.3
		return nil, errors.New("not a JPEG")
	}
	return jpeg, nil
}
