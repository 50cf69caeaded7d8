package chat

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/google/uuid"
)

// order sees to it that what this node tells of one chat is told in the order of ids,
// though it may be stored side by side. Two nodes have an order each: clients sort by id.
type order struct {
	mu   sync.Mutex
	last time.Time                // guarded by mu: of the last turn
	tail map[string]chan struct{} // guarded by mu; by slug: closed when the last turn has ended
}

func newOrder() *order { return &order{tail: map[string]chan struct{}{}} }

// maxAhead is how far a clock that goes back is not followed.
const maxAhead = time.Minute

// turn is somebody's place in the order of a chat.
type turn struct {
	id uuid.UUID // greater than those of the turns before
	at time.Time // likewise

	order  *order
	slug   string
	before <-chan struct{} // nil if it is the first
	own    chan struct{}
}

// next gives out a place, which the caller must end.
func (o *order) next(slug string, now time.Time) *turn {
	o.mu.Lock()
	defer o.mu.Unlock()
	now = now.UTC().Truncate(time.Microsecond)
	if ahead := o.last.Sub(now); ahead >= 0 && ahead < maxAhead {
		now = o.last.Add(time.Microsecond)
	}
	o.last = now
	t := &turn{id: idAt(now), at: now, order: o, slug: slug, own: make(chan struct{})}
	_, _ = rand.Read(t.id[9:]) // it never fails
	if before, ok := o.tail[slug]; ok {
		t.before = before
	}
	o.tail[slug] = t.own
	return t
}

// wait blocks until the turns before have ended, or ctx ends.
func (t *turn) wait(ctx context.Context) {
	if t.before == nil {
		return
	}
	select {
	case <-t.before:
	case <-ctx.Done():
	}
}

// end lets the next have its turn.
func (t *turn) end() {
	t.order.mu.Lock()
	defer t.order.mu.Unlock()
	close(t.own)
	if t.order.tail[t.slug] == t.own {
		delete(t.order.tail, t.slug)
	}
}

// idAt returns the least UUIDv7 of a microsecond. RFC 9562 5.7, with what is less than
// a millisecond in rand_a (6.2, method 3).
func idAt(at time.Time) uuid.UUID {
	us := max(0, at.UnixMicro())
	ms, part := us/1000, us%1000*4096/1000
	var id uuid.UUID
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[7], id[8] = 0x70|byte(part>>8), byte(part), 0x80
	return id
}
