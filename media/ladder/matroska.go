package ladder

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"bandstand/media/stream"
)

// Matroska carries every source codec into ffmpeg, in millisecond times, and its
// demuxer forgets what it has read. (That for fragmented MP4 keeps 130 bytes of
// every frame: some 300 MB a day, in each ffmpeg.)

// Element IDs. RFC 9559 section 5.
const (
	idEBML            = 0x1A45DFA3
	idDocType         = 0x4282
	idDocTypeVersion  = 0x4287
	idDocTypeReadVer  = 0x4285
	idSegment         = 0x18538067
	idInfo            = 0x1549A966
	idTimestampScale  = 0x2AD7B1
	idMuxingApp       = 0x4D80
	idWritingApp      = 0x5741
	idTracks          = 0x1654AE6B
	idTrackEntry      = 0xAE
	idTrackNumber     = 0xD7
	idTrackUID        = 0x73C5
	idTrackType       = 0x83
	idFlagLacing      = 0x9C
	idCodecID         = 0x86
	idCodecPrivate    = 0x63A2
	idDefaultDuration = 0x23E383
	idVideo           = 0xE0
	idPixelWidth      = 0xB0
	idPixelHeight     = 0xBA
	idCluster         = 0x1F43B675
	idTimestamp       = 0xE7
	idSimpleBlock     = 0xA3
)

// matroskaHeader returns what comes before the frames of a video track. frameRate
// tells the encoder what to expect.
func matroskaHeader(t *stream.Track, frameRate float64) ([]byte, error) {
	codecID, private, err := codecPrivate(t)
	if err != nil {
		return nil, err
	}
	track := uintElement(nil, idTrackNumber, 1)
	track = uintElement(track, idTrackUID, 1)
	track = uintElement(track, idTrackType, 1) // video
	track = uintElement(track, idFlagLacing, 0)
	track = element(track, idCodecID, []byte(codecID))
	track = element(track, idCodecPrivate, private)
	if frameRate > 0 {
		track = uintElement(track, idDefaultDuration, uint64(1e9/frameRate))
	}
	video := uintElement(nil, idPixelWidth, uint64(t.Width))
	video = uintElement(video, idPixelHeight, uint64(t.Height))
	track = element(track, idVideo, video)

	head := element(nil, idDocType, []byte("matroska"))
	head = uintElement(head, idDocTypeVersion, 4)
	head = uintElement(head, idDocTypeReadVer, 2)
	info := uintElement(nil, idTimestampScale, 1_000_000) // milliseconds
	info = element(info, idMuxingApp, []byte("bandstand"))
	info = element(info, idWritingApp, []byte("bandstand"))

	out := element(nil, idEBML, head)
	out = appendID(out, idSegment)
	out = append(out, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // unknown size: live. RFC 8794 6.2
	out = element(out, idInfo, info)
	return element(out, idTracks, element(nil, idTrackEntry, track)), nil
}

// appendFrame appends one frame, shown at ms, as a cluster of its own.
func appendFrame(dst []byte, ms uint64, key bool, payload []byte) []byte {
	var flags byte
	if key {
		flags = 0x80
	}
	const timestamp = 1 + 1 + 8            // ID, size, value
	block := 4 + len(payload)              // track, relative time, flags
	size := timestamp + 1 + 8 + block      // and the block's ID and size
	dst = appendID(dst, idCluster)         // RFC 9559 5.1.3
	dst = appendSize(dst, uint64(size))    //
	dst = append(dst, idTimestamp, 0x80|8) // 5.1.3.1
	dst = binary.BigEndian.AppendUint64(dst, ms)
	dst = append(dst, idSimpleBlock)       // 5.1.3.4, 10.2
	dst = appendSize(dst, uint64(block))   //
	dst = append(dst, 0x80|1, 0, 0, flags) // track 1, at the cluster's time
	return append(dst, payload...)
}

func element(dst []byte, id uint32, body []byte) []byte {
	dst = appendSize(appendID(dst, id), uint64(len(body)))
	return append(dst, body...)
}

func uintElement(dst []byte, id uint32, v uint64) []byte {
	return element(dst, id, binary.BigEndian.AppendUint64(nil, v))
}

func appendID(dst []byte, id uint32) []byte {
	switch {
	case id > 0xffffff:
		dst = append(dst, byte(id>>24))
		fallthrough
	case id > 0xffff:
		dst = append(dst, byte(id>>16))
		fallthrough
	case id > 0xff:
		dst = append(dst, byte(id>>8))
	}
	return append(dst, byte(id))
}

// appendSize appends a size in eight bytes. RFC 8794 section 4.
func appendSize(dst []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(dst, 1<<56|n)
}

// codecPrivate returns the Matroska name of t's codec and its decoder configuration
// record, which is the same as in MP4. draft-ietf-cellar-codec 4.3.
func codecPrivate(t *stream.Track) (codecID string, record []byte, err error) {
	var codec codecs.Codec
	var box string
	switch {
	case t.Codec == stream.H264 && len(t.Params) == 2:
		codecID, box, codec = "V_MPEG4/ISO/AVC", "avcC", &codecs.H264{SPS: t.Params[0], PPS: t.Params[1]}
	case t.Codec == stream.HEVC && len(t.Params) == 3:
		codecID, box = "V_MPEGH/ISO/HEVC", "hvcC"
		codec = &codecs.H265{VPS: t.Params[0], SPS: t.Params[1], PPS: t.Params[2]}
	case t.Codec == stream.AV1 && len(t.Params) == 1:
		codecID, box, codec = "V_AV1", "av1C", &codecs.AV1{SequenceHeader: t.Params[0]}
	default:
		return "", nil, fmt.Errorf("ladder: no encoder input for %s with %d parameter sets", t.Codec, len(t.Params))
	}
	var moov seekablebuffer.Buffer
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: 1, TimeScale: stream.VideoClockRate, Codec: codec}}}
	if err := init.Marshal(&moov); err != nil {
		return "", nil, fmt.Errorf("ladder: describe %s: %w", t.Codec, err)
	}
	b := moov.Bytes()
	at := bytes.Index(b, []byte(box)) // nothing before it is the publisher's
	if at < 4 {
		return "", nil, fmt.Errorf("ladder: no %s for %s", box, t.Codec)
	}
	size := int(binary.BigEndian.Uint32(b[at-4:]))
	if size < 8 || at-4+size > len(b) {
		return "", nil, fmt.Errorf("ladder: bad %s for %s", box, t.Codec)
	}
	return codecID, b[at+4 : at-4+size], nil
}
