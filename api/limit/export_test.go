package limit

import "time"

// SetClock gives f another clock.
func SetClock(f *Failover, now func() time.Time) { f.now = now }
