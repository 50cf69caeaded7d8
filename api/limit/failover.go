package limit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// answerWithin bounds the wait for the first Store: limits are not worth more.
	answerWithin = 250 * time.Millisecond
	// askAgain is how long the first Store is left alone after it has failed.
	askAgain = time.Second
)

// Failover counts in one Store and, while that fails, in another. It never fails
// unless the other does.
type Failover struct {
	first, then Store
	log         *slog.Logger
	now         func() time.Time

	mu     sync.Mutex
	lost   bool      // guarded by mu: the first Store failed when it was last asked
	paused time.Time // guarded by mu: until then it is not asked again
}

// NewFailover returns a Failover that counts in first while it can, and otherwise in
// then. It tells log once when first is lost, and once when it is back.
func NewFailover(first, then Store, log *slog.Logger) *Failover {
	return &Failover{first: first, then: then, log: log, now: time.Now}
}

// Count implements Store.
func (f *Failover) Count(ctx context.Context, key string, r Rate) (State, error) {
	if f.mayAsk() {
		asked, cancel := context.WithTimeout(ctx, answerWithin)
		state, err := f.first.Count(asked, key, r)
		cancel()
		if err == nil {
			f.found(ctx)
			return state, nil
		}
		if ctx.Err() == nil { // else it is the caller who has left
			f.failed(ctx, err)
		}
	}
	return f.then.Count(ctx, key, r)
}

// mayAsk reports whether to ask the first Store. While it is lost, one caller a second
// finds out whether it is back, and the others do not wait.
func (f *Failover) mayAsk() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Before(f.paused) {
		return false
	}
	if f.lost {
		f.paused = now.Add(askAgain)
	}
	return true
}

func (f *Failover) failed(ctx context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused = f.now().Add(askAgain)
	if !f.lost {
		f.lost = true
		f.log.WarnContext(ctx, "limits are counted by this node alone: Redis does not answer", "err", err)
	}
}

func (f *Failover) found(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost {
		f.lost, f.paused = false, time.Time{}
		f.log.InfoContext(ctx, "limits are counted in Redis again")
	}
}
