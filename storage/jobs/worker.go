package jobs

import (
	"time"

	"github.com/riverqueue/river"
)

// Worker does the jobs of one kind. Work makes one.
type Worker struct {
	kind string
	add  func(*river.Workers) error
}

// Work returns a Worker for the jobs whose arguments are a T. The kind that T names
// is its own: no two workers of a program share one. It has two characters or more,
// and stays as it is: jobs in the database are found by it.
//
// w must end soon after its context does, and its Timeout must not be negative: a
// job without a limit that dies with its program is never taken up again. What w
// returns as an error is logged and kept beside the job: it must name nobody.
func Work[T river.JobArgs](w river.Worker[T]) Worker {
	var args T
	return Worker{
		kind: args.Kind(),
		add:  func(all *river.Workers) error { return river.AddWorkerSafely(all, w) },
	}
}

// Every returns a periodic job that runs when the first node starts and then once in
// interval, on one node. A restart within the interval does not run it again, as
// long as that is not more than a day.
func Every(interval time.Duration, args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(
		river.PeriodicInterval(interval),
		func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: interval}}
		},
		&river.PeriodicJobOpts{RunOnStart: true},
	)
}
