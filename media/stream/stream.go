package stream

import (
	"slices"
	"sync"
)

// Stream fans packets out to its consumers.
type Stream struct {
	mu     sync.RWMutex
	queues []*Queue // guarded by mu
	closed bool     // guarded by mu
}

// Attach returns a new Queue that gets every packet from the next keyframe on. On
// a closed Stream the Queue is closed already.
func (s *Stream) Attach(cfg QueueConfig) *Queue {
	q := NewQueue(cfg)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		q.Close()
		return q
	}
	s.queues = append(s.queues, q)
	return q
}

// Detach closes q and gives it no more packets.
func (s *Stream) Detach(q *Queue) {
	s.mu.Lock()
	s.queues = slices.DeleteFunc(s.queues, func(o *Queue) bool { return o == q })
	s.mu.Unlock()
	q.Close()
}

// Publish hands p to every consumer. It never blocks on one of them. Only the
// publisher's goroutine may call it.
func (s *Stream) Publish(p *Packet) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, q := range s.queues {
		q.Push(p)
	}
}

// Close ends every Queue: consumers take what is left and see io.EOF.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, q := range s.queues {
		q.Close()
	}
	s.queues = nil
}
