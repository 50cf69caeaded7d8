package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"time"
)

// RTMP message types and the chunk streams that carry them, as OBS uses them.
const (
	messageChunkSize = 1
	messageCommand   = 20

	chunksControl = 2
	chunksCommand = 3
	chunksAudio   = 4
	chunksVideo   = 6

	application = "live"
	chunkSize   = 4096
	replyLimit  = 64 << 10
	dialTimeout = 20 * time.Second
)

// message is a media message cut into chunks once, to be sent by many
// publishers. Only its header, which holds the time, is made for each.
type message struct {
	kind byte
	ms   uint32
	size int
	wire []byte
}

func newMessage(t flvTag) message {
	body := t.body
	if t.kind == tagScript {
		body = append(appendAMF(nil, "@setDataFrame"), body...)
	}
	return message{t.kind, t.ms, len(body), cut(body, chunkStream(t.kind))}
}

func chunkStream(kind byte) byte {
	if kind == tagVideo {
		return chunksVideo
	}
	return chunksAudio
}

// cut puts the header of a continued chunk after every chunkSize bytes.
func cut(body []byte, stream byte) []byte {
	out := make([]byte, 0, len(body)+len(body)/chunkSize)
	for len(body) > chunkSize {
		out = append(append(out, body[:chunkSize]...), 0xc0|stream)
		body = body[chunkSize:]
	}
	return append(out, body...)
}

// appendHeader writes a type-0 chunk header. Times stay below the point where
// they need the extended form: a benchmark ends before 4.6 hours.
func appendHeader(b []byte, chunks, kind byte, ms uint32, size int, stream uint32) []byte {
	b = append(b, chunks, byte(ms>>16), byte(ms>>8), byte(ms), byte(size>>16), byte(size>>8), byte(size), kind)
	return binary.LittleEndian.AppendUint32(b, stream)
}

// publisher is one publishing connection. It is not for concurrent use.
type publisher struct {
	conn   net.Conn
	stream uint32
	buf    []byte
}

// publish connects to an RTMP server and begins to publish under key.
func publish(ctx context.Context, addr, key string) (*publisher, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	p := &publisher{conn: conn}
	if err := p.open(addr, key); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("publish: %w", err)
	}
	return p, nil
}

func (p *publisher) open(addr, key string) error {
	p.conn.SetDeadline(time.Now().Add(dialTimeout))
	in := &replies{r: bufio.NewReaderSize(p.conn, 4096), chunk: 128, streams: map[byte]*reply{}}
	if err := p.handshake(in.r); err != nil {
		return err
	}
	head := appendHeader(nil, chunksControl, messageChunkSize, 0, 4, 0)
	if _, err := p.conn.Write(binary.BigEndian.AppendUint32(head, chunkSize)); err != nil {
		return err
	}
	if err := p.command(0, "connect", 1.0, amfObject{"app": application, "type": "nonprivate", "tcUrl": "rtmp://" + addr + "/" + application}); err != nil {
		return err
	}
	if _, err := in.await("_result"); err != nil {
		return err
	}
	if err := p.command(0, "createStream", 2.0, nil); err != nil {
		return err
	}
	body, err := in.await("_result")
	if err != nil {
		return err
	}
	if len(body) < 9 {
		return errors.New("createStream: short answer")
	}
	p.stream = uint32(math.Float64frombits(binary.BigEndian.Uint64(body[len(body)-8:])))
	if err := p.command(p.stream, "publish", 3.0, nil, key, "live"); err != nil {
		return err
	}
	_, err = in.await("NetStream.Publish.Start")
	return err
}

func (p *publisher) handshake(r *bufio.Reader) error {
	hello := make([]byte, 1537) // version 3, then zeros: the simple handshake
	hello[0] = 3
	if _, err := p.conn.Write(hello); err != nil {
		return err
	}
	answer := make([]byte, 1537)
	if _, err := io.ReadFull(r, answer); err != nil {
		return err
	}
	if _, err := p.conn.Write(answer[1:]); err != nil {
		return err
	}
	_, err := io.ReadFull(r, make([]byte, 1536))
	return err
}

func (p *publisher) command(stream uint32, values ...any) error {
	body := appendAMF(nil, values...)
	b := appendHeader(nil, chunksCommand, messageCommand, 0, len(body), stream)
	_, err := p.conn.Write(append(b, cut(body, chunksCommand)...))
	return err
}

// queue adds m, at a time moved by offset, to what flush sends.
func (p *publisher) queue(m message, offset uint32) {
	p.buf = appendHeader(p.buf, chunkStream(m.kind), m.kind, m.ms+offset, m.size, p.stream)
	p.buf = append(p.buf, m.wire...)
}

// flush sends what was queued in one write. A server that takes none of it for
// five seconds is an error.
func (p *publisher) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	p.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, err := p.conn.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}

// replies reassembles what a server sends back while publishing begins.
type replies struct {
	r       *bufio.Reader
	chunk   int
	streams map[byte]*reply
}

type reply struct {
	size     int
	kind     byte
	extended bool
	body     []byte
}

// await reads until a command that contains word. A status of level error ends
// it with what the server said.
func (in *replies) await(word string) ([]byte, error) {
	for {
		kind, body, err := in.next()
		if err != nil {
			return nil, fmt.Errorf("wait for %s: %w", word, err)
		}
		if kind != messageCommand {
			continue
		}
		text := string(body)
		if strings.Contains(text, "_error") || strings.Contains(text, "BadName") || strings.Contains(text, "Failed") {
			return nil, fmt.Errorf("refused: %q", text)
		}
		if strings.Contains(text, word) {
			return body, nil
		}
	}
}

func (in *replies) next() (kind byte, body []byte, err error) {
	for {
		m, err := in.readChunk()
		if err != nil {
			return 0, nil, err
		}
		if len(m.body) < m.size {
			continue
		}
		kind, body = m.kind, m.body
		m.body = nil
		if kind != messageChunkSize || len(body) < 4 {
			return kind, body, nil
		}
		in.chunk = max(1, int(binary.BigEndian.Uint32(body)&0x7fffffff))
	}
}

func (in *replies) readChunk() (*reply, error) {
	first, err := in.r.ReadByte()
	if err != nil {
		return nil, err
	}
	id := first & 0x3f
	if id < 2 {
		return nil, errors.New("chunk stream id in long form")
	}
	m := in.streams[id]
	if m == nil {
		m = &reply{}
		in.streams[id] = m
	}
	var h [11]byte
	n := []int{11, 7, 3, 0}[first>>6]
	if _, err := io.ReadFull(in.r, h[:n]); err != nil {
		return nil, err
	}
	if n >= 3 {
		m.extended = h[0] == 0xff && h[1] == 0xff && h[2] == 0xff
	}
	if n >= 7 {
		m.size, m.kind = int(h[3])<<16|int(h[4])<<8|int(h[5]), h[6]
	}
	if m.size > replyLimit {
		return nil, fmt.Errorf("reply of %d bytes", m.size)
	}
	if m.extended {
		if _, err := io.ReadFull(in.r, h[:4]); err != nil {
			return nil, err
		}
	}
	at := len(m.body)
	m.body = append(m.body, make([]byte, min(in.chunk, m.size-at))...)
	_, err = io.ReadFull(in.r, m.body[at:])
	return m, err
}

// amfObject is an AMF0 object of strings.
type amfObject map[string]string

// appendAMF writes AMF0 values: float64, string, amfObject or nil.
func appendAMF(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 0), math.Float64bits(v))
		case string:
			b = appendText(append(b, 2), v)
		case amfObject:
			b = append(b, 3)
			for name, text := range v {
				b = appendText(append(appendText(b, name), 2), text)
			}
			b = append(b, 0, 0, 9)
		default:
			b = append(b, 5)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}
