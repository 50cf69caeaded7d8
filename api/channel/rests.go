package channel

import (
	"context"
	"sync"
	"time"
)

// Rester remembers who did something lately.
type Rester interface {
	// Take notes that key is used now. If it was within the time every, nothing is
	// noted, and wait is how much of that time is left.
	Take(ctx context.Context, key string, every time.Duration) (wait time.Duration, err error)
}

// maxRests bounds what is remembered: some megabytes.
const maxRests = 50_000

// rests is a Rester in memory. When there are too many keys the older ones are
// forgotten: some may then do again what they did a moment ago.
type rests struct {
	now func() time.Time

	mu          sync.Mutex
	swept       time.Time            // guarded by mu
	until       map[string]time.Time // guarded by mu
	untilBefore map[string]time.Time // of before swept; guarded by mu
}

func newRests(now func() time.Time) *rests {
	return &rests{now: now, until: map[string]time.Time{}}
}

// Take implements Rester.
func (r *rests) Take(_ context.Context, key string, every time.Duration) (time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for _, until := range []map[string]time.Time{r.until, r.untilBefore} {
		if wait := until[key].Sub(now); wait > 0 {
			return wait, nil
		}
	}
	if len(r.until) >= maxRests || now.Sub(r.swept) > max(time.Minute, 2*every) {
		r.swept, r.until, r.untilBefore = now, map[string]time.Time{}, r.until
	}
	r.until[key] = now.Add(every)
	return 0, nil
}

// Bounds of what is taken for abuse: more refusals of one household in a minute than
// a child makes that holds the button down.
const (
	abuseWindow = time.Minute
	abuseAfter  = 30
	maxAbused   = 10_000 // households of which refusals are counted
)

// abused counts refusals by household, in this process.
type abused struct {
	now func() time.Time

	mu     sync.Mutex
	began  time.Time      // guarded by mu
	counts map[string]int // since began; guarded by mu
}

func newAbused(now func() time.Time) *abused { return &abused{now: now} }

// refused counts a refusal. It reports true once a minute for a household, when it
// has had too many.
func (a *abused) refused(household string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.now(); now.Sub(a.began) >= abuseWindow || len(a.counts) >= maxAbused {
		a.began, a.counts = now, map[string]int{}
	}
	a.counts[household]++
	return a.counts[household] == abuseAfter+1
}
