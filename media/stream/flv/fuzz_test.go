package flv

import (
	"bytes"
	"testing"

	"bandstand/media/stream"
)

// splitMessages cuts fuzz input into messages, so that state carries over.
func splitMessages(b []byte) [][]byte {
	var out [][]byte
	for len(b) > 0 && len(out) < 32 {
		n := min(int(b[0]), len(b)-1)
		out = append(out, bytes.Clone(b[1:1+n]))
		b = b[1+n:]
	}
	return out
}

func join(messages ...[]byte) []byte {
	var out []byte
	for _, m := range messages {
		out = append(append(out, byte(len(m))), m...)
	}
	return out
}

func FuzzVideo(f *testing.F) {
	config := append([]byte{0x17, 0, 0, 0, 0}, avcC(4, testSPS, testPPS)...)
	f.Add(join(config, append([]byte{0x17, 1, 0, 0, 0}, withLength(4, 0x65, 1, 2)...)))
	f.Add(join(config, append([]byte("\xa1avc1\x00\x00\x00"), withLength(4, 0x41, 1, 2)...)))
	f.Add(join([]byte("\x90av01\x81\x00\x0c\x00\x0a\x0a\x00\x00\x00\x04\x45\x7e\x3e\xff\xfc\xc0"), []byte("\x91av01\x12\x00\x32\x02\x10\x00")))
	f.Add(join([]byte("\x90hvc1\x01\x01\x60\x00\x00\x00\x90\x00\x00\x00\x00\x00\x3f\xf0\x00\xfc\xfd\xf8\xf8\x00\x00\x0f\x01\x20\x00\x01\x00\x02\x40\x01")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v Video
		var track *stream.Track
		for _, m := range splitMessages(b) {
			u, err := v.Parse(m)
			if err != nil && (u.Track != nil || u.Payload != nil) {
				t.Fatalf("error %v with %+v", err, u)
			}
			if u.Track != nil {
				track = u.Track
				if track.Width > maxDimension || track.Height > maxDimension || len(track.Params) == 0 {
					t.Fatalf("track %+v", track)
				}
			}
			if u.Payload == nil {
				continue
			}
			if track == nil {
				t.Fatal("payload without a track")
			}
			checkSample(t, track.Codec, u.Payload)
		}
	})
}

// checkSample checks that a sample splits into units, none of them empty.
func checkSample(t *testing.T, codec stream.Codec, b []byte) {
	if codec != stream.AV1 {
		if _, repack, err := splitNALs(nil, b, 4); err != nil || repack {
			t.Fatalf("sample %x: %v", b, err)
		}
		return
	}
	for len(b) > 0 {
		o, rest, err := readOBU(b)
		if err != nil || !o.sized || o.kind == obuTemporalDelimiter {
			t.Fatalf("sample %x: %v", b, err)
		}
		b = rest
	}
}

func FuzzAudio(f *testing.F) {
	f.Add(join([]byte("\xaf\x00\x11\x90"), []byte("\xaf\x01frame")))
	f.Add(join([]byte("\x90OpusOpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"), []byte("\x91Opus\xfcabc")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a Audio
		known := false
		for _, m := range splitMessages(b) {
			u, err := a.Parse(m)
			if err != nil && (u.Track != nil || u.Payload != nil) {
				t.Fatalf("error %v with %+v", err, u)
			}
			known = known || u.Track != nil
			if u.Payload != nil && !known {
				t.Fatal("payload without a track")
			}
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(header + "\x09\x00\x00\x03\x00\x00\x28\x00\x00\x00\x00abc\x00\x00\x00\x0e"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			if _, err := r.Next(); err != nil {
				return
			}
		}
	})
}
