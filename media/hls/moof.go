package hls

import "encoding/binary"

// sample is one access unit on its way into a part. Its payload is the packet's.
type sample struct {
	dts     int64 // ticks
	offset  int32 // PTS minus DTS, ticks
	key     bool
	payload []byte
}

const (
	trunDataOffset  = 0x000001
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunComposition = 0x000800

	tfhdDefaultBaseIsMoof = 0x020000

	sampleNotSync = 1 << 16

	moofFixedBytes = 8 + 16 + 8 + 16 + 20 + 20 // moof, mfhd, traf, tfhd, tfdt, trun without entries
	boxHeaderBytes = 8
)

// appendFragment appends to b the movie fragment box of samples, which last until
// end, and the header of the media data box whose content is their payloads.
// ISO/IEC 14496-12 8.8.
func appendFragment(b []byte, sequence uint32, samples []sample, end int64) []byte {
	flags := uint32(trunDataOffset | trunDuration | trunSize)
	entryBytes, payloadBytes := 8, 0
	for i := range samples {
		s := &samples[i]
		payloadBytes += len(s.payload)
		if !s.key {
			flags |= trunFlags
		}
		if s.offset != 0 {
			flags |= trunComposition
		}
	}
	if flags&trunFlags != 0 {
		entryBytes += 4
	}
	if flags&trunComposition != 0 {
		entryBytes += 4
	}
	entries := entryBytes * len(samples)
	moof := moofFixedBytes + entries
	be := binary.BigEndian

	b = appendBox(b, moof, "moof")
	b = appendBox(b, 16, "mfhd")
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, sequence)
	b = appendBox(b, moof-24, "traf")
	b = appendBox(b, 16, "tfhd")
	b = be.AppendUint32(b, tfhdDefaultBaseIsMoof)
	b = be.AppendUint32(b, trackID)
	b = appendBox(b, 20, "tfdt")
	b = be.AppendUint32(b, 1<<24) // version 1: 64 bits
	b = be.AppendUint64(b, uint64(samples[0].dts))
	b = appendBox(b, 20+entries, "trun")
	b = be.AppendUint32(b, 1<<24|flags) // version 1: signed composition offsets
	b = be.AppendUint32(b, uint32(len(samples)))
	b = be.AppendUint32(b, uint32(moof+boxHeaderBytes))
	for i := range samples {
		s := &samples[i]
		next := end
		if i+1 < len(samples) {
			next = samples[i+1].dts
		}
		b = be.AppendUint32(b, uint32(next-s.dts))
		b = be.AppendUint32(b, uint32(len(s.payload)))
		if flags&trunFlags != 0 {
			var f uint32
			if !s.key {
				f = sampleNotSync
			}
			b = be.AppendUint32(b, f)
		}
		if flags&trunComposition != 0 {
			b = be.AppendUint32(b, uint32(s.offset))
		}
	}
	return appendBox(b, boxHeaderBytes+payloadBytes, "mdat")
}

func appendBox(b []byte, size int, kind string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	return append(b, kind...)
}
