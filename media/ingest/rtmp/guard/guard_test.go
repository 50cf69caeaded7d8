package guard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is a connection whose other end has sent everything already.
type wire struct {
	in     *bytes.Reader
	out    bytes.Buffer
	closed bool
}

func (w *wire) Read(p []byte) (int, error)       { return w.in.Read(p) }
func (w *wire) Write(p []byte) (int, error)      { return w.out.Write(p) }
func (w *wire) Close() error                     { w.closed = true; return nil }
func (w *wire) LocalAddr() net.Addr              { return nil }
func (w *wire) RemoteAddr() net.Addr             { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// recorder is a Receiver that keeps what it is given.
type recorder struct {
	media []Message
	meta  []map[string]any
	err   error
}

func (r *recorder) Media(m Message) error {
	r.media = append(r.media, m)
	return r.err
}

func (r *recorder) Metadata(v map[string]any) { r.meta = append(r.meta, v) }

// listen has a Conn take what a client sent after its handshake, as a publisher if r
// is not nil. It returns what the library would have read.
func listen(r *recorder, lim Limits, sent ...[]byte) (c *Conn, library []byte, err error) {
	c = New(&wire{in: bytes.NewReader(slices.Concat(sent...))}, lim)
	c.handshake = 0
	if r != nil {
		c.Publish(r)
	}
	library, err = io.ReadAll(c)
	return c, library, err
}

// chunk writes one chunk. Of the header, format tells how much there is.
func chunk(format, csid byte, time uint32, length int, kind byte, body string) []byte {
	b := []byte{format<<6 | csid}
	if format < 3 {
		short := min(time, 0xffffff)
		b = append(b, byte(short>>16), byte(short>>8), byte(short))
	}
	if format < 2 {
		b = append(b, byte(length>>16), byte(length>>8), byte(length), kind)
	}
	if format == 0 {
		b = binary.LittleEndian.AppendUint32(b, 1)
	}
	if format < 3 && time >= 0xffffff {
		b = binary.BigEndian.AppendUint32(b, time)
	}
	return append(b, body...)
}

func chunkSize(n uint32) []byte {
	return chunk(0, 2, 0, 4, typeSetChunkSize, string(u32(n)))
}

func TestChunksBecomeMessages(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 20) // two chunks of 128
	far := uint32(0x01000005)
	ext := string(u32(far))
	video := func(at uint32, body string) Message { return Message{Video: true, Time: at, Body: []byte(body)} }
	tests := map[string]struct {
		sent [][]byte
		want []Message
	}{
		"full header": {
			[][]byte{chunk(0, 6, 40, 3, typeVideo, "abc")},
			[]Message{video(40, "abc")},
		},
		"audio": {
			[][]byte{chunk(0, 4, 40, 3, typeAudio, "abc")},
			[]Message{{Time: 40, Body: []byte("abc")}},
		},
		"two chunks": {
			[][]byte{chunk(0, 6, 40, 200, typeVideo, long[:128]), chunk(3, 6, 0, 0, 0, long[128:])},
			[]Message{video(40, long)},
		},
		"deltas": {
			[][]byte{
				chunk(0, 6, 40, 1, typeVideo, "a"), chunk(1, 6, 33, 2, typeVideo, "bc"),
				chunk(2, 6, 34, 0, 0, "de"), chunk(3, 6, 0, 0, 0, "fg"),
			},
			[]Message{video(40, "a"), video(73, "bc"), video(107, "de"), video(141, "fg")},
		},
		"a stream may open with format 1": {
			[][]byte{chunk(1, 6, 33, 1, typeVideo, "a")},
			[]Message{video(33, "a")},
		},
		"interleaved": {
			[][]byte{
				chunk(0, 6, 40, 200, typeVideo, long[:128]), chunk(0, 4, 41, 2, typeAudio, "hi"),
				chunk(3, 6, 0, 0, 0, long[128:]),
			},
			[]Message{{Time: 41, Body: []byte("hi")}, video(40, long)},
		},
		"wide chunk stream ids": {
			[][]byte{{0, 10, 0, 0, 1, 0, 0, 1, typeVideo, 1, 0, 0, 0, 'a'}, {1, 10, 1, 0, 0, 2, 0, 0, 1, typeVideo, 1, 0, 0, 0, 'b'}},
			[]Message{video(1, "a"), video(2, "b")},
		},
		"larger chunks": {
			[][]byte{chunkSize(4096), chunk(0, 6, 40, 200, typeVideo, long)},
			[]Message{video(40, long)},
		},
		"extended time": {
			[][]byte{chunk(0, 6, far, 1, typeVideo, "a")},
			[]Message{video(far, "a")},
		},
		"extended time, repeated in continuations": {
			[][]byte{chunk(0, 6, far, 200, typeVideo, long[:128]), chunk(3, 6, 0, 0, 0, ext+long[128:])},
			[]Message{video(far, long)},
		},
		"extended time, left out of continuations": {
			[][]byte{chunk(0, 6, far, 200, typeVideo, long[:128]), chunk(3, 6, 0, 0, 0, long[128:])},
			[]Message{video(far, long)},
		},
		"extended delta, repeated as the delta": {
			[][]byte{
				chunk(0, 6, 7, 1, typeVideo, "a"), chunk(1, 6, far, 200, typeVideo, long[:128]),
				chunk(3, 6, 0, 0, 0, ext+long[128:]),
			},
			[]Message{video(7, "a"), video(far+7, long)},
		},
		"extended delta, repeated as the time": {
			[][]byte{
				chunk(0, 6, 7, 1, typeVideo, "a"), chunk(1, 6, far, 200, typeVideo, long[:128]),
				chunk(3, 6, 0, 0, 0, string(u32(far+7))+long[128:]),
			},
			[]Message{video(7, "a"), video(far+7, long)},
		},
		"time wraps": {
			[][]byte{chunk(0, 6, 0xfffffff0, 1, typeVideo, "a"), chunk(1, 6, 0x20, 1, typeVideo, "b")},
			[]Message{video(0xfffffff0, "a"), video(0x10, "b")},
		},
		"aborted message": {
			[][]byte{
				chunk(0, 6, 40, 200, typeVideo, long[:128]), chunk(0, 2, 0, 4, typeAbort, "\x00\x00\x00\x06"),
				chunk(0, 6, 50, 1, typeVideo, "a"),
			},
			[]Message{video(50, "a")},
		},
		"what is of no use is passed over": {
			[][]byte{
				chunk(0, 6, 0, 0, typeVideo, ""), chunk(0, 2, 0, 4, typeAck, "\x00\x00\x00\x01"),
				chunk(0, 2, 0, 6, 4, "\x00\x20\x00\x00\x00\x01"), chunk(0, 2, 0, 4, typeWindowSize, "\x00\x26\x25\xa0"),
				chunk(0, 5, 0, 3, 22, "abc"), chunk(0, 5, 0, 3, 19, "abc"), chunk(0, 5, 0, 3, 99, "abc"),
				chunk(0, 6, 40, 1, typeVideo, "a"),
			},
			[]Message{video(40, "a")},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			_, library, err := listen(&r, Limits{}, tt.sent...)
			require.NoError(t, err)
			require.Empty(t, library)
			require.Equal(t, tt.want, r.media)
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	var crowd [][]byte
	for id := byte(3); id < 40; id++ {
		crowd = append(crowd, chunk(0, id, 0, 1, typeVideo, "a"))
	}
	var half [][]byte
	for id := byte(3); id < 10; id++ {
		half = append(half, chunk(0, id, 0, 8<<20, typeVideo, strings.Repeat("a", 128)))
	}
	tests := map[string]struct {
		sent [][]byte
		want string
	}{
		"chunk streams":          {crowd, "too many chunk streams"},
		"media message":          {[][]byte{chunk(0, 6, 0, 8<<20+1, typeVideo, "")}, "message of 8388609 bytes, at most 8388608"},
		"16 MB message":          {[][]byte{chunk(0, 6, 0, 0xffffff, typeVideo, "")}, "message of 16777215 bytes"},
		"control message":        {[][]byte{chunk(0, 3, 0, 64<<10+1, typeCommand, "")}, "message of 65537 bytes, at most 65536"},
		"unfinished messages":    {half, "too many unfinished messages"},
		"chunk size 0":           {[][]byte{chunkSize(0)}, "chunk size out of range"},
		"chunk size 1":           {[][]byte{chunkSize(1)}, "chunk size out of range"},
		"chunk size of no bytes": {[][]byte{chunk(0, 2, 0, 1, typeSetChunkSize, "\x00")}, "chunk size out of range"},
		"no header":              {[][]byte{chunk(3, 6, 0, 0, 0, "abc")}, "chunk without a header before it"},
		"no length":              {[][]byte{chunk(2, 6, 1, 0, 0, "abc")}, "chunk without a header before it"},
		"message within another": {[][]byte{chunk(0, 6, 0, 200, typeVideo, strings.Repeat("a", 128)), chunk(0, 6, 0, 1, typeVideo, "a")}, "message begins within another"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			_, _, err := listen(&r, Limits{}, tt.sent...)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestHugeChunkSizeIsTaken(t *testing.T) {
	t.Parallel()
	var r recorder
	_, _, err := listen(&r, Limits{}, chunkSize(0x7fffffff), chunk(0, 6, 0, 3, typeVideo, "abc"))
	require.NoError(t, err)
	require.Len(t, r.media, 1)
}

func TestMemoryGrowsWithWhatComes(t *testing.T) {
	t.Parallel()
	var r recorder
	c, _, err := listen(&r, Limits{}, chunkSize(0xffffff), chunk(0, 6, 0, 8<<20, typeVideo, "abc"))
	require.NoError(t, err)
	require.Empty(t, r.media)
	require.LessOrEqual(t, cap(c.chunk.streams[6].body), firstPiece)
}

func TestBeforePublishing(t *testing.T) {
	t.Parallel()
	t.Run("media is dropped", func(t *testing.T) {
		t.Parallel()
		c, library, err := listen(nil, Limits{}, chunk(0, 6, 0, 1, typeVideo, "a"))
		require.NoError(t, err)
		require.Empty(t, library)
		require.Equal(t, 1, c.Dropped())
	})
	t.Run("large media ends it", func(t *testing.T) {
		t.Parallel()
		_, _, err := listen(nil, Limits{}, chunk(0, 6, 0, 64<<10+1, typeVideo, ""))
		require.ErrorContains(t, err, "message of 65537 bytes")
	})
	t.Run("so does much of anything", func(t *testing.T) {
		t.Parallel()
		small := chunk(0, 6, 0, 100, typeVideo, strings.Repeat("a", 100))
		_, _, err := listen(nil, Limits{}, bytes.Repeat(small, 1<<20/len(small)+1))
		require.ErrorIs(t, err, errSetup)
	})
}

func TestOnlyRTMPIsTaken(t *testing.T) {
	t.Parallel()
	c := New(&wire{in: bytes.NewReader([]byte("GET / HTTP/1.1\r\n"))}, Limits{})
	_, err := io.ReadAll(c)
	require.ErrorIs(t, err, errNotRTMP)
}

func TestReceiverEndsTheConnection(t *testing.T) {
	t.Parallel()
	r := recorder{err: errors.New("enough")}
	_, _, err := listen(&r, Limits{}, chunk(0, 6, 0, 1, typeVideo, "a"), chunk(0, 6, 0, 1, typeVideo, "b"))
	require.ErrorIs(t, err, r.err)
	require.Len(t, r.media, 1)
}

func TestGoodbyeOfAPublisher(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"deleteStream", "closeStream"} {
		var r recorder
		body := string(append(appendNumber(appendString(nil, name), 0), amfNull))
		_, _, err := listen(&r, Limits{}, chunk(0, 3, 0, len(body), typeCommand, body), chunk(0, 6, 0, 1, typeVideo, "a"))
		require.NoError(t, err)
		require.Empty(t, r.media)
	}
}

func TestHandshakeAndChunkSizeGoOutInOnePieceEach(t *testing.T) {
	t.Parallel()
	w := &wire{in: bytes.NewReader(nil)}
	c := New(w, Limits{})
	for _, n := range []int{1, 1536, 1535} {
		_, err := c.Write(make([]byte, n))
		require.NoError(t, err)
		require.Zero(t, w.out.Len())
	}
	_, err := c.Write([]byte{0})
	require.NoError(t, err)
	require.Equal(t, handshakeSize, w.out.Len())
	w.out.Reset()
	_, err = c.Write([]byte("first"))
	require.NoError(t, err)
	require.Equal(t, string(chunkSizeAnnounced())+"first", w.out.String())
}

func chunkSizeAnnounced() []byte {
	return []byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 1, 0, 0}
}

func TestClientIsTold(t *testing.T) {
	t.Parallel()
	w := &wire{in: bytes.NewReader(nil)}
	c := New(w, Limits{})
	c.greeted, c.opened = handshakeSize, true
	c.HangUp(Status{Code: "NetStream.Publish.BadName", Text: "not today"})
	c.HangUp(Status{Code: "NetStream.Publish.BadName", Text: "again"})
	_, err := c.Write([]byte("the library has more to say"))
	require.NoError(t, err)
	values, err := decodeAMF(w.out.Bytes()[12:])
	require.NoError(t, err)
	require.Equal(t, []any{"onStatus", 0.0, nil, map[string]any{
		"level": "error", "code": "NetStream.Publish.BadName", "description": "not today",
	}}, values)
	require.NoError(t, c.Close())
	require.True(t, w.closed)
}

func TestAcknowledgements(t *testing.T) {
	t.Parallel()
	w := &wire{in: bytes.NewReader(slices.Concat(
		chunk(0, 2, 0, 4, typeWindowSize, string(u32(1))), // as good as the smallest
		chunkSize(1<<20), chunk(0, 6, 0, 100_000, typeVideo, strings.Repeat("a", 100_000)),
	))}
	c := New(w, Limits{})
	c.handshake, c.greeted, c.opened = 0, handshakeSize, true
	c.Publish(&recorder{})
	_, err := io.ReadAll(c)
	require.NoError(t, err)
	acks := w.out.Bytes()
	require.Len(t, acks, 2*16, "one for every 32 KiB, when the reader gets to it")
	require.Equal(t, appendChunk(nil, csidControl, typeAck, 0, u32(uint32(c.Received()))), acks[16:])
}
