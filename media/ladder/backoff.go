package ladder

import "time"

const (
	firstBackoff = 300 * time.Millisecond
	maxBackoff   = 10 * time.Second
	healthyAfter = 30 * time.Second // a run of this length forgets earlier failures
	maxRetry     = 30 * time.Minute
)

// backoff is how long to wait after failures in a row.
type backoff struct {
	first, most time.Duration
	next        time.Duration
}

// after returns the wait after a run that failed after lasting for so long.
func (b *backoff) after(lasted time.Duration) time.Duration {
	if b.next == 0 || lasted >= healthyAfter {
		b.next = b.first
	}
	wait := b.next
	b.next = min(2*b.next, b.most)
	return wait
}

// shedding is which rungs are left out because the machine is too slow. Each that
// has to go again soon after its return stays away twice as long.
type shedding struct {
	after    time.Duration // the shortest stay away
	count    int           // highest rungs left out
	wait     time.Duration
	retryAt  time.Time
	returned time.Time // when one was last let back in
}

// drop leaves out one rung more.
func (s *shedding) drop(now time.Time) {
	if s.wait == 0 || now.Sub(s.returned) > 2*s.wait {
		s.wait = s.after
	} else {
		s.wait = min(2*s.wait, max(maxRetry, s.after))
	}
	s.count++
	s.retryAt = now.Add(s.wait)
}

// due says whether it is time to let one back in.
func (s *shedding) due(now time.Time) bool { return s.count > 0 && !now.Before(s.retryAt) }

// restore lets one back in. The next has to wait as long again.
func (s *shedding) restore(now time.Time) {
	s.count--
	s.returned = now
	s.retryAt = now.Add(s.wait)
}

// lateness notices a lag that lasts.
type lateness struct {
	most  time.Duration // lag that is all right
	after time.Duration // how long more than that is all right
	since time.Time     // when it began to be more; zero if it is not
}

func (l *lateness) observe(now time.Time, lag time.Duration) (overloaded bool) {
	if lag <= l.most {
		l.since = time.Time{}
		return false
	}
	if l.since.IsZero() {
		l.since = now
	}
	return now.Sub(l.since) >= l.after
}
