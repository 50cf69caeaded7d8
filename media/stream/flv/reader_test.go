package flv

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

const header = "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"

func TestReaderTags(t *testing.T) {
	t.Parallel()
	file := header +
		"\x09\x00\x00\x03\x00\x00\x28\x00\x00\x00\x00abc\x00\x00\x00\x0e" +
		"\x08\x00\x00\x00\xff\xff\xff\x02\x00\x00\x00\x00\x00\x00\x0b"
	r := NewReader(bytes.NewReader([]byte(file)))
	tag, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, Tag{Type: TypeVideo, Time: 40, Body: []byte("abc")}, tag)
	tag, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, Tag{Type: TypeAudio, Time: 0x02ffffff, Body: []byte{}}, tag)
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, text string }{
		"another file":   {"RIFF\x00\x00\x00\x00WAVE", "not an FLV file"},
		"endless header": {"FLV\x01\x05\xff\xff\xff\xff", "not an FLV file"},
		"giant tag":      {header + "\x09\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00", "tag of 16777215 bytes"},
		"encrypted tag":  {header + "\x29\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "encrypted"},
		"half a tag":     {header + "\x09\x00\x00\x03\x00\x00\x28\x00\x00\x00\x00a", "unexpected EOF"},
		"half a header":  {header + "\x09\x00", "unexpected EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewReader(bytes.NewReader([]byte(test.file))).Next()
			require.ErrorContains(t, err, test.text)
		})
	}
}
