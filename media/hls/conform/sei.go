package conform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// sendTimeID is the UUID of the SEI message that carries a send time. Neither it
// nor the hexadecimal text after it holds a zero byte, so the message never needs
// emulation prevention and can be found by its bytes.
const sendTimeID = "\xb5\x7a\xd5\x7a\x6e\xd1\x4c\x1b\x9f\x3e\xbe\x9c\xc4\x11\xda\x7e"

const (
	sendTimeDigits = 16
	sendSeqDigits  = 8
	avcTagHeader   = 5 // bytes of an FLV video tag in front of the access unit
	nalTypeSEI     = 6
	seiUserData    = 5 // user_data_unregistered, H.264 D.1.7
)

// Mark is a send time found in media.
type Mark struct {
	Sent time.Time
	Seq  uint32
}

// Stamp returns a copy of body, the payload of an FLV AVC video tag with an
// access unit, with an SEI message that holds the send time in front of its
// picture. Other tags are an error. Lengths of NAL units must have four bytes.
func Stamp(body []byte, sent time.Time, seq uint32) ([]byte, error) {
	if len(body) < avcTagHeader || body[0]&0x0f != 7 || body[1] != 1 {
		return nil, errors.New("conform: not an AVC access unit")
	}
	for at := avcTagHeader; at+5 <= len(body); {
		size := int(binary.BigEndian.Uint32(body[at:]))
		if size == 0 || size > len(body)-at-4 {
			break
		}
		if kind := body[at+4] & 0x1f; kind >= 1 && kind <= 5 {
			sei := []byte{nalTypeSEI, seiUserData, byte(len(sendTimeID) + sendTimeDigits + sendSeqDigits)}
			sei = fmt.Appendf(append(sei, sendTimeID...), "%016x%08x\x80", sent.UnixNano(), seq)
			out := make([]byte, 0, len(body)+4+len(sei))
			out = append(out, body[:at]...)
			out = binary.BigEndian.AppendUint32(out, uint32(len(sei)))
			return append(append(out, sei...), body[at:]...), nil
		}
		at += 4 + size
	}
	return nil, errors.New("conform: no picture in access unit")
}

// Marks returns the send times in fMP4 media, in decoding order.
func Marks(media []byte) []Mark {
	var out []Mark
	for {
		_, after, found := bytes.Cut(media, []byte(sendTimeID))
		if !found || len(after) < sendTimeDigits+sendSeqDigits {
			return out
		}
		ns, err1 := strconv.ParseInt(string(after[:sendTimeDigits]), 16, 64)
		seq, err2 := strconv.ParseUint(string(after[sendTimeDigits:sendTimeDigits+sendSeqDigits]), 16, 32)
		if err1 == nil && err2 == nil {
			out = append(out, Mark{Sent: time.Unix(0, ns), Seq: uint32(seq)})
		}
		media = after
	}
}
