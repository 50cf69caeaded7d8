package stream

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// QueueConfig bounds a Queue.
type QueueConfig struct {
	Packets int // most packets held; 2048 if zero
	Bytes   int // most payload bytes held; 32 MiB if zero

	// OnLoss, if set, is called by Push for every packet lost because the Queue was
	// full; hole says that it is the first of a run. It must not block.
	OnLoss func(hole bool)
}

// Queue hands packets from the publisher's goroutine to one consumer. It never
// blocks the publisher: when it is full, it loses packets up to the next keyframe,
// counts them, and tells the consumer that there is a gap. It holds on to what was
// queued before.
type Queue struct {
	cfg   QueueConfig
	wake  chan struct{} // capacity 1: something to look at
	lost  atomic.Uint64
	holes atomic.Uint64

	mu      sync.Mutex
	ring    []entry // guarded by mu; power of two
	head    int     // guarded by mu
	count   int     // guarded by mu
	bytes   int     // guarded by mu
	needKey bool    // guarded by mu: losing packets until the next keyframe
	gap     bool    // guarded by mu: tell the consumer with the next packet
	closed  bool    // guarded by mu
}

type entry struct {
	packet *Packet
	gap    bool
}

// NewQueue returns an empty Queue that takes its first packet at a keyframe.
func NewQueue(cfg QueueConfig) *Queue {
	if cfg.Packets == 0 {
		cfg.Packets = 2048
	}
	if cfg.Bytes == 0 {
		cfg.Bytes = 32 << 20
	}
	return &Queue{cfg: cfg, wake: make(chan struct{}, 1), needKey: true}
}

// Push offers p to the consumer and returns at once. A closed Queue ignores it.
func (q *Queue) Push(p *Packet) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	if q.needKey && !q.restart(p) {
		gap := q.gap
		q.mu.Unlock()
		if gap {
			q.lose(false)
		}
		return
	}
	if q.count >= q.cfg.Packets || q.bytes+len(p.Payload) > q.cfg.Bytes {
		q.needKey, q.gap = true, true
		q.mu.Unlock()
		q.holes.Add(1)
		q.lose(true)
		return
	}
	q.append(entry{packet: p, gap: q.gap})
	q.gap = false
	first := q.count == 1
	q.mu.Unlock()
	if first {
		q.signal()
	}
}

func (q *Queue) lose(hole bool) {
	q.lost.Add(1)
	if q.cfg.OnLoss != nil {
		q.cfg.OnLoss(hole)
	}
}

// restart says whether taking packets may begin again with p: at a keyframe, and
// after a loss only once the consumer has taken half of what it was behind.
func (q *Queue) restart(p *Packet) bool {
	if !p.leads() || (q.gap && (q.count > q.cfg.Packets/2 || q.bytes > q.cfg.Bytes/2)) {
		return false
	}
	q.needKey = false
	return true
}

func (q *Queue) append(e entry) {
	if q.count == len(q.ring) {
		grown := make([]entry, max(16, 2*len(q.ring)))
		for i := range q.count {
			grown[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
		}
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.count)&(len(q.ring)-1)] = e
	q.count++
	q.bytes += len(e.packet.Payload)
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Pop returns the next packet, waiting for it until ctx ends. gap says that packets
// before it were lost; it is then a keyframe. After Close, and once everything
// queued has been taken, the error is io.EOF. Only one goroutine may call it.
func (q *Queue) Pop(ctx context.Context) (p *Packet, gap bool, err error) {
	for {
		if p, gap, ok := q.TryPop(); ok {
			return p, gap, nil
		}
		q.mu.Lock()
		done := q.closed && q.count == 0
		q.mu.Unlock()
		if done {
			return nil, false, io.EOF
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// TryPop is Pop for a consumer that does not want to wait: ok is false when
// nothing is queued.
func (q *Queue) TryPop() (p *Packet, gap, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == 0 {
		return nil, false, false
	}
	e := q.ring[q.head]
	q.ring[q.head] = entry{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.count--
	q.bytes -= len(e.packet.Payload)
	return e.packet, e.gap, true
}

// Close ends the Queue: what is queued can still be taken.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

// Skip throws away what is queued and waits for the next keyframe, as a consumer
// does that has to begin anew. The packet after it carries a gap.
func (q *Queue) Skip() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lost.Add(uint64(q.count))
	clear(q.ring)
	q.head, q.count, q.bytes = 0, 0, 0
	q.needKey, q.gap = true, true
}

// Len returns the number of packets queued.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// Lost returns how many packets were lost because the Queue was full or skipped.
func (q *Queue) Lost() uint64 { return q.lost.Load() }

// Holes returns how often the Queue was full.
func (q *Queue) Holes() uint64 { return q.holes.Load() }
