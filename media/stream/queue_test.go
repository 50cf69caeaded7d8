package stream

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// source makes packets of one epoch with video and audio.
type source struct {
	epoch *Epoch
	dts   int64
}

func newSource() *source {
	return &source{epoch: &Epoch{Format: Format{
		Video: &Track{Codec: H264, ClockRate: VideoClockRate},
		Audio: &Track{Codec: AAC, ClockRate: 48000},
	}}}
}

func (s *source) video(key bool, size int) *Packet {
	s.dts += 3000
	return &Packet{Epoch: s.epoch, Track: s.epoch.Format.Video, Key: key, DTS: s.dts, Payload: make([]byte, size)}
}

func (s *source) audio() *Packet {
	return &Packet{Epoch: s.epoch, Track: s.epoch.Format.Audio, Key: true, DTS: s.dts, Payload: make([]byte, 10)}
}

func TestQueueBeginsAtAKeyframe(t *testing.T) {
	t.Parallel()
	src, q := newSource(), NewQueue(QueueConfig{})
	q.Push(src.audio())
	q.Push(src.video(false, 1))
	key := src.video(true, 1)
	q.Push(key)
	p, gap, err := q.Pop(t.Context())
	require.NoError(t, err)
	require.False(t, gap)
	require.Same(t, key, p)
	require.Zero(t, q.Lost())
}

func TestAFullQueueDropsToTheNextKeyframeAndSaysSo(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]QueueConfig{
		"by packets": {Packets: 4},
		"by bytes":   {Bytes: 45},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, q := newSource(), NewQueue(cfg)
			q.Push(src.video(true, 10))
			for range 5 {
				q.Push(src.video(false, 10))
			}
			require.Equal(t, 4, q.Len())
			require.EqualValues(t, 1, q.Holes())
			q.Push(src.video(true, 10)) // the consumer has not moved yet
			require.Equal(t, 4, q.Len())
			for range 4 {
				_, gap, ok := q.TryPop()
				require.True(t, ok)
				require.False(t, gap)
			}
			q.Push(src.video(false, 10))
			q.Push(src.audio())
			require.Zero(t, q.Len(), "only a keyframe begins again")
			q.Push(src.video(true, 10))
			p, gap, ok := q.TryPop()
			require.True(t, ok)
			require.True(t, gap)
			require.True(t, p.Key)
			require.EqualValues(t, 5, q.Lost())
		})
	}
}

func TestQueueSkipStartsAnew(t *testing.T) {
	t.Parallel()
	src, q := newSource(), NewQueue(QueueConfig{})
	q.Push(src.video(true, 1))
	q.Push(src.video(false, 1))
	q.Skip()
	require.Zero(t, q.Len())
	q.Push(src.video(false, 1))
	require.Zero(t, q.Len())
	q.Push(src.video(true, 1))
	_, gap, ok := q.TryPop()
	require.True(t, ok)
	require.True(t, gap)
}

func TestClosedQueueGivesWhatIsLeft(t *testing.T) {
	t.Parallel()
	src, q := newSource(), NewQueue(QueueConfig{})
	q.Push(src.video(true, 1))
	q.Close()
	q.Push(src.video(true, 1))
	_, _, err := q.Pop(t.Context())
	require.NoError(t, err)
	_, _, err = q.Pop(t.Context())
	require.ErrorIs(t, err, io.EOF)
}

func TestQueuePopEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := NewQueue(QueueConfig{}).Pop(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestQueueKeepsOrderBetweenGoroutines(t *testing.T) {
	t.Parallel()
	const n = 20000
	src, q := newSource(), NewQueue(QueueConfig{Packets: n})
	go func() {
		for i := range n {
			q.Push(src.video(i%50 == 0, 1))
		}
		q.Close()
	}()
	last, got := int64(0), 0
	for {
		p, _, err := q.Pop(t.Context())
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		require.Greater(t, p.DTS, last)
		last = p.DTS
		got++
	}
	require.Equal(t, n, got)
}

func TestStreamGivesEveryConsumerEveryPacket(t *testing.T) {
	t.Parallel()
	var s Stream
	src := newSource()
	a := s.Attach(QueueConfig{})
	s.Publish(src.video(true, 1))
	b := s.Attach(QueueConfig{})
	s.Publish(src.video(false, 1))
	s.Publish(src.video(true, 1))
	require.Equal(t, 3, a.Len())
	require.Equal(t, 1, b.Len(), "a late consumer begins at a keyframe")
	s.Detach(a)
	s.Publish(src.video(false, 1))
	require.Equal(t, 3, a.Len())
	s.Close()
	require.Zero(t, s.Attach(QueueConfig{}).Len())
	_, _, err := s.Attach(QueueConfig{}).Pop(t.Context())
	require.ErrorIs(t, err, io.EOF)
}
