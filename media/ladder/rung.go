package ladder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"bandstand/media/stream"
	"bandstand/media/stream/flv"
)

// errGarbage is what an encoder writes that is not what was asked for.
var errGarbage = errors.New("garbage from the encoder")

// maxStrays is how many frames in a row may be at odd times, as when the source's go
// back and forth, until the encoder is taken for broken.
const maxStrays = 60

// rungOutput turns one rung's FLV into packets.
type rungOutput struct {
	run   *run
	index int
	rung  stream.Rung
	dts   *int64 // last one of this rung; handed from run to run

	video  flv.Video
	strays int // frames in a row that the source does not have
	track  *stream.Track
	epoch  *stream.Epoch
}

// read reads r until the encoder ends, by itself or not.
func (o *rungOutput) read(r io.Reader) error {
	tags := flv.NewReader(r)
	for {
		tag, err := tags.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case errors.Is(err, os.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case err != nil:
			return o.garbage(err)
		}
		if tag.Type != flv.TypeVideo {
			continue
		}
		unit, err := o.video.Parse(tag.Body)
		if err != nil {
			return o.garbage(err)
		}
		if err := o.take(tag.Time, unit); err != nil {
			return o.garbage(err)
		}
	}
}

func (o *rungOutput) garbage(err error) error {
	return fmt.Errorf("%w: rung %s: %w", errGarbage, o.rung.Name, err)
}

func (o *rungOutput) take(decodeMS uint32, u flv.Unit) error {
	if u.Track != nil {
		if err := o.begin(u.Track); err != nil {
			return err
		}
	}
	if u.Payload == nil {
		return nil
	}
	if o.track == nil {
		return errors.New("frame before its parameters")
	}
	<-o.run.prev // its last frames come first
	now := time.Now()
	ms := decodeMS + uint32(u.CTS.Milliseconds())
	src, lag, ok := o.run.frames.take(o.index, ms, now)
	if !ok {
		o.strays++
		if o.strays > maxStrays {
			return fmt.Errorf("frame at %d ms, where the source has none", ms)
		}
		return nil
	}
	o.strays = 0
	if src.packet.Key && !u.Key {
		return errors.New("no keyframe where the source has one")
	}
	o.run.session.metrics.lag.Observe(lag.Seconds())
	if src.gap {
		o.run.session.out.RungDown(o.rung.Name)
	}
	o.run.session.out.WriteRung(o.rung.Name, o.packet(src.packet, u))
	return nil
}

// begin takes the parameters, which come once.
func (o *rungOutput) begin(t *stream.Track) error {
	if o.track != nil {
		if o.track.Same(t) {
			return nil
		}
		return errors.New("parameters change in midstream")
	}
	if t.Codec != stream.H264 {
		return fmt.Errorf("codec is %s", t.Codec)
	}
	track := *t
	source := o.run.first.Epoch
	track.FrameRate = rungFrameRate(source.Format.Video.FrameRate, o.rung)
	o.track = &track
	o.epoch = &stream.Epoch{Number: source.Number, Format: stream.Format{Video: o.track}}
	return nil
}

// packet gives the frame the times of its source. Encoders here do not reorder, so
// it is decoded when it is shown, unless the epoch before ran on past that.
func (o *rungOutput) packet(src *stream.Packet, u flv.Unit) *stream.Packet {
	*o.dts = max(*o.dts+1, src.PTS)
	return &stream.Packet{
		Epoch: o.epoch, Track: o.track,
		// A source may have frames that decode alone and yet begin no segment: so
		// must its rungs.
		Key: src.Key,
		DTS: *o.dts, PTS: src.PTS, NTP: src.NTP, Arrived: src.Arrived,
		Payload: u.Payload,
	}
}
