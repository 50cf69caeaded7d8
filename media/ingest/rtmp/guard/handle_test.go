package guard

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// object returns an AMF0 object of name and value pairs that are AMF0 already.
func object(pairs ...string) string {
	b := []byte{amfObject}
	for i := 0; i < len(pairs); i += 2 {
		b = append(appendKey(b, pairs[i]), pairs[i+1]...)
	}
	return string(append(b, 0, 0, amfObjectEnd))
}

func str(s string) string     { return string(appendString(nil, s)) }
func num(v float64) string    { return string(appendNumber(nil, v)) }
func command(s string) []byte { return chunk(0, 3, 0, len(s), typeCommand, s) }

const (
	null      = "\x05"
	undefined = "\x06"
)

func TestCommandsAreRewritten(t *testing.T) {
	t.Parallel()
	plain := []any{"connect", 1.0, map[string]any{"app": "live", "tcUrl": "rtmp://h/live"}}
	tests := map[string]struct {
		sent []byte
		want []any
	}{
		"connect": {
			command(str("connect") + num(1) + object("app", str("live"), "tcUrl", str("rtmp://h/live"))), plain,
		},
		"connect with everything that ends the library": {
			command(str("connect") + num(7) + object("app", str("live"), "fpad", num(0), "swfUrl", undefined,
				"videoCodecs", str("all"), "objectEncoding", null, "fourCcList", "\x0a\x00\x00\x00\x01"+str("hvc1"),
				"tcUrl", str("rtmp://h/live"))), plain,
		},
		"connect in AMF3 clothes": {
			chunk(0, 3, 0, 0, typeCommandAMF3, "")[:4:4], nil,
		},
		"createStream":                {command(str("createStream") + num(4) + null), []any{"createStream", 4.0, nil}},
		"createStream with an object": {command(str("createStream") + num(4) + object()), []any{"createStream", 4.0, nil}},
		"createStream, odd number":    {command(str("createStream") + num(1e300) + null), []any{"createStream", 0.0, nil}},
		"createStream, bare":          {command(str("createStream")), []any{"createStream", 0.0, nil}},
		"publish":                     {command(str("publish") + num(5) + null + str("key") + str("live")), []any{"publish", 5.0, nil, "key", "live"}},
		"publish without a type":      {command(str("publish") + num(5) + null + str("key")), []any{"publish", 5.0, nil, "key", "live"}},
		"publish without a name":      {command(str("publish") + num(5) + null), []any{"publish", 5.0, nil, "", "live"}},
		"publish, name is no text":    {command(str("publish") + num(5) + null + "\xff\xfe"), nil},
		"publish, name not UTF-8":     {command(str("publish") + num(5) + null + str("a\xffb")), []any{"publish", 5.0, nil, "ab", "live"}},
		"publish, endless name":       {command(str("publish") + num(5) + null + str(strings.Repeat("a", 9999))), nil},
		"play":                        {command(str("play") + num(5) + null + str("x") + num(-2000)), []any{"play", 5.0, nil, "x", 0.0}},
		"releaseStream":               {command(str("releaseStream") + num(2) + null + str("x")), nil},
		"_checkbw":                    {command(str("_checkbw") + num(2) + null), nil},
		"unknown, with bad arguments": {command(str("hack") + "\x0a\xff\xff\xff\xff"), nil},
		"_result":                     {command(str("_result") + num(1) + null), nil},
		"data":                        {chunk(0, 4, 0, 6, typeData, str("abc")), nil},
	}
	tests["connect in AMF3 clothes"] = struct {
		sent []byte
		want []any
	}{func() []byte {
		body := "\x00" + str("connect") + num(1) + object("app", str("live"), "tcUrl", str("rtmp://h/live"))
		return chunk(0, 3, 0, len(body), typeCommandAMF3, body)
	}(), plain}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, library, err := listen(nil, Limits{}, chunkSize(65536), tt.sent)
			switch name {
			case "publish, name is no text":
				require.ErrorIs(t, err, errAMF)
				return
			case "publish, endless name":
				require.NoError(t, err)
				require.Len(t, library, 12+10+9+1+3+maxText+7)
				return
			}
			require.NoError(t, err)
			if tt.want == nil {
				require.Empty(t, library)
				return
			}
			require.Equal(t, byte(csidCommand), library[0])
			got, err := decodeAMF(library[12:])
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestBombsAreDefused(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat("\x03\x00\x01a", 10_000)
	arrays := strings.Repeat("\x0a\x00\x00\x00\x01", 10_000)
	wide := strings.Repeat(null, maxAMFValues+1)
	tests := map[string]string{
		"array of four billion": "\x0a\xff\xff\xff\xff",
		"nested objects":        nested,
		"nested arrays":         arrays,
		"typed nested objects":  strings.Repeat("\x10\x00\x00\x00\x01a", 9_000),
		"too many values":       wide,
		"wide array":            "\x0a\x00\x00\x04\x00" + wide,
		"long string":           "\x0c\xff\xff\xff\xff",
		"cut number":            "\x00\x00",
		"AVM+":                  "\x11",
		"object without an end": "\x03\x00\x00\x05",
	}
	for name, bomb := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, library, err := listen(nil, Limits{}, chunkSize(65536), command(str("connect")+num(1)+bomb))
			require.ErrorIs(t, err, errAMF)
			require.Empty(t, library)
			var r recorder
			data := str("@setDataFrame") + str("onMetaData") + bomb
			c, _, err := listen(&r, Limits{}, chunkSize(65536), chunk(0, 4, 0, len(data), typeData, data))
			require.NoError(t, err, "metadata that cannot be read is only dropped")
			require.Empty(t, r.meta)
			require.Equal(t, 1, c.Dropped())
		})
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	fields := object("framerate", num(25), "encoder", str("obs"), "stereo", "\x01\x01", "day", "\x0b"+strings.Repeat("\x00", 10))
	array := "\x08\x00\x00\x00\x04" + fields[1:]
	want := map[string]any{"framerate": 25.0, "encoder": "obs", "stereo": true, "day": 0.0}
	for name, data := range map[string]string{
		"of encoders":  str("@setDataFrame") + str("onMetaData") + array,
		"as an object": str("@setDataFrame") + str("onMetaData") + fields,
		"bare":         str("onMetaData") + array,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			_, _, err := listen(&r, Limits{}, chunkSize(65536), chunk(0, 4, 0, len(data), typeData, data))
			require.NoError(t, err)
			require.Equal(t, []map[string]any{want}, r.meta)
		})
	}
}

func FuzzGuard(f *testing.F) {
	f.Add(false, bytes.Join([][]byte{
		chunkSize(4096),
		command(str("connect") + num(1) + object("app", str("live"))),
		command(str("createStream") + num(4) + null),
		command(str("publish") + num(5) + null + str("key") + str("live")),
	}, nil))
	f.Add(true, bytes.Join([][]byte{
		chunkSize(4096), chunk(0, 4, 0, 6, typeData, str("abc")),
		chunk(0, 6, 0x01000000, 3, typeVideo, "abc"), chunk(3, 6, 0, 0, 0, "abc"), chunk(1, 4, 9, 2, typeAudio, "de"),
	}, nil))
	f.Add(true, chunk(0, 6, 0, 200, typeVideo, strings.Repeat("a", 128)))
	f.Fuzz(func(t *testing.T, publishing bool, sent []byte) {
		var r *recorder
		if publishing {
			r = &recorder{}
		}
		c, library, _ := listen(r, Limits{}, sent)
		if c.chunk.unfinished < 0 {
			t.Fatalf("%d unfinished bytes", c.chunk.unfinished)
		}
		for len(library) > 0 { // whole chunks with good AMF0, whatever was sent
			n := int(u24(library[4:]))
			if library[0] != csidCommand || library[7] != typeCommand {
				t.Fatalf("the library got % x", library)
			}
			if _, err := decodeAMF(library[12 : 12+n]); err != nil {
				t.Fatalf("the library got % x", library)
			}
			library = library[12+n:]
		}
	})
}
