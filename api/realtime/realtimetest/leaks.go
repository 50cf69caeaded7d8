package realtimetest

import "go.uber.org/goleak"

// Endless are the goroutines of libraries that last as long as the process, or a second
// longer than their node: not to be taken for leaks by goleak.
func Endless() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/FZambia/eagle.(*Eagle).aggregate"),
		goleak.IgnoreAnyFunction("github.com/maypok86/otter/internal/unixtime.startTimer.func1"),
		goleak.IgnoreAnyFunction("github.com/maypok86/otter/internal/core.(*Cache[...]).cleanup"),
		goleak.IgnoreAnyFunction("github.com/maypok86/otter/internal/core.(*Cache[...]).process"),
		goleak.IgnoreAnyFunction("github.com/centrifugal/centrifuge/internal/dissolve.(*Dissolver).runWorker"),
	}
}
