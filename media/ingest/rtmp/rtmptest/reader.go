package rtmptest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

const maxIncoming = 1 << 20

// reader reassembles what a server sends.
type reader struct {
	r       *bufio.Reader
	size    int
	streams map[int]*inbound
}

type inbound struct {
	length int
	kind   byte
	body   []byte
}

func (r *reader) next() (kind byte, body []byte, err error) {
	for {
		s, err := r.chunk()
		if err != nil {
			return 0, nil, err
		}
		if len(s.body) < s.length {
			continue
		}
		body := s.body
		s.body = nil
		if s.kind == TypeSetChunkSize && len(body) >= 4 {
			r.size = int(binary.BigEndian.Uint32(body))
			continue
		}
		return s.kind, body, nil
	}
}

func (r *reader) chunk() (*inbound, error) {
	b, err := r.r.ReadByte()
	if err != nil {
		return nil, err
	}
	csid := int(b & 0x3f)
	s := r.streams[csid]
	if s == nil {
		s = &inbound{}
		r.streams[csid] = s
	}
	var h [11]byte
	n := [4]int{11, 7, 3, 0}[b>>6]
	if _, err := io.ReadFull(r.r, h[:n]); err != nil {
		return nil, err
	}
	if n >= 7 {
		s.length, s.kind = int(h[3])<<16|int(h[4])<<8|int(h[5]), h[6]
	}
	if s.length > maxIncoming || r.size <= 0 {
		return nil, errors.New("rtmptest: the server sent nonsense")
	}
	at := len(s.body)
	s.body = append(s.body, make([]byte, min(s.length-at, r.size))...)
	_, err = io.ReadFull(r.r, s.body[at:])
	return s, err
}
