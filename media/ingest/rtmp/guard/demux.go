package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Chunk stream ids of what the guard writes, in both directions.
const (
	csidControl = 2
	csidCommand = 3
	csidStatus  = 8 // not one that the library answers on
)

// Message types. RTMP 5.4, 7.1.
const (
	typeSetChunkSize = 1
	typeAbort        = 2
	typeAck          = 3
	typeWindowSize   = 5
	typeAudio        = 8
	typeVideo        = 9
	typeDataAMF3     = 15
	typeCommandAMF3  = 17
	typeData         = 18
	typeCommand      = 20
)

const (
	defaultChunkSize = 128
	minChunkSize     = 16
	maxChunkSize     = 0xffffff
	extendedTime     = 0xffffff
	firstPiece       = 256 << 10 // allocated for a message before its bytes are here
)

var (
	errChunkStreams = errors.New("too many chunk streams")
	errInterrupted  = errors.New("message begins within another of its chunk stream")
	errNoHeader     = errors.New("chunk without a header before it")
	errUnfinished   = errors.New("too many unfinished messages")
	errChunkSize    = errors.New("chunk size out of range")
)

// message is one whole RTMP message. A media message's body is fresh, any other's is
// valid until the next.
type message struct {
	kind   byte
	stream uint32
	time   uint32
	body   []byte
}

// demuxer reassembles messages from chunks. RTMP 5.3.
type demuxer struct {
	in         *input
	lim        Limits
	chunkSize  int
	streams    map[uint32]*chunkStream
	unfinished int // bytes of messages begun
	publishing bool
	dropped    int
}

// chunkStream is what the headers of one chunk stream leave out when it repeats.
type chunkStream struct {
	known    bool
	time     uint32
	delta    uint32
	extended bool   // the last header had an extended timestamp
	field    uint32 // which was this
	length   int
	kind     byte
	stream   uint32

	open bool   // within a message
	body []byte // of which this has come
	keep []byte // storage for control messages
}

func newDemuxer(in *input, lim Limits) demuxer {
	return demuxer{in: in, lim: lim, chunkSize: defaultChunkSize, streams: map[uint32]*chunkStream{}}
}

// next returns the next message.
func (d *demuxer) next() (message, error) {
	for {
		s, err := d.header()
		if err != nil {
			return message{}, err
		}
		if !s.open {
			if err := d.begin(s); err != nil {
				return message{}, err
			}
		}
		if err := d.payload(s); err != nil {
			return message{}, err
		}
		if len(s.body) < s.length {
			continue
		}
		d.close(s)
		m := message{kind: s.kind, stream: s.stream, time: s.time, body: s.body}
		s.body = nil
		return m, nil
	}
}

// header reads a chunk's headers. RTMP 5.3.1.
func (d *demuxer) header() (*chunkStream, error) {
	b, err := d.in.take(1)
	if err != nil {
		return nil, err
	}
	format, id := b[0]>>6, uint32(b[0]&0x3f)
	switch id {
	case 0:
		if b, err = d.in.take(1); err != nil {
			return nil, err
		}
		id = 64 + uint32(b[0])
	case 1:
		if b, err = d.in.take(2); err != nil {
			return nil, err
		}
		id = 64 + uint32(b[0]) + uint32(b[1])<<8
	}
	s := d.streams[id]
	if s == nil {
		if len(d.streams) >= d.lim.ChunkStreams {
			return nil, errChunkStreams
		}
		s = &chunkStream{}
		d.streams[id] = s
	}
	if format == 3 {
		return s, d.repeated(s)
	}
	if s.open {
		return nil, errInterrupted
	}
	return s, d.full(s, format)
}

// full reads a message header of format 0, 1 or 2. RTMP 5.3.1.2.
func (d *demuxer) full(s *chunkStream, format byte) error {
	b, err := d.in.take([3]int{11, 7, 3}[format])
	if err != nil {
		return err
	}
	s.field = u24(b)
	if format <= 1 {
		s.length, s.kind = int(u24(b[3:])), b[6]
	} else if !s.known {
		return errNoHeader
	}
	if format == 0 {
		s.stream = binary.LittleEndian.Uint32(b[7:])
	}
	s.extended = s.field == extendedTime
	if s.extended {
		if b, err = d.in.take(4); err != nil {
			return err
		}
		s.field = binary.BigEndian.Uint32(b)
	}
	if format == 0 {
		s.time, s.delta = s.field, 0
	} else {
		s.delta = s.field
		s.time += s.delta
	}
	s.known = true
	return nil
}

// repeated handles a header of format 3. After an extended timestamp, some senders
// repeat it there, as the specification wants, and some do not: look before taking
// it. RTMP 5.3.1.3.
func (d *demuxer) repeated(s *chunkStream) error {
	if !s.known {
		return errNoHeader
	}
	if !s.open {
		s.time += s.delta
	}
	if !s.extended {
		return nil
	}
	b, err := d.in.need(4)
	if err != nil {
		return err
	}
	if v := binary.BigEndian.Uint32(b); v == s.field || v == s.time {
		d.in.discard(4)
	}
	return nil
}

// begin checks the message that a chunk begins.
func (d *demuxer) begin(s *chunkStream) error {
	limit := d.lim.ControlMessage
	media := s.kind == typeAudio || s.kind == typeVideo
	if media && d.publishing {
		limit = d.lim.MediaMessage
	}
	if s.length > limit {
		return fmt.Errorf("message of %d bytes, at most %d", s.length, limit)
	}
	if d.unfinished+s.length > d.lim.Unfinished {
		return errUnfinished
	}
	d.unfinished += s.length
	s.open = true
	if media && d.publishing {
		s.body = make([]byte, 0, min(s.length, firstPiece))
	} else {
		s.body = s.keep[:0]
	}
	return nil
}

// payload reads a chunk's part of the message. Memory grows with what has come,
// not with what was announced.
func (d *demuxer) payload(s *chunkStream) error {
	n := min(s.length-len(s.body), d.chunkSize)
	for n > 0 {
		step := min(n, firstPiece)
		at := len(s.body)
		s.body = grow(s.body, step, s.length)
		if err := d.in.readFull(s.body[at:]); err != nil {
			return err
		}
		n -= step
	}
	return nil
}

// grow makes b longer by n, with room for twice what it had but not for more than
// limit.
func grow(b []byte, n, limit int) []byte {
	if need := len(b) + n; need > cap(b) {
		bigger := make([]byte, len(b), min(max(need, 2*cap(b)), limit))
		copy(bigger, b)
		b = bigger
	}
	return b[:len(b)+n]
}

// close ends the message of s.
func (d *demuxer) close(s *chunkStream) {
	s.open = false
	d.unfinished -= s.length
	s.keep = nil
	if cap(s.body) <= setupBuffer && s.kind != typeAudio && s.kind != typeVideo {
		s.keep = s.body[:0]
	}
}

// abort forgets the message that a chunk stream has begun. RTMP 5.4.2.
func (d *demuxer) abort(id uint32) {
	if s := d.streams[id]; s != nil && s.open {
		d.close(s)
		s.body = nil
	}
}

// setChunkSize takes the client's chunk size. RTMP 5.4.1.
func (d *demuxer) setChunkSize(size uint32) error {
	size &= 0x7fffffff
	if size < minChunkSize {
		return errChunkSize
	}
	d.chunkSize = int(min(size, maxChunkSize))
	return nil
}

// appendChunk writes a message as one chunk with a full header. body is at most
// ChunkSize long.
func appendChunk(b []byte, csid, kind byte, stream uint32, body []byte) []byte {
	n := len(body)
	b = append(b, csid, 0, 0, 0, byte(n>>16), byte(n>>8), byte(n), kind)
	b = binary.LittleEndian.AppendUint32(b, stream)
	return append(b, body...)
}

func u24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
