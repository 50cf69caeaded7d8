package still

import (
	"bytes"
	"encoding/binary"
)

// hidesSomething reports whether a file is something else as well, or has something
// else behind the picture, which ends at end. No byte of the file is ever shown, but
// who sends such a file is up to no good.
//
// Cameras and phones put more pictures or a film behind a JPEG: that will do.
func hidesSomething(format Format, data []byte, end int) bool {
	if bytes.Contains(data[:min(len(data), 1024)], []byte("%PDF-")) || endsInZip(data) {
		return true
	}
	rest := bytes.Trim(data[end:], "\x00\r\n\t ")
	if format != JPEG {
		return len(rest) > 0
	}
	head := bytes.ToLower(rest[:min(len(rest), 1024)])
	for _, mark := range []string{
		"pk\x03\x04", "rar!\x1a\x07", "7z\xbc\xaf\x27\x1c", "%pdf-", "\x7felf", "#!/",
		"<?php", "<!doctype", "<html", "<script", "<svg", "<?xml",
	} {
		if bytes.Contains(head, []byte(mark)) {
			return true
		}
	}
	return false
}

// endsInZip reports whether the file ends with the directory of a zip archive, where
// unpackers look for it. APPNOTE 4.3.16.
func endsInZip(data []byte) bool {
	const directoryLength = 22
	tail := data[max(0, len(data)-directoryLength-1<<16):]
	for {
		i := bytes.Index(tail, []byte("PK\x05\x06"))
		if i < 0 || len(tail)-i < directoryLength {
			return false
		}
		tail = tail[i:]
		if int(binary.LittleEndian.Uint16(tail[20:])) <= len(tail)-directoryLength {
			return true
		}
		tail = tail[4:]
	}
}
