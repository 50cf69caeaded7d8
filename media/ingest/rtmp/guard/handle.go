package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const maxText = 1024 // bytes of a name or an address in a command

var errNotConnect = errors.New("connect command without an object")

// handle acts on one message: media goes to the receiver, commands to the library,
// the chunk protocol's own messages stay here, and all others are dropped.
func (c *Conn) handle(m message) error {
	if (m.kind == typeCommandAMF3 || m.kind == typeDataAMF3) && len(m.body) > 0 {
		// AMF0 behind one byte, in all that still send it. RTMP 7.1.1
		m.kind += typeCommand - typeCommandAMF3
		m.body = m.body[1:]
	}
	switch m.kind {
	case typeAudio, typeVideo:
		if c.receiver == nil || len(m.body) == 0 {
			c.chunk.dropped++
			return nil
		}
		return c.receiver.Media(Message{Video: m.kind == typeVideo, Time: m.time, Body: m.body})
	case typeSetChunkSize:
		if len(m.body) < 4 {
			return errChunkSize
		}
		return c.chunk.setChunkSize(binary.BigEndian.Uint32(m.body))
	case typeAbort:
		if len(m.body) >= 4 {
			c.chunk.abort(binary.BigEndian.Uint32(m.body))
		}
		return nil
	case typeWindowSize:
		if len(m.body) >= 4 {
			c.ackWindow = max(int(binary.BigEndian.Uint32(m.body)), minAckWindow)
		}
		return nil
	case typeCommand:
		return c.command(m)
	case typeData:
		c.data(m.body)
		return nil
	}
	c.chunk.dropped++
	return nil
}

// minAckWindow keeps a client from asking for an acknowledgement of every byte.
const minAckWindow = 64 << 10

// data takes onMetaData, by itself or within @setDataFrame. Any other data, and what
// cannot be read, is dropped.
func (c *Conn) data(b []byte) {
	values, err := decodeAMF(b)
	if len(values) > 0 && values[0] == "@setDataFrame" {
		values = values[1:]
	}
	if err != nil || c.receiver == nil || len(values) < 2 || values[0] != "onMetaData" {
		c.chunk.dropped++
		return
	}
	if meta, ok := values[1].(map[string]any); ok {
		c.receiver.Metadata(meta)
	}
}

// command rewrites a command for the library, with arguments of the types that it
// insists on.
func (c *Conn) command(m message) error {
	name, rest, err := commandName(m.body)
	if err != nil {
		return err
	}
	switch name {
	case "connect", "createStream", "publish", "play", "deleteStream", "closeStream":
	default:
		c.chunk.dropped++
		return nil
	}
	if c.receiver != nil {
		if name == "deleteStream" || name == "closeStream" {
			return io.EOF
		}
		c.chunk.dropped++
		return nil
	}
	args, err := decodeAMF(rest)
	if err != nil {
		return fmt.Errorf("command %s: %w", name, err)
	}
	transaction := transactionID(args)
	stream := m.stream
	switch name {
	case "connect":
		if len(args) < 2 {
			return errNotConnect
		}
		object, ok := args[1].(map[string]any)
		if !ok {
			return errNotConnect
		}
		c.emit(0, "connect", 1, field{"app", text(object["app"])}, field{"tcUrl", text(object["tcUrl"])})
	case "createStream":
		c.emit(0, "createStream", transaction)
	case "publish", "play":
		if stream == 0 {
			stream = 1 // the first that createStream gives
		}
		var target any
		if len(args) >= 3 {
			target = args[2]
		}
		c.emitNamed(stream, name, transaction, text(target))
	default:
		c.chunk.dropped++
	}
	return nil
}

type field struct{ name, value string }

// emit queues a command whose argument is an object of fields, or null.
func (c *Conn) emit(stream uint32, name string, transaction float64, fields ...field) {
	b := appendNumber(appendString(nil, name), transaction)
	if len(fields) == 0 {
		b = append(b, amfNull)
	} else {
		b = append(b, amfObject)
		for _, f := range fields {
			b = appendString(appendKey(b, f.name), f.value)
		}
		b = append(b, 0, 0, amfObjectEnd)
	}
	c.queue(stream, b)
}

// emitNamed queues publish or play.
func (c *Conn) emitNamed(stream uint32, name string, transaction float64, target string) {
	b := append(appendNumber(appendString(nil, name), transaction), amfNull)
	b = appendString(b, target)
	if name == "publish" {
		b = appendString(b, "live")
	} else {
		b = appendNumber(b, 0)
	}
	c.queue(stream, b)
}

// queue gives the library a command as one chunk. The library has been told, by its
// configuration, that chunks are of ChunkSize.
func (c *Conn) queue(stream uint32, body []byte) {
	c.outBuf = appendChunk(c.outBuf[:0], csidCommand, typeCommand, stream, body)
	c.out = c.outBuf
}

// text returns a string that the library can decode: short, and UTF-8.
func text(v any) string {
	s, _ := v.(string)
	if len(s) > maxText {
		s = s[:maxText]
	}
	return validUTF8(s)
}

func transactionID(args []any) float64 {
	if len(args) == 0 {
		return 0
	}
	id, ok := args[0].(float64)
	if !ok || id < 0 || id > math.MaxInt32 || id != math.Trunc(id) {
		return 0
	}
	return id
}
